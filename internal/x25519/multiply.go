package x25519

import (
	"filippo.io/edwards25519/field"
	"github.com/cloudflare/circl/math/fp25519"
)

// A Product is one of several multiplications for Multiply.
type Product struct {
	Scalar *[Size]byte // is clamped
	U      *[Size]byte // as in Shared; nil stands for the base point
	Dst    *[Size]byte // where the product goes
	Order  bool        // asks instead whether U is Canonical; Scalar and Dst are not used
	OK     bool        // becomes whether the product is something other than zero, or the answer
}

// Multiply does what Shared and Base do, for all of the products, of which none may need the result
// of another: no Dst overlaps what another product has. Where the ladder climbs two at once that
// takes half the time and less; elsewhere it is one after the other.
func Multiply(products []Product) {
	if !paired {
		for i := range products {
			p := &products[i]
			switch p.OK = true; {
			case p.Order:
				p.OK = Canonical(p.U)
			case p.U == nil:
				Base(p.Dst, p.Scalar)
			default:
				p.OK = Shared(p.Dst, p.Scalar, p.U)
			}
		}
		return
	}
	for len(products) > group {
		multiply(products[:group])
		products = products[group:]
	}
	if len(products) > 0 {
		multiply(products)
	}
}

// group is how many products share an inversion.
const group = 8

func multiply(products []Product) {
	var room [group]fraction
	at := room[:len(products)]
	climb(at, products)
	settle(at)
	for i := range products {
		p := &products[i]
		if p.Order {
			p.OK = at[i].infinite == 1 && reduced(p.U)
			continue
		}
		*p.Dst = at[i].x
		p.OK = !isZero(p.Dst)
	}
	clear(at)
}

// single is Multiply of one product, and returns its OK.
func single(p Product) bool {
	one := [1]Product{p}
	multiply(one[:])
	return one[0].OK
}

// climb computes the products. A ladder with one side free takes a multiple of the base point
// along.
func climb(at []fraction, products []Product) {
	first, base := -1, -1 // what waits for a companion
	for i := range products {
		switch p := &products[i]; {
		case p.U != nil && first < 0:
			first = i
		case p.U != nil:
			pair(&at[first], &at[i], &products[first], p)
			first = -1
		case base < 0:
			base = i
		default:
			at[i].comb(p.Scalar)
		}
	}
	switch {
	case first >= 0 && base >= 0:
		pair(&at[first], &at[base], &products[first], &products[base])
	case first >= 0:
		var none fraction
		pair(&at[first], &none, &products[first], &Product{Scalar: &nine, U: &nine})
	case base >= 0:
		at[base].comb(products[base].Scalar)
	}
}

// nine is the u-coordinate of the base point.
var nine = [Size]byte{9}

// A fraction is a u-coordinate x/z; the point at infinity has z = 0. settle sets infinite to 1 for
// that.
type fraction struct {
	x, z     fp25519.Elt
	infinite int
}

// comb sets f to the product of the base point and scalar. On the Edwards curve, of which lanes has
// a table, u is (1+y)/(1-y).
func (f *fraction) comb(scalar *[Size]byte) {
	var y, z fp25519.Elt
	base(&y, &z, scalar)
	fp25519.Add(&f.x, &z, &y)
	fp25519.Sub(&f.z, &z, &y)
}

// settle divides: each x becomes x/z, in canonical form, and 0 where z is 0. All take one
// inversion, of the product of all z; a z of 0 is replaced there.
func settle(at []fraction) {
	var before [group]fp25519.Elt // the product of z up to and with each
	var one, none fp25519.Elt
	fp25519.SetOne(&one)
	all := one
	for i := range at {
		f := &at[i]
		fp25519.Modp(&f.z)
		f.infinite = zero((*[Size]byte)(&f.z))
		fp25519.Cmov(&f.x, &none, uint(f.infinite))
		fp25519.Cmov(&f.z, &one, uint(f.infinite))
		fp25519.Mul(&all, &all, &f.z)
		before[i] = all
	}
	invert(&all)
	for i := len(at) - 1; i >= 0; i-- {
		f := &at[i]
		inverse := all
		if i > 0 {
			fp25519.Mul(&inverse, &all, &before[i-1])
			fp25519.Mul(&all, &all, &f.z)
		}
		fp25519.Mul(&f.x, &f.x, &inverse)
		fp25519.Modp(&f.x)
	}
	clear(before[:])
	clear(all[:])
}

// invert sets e to 1/e. The field of edwards25519 takes three quarters of the time of circl's for
// that.
func invert(e *fp25519.Elt) {
	var x field.Element
	fp25519.Modp(e) // bit 255 does not count in what follows
	if _, err := x.SetBytes(e[:]); err != nil {
		panic("x25519: an element of 32 bytes was refused") // only its length could be wrong
	}
	copy(e[:], x.Invert(&x).Bytes())
}
