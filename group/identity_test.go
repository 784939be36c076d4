package group

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// shared is a and the others, who have a's sender key; a has theirs.
func shared(t testing.TB, names ...string) (a *member, others []*member) {
	a = newMember("a")
	for _, name := range names {
		m := newMember(name)
		a.start(t, m)
		others = append(others, m)
	}
	list, err := a.channel.Share(ctx, a.Device, addresses(others...))
	require.NoError(t, err)
	for i, m := range others {
		m.accept(t, a, list[i])
		back, err := m.channel.Share(ctx, m.Device, addresses(a))
		require.NoError(t, err)
		a.accept(t, m, back[0])
	}
	return a, others
}

// untrusted is err as an *session.UntrustedIdentityError.
func untrusted(t testing.TB, err error) *session.UntrustedIdentityError {
	t.Helper()
	var u *session.UntrustedIdentityError
	require.ErrorAs(t, err, &u)
	return u
}

// TestReplacedIdentity: after a new key is trusted for a member, nothing under the former one goes
// in or out: what it writes is not read, and nothing is encrypted that it could read.
func TestReplacedIdentity(t *testing.T) {
	a, others := shared(t, "b", "c")
	b, c := others[0], others[1]
	hidden := send(t, b.channel, "it is me")
	require.NoError(t, a.Trust(ctx, signet.Address{Name: "b"}, signet.GenerateKey().PublicKey()))

	refuse(t, a.channel, b.addr, hidden, ErrNoSenderKey)
	_, err := a.channel.Encrypt(ctx, []byte("the secret"))
	require.ErrorIs(t, err, ErrIdentityChanged)
	_, err = a.channel.Distribution(ctx)
	require.ErrorIs(t, err, ErrIdentityChanged)
	_, err = a.channel.Share(ctx, a.Device, addresses(c))
	require.ErrorIs(t, err, ErrIdentityChanged)

	list, err := a.channel.Rotate(ctx, a.Device, addresses(b, c))
	require.NoError(t, err)
	require.ErrorIs(t, list[0].Err, session.ErrNoSession)
	c.accept(t, a, list[1])
	m := send(t, a.channel, "without the thief")
	receive(t, c.channel, a.addr, m, "without the thief")
	refuse(t, b.channel, a.addr, m, ErrNoSenderKey)
	receive(t, a.channel, c.addr, send(t, c.channel, "c goes on"), "c goes on")
}

// TestStrangersSenderKey: a sender key that is there all the same is compared when it is used.
func TestStrangersSenderKey(t *testing.T) {
	a, others := shared(t, "b")
	b := others[0]
	var row []byte
	keys := func(f func(tx Tx) error) {
		require.NoError(t, a.store.Update(ctx, b.addr, func(tx session.Tx) error { return f(tx.(Tx)) }))
	}
	keys(func(tx Tx) (err error) {
		row, err = tx.SenderKey(b.addr, a.channel.name)
		row = bytes.Clone(row)
		return err
	})
	known := signet.GenerateKey().PublicKey()
	require.NoError(t, a.Trust(ctx, b.addr, known))
	keys(func(tx Tx) error { return tx.PutSenderKey(b.addr, a.channel.name, row) })
	m := send(t, b.channel, "it is me")
	_, err := a.channel.Decrypt(ctx, b.addr, m)
	require.Equal(t, &session.UntrustedIdentityError{Peer: b.addr, Known: known, Offered: b.Identity()}, untrusted(t, err))
	keys(func(tx Tx) error {
		now, err := tx.SenderKey(b.addr, a.channel.name)
		require.Equal(t, row, now)
		return err
	})
	require.NoError(t, a.Trust(ctx, b.addr, b.Identity()))
	keys(func(tx Tx) error { return tx.PutSenderKey(b.addr, a.channel.name, row) })
	receive(t, a.channel, b.addr, m, "it is me")
}

// TestEarlierSenderKeys: a sender key from before deliverers were noted counts as delivered by whom
// its device was met as. Here that is a stranger under the name of b, whom an earlier program has
// let in.
func TestEarlierSenderKeys(t *testing.T) {
	a, others := shared(t, "b")
	b := others[0]
	stranger := newMember("b")
	stranger.addr.Device = 9
	stranger.channel = NewChannel(stranger.addr, testI, stranger.store, nil)
	d, err := stranger.channel.Distribution(ctx)
	require.NoError(t, err)
	old := func(from signet.Address, identity signet.PublicKey, distribution []byte) {
		t.Helper()
		parsed, err := a.channel.format.parseDistribution(distribution)
		require.NoError(t, err)
		row, err := join(nil, &parsed, nil)
		require.NoError(t, err)
		require.NoError(t, a.store.Update(ctx, from, func(tx session.Tx) error {
			if err := tx.PutIdentity(from, identity.Bytes()); err != nil {
				return err
			}
			return tx.(Tx).PutSenderKey(from, a.channel.name, row)
		}))
	}
	old(stranger.addr, stranger.Identity(), d)
	m := send(t, stranger.channel, "it is me, b")
	_, err = a.channel.Decrypt(ctx, stranger.addr, m)
	require.Equal(t, &session.UntrustedIdentityError{Peer: stranger.addr, Known: b.Identity(), Offered: stranger.Identity()}, untrusted(t, err))
	require.NoError(t, a.Trust(ctx, b.addr, b.Identity()), "once more")
	refuse(t, a.channel, stranger.addr, m, ErrNoSenderKey)

	d, err = b.channel.Distribution(ctx)
	require.NoError(t, err)
	old(b.addr, b.Identity(), d)
	receive(t, a.channel, b.addr, send(t, b.channel, "and this is b"), "and this is b")
}

// TestAuthor: a certificate, or what else says whose a message is, and the deliverer of the sender
// key are one.
func TestAuthor(t *testing.T) {
	a, others := shared(t, "b")
	b := others[0]
	m := send(t, b.channel, "x")
	take := func(author signet.PublicKey) error {
		return a.channel.DecryptFrom(ctx, b.addr, author, m, func(session.Tx, []byte) error { return nil })
	}
	other := signet.GenerateKey().PublicKey()
	var e *AuthorError
	require.ErrorAs(t, take(other), &e)
	require.Equal(t, &AuthorError{Peer: b.addr, Said: other, Found: b.Identity()}, e)
	require.NoError(t, take(b.Identity()))

	// A key that nobody knows the deliverer of: the accepted identity, if there is one, is the
	// author's.
	d, err := b.channel.Distribution(ctx)
	require.NoError(t, err)
	e2 := newMember("e")
	require.NoError(t, e2.channel.Join(ctx, b.addr, d))
	m = send(t, b.channel, "y")
	require.NoError(t, e2.Trust(ctx, b.addr, b.Identity()))
	err = e2.channel.DecryptFrom(ctx, b.addr, other, m, func(session.Tx, []byte) error { return nil })
	require.Equal(t, &session.UntrustedIdentityError{Peer: b.addr, Known: b.Identity(), Offered: other}, untrusted(t, err))
}

// TestWhomItWasGiven: a change of identity ends the own sender keys that the user was given, or may
// have been, and no other.
func TestWhomItWasGiven(t *testing.T) {
	for name, c := range map[string]struct {
		give func(t *testing.T, a *member, others []*member) error
		ends bool
	}{
		"shared with it": {func(t *testing.T, a *member, o []*member) error {
			_, err := a.channel.Share(ctx, a.Device, addresses(o[0]))
			return err
		}, true},
		"shared with other": {func(t *testing.T, a *member, o []*member) error {
			_, err := a.channel.Share(ctx, a.Device, addresses(o[1]))
			return err
		}, false},
		"rotated for other": {func(t *testing.T, a *member, o []*member) error {
			_, err := a.channel.Rotate(ctx, a.Device, addresses(o[1]))
			return err
		}, false},
		"first this one, then the other": {func(t *testing.T, a *member, o []*member) error {
			_, err := a.channel.Share(ctx, a.Device, addresses(o[0]))
			require.NoError(t, err)
			_, err = a.channel.Share(ctx, a.Device, addresses(o[1]))
			return err
		}, true},
		"first this one, then rotated": {func(t *testing.T, a *member, o []*member) error {
			_, err := a.channel.Share(ctx, a.Device, addresses(o[0]))
			require.NoError(t, err)
			_, err = a.channel.Rotate(ctx, a.Device, addresses(o[1]))
			return err
		}, false},
		"by hand": {func(t *testing.T, a *member, o []*member) error { _, err := a.channel.Distribution(ctx); return err }, true},
		"by hand, then shared": {func(t *testing.T, a *member, o []*member) error {
			_, err := a.channel.Renew(ctx)
			require.NoError(t, err)
			_, err = a.channel.Share(ctx, a.Device, addresses(o[1]))
			return err
		}, true},
		"of another program": {func(t *testing.T, a *member, o []*member) error {
			_, err := a.channel.Share(ctx, a.Device, addresses(o[1]))
			require.NoError(t, err)
			record, err := a.channel.Record(ctx, a.addr)
			require.NoError(t, err)
			return a.channel.SetRecord(ctx, a.addr, record)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, d := newMember("a"), newMember("b"), newMember("d")
			a.start(t, b)
			a.start(t, d)
			require.NoError(t, c.give(t, a, []*member{b, d}))
			before, err := a.channel.Record(ctx, a.addr)
			require.NoError(t, err)
			require.NoError(t, a.Trust(ctx, b.addr, b.Identity()), "no change")
			send(t, a.channel, "x")
			require.NoError(t, a.Trust(ctx, b.addr, signet.GenerateKey().PublicKey()))
			_, err = a.channel.Encrypt(ctx, []byte("y"))
			if !c.ends {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrIdentityChanged)
			after, err := a.channel.Record(ctx, a.addr)
			require.NoError(t, err)
			require.NotEqual(t, before, after)
			states, err := wire.ParseSenderKeyRecord(after)
			require.NoError(t, err)
			require.Equal(t, after, wire.AppendSenderKeyState(nil, &states[0]), "a record that leaves is the official one")
			_, err = a.channel.Renew(ctx)
			require.NoError(t, err)
			send(t, a.channel, "z")
		})
	}
}

// TestRecordsAreOfficial: what is noted about a sender key does not leave the store with its
// record, and one that comes from elsewhere says nothing about it.
func TestRecordsAreOfficial(t *testing.T) {
	a, others := shared(t, "b")
	b := others[0]
	record, err := a.channel.Record(ctx, b.addr)
	require.NoError(t, err)
	states, err := wire.ParseSenderKeyRecord(record)
	require.NoError(t, err)
	require.Len(t, states, 1)
	require.Nil(t, states[0].Identity)
	claimed := states[0]
	claimed.Identity, claimed.Encoded = signet.GenerateKey().PublicKey().Bytes(), nil
	require.NoError(t, a.channel.SetRecord(ctx, b.addr, wire.AppendSenderKeyState(nil, &claimed)))
	receive(t, a.channel, b.addr, send(t, b.channel, "x"), "x")
	record, err = a.channel.Record(ctx, b.addr)
	require.NoError(t, err)
	require.NotContains(t, string(record), string(claimed.Identity))
	require.NotContains(t, string(record), string(b.Identity().Bytes()))
	// Other devices of the own user deliver theirs under the own key, which is in no row.
	tablet := &member{addr: signet.Address{Name: "a", Device: 2}, store: newMember("x").store}
	tablet.Device = session.NewDevice(tablet.addr, a.IdentityKey(), tablet.store, nil)
	tablet.channel = NewChannel(tablet.addr, testI, tablet.store, &Options{Wrap: wrap})
	tablet.start(t, a)
	list, err := tablet.channel.Share(ctx, tablet.Device, addresses(a))
	require.NoError(t, err)
	a.accept(t, tablet, list[0])
	receive(t, a.channel, tablet.addr, send(t, tablet.channel, "mine"), "mine")
	require.NoError(t, a.channel.DecryptFrom(ctx, tablet.addr, a.Identity(), send(t, tablet.channel, "mine, too"), nil))
}

// TestWhatsAppIdentities: on WhatsApp's wire each device has a key of its own, and the channel
// knows without being told.
func TestWhatsAppIdentities(t *testing.T) {
	open := func(name string, id uint32) *member {
		m := newMember(name)
		m.addr.Device = id
		m.Device = session.NewDevice(m.addr, signet.GenerateKey(), m.store, &session.Options{DeviceIdentities: true})
		m.channel = NewWhatsAppChannel(m.addr, "1203630@g.us", m.store, &Options{Wrap: wrap})
		return m
	}
	a, phone, tablet := open("a", 0), open("b", 0), open("b", 3)
	for _, m := range []*member{phone, tablet} {
		m.start(t, a)
		list, err := m.channel.Share(ctx, m.Device, addresses(a))
		require.NoError(t, err)
		a.accept(t, m, list[0])
	}
	require.NoError(t, a.Trust(ctx, phone.addr, signet.GenerateKey().PublicKey()))
	receive(t, a.channel, tablet.addr, send(t, tablet.channel, "x"), "x")
	refuse(t, a.channel, phone.addr, send(t, phone.channel, "x"), ErrNoSenderKey)
}
