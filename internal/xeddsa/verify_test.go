package xeddsa

import (
	"crypto/sha512"
	"math/rand/v2"
	"testing"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
	"github.com/stretchr/testify/require"
)

// oracle is verification by edwards25519 alone, with an inversion and a square root where this
// package has one exponentiation, and with a comparison of encodings.
func oracle(u *[32]byte, sig []byte, message []byte) bool {
	if len(sig) != SignatureSize || sig[63]&0x60 != 0 {
		return false
	}
	a, enc := oraclePoint(u, sig[63]>>7)
	if a == nil {
		return false
	}
	var wide [64]byte
	copy(wide[:], sig[32:])
	wide[31] &= 0x7f
	s, _ := new(edwards25519.Scalar).SetUniformBytes(wide[:])
	digest := sha512.New()
	digest.Write(sig[:32])
	digest.Write(enc[:])
	digest.Write(message)
	h, _ := new(edwards25519.Scalar).SetUniformBytes(digest.Sum(nil))
	r := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(h, new(edwards25519.Point).Negate(a), s)
	return [32]byte(r.Bytes()) == [32]byte(sig[:32])
}

func oraclePoint(u *[32]byte, sign byte) (p *edwards25519.Point, enc [32]byte) {
	var x, minus, plus field.Element
	if _, err := x.SetBytes(u[:]); err != nil {
		panic(err)
	}
	minus.Subtract(&x, &one)
	plus.Add(&x, &one)
	if plus.Equal(new(field.Element)) == 1 {
		return nil, enc
	}
	copy(enc[:], minus.Multiply(&minus, plus.Invert(&plus)).Bytes())
	if x.Equal(new(field.Element)) == 0 {
		enc[31] |= sign << 7
	}
	p, err := new(edwards25519.Point).SetBytes(enc[:])
	if err != nil {
		return nil, enc
	}
	return p, enc
}

// Both ways from bytes to a point, among them small coordinates, the prime, points of low order and
// the twist.
func TestDecode(t *testing.T) {
	r := rand.NewChaCha8([32]byte{3})
	points, twist, encodings := 0, 0, 0
	for i := range 2000 {
		var u [32]byte
		switch {
		case i < 200:
			u[0] = byte(i / 2)
		case i < 300: // the prime, and what is next to it
			for j := range u {
				u[j] = 0xff
			}
			u[0] = byte(256 - (i-200)/2)
			u[31] = 0x7f
		default:
			r.Read(u[:])
		}
		sign := byte(i & 1)
		var a affine
		var enc [32]byte
		var m montgomery
		ok := m.set(&u)
		if ok {
			var power field.Element
			ok = m.edwards(&a, &enc, power.Pow22523(&m.w), sign)
		}
		want, wantEnc := oraclePoint(&u, sign)
		require.Equal(t, want != nil, ok, "%x", u)
		if want == nil {
			twist++
		} else {
			points++
			require.Equal(t, wantEnc, enc)
			require.Equal(t, want.Bytes(), enc[:])
			require.True(t, a.is(want))
		}

		u[31] = u[31]&0x7f | sign<<7
		var e encoding
		ok = e.set(&u)
		if ok {
			var power field.Element
			ok = e.edwards(&a, power.Pow22523(&e.w))
		}
		want, err := new(edwards25519.Point).SetBytes(u[:])
		require.Equal(t, err == nil && [32]byte(want.Bytes()) == u, ok, "%x", u)
		if ok {
			encodings++
			require.True(t, a.is(want))
		}
	}
	require.Greater(t, points, 800)
	require.Greater(t, twist, 800)
	require.Greater(t, encodings, 800)
}

func (a *affine) is(p *edwards25519.Point) bool {
	x, y, z, _ := p.ExtendedCoordinates()
	x.Multiply(x, z.Invert(z))
	return x.Equal(&a.X) == 1 && y.Multiply(y, z).Equal(&a.Y) == 1
}

// agree asks for one verdict in four ways.
func agree(t *testing.T, u *[32]byte, sig, message []byte) bool {
	t.Helper()
	want := oracle(u, sig, message)
	require.Equal(t, want, Verify(u, sig, message), "%x %x", *u, sig)
	without(func() { require.Equal(t, want, Verify(u, sig, message), "%x %x, without lanes", *u, sig) })
	require.Equal(t, want, VerifyBoth(u, &[2][]byte{sig, sig}, &[2][]byte{message, message}), "%x %x, twice", *u, sig)
	return want
}

// agreeBoth asks for a verdict on two signatures, which are good or not.
func agreeBoth(t *testing.T, u *[32]byte, sigs, messages [2][]byte, good [2]bool) {
	t.Helper()
	for range 2 {
		want := good[0] && good[1]
		require.Equal(t, want, VerifyBoth(u, &sigs, &messages), "%x %x", *u, sigs)
		without(func() { require.Equal(t, want, VerifyBoth(u, &sigs, &messages), "%x %x, without lanes", *u, sigs) })
		sigs[0], sigs[1] = sigs[1], sigs[0]
		messages[0], messages[1] = messages[1], messages[0]
	}
}

// lowOrder returns the eight points of low order.
func lowOrder(t *testing.T) (all [8]*edwards25519.Point) {
	y := []byte{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	}
	p, err := new(edwards25519.Point).SetBytes(y)
	require.NoError(t, err)
	all[0] = edwards25519.NewIdentityPoint()
	for i := 1; i < 8; i++ {
		all[i] = new(edwards25519.Point).Add(all[i-1], p)
	}
	return all
}

// Signatures under keys of the subgroup, of low order and of mixed order, that begin with a point
// of any order, of which one in eight is good; and what becomes of them when something is changed.
func TestVerdicts(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 0))
	low := lowOrder(t)
	scalar := func() *edwards25519.Scalar {
		var wide [64]byte
		for i := range wide {
			wide[i] = byte(r.Uint32())
		}
		if r.IntN(8) == 0 {
			clear(wide[1+r.IntN(4):])
		}
		s, err := new(edwards25519.Scalar).SetUniformBytes(wide[:])
		require.NoError(t, err)
		return s
	}
	verdicts := map[string]int{}
	for i := range 500 {
		a := scalar()
		public := new(edwards25519.Point).ScalarBaseMult(a)
		if r.IntN(8) == 0 {
			a, public = new(edwards25519.Scalar), edwards25519.NewIdentityPoint()
		}
		kind := r.IntN(8)
		public.Add(public, low[kind])
		if public.Equal(low[0]) == 1 { // has no u-coordinate
			continue
		}
		nonce := scalar()
		begin := new(edwards25519.Point).ScalarBaseMult(nonce)
		if kind != 0 {
			begin.Add(begin, low[r.IntN(8)])
		}
		message := []byte{byte(i), byte(i >> 8)}
		u := [32]byte(public.BytesMontgomery())
		sig := append(begin.Bytes(), make([]byte, 32)...)
		digest := sha512.New()
		digest.Write(sig[:32])
		digest.Write(public.Bytes())
		digest.Write(message)
		h, err := new(edwards25519.Scalar).SetUniformBytes(digest.Sum(nil))
		require.NoError(t, err)
		s := h.MultiplyAdd(h, a, nonce).Bytes()
		copy(sig[32:], s)
		sig[63] |= public.Bytes()[31] & 0x80
		good := agree(t, &u, sig, message)
		if kind == 0 {
			require.True(t, good)
			verdicts["good, prime order"]++
		} else if good {
			verdicts["good, mixed order"]++
		} else {
			verdicts["bad, mixed order"]++
		}

		more := append([]byte(nil), sig...) // s + L
		carry := 0
		for j, b := range []byte{
			0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10,
		} {
			carry += int(s[j]) + int(b)
			more[32+j], carry = byte(carry), carry>>8
		}
		more[63] |= sig[63] & 0x80
		require.Equal(t, good && more[63]&0x60 == 0, agree(t, &u, more, message))

		changed := append([]byte(nil), sig...)
		bit := r.IntN(512)
		changed[bit/8] ^= 1 << (bit % 8)
		also := agree(t, &u, changed, message)
		agreeBoth(t, &u, [2][]byte{sig, changed}, [2][]byte{message, message}, [2]bool{good, also})
		agreeBoth(t, &u, [2][]byte{sig, more}, [2][]byte{message, message}, [2]bool{good, good && more[63]&0x60 == 0})
		copy(changed, sig)
		copy(changed, low[r.IntN(8)].Bytes())
		changed[31] ^= byte(r.IntN(2)) << 7
		agree(t, &u, changed, message)
		clear(changed[32:])
		if agree(t, &u, changed, message) {
			verdicts["good, low order and no s"]++
		}
		for j := range changed[:32] { // an encoding that is not reduced, of a small y
			changed[j] = 0xff
		}
		changed[0] -= byte(r.IntN(19))
		changed[31] ^= byte(r.IntN(2)) << 7
		require.False(t, agree(t, &u, changed, message))
	}
	t.Log(verdicts)
	require.Len(t, verdicts, 4, "%v", verdicts)
}

// Two signatures of two messages, for keys of either sign; and a key that is none.
func TestVerifyBoth(t *testing.T) {
	r := rand.NewChaCha8([32]byte{12})
	for i := range 100 {
		var k, public, u [32]byte
		var z [64]byte
		r.Read(k[:])
		r.Read(z[:])
		Derive(&public, &u, &k)
		messages := [2][]byte{{byte(i)}, make([]byte, 100+i)}
		var sigs [2][]byte
		for j := range sigs {
			var sig [SignatureSize]byte
			Sign(&sig, &k, &z, messages[j])
			sigs[j] = sig[:]
		}
		agreeBoth(t, &u, sigs, messages, [2]bool{true, true})
		agreeBoth(t, &u, sigs, [2][]byte{messages[0], messages[0]}, [2]bool{true, false})
		agreeBoth(t, &u, [2][]byte{sigs[0], sigs[1][:63]}, messages, [2]bool{true, false})
		agreeBoth(t, &u, [2][]byte{nil, sigs[1]}, messages, [2]bool{false, true})
		other := append([]byte(nil), sigs[1]...)
		other[63] ^= 0x80
		agreeBoth(t, &u, [2][]byte{sigs[0], other}, messages, [2]bool{true, false})
		u[0] ^= 2
		agreeBoth(t, &u, sigs, messages, [2]bool{false, false})
	}
}

// The verdict is that of edwards25519, with lanes and without.
func FuzzVerdict(f *testing.F) {
	k := [32]byte{31: 0x40}
	var public, u [32]byte
	var sig [64]byte
	Derive(&public, &u, &k)
	Sign(&sig, &k, &[64]byte{}, []byte("seed"))
	f.Add(u[:], sig[:], []byte("seed"), []byte{})
	f.Add(u[:], sig[:], []byte("seed"), []byte{64, 1})
	f.Add(make([]byte, 32), make([]byte, 64), []byte{0}, []byte{})
	f.Fuzz(func(t *testing.T, public, sig, message, changes []byte) {
		var u [32]byte
		copy(u[:], public)
		sig = append([]byte(nil), sig...)
		for i := 1; i < len(changes) && len(sig) > 0; i += 2 {
			sig[int(changes[i-1])%len(sig)] ^= changes[i]
		}
		agree(t, &u, sig, message)
	})
}
