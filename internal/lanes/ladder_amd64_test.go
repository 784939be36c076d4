//go:build !purego

package lanes

import "testing"

func BenchmarkLadder(b *testing.B) {
	if !Usable() {
		b.Skip("this processor has no AVX-512 IFMA")
	}
	var s, m Elements
	var swaps [4][8]uint64
	for b.Loop() {
		Ladder(&s, &m, &swaps)
	}
}
