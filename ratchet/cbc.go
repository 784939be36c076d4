package ratchet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
)

// padded is the length of the CBC ciphertext of n bytes: PKCS #7 adds 1 to 16 (protocol §5.2).
func padded(n int) int { return n + aes.BlockSize - n%aes.BlockSize }

// seal fills dst, of length padded(len(plaintext)), with AES-256-CBC of the padded plaintext.
func seal(dst []byte, k *messageKeys, plaintext []byte) {
	n := copy(dst, plaintext)
	pad := byte(len(dst) - n)
	for i := n; i < len(dst); i++ {
		dst[i] = pad
	}
	cbc(k).CryptBlocks(dst, dst)
}

func cbc(k *messageKeys) cipher.BlockMode {
	return cipher.NewCBCEncrypter(block(k), k.iv[:])
}

func block(k *messageKeys) cipher.Block {
	b, err := aes.NewCipher(k.cipher[:])
	if err != nil {
		panic("ratchet: AES refused a key of 32 bytes") // it has no other reason to fail
	}
	return b
}

var errCiphertext = errors.New("ratchet: failed to decrypt")

// open appends the plaintext of ciphertext to dst. The padding is judged on the last block before
// anything is written: dst's spare capacity is untouched on error.
func open(dst []byte, k *messageKeys, ciphertext []byte) ([]byte, error) {
	n := len(ciphertext)
	if n == 0 || n%aes.BlockSize != 0 {
		return nil, errCiphertext
	}
	b := block(k)
	var last [aes.BlockSize]byte
	b.Decrypt(last[:], ciphertext[n-aes.BlockSize:])
	previous := k.iv[:]
	if n > aes.BlockSize {
		previous = ciphertext[n-2*aes.BlockSize : n-aes.BlockSize]
	}
	subtle.XORBytes(last[:], last[:], previous)
	pad, ok := padding(&last)
	if !ok {
		return nil, errCiphertext
	}
	head := n - aes.BlockSize
	at := len(dst)
	dst = append(dst, make([]byte, n-pad)...)
	if head > 0 {
		cipher.NewCBCDecrypter(b, k.iv[:]).CryptBlocks(dst[at:at+head], ciphertext[:head])
	}
	copy(dst[at+head:], last[:aes.BlockSize-pad])
	clear(last[:])
	return dst, nil
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
