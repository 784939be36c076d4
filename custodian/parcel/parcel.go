// Package parcel is the form in which secrets leave a device: a list of named values, in canonical
// bytes. The names are public data (which key pair a private key belongs to, which chain and index
// a chain key is of); only the values are secret.
//
// One parcel feeds both halves of the custodian: the symbolic engine reads the names, the concrete
// adversary the values. Neither knows what a grant was called.
package parcel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// A Kind says what a value is. The numbers are part of the encoding.
type Kind uint8

// The kinds of custody B1, elliptic-curve half first.
const (
	Identity        Kind = 1  // identity private key: Key
	SignedPreKey    Kind = 2  // signed prekey private: Key, Index is its id
	OneTimePreKey   Kind = 3  // one-time prekey private: Key, Index is its id
	KyberPreKey     Kind = 4  // KEM prekey private: Key is 0x08 and the hash of the public key, Index its id
	Root            Kind = 5  // root key: Base, Key is the ratchet key whose turn made it
	RatchetPrivate  Kind = 6  // ratchet private key: Base, Key
	SendingChain    Kind = 7  // chain key: Base, Key, Index
	ReceivingChain  Kind = 8  // chain key: Base, Key, Index
	Skipped         Kind = 9  // seed of one message: Base, Key, Index
	Plaintext       Kind = 10 // a message's text: Index is its number
	SendingKey      Kind = 11 // seed of one message that is yet to be sent: Base, Key, Index
	Agreement       Kind = 12 // what an oracle answered: Key is the identity key, Base the other one
	PQRoot          Kind = 20 // root of the post-quantum chains: Base, Epoch
	PQSending       Kind = 21 // Base, Epoch, Dir, Index
	PQReceiving     Kind = 22 // Base, Epoch, Dir, Index
	PQSkipped       Kind = 23 // key of one message: Base, Epoch, Dir, Index
	PQAuth          Kind = 24 // authenticator: Base, Epoch
	PQDecapsulation Kind = 25 // ML-KEM private key: Base, Epoch
	PQEncapsulation Kind = 26 // what a ciphertext is made with: Base, Epoch
	PQNegotiation   Kind = 27 // key of the handshake for the post-quantum half: Base
	PQSendingKey    Kind = 28 // key of one message that is yet to be sent: Base, Epoch, Dir, Index
)

// A Key is an encoded public key, 33 bytes.
type Key [33]byte

// An Entry is one named value. Names that do not apply are zero.
type Entry struct {
	Kind  Kind
	Dir   uint8 // 0 from the initiator of the session, 1 from the responder
	Base  Key   // the session: the initiator's base key
	Key   Key
	Epoch uint64
	Index uint32
	Value []byte // secret
}

// Name encodes all of the entry but its value. Entries are ordered by it.
func (e *Entry) Name() []byte {
	b := make([]byte, 0, nameSize)
	b = append(b, byte(e.Kind), e.Dir)
	b = append(b, e.Base[:]...)
	b = append(b, e.Key[:]...)
	b = binary.BigEndian.AppendUint64(b, e.Epoch)
	return binary.BigEndian.AppendUint32(b, e.Index)
}

const (
	magic    = "custody-parcel-v1\x00"
	nameSize = 1 + 1 + 33 + 33 + 8 + 4
	maxValue = 1 << 20 // bytes in one value; messages of a lab are shorter
)

// A Parcel is a canonical list of entries: sorted by name, each name once. It redacts itself when
// formatted, logged or marshalled; its secrets leave by Bytes and Entries alone.
type Parcel struct{ p **[]Entry } // two pointers deep: fmt ignores the methods of hidden fields

// New returns the Parcel of entries, which it sorts and whose values it does not copy. Of entries
// with one name the first is kept.
func New(entries []Entry) Parcel {
	list := slices.Clone(entries)
	slices.SortStableFunc(list, compare)
	list = slices.CompactFunc(list, func(a, b Entry) bool { return compare(a, b) == 0 })
	p := &list
	return Parcel{&p}
}

func compare(a, b Entry) int { return bytes.Compare(a.Name(), b.Name()) }

// Entries returns the parcel's entries, which must not be modified.
func (p Parcel) Entries() []Entry {
	if p.p == nil {
		return nil
	}
	return **p.p
}

// Bytes returns the encoding: a magic string, then for each entry its name (80 bytes), the length
// of its value as 4 bytes, and the value.
func (p Parcel) Bytes() []byte {
	b := []byte(magic)
	for _, e := range p.Entries() {
		b = append(b, e.Name()...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.Value)))
		b = append(b, e.Value...)
	}
	return b
}

var errParcel = errors.New("parcel: malformed")

// Parse parses what Bytes returned. Anything that Bytes would not return is an error. The values
// alias b.
func Parse(b []byte) (Parcel, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return Parcel{}, errParcel
	}
	list := []Entry{}
	for len(rest) > 0 {
		if len(rest) < nameSize+4 {
			return Parcel{}, errParcel
		}
		e := parseName(rest)
		n := binary.BigEndian.Uint32(rest[nameSize:])
		rest = rest[nameSize+4:]
		if n > maxValue || int(n) > len(rest) {
			return Parcel{}, errParcel
		}
		e.Value, rest = rest[:n:n], rest[n:]
		if size := sizes[e.Kind]; size == 0 || size > 0 && size != len(e.Value) {
			return Parcel{}, errParcel
		}
		if k := len(list); k > 0 && compare(list[k-1], e) >= 0 {
			return Parcel{}, errParcel
		}
		list = append(list, e)
	}
	p := &list
	return Parcel{&p}, nil
}

func parseName(b []byte) (e Entry) {
	e.Kind, e.Dir = Kind(b[0]), b[1]
	copy(e.Base[:], b[2:])
	copy(e.Key[:], b[35:])
	e.Epoch = binary.BigEndian.Uint64(b[68:])
	e.Index = binary.BigEndian.Uint32(b[76:])
	return e
}

// sizes has the length in bytes of the values of each kind; -1 is any, 0 is no kind.
var sizes = map[Kind]int{
	Identity: 32, SignedPreKey: 32, OneTimePreKey: 32, KyberPreKey: 3169, Root: 32, RatchetPrivate: 32,
	SendingChain: 32, ReceivingChain: 32, Skipped: 32, Plaintext: -1, SendingKey: 32, Agreement: 32,
	PQRoot: 32, PQSending: 32, PQReceiving: 32, PQSkipped: 32, PQAuth: 64, PQDecapsulation: 2400,
	PQEncapsulation: 2080, PQNegotiation: 32, PQSendingKey: 32,
}

const (
	redactedParcel = "parcel.Parcel(…)"
	redactedEntry  = "parcel.Entry(…)"
)

// Format redacts the parcel under every verb.
func (Parcel) Format(f fmt.State, _ rune) { io.WriteString(f, redactedParcel) }

// LogValue redacts the parcel in slog.
func (Parcel) LogValue() slog.Value { return slog.StringValue(redactedParcel) }

// MarshalText redacts the parcel in JSON and every other text encoding.
func (Parcel) MarshalText() ([]byte, error) { return []byte(redactedParcel), nil }

// Format redacts the entry under every verb.
func (Entry) Format(f fmt.State, _ rune) { io.WriteString(f, redactedEntry) }

// LogValue redacts the entry in slog.
func (Entry) LogValue() slog.Value { return slog.StringValue(redactedEntry) }

// MarshalText redacts the entry in JSON and every other text encoding.
func (Entry) MarshalText() ([]byte, error) { return []byte(redactedEntry), nil }
