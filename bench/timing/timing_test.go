package main

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWelch(t *testing.T) {
	var w welch
	require.Zero(t, w.t(), "nothing to say")
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		w.class[0].add(100 + r.NormFloat64())
		w.class[1].add(100 + 5*r.NormFloat64())
	}
	require.Less(t, math.Abs(w.t()), threshold, "one mean, two variances")
	for range 20_000 {
		w.class[1].add(101 + 5*r.NormFloat64())
	}
	require.Greater(t, w.t(), threshold)

	var exact moments
	for _, x := range []float64{2, 4, 4, 4, 5, 5, 7, 9} {
		exact.add(x)
	}
	require.InDelta(t, 5, exact.mean, 1e-12)
	require.InDelta(t, 32.0/7, exact.variance(), 1e-12)
}

func TestWelchWithoutVariance(t *testing.T) {
	var w welch
	for range enough {
		w.class[0].add(1)
		w.class[1].add(1)
	}
	require.Zero(t, w.t())
	w = welch{}
	for range enough {
		w.class[0].add(1)
		w.class[1].add(2)
	}
	require.True(t, math.IsInf(w.t(), 1))
}

// Every target does what its classes say, on a few inputs of each.
func TestTargets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, target := range targets() {
		one := make([]byte, target.size)
		seen := make(map[string]bool)
		for i := range 40 {
			slot := make([]byte, target.size)
			target.fill(r, i%2, slot)
			target.run(slot)
			if i%2 != fixed {
				seen[string(slot)] = true
			} else if i == 0 {
				copy(one, slot)
			} else if target.name != "xeddsa-sign" { // its nonces are drawn anew
				require.Equal(t, one, slot, target.name)
			}
		}
		require.Greater(t, len(seen), 3, target.name)
	}
}

// A machine that does other things has outliers; the leak is found all the same, and the JSON has
// its shape. The verdict on the others is the program's business: a test must not fail one time in
// 10^5.
func TestControl(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run([]string{"-samples", "20000", "-run", "^control$", "-json", "-"}, &out, new(bytes.Buffer)))
	var d struct {
		Targets []result `json:"targets"`
	}
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&d))
	require.Len(t, d.Targets, 1)
	require.True(t, d.Targets[0].Control && d.Targets[0].OK)
	require.Greater(t, math.Abs(d.Targets[0].T), threshold)

	require.Error(t, run([]string{"-run", "("}, &out, new(bytes.Buffer)))
	require.Error(t, run([]string{"-samples", "1"}, &out, new(bytes.Buffer)))
}
