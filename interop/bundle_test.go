package interop

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both implementations get the same bundle, of the identity whose private key this is.
var bundleIdentity = bytes.Repeat([]byte{0x42}, 32)

func p[T any](v T) *T { return &v }

func TestBundles(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	sign := func(b []byte) []byte {
		var a struct{ Signature []byte }
		require.NoError(t, f.peer(ours).Call("sign", Fields{"key": bundleIdentity, "message": b}, &a))
		return a.Signature
	}
	type edit struct {
		name, word string
		edit       func(b *Bundle)
	}
	edits := []edit{
		{"none", "", func(*Bundle) {}},
		{"no one-time prekey", "", func(b *Bundle) { b.PreKeyID, b.PreKey = nil, nil }},
		{"half a one-time prekey", "invalid-argument", func(b *Bundle) { b.PreKeyID = nil }},
		{"other half", "invalid-argument", func(b *Bundle) { b.PreKey = nil }},
		{"no Kyber prekey", "unsupported-version", func(b *Bundle) {
			b.KyberPreKey, b.KyberPreKeyID, b.KyberPreKeySignature = nil, nil, nil
		}},
		{"no Kyber signature", "invalid-argument", func(b *Bundle) { b.KyberPreKeySignature = nil }},
		{"device 0", "invalid-argument", func(b *Bundle) { b.DeviceID = 0 }},
		{"device 128", "invalid-argument", func(b *Bundle) { b.DeviceID = 128 }},
		{"another device", "", func(b *Bundle) { b.DeviceID = 7 }},
		{"any registration id", "", func(b *Bundle) { b.RegistrationID = 1<<32 - 1 }},
		{"any ids", "", func(b *Bundle) {
			b.SignedPreKeyID, b.PreKeyID, b.KyberPreKeyID = 1<<32-1, p(uint32(0)), p(uint32(1<<31))
		}},
		{"signature of the signed prekey", "invalid-signature", func(b *Bundle) { b.SignedPreKeySignature[3] ^= 1 }},
		{"signature of the Kyber prekey", "invalid-signature", func(b *Bundle) { b.KyberPreKeySignature[3] ^= 1 }},
		{"short signature", "invalid-signature", func(b *Bundle) { b.SignedPreKeySignature = b.SignedPreKeySignature[:63] }},
		{"empty signature", "invalid-signature", func(b *Bundle) { b.KyberPreKeySignature = []byte{} }},
		{"other identity", "invalid-signature", func(b *Bundle) { b.Identity[4] ^= 1 }},
		{"other signed prekey", "invalid-signature", func(b *Bundle) { b.SignedPreKey[4] ^= 1 }},
		{"other Kyber prekey", "invalid-signature", func(b *Bundle) { b.KyberPreKey[400] ^= 1 }},
		{"other one-time prekey", "", func(b *Bundle) { b.PreKey[4] ^= 1 }},
		{"identity of another type", "invalid-key", func(b *Bundle) { b.Identity[0] = 6 }},
		{"short signed prekey", "invalid-key", func(b *Bundle) { b.SignedPreKey = b.SignedPreKey[:32] }},
		{"long one-time prekey", "", func(b *Bundle) { b.PreKey = append(b.PreKey, 0) }},
		{"empty one-time prekey", "invalid-key", func(b *Bundle) { b.PreKey = []byte{} }},
		{"long signed prekey", "", func(b *Bundle) { b.SignedPreKey = append(b.SignedPreKey, 0) }},
		{"Kyber768", "invalid-key", func(b *Bundle) { b.KyberPreKey[0] = 7 }},
		{"ML-KEM", "invalid-key", func(b *Bundle) { b.KyberPreKey[0] = 10 }},
		{"short Kyber prekey", "invalid-key", func(b *Bundle) { b.KyberPreKey = b.KyberPreKey[:1568] }},
		{"long Kyber prekey", "invalid-key", func(b *Bundle) { b.KyberPreKey = append(b.KyberPreKey, 0) }},
		{"empty Kyber prekey", "invalid-key", func(b *Bundle) { b.KyberPreKey = []byte{} }},
		{"Kyber prekey out of range", "", func(b *Bundle) {
			copy(b.KyberPreKey[1:], bytes.Repeat([]byte{0xff}, 1536))
			b.KyberPreKeySignature = sign(b.KyberPreKey)
		}},
	}
	for i, k := range oddKeys() {
		word := "?"
		if i < 4 {
			word = "invalid-key"
		}
		edits = append(edits,
			edit{"odd one-time prekey", word, func(b *Bundle) { b.PreKey = k }},
			edit{"odd signed prekey", word, func(b *Bundle) { b.SignedPreKey, b.SignedPreKeySignature = k, sign(k) }},
			edit{"odd identity", "?", func(b *Bundle) { b.Identity = k }},
			edit{"odd identity, no signatures", "?", func(b *Bundle) {
				b.Identity, b.SignedPreKeySignature, b.KyberPreKeySignature = k, make([]byte, 64), make([]byte, 64)
			}},
		)
	}
	to := Address{"bob", 9}
	for _, from := range f.implementations() {
		owner := f.device(t, f.peer(from), Params{Address: to, Identity: bundleIdentity})
		for _, e := range edits {
			b, err := owner.Bundle(true)
			require.NoError(t, err)
			e.edit(&b)
			words := make(map[string]string)
			for _, impl := range f.implementations() {
				d := f.device(t, f.peer(impl), Params{Address: Address{"alice", 1}})
				err := d.Process(to, b)
				words[impl] = Word(err)
				if e.word != "?" {
					require.Equal(t, e.word, words[impl], "%s, bundle of %s: %s: %v", impl, from, e.name, err)
				}
				record, err := d.Session(to)
				require.NoError(t, err)
				require.Equal(t, words[impl] == "", record != nil, "%s: %s", impl, e.name)
			}
			require.Equal(t, words[official], words[ours], "bundle of %s: %s", from, e.name)
		}
	}
}

// A peer that comes back with another identity key is refused, on every way, and nothing changes:
// not the session, and not the messages of the old key that are still on their way.
func TestIdentityChange(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	bob, alice := Address{"PNI:796abedb-ca4e-4f18-8803-1fde5b921f9f", 1}, Address{"+14155550123", 2}
	for _, sender := range f.implementations() {
		for _, receiver := range f.implementations() {
			a := f.device(t, f.peer(sender), Params{Address: alice})
			b := f.device(t, f.peer(receiver), Params{Address: bob})
			bundle, err := b.Bundle(true)
			require.NoError(t, err)
			require.NoError(t, a.Process(bob, bundle))
			exchange(t, a, b, alice, bob)
			late, err := a.Encrypt(bob, []byte("late"))
			require.NoError(t, err)

			stranger := f.device(t, f.peer(sender), Params{Address: alice})
			record, err := b.Session(alice)
			require.NoError(t, err)
			bundle, err = b.Bundle(false)
			require.NoError(t, err)
			require.NoError(t, stranger.Process(bob, bundle))
			m, err := stranger.Encrypt(bob, []byte("hello"))
			require.NoError(t, err)
			_, err = b.Decrypt(alice, m)
			require.Equal(t, "untrusted-identity", Word(err), "%s: %v", receiver, err)
			bundle, err = stranger.Bundle(true)
			require.NoError(t, err)
			err = b.Process(alice, bundle)
			require.Equal(t, "untrusted-identity", Word(err), "%s: %v", receiver, err)

			after, err := b.Session(alice)
			require.NoError(t, err)
			require.Equal(t, record, after)
			plaintext, err := b.Decrypt(alice, late)
			require.NoError(t, err)
			require.Equal(t, "late", string(plaintext))
			exchange(t, b, a, bob, alice)
		}
	}
}

// exchange sends one message each way.
func exchange(t *testing.T, a, b *Device, alice, bob Address) {
	t.Helper()
	for range 2 {
		m, err := a.Encrypt(bob, []byte("hello"))
		require.NoError(t, err)
		plaintext, err := b.Decrypt(alice, m)
		require.NoError(t, err)
		require.Equal(t, "hello", string(plaintext))
		a, b, alice, bob = b, a, bob, alice
	}
}

// The comparison of two outcomes sees what it is there to see.
func TestDifference(t *testing.T) {
	session := func(root, chain, receiver string) []byte {
		s := appendFields(nil, []field{
			{num: 1, typ: 0, n: 4}, {num: 4, typ: 2, bytes: []byte(root)},
			{num: 6, typ: 2, bytes: []byte(chain)}, {num: 7, typ: 2, bytes: []byte(receiver)},
		})
		return appendFields(nil, []field{{num: 1, typ: 2, bytes: s}, {num: 2, typ: 2, bytes: []byte("old")}})
	}
	before := session("root", "chain", "receiver")
	fine := func(record []byte) *outcome { return &outcome{plaintext: []byte("text"), record: record} }
	refused := func(word string, record []byte) *outcome { return &outcome{word: word, record: record} }
	changed := session("root", "chain", "receiver'")
	for _, c := range []struct {
		name string
		a, b *outcome
		same bool
	}{
		{"the same", fine(changed), fine(changed), true},
		{"a ratchet step", fine(session("1", "2", "3")), fine(session("4", "5", "3")), true},
		{"another receiving chain", fine(session("1", "2", "3")), fine(session("1", "2", "4")), false},
		{"a refusal", refused("duplicate", before), refused("duplicate", before), true},
		{"another refusal", refused("duplicate", before), refused("invalid-message", before), false},
		{"a refusal and a decryption", refused("duplicate", before), fine(before), false},
		{"a refusal that changes the state", refused("duplicate", changed), refused("duplicate", changed), false},
		{"another plaintext", fine(changed), &outcome{plaintext: []byte("txet"), record: changed}, false},
		{"a record that does not parse", fine(changed), fine([]byte{0xff}), false},
	} {
		require.Equal(t, c.same, difference(before, c.a, c.b) == "", c.name)
	}
}
