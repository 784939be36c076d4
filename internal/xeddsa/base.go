package xeddsa

import (
	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// A point has coordinates X/Z and Y/Z on the Edwards curve.
type point struct{ X, Y, Z field.Element }

// multiply sets p to the product of the base point and k, which is below 2^255, in constant time.
func (p *point) multiply(k *[32]byte) {
	if laned {
		p.lanes(k)
		return
	}
	var s edwards25519.Scalar
	reduce(&s, k)
	x, y, z, _ := new(edwards25519.Point).ScalarBaseMult(&s).ExtendedCoordinates()
	*p = point{*x, *y, *z}
	s = edwards25519.Scalar{}
}

// reduce sets s to k modulo L.
func reduce(s *edwards25519.Scalar, k *[32]byte) {
	var wide [64]byte
	copy(wide[:], k[:])
	if _, err := s.SetUniformBytes(wide[:]); err != nil {
		panic("xeddsa: 64 bytes were refused") // only their number could be wrong
	}
	clear(wide[:])
}

// encode sets enc to the encoding of x and y.
func encode(enc *[32]byte, x, y *field.Element) {
	copy(enc[:], y.Bytes())
	enc[31] |= byte(x.IsNegative() << 7)
}

// bytes sets enc to the encoding of p.
func (p *point) bytes(enc *[32]byte) {
	var inv field.Element
	inv.Invert(&p.Z)
	p.X.Multiply(&p.X, &inv)
	p.Y.Multiply(&p.Y, &inv)
	encode(enc, &p.X, &p.Y)
}
