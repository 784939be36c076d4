package x25519

import "github.com/cloudflare/circl/math/fp25519"

// order is that of the base point, 2^252 + 27742317777372353535851937790883648493.
var order = [Size]byte{
	0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
	31: 0x10,
}

// Canonical reports whether u is the one encoding of a point of the subgroup of prime order: bit
// 255 clear, a value below 2^255 - 19, on the curve rather than on its twist, and without a
// component of low order. Only the base key of an incoming PreKey message has to be.
//
// The product of the point and the order says so. The twist has no point of that order.
func Canonical(u *[Size]byte) bool {
	if paired {
		return single(Product{U: u, Order: true})
	}
	var f fraction
	f.climb(&order, u)
	return isZero((*[Size]byte)(&f.z)) && reduced(u)
}

// reduced reports whether u is the one encoding of a value, and not 0: the ladder says nothing
// about the point with that coordinate, which has order 2.
func reduced(u *[Size]byte) bool {
	x := fp25519.Elt(*u)
	x[Size-1] &= 0x7f
	fp25519.Modp(&x)
	return x == *u && !isZero(u)
}

// climb sets f to the product of the point u and a scalar, which is not clamped; z is reduced. It
// is the ladder of RFC 7748 §5.
func (f *fraction) climb(scalar, u *[Size]byte) {
	x1 := fp25519.Elt(*u)
	x1[Size-1] &= 0x7f
	var x2, z2, x3, z3 fp25519.Elt
	fp25519.SetOne(&x2)
	fp25519.SetOne(&z3)
	x3 = x1
	swap := uint(0)
	for t := 254; t >= 0; t-- {
		bit := uint(scalar[t/8]>>(t%8)) & 1
		fp25519.Cswap(&x2, &x3, swap^bit)
		fp25519.Cswap(&z2, &z3, swap^bit)
		swap = bit
		rung(&x1, &x2, &z2, &x3, &z3)
	}
	fp25519.Cswap(&x2, &x3, swap)
	fp25519.Cswap(&z2, &z3, swap)
	fp25519.Modp(&z2)
	f.x, f.z = x2, z2
}

// rung doubles the point x2/z2 and adds x3/z3 to it, where x1 is the difference of the two.
func rung(x1, x2, z2, x3, z3 *fp25519.Elt) {
	a24 := fp25519.Elt{0x41, 0xdb, 0x01} // 121665
	var a, b, c, d, e fp25519.Elt
	fp25519.Add(&a, x2, z2)
	fp25519.Sub(&b, x2, z2)
	fp25519.Add(&c, x3, z3)
	fp25519.Sub(&d, x3, z3)
	fp25519.Mul(&d, &d, &a)
	fp25519.Mul(&c, &c, &b)
	fp25519.Add(x3, &d, &c)
	fp25519.Sqr(x3, x3)
	fp25519.Sub(z3, &d, &c)
	fp25519.Sqr(z3, z3)
	fp25519.Mul(z3, z3, x1)
	fp25519.Sqr(&a, &a)
	fp25519.Sqr(&b, &b)
	fp25519.Mul(x2, &a, &b)
	fp25519.Sub(&e, &a, &b)
	fp25519.Mul(&b, &e, &a24)
	fp25519.Add(&b, &b, &a)
	fp25519.Mul(z2, &e, &b)
}
