package session

import (
	"errors"
	"fmt"

	"signet.example/signet/internal/wire"
)

// Plaintext content is the one message that travels without encryption of its own: a request to
// send again cannot rely on the session that it is about. It is a byte, a Content protobuf with
// nothing but a DecryptionErrorMessage in it, and the padding boundary of the application's format.

const (
	plaintextFirst  = 0xC0
	paddingBoundary = 0x80
	retryField      = 8 // of Content
)

// NewPlaintextContent returns the message that carries e to the peer, in a sealed sender envelope
// as a rule. There is no other plaintext content than this.
func NewPlaintextContent(e *DecryptionErrorMessage) Message {
	inner, _ := e.AppendBinary(make([]byte, 0, 64))
	b := wire.AppendBytes([]byte{plaintextFirst}, retryField, inner)
	return Message{Type: TypePlaintext, Body: append(b, paddingBoundary)}
}

// ParsePlaintextContent returns the body of a received plaintext content: the application's padded
// Content, which ExtractDecryptionErrorMessage understands. It aliases b. Only the first byte is
// looked at; the error is ErrInvalidMessage, or ErrVersion for another first byte.
func ParsePlaintextContent(b []byte) (body []byte, err error) {
	if len(b) == 0 {
		return nil, notParsed(wire.TooShortError(0))
	}
	if b[0] != plaintextFirst {
		return nil, fmt.Errorf("%w: unrecognized message version <%d>", ErrVersion, b[0])
	}
	return b[1:len(b):len(b)], nil
}

// ErrNoDecryptionError is plaintext content that is sound and is about something else.
var ErrNoDecryptionError = errors.New("session: Content does not contain DecryptionErrorMessage")

// ExtractDecryptionErrorMessage returns the message in a body. The body's last byte is the padding
// boundary: like the official client's function, this one takes no zeros behind it, so whoever pads
// more strips them first. Unlike a session's plaintext, a body is not authenticated by the ratchet:
// whom it comes from is what the envelope says.
func ExtractDecryptionErrorMessage(body []byte) (*DecryptionErrorMessage, error) {
	if len(body) == 0 || body[len(body)-1] != paddingBoundary {
		return nil, notParsed(wire.ErrMalformed)
	}
	var found []byte
	p := wire.Parse(body[:len(body)-1])
	for p.Next() {
		if p.Num() > retryField {
			continue
		}
		var field []byte // all fields up to this one are messages
		p.Bytes(&field)
		if p.Num() == retryField && p.Err() == nil {
			found = field
		}
	}
	switch {
	case p.Err() != nil:
		return nil, notParsed(p.Err())
	case found == nil:
		return nil, ErrNoDecryptionError
	}
	return ParseDecryptionErrorMessage(found)
}
