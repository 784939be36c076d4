// Package gcmsiv is AES-256-GCM-SIV (RFC 8452) with a nonce that the caller chooses, for keys that
// seal one message: sealed sender v2 uses a fresh key and a nonce of zeros.
//
// AES is the standard library's. Field arithmetic is made of integer products and runs in constant
// time where those do.
package gcmsiv

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"signet.example/signet/internal/secret"
)

const (
	// KeySize is the length of a key in bytes.
	KeySize = 32
	// NonceSize is the length of a nonce in bytes.
	NonceSize = 12
	// Overhead is by how many bytes a ciphertext is longer than its plaintext.
	Overhead = blockSize

	blockSize = aes.BlockSize
	maxSize   = 1 << 36 // bytes of plaintext, and of associated data: RFC 8452 §6
)

// ErrOpen is a ciphertext that was not sealed with this key, nonce and associated data.
var ErrOpen = errors.New("gcmsiv: message authentication failed")

// errSize cannot happen below 64 GiB.
var errSize = errors.New("gcmsiv: message is too long")

// Seal appends the ciphertext of plaintext and its tag to dst: len(plaintext) + Overhead bytes. The
// spare capacity of dst must not overlap the plaintext, which is not modified, nor must it overlap
// aad. The error is for more than 2^36 bytes.
func Seal(dst []byte, key *[KeySize]byte, nonce *[NonceSize]byte, plaintext, aad []byte) ([]byte, error) {
	if uint64(len(plaintext)) > maxSize || uint64(len(aad)) > maxSize {
		return nil, errSize
	}
	var k keys
	k.derive(key, nonce)
	tag := k.tag(nonce, plaintext, aad)
	start := len(dst)
	dst = append(dst, plaintext...)
	k.xor(dst[start:], dst[start:], &tag)
	return append(dst, tag[:]...), nil
}

// Open returns the plaintext of a ciphertext with its tag, len(ciphertext) - Overhead bytes of its
// own, or ErrOpen. Its inputs are not modified.
func Open(key *[KeySize]byte, nonce *[NonceSize]byte, ciphertext, aad []byte) ([]byte, error) {
	n := len(ciphertext) - Overhead
	if n < 0 || uint64(n) > maxSize || uint64(len(aad)) > maxSize {
		return nil, ErrOpen
	}
	var k keys
	k.derive(key, nonce)
	tag := [blockSize]byte(ciphertext[n:])
	plaintext := make([]byte, n)
	k.xor(plaintext, ciphertext[:n], &tag)
	want := k.tag(nonce, plaintext, aad)
	if subtle.ConstantTimeCompare(want[:], tag[:]) != 1 {
		secret.Wipe(plaintext)
		return nil, ErrOpen
	}
	return plaintext, nil
}

// keys are what RFC 8452 §4 derives from a key and a nonce.
type keys struct {
	authentication [16]byte
	encryption     cipher.Block
	in, out        [batch * blockSize]byte // here, as what an interface method is given escapes
}

// batch is the number of blocks whose keystream is made in one go.
const batch = 8

func (k *keys) derive(key *[KeySize]byte, nonce *[NonceSize]byte) {
	block := newCipher(key[:])
	var encryption [KeySize]byte
	in, out := k.in[:blockSize], k.out[:blockSize]
	copy(in[4:], nonce[:])
	for i := range uint32(6) {
		binary.LittleEndian.PutUint32(in, i)
		block.Encrypt(out, in)
		if i < 2 {
			copy(k.authentication[8*i:], out[:8])
		} else {
			copy(encryption[8*(i-2):], out[:8])
		}
	}
	k.encryption = newCipher(encryption[:])
	secret.Wipe(encryption[:])
	secret.Wipe(out)
}

func newCipher(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("gcmsiv: a key of 32 bytes was refused") // only its length could be wrong
	}
	return block
}

// tag is the tag of a message.
func (k *keys) tag(nonce *[NonceSize]byte, plaintext, aad []byte) (tag [blockSize]byte) {
	var v polyval
	v.init(&k.authentication, len(plaintext)+len(aad))
	v.update(aad)
	v.update(plaintext)
	var sizes [blockSize]byte
	binary.LittleEndian.PutUint64(sizes[:], uint64(len(aad))*8)
	binary.LittleEndian.PutUint64(sizes[8:], uint64(len(plaintext))*8)
	v.update(sizes[:])
	in, out := k.in[:blockSize], k.out[:blockSize]
	binary.LittleEndian.PutUint64(in, v.s.lo)
	binary.LittleEndian.PutUint64(in[8:], v.s.hi)
	subtle.XORBytes(in, in[:NonceSize], nonce[:])
	in[blockSize-1] &= 0x7f
	k.encryption.Encrypt(out, in)
	v = polyval{}
	return [blockSize]byte(out)
}

// xor sets dst to src with the keystream of tag: the counter is the first four bytes of a block,
// lowest first, and wraps without a carry.
func (k *keys) xor(dst, src []byte, tag *[blockSize]byte) {
	counter := binary.LittleEndian.Uint32(tag[:])
	for at := 0; at < len(k.in); at += blockSize {
		copy(k.in[at:], tag[:])
		k.in[at+blockSize-1] |= 0x80
	}
	for len(src) > 0 {
		n := min(len(src), len(k.in))
		for at := 0; at < n; at += blockSize {
			in := k.in[at : at+blockSize]
			binary.LittleEndian.PutUint32(in, counter)
			counter++
			k.encryption.Encrypt(k.out[at:at+blockSize], in)
		}
		subtle.XORBytes(dst, src[:n], k.out[:n])
		dst, src = dst[n:], src[n:]
	}
	secret.Wipe(k.out[:])
}
