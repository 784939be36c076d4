//go:build !purego

package xeddsa

import "testing"

// The other tests once more without the lanes, if the processor has them.
func TestWithoutLanes(t *testing.T) {
	if !laned {
		t.Skip("this processor has no AVX-512 IFMA: nothing else was tested")
	}
	without(func() {
		t.Run("VectorsValid", TestVectorsValid)
		t.Run("VectorsMutated", TestVectorsMutated)
		t.Run("VectorsOddKeys", TestVectorsOddKeys)
		t.Run("AgainstEd25519", TestAgainstEd25519)
		t.Run("Derive", TestDerive)
		t.Run("Lengths", TestLengths)
		t.Run("Decode", TestDecode)
	})
}

func BenchmarkWithoutLanes(b *testing.B) { without(func() { BenchmarkXEdDSA(b) }) }

// without calls f while the lanes are not used.
func without(f func()) {
	was := laned
	laned = false
	defer func() { laned = was }()
	f()
}
