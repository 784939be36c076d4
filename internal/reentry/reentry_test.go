package reentry

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInside: a goroutine is inside for as long as its function runs, for its store, and others are
// not.
func TestInside(t *testing.T) {
	a, b := new(int), new(int)
	require.NotZero(t, goroutine())
	require.False(t, Inside(a))
	failed := errors.New("failed")
	err := Run(a, func() error {
		require.True(t, Inside(a))
		require.False(t, Inside(b))
		require.NoError(t, Run(b, func() error {
			require.True(t, Inside(a) && Inside(b))
			return nil
		}))
		require.False(t, Inside(b))
		var others sync.WaitGroup
		for range 4 {
			others.Go(func() {
				if Inside(a) {
					t.Error("another goroutine")
				}
				if err := Run(a, func() error { return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		others.Wait()
		require.True(t, Inside(a))
		return failed
	})
	require.Equal(t, failed, err)
	require.False(t, Inside(a))
	require.Panics(t, func() { _ = Run(a, func() error { panic("in the function") }) })
	require.False(t, Inside(a))
	require.Empty(t, running)
	require.Zero(t, active.Load())
}

// TestUncomparable: a store that cannot be compared is never noticed, and does no harm.
func TestUncomparable(t *testing.T) {
	s := struct{ f func() }{}
	require.NoError(t, Run(s, func() error {
		require.False(t, Inside(s))
		return nil
	}))
	require.NoError(t, Run(nil, func() error { return nil }))
}

func BenchmarkOutside(b *testing.B) {
	s := new(int)
	for b.Loop() {
		Inside(s)
	}
}
