// Package wire encodes and decodes the protobufs of the Signal protocol: the messages of
// protocol §6 and the records of §2.2 and §7.1.
//
// Parsing aliases its input and never modifies it: MACs and signatures are computed over received
// bytes, and an operation decodes only what it needs. Appending writes fields in ascending order.
// The parser accepts what the official one accepts and refuses what it refuses (protocol §6.6): any
// order, last duplicate wins, unknown fields and groups are skipped, over-wide uint32 varints are
// truncated.
package wire

import (
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is a protobuf that does not parse or lacks a required field.
var ErrMalformed = errors.New("protobuf encoding was invalid")

// A field is one field of a message. bytes aliases the input.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64 // varint and fixed types
	bytes []byte // length-delimited type
	raw   []byte // the whole field, tag included
}

// maxTag is the greatest field number that fits a 32-bit tag.
const maxTag = math.MaxUint32 >> 3

// next splits the first field off b.
func next(b []byte) (f field, rest []byte, err error) {
	if n := f.read(b); n > 0 {
		return f, b[n:], nil
	}
	return field{}, nil, ErrMalformed
}

// read makes f the first field of b, which is n bytes long; n is not positive if there is none.
// What a field of the type has no use for stays what it was.
func (f *field) read(b []byte) (n int) {
	tag, n := protowire.ConsumeVarint(b)
	if n < 0 || tag>>3 == 0 || tag>>3 > maxTag {
		return -1
	}
	f.num, f.typ = protowire.Number(tag>>3), protowire.Type(tag&7)
	m := 0
	switch f.typ {
	case protowire.VarintType:
		f.value, m = protowire.ConsumeVarint(b[n:])
	case protowire.BytesType:
		f.bytes, m = protowire.ConsumeBytes(b[n:])
	case protowire.Fixed64Type:
		f.value, m = protowire.ConsumeFixed64(b[n:])
	default:
		m = protowire.ConsumeFieldValue(f.num, f.typ, b[n:])
	}
	if m < 0 {
		return -1
	}
	f.raw = b[:n+m]
	return n + m
}

// A Parser is the loop over the fields of one message:
//
//	for p := wire.Parse(b); p.Next(); {
//		switch p.Num() { case 1: p.Bytes(&key) … }
//	}
//
// A field is read by the method for its type, and one that comes with another wire type is an
// error. Fields that are not read are skipped. Slices alias the message.
type Parser struct {
	rest []byte
	err  error
	f    field
}

// Parse returns a Parser of b.
func Parse(b []byte) Parser { return Parser{rest: b} }

// Next goes on to the next field; it is false at the end and after an error.
func (p *Parser) Next() bool {
	if p.err != nil || len(p.rest) == 0 {
		return false
	}
	n := p.f.read(p.rest)
	if n <= 0 {
		p.rest, p.err = nil, ErrMalformed
		return false
	}
	p.rest = p.rest[n:]
	return true
}

// Num is the number of the current field.
func (p *Parser) Num() protowire.Number { return p.f.num }

// Err returns ErrMalformed if the message does not parse.
func (p *Parser) Err() error { return p.err }

// Fail makes the message malformed for a reason that is the caller's.
func (p *Parser) Fail() { p.err = ErrMalformed }

// Bytes reads a length-delimited field. An empty one is not nil.
func (p *Parser) Bytes(dst *[]byte) {
	if p.f.typ != protowire.BytesType {
		p.err = ErrMalformed
		return
	}
	*dst = p.f.bytes[:len(p.f.bytes):len(p.f.bytes)]
}

// Merge is Bytes for an embedded message, of which a second occurrence adds to the first.
func (p *Parser) Merge(dst *[]byte) {
	if *dst == nil {
		p.Bytes(dst)
		return
	}
	var more []byte
	p.Bytes(&more)
	*dst = append((*dst)[:len(*dst):len(*dst)], more...)
}

// Uint32 reads a varint and cuts it to 32 bits.
func (p *Parser) Uint32(dst *uint32) {
	var v uint64
	p.Uint64(&v)
	*dst = uint32(v)
}

// Uint64 reads a varint.
func (p *Parser) Uint64(dst *uint64) {
	if p.f.typ != protowire.VarintType {
		p.err = ErrMalformed
		return
	}
	*dst = p.f.value
}

// Fixed64 reads a fixed64.
func (p *Parser) Fixed64(dst *uint64) {
	if p.f.typ != protowire.Fixed64Type {
		p.err = ErrMalformed
		return
	}
	*dst = p.f.value
}

// AppendBytes appends a length-delimited field, empty or not.
func AppendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

// AppendUint appends a varint field, zero or not.
func AppendUint(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// optBytes and optUint follow proto3: the default value is not written.
func optBytes(b []byte, num protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return AppendBytes(b, num, v)
}

func optUint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return AppendUint(b, num, v)
}

// sizeBytes is the length of AppendBytes for n bytes under a field number below 16.
func sizeBytes(n int) int { return 1 + protowire.SizeBytes(n) }

func appendHead(b []byte, num protowire.Number, n int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(n))
}

func sizeOptBytes(v []byte) int {
	if len(v) == 0 {
		return 0
	}
	return sizeBytes(len(v))
}

func sizeOptUint(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(v)
}
