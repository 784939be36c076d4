package custodian

import "encoding/json"

// MarshalJSON writes the scenario in its fixed format, for ParseScenario to read.
func (sc *Scenario) MarshalJSON() ([]byte, error) {
	type principal struct {
		ID      string `json:"id"`
		Role    Role   `json:"role"`
		Quantum bool   `json:"quantum,omitempty"`
		Sees    any    `json:"sees,omitempty"`
		SameAs  string `json:"same_as,omitempty"`
	}
	out := struct {
		Format        string      `json:"format"`
		Protocol      int         `json:"protocol"`
		Seed          uint64      `json:"seed"`
		Initiator     string      `json:"initiator,omitempty"`
		OneTimePreKey *bool       `json:"oneTimePreKey,omitempty"`
		Keyless       string      `json:"keyless,omitempty"`
		Principals    []principal `json:"principals"`
		Script        []any       `json:"script"`
	}{Format: scenarioFormat, Protocol: sc.Protocol, Seed: sc.Seed, Script: []any{}, Principals: []principal{}}
	if sc.Initiator != Customer { // a default is left out
		out.Initiator = sc.Initiator
	}
	if sc.Keyless != KeylessAccepted {
		out.Keyless = sc.Keyless
	}
	if sc.NoOneTimePreKey {
		out.OneTimePreKey = new(bool)
	}
	for _, p := range sc.Principals {
		x := principal{ID: p.ID, Role: p.Role, Quantum: p.Quantum, SameAs: p.SameAs}
		if p.Part != nil {
			x.Sees = p.Part
		} else if p.Sees != "" {
			x.Sees = p.Sees
		}
		out.Principals = append(out.Principals, x)
	}
	for i := range sc.Script {
		out.Script = append(out.Script, sc.Script[i].format())
	}
	return json.Marshal(out)
}

// format returns the step as what encodes to its fixed form.
func (s *Step) format() any {
	switch {
	case s.Send != nil:
		return struct {
			Send    string `json:"send"`
			Text    string `json:"text,omitempty"`
			Count   int    `json:"count,omitempty"`
			Deliver *bool  `json:"deliver,omitempty"`
		}{s.Send.From, s.Send.Text, s.Send.many(), map[bool]*bool{true: new(bool)}[s.Send.Hold]}
	case s.Deliver != nil:
		return map[string]any{"deliver": s.Deliver}
	case s.Drop != nil:
		return map[string]any{"drop": s.Drop}
	case s.Grant != nil:
		type grant struct {
			Name  string   `json:"name"`
			To    string   `json:"to"`
			From  string   `json:"from,omitempty"`
			Atoms []string `json:"atoms,omitempty"`
			Via   string   `json:"via"`
			Count int      `json:"count,omitempty"`
		}
		g := grant(*s.Grant)
		if g.From == Business {
			g.From = ""
		}
		return map[string]any{"grant": g}
	case s.Revoke != "":
		return map[string]any{"revoke": map[string]string{"name": s.Revoke}}
	case s.Rotate != "":
		return map[string]any{"rotate": s.Rotate}
	case s.Barrier:
		return map[string]any{"barrier": true}
	case s.Block != "":
		return map[string]any{"block": s.Block}
	case s.Inject != nil:
		type inject struct {
			By   string `json:"by"`
			As   string `json:"as"`
			To   string `json:"to"`
			Text string `json:"text"`
		}
		return map[string]any{"inject": inject(*s.Inject)}
	}
	return map[string]any{"notice": s.Notice.format()}
}

// many is the count where it is not 1, which is left out.
func (s *Send) many() int {
	if s.Count == 1 {
		return 0
	}
	return s.Count
}
