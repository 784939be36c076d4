// Package erasure is the erasure code of the ML-KEM Braid (spqr §7): it turns a message into an
// endless stream of 32-byte chunks, any N of which, with distinct indices, rebuild it. N is the
// number of chunks that hold the message itself, and those come first: the code is systematic.
//
// The message is cut in elements of GF(2^16), dealt in turn to sixteen polynomials; chunk c is the
// value of each at point c. Indices are 16 bits wide and wrap: chunk 65 536 is chunk 0 again.
//
// Encoders and decoders are kept between two chunks as lists of elements, one list for each
// polynomial, in the byte order of the stored state (spqr §14). They work on these bytes in place,
// because almost every chunk is a copy that needs no arithmetic. The input's bytes are borrowed and
// never written.
//
// The data is public (it goes over the wire), so the running time may depend on it. Nothing here is
// safe for concurrent use, nor needs to be.
package erasure

import (
	"encoding/binary"
	"errors"
)

const (
	// ChunkSize is the length of a chunk, in bytes.
	ChunkSize = 2 * lanes

	// MaxSize is the length of the longest message, in bytes. The braid's longest is 1152.
	MaxSize = ChunkSize * maxChunks

	lanes     = 16
	maxChunks = 64 // keeps differences of systematic points below 64: see inverses
)

// Lists holds the stored form of an encoder or a decoder, one list for each polynomial.
//
// In an encoder a list has N big-endian elements: the polynomial's values at 0 … N−1 or, from the
// first parity chunk on, its coefficients, the constant first. In a decoder it has a record of four
// bytes, the big-endian point and value, for each chunk received, ascending by point.
type Lists [lanes][]byte

var (
	errSize  = errors.New("erasure: message size is not a multiple of the chunk size, or too large")
	errLists = errors.New("erasure: lists of wrong length")
	errPoint = errors.New("erasure: lists with different or unordered points")
)

// chunks is N for a message of size bytes.
func chunks(size int) (int, error) {
	if size <= 0 || size > MaxSize || size%ChunkSize != 0 {
		return 0, errSize
	}
	return size / ChunkSize, nil
}

// row gathers the elements at an offset of each list.
func (l *Lists) row(offset int) (r row) {
	for p, list := range l {
		r[p/4] |= uint64(binary.BigEndian.Uint16(list[offset:])) << (48 - 16*(p%4))
	}
	return r
}

// put is the inverse of row.
func (l *Lists) put(offset int, r *row) {
	for p, list := range l {
		binary.BigEndian.PutUint16(list[offset:], uint16(r[p/4]>>(48-16*(p%4))))
	}
}

// alike reports whether all lists have the same length, and returns it.
func (l *Lists) alike() (int, bool) {
	for _, list := range l[1:] {
		if len(list) != len(l[0]) {
			return 0, false
		}
	}
	return len(l[0]), true
}

func (r *row) store(chunk []byte) {
	for j, v := range r {
		binary.BigEndian.PutUint64(chunk[8*j:], v)
	}
}
