package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// A scenario is the script of a lab bundle.
type scenario struct {
	Format        string     `json:"format"`
	Protocol      int        `json:"protocol"`
	Seed          uint64     `json:"seed"`
	Initiator     string     `json:"initiator,omitempty"`
	OneTimePreKey *bool      `json:"oneTimePreKey,omitempty"`
	Keyless       string     `json:"keyless,omitempty"`
	Principals    []scripted `json:"principals"`
	Script        []step     `json:"script"`
}

// A scripted principal is one of the script.
type scripted struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Quantum bool   `json:"quantum,omitempty"`
	Sees    *sight `json:"sees,omitempty"`
	SameAs  string `json:"same_as,omitempty"`
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
	if sc.Format != "custody-scenario-v1" || sc.Keyless != "" && sc.Keyless != "refused" {
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
	for i := range sc.Principals {
		if !v.same(sc.Seed, i, &sc.Principals[i]) {
			return refuse("the principals are not those of the scenario")
		}
	}
	return v.compareScript(&sc)
}

// compareScript goes through the script: who sends, what is held back, grants and their ends,
// injections.
func (v *verifier) compareScript(sc *scenario) error {
	var grants []grant
	var injections []injection
	held := make(map[int]bool)
	sent := 0
	for n, s := range sc.Script {
		if s.Send != "" {
			for range max(s.Count, 1) {
				if sent >= len(v.messages) || v.messages[sent].From != s.Send {
					return refuse("message %d is not of the scenario", sent)
				}
				held[sent] = string(s.Deliver) == "false"
				sent++
			}
		} else if s.Deliver != nil {
			var list []int
			_ = json.Unmarshal(s.Deliver, &list) // it was looked at
			for _, m := range list {
				held[m] = false
			}
		}
		if s.Grant != nil {
			grants = append(grants, s.Grant.meant(sent))
		}
		for i := range grants {
			if s.Revoke != nil && s.Revoke.Name == grants[i].Name {
				grants[i].Until, grants[i].Ended = sent, 0
			}
		}
		if s.Inject != nil {
			injections = append(injections, injection{n, s.Inject.By})
		}
	}
	for n, m := range v.messages {
		if m.Delivered && held[n] {
			return refuse("message %d is held back in the scenario", n)
		}
	}
	var probed []injection
	for _, p := range v.probes {
		if p.Injection != nil && !sc.tells(p.Injection) {
			probed = append(probed, *p.Injection)
		}
	}
	if sent != len(v.messages) || len(grants) != len(v.text.Grants) || !slices.Equal(injections, probed) {
		return refuse("the messages, grants or injections are not those of the scenario")
	}
	for i := range grants {
		if !grants[i].is(&v.text.Grants[i], sent) {
			return refuse("grant %q is not that of the scenario", grants[i].Name)
		}
	}
	return nil
}

// tells reports whether an injection is a principal's statement.
func (sc *scenario) tells(in *injection) bool {
	return in.Step < len(sc.Script) && sc.Script[in.Step].Notice != nil && sc.Script[in.Step].Notice.Statement.By == in.By
}

// meant is the grant as a transcript has it, but for the events.
func (g *granted) meant(since int) grant {
	x := grant{Name: g.Name, To: g.To, From: cmp.Or(g.From, ends[1]), Via: g.Via, Count: g.Count, Since: since, Ended: -1}
	if g.Via != "copy" && g.Via != "stream" {
		return x
	}
	set := make(map[string]bool)
	var add func(name string)
	add = func(name string) {
		set[name] = true
		for _, member := range groups[name] {
			add(member)
		}
	}
	for _, a := range g.Atoms {
		add(a)
	}
	for _, s := range secrets {
		if set[s.name] {
			x.Atoms = append(x.Atoms, s.name)
		}
	}
	return x
}

// groups are the names of a script that stand for several atoms.
var groups = map[string][]string{
	"session-ec": {"root", "ratchet-private", "sending-chain", "receiving-chains", "skipped"},
	"session-pq": {"pq-root", "pq-sending-chain", "pq-receiving-chain", "pq-skipped", "pq-auth", "pq-decapsulation", "pq-encapsulation", "pq-negotiation"},
	"session":    {"session-ec", "session-pq"},
	"prekeys":    {"signed-prekey", "one-time-prekeys", "kyber-prekey"},
	"everything": {"identity", "prekeys", "session", "archived"},
}

// is compares a grant of the script with one of the transcript; so many messages were sent in all.
func (g *grant) is(have *grant, sent int) bool {
	if g.Ended < 0 {
		g.Until = sent
	}
	return (g.Ended < 0) == (have.Ended < 0) && g.Name == have.Name && g.To == have.To && g.From == have.From && g.Via == have.Via &&
		slices.Equal(g.Atoms, have.Atoms) && g.Count == have.Count && g.Since == have.Since && g.Until == have.Until
}
