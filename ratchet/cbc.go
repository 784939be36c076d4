package ratchet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
)

// Below this many bytes a loop over single blocks beats the standard library's CBC mode, which
// allocates and copies a key schedule for each message. From here on its wider loops win.
const shortCBC = 512

// padded is the length of the CBC ciphertext of n bytes: PKCS #7 adds 1 to 16 (protocol §5.2).
func padded(n int) int { return n + aes.BlockSize - n%aes.BlockSize }

// seal fills dst, of length padded(len(plaintext)), with AES-256-CBC of the padded plaintext.
func seal(dst []byte, k *messageKeys, plaintext []byte) {
	n := copy(dst, plaintext)
	pad := byte(len(dst) - n)
	for i := n; i < len(dst); i++ {
		dst[i] = pad
	}
	b := newBlock(k)
	if len(dst) > shortCBC {
		cipher.NewCBCEncrypter(b, append([]byte(nil), k.iv[:]...)).CryptBlocks(dst, dst)
		return
	}
	previous := k.iv[:]
	for at := 0; at < len(dst); at += aes.BlockSize {
		block := dst[at : at+aes.BlockSize]
		subtle.XORBytes(block, block, previous)
		b.Encrypt(block, block)
		previous = block
	}
}

func newBlock(k *messageKeys) cipher.Block {
	b, err := aes.NewCipher(k.cipher[:])
	if err != nil {
		panic("ratchet: AES refused a key of 32 bytes") // it has no other reason to fail
	}
	return b
}

var errCiphertext = errors.New("ratchet: failed to decrypt")

// open appends the plaintext of ciphertext to dst. Nothing is written to dst's spare capacity before
// the padding has been found good.
func open(dst []byte, k *messageKeys, ciphertext []byte) ([]byte, error) {
	n := len(ciphertext)
	if n == 0 || n%aes.BlockSize != 0 {
		return nil, errCiphertext
	}
	out := make([]byte, n)
	b := newBlock(k)
	if n > shortCBC {
		cipher.NewCBCDecrypter(b, append([]byte(nil), k.iv[:]...)).CryptBlocks(out, ciphertext)
	} else {
		previous := k.iv[:]
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
		return nil, errCiphertext
	}
	if dst == nil {
		return out[:n-pad], nil
	}
	return append(dst, out[:n-pad]...), nil
}

// padding returns the PKCS #7 padding's length in constant time.
func padding(last *[aes.BlockSize]byte) (n int, ok bool) {
	pad := int(last[aes.BlockSize-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, aes.BlockSize)
	for i, c := range last {
		inside := subtle.ConstantTimeLessOrEq(aes.BlockSize-i, pad)
		good &= subtle.ConstantTimeSelect(inside, subtle.ConstantTimeByteEq(c, byte(pad)), 1)
	}
	return subtle.ConstantTimeSelect(good, pad, 0), good == 1
}
