package x25519

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
	"github.com/stretchr/testify/require"
)

func TestCanonical(t *testing.T) {
	base := [32]byte{9}
	require.True(t, Canonical(&base))
	for i := range byte(19) { // 2^255 − 19 … 2^255 − 1
		u := [32]byte{0xed + i}
		for j := 1; j < 31; j++ {
			u[j] = 0xff
		}
		u[31] = 0x7f
		require.False(t, Canonical(&u), "p + %d", i)
	}
	base[31] |= 0x80
	require.False(t, Canonical(&base), "bit 255")

	// A point of the subgroup plus each point of low order: only the sum with the identity is left.
	eighth := torsion(t)
	q := edwards25519.NewGeneratorPoint()
	for i := range 8 {
		u := [32]byte(q.BytesMontgomery())
		require.Equal(t, i == 0, Canonical(&u), "base point plus %d times the torsion", i)
		q.Add(q, eighth)
	}
	low := edwards25519.NewIdentityPoint()
	for range 8 {
		u := [32]byte(low.BytesMontgomery())
		require.False(t, Canonical(&u), "low order %x", u)
		low.Add(low, eighth)
	}
}

// torsion returns a point of order 8.
func torsion(t *testing.T) *edwards25519.Point {
	u, err := hex.DecodeString("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
	require.NoError(t, err)
	x, err := new(field.Element).SetBytes(u)
	require.NoError(t, err)
	one := new(field.Element).One()
	y := new(field.Element).Subtract(x, one) // y = (u - 1)/(u + 1)
	y.Multiply(y, new(field.Element).Invert(new(field.Element).Add(x, one)))
	p, err := new(edwards25519.Point).SetBytes(y.Bytes())
	require.NoError(t, err)
	q := new(edwards25519.Point).Double(p)
	q.Double(q)
	require.Zero(t, q.Equal(edwards25519.NewIdentityPoint()))
	return p
}

// Half of all coordinates are on the twist, and of those on the curve one in eight is of prime
// order; edwards25519, which knows the curve by another name, is the oracle.
func TestCanonicalAtRandom(t *testing.T) {
	r := rand.NewChaCha8([32]byte{5})
	good := 0
	for range 400 {
		var u [Size]byte
		r.Read(u[:])
		u[Size-1] &= 0x7f
		x, err := new(field.Element).SetBytes(u[:])
		require.NoError(t, err)
		one := new(field.Element).One()
		y := new(field.Element).Subtract(x, one)
		y.Multiply(y, new(field.Element).Invert(new(field.Element).Add(x, one)))
		p, err := new(edwards25519.Point).SetBytes(y.Bytes())
		want := false
		if err == nil {
			minusOne, err := edwards25519.NewScalar().SetCanonicalBytes(less(order))
			require.NoError(t, err)
			q := new(edwards25519.Point).ScalarMult(minusOne, p)
			want = q.Equal(p.Negate(p)) == 1
		}
		require.Equal(t, want, Canonical(&u), "%x", u)
		// Among other products, too.
		var dst [Size]byte
		all := []Product{{U: &u, Order: true}, {Scalar: &u, Dst: &dst}, {Scalar: &u, U: &nine, Dst: &dst}, {U: &nine, Order: true}}
		Multiply(all)
		require.Equal(t, want, all[0].OK)
		require.True(t, all[3].OK)
		if want {
			good++
		}
	}
	require.Greater(t, good, 10)
	require.Less(t, good, 60)
}

// less returns the order without one.
func less(b [Size]byte) []byte { b[0]--; return b[:] }

// The plain ladder, which is the reference for the other one where scalars are not clamped.
func TestPlainLadder(t *testing.T) {
	r := rand.NewChaCha8([32]byte{6})
	for range 50 {
		var k, u [Size]byte
		r.Read(k[:])
		r.Read(u[:])
		clamped := k
		Clamp(&clamped)
		at := make([]fraction, 1)
		at[0].climb(&clamped, &u)
		settle(at)
		require.Equal(t, oracle(&k, &u), [Size]byte(at[0].x))
	}
}
