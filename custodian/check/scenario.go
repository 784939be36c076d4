package check

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// A scenario is the script of a lab bundle.
type scenario struct {
	Format        string      `json:"format"`
	Protocol      int         `json:"protocol"`
	Seed          uint64      `json:"seed"`
	Initiator     string      `json:"initiator,omitempty"`
	OneTimePreKey *bool       `json:"oneTimePreKey,omitempty"`
	Principals    []principal `json:"principals"`
	Script        []step      `json:"script"`
}

// A step has the fields of one kind of step; which these may be together is not looked at here.
type step struct {
	Send    string          `json:"send,omitempty"`
	Text    string          `json:"text,omitempty"`
	Count   int             `json:"count,omitempty"`
	Deliver json.RawMessage `json:"deliver,omitempty"`
	Drop    *[]int          `json:"drop,omitempty"`
	Grant   *granted        `json:"grant,omitempty"`
	Revoke  *struct {
		Name string `json:"name"`
	} `json:"revoke,omitempty"`
	Rotate  string `json:"rotate,omitempty"`
	Barrier bool   `json:"barrier,omitempty"`
	Block   string `json:"block,omitempty"`
	Inject  *struct {
		By   string `json:"by"`
		As   string `json:"as"`
		To   string `json:"to"`
		Text string `json:"text"`
	} `json:"inject,omitempty"`
	Notice *struct {
		Statement mandates `json:"statement"`
	} `json:"notice,omitempty"`
}

type granted struct {
	Name  string   `json:"name"`
	To    string   `json:"to"`
	From  string   `json:"from,omitempty"`
	Atoms []string `json:"atoms,omitempty"`
	Via   string   `json:"via"`
	Count int      `json:"count,omitempty"`
}

// mandates are a statement of the script.
type mandates struct {
	By      string `json:"by,omitempty"`
	Profile string `json:"profile,omitempty"`
	Grants  []struct {
		To        string   `json:"to"`
		Atoms     []string `json:"atoms,omitempty"`
		Via       string   `json:"via"`
		Count     int      `json:"count,omitempty"`
		Direction string   `json:"direction,omitempty"`
	} `json:"grants,omitempty"`
	Storage    string    `json:"storage,omitempty"`
	Actor      string    `json:"actor,omitempty"`
	Label      string    `json:"label,omitempty"`
	Minutes    int       `json:"minutes,omitempty"`
	Words      *sentence `json:"words,omitempty"`
	Withhold   bool      `json:"withhold,omitempty"`
	Replay     int       `json:"replay,omitempty"`
	Equivocate bool      `json:"equivocate,omitempty"`
}

// compareScenario holds the principals, messages and grants of a transcript against its scenario.
func (v *verifier) compareScenario(b []byte) error {
	var sc scenario
	if err := strict(b, &sc); err != nil {
		return fmt.Errorf("%w: scenario.json", err)
	}
	if sc.Format != "custody-scenario-v1" {
		return refuse("scenario.json: unknown format")
	}
	for _, s := range sc.Script {
		if d := s.Deliver; d != nil && string(d) != "false" && json.Unmarshal(d, new([]int)) != nil {
			return refuse("scenario.json: a delivery of nothing")
		}
	}
	if len(sc.Principals) != len(v.text.Principals) {
		return refuse("the principals are not those of the scenario")
	}
	for i, p := range sc.Principals {
		if p != v.text.Principals[i] {
			return refuse("the principals are not those of the scenario")
		}
	}
	sent := 0
	var grants []grant
	for _, s := range sc.Script {
		if s.Send != "" {
			for range max(s.Count, 1) {
				if sent >= len(v.messages) || v.messages[sent].From != s.Send {
					return refuse("message %d is not of the scenario", sent)
				}
				sent++
			}
		}
		if s.Grant != nil {
			grants = append(grants, grant{
				Name: s.Grant.Name, To: s.Grant.To, From: cmp.Or(s.Grant.From, ends[1]), Via: s.Grant.Via, Count: s.Grant.Count, Since: sent, Ended: -1,
			})
		}
		for i := range grants {
			if s.Revoke != nil && s.Revoke.Name == grants[i].Name {
				grants[i].Until, grants[i].Ended = sent, 0
			}
		}
	}
	if sent != len(v.messages) || len(grants) != len(v.text.Grants) {
		return refuse("the messages or grants are not those of the scenario")
	}
	for i, g := range grants {
		have := v.text.Grants[i]
		if g.Ended < 0 {
			g.Until = sent
		}
		if (g.Ended < 0) != (have.Ended < 0) {
			return refuse("grant %q is not that of the scenario", g.Name)
		}
		if g.At, g.Ended = have.At, have.Ended; g != have {
			return refuse("grant %q is not that of the scenario", g.Name)
		}
	}
	return nil
}
