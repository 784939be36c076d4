package ratchet

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
)

// TestNeverOpenedIsNoDuplicate: over random jumps that make a chain give up keys, whether they were
// skipped in one message or in many, a message that was not opened is never said to have been,
// whatever became of its key; and one that was opened is a duplicate as long as the gaps are few.
func TestNeverOpenedIsNoDuplicate(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		rng := rand.New(rand.NewPCG(7, uint64(version)))
		const n = 6000
		a, b := acknowledged(t, version)
		list := batch(t, a, n)
		opened := make(map[int]bool)
		open := func(i int) {
			_, err := b.Decrypt(nil, list[i])
			switch {
			case err == nil:
				require.False(t, opened[i], "%d opens again", i)
				opened[i] = true
			case opened[i]:
				require.ErrorIs(t, err, ErrDuplicate, "%d", i)
			default:
				require.ErrorIs(t, err, ErrForgotten, "%d", i)
				require.NotErrorIs(t, err, ErrDuplicate, "%d", i)
			}
		}
		for _, at := range []int{700, 2600, 2601, 5200, n - 1} {
			open(at)
			for range 8 { // late ones, some of which are gone
				open(rng.IntN(at))
			}
		}
		b = clone(t, b)
		for _, at := range []int{0, 699, 700, 701, 2599, 2600, 2601, 2602, 3198, 3199, 3998, 3999, 4000, n - 1} {
			open(at)
			open(at)
		}
		for range 200 {
			open(rng.IntN(n))
		}
		require.Greater(t, len(b.rec.Receivers[len(b.rec.Receivers)-1].Lost), 0)
	})
}

// TestManyGaps: a chain with more gaps than it remembers calls some messages forgotten that it has
// opened, and none opened that it has not; and what it remembers stays small.
func TestManyGaps(t *testing.T) {
	a, b := acknowledged(t, wire.V3)
	list := batch(t, a, 3000)
	opened := make(map[int]bool)
	for i := 0; i < 600; i += 2 {
		mustDecrypt(t, b, list[i], fmt.Sprint(i))
		opened[i] = true
	}
	mustDecrypt(t, b, list[2999], "2999") // some 300 gaps of one message each, and 400 more, are given up
	forgotten := 0
	for i := range 600 {
		err := mustRefuse(t, b, list[i])
		if !opened[i] {
			require.ErrorIs(t, err, ErrForgotten, "%d", i)
			require.NotErrorIs(t, err, ErrDuplicate, "%d", i)
		} else if _, ok := err.(*DuplicateError); !ok {
			require.ErrorIs(t, err, ErrForgotten)
			forgotten++
		}
	}
	require.Greater(t, forgotten, 100)
	require.Less(t, forgotten, 300)
	require.LessOrEqual(t, len(b.rec.Receivers[len(b.rec.Receivers)-1].Lost), 640)
}

// TestForgottenByHalf: the key of the post-quantum half can be gone while that of the other one is
// kept.
func TestForgottenByHalf(t *testing.T) {
	needPQ(t)
	a, b := acknowledged(t, wire.V4)
	first := mustEncrypt(t, a, "first")
	batch(t, a, 1500)
	exchange(t, a, b, []byte("on"))
	exchange(t, b, a, []byte("back")) // a's next message is on another chain
	batch(t, a, 700)
	exchange(t, a, b, []byte("far"))
	err := mustRefuse(t, b, first)
	require.NotErrorIs(t, err, ErrDuplicate)
	require.ErrorIs(t, err, ErrForgotten)
}
