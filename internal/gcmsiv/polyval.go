package gcmsiv

import (
	"encoding/binary"
	"math/bits"
)

// POLYVAL (RFC 8452 §3) evaluates a polynomial over GF(2^128) in little-endian bit order, modulo
// x^128 + x^127 + x^126 + x^121 + 1, with the product a·b·x^-128.
//
// Carry-less products are made of integer products, whose time does not depend on their operands on
// the processors we care for. In a word of which only every fourth bit may be set, the columns of a
// schoolbook multiplication are four bits apart; the sums of the lower 64 columns are at most 16
// and only the last of them that much, so that none spoils another, and their lowest bits are the
// carry-less product. That is its lower half; the upper half is the lower half of the product of
// the words with their bits reversed. So a word is split into its four classes of bits, and two
// words are multiplied class by class.
//
// Karatsuba's trick saves work twice: nine products of classes in place of sixteen, three of words
// in place of four. One operand is always a power of H, whose classes are kept. Everything up to
// the reduction is linear, so the products of up to eight blocks are summed before the classes are
// put together again.

// An element is a polynomial of degree 127: the coefficients from x^0 on, lowest bit first.
type element struct{ lo, hi uint64 }

const (
	class = 0x1111111111111111 // every fourth bit
	most  = 8                  // blocks that are summed before one reduction
	words = 6                  // lo, hi and lo ^ hi, and each reversed
	terms = 9                  // the sums of classes that Karatsuba multiplies
)

// A table holds up to eight powers of H, the first power first, split into classes.
type table struct {
	n    int
	term [words][most][terms]uint64
}

// columns are the words of up to eight elements.
type columns [words][most]uint64

// set puts e in place i.
func (c *columns) set(i int, e element) {
	i &= most - 1
	lo, hi := bits.Reverse64(e.lo), bits.Reverse64(e.hi)
	c[0][i], c[1][i], c[2][i] = e.lo, e.hi, e.lo^e.hi
	c[3][i], c[4][i], c[5][i] = lo, hi, lo^hi
}

// init fills t with n powers of h.
func (t *table) init(h element, n int) {
	var c columns
	c.set(0, h)
	for i := range n {
		for p := range t.term {
			t.term[p][i] = split(c[p][0])
		}
		if i+1 < n {
			t.n = 1
			c.set(0, t.sum(&c, 1))
		}
	}
	t.n = n
}

// split returns the classes of w, and their sums that Karatsuba wants.
func split(w uint64) [terms]uint64 {
	w0, w1, w2, w3 := w&class, w>>1&class, w>>2&class, w>>3&class
	return [terms]uint64{w0, w1, w2, w3, w0 ^ w1, w2 ^ w3, w0 ^ w2, w1 ^ w3, w0 ^ w1 ^ w2 ^ w3}
}

// sum returns c[0]·H + … + c[n-1]·H^n.
func (t *table) sum(c *columns, n int) element {
	var z [words]uint64
	for p := range z {
		z[p] = product(c[p][:n], t.term[p][:n])
	}
	// The reversed product has the coefficient of x^126 where the other has that of x^0.
	for p := 3; p < words; p++ {
		z[p] = bits.Reverse64(z[p]) >> 1
	}
	z[2] ^= z[0] ^ z[1]
	z[5] ^= z[3] ^ z[4]
	return reduce(z[0], z[3]^z[2], z[1]^z[5], z[4])
}

// product returns the lower half of x[0]·h[0] + x[1]·h[1] + ….
func product(x []uint64, h [][terms]uint64) uint64 {
	var r0, r1, r2, r3, r4, r5, r6, r7, r8 uint64
	h = h[:len(x)]
	for i, w := range x {
		h := &h[i]
		w0, w1, w2, w3 := w&class, w>>1&class, w>>2&class, w>>3&class
		r0 ^= w0 * h[0]
		r1 ^= w1 * h[1]
		r4 ^= (w0 ^ w1) * h[4]
		r2 ^= w2 * h[2]
		r3 ^= w3 * h[3]
		r5 ^= (w2 ^ w3) * h[5]
		w0 ^= w2
		w1 ^= w3
		r6 ^= w0 * h[6]
		r7 ^= w1 * h[7]
		r8 ^= (w0 ^ w1) * h[8]
	}
	// Put together what Karatsuba took apart: c[i] belongs i bits up.
	c1 := r4 ^ r0 ^ r1
	c5 := r5 ^ r2 ^ r3
	c2 := r1 ^ r6 ^ r0 ^ r2
	c3 := r8 ^ r6 ^ r7 ^ c1 ^ c5
	c4 := r2 ^ r7 ^ r1 ^ r3
	return r0&class ^ c1&class<<1 ^ c2&class<<2 ^ c3&class<<3 ^ c4&class<<4 ^ c5&class<<5 ^ r3&class<<6
}

// reduce returns the product c0 + c1·x^64 + c2·x^128 + c3·x^192 times x^-128. A multiple of the
// modulus that ends in c0 makes the lowest word zero, and then again.
func reduce(c0, c1, c2, c3 uint64) element {
	c1 ^= c0<<57 ^ c0<<62 ^ c0<<63
	c2 ^= c0 ^ c0>>1 ^ c0>>2 ^ c0>>7
	c2 ^= c1<<57 ^ c1<<62 ^ c1<<63
	c3 ^= c1 ^ c1>>1 ^ c1>>2 ^ c1>>7
	return element{c2, c3}
}

// A polyval is a running evaluation. The zero polyval needs its init.
type polyval struct {
	t table
	s element
}

// init makes v ready for a message of about n bytes. More powers of H make a block cheaper, and
// each costs more than a block.
func (v *polyval) init(key *[16]byte, n int) {
	h := element{binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])}
	powers := most
	switch {
	case n <= 8*blockSize:
		powers = 1
	case n <= 64*blockSize:
		powers = 4
	}
	v.t.init(h, powers)
	v.s = element{}
}

// update takes b, with zeros up to a whole block.
func (v *polyval) update(b []byte) {
	var c columns
	for len(b) >= blockSize {
		n := min(v.t.n, len(b)/blockSize)
		for i := range n {
			at := b[i*blockSize : i*blockSize+blockSize]
			e := element{binary.LittleEndian.Uint64(at), binary.LittleEndian.Uint64(at[8:])}
			if i == 0 {
				e.lo ^= v.s.lo
				e.hi ^= v.s.hi
			}
			c.set(n-1-i, e) // the last block goes with the first power
		}
		v.s = v.t.sum(&c, n)
		b = b[n*blockSize:]
	}
	if len(b) > 0 {
		var last [blockSize]byte
		copy(last[:], b)
		v.update(last[:])
	}
}
