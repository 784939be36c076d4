//go:build !purego

package x25519

import (
	"encoding/binary"
	"math/bits"

	"github.com/cloudflare/circl/math/fp25519"

	"signet.example/signet/internal/lanes"
)

// paired tells whether the processor, and the system on it, can climb two ladders at once.
var paired = lanes.Usable()

// pair computes two products.
func pair(f, g *fraction, p, q *Product) {
	var s, m lanes.Elements
	var swaps [4][8]uint64
	load(&s, &m, &swaps, 0, p)
	load(&s, &m, &swaps, 4, q)
	lanes.Ladder(&s, &m, &swaps)
	i, j := p.lane(), 4+q.lane()
	s.Get(&f.x, i)
	s.Get(&f.z, i+1)
	s.Get(&g.x, j)
	s.Get(&g.z, j+1)
	clear(s[:])
	clear(swaps[:])
}

// lane is where the product is in the end: the ladder leaves the points as they were before its
// last rung, whose bit is 0 in a clamped scalar and 1 in the order.
func (p *Product) lane() int {
	if p.Order {
		return 2
	}
	return 0
}

// load puts a product at the bottom of the ladder with lanes from to from+3.
func load(s, m *lanes.Elements, swaps *[4][8]uint64, from int, p *Product) {
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
	s.Put(from+2, u)
	m.Put(from+3, u)
	s[0][from], s[0][from+3] = 1, 1
	m[0][from+1], m[0][from+2] = 121665, 1
}

func words(b *[Size]byte) (w [4]uint64) {
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}

// base sets y and z to coordinates of the product of the base point and scalar.
func base(y, z *fp25519.Elt, scalar *[Size]byte) {
	k := *scalar
	Clamp(&k)
	var p lanes.Point
	lanes.Base(&p, &k)
	copy(y[:], p.Y.Bytes())
	copy(z[:], p.Z.Bytes())
	clear(k[:])
	p = lanes.Point{}
}
