//go:build !purego

package lanes

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
	"github.com/stretchr/testify/require"
)

var prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

// big returns element i.
func (s *Elements) big(i int) *big.Int {
	v := new(big.Int)
	for j := 4; j >= 0; j-- {
		v.Add(v.Lsh(v, 51), new(big.Int).SetUint64(s[j][i]))
	}
	return v.Mod(v, prime)
}

// extremes fills elements with limbs at their limits, and random ones.
func extremes(r *rand.Rand, limit uint64) (s Elements) {
	for i := range s {
		for j := range s[i] {
			s[i][j] = []uint64{0, 1, mask, limit - 1, limit - 1, r.Uint64() % limit}[r.IntN(6)]
		}
	}
	return s
}

// The arithmetic of the field by math/big.
func add(x, y *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Add(x, y), prime) }
func sub(x, y *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Sub(x, y), prime) }
func mul(x, y *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Mul(x, y), prime) }

func same(t *testing.T, want, got *big.Int) {
	t.Helper()
	require.Equal(t, want.String(), got.String())
}

func below(t *testing.T, s *Elements, limit uint64) {
	t.Helper()
	for i := range s {
		for j := range s[i] {
			require.Less(t, s[i][j], limit)
		}
	}
}

// carried is what limbs are below after carrying.
const carried = 1<<51 + 1<<16

// The formulas of a doubling, of an addition and of a subtraction hold for all numbers, on the
// curve or not.
func TestFormulas(t *testing.T) {
	need(t)
	r := rand.New(rand.NewPCG(21, 0))
	for range 3000 {
		s, other := extremes(r, 1<<52), extremes(r, carried)
		var e [2]entry
		for i := range e[0] {
			copy(e[0][i][:], other[i][:4])
			copy(e[1][i][:], other[i][4:])
		}
		minus := [2]uint16{uint16(r.IntN(2)), uint16(r.IntN(2))}
		doubled, added, cached := s, s, [2]entry{}
		double, plus := step{doubles: 1}, plus(0, own, [2]uint32{0, 1}, minus)
		walk(&doubled, &double, 1, nil, nil, &walkConstants)
		walk(&added, &plus, 1, &e[0], nil, &walkConstants)
		cache(&cached[0], &cached[1], &s, &cacheFactors, &walkConstants)
		below(t, &doubled, carried)
		below(t, &added, carried)
		for g := range 2 {
			x, y, z, w := s.big(4*g+laneX), s.big(4*g+laneY), s.big(4*g+laneZ), s.big(4*g+laneT)
			a, b, c, d := mul(x, x), mul(y, y), mul(z, z), mul(add(x, y), add(x, y))
			requirePoint(t, &doubled, g, add(a, b), sub(add(a, b), d), sub(a, b), add(sub(a, b), add(c, c)))

			var o [4]*big.Int
			for i := range o {
				o[i] = other.big(4*g + i)
			}
			if minus[g] == 1 {
				o[0], o[1], o[3] = o[1], o[0], sub(new(big.Int), o[3])
			}
			a, b, c, d = mul(sub(y, x), o[1]), mul(add(y, x), o[0]), mul(w, o[3]), mul(z, o[2])
			requirePoint(t, &added, g, add(b, a), sub(b, a), add(d, c), sub(d, c))

			var all Elements
			for i := range all {
				copy(all[i][:], cached[g][i][:])
			}
			below(t, &all, carried)
			same(t, add(y, x), all.big(0))
			same(t, sub(y, x), all.big(1))
			same(t, add(z, z), all.big(2))
			same(t, mul(w, cacheFactors.big(3)), all.big(3))
		}
	}
}

func requirePoint(t *testing.T, s *Elements, group int, h, e, g, f *big.Int) {
	t.Helper()
	same(t, mul(e, f), s.big(4*group+laneX))
	same(t, mul(g, h), s.big(4*group+laneY))
	same(t, mul(f, g), s.big(4*group+laneZ))
	same(t, mul(e, h), s.big(4*group+laneT))
}

// Four products and squares at their limits.
func TestChain(t *testing.T) {
	need(t)
	r := rand.New(rand.NewPCG(22, 0))
	for range 3000 {
		x, y := extremes(r, carried), extremes(r, carried)
		n := r.IntN(4)
		var z Elements
		chain(&z, &x, &y, n, &walkConstants)
		below(t, &z, carried)
		for i := range 4 {
			want := x.big(i)
			for range n {
				want = mul(want, want)
			}
			same(t, mul(want, y.big(i)), z.big(i))
		}
	}
}

// Sums and differences of points of all orders, the same and opposite ones among them.
func TestPoints(t *testing.T) {
	need(t)
	r := rand.New(rand.NewPCG(23, 0))
	low := torsion(t)
	var points []*edwards25519.Point
	for i := range 6 {
		p := new(edwards25519.Point)
		if i > 0 {
			p.ScalarBaseMult(scalarOf(t, bytesOf(hard()[i])))
		} else {
			p.Set(low[0])
		}
		for _, l := range low {
			points = append(points, new(edwards25519.Point).Add(p, l))
		}
	}
	for range 3000 {
		p, q := [2]*edwards25519.Point{}, [2]*edwards25519.Point{}
		minus := [2]uint16{uint16(r.IntN(2)), uint16(r.IntN(2))}
		doubles := uint32(r.IntN(4))
		var s, o Elements
		for g := range p {
			p[g], q[g] = points[r.IntN(len(points))], points[r.IntN(len(points))]
			s.place(g, affineOf(p[g]))
			o.place(g, affineOf(q[g]))
		}
		var e [2]entry
		cache(&e[0], &e[1], &o, &cacheFactors, &walkConstants)
		both := plus(doubles, own, [2]uint32{0, 1}, minus)
		walk(&s, &both, 1, &e[0], nil, &walkConstants)
		for g := range p {
			want := new(edwards25519.Point).Set(p[g])
			for range doubles {
				want.Add(want, want)
			}
			if minus[g] == 1 {
				want.Subtract(want, q[g])
			} else {
				want.Add(want, q[g])
			}
			var got Point
			s.get(&got, g)
			require.Equal(t, want.Bytes(), got.oracle(t).Bytes())
			var x, y field.Element
			s.element(&x, 4*g+laneT)
			x.Multiply(&x, &got.Z)
			require.Equal(t, 1, x.Equal(y.Multiply(&got.X, &got.Y)), "T is XY/Z")
		}
	}
}

func affineOf(p *edwards25519.Point) *Affine {
	x, y, z, _ := p.ExtendedCoordinates()
	a := []Point{{*x, *y, *z}}
	divide(a)
	return &Affine{a[0].X, a[0].Y}
}

func scalarOf(t *testing.T, b [32]byte) *edwards25519.Scalar {
	t.Helper()
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(b[:])
	require.NoError(t, err)
	return s
}
