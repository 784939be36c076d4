//go:build !purego

package lanes

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
	"github.com/stretchr/testify/require"
)

func need(t testing.TB) {
	if !Usable() {
		t.Skip("this processor has no AVX-512 IFMA")
	}
}

// oracle returns a point as edwards25519 has it.
func (p *Point) oracle(t testing.TB) *edwards25519.Point {
	t.Helper()
	var x, y, z, xy field.Element
	x.Multiply(&p.X, &p.Z)
	y.Multiply(&p.Y, &p.Z)
	z.Square(&p.Z)
	xy.Multiply(&p.X, &p.Y)
	q, err := new(edwards25519.Point).SetExtendedCoordinates(&x, &y, &z, &xy)
	require.NoError(t, err, "not on the curve")
	return q
}

func TestBase(t *testing.T) {
	need(t)
	r := rand.NewChaCha8([32]byte{1})
	limit := new(big.Int).Lsh(big.NewInt(1), 255)
	var scalars []*big.Int
	l := new(big.Int)
	for i := 3; i >= 0; i-- {
		l.Or(l.Lsh(l, 64), new(big.Int).SetUint64(order[i]))
	}
	for d := int64(-3); d <= 3; d++ {
		for _, m := range []*big.Int{new(big.Int), l, new(big.Int).Lsh(l, 1), limit} {
			scalars = append(scalars, new(big.Int).Add(m, big.NewInt(d)))
		}
	}
	for bit := range uint(255) {
		power := new(big.Int).Lsh(big.NewInt(1), bit)
		scalars = append(scalars, power, new(big.Int).Sub(limit, power))
	}
	for range 200 {
		var k [32]byte
		r.Read(k[:])
		scalars = append(scalars, new(big.Int).SetBytes(k[:]))
	}
	for _, v := range scalars {
		if v.Sign() < 0 {
			continue
		}
		v.Mod(v, limit)
		var k [32]byte
		for i, b := range v.FillBytes(make([]byte, 32)) {
			k[31-i] = b
		}
		var wide [64]byte
		copy(wide[:], k[:])
		s, err := new(edwards25519.Scalar).SetUniformBytes(wide[:])
		require.NoError(t, err)
		var p Point
		Base(&p, &k)
		require.Equal(t, new(edwards25519.Point).ScalarBaseMult(s).Bytes(), p.oracle(t).Bytes(), "%x", k)
	}
}

func BenchmarkBase(b *testing.B) {
	need(b)
	var p Point
	k := [32]byte{1, 2, 3}
	Base(&p, &k)
	b.ReportAllocs()
	for b.Loop() {
		Base(&p, &k)
	}
}

// What is computed when it is first asked for.
func BenchmarkTables(b *testing.B) {
	need(b)
	b.Run("base", func(b *testing.B) {
		for b.Loop() {
			newBaseTable()
		}
	})
	b.Run("halves", func(b *testing.B) {
		for b.Loop() {
			newBaseMultiples()
		}
	})
}
