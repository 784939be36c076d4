//go:build !purego

package lanes

import "filippo.io/edwards25519/field"

// chain sets elements 0 to 3 of z to those of x to the power of 2^n, times those of y, and the
// others to 0. Limbs are below 2^52 before and after.
//
//go:noescape
func chain(z, x, y *Elements, n int, constants *[6][8]uint64)

// Powers takes each of x, at most four, to the power of (p - 5)/8 = 2^252 - 3.
func Powers(x []field.Element) {
	var e, s, t Elements // x, and powers of it
	for i := range x {
		e.setElement(i, &x[i])
	}
	raise := func(z, x, y *Elements, n int) { chain(z, x, y, n, &walkConstants) }
	raise(&s, &e, &e, 0)   // 2
	raise(&t, &s, &e, 2)   // 9
	raise(&s, &t, &s, 0)   // 11
	raise(&s, &s, &t, 1)   // 31 = 2^5 - 1
	raise(&s, &s, &s, 5)   // 2^10 - 1
	raise(&t, &s, &s, 10)  // 2^20 - 1
	raise(&t, &t, &t, 20)  // 2^40 - 1
	raise(&s, &t, &s, 10)  // 2^50 - 1
	raise(&t, &s, &s, 50)  // 2^100 - 1
	raise(&t, &t, &t, 100) // 2^200 - 1
	raise(&s, &t, &s, 50)  // 2^250 - 1
	raise(&s, &s, &e, 2)   // 2^252 - 3
	for i := range x {
		s.element(&x[i], i)
	}
}
