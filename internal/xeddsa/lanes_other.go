//go:build !amd64 || purego

package xeddsa

const laned = false

func (p *point) lanes(k *[32]byte) { panic("xeddsa: no lanes") } // not reached
