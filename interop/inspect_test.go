package interop

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Header is what a message says in clear (protocol §6.2, §6.3).
type Header struct {
	Version    int    // of the SignalMessage
	BaseKey    []byte // of a first message, else nil
	RatchetKey []byte
	Counter    uint32
	PQ         []byte // what the post-quantum ratchet says, nil if it is off
}

// Epoch returns the epoch of the post-quantum ratchet, 0 if it is off.
func (h *Header) Epoch() uint64 {
	if len(h.PQ) < 2 {
		return 0
	}
	n, _ := protowire.ConsumeVarint(h.PQ[1:])
	return n
}

// index returns how far the post-quantum ratchet claims to be in its epoch.
func (h *Header) index() uint64 {
	if len(h.PQ) < 2 {
		return 0
	}
	_, n := protowire.ConsumeVarint(h.PQ[1:])
	if n < 0 {
		return 0
	}
	index, _ := protowire.ConsumeVarint(h.PQ[1+n:])
	return index
}

var errHeader = errors.New("interop: the message does not parse")

// ParseHeader reads the header of a message that an implementation made. Its slices are those of m.
func ParseHeader(m Message) (h Header, err error) {
	body := m.Message
	if m.Type == TypePreKey {
		if len(body) == 0 {
			return h, errHeader
		}
		outer, err := parseFields(body[1:])
		if err != nil {
			return h, err
		}
		h.BaseKey, body = last(outer, 2).bytes, last(outer, 4).bytes
	}
	if len(body) < 9 {
		return h, errHeader
	}
	fields, err := parseFields(body[1 : len(body)-8])
	if err != nil {
		return h, err
	}
	h.Version = int(body[0] >> 4)
	h.RatchetKey, h.Counter, h.PQ = last(fields, 1).bytes, uint32(last(fields, 2).n), last(fields, 5).bytes
	return h, nil
}

// deterministic returns a record without what a receiver draws at random when it makes a ratchet
// step: the current session's root key and sending chain. Two receivers that started from one
// record and received one message agree on the rest (protocol §5.5), byte for byte.
func deterministic(record []byte) ([]byte, error) {
	fields, err := parseFields(record)
	if err != nil {
		return nil, err
	}
	for i, f := range fields {
		if f.num != 1 { // the current session
			continue
		}
		session, err := parseFields(f.bytes)
		if err != nil {
			return nil, err
		}
		for j := range session {
			if n := session[j].num; n == 4 || n == 6 {
				session[j].bytes = nil
			}
		}
		fields[i].bytes = appendFields(nil, session)
	}
	return appendFields(nil, fields), nil
}

// A field is one of a protobuf message: a number or bytes.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	n     uint64
	bytes []byte
}

// parseFields splits a protobuf message whose fields are varints and bytes.
func parseFields(b []byte) (fields []field, err error) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, errHeader
		}
		b = b[n:]
		f := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			return nil, errHeader
		}
		if n < 0 {
			return nil, errHeader
		}
		b = b[n:]
		fields = append(fields, f)
	}
	return fields, nil
}

// appendFields is the inverse of parseFields.
func appendFields(b []byte, fields []field) []byte {
	for _, f := range fields {
		b = protowire.AppendTag(b, f.num, f.typ)
		if f.typ == protowire.VarintType {
			b = protowire.AppendVarint(b, f.n)
		} else {
			b = protowire.AppendBytes(b, f.bytes)
		}
	}
	return b
}

func last(fields []field, num protowire.Number) field {
	for i := len(fields) - 1; i >= 0; i-- {
		if fields[i].num == num {
			return fields[i]
		}
	}
	return field{}
}
