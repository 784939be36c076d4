//go:build !purego

package lanes

import "filippo.io/edwards25519/field"

// A Point of the curve -x² + y² = 1 + dx²y² is x = X/Z and y = Y/Z.
type Point struct{ X, Y, Z field.Element }

// Lanes of a point, from 0 on for one and from 4 on for the other. T is XY/Z.
const (
	laneY = iota
	laneT
	laneZ
	laneX
)

// get sets p to a point of s, 0 or 1.
func (s *Elements) get(p *Point, group int) {
	s.element(&p.X, 4*group+laneX)
	s.element(&p.Y, 4*group+laneY)
	s.element(&p.Z, 4*group+laneZ)
}

// identities is (0, 1) twice.
var identities = Elements{{1, 0, 1, 0, 1, 0, 1, 0}}

// An entry is a point as an addition wants it: the lanes Y+X, Y-X, 2Z, 2dT, of limbs below 2^52.
type entry [5][4]uint64

// entrySize is the length of an entry in bytes.
const entrySize = 160

// nothing is the entry of (0, 1).
var nothing = entry{{1, 1, 2, 0}}

// A step doubles two points, by turns, and then adds an entry to each. It says where they are
// rather than point to them, so that tables may be on the stack.
type step struct {
	doubles uint32
	table   table
	at      [2]uint32 // bytes from the beginning of the table on
	differ  uint16    // the lanes of the second sums of the addition that are differences
	swap    uint16    // those of the entries that change places
}

// A table is where a step finds what it adds.
type table uint32

const (
	none  table = iota // nothing is added
	own                // the table computed for the purpose
	fixed              // that of the base point
)

// plus returns a step that adds the two entries with the numbers in at, or subtracts those for
// which minus is 1.
func plus(doubles uint32, t table, at [2]uint32, minus [2]uint16) step {
	flip := minus[0]*0x0C | minus[1]*0xC0
	return step{doubles, t, [2]uint32{at[0] * entrySize, at[1] * entrySize}, 0xAA ^ flip, flip >> 2}
}

// walk takes the points of p through n steps, which is not 0. Limbs of p are below 2^52 before and
// after.
//
//go:noescape
func walk(p *Elements, steps *step, n int, own, fixed *entry, constants *[6][8]uint64)

// cache sets e and f to the entries of the two points of p. d is cacheFactors.
//
//go:noescape
func cache(e, f *entry, p, d *Elements, constants *[6][8]uint64)

// comb adds to the points of p multiples of the base point, of which k has the digits: see Base.
//
//go:noescape
func comb(p *Elements, k *[4][8]uint64, table *combTable, constants *[9][8]uint64)

var walkConstants = [6][8]uint64{
	all(mask), all(19), all((mask - 18) << 10), all(mask << 10),
	{2, 0, 3, 1, 6, 4, 7, 5}, {2, 3, 3, 1, 6, 7, 7, 5},
}

var combConstants = [9][8]uint64{
	all(mask), all(19), all((mask - 18) << 10), all(mask << 10),
	all(7), all(8), {0, 8, 0, 0, 0, 8, 0, 0}, {15, 15, 7, 7, 15, 15, 7, 7}, {2: 2, 6: 2},
}

// double2 is 2d, where d = -121665/121666.
var double2 = func() (e field.Element) {
	var one field.Element
	one.One()
	e.Invert(e.Mult32(&one, 121666))
	e.Mult32(&e, 2*121665)
	return *e.Negate(&e)
}()

// cacheFactors are 1, 1, 2, 2d, which make an entry of Y+X, Y-X, Z, T.
var cacheFactors = func() (s Elements) {
	s[0] = [8]uint64{1, 1, 2, 0, 1, 1, 2, 0}
	s.setElement(3, &double2)
	s.setElement(7, &double2)
	return s
}()
