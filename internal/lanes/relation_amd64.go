//go:build !purego

package lanes

import (
	"sync"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// An Affine is a point of the curve by its coordinates.
type Affine struct{ X, Y field.Element }

// Relation reports whether s times the base point is h times a, plus r, in variable time: for
// public values. h is below the order of the base point, s below 2^254. a and r are any points of
// the curve.
//
// With c = dh from halve, that is so if dsB - cA - dR is the point at infinity. The first of two
// points collects the multiples of A and the lower half of ds times B, the second those of R and
// the upper half.
func Relation(s, h *[32]byte, a, r *Affine) bool {
	c, d := halve(h)
	opposite := d.negative()
	if opposite {
		d = d.negate()
	}
	var e [32]byte
	product(&e, &d, s, opposite)

	p := plan{halved: true}
	c.digits(&p.own[0], true)
	d.digits(&p.own[1], !opposite)
	bytesDigits(&p.fixed[0], &e)
	copy(p.fixed[1][:], p.fixed[0][half/8:])
	clear(p.fixed[0][half/8:])
	sum := p.sum(a, r)
	return sum[0].opposite(&sum[1])
}

// Relations is Relation for two, with the same a. It doubles as often as two would, but computes
// less around that.
func Relations(s, h *[2][32]byte, a *Affine, r *[2]Affine) bool {
	var p plan
	for i := range s {
		x := wideOf(&h[i])
		x.digits(&p.own[i], true)
		bytesDigits(&p.fixed[i], &s[i])
	}
	sum := p.sum(a, a)
	return sum[0].is(&r[0]) && sum[1].is(&r[1])
}

// sum computes the two points of the plan, which are sums of multiples of a and of r.
func (p *plan) sum(a, r *Affine) (sum [2]Point) {
	var t multiples
	t.set(a, r)
	f := baseHalves()
	var steps [maxSteps]step
	n := p.schedule(&steps)
	s := identities
	walk(&s, &steps[0], n, &t[0], &f[0], &walkConstants)
	s.get(&sum[0], 0)
	s.get(&sum[1], 1)
	return sum
}

// is reports whether p is a.
func (p *Point) is(a *Affine) bool {
	var x field.Element
	return x.Multiply(&a.X, &p.Z).Equal(&p.X) == 1 && x.Multiply(&a.Y, &p.Z).Equal(&p.Y) == 1
}

// opposite reports whether p is -q.
func (p *Point) opposite(q *Point) bool {
	var x, y, z field.Element
	x.Multiply(&p.X, &q.Z)
	z.Multiply(&q.X, &p.Z)
	if x.Equal(z.Negate(&z)) == 0 {
		return false
	}
	x.Multiply(&p.Y, &q.Z)
	return x.Equal(y.Multiply(&q.Y, &p.Z)) == 1
}

// product sets e to ds modulo L, or to the opposite of that.
func product(e *[32]byte, d *wide, s *[32]byte, opposite bool) {
	var x, y edwards25519.Scalar
	var b [64]byte
	d.put(&b)
	reduce(&x, &b)
	b = [64]byte{}
	copy(b[:], s[:])
	reduce(&y, &b)
	x.Multiply(&x, &y)
	if opposite {
		x.Negate(&x)
	}
	copy(e[:], x.Bytes())
}

func reduce(x *edwards25519.Scalar, b *[64]byte) {
	if _, err := x.SetUniformBytes(b[:]); err != nil {
		panic("lanes: 64 bytes were refused") // only their number could be wrong
	}
}

// multiples is 1 to 8 times each of two points, and nothing.
type multiples [2*ownSize + 1]entry

const ownSize = 8

func (m *multiples) set(a, r *Affine) {
	var s Elements
	s.place(0, a)
	s.place(1, r)
	fill(m[:], &s)
}

// fill sets the entries to the multiples of the two points of s, and the last one to nothing.
func fill(m []entry, s *Elements) {
	n := len(m) / 2
	add := plus(0, own, [2]uint32{0, uint32(n)}, [2]uint16{})
	for i := range n {
		if i > 0 {
			walk(s, &add, 1, &m[0], nil, &walkConstants)
		}
		cache(&m[i], &m[n+i], s, &cacheFactors, &walkConstants)
	}
	m[2*n] = nothing
}

// place sets a point of s, 0 or 1.
func (s *Elements) place(group int, p *Affine) {
	var t field.Element
	s.setElement(4*group+laneY, &p.Y)
	s.setElement(4*group+laneT, t.Multiply(&p.X, &p.Y))
	s.setElement(4*group+laneX, &p.X)
	s[0][4*group+laneZ] = 1
}

// baseMultiples is 1 to 128 times the base point, and 2^128 times that, and nothing: 41 kilobytes.
type baseMultiples [2*fixedSize + 1]entry

const fixedSize = 128

var baseHalves = sync.OnceValue(newBaseMultiples)

func newBaseMultiples() *baseMultiples {
	m, s := new(baseMultiples), halves()
	fill(m[:], &s)
	return m
}
