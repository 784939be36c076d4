//go:build !purego

package lanes

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"filippo.io/edwards25519"
	"github.com/stretchr/testify/require"
)

func (x *wide) big() *big.Int {
	v := new(big.Int)
	for i := 4; i >= 0; i-- {
		v.Or(v.Lsh(v, 64), new(big.Int).SetUint64(x[i]))
	}
	if x.negative() {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), 320))
	}
	return v
}

func bytesOf(v *big.Int) (k [32]byte) {
	for i, b := range v.FillBytes(make([]byte, 32)) {
		k[31-i] = b
	}
	return k
}

// hard are numbers below L for which halve has something to do, and corners.
func hard() (all []*big.Int) {
	r := rand.New(rand.NewPCG(1, 0))
	random := func(limit *big.Int) *big.Int {
		var b [40]byte
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		v := new(big.Int).SetBytes(b[:])
		return v.Mod(v, limit)
	}
	w := wideOf(&[32]byte{})
	copy(w[:], order[:])
	l := w.big()
	for range 200 {
		all = append(all, random(l))
	}
	for d := int64(1); d < 20; d++ {
		all = append(all, big.NewInt(d-1), new(big.Int).Sub(l, big.NewInt(d)), new(big.Int).Div(l, big.NewInt(d+1)))
	}
	for bit := range uint(253) {
		power := new(big.Int).Lsh(big.NewInt(1), bit)
		if power.Cmp(l) >= 0 {
			break
		}
		all = append(all, power, new(big.Int).Sub(power, big.NewInt(1)), random(power), new(big.Int).Sub(l, new(big.Int).Add(random(power), big.NewInt(1))), new(big.Int).Div(l, new(big.Int).Add(power, big.NewInt(1))))
	}
	return all
}

func TestHalve(t *testing.T) {
	order8 := eightL.big()
	longest := 0
	for i, h := range hard() {
		k := bytesOf(h)
		c, d := halve(&k)
		x, y := c.big(), d.big()
		require.GreaterOrEqual(t, x.Sign(), 0)
		require.EqualValues(t, 1, y.Bit(0), "even")
		got := new(big.Int).Mul(y, h)
		require.Equal(t, x, got.Mod(got, order8), "%x", k)
		size := max(x.BitLen(), y.BitLen())
		require.LessOrEqual(t, size, max(half+1, h.BitLen()))
		if i < 200 {
			longest = max(longest, size)
		}
	}
	require.Less(t, longest, half+16, "random numbers are halved")
	t.Log(longest)
}

// torsion returns the eight points of low order.
func torsion(t testing.TB) (all [8]*edwards25519.Point) {
	y := []byte{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	}
	p, err := new(edwards25519.Point).SetBytes(y)
	require.NoError(t, err)
	all[0] = edwards25519.NewIdentityPoint()
	for i := 1; i < 8; i++ {
		all[i] = new(edwards25519.Point).Add(all[i-1], p)
		require.Zero(t, all[i].Equal(all[0]))
	}
	return all
}

func (a *Affine) point(t testing.TB) *edwards25519.Point {
	t.Helper()
	p := Point{X: a.X, Y: a.Y}
	p.Z.One()
	return p.oracle(t)
}

func TestRelation(t *testing.T) {
	need(t)
	r := rand.New(rand.NewPCG(7, 0))
	low := torsion(t)
	numbers := hard()
	scalar := func() [32]byte { return bytesOf(numbers[r.IntN(len(numbers))]) }
	for i := range 1000 {
		a := new(edwards25519.Point).ScalarBaseMult(scalarOf(t, scalar()))
		a.Add(a, low[r.IntN(8)])
		if r.IntN(8) == 0 {
			a = low[r.IntN(8)]
		}
		s, h := scalar(), scalar()
		minus := new(edwards25519.Point).Negate(a)
		want := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(scalarOf(t, h), minus, scalarOf(t, s))
		require.True(t, Relation(&s, &h, affineOf(a), affineOf(want)), "%d: %x %x", i, s, h)
		s2, h2 := scalar(), scalar()
		both := [2]Affine{*affineOf(want), *affineOf(new(edwards25519.Point).VarTimeDoubleScalarBaseMult(scalarOf(t, h2), minus, scalarOf(t, s2)))}
		require.True(t, Relations(&[2][32]byte{s, s2}, &[2][32]byte{h, h2}, affineOf(a), &both), "%d: %x %x", i, s2, h2)
		for j, l := range low {
			other := new(edwards25519.Point).Add(want, l)
			wrong := both
			wrong[j%2] = *affineOf(new(edwards25519.Point).Add(both[j%2].point(t), l))
			require.Equal(t, j == 0, Relations(&[2][32]byte{s, s2}, &[2][32]byte{h, h2}, affineOf(a), &wrong))
			require.Equal(t, j == 0, Relation(&s, &h, affineOf(a), affineOf(other)))
		}
		want.Add(want, edwards25519.NewGeneratorPoint())
		require.False(t, Relation(&s, &h, affineOf(a), affineOf(want)))
	}
}

func BenchmarkRelation(b *testing.B) {
	need(b)
	p := affineOf(edwards25519.NewGeneratorPoint())
	s, h := bytesOf(hard()[0]), bytesOf(hard()[1])
	Relation(&s, &h, p, p)
	b.ReportAllocs()
	for b.Loop() {
		Relation(&s, &h, p, p)
	}
}

func BenchmarkHalve(b *testing.B) {
	h := bytesOf(hard()[1])
	for b.Loop() {
		halve(&h)
	}
}

func BenchmarkMultiples(b *testing.B) {
	need(b)
	p := affineOf(edwards25519.NewGeneratorPoint())
	var m multiples
	for b.Loop() {
		m.set(p, p)
	}
}

func BenchmarkDouble(b *testing.B) {
	need(b)
	s := identities
	up := step{doubles: 128}
	for b.Loop() {
		walk(&s, &up, 1, nil, nil, &walkConstants)
	}
}
