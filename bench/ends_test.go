package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

var ctx = context.Background()

var (
	aliceAddr = signet.Address{Name: "alice", Device: 1}
	bobAddr   = signet.Address{Name: "bob", Device: 2}
)

// An end is a party of a conversation, whichever library it runs.
type end interface {
	// bundle returns what a directory would hand out, with a one-time prekey or without.
	bundle(t testing.TB, oneTime bool) *x3dh.BundleFields
	start(peer signet.Address, f *x3dh.BundleFields) error
	encrypt(peer signet.Address, plaintext []byte) (session.Message, error)
	decrypt(peer signet.Address, m session.Message) ([]byte, error)
	// duplicate is the error for a message that was decrypted before.
	duplicate() error
}

// ours is signet, over a store in memory. There is a new Device for each call: it has no state.
type ours struct {
	self  signet.Address
	id    *signet.PrivateKey
	store *memory.Store
}

func newOurs(self signet.Address) *ours {
	return &ours{self: self, id: signet.GenerateKey(), store: memory.New()}
}

func (o *ours) device() *session.Device {
	return session.NewDevice(o.self, o.id, o.store, &session.Options{AllowX3DH: true})
}

func (o *ours) bundle(t testing.TB, oneTime bool) *x3dh.BundleFields {
	t.Helper()
	n := 0
	if oneTime {
		n = 1
	}
	p, err := o.device().PreKeys(ctx, n)
	require.NoError(t, err)
	f := p.Next()
	f.KEMPreKey = nil
	return &f
}

func (o *ours) start(peer signet.Address, f *x3dh.BundleFields) error {
	b, err := x3dh.NewBundle(*f)
	if err != nil {
		return err
	}
	return o.device().Start(ctx, peer, b)
}

func (o *ours) encrypt(peer signet.Address, plaintext []byte) (session.Message, error) {
	return o.device().Encrypt(ctx, peer, plaintext)
}

func (o *ours) decrypt(peer signet.Address, m session.Message) ([]byte, error) {
	return o.device().Decrypt(ctx, peer, m)
}

func (o *ours) duplicate() error { return errDuplicate }

// record returns the stored sessions with peer.
func (o *ours) record(t testing.TB, peer signet.Address) []byte {
	t.Helper()
	b, err := o.device().Record(ctx, peer)
	require.NoError(t, err)
	return b
}

// theirs is go.mau.fi/libsignal.
type theirs struct {
	*gomau.Device
	next uint32 // the last one-time prekey made
}

func newTheirs(t testing.TB, self signet.Address, keep gomau.Keep) *theirs {
	t.Helper()
	d, err := gomau.New(self, keep)
	require.NoError(t, err)
	return &theirs{Device: d}
}

func (p *theirs) bundle(t testing.TB, oneTime bool) *x3dh.BundleFields {
	t.Helper()
	if !oneTime {
		f := p.Bundle(nil)
		return &f
	}
	p.next++
	return p.bundleWith(t, p.next)
}

// bundleWith returns a bundle whose one-time prekey has this id.
func (p *theirs) bundleWith(t testing.TB, id uint32) *x3dh.BundleFields {
	t.Helper()
	require.NoError(t, p.AddPreKey(id))
	f := p.Bundle(&id)
	return &f
}

func (p *theirs) start(peer signet.Address, f *x3dh.BundleFields) error {
	return p.Session(peer).Start(ctx, f)
}

func (p *theirs) encrypt(peer signet.Address, plaintext []byte) (session.Message, error) {
	return p.Session(peer).Encrypt(ctx, plaintext)
}

func (p *theirs) decrypt(peer signet.Address, m session.Message) ([]byte, error) {
	return p.Session(peer).Decrypt(ctx, m)
}

func (p *theirs) duplicate() error { return gomau.ErrDuplicate }

// A pair is the two ends of one conversation: alice, who begins it, and bob.
type pair struct {
	t          testing.TB
	alice, bob end
}

// newPair returns a pair with signet as alice or as bob. No session has begun.
func newPair(t testing.TB, weBegin bool, keep gomau.Keep) (p *pair, us *ours, them *theirs) {
	t.Helper()
	if weBegin {
		us, them = newOurs(aliceAddr), newTheirs(t, bobAddr, keep)
		return &pair{t, us, them}, us, them
	}
	us, them = newOurs(bobAddr), newTheirs(t, aliceAddr, keep)
	return &pair{t, them, us}, us, them
}

func (p *pair) start(oneTime bool) {
	p.t.Helper()
	require.NoError(p.t, p.alice.start(bobAddr, p.bob.bundle(p.t, oneTime)))
}

// establish starts a session and lets each side hear from the other.
func (p *pair) establish(oneTime bool) {
	p.t.Helper()
	p.start(oneTime)
	require.Equal(p.t, session.TypePreKey, p.say(p.alice, "hello").Type)
	require.Equal(p.t, session.TypeSignal, p.say(p.bob, "hello yourself").Type)
	require.Equal(p.t, session.TypeSignal, p.say(p.alice, "how nice").Type)
}

// addresses returns those of the end that is from and of the other.
func (p *pair) addresses(from end) (self, peer signet.Address) {
	if from == p.alice {
		return aliceAddr, bobAddr
	}
	return bobAddr, aliceAddr
}

func (p *pair) other(e end) end {
	if e == p.alice {
		return p.bob
	}
	return p.alice
}

func (p *pair) seal(from end, text string) session.Message {
	p.t.Helper()
	_, peer := p.addresses(from)
	m, err := from.encrypt(peer, []byte(text))
	require.NoError(p.t, err)
	return m
}

// open lets to decrypt a message of the other end.
func (p *pair) open(to end, m session.Message) (string, error) {
	_, peer := p.addresses(to)
	text, err := to.decrypt(peer, m)
	return string(text), err
}

func (p *pair) opens(to end, want string, m session.Message) {
	p.t.Helper()
	text, err := p.open(to, m)
	require.NoError(p.t, err)
	require.Equal(p.t, want, text)
}

// say carries one message from an end to the other.
func (p *pair) say(from end, text string) session.Message {
	p.t.Helper()
	m := p.seal(from, text)
	p.opens(p.other(from), text, m)
	return m
}

// signal parses the SignalMessage in m.
func signal(t testing.TB, m session.Message) wire.SignalMessage {
	t.Helper()
	body := m.Body
	if m.Type == session.TypePreKey {
		first, err := wire.ParsePreKeyMessage(body)
		require.NoError(t, err)
		body = first.Message
	}
	s, err := wire.ParseSignalMessage(body)
	require.NoError(t, err)
	return s
}
