package sealed

import (
	"bytes"
	"fmt"

	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// A ContentHint says what a recipient shall do if it cannot decrypt what was in the envelope. There
// may be values that have no name here.
type ContentHint uint32

// The hints of the official client.
const (
	HintDefault    ContentHint = 0 // nothing more will come: tell the user at once
	HintResendable ContentHint = 1 // the sender can send it again: wait a while before telling the user
	HintImplicit   ContentHint = 2 // a receipt or the like: never tell the user
)

// A Content is what an envelope holds: a message of a session or of a group, who sent it, and what
// to do if it does not decrypt. It is immutable and safe for concurrent use. (The official name is
// UnidentifiedSenderMessageContent, §4.)
type Content struct {
	raw         []byte
	kind        session.MessageType
	certificate *SenderCertificate
	body        []byte
	hint        ContentHint
	group       []byte // nil: none
}

// NewContent returns the content that holds m, whose type is one of the four. The group id is the
// application's name for a group, nil for none; an empty one is not sent (§4). Both slices are
// copied. The error matches ErrInvalidArgument for an unknown type.
func NewContent(m session.Message, from *SenderCertificate, hint ContentHint, groupID []byte) (*Content, error) {
	kind, ok := m.Type, true
	switch m.Type {
	case session.TypePreKey:
		kind = wirePreKey
	case session.TypeSignal, session.TypeSenderKey, session.TypePlaintext:
	default:
		ok = false
	}
	if !ok {
		return nil, fmt.Errorf("%w: unknown message type %d", ErrInvalidArgument, uint8(m.Type))
	}
	b := make([]byte, 0, len(from.raw)+len(m.Body)+len(groupID)+32)
	b = wire.AppendUint(b, 1, uint64(kind))
	b = wire.AppendBytes(b, 2, from.raw)
	b = wire.AppendBytes(b, 3, m.Body)
	c := &Content{kind: m.Type, certificate: from, body: b[len(b)-len(m.Body) : len(b) : len(b)], hint: hint, group: bytes.Clone(groupID)}
	if hint != HintDefault {
		b = wire.AppendUint(b, 4, uint64(int64(int32(hint)))) // an enum is signed
	}
	if len(groupID) > 0 {
		b = wire.AppendBytes(b, 5, groupID)
	}
	c.raw = b
	return c, nil
}

// wirePreKey is what a first message is called in an envelope: the one type whose number differs
// there (§1.4).
const wirePreKey = 1

// ParseContent parses b, which it copies. The certificate is parsed and not validated. The errors
// are those of ParseSenderCertificate.
func ParseContent(b []byte) (*Content, error) { return parseContent(bytes.Clone(b)) }

// parseContent does not copy b.
func parseContent(b []byte) (*Content, error) {
	c := &Content{raw: b}
	var kind, hint uint32
	var certificate []byte
	p := wire.Parse(b)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Uint32(&kind)
		case 2:
			p.Bytes(&certificate)
		case 3:
			p.Bytes(&c.body)
		case 4:
			p.Uint32(&hint)
		case 5:
			p.Bytes(&c.group)
		}
	}
	if p.Err() != nil {
		return nil, errMalformed
	}
	switch kind {
	case wirePreKey:
		c.kind = session.TypePreKey
	case uint32(session.TypeSignal), uint32(session.TypeSenderKey), uint32(session.TypePlaintext):
		c.kind = session.MessageType(kind)
	default: // 3, which is a first message everywhere else, included
		return nil, errMalformed
	}
	if certificate == nil || c.body == nil {
		return nil, errMalformed
	}
	var err error
	if c.certificate, err = parseSender(certificate); err != nil {
		return nil, err
	}
	c.hint = ContentHint(hint)
	return c, nil
}

// Message returns the message in the envelope, with a copy of its body.
func (c *Content) Message() session.Message {
	return session.Message{Type: c.kind, Body: bytes.Clone(c.body)}
}

// Type returns the kind of the message in the envelope.
func (c *Content) Type() session.MessageType { return c.kind }

// Certificate returns the certificate of the sender, valid or not.
func (c *Content) Certificate() *SenderCertificate { return c.certificate }

// Hint returns what to do if the message does not decrypt.
func (c *Content) Hint() ContentHint { return c.hint }

// GroupID returns a copy of the application's name for the group, nil for none.
func (c *Content) GroupID() []byte { return bytes.Clone(c.group) }

// Bytes returns a copy of the serialized content, exactly as it was parsed.
func (c *Content) Bytes() []byte { return bytes.Clone(c.raw) }
