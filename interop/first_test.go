package interop

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// receivers are one device in both implementations: same name, same identity, prekeys of their own.
type receivers struct {
	address Address
	at      map[string]*Device
}

func newReceivers(t *testing.T, f *fleet, address Address) receivers {
	r := receivers{address, make(map[string]*Device)}
	identity := bytes.Repeat([]byte{0x42}, 32)
	for _, impl := range f.implementations() {
		r.at[impl] = f.device(t, f.peer(impl), Params{Address: address, Identity: identity, RegistrationID: 1234})
	}
	return r
}

// first returns a first message of sender to the receiver in impl.
func (r receivers) first(t *testing.T, sender *Device, impl string, oneTime bool) Message {
	b, err := r.at[impl].Bundle(oneTime)
	require.NoError(t, err)
	require.NoError(t, sender.Process(r.address, b))
	m, err := sender.Encrypt(r.address, []byte("hello"))
	require.NoError(t, err)
	require.Equal(t, TypePreKey, m.Type)
	return m
}

// fields of a PreKeySignalMessage, protocol §6.3
const (
	preKeyID = iota + 1
	baseKey
	identityKey
	message
	registrationID
	signedPreKeyID
	kyberPreKeyID
	kyberCiphertext
)

// A change makes another first message of one. The fields are its own.
type change struct {
	name string
	// word is what both implementations must say: "" if they decrypt, "?" if it does not matter as
	// long as it is the same, "!" if it is a refusal that the official client's text does not tell
	// from another.
	word   string
	change func(fields []field) []field
}

// set replaces the value of a field.
func set(name string, num int, word string, f func(b []byte) []byte) change {
	return change{name, word, func(fields []field) []field {
		for i := range fields {
			if int(fields[i].num) == num {
				fields[i].bytes = f(bytes.Clone(fields[i].bytes))
			}
		}
		return fields
	}}
}

func number(name string, num int, word string, n uint64) change {
	return change{name, word, func(fields []field) []field {
		for i := range fields {
			if int(fields[i].num) == num {
				fields[i].n += n
			}
		}
		return fields
	}}
}

func without(name, word string, nums ...int) change {
	return change{name, word, func(fields []field) (kept []field) {
		for _, f := range fields {
			drop := false
			for _, n := range nums {
				drop = drop || int(f.num) == n
			}
			if !drop {
				kept = append(kept, f)
			}
		}
		return kept
	}}
}

func constant(v ...byte) func([]byte) []byte { return func([]byte) []byte { return v } }
func cut(n int) func([]byte) []byte          { return func(b []byte) []byte { return b[:n] } }
func flip(i int, mask byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b[(i+len(b))%len(b)] ^= mask
		return b
	}
}

// place puts v at the beginning of the value.
func place(v []byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(bytes.Clone(v), b[len(v):]...) }
}

// inner changes the fields of the message inside.
func inner(f func([]field) []field) func([]byte) []byte {
	return func(b []byte) []byte {
		fields, err := parseFields(b[1 : len(b)-8])
		if err != nil {
			panic("the message was made by an implementation")
		}
		return append(appendFields(b[:1:1], f(fields)), b[len(b)-8:]...)
	}
}

func grow(b []byte) []byte { return append(b, 0) }

var changes = func() []change {
	list := []change{
		{"none", "", func(f []field) []field { return f }},
		{"unknown field", "", func(f []field) []field { return append(f, field{num: 99, typ: 2, bytes: []byte("?")}) }},
		{"order reversed", "", func(f []field) (r []field) {
			for i := range f {
				r = append(r, f[len(f)-1-i])
			}
			return r
		}},
		without("no one-time prekey", "invalid-message", preKeyID),
		without("no base key", "invalid-message", baseKey),
		without("no identity", "invalid-message", identityKey),
		without("no message", "invalid-message", message),
		without("no registration id", "", registrationID),
		without("no signed prekey", "invalid-message", signedPreKeyID),
		without("no Kyber id", "invalid-message", kyberPreKeyID),
		without("no ciphertext", "invalid-message", kyberCiphertext),
		without("no Kyber at all", "invalid-message", kyberPreKeyID, kyberCiphertext),
		number("other one-time prekey", preKeyID, "invalid-prekey-id", 1<<30),
		number("other signed prekey", signedPreKeyID, "invalid-prekey-id", 1<<30),
		number("other Kyber prekey", kyberPreKeyID, "invalid-prekey-id", 1<<30),
		number("id beyond 32 bits", signedPreKeyID, "", 1<<32),
		number("other registration id", registrationID, "", 1),

		set("empty base key", baseKey, "invalid-key", constant()),
		set("base key of another type", baseKey, "invalid-key", flip(0, 3)),
		set("short base key", baseKey, "invalid-key", cut(32)),
		set("long base key", baseKey, "", grow),
		set("other base key", baseKey, "invalid-message", flip(7, 1)),
		set("top bit of the base key", baseKey, "invalid-message", flip(-1, 0x80)),
		set("empty identity", identityKey, "invalid-key", constant()),
		set("identity of another type", identityKey, "invalid-key", flip(0, 1)),
		set("short identity", identityKey, "invalid-key", cut(1)),
		set("long identity", identityKey, "", grow),
		set("other identity", identityKey, "invalid-message", flip(9, 4)),
		set("top bit of the identity", identityKey, "invalid-message", flip(-1, 0x80)),

		set("empty ciphertext", kyberCiphertext, "!", constant()),
		set("short ciphertext", kyberCiphertext, "invalid-message", cut(1568)),
		set("long ciphertext", kyberCiphertext, "invalid-message", grow),
		set("other ciphertext", kyberCiphertext, "invalid-message", flip(700, 1)),
		set("ciphertext of Kyber768", kyberCiphertext, "?", flip(0, 8^7)),
		set("ciphertext of ML-KEM", kyberCiphertext, "?", flip(0, 8^10)),
		set("ciphertext of nothing", kyberCiphertext, "?", flip(0, 0xf0)),

		set("empty message", message, "invalid-message", constant()),
		set("truncated message", message, "invalid-message", cut(8)),
		set("message of version 3", message, "invalid-message", flip(0, 0x70)),
		set("message of version 5", message, "unsupported-version", flip(0, 0x10)),
		set("message of version 2", message, "unsupported-version", flip(0, 0x60)),
		set("low nibble of the message", message, "invalid-message", flip(0, 1)),
		set("message with a short ratchet key and no counter", message, "invalid-key", inner(func(f []field) []field {
			f[0].bytes = f[0].bytes[:32]
			return append(f[:1], f[2:]...)
		})),
		set("message without ciphertext", message, "invalid-message", inner(func(f []field) []field {
			return append(f[:3], f[4:]...)
		})),
		set("MAC", message, "invalid-message", flip(-1, 1)),
	}
	for i, k := range oddKeys() {
		word := "?"
		if i < 4 { // zero and one have small order
			word = "invalid-message"
		}
		list = append(list, set("odd base key", baseKey, word, place(k)), set("odd identity", identityKey, "?", place(k)))
	}
	return list
}()

// heads are changes of the first byte.
var heads = []struct {
	name, word string
	mask       byte
}{
	{"version 3", "invalid-message", 0x70},
	{"version 5", "unsupported-version", 0x10},
	{"version 2", "unsupported-version", 0x60},
	{"low nibble", "", 0x0f},
}

// A first message is where most of what arrives is not authenticated. Both implementations get the
// same changed message, each made with its own prekeys, and must say the same; a refusal leaves
// everything as it was, so that the message itself still decrypts.
func TestFirstMessage(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	for _, from := range f.implementations() {
		for _, oneTime := range []bool{true, false} {
			for _, c := range changes {
				if !oneTime && (c.name == "other one-time prekey" || c.name == "no one-time prekey") {
					continue
				}
				testFirst(t, f, from, oneTime, c.name, c.word, func(b []byte) []byte {
					fields, err := parseFields(b[1:])
					require.NoError(t, err)
					return appendFields(b[:1:1], c.change(fields))
				})
			}
			for _, h := range heads {
				testFirst(t, f, from, oneTime, h.name, h.word, func(b []byte) []byte {
					b = bytes.Clone(b)
					b[0] ^= h.mask
					return b
				})
			}
		}
	}
}

func testFirst(t *testing.T, f *fleet, from string, oneTime bool, name, want string, change func([]byte) []byte) {
	t.Helper()
	sender := f.device(t, f.peer(from), Params{Address: Address{"9d0652a3-dcc3-4d11-975f-74d61598733f", 3}})
	to := newReceivers(t, f, Address{"796abedb-ca4e-4f18-8803-1fde5b921f9f", 9})
	words := make(map[string]string)
	for impl, receiver := range to.at {
		m := to.first(t, sender, impl, oneTime)
		_, err := receiver.Decrypt(Address{"9d0652a3-dcc3-4d11-975f-74d61598733f", 3}, Message{TypePreKey, change(m.Message)})
		words[impl] = Word(err)
		switch want {
		case "?":
		case "!":
			require.Error(t, err)
			words[impl] = "!"
		default:
			require.Equal(t, want, Word(err), "%s from %s, one-time %v, %s: %v", impl, from, oneTime, name, err)
		}
		genuine(t, receiver, impl+": "+name, m, err == nil)
	}
	require.Equal(t, words[official], words[ours], "from %s, one-time %v, %s", from, oneTime, name)
}

// genuine checks that an unchanged first message decrypts after a refusal of a changed one, and is
// a duplicate after a changed one was accepted.
func genuine(t *testing.T, receiver *Device, name string, m Message, accepted bool) {
	t.Helper()
	from := Address{"9d0652a3-dcc3-4d11-975f-74d61598733f", 3}
	record, err := receiver.Session(from)
	require.NoError(t, err)
	require.Equal(t, accepted, record != nil, name)
	plaintext, err := receiver.Decrypt(from, m)
	if accepted {
		require.Equal(t, "duplicate", Word(err), name)
		return
	}
	require.NoError(t, err, name)
	require.Equal(t, "hello", string(plaintext), name)
}

// A first message that comes again after its session was lost finds its one-time prekeys gone, or
// its base key remembered.
func TestReplayedFirstMessage(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	from := Address{"+14155550123", 3}
	for _, impl := range f.implementations() {
		sender := f.device(t, f.peer(impl), Params{Address: from})
		to := newReceivers(t, f, Address{"bob", 9})
		for name, receiver := range to.at {
			for oneTime, want := range map[bool]string{true: "invalid-prekey-id", false: "invalid-message"} {
				m := to.first(t, sender, name, oneTime)
				_, err := receiver.Decrypt(from, m)
				require.NoError(t, err)
				require.NoError(t, receiver.SetSession(from, nil))
				_, err = receiver.Decrypt(from, m)
				require.Equal(t, want, Word(err), "%s, one-time %v: %v", name, oneTime, err)
				record, err := receiver.Session(from)
				require.NoError(t, err)
				require.Nil(t, record)
			}
		}
	}
}
