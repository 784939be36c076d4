package custodian

import (
	"bytes"
	"context"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var advised = flag.Int("advised", 12, "how many random scenarios to ask advice for")

// lostIn lists the guarantees about messages and forgeries that a report has lost, each once.
func lostIn(r *Report, ids ...string) (list []Wish) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if w := (Wish{Guarantee: v.ID()}); v.Result() != Held && slices.Contains(ids, v.ID()) && !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

func restored(t *testing.T, sc *Scenario, wishes []Wish) bool {
	t.Helper()
	require.NoError(t, sc.Check())
	r := evaluate(t, sc)
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Result() != Held && slices.ContainsFunc(wishes, func(w Wish) bool { return w.is(v) }) {
			return false
		}
	}
	return true
}

// requireAdvice plays what was advised afresh: the wishes are held, without any one of the secrets
// less they are not, nor with any smaller set of them, and if it is said to be smallest no smaller
// one of any secrets does.
func requireAdvice(t *testing.T, sc *Scenario, wishes []Wish, where string) *Advice {
	t.Helper()
	a, err := Advise(context.Background(), sc, wishes, nil)
	require.NoError(t, err, where)
	b, err := a.Scenario.MarshalJSON()
	require.NoError(t, err)
	require.True(t, restored(t, parse(t, b), wishes), where)
	for i := range a.Withhold {
		less := slices.Delete(slices.Clone(a.Withhold), i, i+1)
		require.False(t, restored(t, sc.Without(less), wishes), "%s: %v without %v", where, a.Withhold, a.Withhold[i])
	}
	if n := len(a.Withhold); n > 0 && n <= 4 { // every strict subset
		for m := range 1<<n - 1 {
			var some []Withheld
			for i := range n {
				if m>>i&1 == 1 {
					some = append(some, a.Withhold[i])
				}
			}
			require.False(t, restored(t, sc.Without(some), wishes), "%s: %v of %v", where, some, a.Withhold)
		}
	}
	if units := sc.granted(); a.Exact && len(a.Withhold) == 2 && len(units) <= 30 {
		for _, u := range units {
			require.False(t, restored(t, sc.Without([]Withheld{u}), wishes), "%s: %v does alone", where, u)
		}
	}
	require.LessOrEqual(t, a.Bound, len(a.Withhold))
	return a
}

// TestAdviceShipped: for every shipped scenario, what was lost comes back.
func TestAdviceShipped(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.json"))
	require.NoError(t, err)
	for _, f := range files {
		sc := parse(t, read(t, filepath.Base(f)))
		wishes := lostIn(evaluate(t, sc), "G1", "G2", "G3", "G4", "G5", "G6", "G7")
		if len(wishes) == 0 {
			continue
		}
		a := requireAdvice(t, sc, wishes, f)
		require.NotEmpty(t, a.Withhold)
		for _, lang := range []string{"en", "fr"} {
			var out bytes.Buffer
			require.NoError(t, a.WriteText(&out, lang))
			for _, l := range strings.Split(out.String(), "\n") {
				require.LessOrEqual(t, len([]rune(l)), 80)
			}
		}
	}
}

// TestAdviceRandom: for random scenarios and random wishes, too.
func TestAdviceRandom(t *testing.T) {
	given, none := 0, 0
	for n := range uint64(*advised) {
		sc := randomScenario(n)
		g := rand.New(rand.NewPCG(n, 99))
		wishes := lostIn(evaluate(t, sc), "G1", "G2", "G3", "G4", "G6", "G7")
		g.Shuffle(len(wishes), func(i, j int) { wishes[i], wishes[j] = wishes[j], wishes[i] })
		if len(wishes) == 0 {
			none++
			continue
		}
		requireAdvice(t, sc, wishes[:1+g.IntN(len(wishes))], sc.name())
		given++
	}
	t.Logf("%d times advice, %d nothing was lost", given, none)
	require.Greater(t, given, *advised/2)
}

func (sc *Scenario) name() string {
	b, _ := sc.MarshalJSON()
	return string(b)
}

// TestAdviceErrors: what cannot be had, and what is no question.
func TestAdviceErrors(t *testing.T) {
	ctx := context.Background()
	sc := pingPong(3, 6, 2, "copy", "session")
	var lost *UnattainableError
	_, err := Advise(ctx, sc, []Wish{{Guarantee: "G12"}}, nil)
	require.ErrorAs(t, err, &lost, "a quantum computer needs no grant")
	require.Equal(t, "G12", lost.Guarantee)
	var bad *QuestionError
	for _, w := range [][]Wish{nil, {{Guarantee: "G99"}}, {{"G2", "nobody"}}} {
		_, err = Advise(ctx, sc, w, nil)
		require.ErrorAs(t, err, &bad)
	}
	var malformed *ScenarioError
	_, err = Advise(ctx, &Scenario{}, []Wish{{Guarantee: "G2"}}, nil)
	require.ErrorAs(t, err, &malformed)
	a, err := Advise(ctx, sc, []Wish{{Guarantee: "G1"}}, nil)
	require.NoError(t, err)
	require.Empty(t, a.Withhold)
}

// TestAdviceForOne: a wish may be about one principal.
func TestAdviceForOne(t *testing.T) {
	sc := pingPong(4, 6, 2, "copy", "session")
	sc.Principals = append(sc.Principals, Principal{ID: "q", Role: Provider})
	sc.Script = append(sc.Script, Step{Grant: &Grant{Name: "h", To: "q", Atoms: []string{"plaintext"}, Via: "copy"}})
	a := requireAdviceFor(t, sc, Wish{"G1", "q"})
	require.Equal(t, []Withheld{{"h", "plaintext"}}, a.Withhold)
	require.True(t, a.Exact)
}

func requireAdviceFor(t *testing.T, sc *Scenario, w Wish) *Advice {
	a, err := Advise(context.Background(), sc, []Wish{w}, nil)
	require.NoError(t, err)
	require.Equal(t, Held, a.Report.Find(w.Guarantee, w.Principal).Result())
	return a
}

// TestHit: exact sets are smallest, by trial of all; greedy ones meet every set, within the bound.
func TestHit(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var sets [][]int
		for range 1 + g.IntN(8) {
			var s []int
			for x := range 10 {
				if g.IntN(3) == 0 {
					s = append(s, x)
				}
			}
			if len(s) > 0 {
				sets = append(sets, s)
			}
		}
		meets := func(m int) bool {
			return !slices.ContainsFunc(sets, func(s []int) bool {
				return !slices.ContainsFunc(s, func(x int) bool { return m>>x&1 == 1 })
			})
		}
		best, bits := 99, func(m int) (n int) {
			for ; m != 0; m &= m - 1 {
				n++
			}
			return n
		}
		for m := range 1 << 10 {
			if meets(m) {
				best = min(best, bits(m))
			}
		}
		list, exact := hit(sets)
		require.True(t, exact)
		require.Len(t, list, best)
		m, most := 0, make(map[int]int)
		for _, x := range list {
			m |= 1 << x
		}
		require.True(t, meets(m))
		bound, n := 0.0, 0
		for _, s := range sets {
			for _, x := range s {
				most[x]++
				n = max(n, most[x])
			}
		}
		for i := 1; i <= n; i++ {
			bound += 1 / float64(i)
		}
		require.LessOrEqual(t, float64(len(hitGreedy(sets))), bound*float64(best)+1e-9)
		require.LessOrEqual(t, disjoint(sets), best)
	}
	var wide [][]int
	for i := range 70 {
		wide = append(wide, []int{i, i + 100})
	}
	list, exact := hit(wide)
	require.False(t, exact)
	require.Len(t, list, 70)
}
