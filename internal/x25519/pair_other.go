//go:build !amd64 || purego

package x25519

import "github.com/cloudflare/circl/math/fp25519"

const paired = false

func pair(f, g *fraction, p, q *Product) { panic("x25519: no ladder for two") } // not reached

func base(y, z *fp25519.Elt, scalar *[Size]byte) { panic("x25519: no lanes") } // not reached
