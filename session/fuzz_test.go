package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// A shaky store loses its next transaction: before the commit, so that nothing is kept, or after
// it, so that everything is and nobody hears of it. Or it runs each function twice, as after a
// serialization failure, and keeps the second run.
type shaky struct {
	session.Store
	before, after, twice bool
}

var errCrash = errors.New("crash")

func (s *shaky) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	before, after := s.before, s.after
	s.before, s.after = false, false
	if s.twice {
		s.Store.Update(ctx, peer, func(tx session.Tx) error { return errors.Join(f(tx), errCrash) })
	}
	err := s.Store.Update(ctx, peer, func(tx session.Tx) error {
		if err := f(tx); err != nil || !before {
			return err
		}
		return errCrash
	})
	if err == nil && after {
		return errCrash
	}
	return err
}

// A fuzzParty is a device of the fuzzed conversation.
type fuzzParty struct {
	*party
	shaky  *shaky
	bundle *x3dh.Bundle // the last one that was handed out
}

func newFuzzParty(addr signet.Address) *fuzzParty {
	p := &fuzzParty{party: newParty(addr, session.Options{AllowX3DH: true})}
	p.shaky = &shaky{Store: p.store}
	p.restart()
	return p
}

func (p *fuzzParty) restart() { p.Device = session.NewDevice(p.addr, p.key, p.shaky, p.opts) }

// A flying message has left its sender.
type flying struct {
	from, to  *fuzzParty
	m         session.Message
	text      string
	delivered bool // it has decrypted, whether or not anybody heard of it
}

// A conversation is the model: everything that ever left a sender, and the keys that it used.
type conversation struct {
	t     *testing.T
	ends  [2]*fuzzParty
	air   []*flying
	used  map[string]string // (ratchet key, counter) → what was sent under it
	count int               // of Encrypt
	heard int               // messages that decrypted
}

// step does what the byte says. Its low bit is who acts, the next three what, the rest a choice.
func (c *conversation) step(b byte) {
	who, other := c.ends[b&1], c.ends[1-b&1]
	choice := int(b >> 4)
	switch b >> 1 & 7 {
	case 0, 1:
		c.send(who, other)
	case 2, 3:
		c.receive(choice)
	case 4: // lose one
		if n := len(c.air); n > 0 {
			i := choice % n
			c.air = append(c.air[:i], c.air[i+1:]...)
		}
	case 5:
		who.restart()
		who.shaky.before, who.shaky.after, who.shaky.twice = choice%3 == 1, choice%3 == 2, choice >= 8
	case 6:
		if choice < 8 {
			c.start(who, other, choice)
		} else if err := who.Archive(ctx, other.addr); err != nil {
			require.Equal(c.t, errCrash, err)
		}
	case 7:
		if n := len(c.air); n > 0 { // damage a copy
			f := c.air[choice%n]
			m := bytes.Clone(f.m.Body)
			m[(c.count*37)%len(m)] ^= 1 << (choice % 8)
			c.deliver(f, session.Message{Type: f.m.Type, Body: m}, true)
		}
	}
}

// start makes a session, from a fresh bundle, one without one-time prekeys, one that was used
// before, or one of version 3.
func (c *conversation) start(who, other *fuzzParty, choice int) {
	if choice&3 != 2 || other.bundle == nil {
		stock, err := other.PreKeys(ctx, choice&1)
		if err != nil {
			require.Equal(c.t, errCrash, err)
			return
		}
		other.bundle, err = stock.NextBundle()
		require.NoError(c.t, err)
	}
	b := other.bundle
	if choice == 7 {
		b = withoutKEM(c.t, b)
	}
	if err := who.Start(ctx, other.addr, b); err != nil {
		require.Equal(c.t, errCrash, err)
	}
}

// send encrypts the next text. A message that left must have used a key of its own.
func (c *conversation) send(who, other *fuzzParty) {
	c.count++
	text := fmt.Sprint("text ", c.count)
	m, err := who.Encrypt(ctx, other.addr, []byte(text))
	if err != nil {
		require.True(c.t, errors.Is(err, session.ErrNoSession) || err == errCrash, "%v", err)
		return
	}
	body := m.Body
	if m.Type == session.TypePreKey {
		p, err := wire.ParsePreKeyMessage(body)
		require.NoError(c.t, err)
		body = p.Message
	}
	w, err := wire.ParseSignalMessage(body)
	require.NoError(c.t, err)
	key := fmt.Sprintf("%x %d", w.RatchetKey, w.Counter)
	require.NotContains(c.t, c.used, key, "a message key was used twice")
	c.used[key] = text
	c.air = append(c.air, &flying{from: who, to: other, m: m, text: text})
}

// receive delivers one of the messages in the air. Odd choices leave a copy there.
func (c *conversation) receive(choice int) {
	n := len(c.air)
	if n == 0 {
		return
	}
	i := choice / 2 % n
	f := c.air[i]
	if choice&1 == 0 {
		c.air = append(c.air[:i], c.air[i+1:]...)
	}
	c.deliver(f, f.m, false)
}

// deliver decrypts m, which is f's message or, damaged, was.
func (c *conversation) deliver(f *flying, m session.Message, damaged bool) {
	before := rows(c.t, f.to.store, f.from.addr)
	crashAfter := f.to.shaky.after
	in := append(bytes.Clone(m.Body), bytes.Repeat([]byte{0xaa}, 16)...)
	whole := bytes.Clone(in)
	got, err := f.to.Decrypt(ctx, f.from.addr, session.Message{Type: m.Type, Body: in[:len(m.Body)]})
	require.Equal(c.t, whole, in)
	after := rows(c.t, f.to.store, f.from.addr)
	switch {
	case err == nil:
		require.Equal(c.t, f.text, string(got))
	case err == errCrash && crashAfter:
		require.NotEqual(c.t, before, after)
	default:
		require.Nil(c.t, got)
		require.Equal(c.t, before, after, "a failed Decrypt changed something: %v", err)
		known := err == errCrash
		for _, want := range []error{ratchet.ErrDuplicate, session.ErrInvalidMessage, session.ErrPreKeyID} {
			known = known || errors.Is(err, want)
		}
		// Damage can make another identity, version, or a message to no session.
		known = known || damaged && (errors.Is(err, session.ErrVersion) || matches(err, errUntrusted))
		known = known || errors.Is(err, session.ErrNoSession) && before.Session == nil && before.Archive == nil
		require.True(c.t, known, "%v", err)
		return
	}
	require.False(c.t, f.delivered, "a message decrypted twice")
	f.delivered = true
	c.heard++
}

// FuzzConversation: bytes decide who sends, what is lost, reordered, duplicated, damaged, who
// restarts, crashes, archives and starts anew. No message key is used for two messages, no message
// decrypts twice, no failure changes anything, and at the end the two can still talk.
func FuzzConversation(f *testing.F) {
	f.Add([]byte{12, 0, 4, 1, 4, 0, 0, 0, 36, 20, 4, 1, 5})
	f.Add([]byte("\x0c\x0d\x00\x01\x04\x04\x00\x14\x1a\x00\x2a\x04\x00\x04\x8c\x8d\x2c\x00\x2c\x01\x44\x34\x14"))
	f.Add(bytes.Repeat([]byte{12, 0, 0, 13, 1, 4, 52, 36, 4, 26, 0, 43, 4, 4, 140, 14, 46}, 6))
	f.Add(bytes.Repeat([]byte{0x7c, 0, 4, 1, 4, 0x2a, 4, 0x1b, 0}, 12))
	f.Fuzz(func(t *testing.T, script []byte) { converse(t, script[:min(len(script), 200)]) })
}

// converse runs a script and returns the conversation after it.
func converse(t *testing.T, script []byte) *conversation {
	c := &conversation{t: t, used: make(map[string]string)}
	c.ends = [2]*fuzzParty{
		newFuzzParty(signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: 1}),
		newFuzzParty(signet.Address{Name: "796abedb-ca4e-4f18-8803-1fde5b921f9f", Device: 2}),
	}
	require.NoError(t, c.ends[0].Start(ctx, c.ends[1].addr, c.ends[1].party.bundle(t, 1)))
	for _, b := range script {
		c.step(b)
	}
	for i := range c.ends {
		who, other := c.ends[i], c.ends[1-i]
		*who.shaky, *other.shaky = shaky{Store: who.store}, shaky{Store: other.store}
		require.NoError(t, who.Start(ctx, other.addr, other.party.bundle(t, 1)))
		deliver(t, who.party, other.party, "still here")
		deliver(t, other.party, who.party, "and listening")
	}
	return c
}

// TestConversations is FuzzConversation over scripts that are drawn once and for all.
func TestConversations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sent, heard := 0, 0
	for range 60 {
		script := make([]byte, 200)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		c := converse(t, script)
		sent, heard = sent+len(c.used), heard+c.heard
	}
	t.Logf("%d messages sent, %d received", sent, heard)
	require.Greater(t, sent, 1500)
	require.Greater(t, heard, sent/2)
}

// FuzzDecrypt gives anything to a device with live sessions of both versions and prekeys.
func FuzzDecrypt(f *testing.F) {
	alice, bob := pair(f)
	bundle := bob.bundle(f, 1)
	carol := newParty(carolAddr, session.Options{AllowX3DH: true})
	bob.opts.AllowX3DH = true
	bob.restart()
	require.NoError(f, carol.Start(ctx, bobAddr, withoutKEM(f, bob.bundle(f, 1))))
	deliver(f, carol, bob, "x")
	seed := func(from *party) {
		m := send(f, from, bob, "seed")
		f.Add(uint8(m.Type), m.Body)
	}
	seed(alice)
	seed(carol)
	require.NoError(f, alice.Start(ctx, bobAddr, bundle))
	seed(alice)
	f.Add(uint8(3), []byte{})
	f.Add(uint8(2), []byte("\x44\x0a\x00\x10\x00\x22\x00macmacma"))
	f.Fuzz(func(t *testing.T, typ uint8, body []byte) {
		for _, from := range []signet.Address{aliceAddr, carolAddr, {Name: "nobody", Device: 1}} {
			p := newParty(bobAddr, *bob.opts)
			p.key, p.store = bob.key, bob.store.Clone()
			p.restart()
			before := rows(t, p.store, from)
			in := append(bytes.Clone(body), bytes.Repeat([]byte{0xaa}, 16)...)
			whole := bytes.Clone(in)
			_, err := p.Decrypt(ctx, from, session.Message{Type: session.MessageType(typ), Body: in[:len(body)]})
			require.Equal(t, whole, in)
			if err != nil {
				require.Equal(t, before, rows(t, p.store, from))
			}
		}
	})
}

// FuzzSetRecord lets a device live with any record.
func FuzzSetRecord(f *testing.F) {
	alice, bob := pair(f)
	m := send(f, alice, bob, "x")
	b, err := bob.Record(ctx, aliceAddr)
	require.NoError(f, err)
	f.Add(b, m.Body)
	f.Add(append([]byte{0x0a, 0}, append([]byte{0x12}, b[1:]...)...), m.Body)
	f.Fuzz(func(t *testing.T, record, body []byte) {
		p := newParty(bobAddr, session.Options{})
		p.key = bob.key
		p.restart()
		putRecord(t, p.store, aliceAddr, record)
		for _, typ := range []session.MessageType{session.TypeSignal, session.TypePreKey} {
			before := rows(t, p.store, aliceAddr)
			if _, err := p.Decrypt(ctx, aliceAddr, session.Message{Type: typ, Body: body}); err != nil {
				require.Equal(t, before, rows(t, p.store, aliceAddr))
			}
		}
		p.Encrypt(ctx, aliceAddr, []byte("y"))
		p.Status(ctx, aliceAddr)
		p.Archive(ctx, aliceAddr)
		p.SetRecord(ctx, aliceAddr, record)
	})
}
