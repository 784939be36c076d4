package xeddsa

import (
	"crypto/subtle"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// Verify reports whether sig is a signature of the concatenation of parts under the public key
// with u-coordinate u, whose bit 255 is ignored. A signature of any other length than 64 bytes is
// not one.
func Verify(u *[32]byte, sig []byte, parts ...[]byte) bool {
	var s, key, h [32]byte
	if !second(&s, sig) {
		return false
	}
	var m montgomery
	var a affine
	if !laned {
		var power field.Element
		if !m.set(u) || !m.edwards(&a, &key, power.Pow22523(&m.w), sig[63]>>7) {
			return false
		}
		challenge(&h, sig, &key, parts)
		enc := a.difference(&s, &h)
		return subtle.ConstantTimeCompare(enc[:], sig[:32]) == 1
	}
	// What begins with no encoding of a point is no signature: no point's encoding would be equal to
	// it.
	var e encoding
	var r affine
	if !m.set(u) || !e.set((*[32]byte)(sig)) {
		return false
	}
	powers := [2]field.Element{m.w, e.w}
	raise(powers[:])
	if !m.edwards(&a, &key, &powers[0], sig[63]>>7) || !e.edwards(&r, &powers[1]) {
		return false
	}
	challenge(&h, sig, &key, parts)
	return a.related(&r, &s, &h)
}

// VerifyBoth reports whether Verify does so for both signatures, each of a message in one part.
// Where two points are computed with at once it takes less time than twice Verify.
func VerifyBoth(u *[32]byte, sigs, messages *[2][]byte) bool {
	var s, h [2][32]byte
	if !second(&s[0], sigs[0]) || !second(&s[1], sigs[1]) {
		return false
	}
	if !laned || sigs[0][63]>>7 != sigs[1][63]>>7 {
		return Verify(u, sigs[0], messages[0]) && Verify(u, sigs[1], messages[1])
	}
	var m montgomery
	var e [2]encoding
	if !m.set(u) || !e[0].set((*[32]byte)(sigs[0])) || !e[1].set((*[32]byte)(sigs[1])) {
		return false
	}
	powers := [3]field.Element{m.w, e[0].w, e[1].w}
	raise(powers[:])
	var a affine
	var r [2]affine
	var key [32]byte
	if !m.edwards(&a, &key, &powers[0], sigs[0][63]>>7) || !e[0].edwards(&r[0], &powers[1]) || !e[1].edwards(&r[1], &powers[2]) {
		return false
	}
	for i := range h {
		challenge(&h[i], sigs[i], &key, messages[i:i+1])
	}
	return a.relatedBoth(&r, &s, &h)
}

// second sets s to the second half of a signature without the sign bit, and reports whether it is
// below 2^253. It need not be reduced: s + L is accepted.
func second(s *[32]byte, sig []byte) bool {
	if len(sig) != SignatureSize {
		return false
	}
	copy(s[:], sig[32:])
	s[31] &= 0x7f
	return s[31]&0xe0 == 0
}

// challenge sets h to the hash of the first half of a signature, the public key and the message,
// modulo L.
func challenge(h *[32]byte, sig []byte, key *[32]byte, parts [][]byte) {
	var x edwards25519.Scalar
	d := newDigest()
	defer d.free()
	d.write(sig[:32])
	d.write(key[:])
	d.writeAll(parts)
	d.scalar(&x)
	copy(h[:], x.Bytes())
}

// difference returns the encoding of s times the base point, less h times a.
func (a *affine) difference(s, h *[32]byte) [32]byte {
	var xy field.Element
	p, err := new(edwards25519.Point).SetExtendedCoordinates(&a.X, &a.Y, &one, xy.Multiply(&a.X, &a.Y))
	if err != nil {
		panic("xeddsa: a point is not on the curve") // it was found there
	}
	var x, y edwards25519.Scalar
	reduce(&x, s)
	reduce(&y, h)
	// It has to be h·(−A) rather than (−h)·A: the two differ if A has a component of low order.
	p.Negate(p)
	return [32]byte(new(edwards25519.Point).VarTimeDoubleScalarBaseMult(&y, p, &x).Bytes())
}
