//go:build !purego

package xeddsa

import (
	"filippo.io/edwards25519/field"

	"signet.example/signet/internal/lanes"
)

// laned tells whether the processor, and the system on it, can do two points at once.
var laned = lanes.Usable()

func (p *point) lanes(k *[32]byte) { lanes.Base((*lanes.Point)(p), k) }

// raise takes each of x, at most four, to the power of (p − 5)/8.
func raise(x []field.Element) { lanes.Powers(x) }

// related reports whether s times the base point is h times a, plus r.
func (a *affine) related(r *affine, s, h *[32]byte) bool {
	return lanes.Relation(s, h, (*lanes.Affine)(a), (*lanes.Affine)(r))
}

// relatedBoth reports that for two.
func (a *affine) relatedBoth(r *[2]affine, s, h *[2][32]byte) bool {
	return lanes.Relations(s, h, (*lanes.Affine)(a), &[2]lanes.Affine{lanes.Affine(r[0]), lanes.Affine(r[1])})
}
