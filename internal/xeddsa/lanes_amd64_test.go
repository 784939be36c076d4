//go:build !purego

package xeddsa

import "testing"

// The other tests once more without the lanes, if the processor has them.
func TestWithoutLanes(t *testing.T) {
	if !laned {
		t.Skip("this processor has no AVX-512 IFMA: nothing else was tested")
	}
	laned = false
	defer func() { laned = true }()
	t.Run("VectorsValid", TestVectorsValid)
	t.Run("VectorsMutated", TestVectorsMutated)
	t.Run("VectorsOddKeys", TestVectorsOddKeys)
	t.Run("AgainstEd25519", TestAgainstEd25519)
	t.Run("Derive", TestDerive)
	t.Run("Lengths", TestLengths)
}

func BenchmarkWithoutLanes(b *testing.B) {
	was := laned
	laned = false
	defer func() { laned = was }()
	BenchmarkXEdDSA(b)
}
