package measure

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuantiles(t *testing.T) {
	for _, c := range []struct {
		sample     []float64
		q1, q2, q3 float64
	}{
		{[]float64{7}, 7, 7, 7},
		{[]float64{2, 1}, 1.25, 1.5, 1.75},
		{[]float64{3, 1, 2}, 1.5, 2, 2.5},
		{[]float64{5, 1, 4, 2, 3}, 2, 3, 4},
		{[]float64{1, 1, 1, 1000}, 1, 1, 250.75}, // the median does not see what disturbed one sample
	} {
		before := slices.Clone(c.sample)
		s := SpreadOf(c.sample)
		require.Equal(t, Spread{c.q1, c.q2, c.q3}, s)
		require.Equal(t, c.q3-c.q1, s.IQR())
		require.Equal(t, before, c.sample)
	}
	require.True(t, math.IsNaN(SpreadOf(nil).Median))
	require.Equal(t, 1.0, Quantile([]float64{1, 2}, 0))
	require.Equal(t, 2.0, Quantile([]float64{1, 2}, 1))
}

// A recorder is a Subject that notes how it was run.
type recorder struct {
	runs   []int
	closed int
}

func (r *recorder) open() (*Subject, error) {
	return &Subject{
		Run: func(w *Watch, n int) error {
			r.runs = append(r.runs, n)
			w.Start()
			time.Sleep(time.Duration(n) * 50 * time.Microsecond)
			w.Stop()
			return nil
		},
		Close: func() error { r.closed++; return nil },
	}, nil
}

func TestPlan(t *testing.T) {
	var a, b recorder
	ticks := 0
	rows, err := Plan{Rounds: 5, Sample: 4 * time.Millisecond}.Run([]Case{
		{Op: "o", Impl: "a", Quantum: 7, Open: a.open},
		{Op: "o", Impl: "gone", Open: func() (*Subject, error) { return nil, Skip("elsewhere") }},
		{Op: "o", Impl: "b", Most: 3, Open: b.open},
	}, func() { ticks++ })
	require.NoError(t, err)
	require.Equal(t, 15, ticks)
	require.Len(t, rows, 3)
	require.Equal(t, "a", rows[0].Impl, "in the order of the cases")
	require.Equal(t, Row{Op: "o", Impl: "gone", Skipped: "elsewhere"}, rows[1])
	require.Equal(t, "b", rows[2].Impl)
	require.Zero(t, rows[0].Iterations%7, "whole quanta")
	require.LessOrEqual(t, rows[2].Iterations, 3)
	for _, n := range a.runs {
		require.Zero(t, n%7)
	}
	require.Greater(t, len(a.runs), 5, "a warm-up, then five samples")
	require.GreaterOrEqual(t, rows[0].Nanos.Median, 50_000.0)
	require.Equal(t, 1, a.closed)
	require.Equal(t, 1, b.closed)
}

func TestPlanFails(t *testing.T) {
	var a recorder
	boom := errors.New("boom")
	for _, c := range []Case{
		{Op: "o", Impl: "b", Open: func() (*Subject, error) { return nil, boom }},
		{Op: "o", Impl: "b", Open: func() (*Subject, error) { return Loop(func() error { return boom }), nil }},
	} {
		a = recorder{}
		_, err := Plan{Rounds: 1, Sample: time.Millisecond}.Run([]Case{{Open: a.open}, c}, func() {})
		require.ErrorIs(t, err, boom)
		require.Equal(t, 1, a.closed, "what was opened is closed")
	}
}

func TestWatch(t *testing.T) {
	var w Watch
	w.Start()
	sink = make([]byte, 1<<20)
	w.Stop()
	sink = make([]byte, 1<<22) // nobody looks
	w.Start()
	sink = make([]byte, 1<<20)
	w.Stop()
	require.InDelta(t, 2<<20, w.bytes, 1<<19)
	require.GreaterOrEqual(t, w.allocs, uint64(2))
	require.False(t, w.remote)
	w.Add(time.Hour)
	require.GreaterOrEqual(t, w.elapsed, time.Hour)
	require.True(t, w.remote)
}

var sink []byte

func TestCPUClock(t *testing.T) {
	if !HasCPU {
		t.Skip("there is none here")
	}
	w := Watch{clock: CPU}
	w.Start()
	time.Sleep(50 * time.Millisecond)
	w.Stop()
	require.Less(t, w.elapsed, 50*time.Millisecond, "sleep takes no processor time")
	w.Start()
	for began := time.Now(); time.Since(began) < 200*time.Millisecond; {
	}
	w.Stop()
	require.Positive(t, w.elapsed)
}
