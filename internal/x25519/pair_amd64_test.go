//go:build !purego

package x25519

import "testing"

// The other tests once more without the ladder for two, if the processor has it.
func TestWithoutPairs(t *testing.T) {
	if !paired {
		t.Skip("this processor has no AVX-512 IFMA: nothing else was tested")
	}
	paired = false
	defer func() { paired = true }()
	t.Run("Vectors", TestVectors)
	t.Run("Corners", TestCorners)
	t.Run("Multiply", TestMultiply)
	t.Run("LowOrder", TestLowOrder)
	t.Run("Canonical", TestCanonical)
	t.Run("CanonicalAtRandom", TestCanonicalAtRandom)
	t.Run("AgainstStandardLibrary", TestAgainstStandardLibrary)
}
