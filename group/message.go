package group

import (
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// This file is the wire: sender key messages and distribution messages of sealed-groups §10.3, and
// the older numbering of §10.6, which is the same less the distribution id in front.

const (
	version       = 3           // of the messages, in both nibbles of the first byte
	signatureSize = 64          // at the end of a message, over everything before it
	minSize       = 1 + 32 + 32 // of both kinds of message, whatever the fields
)

// A format is one of the two wires.
type format struct {
	// shift is what a field's number lacks to be the one of Signal's wire.
	shift int
	// maxJump is how many messages a chain may be advanced at once.
	maxJump uint64
}

var (
	signal   = &format{shift: 0, maxJump: 25_000}
	whatsApp = &format{shift: 1, maxJump: 2_000}
)

// named reports whether messages carry the distribution id.
func (f *format) named() bool { return f.shift == 0 }

// A message is a parsed SenderKeyMessage. Its slices alias the received bytes.
type message struct {
	version    uint8
	id         DistributionID // zero where messages are not named
	chainID    uint32
	iteration  uint32
	ciphertext []byte
	signed     []byte // what the signature covers
	signature  []byte // 64 bytes
	deliverer  []byte // who delivered the key that opened it: 33 bytes, nil if not known
}

// parseMessage parses b: length, version, protobuf, required fields, in this order.
func (f *format) parseMessage(b []byte) (m message, err error) {
	if m.version, err = checkHead(b); err != nil {
		return m, err
	}
	end := len(b) - signatureSize
	m.signed, m.signature = b[:end:end], b[end:]
	var id []byte
	var chain, iteration bool
	p := wire.Parse(m.signed[1:])
	for p.Next() {
		switch int(p.Num()) + f.shift {
		case 1:
			p.Bytes(&id)
		case 2:
			p.Uint32(&m.chainID)
			chain = true
		case 3:
			p.Uint32(&m.iteration)
			iteration = true
		case 4:
			p.Bytes(&m.ciphertext)
		}
	}
	if p.Err() != nil || m.ciphertext == nil || f.named() && (len(id) != len(m.id) || !chain || !iteration) {
		return message{}, notParsed(wire.ErrMalformed)
	}
	copy(m.id[:], id)
	return m, nil
}

// appendMessage appends the message without its signature. All fields are written, zeros too.
func (f *format) appendMessage(dst []byte, m *message) []byte {
	b := append(dst, m.version<<4|version)
	if !f.named() {
		b = wire.AppendUint(b, 1, uint64(m.chainID))
		b = wire.AppendUint(b, 2, uint64(m.iteration))
		return wire.AppendBytes(b, 3, m.ciphertext)
	}
	b = wire.AppendBytes(b, 1, m.id[:])
	b = wire.AppendUint(b, 2, uint64(m.chainID))
	b = wire.AppendUint(b, 3, uint64(m.iteration))
	return wire.AppendBytes(b, 4, m.ciphertext)
}

// A distribution is a parsed SenderKeyDistributionMessage. Its chain key aliases the received
// bytes.
type distribution struct {
	version   uint8
	id        DistributionID // zero where messages are not named
	chainID   uint32
	iteration uint32
	chainKey  []byte // 32 bytes once parsed
	key       signet.PublicKey
}

// parseDistribution parses b in the order of parseMessage. The signing key is exactly 33 bytes, the
// only key of the protocol that nothing may follow.
func (f *format) parseDistribution(b []byte) (d distribution, err error) {
	if d.version, err = checkHead(b); err != nil {
		return d, err
	}
	var id, key []byte
	var chain, iteration bool
	p := wire.Parse(b[1:])
	for p.Next() {
		switch int(p.Num()) + f.shift {
		case 1:
			p.Bytes(&id)
		case 2:
			p.Uint32(&d.chainID)
			chain = true
		case 3:
			p.Uint32(&d.iteration)
			iteration = true
		case 4:
			p.Bytes(&d.chainKey)
		case 5:
			p.Bytes(&key)
		}
	}
	if p.Err() != nil || len(d.chainKey) != 32 || len(key) != signet.PublicKeySize ||
		f.named() && (len(id) != len(d.id) || !chain || !iteration) {
		return distribution{}, notParsed(wire.ErrMalformed)
	}
	if d.key, err = signet.ParsePublicKey(key); err != nil {
		return distribution{}, notParsed(err)
	}
	copy(d.id[:], id)
	return d, nil
}

// appendDistribution appends the message. All fields are written, zeros too.
func (f *format) appendDistribution(dst []byte, d *distribution) []byte {
	b := append(dst, d.version<<4|version)
	key := d.key.Bytes()
	if !f.named() {
		b = wire.AppendUint(b, 1, uint64(d.chainID))
		b = wire.AppendUint(b, 2, uint64(d.iteration))
		b = wire.AppendBytes(b, 3, d.chainKey)
		return wire.AppendBytes(b, 4, key)
	}
	b = wire.AppendBytes(b, 1, d.id[:])
	b = wire.AppendUint(b, 2, uint64(d.chainID))
	b = wire.AppendUint(b, 3, uint64(d.iteration))
	b = wire.AppendBytes(b, 4, d.chainKey)
	return wire.AppendBytes(b, 5, key)
}

// checkHead checks what both kinds of message begin with: enough bytes, and the version in the high
// nibble. The low nibble is not looked at, though it is signed.
func checkHead(b []byte) (v uint8, err error) {
	if len(b) < minSize {
		return 0, notParsed(wire.TooShortError(len(b)))
	}
	if v = b[0] >> 4; v != version {
		return 0, notParsed(wire.VersionError(v))
	}
	return v, nil
}

// notParsed classifies what is wrong with received bytes.
func notParsed(err error) error {
	if _, old := errors.AsType[wire.VersionError](err); old {
		return fmt.Errorf("%w: %w", session.ErrVersion, err)
	}
	return fmt.Errorf("%w: %w", session.ErrInvalidMessage, err)
}

// MessageID returns the distribution id of a message that Channel.Encrypt made, so that a receiver
// finds the Channel to decrypt it with. Nothing is verified yet. The error is
// session.ErrInvalidMessage or session.ErrVersion. WhatsApp's messages have no distribution id.
func MessageID(message []byte) (DistributionID, error) {
	m, err := signal.parseMessage(message)
	return m.id, err
}

// DistributionMessageID is MessageID for what Channel.Distribution made: it tells which Channel is
// to Join it.
func DistributionMessageID(b []byte) (DistributionID, error) {
	d, err := signal.parseDistribution(b)
	return d.id, err
}
