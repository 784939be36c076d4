//go:build !purego

package xeddsa

import "signet.example/signet/internal/lanes"

// laned tells whether the processor, and the system on it, can do two points at once.
var laned = lanes.Usable()

func (p *point) lanes(k *[32]byte) { lanes.Base((*lanes.Point)(p), k) }
