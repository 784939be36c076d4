package wire

import (
	"errors"
	"fmt"
)

// The versions of the protocol that are spoken: X3DH and PQXDH.
const (
	V3 = 3
	V4 = 4
)

// MACSize is the length of the truncated MAC at the end of a SignalMessage, in bytes.
const MACSize = 8

// A TooShortError says that a ciphertext is shorter than any message can be.
type TooShortError int

func (e TooShortError) Error() string {
	return fmt.Sprintf("ciphertext serialized bytes were too short <%d>", int(e))
}

// A VersionError is a message of a version that is no longer or not yet spoken.
type VersionError uint8

func (e VersionError) Error() string {
	if e < V3 {
		return fmt.Sprintf("ciphertext version was too old <%d>", uint8(e))
	}
	return fmt.Sprintf("ciphertext version was unrecognized <%d>", uint8(e))
}

// FirstByte is what a message of the version starts with when we send it. The official client puts
// 4 in the low nibble of every version; peers that speak version 3 alone insist on 0x33, which the
// official client accepts too (protocol §6.1, protocol trap 2).
func FirstByte(version uint8) byte { return version<<4 | version }

// version checks the high nibble of the first byte, the only part that is examined.
func version(first byte) (uint8, error) {
	v := first >> 4
	if v < V3 || v > V4 {
		return 0, VersionError(v)
	}
	return v, nil
}

// A SignalMessage is a message of protocol §6.2. Its slices alias the parsed bytes.
type SignalMessage struct {
	Version         uint8
	RatchetKey      []byte // at least 33 bytes once parsed as a key
	Counter         uint32
	PreviousCounter uint32
	Ciphertext      []byte
	PQRatchet       []byte // empty: none
	Addresses       []byte // nil: none

	Signed []byte // everything the MAC covers, as received
	MAC    []byte // 8 bytes
}

// An IncompleteError is a SignalMessage that lacks its counter or ciphertext and nothing else. It
// matches ErrMalformed. The official client looks into the ratchet key before it notices, so a key
// that is none is the error that counts (protocol §6.2).
type IncompleteError struct{ RatchetKey []byte }

func (IncompleteError) Error() string { return ErrMalformed.Error() }

// Is reports whether target is ErrMalformed.
func (IncompleteError) Is(target error) bool { return target == ErrMalformed }

// ParseSignalMessage parses b: length, version, protobuf, required fields, in this order. It does
// not look into the ratchet key.
func ParseSignalMessage(b []byte) (m SignalMessage, err error) {
	if len(b) < 1+MACSize {
		return m, TooShortError(len(b))
	}
	if m.Version, err = version(b[0]); err != nil {
		return m, err
	}
	end := len(b) - MACSize
	m.Signed, m.MAC = b[:end:end], b[end:len(b):len(b)]
	var counter bool
	p := Parser{rest: m.Signed[1:]}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Bytes(&m.RatchetKey)
		case 2:
			p.Uint32(&m.Counter)
			counter = true
		case 3:
			p.Uint32(&m.PreviousCounter)
		case 4:
			p.Bytes(&m.Ciphertext)
		case 5:
			p.Bytes(&m.PQRatchet)
		case 6:
			p.Bytes(&m.Addresses)
		}
	}
	if p.err != nil || m.RatchetKey == nil {
		return SignalMessage{}, ErrMalformed
	}
	if !counter || m.Ciphertext == nil {
		return SignalMessage{}, IncompleteError{m.RatchetKey}
	}
	return m, nil
}

// AppendSignalMessage appends the message without its MAC, which covers exactly the appended bytes.
// Fields 1 to 4 are always written, zeros included. In place of m.Ciphertext it leaves room for n
// bytes at the returned offset, which the caller fills in.
func AppendSignalMessage(dst []byte, m *SignalMessage, n int) (b []byte, ciphertext int) {
	b = append(dst, FirstByte(m.Version))
	b = AppendBytes(b, 1, m.RatchetKey)
	b = AppendUint(b, 2, uint64(m.Counter))
	b = AppendUint(b, 3, uint64(m.PreviousCounter))
	b = appendHead(b, 4, n)
	ciphertext = len(b)
	b = append(b, make([]byte, n)...)
	b = optBytes(b, 5, m.PQRatchet)
	b = optBytes(b, 6, m.Addresses)
	return b, ciphertext
}

// A PreKeyMessage is a PreKeySignalMessage of protocol §6.3. Its slices alias the parsed bytes.
type PreKeyMessage struct {
	Version        uint8
	HasPreKey      bool
	PreKeyID       uint32
	BaseKey        []byte
	IdentityKey    []byte
	Message        []byte // a serialised SignalMessage
	RegistrationID uint32
	SignedPreKeyID uint32
	HasKEM         bool // the message has a KEMPreKeyID
	KEMPreKeyID    uint32
	KEMCiphertext  []byte // with its type byte
}

// The two ways in which the KEM fields of a PreKeyMessage can be wrong, in the official words.
var (
	ErrKEMMissing = errors.New("invalid PreKey message: Kyber pre key must be present for this session version")
	ErrKEMHalf    = errors.New("invalid PreKey message: Both or neither kyber pre_key_id and kyber_ciphertext can be present")
)

// ParsePreKeyMessage parses b. It does not look into keys, ciphertext and inner message.
func ParsePreKeyMessage(b []byte) (m PreKeyMessage, err error) {
	if len(b) == 0 {
		return m, TooShortError(0)
	}
	if m.Version, err = version(b[0]); err != nil {
		return m, err
	}
	var signed bool
	p := Parser{rest: b[1:]}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&m.PreKeyID)
			m.HasPreKey = true
		case 2:
			p.Bytes(&m.BaseKey)
		case 3:
			p.Bytes(&m.IdentityKey)
		case 4:
			p.Bytes(&m.Message)
		case 5:
			p.Uint32(&m.RegistrationID)
		case 6:
			p.Uint32(&m.SignedPreKeyID)
			signed = true
		case 7:
			p.Uint32(&m.KEMPreKeyID)
			m.HasKEM = true
		case 8:
			p.Bytes(&m.KEMCiphertext)
		}
	}
	if p.err != nil || m.BaseKey == nil || m.IdentityKey == nil || m.Message == nil || !signed {
		return PreKeyMessage{}, ErrMalformed
	}
	return m, nil
}

// CheckKEM says whether the KEM fields are as the version wants them. In the order of checks it
// comes after the base key and before the identity key.
func (m *PreKeyMessage) CheckKEM() error {
	switch ciphertext := m.KEMCiphertext != nil; {
	case m.HasKEM != ciphertext:
		return ErrKEMHalf
	case m.Version >= V4 && !ciphertext:
		return ErrKEMMissing
	}
	return nil
}

// AppendPreKeyMessage appends the message. The inner message is m.Message.
func AppendPreKeyMessage(dst []byte, m *PreKeyMessage) []byte {
	b := append(dst, FirstByte(m.Version))
	if m.HasPreKey {
		b = AppendUint(b, 1, uint64(m.PreKeyID))
	}
	b = AppendBytes(b, 2, m.BaseKey)
	b = AppendBytes(b, 3, m.IdentityKey)
	b = AppendBytes(b, 4, m.Message)
	b = AppendUint(b, 5, uint64(m.RegistrationID))
	b = AppendUint(b, 6, uint64(m.SignedPreKeyID))
	if m.HasKEM {
		b = AppendUint(b, 7, uint64(m.KEMPreKeyID))
		b = AppendBytes(b, 8, m.KEMCiphertext)
	}
	return b
}
