//go:build !purego

package lanes

import (
	"testing"

	"filippo.io/edwards25519/field"
	"github.com/stretchr/testify/require"
)

func TestPowers(t *testing.T) {
	need(t)
	var x, want [4]field.Element
	Powers(x[:])
	require.Equal(t, 1, x[0].Equal(&want[0]), "zero")
	x[0].Add(new(field.Element).One(), new(field.Element).One())
	for i := range x[1:] {
		x[i+1].Add(new(field.Element).One(), &x[i])
	}
	for range 100 {
		for i := range x {
			want[i].Pow22523(&x[i])
		}
		Powers(x[:])
		for i := range x {
			require.Equal(t, 1, want[i].Equal(&x[i]))
		}
	}
}

func BenchmarkPowers(b *testing.B) {
	need(b)
	var x [4]field.Element
	for b.Loop() {
		Powers(x[:])
	}
}
