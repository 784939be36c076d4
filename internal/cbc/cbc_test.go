package cbc

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"github.com/stretchr/testify/require"
)

// The standard library's mode is the oracle on both sides of the length at which we leave it.
func TestAgainstStandardLibrary(t *testing.T) {
	key, iv := [32]byte{1, 2, 3}, [16]byte{4, 5, 6}
	b, err := aes.NewCipher(key[:])
	require.NoError(t, err)
	for n := range 2*short + 40 {
		text := bytes.Repeat([]byte{byte(n)}, n)
		pad := 16 - n%16
		want := append(bytes.Clone(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(b, iv[:]).CryptBlocks(want, want)
		got := make([]byte, Size(n))
		Seal(got, &key, &iv, text)
		require.Equal(t, want, got, "%d bytes", n)
		back, err := Open(&key, &iv, got)
		require.NoError(t, err)
		require.Equal(t, text, append([]byte{}, back...))
		require.Equal(t, want, got, "the input is left as it is")
	}
}

func TestOpenRefuses(t *testing.T) {
	key, iv := [32]byte{1}, [16]byte{2}
	for _, n := range []int{0, 1, 15, 17, 31} {
		_, err := Open(&key, &iv, make([]byte, n))
		require.ErrorIs(t, err, ErrLength)
	}
	good := make([]byte, Size(20))
	Seal(good, &key, &iv, make([]byte, 20))
	iv[15] ^= 0x40 // of the first block alone: the padding of a longer text does not see it
	_, err := Open(&key, &iv, good)
	require.NoError(t, err)
	_, err = Open(&key, &iv, good[:16])
	require.ErrorIs(t, err, ErrPadding)
}

func TestPadding(t *testing.T) {
	for pad := range 256 {
		var last [16]byte
		for i := range last {
			last[i] = byte(pad)
		}
		n, ok := padding(&last)
		require.Equal(t, pad >= 1 && pad <= 16, ok)
		if ok {
			require.Equal(t, pad, n)
			for i := range last {
				last[i] ^= 0x80
				_, ok := padding(&last)
				require.Equal(t, i < 16-pad, ok, "pad %d, byte %d", pad, i)
				last[i] ^= 0x80
			}
		}
	}
}
