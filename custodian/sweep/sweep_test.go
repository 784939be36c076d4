package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var repetitions = flag.Int("repetitions", 1500, "of a cell whose closed form is known")

// load parses a plan of the tree.
func load(t testing.TB, name string) *Plan {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "examples", "plans", name))
	require.NoError(t, err)
	p, err := ParsePlan(b)
	require.NoError(t, err)
	return p
}

// TestWorkers: the result is a function of the plan. All that is written is the same byte by byte,
// with one worker, two and five.
func TestWorkers(t *testing.T) {
	plan := load(t, "small.json")
	for i := range plan.Grids {
		g := &plan.Grids[i]
		g.Repetitions = min(g.Repetitions, 2)
		if g.Engine == "evaluate" {
			g.Delegations, g.Patterns, g.After = g.Delegations[1:3], g.Patterns[:1], 20
		} else {
			g.Repetitions, g.After = block+100, 200
		}
	}
	plan.Windows.Repetitions = block + 100
	plan.Population.Conversations = 1<<14 + 1000
	plan.source = nil
	written := func(workers int) string {
		var last, total int64
		r, err := Run(context.Background(), plan, &Options{Workers: workers, Progress: func(done, all int64) {
			require.Greater(t, done, last)
			last, total = done, all
		}})
		require.NoError(t, err)
		require.Equal(t, total, last)
		var b bytes.Buffer
		require.NoError(t, r.WriteJSON(&b))
		require.NoError(t, r.WriteCSV(&b))
		require.NoError(t, r.WriteTable(&b))
		return b.String()
	}
	one := written(1)
	require.Equal(t, one, written(2))
	require.Equal(t, one, written(5))
	other := *plan
	other.Seed++
	plan = &other
	require.NotEqual(t, one, written(2), "the seed decides")
}

// TestClosedForms: the means that are counted agree with the expectations of custody B9. With so
// many comparisons, one in twenty leaves an interval of 95 %; none may leave that of 99.99 %.
func TestClosedForms(t *testing.T) {
	plan := load(t, "small.json")
	g := *named(plan.Grids, "closed", func(g *Grid) string { return g.Name })
	g.Repetitions = *repetitions
	plan.Grids, plan.Population = []Grid{g}, nil
	plan.Windows.Repetitions = *repetitions
	r, err := Run(context.Background(), plan, nil)
	require.NoError(t, err)
	require.Len(t, r.Rows, 9)
	compared, outside := 0, 0
	agrees := func(what string, expected float64, c *Clock, scale float64) {
		t.Helper()
		require.Zero(t, c.Never, what)
		mean, half := c.Mean/scale, c.Half/scale
		if compared++; expected < mean-half || expected > mean+half {
			outside++
		}
		require.InDelta(t, expected, mean, 2*half, what)
		require.Less(t, half, expected*0.1, "%s: the interval says something", what)
	}
	for _, row := range r.Rows {
		agrees(row.label()+": healed", row.Closed.Classical, row.Classical, 1)
		agrees(row.label()+": recovered", row.Closed.Recovered, row.Recovered, 1)
		agrees(row.label()+": epoch", row.Closed.Epoch, row.Epochs, 2)
	}
	for _, w := range r.Windows {
		if w.Closed != nil {
			agrees(w.Pattern+": window", *w.Closed, w.Messages, 1)
		}
	}
	t.Logf("%d of %d outside of their 95 %% interval", outside, compared)
	require.LessOrEqual(t, outside, compared/5)
}

// TestFigures: what custody B10 says about conversations in which nothing is drawn, where it
// stands.
func TestFigures(t *testing.T) {
	plan := load(t, "healing.json")
	plan.Grids = plan.Grids[:1]
	plan.Windows.Repetitions, plan.Windows.Loss, plan.Windows.Chains = 200, []float64{0}, []int{1, 5}
	g := &plan.Grids[0]
	g.Loss, g.Patterns = []float64{0}, []string{"ping-pong", "one-way"}
	g.Instants, g.Repetitions, g.After = [][2]int{{174, 174 + 174}}, 174, 400 // every instant of two epochs
	r, err := Run(context.Background(), plan, nil)
	require.NoError(t, err)
	pingPong, oneWay := r.Rows[0], r.Rows[1]
	require.Equal(t, 2, pingPong.Classical.Max)
	require.EqualValues(t, 1, pingPong.Classical.Histogram[0][0])
	require.EqualValues(t, [2]int64{81, 1}, pingPong.Quantum.Histogram[0])
	require.Equal(t, 172, pingPong.Quantum.Max)
	require.EqualValues(t, 2*87, pingPong.Epochs.Mean)
	require.Equal(t, oneWay.Runs, oneWay.Classical.Never)
	require.Equal(t, oneWay.Runs, oneWay.Quantum.Never)
	for i, want := range []int{2, 10, 4, 20, 11, 55} {
		w := r.Windows[i]
		require.Equal(t, want, w.Messages.Max, "%s, %d chains", w.Pattern, w.Chains)
	}
}

// TestLateForgeries: what the counters say about forgeries on a sending chain that was handed over
// is what copies of the customer take.
func TestLateForgeries(t *testing.T) {
	chain := Delegation{Name: "chain", Grants: []Grant{{Atoms: []string{"sending-chain", "pq-sending-chain"}, Via: "copy"}}}
	taken := 0
	for n := range 6 {
		p := &everyPattern[[]int{0, 1, 4}[n%3]]
		c := compared(chain, p, []float64{0, 0.2}[n/3], [2]int{warm, 30}, 0, 40)
		sc, arrives := c.scenario(n)
		r := evaluate(t, sc)
		conv, talk := newConversation(), c.talk(n)
		var l leak
		for i, m := range readings(r) {
			if i == c.instant(n) {
				l = conv[business].leak()
			}
			if m.from == business && i >= c.instant(n) {
				require.Equal(t, l.forges(&conv[customer], chainsKept), m.forgeable, "%s, repetition %d, message %d", p.Name, n, i)
				if m.forgeable {
					taken++
				}
			}
			from, arrived := talk.next(i >= c.instant(n))
			require.Equal(t, arrives[i], arrived)
			conv.step(from, arrived)
		}
	}
	require.Positive(t, taken)
}

func TestMalformedPlans(t *testing.T) {
	valid := func() map[string]any {
		var m map[string]any
		b, err := os.ReadFile(filepath.Join("..", "..", "examples", "plans", "small.json"))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &m))
		return m
	}
	first := func(m map[string]any, list string) map[string]any { return m[list].([]any)[0].(map[string]any) }
	for _, c := range []struct {
		field string
		spoil func(m map[string]any)
	}{
		{"document", func(m map[string]any) { m["unknown"] = 1 }},
		{"document", func(m map[string]any) { first(m, "grids")["unknown"] = 1 }},
		{"format", func(m map[string]any) { m["format"] = "other" }},
		{"delegations[0].grants", func(m map[string]any) { first(first(m, "delegations"), "grants")["atoms"] = []string{"none"} }},
		{"delegations[0].grants", func(m map[string]any) { first(first(m, "delegations"), "grants")["via"] = "none" }},
		{"delegations[1].name", func(m map[string]any) { first(m, "delegations")["name"] = "identity and session" }},
		{"delegations[0].every", func(m map[string]any) { first(m, "delegations")["every"] = -1 }},
		{"patterns[0].kind", func(m map[string]any) { first(m, "patterns")["kind"] = "none" }},
		{"patterns[0]", func(m map[string]any) { first(m, "patterns")["ratio"] = 2 }},
		{"patterns[0].p", func(m map[string]any) { first(m, "patterns")["kind"] = "sticky" }},
		{"patterns[0].ratio", func(m map[string]any) { first(m, "patterns")["kind"] = "customer" }},
		{"revocations[0].after", func(m map[string]any) { first(m, "revocations")["barrier"] = true }},
		{"revocations[0].rotate", func(m map[string]any) { first(m, "revocations")["rotate"] = "none" }},
		{"grids[0].engine", func(m map[string]any) { first(m, "grids")["engine"] = "none" }},
		{"grids[0].after", func(m map[string]any) { first(m, "grids")["after"] = maxEvaluated + 1 }},
		{"grids[0].during", func(m map[string]any) { first(m, "grids")["during"] = 41 }},
		{"grids[0].delegations", func(m map[string]any) { first(m, "grids")["engine"] = "counters" }},
		{"grids[0].loss[0]", func(m map[string]any) { first(m, "grids")["loss"] = []float64{1} }},
		{"grids[0].instants[0]", func(m map[string]any) { first(m, "grids")["instants"] = [][2]int{{1, 3}} }},
		{"grids[0].repetitions", func(m map[string]any) { first(m, "grids")["repetitions"] = 0 }},
		{"grids[0]", func(m map[string]any) { first(m, "grids")["loss"] = []float64{} }},
		{"windows.patterns", func(m map[string]any) { m["windows"].(map[string]any)["patterns"] = []string{"none"} }},
		{"population.mix", func(m map[string]any) { m["population"].(map[string]any)["mix"] = nil }},
		{"population.conversations", func(m map[string]any) { m["population"].(map[string]any)["conversations"] = 0 }},
		{"grids", func(m map[string]any) { m["grids"], m["windows"], m["population"] = nil, nil, nil }},
	} {
		m := valid()
		c.spoil(m)
		b, err := json.Marshal(m)
		require.NoError(t, err)
		_, err = ParsePlan(b)
		var wrong *PlanError
		require.ErrorAs(t, err, &wrong, c.field)
		require.Equal(t, c.field, wrong.Field, "%v", err)
	}
}

// TestServes: a quota is used up, however many messages each of its keys could stand for.
func TestServes(t *testing.T) {
	quota := Delegation{Grants: []Grant{{Via: "quota", Count: 3}, {Via: "quota", Count: 1}}}
	require.EqualValues(t, 4, quota.serves(9))
	require.EqualValues(t, 2, quota.serves(2))
	require.EqualValues(t, 9, wholeSession.serves(9))
}

// TestCSV: every line has the fields of the first.
func TestCSV(t *testing.T) {
	r := &Result{Rows: []Row{{Grid: "a"}, {Grid: "b", Classical: &Clock{Runs: 3}, Closed: &Expectation{Epoch: 1}}}}
	var b strings.Builder
	require.NoError(t, r.WriteCSV(&b))
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll() // an error if a line differs in length
	require.NoError(t, err)
	require.Len(t, lines, 3)
	require.Equal(t, "1.0000", lines[2][len(lines[2])-1])
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Run(ctx, load(t, "small.json"), nil)
	require.ErrorIs(t, err, context.Canceled)
}

func FuzzParsePlan(f *testing.F) {
	for _, name := range []string{"small.json", "healing.json", "population.json"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "examples", "plans", name))
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"format":"custody-sweep-v1","grids":[{"instants":[[0,0]]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePlan(b)
		if err != nil {
			var wrong *PlanError
			require.ErrorAs(t, err, &wrong)
			return
		}
		again, err := json.Marshal(p)
		require.NoError(t, err)
		q, err := ParsePlan(again)
		require.NoError(t, err)
		p.source, q.source = nil, nil
		require.Equal(t, p, q)
	})
}

// BenchmarkPopulation measures a message of a conversation in a population.
func BenchmarkPopulation(b *testing.B) {
	p := load(b, "population.json")
	c := p.crowd()
	for n := uint64(0); b.Loop(); n++ {
		c.play(n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(c.messages), "ns/message")
}
