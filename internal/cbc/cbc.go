// Package cbc is AES-256-CBC with PKCS #7 padding, as the messages of sessions and groups use it
// (protocol §5.2). It is always under a MAC or a signature that was checked before.
package cbc

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
)

// Below this many bytes a loop over single blocks beats the standard library's CBC mode, which
// allocates and copies a key schedule for each message. From here on its wider loops win.
const short = 512

// Size is the length of the ciphertext of n bytes: padding adds 1 to 16.
func Size(n int) int { return n + aes.BlockSize - n%aes.BlockSize }

// Seal fills dst, of length Size(len(plaintext)), with the ciphertext. dst must not overlap
// plaintext.
func Seal(dst []byte, key *[32]byte, iv *[16]byte, plaintext []byte) {
	n := copy(dst, plaintext)
	pad := byte(len(dst) - n)
	for i := n; i < len(dst); i++ {
		dst[i] = pad
	}
	b := schedule(key)
	if len(dst) > short {
		cipher.NewCBCEncrypter(b, append([]byte(nil), iv[:]...)).CryptBlocks(dst, dst)
		return
	}
	previous := iv[:]
	for at := 0; at < len(dst); at += aes.BlockSize {
		block := dst[at : at+aes.BlockSize]
		subtle.XORBytes(block, block, previous)
		b.Encrypt(block, block)
		previous = block
	}
}

func schedule(key *[32]byte) cipher.Block {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic("cbc: AES refused a key of 32 bytes") // it has no other reason to fail
	}
	return b
}

// The two ways in which a ciphertext can be wrong.
var (
	ErrLength  = errors.New("ciphertext length must be a non-zero multiple of 16")
	ErrPadding = errors.New("failed to decrypt")
)

// Open returns the plaintext in a slice of its own. The padding is looked at in constant time.
func Open(key *[32]byte, iv *[16]byte, ciphertext []byte) ([]byte, error) {
	n := len(ciphertext)
	if n == 0 || n%aes.BlockSize != 0 {
		return nil, ErrLength
	}
	out := make([]byte, n)
	b := schedule(key)
	if n > short {
		cipher.NewCBCDecrypter(b, append([]byte(nil), iv[:]...)).CryptBlocks(out, ciphertext)
	} else {
		previous := iv[:]
		for at := 0; at < n; at += aes.BlockSize {
			block := out[at : at+aes.BlockSize]
			b.Decrypt(block, ciphertext[at:])
			subtle.XORBytes(block, block, previous)
			previous = ciphertext[at : at+aes.BlockSize]
		}
	}
	pad, ok := padding((*[aes.BlockSize]byte)(out[n-aes.BlockSize:]))
	if !ok {
		clear(out)
		return nil, ErrPadding
	}
	return out[:n-pad], nil
}

// padding returns the padding's length.
func padding(last *[aes.BlockSize]byte) (n int, ok bool) {
	pad := int(last[aes.BlockSize-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, aes.BlockSize)
	for i, c := range last {
		inside := subtle.ConstantTimeLessOrEq(aes.BlockSize-i, pad)
		good &= subtle.ConstantTimeSelect(inside, subtle.ConstantTimeByteEq(c, byte(pad)), 1)
	}
	return subtle.ConstantTimeSelect(good, pad, 0), good == 1
}
