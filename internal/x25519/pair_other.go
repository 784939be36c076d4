//go:build !amd64 || purego

package x25519

const paired = false

func pair(f, g *fraction, p, q *Product) { panic("x25519: no ladder for two") } // not reached
