package erasure

import "math/bits"

// A row is one chunk as the field sees it: sixteen elements of GF(2^16), one of each polynomial, in
// the order of the chunk's bytes. Four elements share a word, and the code needs only two
// operations on a row, both linear: add another, multiply by a scalar.
//
// The field is GF(2)[x] / (x^16 + x^12 + x^3 + x + 1); addition is XOR (spqr §7.1). Everything here
// is public data, so branches on its values are fine.
type row [lanes / 4]uint64

const (
	reduction = 0x100B // x^16 modulo the polynomial
	topBits   = 0x8000_8000_8000_8000
	lowBits   = 0x0001_0001_0001_0001
)

// times returns r multiplied by c: Horner over the bits of c, which are few for the small points
// that chunks usually have.
func (r *row) times(c uint16) row {
	// The four words in variables: as an array the compiler keeps them in memory.
	var p0, p1, p2, p3 uint64
	for i := bits.Len16(c) - 1; i >= 0; i-- {
		p0, p1, p2, p3 = double(p0), double(p1), double(p2), double(p3)
		m := -(uint64(c) >> i & 1)
		p0 ^= r[0] & m
		p1 ^= r[1] & m
		p2 ^= r[2] & m
		p3 ^= r[3] & m
	}
	return row{p0, p1, p2, p3}
}

// double multiplies the four elements of a word by x.
func double(v uint64) uint64 { return v&^topBits<<1 ^ v>>15&lowBits*reduction }

func (r *row) add(s *row) {
	for j := range r {
		r[j] ^= s[j]
	}
}

// mul is the product of two elements.
func mul(a, b uint16) uint16 {
	var p uint32
	for i := range 16 {
		p ^= uint32(a) << i & -(uint32(b) >> i & 1)
	}
	for range 4 { // each fold lowers the degree by 4, from 30 to 14
		h := p >> 16
		p = p&0xFFFF ^ h ^ h<<1 ^ h<<3 ^ h<<12
	}
	return uint16(p)
}

// inverse is a^65534, which is 1/a unless a is zero.
func inverse(a uint16) uint16 {
	r := uint16(1)
	for range 15 {
		a = mul(a, a)
		r = mul(r, a)
	}
	return r
}
