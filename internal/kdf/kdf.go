// Package kdf computes HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869) without allocating.
//
// The protocol's derivations hash short strings, so both halves of an HMAC are laid out in one
// buffer on the stack and hashed with sha256.Sum256; longer inputs go through a pooled hash.
package kdf

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

const (
	block = sha256.BlockSize
	size  = sha256.Size

	// short is how many bytes of message fit the buffer on the stack. The longest derivation of
	// the protocol hashes the 192 bytes of a PQXDH with a one-time prekey.
	short = 256
)

// HMAC returns HMAC-SHA-256 under key of the concatenation of parts. The key may have any length;
// the protocol's are 32 bytes.
func HMAC(key []byte, parts ...[]byte) (sum [size]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n > short {
		return long(key, parts)
	}
	var inner [block + short]byte
	var outer [block + size]byte
	pad(&inner, &outer, key)
	n = block
	for _, p := range parts {
		n += copy(inner[n:], p)
	}
	sum = sha256.Sum256(inner[:n])
	copy(outer[block:], sum[:])
	sum = sha256.Sum256(outer[:])
	clear(inner[:n])
	clear(outer[:block])
	return sum
}

// pad fills the first block of each buffer, which is zero, with the key under the inner and outer
// padding.
func pad(inner *[block + short]byte, outer *[block + size]byte, key []byte) {
	if len(key) > block {
		h := sha256.Sum256(key)
		key = h[:]
	}
	copy(inner[:block], key)
	for i := 0; i < block; i += 8 {
		w := binary.NativeEndian.Uint64(inner[i:])
		binary.NativeEndian.PutUint64(inner[i:], w^0x3636363636363636)
		binary.NativeEndian.PutUint64(outer[i:], w^0x5c5c5c5c5c5c5c5c)
	}
}

// A digest is a pooled hash with a buffer of its own: what a caller hands to an interface method
// escapes to the heap, so messages are passed through the buffer.
type digest struct {
	h   hash.Hash
	buf [1024]byte
}

var digests = sync.Pool{New: func() any { return &digest{h: sha256.New()} }}

func (d *digest) write(p []byte) {
	for len(p) > 0 {
		n := copy(d.buf[:], p)
		d.h.Write(d.buf[:n])
		p = p[n:]
	}
}

// long is HMAC for messages that do not fit the stack.
func long(key []byte, parts [][]byte) (sum [size]byte) {
	var inner [block + short]byte
	var outer [block + size]byte
	pad(&inner, &outer, key)
	d := digests.Get().(*digest)
	d.h.Reset()
	d.write(inner[:block])
	for _, p := range parts {
		d.write(p)
	}
	copy(outer[block:], d.h.Sum(d.buf[:0]))
	d.h.Reset() // a pooled hash keeps nothing of the message
	clear(d.buf[:])
	digests.Put(d)
	sum = sha256.Sum256(outer[:])
	clear(inner[:block])
	clear(outer[:block])
	return sum
}

// HKDF fills out with HKDF-SHA-256 of ikm. A nil salt stands for 32 zero bytes, as RFC 5869 §2.2
// says; out is at most 255 · 32 bytes and info at most 223, both constants of the protocol.
func HKDF(out, salt, ikm, info []byte) {
	prk := HMAC(salt, ikm)
	var inner [block + short]byte
	var outer [block + size]byte
	pad(&inner, &outer, prk[:])
	n := block // T(0) is empty
	for i := byte(1); len(out) > 0; i++ {
		end := n + copy(inner[n:], info)
		inner[end] = i
		t := sha256.Sum256(inner[:end+1])
		copy(outer[block:], t[:])
		t = sha256.Sum256(outer[:])
		out = out[copy(out, t[:]):]
		n = block + copy(inner[block:], t[:])
		clear(t[:])
	}
	clear(inner[:])
	clear(outer[:])
	clear(prk[:])
}
