package custodian

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"signet.example/signet/custodian/know"
)

// A Wish is a guarantee that is to hold.
type Wish struct {
	Guarantee string // such as "G2"
	Principal string // empty: for every principal
}

// Advice is what to withhold so that guarantees hold. It was tried: Report is that of a fresh run
// of Scenario, in which they do.
type Advice struct {
	Withhold []Withheld // in the order of the scenario; empty if nothing need be withheld
	Exact    bool       // no smaller set does
	Bound    int        // no set of fewer does; the size of Withhold if Exact
	Runs     int        // how many runs it took
	Scenario *Scenario  // the one asked about, without these secrets
	Report   *Report    // of it
}

// An UnattainableError says that a guarantee does not hold even if no grant hands over anything.
type UnattainableError struct {
	Guarantee, Principal string
	Result               Result // its verdict without any grant
}

func (e *UnattainableError) Error() string {
	return fmt.Sprintf("custodian: %s for %s is %s without any grant: withholding does not bring it back", e.Guarantee, e.Principal, e.Result)
}

// maxAdviceRuns bounds a search.
const maxAdviceRuns = 400

// Advise finds a smallest set of secrets to withhold from the grants of a scenario so that every
// wish is held. Nil opts means the defaults; a store must be empty each time that Options opens it.
//
// Each round withholds a smallest set that meets every known way to lose a guarantee, a set of
// secrets that is enough to lose it, and plays the scenario again; what is still lost shows a way
// not met yet. So the set at the end is a smallest one, as long as handing over more never helps a
// guarantee, which only injections and barriers can bring about; that none of its secrets can be
// left out is tried in any case. Where more than 64 secrets take part the set is met greedily, and
// Bound says how much smaller another could be.
//
// The error is a *ScenarioError for a malformed scenario, a *QuestionError for a wish that the
// report has no verdict about, an *UnattainableError, or what Evaluate returned.
func Advise(ctx context.Context, sc *Scenario, wishes []Wish, opts *Options) (*Advice, error) {
	a := newAdviser(ctx, sc, opts, nil)
	a.wishes = wishes
	e, err := a.play(nil)
	if err != nil {
		return nil, err
	}
	if err := a.check(e); err != nil {
		return nil, err
	}
	return a.search(e)
}

// An adviser is one search.
type adviser struct {
	ctx    context.Context
	sc     *Scenario
	opts   *Options
	wishes []Wish
	units  []Withheld
	place  map[Withheld]int
	may    []bool // units that may be withheld
	runs   int
	ways   [][]int // sets of secrets of which each is enough to lose a wish
}

// newAdviser searches among the units that may be withheld; nil is all.
func newAdviser(ctx context.Context, sc *Scenario, opts *Options, may func(Withheld) bool) *adviser {
	a := &adviser{ctx: ctx, sc: sc, opts: opts, units: sc.granted(), place: make(map[Withheld]int)}
	for i, u := range a.units {
		a.place[u] = i
		a.may = append(a.may, may == nil || may(u))
	}
	return a
}

// all are the units that may be withheld.
func (a *adviser) all() (list []int) {
	for u := range a.units {
		if a.may[u] {
			list = append(list, u)
		}
	}
	return list
}

// play plays the scenario without some units.
func (a *adviser) play(without []int) (*Evaluation, error) {
	a.runs++
	return Play(a.ctx, a.sc.Without(a.list(without)), a.opts)
}

func (a *adviser) list(units []int) []Withheld {
	list := []Withheld{}
	for _, u := range units {
		list = append(list, a.units[u])
	}
	return list
}

// check refuses wishes that the report does not speak about.
func (a *adviser) check(e *Evaluation) error {
	if len(a.wishes) == 0 {
		return &QuestionError{"no guarantee is asked for"}
	}
	for _, w := range a.wishes {
		if w.Principal != "" && a.sc.principal(w.Principal) < 0 {
			return &QuestionError{fmt.Sprintf("no principal %q", w.Principal)}
		}
		if !slices.ContainsFunc(e.report.Verdicts, func(v Verdict) bool { return w.is(&v) }) {
			return &QuestionError{fmt.Sprintf("the report has no verdict about %s", w.Guarantee)}
		}
	}
	return nil
}

func (w Wish) is(v *Verdict) bool {
	return w.Guarantee == v.g.id && (w.Principal == "" || w.Principal == v.principal)
}

// lost returns the verdicts that were wished for and are not held.
func (a *adviser) lost(e *Evaluation) (list []*Verdict) {
	for i := range e.report.Verdicts {
		v := &e.report.Verdicts[i]
		if v.result != Held && slices.ContainsFunc(a.wishes, func(w Wish) bool { return w.is(v) }) {
			list = append(list, v)
		}
	}
	return list
}

func (a *adviser) search(e *Evaluation) (*Advice, error) {
	if len(a.lost(e)) > 0 {
		bare, err := a.play(a.all())
		if err != nil {
			return nil, err
		}
		if v := a.lost(bare); len(v) > 0 {
			return nil, &UnattainableError{v[0].g.id, v[0].principal, v[0].result}
		}
	}
	var without []int
	exact := true
	for len(a.lost(e)) > 0 {
		if a.runs > maxAdviceRuns {
			return nil, &QuestionError{"no advice was found in a reasonable number of runs"}
		}
		more, err := a.learn(e, without)
		if err != nil {
			return nil, err
		}
		a.ways = append(a.ways, more...)
		without, exact = hit(a.ways)
		if e, err = a.play(without); err != nil {
			return nil, err
		}
	}
	bound := len(without)
	if !exact {
		bound = disjoint(a.ways)
	}
	for i := len(without) - 1; i >= 0; i-- {
		less := slices.Delete(slices.Clone(without), i, i+1)
		try, err := a.play(less)
		if err != nil {
			return nil, err
		}
		if len(a.lost(try)) == 0 { // more handed over has helped
			without, e, exact, bound = less, try, false, min(bound, len(less))
		}
	}
	return &Advice{
		Withhold: a.list(without), Exact: exact, Bound: bound, Runs: a.runs,
		Scenario: a.sc.Without(a.list(without)), Report: e.report,
	}, nil
}

// disjoint counts ways that share nothing: each takes a secret of its own to meet.
func disjoint(ways [][]int) (n int) {
	used := make(map[int]bool)
	for _, w := range ways {
		if !slices.ContainsFunc(w, func(x int) bool { return used[x] }) {
			n++
			for _, x := range w {
				used[x] = true
			}
		}
	}
	return n
}

// maxWays is how many witnesses of a verdict are asked for their ways in a round.
const maxWays = 24

// learn finds ways in which wishes are lost although some units are withheld.
func (a *adviser) learn(e *Evaluation, without []int) (ways [][]int, err error) {
	seen := make(map[string]bool)
	for _, v := range a.lost(e) {
		found := false
		step := max(1, len(v.evidence)/maxWays)
		for i := 0; i < len(v.evidence); i += step {
			way, ok := a.way(e, v.evidence[i])
			if !ok || len(way) == 0 {
				continue
			}
			found = true
			if k := fmt.Sprint(way); !seen[k] {
				seen[k] = true
				ways = append(ways, way)
			}
		}
		if !found { // no derivation says why: try what can be left out
			way, err := a.shrink(v, without)
			if err != nil {
				return nil, err
			}
			ways = append(ways, way)
		}
	}
	return ways, nil
}

// way is the units on which a witness rests.
func (a *adviser) way(e *Evaluation, evidence string) ([]int, bool) {
	x, ok := e.w.shown()[evidence]
	if !ok {
		return nil, false
	}
	v := e.w.views[x.principal]
	if x.quantum {
		v = v.quantum
	}
	// A message that was decrypted was decrypted whether or not its text was given, too.
	if know.KindOf(x.atom) == "plaintext" {
		if opened := "opened" + strings.TrimPrefix(x.atom, "plaintext"); v.follows(opened) {
			x.atom = opened
		}
	}
	set := make(map[int]bool)
	r := e.w.run
	for _, s := range v.closure.Derive(x.atom) {
		if s.Rule != "" || s.Atom == know.Quantum {
			continue
		}
		g := r.events[s.At].given
		if g == nil {
			continue
		}
		if g.grant == "" { // made to get an injection accepted, which rests on something in its turn
			return nil, false
		}
		if entry := entryOf(g, s.Atom); entry != nil {
			if u, ok := a.place[Withheld{g.grant, g.atoms[string(entry.Name())]}]; ok && a.may[u] {
				set[u] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set)), true
}

// shrink finds a small set of units that is enough to lose a verdict, by runs alone.
func (a *adviser) shrink(v *Verdict, without []int) ([]int, error) {
	var way []int
	for _, u := range a.all() {
		if !slices.Contains(without, u) {
			way = append(way, u)
		}
	}
	for _, u := range slices.Clone(way) {
		less := slices.DeleteFunc(slices.Clone(way), func(x int) bool { return x == u })
		gone := slices.DeleteFunc(a.all(), func(x int) bool { return slices.Contains(less, x) })
		e, err := a.play(gone)
		if err != nil {
			return nil, err
		}
		if y := e.report.Find(v.g.id, v.principal); y != nil && y.result != Held {
			way = less
		}
	}
	if len(way) == 0 {
		return nil, &UnattainableError{v.g.id, v.principal, v.result}
	}
	return way, nil
}
