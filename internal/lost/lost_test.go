package lost

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAgainstMap: a set has all that was put into it and, as long as it is not full, nothing else.
func TestAgainstMap(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var s Set
		model := make(map[uint32]bool)
		full := false
		for range 10 + rng.IntN(200) {
			first := uint32(rng.IntN(500))
			last := first + uint32(rng.IntN(3))
			before := len(s.spans)
			s.Add(first, last)
			full = full || before == MaxRanges
			for n := first; n <= last; n++ {
				model[n] = true
			}
			s = Parse(s.Bytes())
			require.LessOrEqual(t, len(s.spans), MaxRanges)
		}
		b := s.Bytes()
		for n := range uint32(510) {
			if model[n] {
				require.True(t, Has(b, n), "%d", n)
			} else if !full {
				require.False(t, Has(b, n), "%d", n)
			}
		}
	}
}

// TestFull: the least is added that makes room.
func TestFull(t *testing.T) {
	var s Set
	for i := range uint32(MaxRanges) {
		s.Add(10*i, 10*i)
	}
	s.Add(10*MaxRanges-7, 10*MaxRanges-7) // 3 behind the last one
	require.Len(t, s.spans, MaxRanges)
	require.True(t, s.Has(10*MaxRanges-8))
	require.False(t, s.Has(5))
	require.LessOrEqual(t, len(s.Bytes()), 640)
}

// TestEdges: the ends of the counters, and bytes that are no set.
func TestEdges(t *testing.T) {
	var s Set
	require.Nil(t, s.Bytes())
	require.False(t, s.Has(0))
	s.Add(0, 0)
	s.Add(math.MaxUint32, math.MaxUint32)
	s = Parse(s.Bytes())
	require.True(t, s.Has(0) && s.Has(math.MaxUint32))
	require.False(t, s.Has(1) || s.Has(math.MaxUint32-1))
	s.Add(1, math.MaxUint32-1)
	require.Len(t, s.spans, 1)
	require.Nil(t, Before(0))
	require.True(t, Has(Before(7), 6))
	require.False(t, Has(Before(7), 7))
	for _, b := range [][]byte{{0x80}, {1}, {1, 0xff, 0xff, 0xff, 0xff, 0x0f}, {0xff, 0xff, 0xff, 0xff, 0x7f, 0}} {
		require.True(t, Has(b, 3), "%x", b)
	}
}
