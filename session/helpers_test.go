package session_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

var ctx = context.Background()

// pq says whether the post-quantum half is there. Tests that need it are skipped without it.
var pq = func() bool {
	k := signet.GenerateKey().PublicKey()
	s, err := ratchet.NewInitiator(ratchet.Seed{}, &ratchet.Handshake{Version: 4}, k)
	return err == nil && s.HasPQ()
}()

func needPQ(t testing.TB) {
	t.Helper()
	if !pq {
		t.Skip("the post-quantum half is not there yet")
	}
}

// hexBytes is a byte string that JSON holds in hex.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// vectors reads testdata/name into v, a pointer.
func vectors(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	if strings.HasSuffix(name, ".gz") {
		r, err := gzip.NewReader(bytes.NewReader(b))
		require.NoError(t, err)
		require.NoError(t, json.NewDecoder(r).Decode(v))
		return
	}
	require.NoError(t, json.Unmarshal(b, v))
}

// A party is a Device with what a test wants to reach behind it.
type party struct {
	*session.Device
	addr  signet.Address
	key   *signet.PrivateKey
	store *memory.Store
	opts  *session.Options
	now   time.Time // what the device's clock says
}

var (
	aliceAddr = signet.Address{Name: "alice", Device: 1}
	bobAddr   = signet.Address{Name: "bob", Device: 2}
	carolAddr = signet.Address{Name: "carol", Device: 3}
)

// newParty makes a device over a store of its own. Zero opts are the defaults; the clock is p.now.
func newParty(addr signet.Address, opts session.Options) *party {
	p := &party{addr: addr, key: signet.GenerateKey(), store: memory.New(), opts: &opts, now: time.UnixMilli(1_760_000_000_000)}
	p.opts.Now = func() time.Time { return p.now }
	p.restart()
	return p
}

// restart makes a new Device over the same rows.
func (p *party) restart() { p.Device = session.NewDevice(p.addr, p.key, p.store, p.opts) }

// bundle is the next of n fresh bundles: n = 0 is one without one-time prekeys.
func (p *party) bundle(t testing.TB, n int) *x3dh.Bundle {
	t.Helper()
	stock, err := p.PreKeys(ctx, n)
	require.NoError(t, err)
	b, err := stock.NextBundle()
	require.NoError(t, err)
	return b
}

// withoutKEM strips the KEM prekey: a bundle of version 3.
func withoutKEM(t testing.TB, b *x3dh.Bundle) *x3dh.Bundle {
	t.Helper()
	f := b.Fields()
	f.KEMPreKey = nil
	b, err := x3dh.NewBundle(f)
	require.NoError(t, err)
	return b
}

// pair is alice and bob with an acknowledged session.
func pair(t testing.TB) (alice, bob *party) {
	t.Helper()
	alice, bob = newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	deliver(t, alice, bob, "hello")
	deliver(t, bob, alice, "hello yourself")
	return alice, bob
}

func send(t testing.TB, from, to *party, text string) session.Message {
	t.Helper()
	m, err := from.Encrypt(ctx, to.addr, []byte(text))
	require.NoError(t, err)
	return m
}

func receive(t testing.TB, from, to *party, m session.Message, text string) {
	t.Helper()
	got, err := to.Decrypt(ctx, from.addr, guarded(t, m))
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

func deliver(t testing.TB, from, to *party, text string) session.Message {
	t.Helper()
	m := send(t, from, to, text)
	receive(t, from, to, m, text)
	return m
}

// refuse has to decrypt m from from, wants an error that matches want, and nothing changed.
func refuse(t testing.TB, from signet.Address, to *party, m session.Message, want error) error {
	t.Helper()
	before := rows(t, to.store, from)
	got, err := to.Decrypt(ctx, from, guarded(t, m))
	require.True(t, matches(err, want), "want %v, got %v", want, err)
	require.Nil(t, got)
	require.Equal(t, before, rows(t, to.store, from))
	return err
}

// guarded is m in a slice with spare capacity full of 0xAA. That neither changed is checked when
// the test ends.
func guarded(t testing.TB, m session.Message) session.Message {
	m.Body = guard(t, m.Body)
	return m
}

func guard(t testing.TB, b []byte) []byte {
	const spare = 64
	buf := bytes.Repeat([]byte{0xaa}, len(b)+spare)
	copy(buf, b)
	whole := bytes.Clone(buf)
	t.Cleanup(func() { require.Equal(t, whole, buf, "an input or its spare capacity was written to") })
	return buf[:len(b)]
}

// snapshot is everything in a store that an operation with one peer can change.
type snapshot struct {
	Session, Archive, Identity, User []byte
	PreKeys, KEMPreKeys              int
	Values                           map[string]string
}

var valueNames = []string{"identity", "registration", "signed-prekeys", "last-resort-prekeys", "next-prekey", "next-signed-prekey", "next-kem-prekey"}

func rows(t testing.TB, store session.Store, peer signet.Address) (s snapshot) {
	t.Helper()
	s.Values = make(map[string]string)
	update(t, store, func(tx session.Tx) {
		copied := func(b []byte, err error) []byte {
			require.NoError(t, err)
			return bytes.Clone(b)
		}
		s.Session, s.Archive = copied(tx.Session(peer)), copied(tx.Archive(peer))
		s.Identity = copied(tx.Identity(peer))
		s.User = copied(tx.Identity(signet.Address{Name: peer.Name}))
		var err error
		s.PreKeys, err = tx.CountPreKeys()
		require.NoError(t, err)
		s.KEMPreKeys, err = tx.CountKEMPreKeys()
		require.NoError(t, err)
		for _, name := range append(valueNames, "registered/"+peer.String()) {
			s.Values[name] = string(copied(tx.Value(name)))
		}
	})
	return s
}

// update runs f, which fails the test itself, in a transaction.
func update(t testing.TB, store session.Store, f func(tx session.Tx)) {
	t.Helper()
	require.NoError(t, store.Update(ctx, signet.Address{}, func(tx session.Tx) error { f(tx); return nil }))
}

// putRecord stores a record without looking at it, as SetRecord would not: damaged ones too.
func putRecord(t testing.TB, store session.Store, peer signet.Address, record []byte) {
	t.Helper()
	current, previous, err := wire.SplitRecord(record)
	if err != nil {
		current, previous = nil, nil
	}
	update(t, store, func(tx session.Tx) {
		row := record
		if err == nil && current == nil {
			row = nil
		} else if err == nil {
			row = wire.AppendBytes(nil, 1, current)
		}
		require.NoError(t, tx.PutSession(peer, row))
		require.NoError(t, tx.PutArchive(peer, previous))
	})
}

// current decodes the current session with peer.
func current(t testing.TB, store session.Store, peer signet.Address) wire.Session {
	t.Helper()
	b, _, err := wire.SplitRecord(rows(t, store, peer).Session)
	require.NoError(t, err)
	s, err := wire.ParseSession(b)
	require.NoError(t, err)
	return s
}

// errUntrusted stands for any *UntrustedIdentityError in the tables: see matches.
var errUntrusted = errors.New("untrusted identity")

// matches is errors.Is with errUntrusted.
func matches(err, want error) bool {
	if want == errUntrusted {
		var u *session.UntrustedIdentityError
		return errors.As(err, &u)
	}
	return errors.Is(err, want)
}
