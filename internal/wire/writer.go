package wire

import (
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Writer builds a message from its end to its beginning, so that the length of an embedded
// message is known when it comes to be written. Fields go in descending order. Proto3 defaults are
// omitted by Uint and Bytes, and written by Message. The zero Writer works.
type Writer struct {
	buf []byte
	at  int // buf[at:] is written
}

// NewWriter returns a Writer into buf, whose content is overwritten from its end.
func NewWriter(buf []byte) Writer { return Writer{buf: buf, at: len(buf)} }

// Written is a mark for Message: the number of bytes so far.
func (w *Writer) Written() int { return len(w.buf) - w.at }

// Reserve makes room for n bytes in front of what is written, and returns it.
func (w *Writer) Reserve(n int) []byte {
	if w.at < n {
		w.grow(n)
	}
	w.at -= n
	return w.buf[w.at : w.at+n]
}

// grow is the way out if the size of the message was underestimated.
func (w *Writer) grow(n int) {
	buf := make([]byte, 2*len(w.buf)+n)
	at := len(buf) - (len(w.buf) - w.at)
	copy(buf[at:], w.buf[w.at:])
	clear(w.buf)
	w.buf, w.at = buf, at
}

func (w *Writer) varint(v uint64) {
	if v < 0x80 && w.at > 0 {
		w.at--
		w.buf[w.at] = byte(v)
		return
	}
	n := (bits.Len64(v|1) + 6) / 7
	b := w.Reserve(n)
	for i := range b {
		b[i] = byte(v) | 0x80
		v >>= 7
	}
	b[n-1] &= 0x7F
}

// Uint writes a varint field unless it is zero.
func (w *Writer) Uint(num protowire.Number, v uint64) {
	if v == 0 {
		return
	}
	if v < 0x80 && num < 16 && w.at >= 2 {
		w.at -= 2
		w.buf[w.at], w.buf[w.at+1] = byte(num)<<3|byte(protowire.VarintType), byte(v)
		return
	}
	w.varint(v)
	w.varint(uint64(num)<<3 | uint64(protowire.VarintType))
}

// Bytes writes a length-delimited field unless it is empty. It copies b.
func (w *Writer) Bytes(num protowire.Number, b []byte) {
	n := len(b)
	switch {
	case n == 0:
	case n < 0x80 && num < 16 && w.at >= n+2: // most of them
		w.at -= n + 2
		to := w.buf[w.at : w.at+n+2]
		to[0], to[1] = byte(num)<<3|byte(protowire.BytesType), byte(n)
		copy(to[2:], b)
	default:
		copy(w.Reserve(n), b)
		w.head(num, n)
	}
}

// Raw writes bytes that are fields already.
func (w *Writer) Raw(b []byte) { copy(w.Reserve(len(b)), b) }

func (w *Writer) head(num protowire.Number, n int) {
	if n < 0x80 && num < 16 && w.at >= 2 { // most of them
		w.at -= 2
		w.buf[w.at], w.buf[w.at+1] = byte(num)<<3|byte(protowire.BytesType), byte(n)
		return
	}
	w.varint(uint64(n))
	w.varint(uint64(num)<<3 | uint64(protowire.BytesType))
}

// Message makes everything written since the mark the content of one field.
func (w *Writer) Message(num protowire.Number, mark int) {
	w.head(num, w.Written()-mark)
}

// Result returns what was written: the end of the buffer, if
// that was large enough.
func (w *Writer) Result() []byte { return w.buf[w.at:] }
