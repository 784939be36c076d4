//go:build !purego

package lanes

import (
	"encoding/binary"
	"math/bits"
)

// A wide is a number of 320 bits in two's complement, lowest word first.
type wide [5]uint64

func wideOf(b *[32]byte) (x wide) {
	for i := range 4 {
		x[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return x
}

func (x *wide) negative() bool { return x[4]>>63 == 1 }

// combine returns ax - by.
func combine(a uint64, x *wide, b uint64, y *wide) (z wide) {
	var up, down, borrow uint64 // what is carried out of either product, and out of their difference
	for i := range z {
		hi, lo := bits.Mul64(a, x[i])
		lo, carry := bits.Add64(lo, up, 0)
		up = hi + carry
		hi, sub := bits.Mul64(b, y[i])
		sub, carry = bits.Add64(sub, down, 0)
		down = hi + carry
		z[i], borrow = bits.Sub64(lo, sub, borrow)
	}
	return z
}

func (x *wide) negate() wide {
	var zero wide
	return combine(0, &zero, 1, x)
}

// bitLen returns the number of bits of a number that is not negative.
func (x *wide) bitLen() int {
	for i := 4; i >= 0; i-- {
		if x[i] != 0 {
			return 64*i + bits.Len64(x[i])
		}
	}
	return 0
}

// shifted returns the lowest 64 bits of x >> n, for n below 256.
func (x *wide) shifted(n int) uint64 {
	i, n := n/64, n%64
	return x[i]>>n | x[i+1]<<1<<(63-n)
}

// A pair is r and t such that r = th modulo 8L; r is not negative. Sums of such pairs are such
// pairs.
type pair struct{ r, t wide }

// combine returns ap - bq, or its opposite.
func (p *pair) combine(a uint64, b uint64, q *pair) pair {
	z := pair{combine(a, &p.r, b, &q.r), combine(a, &p.t, b, &q.t)}
	if z.r.negative() {
		return pair{z.r.negate(), z.t.negate()}
	}
	return z
}

// size is how many bits the larger of |r| and |t| has.
func (p *pair) size() int {
	t := p.t
	if t.negative() {
		t = t.negate()
	}
	return max(p.r.bitLen(), t.bitLen())
}

// eightL is the order of the curve.
var eightL = wide{
	order[0] << 3, order[1]<<3 | order[0]>>61, order[1] >> 61, order[3] << 3,
}

// half is how many bits the halves of a number below 8L have, more or less.
const half = 128

// halve returns c and d such that c = dh modulo 8L and d is odd, both of some 128 bits and never of
// more than h, which is below L; c is not negative. 8L is the order of the curve, so that dhA = cA
// for all of its points; and d, which is 1 or has fewer bits than L, is prime to 8L, so that dP is
// the point at infinity for no other P than that.
//
// It is Lehmer's form of Euclid's algorithm, stopped in the middle. Quotients of leading bits are
// wrong now and then, which makes the numbers no less true, only longer.
func halve(h *[32]byte) (c, d wide) {
	one := pair{r: wideOf(h), t: wide{1}}
	u, v := pair{r: eightL}, one
	for range 16 { // five are enough
		if u.r.bitLen() < v.r.bitLen() {
			u, v = v, u
		}
		if v.r.bitLen() <= half {
			break
		}
		s := u.r.bitLen() - 63
		a, b, e, f := cofactors(u.r.shifted(s), v.r.shifted(s), max(32, half-s))
		if f == 0 {
			break // v is 31 bits shorter than u: one in 2^31
		}
		u, v = u.combine(a, b, &v), v.combine(e, f, &u)
	}
	negative := pair{v.r.negate(), v.t.negate()}
	sum, difference := u.combine(1, 1, &negative), u.combine(1, 1, &v)
	best := &one
	for _, p := range []*pair{&u, &v, &sum, &difference} { // of t of u and of v, one is odd
		if p.t[0]&1 == 1 && p.size() < best.size() {
			best = p
		}
	}
	return best.r, best.t
}

// cofactors takes Euclid's steps with x and y, below 2^63, until y is below 2^stop, which is at
// least 2^32. Then they are ax - by and ey - fx, or the opposite, of what they were.
func cofactors(x, y uint64, stop int) (a, b, e, f uint64) {
	a, e = 1, 1
	for y>>stop != 0 {
		q := x / y
		x, y = y, x-q*y
		a, b, e, f = f, e, b+q*e, a+q*f
	}
	return a, b, e, f
}
