// Package tlv is the encoding of everything that a notice signs or stores (custody Annex 2): fields
// of tag(1) ‖ length(varint) ‖ value in ascending order of their tags, each tag at most once.
//
// An encoding is canonical: a varint is as short as it can be, so what parses has one encoding.
package tlv

import "encoding/binary"

// MaxSize is the greatest length of a value, in bytes.
const MaxSize = 1 << 20

// Append appends a field.
func Append(b []byte, tag byte, value []byte) []byte {
	return AppendItem(append(b, tag), value)
}

// AppendUint appends a field that is a number. Zero is a field too.
func AppendUint(b []byte, tag byte, v uint64) []byte {
	return Append(b, tag, binary.AppendUvarint(nil, v))
}

// AppendItem appends an item of a list: its length and its bytes.
func AppendItem(b, item []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(item)))
	return append(b, item...)
}

// A Reader reads fields. The values alias what it reads.
type Reader struct {
	rest []byte
	last int
	bad  bool
}

// NewReader returns a Reader of the fields in b.
func NewReader(b []byte) *Reader { return &Reader{rest: b, last: -1} }

// Next returns the next field. At the end, or at what is no field, it returns false.
func (r *Reader) Next() (tag byte, value []byte, ok bool) {
	if r.bad || len(r.rest) == 0 {
		return 0, nil, false
	}
	tag = r.rest[0]
	value, rest, ok := cut(r.rest[1:])
	if !ok || int(tag) <= r.last {
		r.bad = true
		return 0, nil, false
	}
	r.rest, r.last = rest, int(tag)
	return tag, value, true
}

// OK reports whether everything was read and was well formed.
func (r *Reader) OK() bool { return !r.bad && len(r.rest) == 0 }

// Uint parses the value of a field that is a number.
func Uint(value []byte) (v uint64, ok bool) {
	v, rest, ok := uvarint(value)
	return v, ok && len(rest) == 0
}

// Items parses a list of at most n items. The items alias value.
func Items(value []byte, n int) (items [][]byte, ok bool) {
	for len(value) > 0 {
		item, rest, ok := cut(value)
		if !ok || len(items) == n {
			return nil, false
		}
		items, value = append(items, item), rest
	}
	return items, true
}

func cut(b []byte) (value, rest []byte, ok bool) {
	n, rest, ok := uvarint(b)
	if !ok || n > MaxSize || n > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, false // truncated, too great, or longer than it needs to be
	}
	return v, b[n:], true
}
