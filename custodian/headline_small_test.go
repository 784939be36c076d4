package custodian

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	headlineStride = flag.Int("headline.stride", 199, "one in how many of the small scenarios has its headline checked; 1: all")
	headlineRandom = flag.Uint64("headline.random", 120, "how many random scenarios have their headlines checked")
)

// TestHeadlineRandom: over random scenarios the headline's numbers are those of the messages, and
// it is "private" if and only if nobody reads, nobody writes and nothing is open.
func TestHeadlineRandom(t *testing.T) {
	states := make(map[string]int)
	for n := range *headlineRandom {
		for _, sc := range []*Scenario{randomScenario(n), randomCustody(n).Scenario, mildScenario(n)} {
			r := evaluate(t, sc)
			requireHeadline(t, r, sc, fmt.Sprintf("scenario %d", n))
			states[r.Headline.State]++
			if h := r.Headline.Now; h != nil {
				states["now "+h.State]++
			}
			if !r.Notice.Shown {
				states["notice "+r.Notice.State]++
			}
		}
	}
	t.Log(states)
	for _, s := range []string{"read", "written", "handed-on", "recorded", "private", "now reads", "now writes", "now untested", "now nobody", "notice managed"} {
		require.NotZero(t, states[s], "no scenario is %q", s)
	}
}

// mildScenario is a random scenario with grants of texts, and of half sessions, alone.
func mildScenario(n uint64) *Scenario {
	sc := randomScenario(n + 1<<20)
	if n%3 != 0 {
		sc.Principals[0].Quantum = false
	}
	mild := [][]string{{"plaintext"}, {"pq-auth"}, {"pq-root", "plaintext"}, {"ratchet-private"}}
	var script []Step
	for i, s := range sc.Script {
		switch {
		case s.Inject != nil || s.Grant != nil && s.Grant.Via == "quota":
			continue
		case s.Grant != nil:
			g := *s.Grant
			if g.Via == "oracle" {
				g.Via = "copy"
			}
			g.Atoms = mild[(n+uint64(i))%uint64(len(mild))]
			s.Grant = &g
		case s.Revoke != "":
			known := false
			for _, before := range script {
				known = known || before.Grant != nil && before.Grant.Name == s.Revoke
			}
			if !known {
				continue
			}
		}
		script = append(script, s)
	}
	sc.Script = script
	return sc
}

// TestHeadlineSmall: of all grants of up to two atoms, by every way, at every instant, in every
// conversation of up to six messages, in both protocols, the headline says "nobody" of no reader,
// no forger and nothing unknown.
func TestHeadlineSmall(t *testing.T) {
	total, played := 0, 0
	states := make(map[string]int)
	each, stride := smallScenarios(), *headlineStride
	if testing.Short() && stride > 1 {
		stride *= 7
	}
	each(func(make func() *Scenario, name func() string) {
		if total++; (total-1)%stride != 0 {
			return
		}
		played++
		sc := make()
		r := evaluate(t, sc)
		requireHeadline(t, r, sc, name())
		states[r.Headline.State]++
	})
	t.Logf("%d of %d scenarios: %v", played, total, states)
	require.Greater(t, total, 400_000)
	for _, s := range []string{"nothing", "read", "written", "handed-on", "private"} {
		require.NotZero(t, states[s], "no scenario is %q", s)
	}
}

// smallScenarios enumerates them. Who writes the first message begins the session; a grant by the
// customer is one by the business in the conversation whose ends are exchanged.
func smallScenarios() func(yield func(make func() *Scenario, name func() string)) {
	atoms := Atoms()
	var sets [][]string
	for i, a := range atoms {
		sets = append(sets, []string{a})
		for _, b := range atoms[i+1:] {
			sets = append(sets, []string{a, b})
		}
	}
	var grants []Grant
	for _, via := range []string{"copy", "stream"} {
		for _, set := range sets {
			grants = append(grants, Grant{Name: "g", To: "p", Via: via, Atoms: set})
		}
	}
	grants = append(grants, Grant{Name: "g", To: "p", Via: "oracle"},
		Grant{Name: "g", To: "p", Via: "quota", Count: 1}, Grant{Name: "g", To: "p", Via: "quota", Count: 2})
	return func(yield func(func() *Scenario, func() string)) {
		for length := range 7 {
			for who := range 1 << length {
				for instant := range length + 1 {
					for _, g := range grants {
						for _, protocol := range []int{3, 4} {
							yield(func() *Scenario { return smallScenario(protocol, length, who, instant, g) }, func() string {
								return fmt.Sprintf("version %d, %d messages by %b, %s of %v before message %d", protocol, length, who, g.Via, g.Atoms, instant)
							})
						}
					}
				}
			}
		}
	}
}

// smallScenario is a conversation whose message i is by the business if bit i of who is set.
func smallScenario(protocol, length, who, instant int, g Grant) *Scenario {
	ends := []string{Customer, Business}
	sc := &Scenario{Protocol: protocol, Seed: 3, Initiator: ends[who&1], Principals: []Principal{{ID: "p", Role: Provider}, {ID: "o", Role: Operator}}}
	for i := range length + 1 {
		if i == instant {
			sc.Script = append(sc.Script, Step{Grant: &g})
		}
		if i < length {
			sc.Script = append(sc.Script, Step{Send: &Send{From: ends[who>>i&1], Count: 1}})
		}
	}
	return sc
}
