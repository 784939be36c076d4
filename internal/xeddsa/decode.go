package xeddsa

import "filippo.io/edwards25519/field"

// The curve is −x² + y² = 1 + dx²y², and d is edwardsD.
var (
	one      = *new(field.Element).One()
	minus1   = *new(field.Element).Negate(&one)
	edwardsD = func() (e field.Element) { // −121665/121666
		e.Invert(e.Mult32(&one, 121666))
		return *e.Negate(e.Mult32(&e, 121665))
	}()
	rootOfMinus1 = func() (e field.Element) {
		e.SqrtRatio(&minus1, &one)
		return e
	}()
)

// An affine is a point of the curve by its coordinates.
type affine struct{ X, Y field.Element }

// A Montgomery u-coordinate is that of two points with y = (u − 1)/(u + 1) and x² = (y² − 1)/(dy² +
// 1), which is −4u/D with D = (u + 1)² + d(u − 1)². A montgomery is what is known of them before
// the one exponentiation that finds x and y, of w = −4uD(u + 1)², of which 1/√w is wanted.
type montgomery struct {
	minus, plus, n, nd, w field.Element // u − 1, u + 1, −4u, −4uD, w
	order2                bool          // u = 0
}

// set reports false for −1, the u-coordinate of no point. Bit 255 of u is ignored.
func (m *montgomery) set(u *[32]byte) bool {
	var x, sum field.Element
	if _, err := x.SetBytes(u[:]); err != nil {
		return false
	}
	m.minus.Subtract(&x, &one)
	m.plus.Add(&x, &one)
	m.n.Negate(m.n.Mult32(&x, 4))
	m.w.Square(&m.plus)
	sum.Add(&m.w, sum.Multiply(&edwardsD, sum.Square(&m.minus)))
	m.nd.Multiply(&m.n, &sum)
	m.w.Multiply(&m.w, &m.nd)
	m.order2 = m.n.Equal(new(field.Element)) == 1
	return m.plus.Equal(new(field.Element)) == 0
}

// edwards sets a to the one of the two points whose x-coordinate has the given sign, and enc to its
// encoding. It reports false if there is none: u is on the twist. power is w to the power of (p −
// 5)/8.
func (m *montgomery) edwards(a *affine, enc *[32]byte, power *field.Element, sign byte) bool {
	if m.order2 { // D is never zero: neither d nor −d is a square
		*a = affine{Y: minus1}
		encode(enc, &a.X, &a.Y) // zero has no sign
		return true
	}
	var r, s field.Element
	if !inverseRoot(&r, &m.w, power) {
		return false
	}
	s.Multiply(&r, &m.plus) // 1/√(−4uD)
	a.X.Multiply(&m.n, &s)
	negate(&a.X, sign)
	r.Multiply(&r, &s)
	r.Multiply(&r, &m.nd) // 1/(u + 1)
	a.Y.Multiply(&m.minus, &r)
	encode(enc, &a.X, &a.Y)
	return true
}

// An encoding is what is known of the point that 32 bytes stand for before the exponentiation, of w
// = (y² − 1)(dy² + 1).
type encoding struct {
	y, n, w field.Element // n = y² − 1
	sign    byte
}

// set reports false for a y that is not reduced.
func (e *encoding) set(b *[32]byte) bool {
	y := *b
	e.sign = y[31] >> 7
	y[31] &= 0x7f
	if _, err := e.y.SetBytes(y[:]); err != nil {
		return false
	}
	e.w.Square(&e.y)
	e.n.Subtract(&e.w, &one)
	e.w.Add(&one, e.w.Multiply(&e.w, &edwardsD))
	e.w.Multiply(&e.w, &e.n)
	return [32]byte(e.y.Bytes()) == y
}

// edwards sets a to the point, of which b is the only encoding, and reports false if there is none.
func (e *encoding) edwards(a *affine, power *field.Element) bool {
	a.Y = e.y
	if e.n.Equal(new(field.Element)) == 1 { // dy² + 1 is never zero: −d is no square
		a.X.Zero()
		return e.sign == 0
	}
	if !inverseRoot(&a.X, &e.w, power) {
		return false
	}
	a.X.Multiply(&a.X, &e.n)
	negate(&a.X, e.sign)
	return true
}

// inverseRoot sets r to one of the two 1/√w, or reports false if w is no square. Neither w nor r is
// zero; power is w to the power of (p − 5)/8, of which the eighth power is 1/w⁴.
func inverseRoot(r, w, power *field.Element) bool {
	var one4 field.Element // to the fourth power it is 1
	one4.Multiply(w, one4.Square(power))
	if one4.Equal(&one) == 1 {
		*r = *power
		return true
	}
	r.Multiply(power, &rootOfMinus1)
	return one4.Equal(&minus1) == 1
}

// negate gives x, which is not zero, a sign.
func negate(x *field.Element, sign byte) {
	if byte(x.IsNegative()) != sign {
		x.Negate(x)
	}
}
