package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// An impostor is a device of a known user with an identity key of its own, and what it can come
// with.
type impostor struct {
	*party
	first  session.Message // to alice
	record []byte          // alice's sessions with it, had she let it in
	inside session.Message // an ordinary message of that session
}

// newImpostor makes the device of a key, and its session with a copy of alice that trusts
// everybody.
func newImpostor(t *testing.T, alice *party, a signet.Address) *impostor {
	t.Helper()
	s := &impostor{party: newParty(a, session.Options{DeviceIdentities: true})}
	credulous := &party{addr: aliceAddr, key: alice.key, store: alice.store.Clone(), opts: &session.Options{DeviceIdentities: true}}
	credulous.restart()
	require.NoError(t, s.Start(ctx, aliceAddr, credulous.bundle(t, 1)))
	deliver(t, s.party, credulous, "psst")
	deliver(t, credulous, s.party, "yes?")
	s.inside = send(t, s.party, credulous, "it is me")
	var err error
	s.record, err = credulous.Record(ctx, a)
	require.NoError(t, err)
	require.NoError(t, s.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	s.first = send(t, s.party, alice, "from my new laptop")
	return s
}

// TestStranger: a device with another key than its user's gets in by no way there is. Under one's
// own name the key is one's own, whatever came first.
func TestStranger(t *testing.T) {
	for _, user := range []signet.Address{bobAddr, aliceAddr} {
		alice, bob := pair(t)
		known := bob.key.PublicKey()
		if user == aliceAddr {
			known = alice.key.PublicKey()
		}
		peer := signet.Address{Name: user.Name, Device: 9}
		s := newImpostor(t, alice, peer)
		bundle := s.bundle(t, 1)
		for way, do := range map[string]func() error{
			"first message": func() error { return refuse(t, peer, alice, s.first, errUntrusted) },
			"start":         func() error { return alice.Start(ctx, peer, bundle) },
			"start all":     func() error { return alice.StartAll(ctx, []session.Contact{{Peer: peer, Bundle: bundle}}, nil, nil) },
			"barrier":       func() error { return alice.Barrier(ctx, peer, bundle) },
			"record":        func() error { return alice.SetRecord(ctx, peer, s.record) },
			"accept": func() error {
				return alice.store.Update(ctx, peer, func(tx session.Tx) error { return alice.Accept(tx, peer, s.key.PublicKey()) })
			},
		} {
			before := rows(t, alice.store, peer)
			var u *session.UntrustedIdentityError
			require.ErrorAs(t, do(), &u, way)
			require.Equal(t, &session.UntrustedIdentityError{Peer: peer, Known: known, Offered: s.key.PublicKey()}, u, way)
			require.Equal(t, before, rows(t, alice.store, peer), way)
		}
		key, ok, err := alice.Trusted(ctx, peer)
		require.NoError(t, err)
		require.True(t, ok && key.Equal(known))

		// Its session is there all the same: an older program let it in.
		putRecord(t, alice.store, peer, s.record)
		noSession(t, alice, peer)
		u := &session.UntrustedIdentityError{}
		require.ErrorAs(t, refuse(t, peer, alice, s.inside, errUntrusted), &u)
		require.Equal(t, &session.UntrustedIdentityError{Peer: peer, Known: known, Offered: s.key.PublicKey()}, u)
		require.NoError(t, alice.Archive(ctx, peer))
		refuse(t, peer, alice, s.inside, errUntrusted)
	}
}

// noSession requires that all which speaks of sending to peer agrees that there is nothing to send
// on.
func noSession(t *testing.T, d *party, peer signet.Address) {
	t.Helper()
	before := rows(t, d.store, peer)
	_, err := d.Encrypt(ctx, peer, []byte("the secret"))
	require.ErrorIs(t, err, session.ErrNoSession)
	out := []session.Outgoing{{Peer: peer, Plaintext: []byte("the secret")}}
	_, err = d.EncryptAll(ctx, out, nil)
	var none *session.NoSessionError
	require.ErrorAs(t, err, &none)
	require.Equal(t, []signet.Address{peer}, none.Peers)
	_, err = d.EncryptAll(ctx, []session.Outgoing{{Peer: carolAddr}, out[0]}, nil)
	require.ErrorAs(t, err, &none)
	require.Equal(t, []signet.Address{carolAddr, peer}, none.Peers)
	missing, err := d.Missing(ctx, out)
	require.NoError(t, err)
	require.Equal(t, []signet.Address{peer}, missing)
	status, err := d.Status(ctx, peer)
	require.NoError(t, err)
	require.Zero(t, status)
	remotes, err := d.Remotes(ctx, []signet.Address{peer})
	require.NoError(t, err)
	require.False(t, remotes[0].Session)
	require.Equal(t, before, rows(t, d.store, peer))
}

// plain hides what a store has beyond session.Store.
type plain struct{ session.Store }

// TestTrustReachesEveryDevice: once a new key is trusted, nothing under the old one goes in or out,
// on whatever devices.
func TestTrustReachesEveryDevice(t *testing.T) {
	for _, many := range []bool{true, false} {
		alice := newParty(aliceAddr, session.Options{})
		if !many {
			alice.Device = session.NewDevice(aliceAddr, alice.key, plain{alice.store}, nil)
		}
		var devices []*party
		old := signet.GenerateKey()
		for id := range uint32(4) {
			p := newParty(signet.Address{Name: "bob", Device: id + 1}, session.Options{})
			p.key = old
			p.restart()
			require.NoError(t, p.Start(ctx, aliceAddr, alice.bundle(t, 1)))
			deliver(t, p, alice, "hello")
			deliver(t, alice, p, "hello yourself")
			devices = append(devices, p)
		}
		putRecord(t, alice.store, devices[3].addr, []byte{0x0a, 1, 0xff}) // damage is nobody's session
		again := newParty(devices[0].addr, session.Options{})
		require.NoError(t, alice.Trust(ctx, signet.Address{Name: "bob", Device: 77}, again.key.PublicKey()))
		for _, p := range devices[:3] {
			noSession(t, alice, p.addr)
			m := send(t, p, alice, "it is me, Bob, send money")
			u := &session.UntrustedIdentityError{}
			require.ErrorAs(t, refuse(t, p.addr, alice, m, errUntrusted), &u)
			require.Equal(t, &session.UntrustedIdentityError{Peer: p.addr, Known: again.key.PublicKey(), Offered: old.PublicKey()}, u)
			require.NoError(t, p.Start(ctx, aliceAddr, alice.bundle(t, 1)))
			refuse(t, p.addr, alice, send(t, p, alice, "and again"), errUntrusted)
			require.Nil(t, rows(t, alice.store, p.addr).Session, "the session was archived")
		}
		require.NoError(t, alice.Start(ctx, again.addr, again.bundle(t, 1)))
		deliver(t, alice, again, "welcome back")
		// Trusting the same key again ends nothing.
		require.NoError(t, alice.Trust(ctx, again.addr, again.key.PublicKey()))
		deliver(t, again, alice, "thanks")
		deliver(t, alice, again, "so it is")
	}
}

// TestTrustOneself: the key under the own name is the own.
func TestTrustOneself(t *testing.T) {
	alice, _ := pair(t)
	other := signet.GenerateKey().PublicKey()
	tablet := signet.Address{Name: aliceAddr.Name, Device: 3}
	require.True(t, matches(alice.Trust(ctx, tablet, other), errUntrusted))
	require.NoError(t, alice.Trust(ctx, tablet, alice.key.PublicKey()))
	key, ok, err := alice.Trusted(ctx, tablet)
	require.NoError(t, err)
	require.True(t, ok && key.Equal(alice.key.PublicKey()))
}

// TestAppearsDuringTrust: a device whose session begins between the listing of a user's devices and
// the change is not left out.
func TestAppearsDuringTrust(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	laptop := newParty(signet.Address{Name: bobAddr.Name, Device: 5}, session.Options{})
	laptop.key = bob.key
	laptop.restart()
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	bundle := laptop.bundle(t, 1)
	store := &between{Store: alice.store, do: func() { require.NoError(t, alice.Start(ctx, laptop.addr, bundle)) }}
	d := session.NewDevice(aliceAddr, alice.key, store, nil)
	require.NoError(t, d.Trust(ctx, bobAddr, signet.GenerateKey().PublicKey()))
	require.Nil(t, rows(t, alice.store, bobAddr).Session)
	require.Nil(t, rows(t, alice.store, laptop.addr).Session)
	require.Equal(t, 2, store.all)
}

// A between does something once, before the first UpdateAll.
type between struct {
	*memory.Store
	do  func()
	all int
}

func (b *between) UpdateAll(ctx context.Context, peers []signet.Address, f func(session.Tx) error) error {
	if b.all++; b.all == 1 {
		b.do()
	}
	return b.Store.UpdateAll(ctx, peers, f)
}

// TestDeviceIdentities: where each device has a key of its own, each is met, changes and is trusted
// alone.
func TestDeviceIdentities(t *testing.T) {
	alice := newParty(aliceAddr, session.Options{DeviceIdentities: true})
	phone := newParty(bobAddr, session.Options{DeviceIdentities: true})
	tablet := newParty(signet.Address{Name: bobAddr.Name, Device: 7}, session.Options{DeviceIdentities: true})
	own := newParty(signet.Address{Name: aliceAddr.Name, Device: 8}, session.Options{DeviceIdentities: true})
	for _, p := range []*party{phone, tablet, own} {
		require.NoError(t, p.Start(ctx, aliceAddr, alice.bundle(t, 1)))
		deliver(t, p, alice, "hello")
		deliver(t, alice, p, "hello yourself")
	}
	require.NoError(t, alice.Trust(ctx, tablet.addr, signet.GenerateKey().PublicKey()))
	noSession(t, alice, tablet.addr)
	refuse(t, tablet.addr, alice, send(t, tablet, alice, "x"), errUntrusted)
	deliver(t, alice, phone, "goes on")
	deliver(t, own, alice, "goes on, too")
	require.Nil(t, rows(t, alice.store, bobAddr).User)
}

// TestEarlierDevices: in a store of before users had identities, the first device that has one
// speaks for the user.
func TestEarlierDevices(t *testing.T) {
	alice, bob := pair(t)
	user := signet.Address{Name: bobAddr.Name}
	s := newImpostor(t, alice, signet.Address{Name: bobAddr.Name, Device: 3})
	forget := func() {
		update(t, alice.store, func(tx session.Tx) { require.NoError(t, tx.PutIdentity(user, nil)) })
	}
	putRecord(t, alice.store, s.addr, s.record) // let in by its own row, as it was then
	update(t, alice.store, func(tx session.Tx) {
		require.NoError(t, tx.PutIdentity(s.addr, s.key.PublicKey().Bytes()))
	})
	for _, do := range []func(){
		func() { refuse(t, s.addr, alice, s.first, errUntrusted) },
		func() { refuse(t, s.addr, alice, s.inside, errUntrusted) },
		func() { noSession(t, alice, s.addr) },
		func() { deliver(t, bob, alice, "I am still here") },
		func() { deliver(t, alice, bob, "so I see") },
	} {
		forget()
		do()
	}
	require.Equal(t, bob.key.PublicKey().Bytes(), rows(t, alice.store, bobAddr).User)
}

// TestForgottenIdentity: a peer whose rows are gone is one that was never met.
func TestForgottenIdentity(t *testing.T) {
	for _, id := range []uint32{bobAddr.Device, 0} {
		alice := newParty(aliceAddr, session.Options{})
		peer := signet.Address{Name: "bob", Device: id}
		bob, again := newParty(peer, session.Options{}), newParty(peer, session.Options{})
		require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
		deliver(t, bob, alice, "hello")
		require.NoError(t, alice.SetRecord(ctx, peer, nil))
		require.NoError(t, again.Start(ctx, aliceAddr, alice.bundle(t, 1)))
		m := send(t, again, alice, "hello again")
		refuse(t, peer, alice, m, errUntrusted) // sessions that are gone make no stranger of a user
		update(t, alice.store, func(tx session.Tx) {
			for _, d := range []uint32{bobAddr.Device, 1} {
				require.NoError(t, tx.PutIdentity(signet.Address{Name: "bob", Device: d}, nil))
			}
		})
		_, known, err := alice.Trusted(ctx, peer)
		require.NoError(t, err)
		require.False(t, known)
		receive(t, again, alice, m, "hello again")
		key, known, err := alice.Trusted(ctx, peer)
		require.NoError(t, err)
		require.True(t, known && key.Equal(again.key.PublicKey()))
	}
	// A key that was trusted before any contact is not forgotten by that.
	alice := newParty(aliceAddr, session.Options{})
	bob := newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Trust(ctx, signet.Address{Name: bobAddr.Name}, signet.GenerateKey().PublicKey()))
	require.True(t, matches(alice.Start(ctx, bobAddr, bob.bundle(t, 1)), errUntrusted))
}

// notices takes for a notice what begins so, and finds fault with it.
type notices struct{ session.Notices }

func (notices) Received(_ context.Context, _ session.Tx, m *session.Received) (*session.NoticeError, error) {
	if len(m.Plaintext) < 6 || string(m.Plaintext[:6]) != "notice" {
		return nil, nil
	}
	return &session.NoticeError{Peer: m.Peer, Refused: errors.New("nonsense")}, nil
}

// TestStrangersNotice: the identity is compared before anybody looks whether a message is a notice.
func TestStrangersNotice(t *testing.T) {
	alice, _ := pair(t)
	alice.opts.Custody = notices{}
	alice.restart()
	s := newImpostor(t, alice, signet.Address{Name: bobAddr.Name, Device: 9})
	for i := range 2 {
		refuse(t, s.addr, alice, send(t, s.party, alice, fmt.Sprint("notice ", i)), errUntrusted)
	}
	putRecord(t, alice.store, s.addr, s.record)
	refuse(t, s.addr, alice, s.inside, errUntrusted)
}

// TestStrangerUnderOldBaseKey: a first message of another user's key does not open on a session
// that is there.
func TestStrangerUnderOldBaseKey(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	deliver(t, bob, alice, "x")
	m := send(t, bob, alice, "y")
	require.NoError(t, alice.Trust(ctx, bobAddr, signet.GenerateKey().PublicKey()))
	refuse(t, bobAddr, alice, m, errUntrusted)
	p, err := wire.ParsePreKeyMessage(m.Body)
	require.NoError(t, err)
	refuse(t, bobAddr, alice, session.Message{Type: session.TypeSignal, Body: p.Message}, errUntrusted)
}

// TestForget: a user who is forgotten leaves nothing behind, and can be met again with any key.
func TestForget(t *testing.T) {
	alice, bob := pair(t)
	laptop := newParty(signet.Address{Name: bobAddr.Name, Device: 9}, session.Options{})
	laptop.key = bob.key
	laptop.restart()
	require.NoError(t, laptop.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	deliver(t, laptop, alice, "hello")
	require.NoError(t, alice.Archive(ctx, laptop.addr))
	require.NoError(t, alice.Verify(ctx, bobAddr, bob.key.PublicKey()))
	update(t, alice.store, func(tx session.Tx) {
		require.NoError(t, tx.(group.Tx).PutSenderKey(laptop.addr, "g", []byte{1}))
	})
	require.NoError(t, alice.Forget(ctx, signet.Address{Name: bobAddr.Name}))
	update(t, alice.store, func(tx session.Tx) {
		for id := range tx.Devices(bobAddr.Name) {
			t.Errorf("something of device %d is left", id)
		}
	})
	again := newParty(bobAddr, session.Options{})
	require.NoError(t, again.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	deliver(t, again, alice, "it is a new one")
	verified, err := alice.Verified(ctx, bobAddr)
	require.NoError(t, err)
	require.False(t, verified)
}
