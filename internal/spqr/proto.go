package spqr

import "google.golang.org/protobuf/encoding/protowire"

// A scanner walks over the fields of one protobuf message in any order, as the official parser
// does: unknown fields are skipped, the last of two equal ones wins. What it hands out aliases the
// input.
type scanner struct {
	rest  []byte
	num   protowire.Number
	typ   protowire.Type
	value uint64 // of a varint; the length of bytes
	bytes []byte // of a length-delimited field; never nil, and no capacity to spare
	err   error
}

// next reads a field and reports whether there was one.
func (s *scanner) next() bool {
	if s.err != nil || len(s.rest) == 0 {
		return false
	}
	var n int
	if tag := s.rest[0]; tag >= 8 && tag < 0x80 {
		s.num, s.typ, n = protowire.Number(tag>>3), protowire.Type(tag&7), 1
	} else {
		s.num, s.typ, n = protowire.ConsumeTag(s.rest)
	}
	if n < 0 {
		return s.fail()
	}
	b := s.rest[n:]
	switch s.typ {
	case protowire.VarintType, protowire.BytesType:
		if len(b) > 0 && b[0] < 0x80 { // most of them
			s.value, n = uint64(b[0]), 1
		} else {
			s.value, n = protowire.ConsumeVarint(b)
		}
	default:
		n = protowire.ConsumeFieldValue(s.num, s.typ, b)
	}
	if n < 0 {
		return s.fail()
	}
	if b = b[n:]; s.typ == protowire.BytesType {
		if s.value > uint64(len(b)) {
			return s.fail()
		}
		s.bytes, b = b[:s.value:s.value], b[s.value:]
	}
	s.rest = b
	return true
}

func (s *scanner) fail() bool {
	s.err = ErrState
	return false
}

// toUint takes the field as a number, toBytes as bytes.
func (s *scanner) toUint(v *uint64) {
	if s.typ != protowire.VarintType {
		s.err = ErrState
		return
	}
	*v = s.value
}

func (s *scanner) toUint32(v *uint32) {
	var wide uint64
	s.toUint(&wide)
	*v = uint32(wide) // the official parser truncates too (protocol §6.6)
}

func (s *scanner) toBytes(b *[]byte) {
	if s.typ != protowire.BytesType {
		s.err = ErrState
		return
	}
	*b = s.bytes
}
