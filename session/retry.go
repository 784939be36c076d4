package session

import (
	"context"
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
)

// The kinds of message that are not of a session. They travel in sealed sender envelopes; a Device
// does not decrypt them.
const (
	TypeSenderKey MessageType = 7 // of a group: for group.Channel's Decrypt
	TypePlaintext MessageType = 8 // not encrypted: for ParsePlaintextContent
)

// A DecryptionErrorMessage tells the sender of a message that it could not be decrypted, so that it
// repairs the session and sends the message again (protocol §12 of sealed-groups). It says nothing
// secret. The zero value is an answer to a message of no time.
type DecryptionErrorMessage struct {
	// RatchetKey is the sender's ratchet key in the message that failed; HasRatchetKey is false for a
	// group's message, which has none.
	RatchetKey    signet.PublicKey
	HasRatchetKey bool
	// Timestamp is when the message was sent, as its envelope says: milliseconds since 1970. It is how
	// the sender finds the message again.
	Timestamp uint64
	// Device is the device id of the message's sender. Any number is accepted.
	Device uint32
}

// NewDecryptionErrorMessage returns what to answer to m, which was sent at timestamp by the device
// of that id and could not be decrypted. Of m, which may be of any kind but TypePlaintext, only the
// ratchet key is read, so a message whose other keys are damaged gets an answer, too. The error is
// ErrInvalidMessage or ErrVersion if there is none to be found.
func NewDecryptionErrorMessage(m Message, timestamp uint64, device uint32) (*DecryptionErrorMessage, error) {
	e := &DecryptionErrorMessage{Timestamp: timestamp, Device: device}
	body := m.Body
	switch m.Type {
	case TypePreKey:
		p, err := wire.ParsePreKeyMessage(body)
		if err != nil {
			return nil, notParsed(err)
		}
		body = p.Message
		fallthrough
	case TypeSignal:
		in, err := wire.ParseSignalMessage(body)
		if err != nil {
			return nil, notParsed(err)
		}
		if e.RatchetKey, err = signet.ParsePublicKey(in.RatchetKey); err != nil {
			return nil, notParsed(err)
		}
		e.HasRatchetKey = true
		return e, nil
	case TypeSenderKey:
		return e, nil
	case TypePlaintext:
		return nil, errors.New("session: cannot create a DecryptionErrorMessage for plaintext content; it is not encrypted")
	}
	return nil, fmt.Errorf("session: unknown message type %d", uint8(m.Type))
}

// ParseDecryptionErrorMessage parses an encoded message. The error is ErrInvalidMessage.
func ParseDecryptionErrorMessage(b []byte) (*DecryptionErrorMessage, error) {
	e := new(DecryptionErrorMessage)
	var key []byte
	timestamp := false
	p := wire.Parse(b)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Bytes(&key)
		case 2:
			p.Uint64(&e.Timestamp)
			timestamp = true
		case 3:
			p.Uint32(&e.Device)
		}
	}
	if p.Err() != nil || !timestamp {
		return nil, notParsed(wire.ErrMalformed)
	}
	if key == nil {
		return e, nil
	}
	var err error
	if e.RatchetKey, err = signet.ParsePublicKey(key); err != nil {
		return nil, notParsed(err)
	}
	e.HasRatchetKey = true
	return e, nil
}

// AppendBinary appends the encoded message, at most 52 bytes. The error is always nil.
func (e *DecryptionErrorMessage) AppendBinary(b []byte) ([]byte, error) {
	if e.HasRatchetKey {
		b = wire.AppendBytes(b, 1, e.RatchetKey.Bytes())
	}
	b = wire.AppendUint(b, 2, e.Timestamp)
	return wire.AppendUint(b, 3, uint64(e.Device)), nil
}

// ArchiveOnRetry is what to do on receipt of a DecryptionErrorMessage from peer, before anything is
// sent again: it archives the session with peer if that is the session the failed message was of.
// It reports whether it did; then the next Encrypt needs a Start, and the repeated message will
// come with a new key agreement. It does nothing if the failed message was not from this device, or
// if the session has moved on: a message of its present ratchet key is the only one that shows it
// broken, and an old answer that arrives late, or twice, must not end a session that works.
//
// A message without a ratchet key is about a group: group.Channel's Share gives peer the sender
// key. Whether to send the message of e.Timestamp again is the application's to decide; it should
// only do so for messages that it sent to peer.
func (d *Device) ArchiveOnRetry(ctx context.Context, peer signet.Address, e *DecryptionErrorMessage) (archived bool, err error) {
	if !e.HasRatchetKey || e.Device != d.self.Device {
		return false, nil
	}
	err = d.update(ctx, peer, func(tx Tx) error {
		archived = false
		r, err := d.load(tx, peer)
		if err != nil || r.current == nil {
			return err
		}
		own, err := r.current.RatchetKey()
		if err != nil {
			return recordError(err)
		}
		if !own.Equal(e.RatchetKey) {
			return nil
		}
		if err := r.archiveCurrent(); err != nil {
			return err
		}
		archived = true
		return r.save()
	})
	return archived && err == nil, err
}
