package conformance

import (
	"crypto/sha3"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/mlkem"
)

const (
	ekSize = mlkem.VectorSize + 32
	ctSize = mlkem.Ciphertext1Size + mlkem.Ciphertext2Size
)

// headerOf is what the braid sends of an encapsulation key first.
func headerOf(ek []byte) (hdr [mlkem.HeaderSize]byte) {
	h := sha3.Sum256(ek)
	copy(hdr[:32], ek[mlkem.VectorSize:])
	copy(hdr[32:], h[:])
	return hdr
}

func decapsulate(dk, ct []byte) []byte {
	key := mlkem.Decapsulate((*[mlkem.DecapsulationKeySize]byte)(dk), (*[mlkem.Ciphertext1Size]byte)(ct),
		(*[mlkem.Ciphertext2Size]byte)(ct[mlkem.Ciphertext1Size:]))
	return key[:]
}

// TestMLKEM: what has another length than it should is refused before it comes to these functions,
// whose arguments are arrays.
func TestMLKEM(t *testing.T) {
	n := 0
	each(t, "mlkem_768_test.json", func(t *testing.T, v *vector) {
		if len(v.Seed) != mlkem.SeedSize || len(v.C) != ctSize {
			require.False(t, v.valid())
			return
		}
		require.True(t, v.valid())
		n++
		var hdr [mlkem.HeaderSize]byte
		var ek [mlkem.VectorSize]byte
		var dk [mlkem.DecapsulationKeySize]byte
		mlkem.GenerateKey((*[mlkem.SeedSize]byte)(v.Seed), &hdr, &ek, &dk)
		require.Equal(t, []byte(v.EK), append(ek[:len(ek):len(ek)], hdr[:32]...))
		require.Equal(t, []byte(v.K), decapsulate(dk[:], v.C))
	})
	require.Greater(t, n, 100)
}

func TestMLKEMKeys(t *testing.T) {
	each(t, "mlkem_768_keygen_seed_test.json", func(t *testing.T, v *vector) {
		var hdr [mlkem.HeaderSize]byte
		var ek [mlkem.VectorSize]byte
		var dk [mlkem.DecapsulationKeySize]byte
		mlkem.GenerateKey((*[mlkem.SeedSize]byte)(v.Seed), &hdr, &ek, &dk)
		require.Equal(t, []byte(v.EK), append(ek[:len(ek):len(ek)], hdr[:32]...))
		require.Equal(t, headerOf(v.EK), hdr)
		require.Equal(t, []byte(v.DK), dk[:])
	})
}

func TestMLKEMEncapsulation(t *testing.T) {
	refused := 0
	each(t, "mlkem_768_encaps_test.json", func(t *testing.T, v *vector) {
		if len(v.EK) != ekSize {
			require.False(t, v.valid())
			return
		}
		hdr, ek := headerOf(v.EK), [mlkem.VectorSize]byte(v.EK)
		require.Equal(t, v.valid(), mlkem.CheckVector(&hdr, &ek))
		if !v.valid() {
			refused++
			return
		}
		var es [mlkem.EncapsulationStateSize]byte
		var ct1 [mlkem.Ciphertext1Size]byte
		var ct2 [mlkem.Ciphertext2Size]byte
		key := mlkem.Encapsulate1((*[32]byte)(v.M), &hdr, &es, &ct1)
		mlkem.Encapsulate2(&es, &ek, &ct2)
		require.Equal(t, []byte(v.K), key[:])
		require.Equal(t, []byte(v.C), append(ct1[:len(ct1):len(ct1)], ct2[:]...))
	})
	require.Greater(t, refused, 100)
}

// TestMLKEMDecapsulation: private keys come from the own store alone, so that damaged ones are not
// looked for.
func TestMLKEMDecapsulation(t *testing.T) {
	n := 0
	each(t, "mlkem_768_semi_expanded_decaps_test.json", func(t *testing.T, v *vector) {
		if v.valid() {
			n++
			require.Equal(t, []byte(v.K), decapsulate(v.DK, v.C))
		}
	})
	require.Positive(t, n)
}
