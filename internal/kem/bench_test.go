package kem

import (
	"crypto/mlkem"
	"crypto/sha3"
	"testing"

	"github.com/stretchr/testify/require"
)

// crypto/mlkem with the last step of round 3 is the alternative for encapsulation, and the floor
// for decapsulation, where it could not load our keys and computes its matrix in advance.
func BenchmarkEncapsulate(b *testing.B) {
	public, _ := Generate(&[SeedSize]byte{1})
	b.Run("circl", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Encapsulate(public, &[CoinsSize]byte{2})
		}
	})
	b.Run("crypto-mlkem", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ek, err := mlkem.NewEncapsulationKey1024(public[1:])
			require.NoError(b, err)
			finish(ek.Encapsulate())
		}
	})
}

func BenchmarkDecapsulate(b *testing.B) {
	public, private := Generate(&[SeedSize]byte{1})
	ciphertext, _, _ := Encapsulate(public, &[CoinsSize]byte{2})
	b.Run("circl", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Decapsulate(private, ciphertext)
		}
	})
	dk, err := mlkem.GenerateKey1024()
	require.NoError(b, err)
	_, ct := dk.EncapsulationKey().Encapsulate()
	b.Run("crypto-mlkem-expanded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			k, _ := dk.Decapsulate(ct)
			finish(k, ct)
		}
	})
}

func BenchmarkGenerate(b *testing.B) {
	b.Run("circl", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Generate(&[SeedSize]byte{1})
		}
	})
	b.Run("crypto-mlkem", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mlkem.NewDecapsulationKey1024(make([]byte, 64))
		}
	})
}

// finish turns the secret of ML-KEM into that of round 3.
func finish(k, ciphertext []byte) [SecretSize]byte {
	h := sha3.Sum256(ciphertext)
	return [SecretSize]byte(sha3.SumSHAKE256(append(k[:32:32], h[:]...), SecretSize))
}
