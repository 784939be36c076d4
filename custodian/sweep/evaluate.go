package sweep

import (
	"context"
	"fmt"
	"slices"

	"signet.example/signet/custodian"
)

// delegate is the principal to whom everything is handed over. It keeps what it sees until it has a
// quantum computer.
const delegate = "delegate"

func (g *Grant) step(name string) custodian.Step {
	return custodian.Step{Grant: &custodian.Grant{Name: name, To: delegate, Atoms: g.Atoms, Via: g.Via, Count: g.Count}}
}

// An author writes the scenario of a repetition.
type author struct {
	*cell
	sc      *custodian.Scenario
	arrives []bool
	grants  []string // names that can be revoked
	copies  int
}

// scenario writes the scenario of repetition n, and which messages arrive.
func (c *cell) scenario(n int) (sc *custodian.Scenario, arrives []bool) {
	a := &author{cell: c, sc: &custodian.Scenario{
		Protocol: max(c.grid.Protocol, 3), Seed: mix(c.key) + uint64(n),
		Principals: []custodian.Principal{{ID: delegate, Role: custodian.Provider, Quantum: true}},
	}}
	if c.grid.Protocol == 0 {
		a.sc.Protocol = 4
	}
	instant, t := c.instant(n), c.talk(n)
	for i := range instant + c.grid.After {
		if i == warm {
			a.hand(true)
		}
		if i >= instant {
			a.at(i - instant)
		}
		a.send(t.next(i >= instant))
	}
	return a.sc, a.arrives
}

// at writes what happens so many messages after the instant.
func (a *author) at(after int) {
	switch {
	case after == 0:
		a.hand(false)
	case a.revocation.After == after:
		a.revoke()
	case a.delegation.Every > 0 && after < a.until() && after%a.delegation.Every == 0:
		a.hand(false)
	}
}

// hand hands over what the delegation hands over now.
func (a *author) hand(early bool) {
	for i := range a.delegation.Grants {
		if g := &a.delegation.Grants[i]; g.Early == early {
			name := fmt.Sprintf("g%d-%d", i, a.copies)
			a.grants = append(a.grants, name)
			a.sc.Script = append(a.sc.Script, g.step(name))
		}
	}
	a.copies++
}

func (a *author) revoke() {
	for _, name := range a.grants {
		a.sc.Script = append(a.sc.Script, custodian.Step{Revoke: name})
	}
	if a.revocation.Rotate != "" {
		a.sc.Script = append(a.sc.Script, custodian.Step{Rotate: a.revocation.Rotate})
	}
	if a.revocation.Barrier {
		a.sc.Script = append(a.sc.Script, custodian.Step{Barrier: true})
	}
}

func (a *author) send(from side, arrives bool) {
	name := custodian.Customer
	if from == business {
		name = custodian.Business
	}
	a.sc.Script = append(a.sc.Script, custodian.Step{Send: &custodian.Send{From: name, Hold: !arrives}})
	if !arrives {
		a.sc.Script = append(a.sc.Script, custodian.Step{Drop: []int{len(a.arrives)}})
	}
	a.arrives = append(a.arrives, arrives)
}

// evaluate plays repetition n with real devices.
func (c *cell) evaluate(ctx context.Context, n int) (sample, error) {
	sc, arrives := c.scenario(n)
	r, err := custodian.Evaluate(ctx, sc, nil)
	if err != nil {
		return sample{}, fmt.Errorf("sweep: grid %s, repetition %d: %w", c.grid.Name, n, err)
	}
	messages := readings(r)
	s := c.gather(messages, c.instant(n))
	for i := range messages {
		if arrives[i] && !messages[i].arrived {
			s.refused++
		}
	}
	for _, id := range []string{"G1", "G2", "G3", "G5", "G6", "G7", "G12"} {
		// Without a message to speak of, a verdict is unknown and nothing is wrong.
		if v := r.Find(id, delegate); v != nil && v.Result() == custodian.Unknown && v.Of() > 0 {
			s.unknown++
		}
	}
	return s, nil
}

// readings reads a report.
func readings(r *custodian.Report) []reading {
	list := make([]reading, len(r.Messages))
	for i := range r.Messages {
		m := &r.Messages[i]
		list[i] = reading{
			arrived: m.Delivered, classical: slices.Contains(m.ReadableBy, delegate),
			quantum: slices.Contains(m.QuantumReadable, delegate), forgeable: slices.Contains(m.ForgeableBy, delegate),
		}
		if m.From == custodian.Business {
			list[i].from = business
		}
	}
	return list
}
