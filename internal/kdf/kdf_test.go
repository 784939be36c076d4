package kdf

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// The standard library is the oracle for both functions at every length that matters.
func TestAgainstStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 3 * short {
		key, a, b := random(r, n%97), random(r, n), random(r, n%40)
		h := hmac.New(sha256.New, key)
		h.Write(a)
		h.Write(b)
		got := HMAC(key, a, b)
		require.Equal(t, h.Sum(nil), got[:], "hmac of %d bytes", n)

		salt, ikm, info := random(r, n%65), random(r, n%200), random(r, n%150)
		want, err := hkdf.Key(sha256.New, ikm, salt, string(info), 1+n%130)
		require.NoError(t, err)
		out := make([]byte, len(want))
		HKDF(out, salt, ikm, info)
		require.Equal(t, want, out, "hkdf %d", n)
	}
}

func TestNilSaltIsZeros(t *testing.T) {
	var a, b [80]byte
	HKDF(a[:], nil, []byte("ikm"), []byte("info"))
	HKDF(b[:], make([]byte, 32), []byte("ikm"), []byte("info"))
	require.Equal(t, a, b)
}

func TestAllocations(t *testing.T) {
	key, msg, out := make([]byte, 32), bytes.Repeat([]byte{1}, 200), make([]byte, 96)
	require.Zero(t, testing.AllocsPerRun(100, func() { HMAC(key, msg) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { HKDF(out, key, msg[:192], msg[:64]) }))
	big := make([]byte, 4096)
	if raceEnabled {
		t.Skip("a sync.Pool drops objects at random under the race detector")
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { HMAC(key, msg, big) }))
}

func BenchmarkHMAC32(b *testing.B) {
	key, msg := make([]byte, 32), make([]byte, 1)
	b.ReportAllocs()
	for b.Loop() {
		HMAC(key, msg)
	}
}

func BenchmarkHKDF80(b *testing.B) {
	key, out := make([]byte, 32), make([]byte, 80)
	b.ReportAllocs()
	for b.Loop() {
		HKDF(out, key, key, []byte("WhisperMessageKeys"))
	}
}
