//go:build !purego

package x25519

import (
	"encoding/binary"
	"math/bits"

	"github.com/cloudflare/circl/math/fp25519"
	"golang.org/x/sys/cpu"
)

// paired tells whether the processor, and the system on it, can climb two ladders at once.
var paired = cpu.X86.HasAVX512F && cpu.X86.HasAVX512IFMA

// A lanes is eight field elements beside each other: limb by limb, 51 bits each, lowest first.
type lanes [5][8]uint64

// ladder climbs 255 rungs. In s are X2, Z2, X3, Z3 of the one ladder and of the other, before and after. In m are
// 0, 121665, 1, X1 of both. swaps has a bit for each rung, in lanes 0, 1 and 4, 5: whether the two points
// change places before it; the highest word is last, and the bit that comes first is bit 1 of each.
// Limbs of s and m are below 2^51 before, those of s below 2^52 after.
//
//go:noescape
func ladder(s, m *lanes, swaps *[4][8]uint64, constants *[7][8]uint64)

const mask = 1<<51 - 1

// ladderConstants are what the ladder keeps in registers: the mask of a limb, 19, 2^10 times the prime (lowest
// limb, the others), and where the factors of the first product of a rung come from.
var ladderConstants = [7][8]uint64{
	all(mask), all(19), all((mask - 18) << 10), all(mask << 10),
	{0, 1, 3, 2, 4, 5, 7, 6}, {0, 1, 0, 1, 4, 5, 4, 5},
	all(2),
}

func all(v uint64) [8]uint64 { return [8]uint64{v, v, v, v, v, v, v, v} }

// pair computes two products.
func pair(f, g *fraction, p, q *Product) {
	var s, m lanes
	var swaps [4][8]uint64
	load(&s, &m, &swaps, 0, p)
	load(&s, &m, &swaps, 4, q)
	ladder(&s, &m, &swaps, &ladderConstants)
	i, j := p.lane(), 4+q.lane()
	s.pack(&f.x, i)
	s.pack(&f.z, i+1)
	s.pack(&g.x, j)
	s.pack(&g.z, j+1)
	clear(s[:])
	clear(swaps[:])
}

// lane is where the product is in the end: the ladder leaves the points as they were before its last rung, whose
// bit is 0 in a clamped scalar and 1 in the order.
func (p *Product) lane() int {
	if p.Order {
		return 2
	}
	return 0
}

// load puts a product at the bottom of the ladder with lanes from to from+3.
func load(s, m *lanes, swaps *[4][8]uint64, from int, p *Product) {
	scalar := order
	if !p.Order {
		scalar = *p.Scalar
		Clamp(&scalar)
	}
	k := words(&scalar)
	next := [5]uint64{k[0], k[1], k[2], k[3]}
	for i, w := range k {
		w ^= w>>1 | next[i+1]<<63
		w = bits.RotateLeft64(w, 2) // bit 63 comes first
		if i == 3 {
			w = bits.RotateLeft64(w, 1) // bit 62: there is no other
		}
		swaps[i][from], swaps[i][from+1] = w, w
	}
	clear(scalar[:])

	u := &nine
	if p.U != nil {
		u = p.U
	}
	x := words(u)
	for i, limb := range [5]uint64{
		x[0], x[0]>>51 | x[1]<<13, x[1]>>38 | x[2]<<26, x[2]>>25 | x[3]<<39, x[3] >> 12,
	} {
		limb &= mask // and so without bit 255
		s[i][from+2], m[i][from+3] = limb, limb
	}
	s[0][from], s[0][from+3] = 1, 1
	m[0][from+1], m[0][from+2] = 121665, 1
}

func words(b *[Size]byte) (w [4]uint64) {
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}

// pack sets e to the element in lane i, modulo the prime but not reduced.
func (s *lanes) pack(e *fp25519.Elt, i int) {
	a := [5]uint64{s[0][i], s[1][i], s[2][i], s[3][i], s[4][i]}
	for j := range 4 {
		a[j+1] += a[j] >> 51
		a[j] &= mask
	}
	a[0] += 19 * (a[4] >> 51)
	a[4] &= mask
	// a[0] may have a bit more than 51, which is why what follows adds.
	w := [4]uint64{a[0], a[1] >> 13, a[2] >> 26, a[3] >> 39}
	var carry uint64
	for j := range w {
		w[j], carry = bits.Add64(w[j], a[j+1]<<(51-13*j), carry)
		binary.LittleEndian.PutUint64(e[8*j:], w[j])
	}
}
