package backup

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// A row is its kind, one byte, and the fields of that kind: numbers as varints, strings with their
// length, as a varint, in front. Missing and empty are told apart: the length is one more, and 0
// means missing.

type field struct {
	number *uint32
	text   *string
	bytes  *[]byte
}

// fields lists the fields of r's kind. It is nil for a kind that is not known.
func (r *Row) fields() []field {
	number := func(n *uint32) field { return field{number: n} }
	text := func(s *string) field { return field{text: s} }
	blob := func(b *[]byte) field { return field{bytes: b} }
	switch r.Kind {
	case Value:
		return []field{text(&r.Name), blob(&r.Value)}
	case PreKey, SignedPreKey, KEMPreKey:
		return []field{number(&r.ID), blob(&r.Value)}
	case Mark:
		return []field{number(&r.ID), number(&r.SignedID), blob(&r.Value)}
	case Peer:
		return []field{text(&r.Peer.Name), number(&r.Peer.Device), blob(&r.Identity), blob(&r.Session), blob(&r.Archive)}
	case SenderKey:
		return []field{text(&r.Peer.Name), number(&r.Peer.Device), text(&r.Name), blob(&r.Value)}
	case end:
		return []field{}
	}
	return nil
}

func appendRow(b []byte, r *Row) []byte {
	b = append(b, byte(r.Kind))
	for _, f := range r.fields() {
		switch {
		case f.number != nil:
			b = binary.AppendUvarint(b, uint64(*f.number))
		case f.text != nil:
			b = append(binary.AppendUvarint(b, uint64(len(*f.text))+1), *f.text...)
		case *f.bytes == nil:
			b = append(b, 0)
		default:
			b = append(binary.AppendUvarint(b, uint64(len(*f.bytes))+1), *f.bytes...)
		}
	}
	return b
}

type byteReader interface {
	io.Reader
	io.ByteReader
}

func parseRow(r byteReader) (*Row, error) {
	kind, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	row := &Row{Kind: Kind(kind)}
	fields := row.fields()
	if fields == nil {
		return nil, fmt.Errorf("%w: a row of kind %d", ErrDamaged, kind)
	}
	for _, f := range fields {
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, err
		}
		if f.number != nil {
			if n > 1<<32-1 {
				return nil, fmt.Errorf("%w: a number", ErrDamaged)
			}
			*f.number = uint32(n)
			continue
		}
		b, err := parseBytes(r, n)
		if err != nil {
			return nil, err
		}
		if f.text != nil {
			*f.text = string(b)
		} else {
			*f.bytes = b
		}
	}
	return row, nil
}

func parseBytes(r io.Reader, n uint64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	if n-1 > maxRow {
		return nil, fmt.Errorf("%w: a field of %d bytes", ErrDamaged, n-1)
	}
	const step = 1 << 20 // memory is reserved as the bytes come
	b := make([]byte, 0, min(n-1, step))
	for have := uint64(0); have < n-1; have = uint64(len(b)) {
		b = slices.Grow(b, int(min(n-1-have, step)))
		part := b[have:min(uint64(cap(b)), n-1)]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, err
		}
		b = b[:have+uint64(len(part))]
	}
	return b, nil
}
