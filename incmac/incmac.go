// Package incmac authenticates a stream before its end: an incremental MAC, which is HMAC-SHA-256
// of the stream up to every chunk boundary, and of all of it (protocol §14 of sealed-groups). It is
// made for attachments, of which a player wants to use the beginning before the end has arrived.
//
// The sender computes the MACs with a [Digester] and delivers them out of band, in a message. The
// receiver wraps the stream in a [Reader] or a [Writer], which pass bytes on once the chunk they
// are in has been validated, and never before. The MACs cover prefixes, so chunks cannot be
// reordered or moved between streams; a cut is noticed at the end, and the chunks before it are
// authentic.
//
// The stream's contents are not encrypted here. None of the types is safe for concurrent use.
//
// # Compatibility
//
// Digests are the official client's, byte for byte: one MAC for each whole chunk and one more for
// the whole stream, also where the two are the same.
package incmac

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash"
)

// Size is the length of one MAC, in bytes.
const Size = sha256.Size

// ErrCorrupted is a stream that is not the one of which the digest was made: altered, cut or
// longer.
var ErrCorrupted = errors.New("incmac: corrupted input data")

// ChunkSize returns the number of bytes between MACs that sender and receiver use for a stream of
// size bytes: 64 KiB for a small one, then the size that leads to 256 chunks, but at most 2 MiB.
func ChunkSize(size uint64) int {
	const (
		least  = 64 << 10
		most   = 2 << 20
		chunks = 8192 / Size // the digest is to be about 8 KiB at most
	)
	switch {
	case size < chunks*least:
		return least
	case size < chunks*most:
		return int((size + chunks - 1) / chunks)
	}
	return most
}

// A Digester computes the digest of what is written to it. Make one with NewDigester. To compute it
// of what is read, give it to io.TeeReader.
type Digester struct {
	prefix
	digest []byte
}

// NewDigester returns a Digester with a MAC after every chunk bytes. The key may have any length;
// it is not kept. The error is for a chunk below 1.
func NewDigester(key []byte, chunk int) (*Digester, error) {
	p, err := newPrefix(key, chunk)
	if err != nil {
		return nil, err
	}
	return &Digester{prefix: p}, nil
}

// Write adds b to the stream. How the stream is cut into writes makes no difference. The error is
// always nil.
func (d *Digester) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		b = b[d.feed(b):]
		if d.atBoundary() {
			d.digest = d.h.Sum(d.digest)
		}
	}
	return n, nil
}

// Digest returns the digest of what has been written so far: Size bytes for each whole chunk and
// Size bytes for all of it. It may be called at any time and changes nothing.
func (d *Digester) Digest() []byte {
	return d.h.Sum(d.digest[:len(d.digest):len(d.digest)])
}

// A prefix is the MAC of a growing stream, cut into chunks.
type prefix struct {
	h     hash.Hash
	chunk int
	past  int // bytes since the last boundary
}

func newPrefix(key []byte, chunk int) (prefix, error) {
	if chunk < 1 {
		return prefix{}, errors.New("incmac: the chunk size is not positive")
	}
	return prefix{h: hmac.New(sha256.New, key), chunk: chunk}, nil
}

// feed adds bytes of b, not empty, up to the next boundary, and returns how many.
func (p *prefix) feed(b []byte) int {
	if p.past == p.chunk {
		p.past = 0
	}
	n := min(len(b), p.chunk-p.past)
	p.h.Write(b[:n])
	p.past += n
	return n
}

// atBoundary reports whether the last byte fed was the last of a chunk.
func (p *prefix) atBoundary() bool { return p.past == p.chunk }

// A validator compares the MACs of a stream with those of a digest, one after the other.
type validator struct {
	prefix
	left []byte // of the digest
	sum  [Size]byte
}

func newValidator(key []byte, chunk int, digest []byte) (validator, error) {
	p, err := newPrefix(key, chunk)
	if err != nil {
		return validator{}, err
	}
	if len(digest)%Size != 0 {
		return validator{}, errors.New("incmac: the length of the digest is not a multiple of 32")
	}
	return validator{prefix: p, left: append([]byte(nil), digest...)}, nil
}

// check compares the MAC of the stream so far with the next of the digest.
func (v *validator) check() error {
	if len(v.left) < Size {
		return ErrCorrupted
	}
	sum := v.h.Sum(v.sum[:0])
	if subtle.ConstantTimeCompare(sum, v.left[:Size]) != 1 {
		return ErrCorrupted
	}
	v.left = v.left[Size:]
	return nil
}

// finish is check for the end of the stream: exactly one MAC must be left.
func (v *validator) finish() error {
	if len(v.left) != Size {
		return ErrCorrupted
	}
	return v.check()
}
