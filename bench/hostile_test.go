package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// The five inputs that break the peer, run against signet: each is an error that a caller can act
// on, without a panic and without a change. What the peer does with them is written to the log as
// data.

// outcome says what f did, a panic included.
func outcome(f func() error) (s string) {
	defer func() {
		if r := recover(); r != nil {
			s = fmt.Sprint("panic: ", r)
		}
	}()
	if err := f(); err != nil {
		return fmt.Sprintf("error: %q", err)
	}
	return "accepted"
}

// refuses delivers m to us, and checks that it is refused with want and changes neither sessions
// nor stock. The slice and its spare capacity stay as they are.
func refuses(t *testing.T, us *ours, peer signet.Address, m session.Message, want error) {
	t.Helper()
	spare := bytes.Repeat([]byte{0xaa}, len(m.Body)+64)
	copy(spare, m.Body)
	m.Body = spare[:len(m.Body):len(spare)]
	whole := bytes.Clone(spare)
	before := us.record(t, peer)
	ec, kem, err := us.device().Stock(ctx)
	require.NoError(t, err)

	text, err := us.decrypt(peer, m)
	require.ErrorIs(t, err, want)
	require.Nil(t, text)
	require.Equal(t, whole, spare)
	require.True(t, bytes.Equal(before, us.record(t, peer)), "the record has changed")
	ec2, kem2, err := us.device().Stock(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{ec, kem}, []int{ec2, kem2})
}

// theirOutcome logs what the peer does with m.
func theirOutcome(t *testing.T, them *theirs, peer signet.Address, m session.Message) {
	t.Helper()
	t.Logf("the peer: %s", outcome(func() error {
		_, err := them.decrypt(peer, m)
		return err
	}))
}

func TestHostileShort(t *testing.T) {
	for _, kind := range []session.MessageType{session.TypePreKey, session.TypeSignal} {
		t.Run(kind.String(), func(t *testing.T) {
			p, us, them := newPair(t, false, gomau.Stored)
			p.start(true)
			first := p.seal(them, "hello")
			if kind == session.TypeSignal {
				p.opens(us, "hello", first)
				p.say(us, "hello yourself")
				first = p.seal(them, "how nice")
			}
			require.Equal(t, kind, first.Type)
			for n := range len(first.Body) {
				refuses(t, us, aliceAddr, session.Message{Type: kind, Body: first.Body[:n]}, session.ErrInvalidMessage)
			}
			_, err := p.open(us, first)
			require.NoError(t, err)
			tally := make(map[string]int)
			for n := range len(first.Body) {
				tally[outcome(func() error {
					_, err := newTheirs(t, bobAddr, gomau.Stored).decrypt(aliceAddr, session.Message{Type: kind, Body: first.Body[:n]})
					return err
				})]++
			}
			for what, n := range tally {
				if n < 3 || strings.HasPrefix(what, "panic") {
					t.Logf("the peer on %d of %d truncations: %s", n, len(first.Body), what)
				}
			}
		})
	}
}

// TestHostileEmpty sends messages of a few bytes that are well-formed and whose keys are empty or
// short.
func TestHostileEmpty(t *testing.T) {
	for _, m := range []session.Message{
		{Type: session.TypePreKey, Body: []byte("\x33\x12\x00\x1a\x00\x22\x01\x33")},
		{Type: session.TypePreKey, Body: []byte("\x33\x12\x01\x05\x1a\x01\x05\x22\x00")},
		{Type: session.TypePreKey, Body: []byte("\x33\x12\x00\x1a\x00\x22\x0f\x33\x0a\x00\x10\x00\x22\x0012345678")},
		{Type: session.TypePreKey, Body: []byte("\x33\x12\x01\x05\x1a\x01\x05\x22\x0f\x33\x0a\x00\x10\x00\x22\x0012345678")},
		{Type: session.TypeSignal, Body: []byte("\x33\x0a\x00\x10\x00\x22\x0012345678")},
		{Type: session.TypeSignal, Body: []byte("\x33\x0a\x01\x05\x10\x00\x22\x01\x0012345678")},
		{Type: session.TypeSignal, Body: []byte("\x33\x0a\x00\x22\x00\x10\x00\x18")},
	} {
		p, us, them := newPair(t, false, gomau.Stored)
		p.establish(true)
		refuses(t, us, aliceAddr, m, session.ErrInvalidMessage)
		p.say(them, "still here")
		t.Logf("%s of %d bytes", m.Type, len(m.Body))
		theirOutcome(t, them, bobAddr, m)
	}
}

func TestHostileNoSession(t *testing.T) {
	us := newOurs(aliceAddr)
	_, err := us.encrypt(bobAddr, []byte("hello?"))
	require.ErrorIs(t, err, session.ErrNoSession)
	require.Nil(t, us.record(t, bobAddr))
	t.Logf("the peer: %s", outcome(func() error {
		_, err := newTheirs(t, aliceAddr, gomau.Stored).encrypt(bobAddr, []byte("hello?"))
		return err
	}))
}

// TestHostileMAC flips each bit of the MAC of a message that begins a new chain. The genuine
// message opens afterwards, and the conversation goes on.
func TestHostileMAC(t *testing.T) {
	p, us, them := newPair(t, false, gomau.Stored)
	p.establish(true)
	p.say(us, "so that alice turns her ratchet")
	m := p.seal(them, "a new chain")
	for bit := range 8 * wire.MACSize {
		forged := bytes.Clone(m.Body)
		forged[len(forged)-1-bit/8] ^= 1 << (bit % 8)
		refuses(t, us, aliceAddr, session.Message{Type: m.Type, Body: forged}, session.ErrInvalidMessage)
	}
	p.opens(us, "a new chain", m)
	p.say(us, "and on it goes")
	p.say(them, "indeed")

	for _, keep := range bothKeeps {
		p, us, them := newPair(t, true, keep)
		p.establish(true)
		p.say(them, "so that alice turns her ratchet")
		m := p.seal(us, "a new chain")
		forged := bytes.Clone(m.Body)
		forged[len(forged)-1] ^= 1
		t.Logf("%v sessions", keep)
		theirOutcome(t, them, aliceAddr, session.Message{Type: m.Type, Body: forged})
		t.Log("the genuine message after the forged one:")
		theirOutcome(t, them, aliceAddr, m)
	}
}

// TestHostileZeroKey puts the key of all zeros, with which every agreement is zero, into each place
// that takes a key.
func TestHostileZeroKey(t *testing.T) {
	zero := signet.PublicKey{}.Bytes()
	p, us, them := newPair(t, false, gomau.Stored)
	p.start(true)
	first := p.seal(them, "hello")
	m, err := wire.ParsePreKeyMessage(first.Body)
	require.NoError(t, err)
	s := signal(t, first)
	theirPair, sender, receiver := newPair(t, true, gomau.Stored)
	theirPair.start(true)
	toThem := theirPair.seal(sender, "hello")
	n, err := wire.ParsePreKeyMessage(toThem.Body)
	require.NoError(t, err)
	for _, place := range []struct {
		name         string
		ours, toThem []byte
	}{
		{"base key", m.BaseKey, n.BaseKey},
		{"identity key", m.IdentityKey, n.IdentityKey},
		{"ratchet key", s.RatchetKey, signal(t, toThem).RatchetKey},
	} {
		t.Run(place.name, func(t *testing.T) {
			forged := session.Message{Type: first.Type, Body: bytes.Replace(first.Body, place.ours, zero, 1)}
			require.NotEqual(t, first.Body, forged.Body)
			refuses(t, us, aliceAddr, forged, session.ErrInvalidMessage)
			forged.Body = bytes.Replace(toThem.Body, place.toThem, zero, 1)
			theirOutcome(t, receiver, aliceAddr, forged)
		})
	}
	p.opens(us, "hello", first)

	t.Run("ratchet key of an ordinary message", func(t *testing.T) {
		p.say(us, "hello yourself")
		m := p.seal(them, "how nice")
		forged := session.Message{Type: m.Type, Body: bytes.Replace(m.Body, signal(t, m).RatchetKey, zero, 1)}
		refuses(t, us, aliceAddr, forged, session.ErrInvalidMessage)
		p.opens(us, "how nice", m)
	})
}

// TestHostileBundle has an identity sign the key of all zeros as its prekey.
func TestHostileBundle(t *testing.T) {
	id := signet.GenerateKey()
	good := newTheirs(t, bobAddr, gomau.Live).bundle(t, true)
	sign := func(key signet.PublicKey) []byte {
		signature, err := id.Sign(key.Bytes())
		require.NoError(t, err)
		return signature[:]
	}
	for _, place := range []string{"signed prekey", "one-time prekey"} {
		t.Run(place, func(t *testing.T) {
			f := *good
			f.Identity = id.PublicKey()
			if place == "signed prekey" {
				f.SignedPreKey.Public = signet.PublicKey{}
			} else {
				one := *f.PreKey
				one.Public = signet.PublicKey{}
				f.PreKey = &one
			}
			f.SignedPreKey.Signature = sign(f.SignedPreKey.Public)
			us := newOurs(aliceAddr)
			require.ErrorIs(t, us.start(bobAddr, &f), signet.ErrInvalidAgreement)
			require.Nil(t, us.record(t, bobAddr))
			_, known, err := us.device().Trusted(ctx, bobAddr)
			require.NoError(t, err)
			require.False(t, known)
			t.Logf("the peer: %s", outcome(func() error {
				return newTheirs(t, aliceAddr, gomau.Live).start(bobAddr, &f)
			}))
		})
	}
}

// TestServiceIDs begins between two names that are service ids. The field that binds them is not
// for this family of peers, whose MAC is over fields 1 to 4 alone (protocol §11.1).
func TestServiceIDs(t *testing.T) {
	alice := signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: 1}
	bob := signet.Address{Name: "796abedb-ca4e-4f18-8803-1fde5b921f9f", Device: 2}
	us, them := newOurs(alice), newTheirs(t, bob, gomau.Live)
	require.NoError(t, us.start(bob, them.bundle(t, true)))
	m, err := us.encrypt(bob, []byte("hello"))
	require.NoError(t, err)
	text, err := them.decrypt(alice, m)
	require.NoError(t, err)
	require.Equal(t, "hello", string(text))
}
