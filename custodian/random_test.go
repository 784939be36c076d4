package custodian

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var many = flag.Int("scenarios", 240, "how many random scenarios to cross-check")

// randomScenario draws a script: messages in both directions, held, late and lost, and grants of
// random sets of atoms that were never shipped as a mode.
func randomScenario(n uint64) *Scenario {
	g := rand.New(rand.NewPCG(n, 17))
	sc := &Scenario{
		Protocol: 3 + g.IntN(2), Seed: n, NoOneTimePreKey: g.IntN(3) == 0,
		Principals: []Principal{
			{ID: "p", Role: Provider, Quantum: true}, {ID: "q", Role: Provider}, {ID: "x", Role: Outsider, Sees: []string{"all", "none"}[g.IntN(2)]},
		},
	}
	if g.IntN(4) == 0 {
		sc.Initiator = Business
	}
	if g.IntN(6) == 0 {
		sc.Principals[2].SameAs = "q"
	}
	if h := rand.New(rand.NewPCG(n, 18)); n >= oldScenarios { // of its own, so that scenarios of before stay what they were
		for i := range sc.Principals {
			randomView(h, &sc.Principals[i])
		}
		if sc.Protocol == 4 && h.IntN(3) == 0 {
			sc.Keyless = KeylessRefused
		}
	}
	ends := []string{Customer, Business}
	sent, held := 0, []int{}
	var names []string
	for range 6 + g.IntN(10) {
		switch k := g.IntN(20); {
		case k < 11:
			s := &Send{From: ends[g.IntN(2)], Count: 1 + g.IntN(3), Hold: g.IntN(4) == 0}
			for range s.Count {
				if s.Hold {
					held = append(held, sent)
				}
				sent++
			}
			sc.Script = append(sc.Script, Step{Send: s})
		case k < 13 && len(held) > 0:
			g.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
			cut := 1 + g.IntN(len(held))
			some := append([]int(nil), held[:cut]...)
			held = held[cut:]
			if g.IntN(4) == 0 {
				sc.Script = append(sc.Script, Step{Drop: some})
			} else {
				sc.Script = append(sc.Script, Step{Deliver: some})
			}
		case k < 17:
			name := fmt.Sprintf("g%d", len(names)+len(sc.Script))
			names = append(names, name)
			if g.IntN(8) == 0 {
				sc.Script = append(sc.Script, Step{Grant: &Grant{Name: name, To: "p", From: ends[g.IntN(2)], Via: "quota", Count: 1 + g.IntN(3)}})
				continue
			}
			sc.Script = append(sc.Script, Step{Grant: &Grant{
				Name: name, To: []string{"p", "q", "x"}[g.IntN(3)], From: ends[min(1, g.IntN(3))],
				Atoms: randomAtoms(g), Via: []string{"copy", "copy", "stream"}[g.IntN(3)],
			}})
		case k < 18 && len(names) > 0:
			sc.Script = append(sc.Script, Step{Revoke: names[0]})
			names = names[1:]
			if g.IntN(2) == 0 {
				sc.Script = append(sc.Script, Step{Barrier: true})
			}
		case k < 19 && g.IntN(2) == 0:
			name := fmt.Sprintf("o%d", len(sc.Script))
			names = append(names, name)
			sc.Script = append(sc.Script, Step{Grant: &Grant{Name: name, To: "q", From: ends[g.IntN(2)], Via: "oracle"}})
		case k < 19:
			sc.Script = append(sc.Script, Step{Rotate: []string{"session", "prekeys", "identity"}[g.IntN(3)]})
		default:
			to := g.IntN(2)
			sc.Script = append(sc.Script, Step{Inject: &Inject{By: []string{"p", "q", "x"}[g.IntN(3)], As: ends[1-to], To: ends[to], Text: "not by me"}})
		}
	}
	return sc
}

// oldScenarios are those with numbers below: of providers that see everything, and receivers like
// the official client.
const oldScenarios = 100_000

// randomView lets a principal see all ciphertexts, none, or a part of them.
func randomView(g *rand.Rand, p *Principal) {
	switch g.IntN(5) {
	case 0:
		p.Sees, p.Part = "none", nil
	case 1, 2:
		p.Sees, p.Part = "", &Part{}
		k := g.IntN(7)
		if k&1 == 0 {
			p.Part.Percent = 1 + g.IntN(99)
		}
		if k > 3 {
			p.Part.From = []string{Customer, Business}[g.IntN(2)]
		}
		if k == 1 || k == 5 {
			p.Part.Messages = []int{}
			for i := range 30 {
				if g.IntN(2) == 0 {
					p.Part.Messages = append(p.Part.Messages, i)
				}
			}
		}
		if k == 3 || k == 2 {
			p.Part.Except = []int{g.IntN(4), 5 + g.IntN(10)}
		}
	}
}

func randomAtoms(g *rand.Rand) (list []string) {
	for _, name := range []string{"session-ec", "session-pq", "session", "prekeys", "everything"} {
		if g.IntN(5) == 0 {
			list = append(list, name)
		}
	}
	for _, name := range Atoms() {
		if g.IntN(5) == 0 {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		list = []string{"root"}
	}
	return list
}

// TestModelAgainstAdversary is the heart of the matter: for grants that nobody thought of, the rule
// book derives exactly what the adversary opens and forges.
func TestModelAgainstAdversary(t *testing.T) {
	read, forged, refused := 0, 0, 0
	// Scenarios that once found a hole, in the rule book or in the adversary.
	list := []uint64{134, 264, 404, 586, 2545, 4613, 22407}
	for n := range uint64(*many) / 2 {
		list = append(list, n, oldScenarios+n)
	}
	for _, n := range list {
		sc := randomScenario(n)
		require.NoError(t, sc.Check())
		r, err := play(context.Background(), sc, nil)
		require.NoError(t, err, "scenario %d", n)
		rep, err := r.report("", "")
		require.NoError(t, err)
		requireAgreement(t, rep, "scenario %d", n)
		for _, m := range rep.Messages {
			read += len(m.ReadableBy)
			forged += len(m.ForgeableBy)
			refused += 3 - len(m.ForgeableBy)
		}
	}
	t.Logf("%d readings, %d forgeries accepted, %d not", read, forged, refused)
	require.Greater(t, read, *many)
	require.Greater(t, forged, *many)
	require.Greater(t, refused, *many)
}

// requireAgreement fails if the rule book and the adversary do not agree about anything.
func requireAgreement(t *testing.T, r *Report, format string, args ...any) {
	t.Helper()
	for _, l := range r.Limits {
		require.NotContains(t, l, "do not agree", fmt.Sprintf(format, args...))
	}
}
