//go:build !amd64 || purego

package xeddsa

import "filippo.io/edwards25519/field"

const laned = false

func (p *point) lanes(k *[32]byte) { panic("xeddsa: no lanes") } // not reached

func raise(x []field.Element) { panic("xeddsa: no lanes") }

func (a *affine) related(r *affine, s, h *[32]byte) bool { panic("xeddsa: no lanes") }

func (a *affine) relatedBoth(r *[2]affine, s, h *[2][32]byte) bool { panic("xeddsa: no lanes") }
