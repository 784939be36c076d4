//go:build !purego

package lanes

import (
	"encoding/binary"
	"math/bits"
	"sync"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// Base sets p to the product of the base point and k, which is below 2^255, in constant time.
//
// An odd number below 2^256 has 64 digits to the base 16 that are odd, from -15 to 15: what is half
// of it and of 2^256 - 1 has w as a digit where it has 2w - 15. The one of two points collects the
// digits with even numbers, the other those with odd ones, out of the same table.
func Base(p *Point, k *[32]byte) {
	var digits [4][8]uint64
	recode(&digits, k)
	s := identities
	comb(&s, &digits, baseTable(), &combConstants)
	var e [2]entry
	cache(&e[0], &e[1], &s, &cacheFactors, &walkConstants)
	last := plus(4, own, [2]uint32{}, [2]uint16{})
	walk(&s, &last, 1, &e[0], nil, &walkConstants)
	s.get(p, 1)
	clear(digits[:])
	clear(s[:])
	clear(e[:])
}

// order is that of the base point.
var order = [4]uint64{0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 1 << 60}

// recode fills digits with half of 2^256 - 1 and of k, or of k and the order if k is even: from the
// lowest digit on in lanes 0 to 3, from the next one on in the others.
func recode(digits *[4][8]uint64, k *[32]byte) {
	var x [5]uint64
	even := uint64(k[0]&1) - 1
	var carry uint64
	for i := range order {
		x[i], carry = bits.Add64(binary.LittleEndian.Uint64(k[8*i:]), order[i]&even, carry)
	}
	x[4] = 1
	for i := range digits {
		w := x[i]>>1 | x[i+1]<<63
		for j := range 4 {
			digits[i][j], digits[i][4+j] = w, w>>4
		}
	}
	clear(x[:])
}

// combEntries is eight points, by limbs: those of Y+X, of Y-X and of 2dT; Z is 1.
type combEntries [15][8]uint64

// combTable has the multiples by 1, 3 and so on to 15 of 256^i times the base point.
type combTable [32]combEntries

// baseTable is 30 kilobytes, which take some 80 microseconds when they are first asked for.
var baseTable = sync.OnceValue(newBaseTable)

func newBaseTable() *combTable {
	points := make([]Point, 32*8)
	s := halves()
	for i := range 16 { // and 16 + i
		var e [2]entry
		at, double, add := s, step{doubles: 1}, plus(0, own, [2]uint32{0, 1}, [2]uint16{})
		walk(&at, &double, 1, nil, nil, &walkConstants)
		cache(&e[0], &e[1], &at, &cacheFactors, &walkConstants)
		at = s
		for j := range 8 {
			at.get(&points[8*i+j], 0)
			at.get(&points[8*(16+i)+j], 1)
			walk(&at, &add, 1, &e[0], nil, &walkConstants)
		}
		double.doubles = 8
		walk(&s, &double, 1, nil, nil, &walkConstants)
	}
	divide(points)
	table := new(combTable)
	for i := range points {
		points[i].sums(&s)
		for limb := range s {
			for c := range 3 {
				table[i/8][3*limb+c][i%8] = s[limb][c]
			}
		}
	}
	return table
}

// halves returns the base point and 2^128 times that.
func halves() Elements {
	x, y, z, _ := edwards25519.NewGeneratorPoint().ExtendedCoordinates()
	b := [1]Point{{*x, *y, *z}}
	divide(b[:])
	var s Elements
	s.place(0, &Affine{b[0].X, b[0].Y})
	s.place(1, &Affine{b[0].X, b[0].Y})
	up, high := step{doubles: half}, s
	walk(&high, &up, 1, nil, nil, &walkConstants)
	for i := range s {
		copy(s[i][4:], high[i][4:])
	}
	return s
}

// divide makes Z of the points 1.
func divide(points []Point) {
	before := make([]field.Element, len(points)) // the product of Z up to each
	var all field.Element
	all.One()
	for i := range points {
		before[i] = all
		all.Multiply(&all, &points[i].Z)
	}
	all.Invert(&all)
	for i := len(points) - 1; i >= 0; i-- {
		a, inverse := &points[i], &before[i]
		inverse.Multiply(inverse, &all)
		all.Multiply(&all, &a.Z)
		a.X.Multiply(&a.X, inverse)
		a.Y.Multiply(&a.Y, inverse)
		a.Z.One()
	}
}

// sums sets the first lanes of s to Y+X, Y-X, 2dT of a point with Z = 1.
func (p *Point) sums(s *Elements) {
	var e field.Element
	s.setElement(0, e.Add(&p.Y, &p.X))
	s.setElement(1, e.Subtract(&p.Y, &p.X))
	s.setElement(2, e.Multiply(&double2, e.Multiply(&p.X, &p.Y)))
}
