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
	if len(sig) != SignatureSize {
		return false
	}
	var s [32]byte // need not be reduced: s + L is accepted
	copy(s[:], sig[32:])
	s[31] &= 0x7f
	if s[31]&0xe0 != 0 {
		return false
	}
	var a, r affine
	var key [32]byte
	if !points(&a, &r, &key, u, (*[SignatureSize]byte)(sig)) {
		return false
	}
	var h edwards25519.Scalar
	d := newDigest()
	defer d.free()
	d.write(sig[:32])
	d.write(key[:])
	d.writeAll(parts)
	d.scalar(&h)
	if laned {
		return a.related(&r, &s, (*[32]byte)(h.Bytes()))
	}
	enc := a.difference(&s, &h)
	return subtle.ConstantTimeCompare(enc[:], sig[:32]) == 1
}

// points sets a to the point of the public key, and key to its encoding. Where there are lanes it sets r to the point that the
// signature begins with. It reports false if there are no such points: what begins with no encoding of a point is
// no signature, as it would not be equal to one.
func points(a, r *affine, key, u *[32]byte, sig *[SignatureSize]byte) bool {
	var m montgomery
	var e encoding
	if !m.set(u) || laned && !e.set((*[32]byte)(sig[:32])) {
		return false
	}
	powers := [2]field.Element{m.w, e.w}
	if laned {
		raise(&powers)
	} else {
		powers[0].Pow22523(&powers[0])
	}
	return m.edwards(a, key, &powers[0], sig[63]>>7) && (!laned || e.edwards(r, &powers[1]))
}

// difference returns the encoding of s times the base point, less h times a.
func (a *affine) difference(s *[32]byte, h *edwards25519.Scalar) [32]byte {
	var xy field.Element
	p, err := new(edwards25519.Point).SetExtendedCoordinates(&a.X, &a.Y, &one, xy.Multiply(&a.X, &a.Y))
	if err != nil {
		panic("xeddsa: a point is not on the curve") // it was found there
	}
	var wide [64]byte
	copy(wide[:], s[:])
	scalar, err := new(edwards25519.Scalar).SetUniformBytes(wide[:])
	if err != nil {
		panic("xeddsa: 64 bytes were refused") // only their number could be wrong
	}
	// It has to be h·(−A) rather than (−h)·A: the two differ if A has a component of low order.
	p.Negate(p)
	return [32]byte(new(edwards25519.Point).VarTimeDoubleScalarBaseMult(h, p, scalar).Bytes())
}
