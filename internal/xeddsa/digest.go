package xeddsa

import (
	"crypto/sha512"
	"hash"
	"runtime"
	"sync"

	"filippo.io/edwards25519"
)

// A digest is a pooled SHA-512 with a buffer of its own: what a caller hands to an interface
// method escapes to the heap, so its input is passed through the buffer. The buffer holds the
// largest message that the protocol signs, a KEM public key, so that an input which begins with a
// private key reaches the hash in one write and no block of that key stays in it.
type digest struct {
	h   hash.Hash
	n   int // bytes of buf in use
	buf [2048]byte
}

var digests = sync.Pool{New: func() any { return &digest{h: sha512.New()} }}

func newDigest() *digest { return digests.Get().(*digest) }

// free gives d back without a trace of what it hashed.
func (d *digest) free() {
	clear(d.buf[:])
	runtime.KeepAlive(d)
	d.n = 0
	d.h.Reset()
	digests.Put(d)
}

func (d *digest) write(p []byte) {
	for len(p) > 0 {
		if d.n == len(d.buf) {
			d.flush()
		}
		n := copy(d.buf[d.n:], p)
		d.n += n
		p = p[n:]
	}
}

func (d *digest) writeAll(parts [][]byte) {
	for _, p := range parts {
		d.write(p)
	}
}

func (d *digest) flush() {
	d.h.Write(d.buf[:d.n])
	d.n = 0
}

// scalar sets s to the hash of everything written, modulo L, and starts afresh.
func (d *digest) scalar(s *edwards25519.Scalar) {
	d.flush()
	sum := d.h.Sum(d.buf[:0])
	if _, err := s.SetUniformBytes(sum); err != nil {
		panic("xeddsa: a hash of 64 bytes was refused") // only its length could be wrong
	}
	d.h.Reset()
}
