package custodian

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSameWhateverTheProcessors: reports and bundles are the same bytes however many adversaries
// share the probes, with a grant that streams, one that ends, and an injection that the
// conversation goes on from.
func TestSameWhateverTheProcessors(t *testing.T) {
	sc := pingPong(4, 160, 4, "stream", "everything")
	sc.Principals = append(sc.Principals, Principal{ID: "q", Role: Provider, SameAs: "p"}, Principal{ID: "x", Role: Outsider})
	sc.Script = append(sc.Script, Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "not the business"}}, Step{Revoke: "g"})
	for i := range 40 {
		sc.Script = append(sc.Script, Step{Send: &Send{From: []string{Customer, Business}[i%2]}})
	}
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	report, bundle, err := EvaluateBundle(context.Background(), sc, nil, Lab)
	require.NoError(t, err)
	want, err := report.JSON()
	require.NoError(t, err)
	require.Equal(t, Lost, report.Find("G6", "p").Result())
	for _, n := range []int{2, 5} {
		runtime.GOMAXPROCS(n)
		r, err := play(context.Background(), sc, nil)
		require.NoError(t, err)
		require.Greater(t, len(r.events), longEnough)
		report, again, err := EvaluateBundle(context.Background(), sc, nil, Lab)
		require.NoError(t, err)
		got, err := report.JSON()
		require.NoError(t, err)
		require.True(t, string(want) == string(got), "report with %d", n)
		require.True(t, string(bundle) == string(again), "bundle with %d", n)
	}
}

// TestOffersComeInOrder: who is told of offers is told by one goroutine, in the same order each
// time.
func TestOffersComeInOrder(t *testing.T) {
	var at [2][]string
	var inside atomic.Int32
	for i := range at {
		_, err := Evaluate(context.Background(), pingPong(4, 160, 4, "stream", "everything"), &Options{Offered: func(o *Offer) {
			require.Equal(t, int32(1), inside.Add(1))
			at[i] = append(at[i], o.To+string(o.Body))
			inside.Add(-1)
		}})
		require.NoError(t, err)
	}
	require.NotEmpty(t, at[0])
	require.True(t, slices.Equal(at[0], at[1]))
}

// TestSpread: every job is done once, and every error is reported.
func TestSpread(t *testing.T) {
	broken := errors.New("broken")
	for workers := 1; workers < 4; workers++ {
		var done [5]atomic.Int32
		var jobs []func() error
		for i := range done {
			jobs = append(jobs, func() error {
				done[i].Add(1)
				if i == 3 {
					return broken
				}
				return nil
			})
		}
		require.ErrorIs(t, spread(workers, jobs), broken)
		for i := range done {
			require.Equal(t, int32(1), done[i].Load())
		}
		require.NoError(t, spread(workers, jobs[:3]))
	}
	require.NoError(t, spread(2, nil))
}
