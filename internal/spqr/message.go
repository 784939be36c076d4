package spqr

import (
	"errors"
	"math"

	"signet.example/signet/internal/erasure"
)

// A kind says what a message carries (spqr §5.1).
type kind uint8

const (
	kindNone     kind = iota
	kindHdr           // a chunk of header ‖ MAC
	kindEk            // a chunk of the encapsulation key's vector
	kindEkCt1Ack      // the same, and "I have all of ct1"
	kindCt1Ack        // "I have all of ct1", and ct2 is arriving
	kindCt1           // a chunk of ct1
	kindCt2           // a chunk of ct2 ‖ MAC
	kinds             // how many there are
)

// hasChunk reports whether messages of the kind carry a chunk.
func (k kind) hasChunk() bool { return k != kindNone && k != kindCt1Ack }

// MaxMessage is the length of the longest message in bytes: version, epoch, index, kind, chunk
// index, chunk.
const MaxMessage = 1 + 10 + 5 + 1 + 3 + erasure.ChunkSize

// version1 is the first byte of every message, and the version of every state, that we speak.
const version1 = 1

var errMessage = errors.New("spqr: message decode failed")

// A message is what goes over the wire (spqr §5).
type message struct {
	epoch uint64 // of the braid, never 0
	index uint32 // of the key in its chain; 0 is "no key" in epoch 1
	kind  kind
	chunk uint16 // the chunk's index
	data  [erasure.ChunkSize]byte
}

// append appends the encoded message.
func (m *message) append(b []byte) []byte {
	b = append(b, version1)
	b = appendUvarint(b, m.epoch)
	b = appendUvarint(b, uint64(m.index))
	b = append(b, byte(m.kind))
	if m.kind.hasChunk() {
		b = appendUvarint(b, uint64(m.chunk))
		b = append(b, m.data[:]...)
	}
	return b
}

// preamble reads what all versions have in common. The version of an empty message is 0, with
// nothing else in it (spqr §6.1).
func (m *message) preamble(b []byte) (version byte, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, nil
	}
	version = b[0]
	epoch, rest, ok := uvarint(b[1:])
	if !ok || epoch == 0 {
		return 0, nil, errMessage
	}
	index, rest, ok := uvarint(rest)
	if !ok || index > math.MaxUint32 {
		return 0, nil, errMessage
	}
	m.epoch, m.index = epoch, uint32(index)
	return version, rest, nil
}

// payload reads what version 1 has after the preamble. Bytes after it are ignored (spqr §5.1).
func (m *message) payload(b []byte) error {
	if len(b) == 0 || b[0] >= byte(kinds) {
		return errMessage
	}
	m.kind = kind(b[0])
	if !m.kind.hasChunk() {
		return nil
	}
	chunk, b, ok := uvarint(b[1:])
	if !ok || chunk > math.MaxUint16 || len(b) < len(m.data) {
		return errMessage
	}
	m.chunk = uint16(chunk)
	copy(m.data[:], b)
	return nil
}

// uvarint differs from binary.Uvarint in one point: bits beyond the 64th are dropped, not an error,
// because the deployed reader drops them (spqr §5.2).
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	for i, c := range b[:min(len(b), 10)] {
		v |= uint64(c&0x7F) << (7 * i)
		if c < 0x80 {
			return v, b[i+1:], true
		}
	}
	return 0, nil, false
}

func appendUvarint(b []byte, v uint64) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}
