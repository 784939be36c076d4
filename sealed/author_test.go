package sealed

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// TestTwoAuthors: what Alice has encrypted for Bob, or for a group, is not read as Mallory's, who
// has put it in an envelope of her own with a certificate of her own. In either version, nothing is
// kept.
func TestTwoAuthors(t *testing.T) {
	for _, free := range []bool{true, false} {
		names := []string{"alice", "bob", "mallory"}
		if !free {
			names = []string{aliceID, bobID, carolID}
		}
		w := newWorld(t)
		alice, bob, mallory := w.member(t, names[0], 1, signet.GenerateKey()), w.member(t, names[1], 2, signet.GenerateKey()), w.member(t, names[2], 3, signet.GenerateKey())
		w.meet(t, alice, bob)
		first, err := alice.Encrypt(w.ctx, bob.Address(), []byte("I owe you 1000"))
		require.NoError(t, err)
		refuseBoth(t, w, bob, mallory, alice, first, free)

		// Mallory has a session, and a sender key; the service claims that Alice's are hers.
		for _, m := range []*member{mallory, alice} {
			w.meet(t, m, bob)
			hello, err := m.Encrypt(w.ctx, bob.Address(), []byte("hello"))
			require.NoError(t, err)
			_, err = bob.Decrypt(w.ctx, m.Address(), hello)
			require.NoError(t, err)
			answer, err := bob.Encrypt(w.ctx, m.Address(), []byte("yes?"))
			require.NoError(t, err)
			_, err = m.Decrypt(w.ctx, bob.Address(), answer)
			require.NoError(t, err)
		}
		record, err := bob.Record(w.ctx, alice.Address())
		require.NoError(t, err)
		putRecord(t, w, bob, mallory.Address(), record)
		inside, err := alice.Encrypt(w.ctx, bob.Address(), []byte("I owe you 2000"))
		require.NoError(t, err)
		require.Equal(t, session.TypeSignal, inside.Type)
		refuseBoth(t, w, bob, mallory, alice, inside, free)

		distribution, err := alice.channel.Distribution(w.ctx)
		require.NoError(t, err)
		require.NoError(t, bob.channel.Join(w.ctx, alice.Address(), distribution))
		message, err := alice.channel.Encrypt(w.ctx, []byte("I owe you 3000"))
		require.NoError(t, err)
		keys, err := bob.channel.Record(w.ctx, alice.Address())
		require.NoError(t, err)
		require.NoError(t, bob.channel.SetRecord(w.ctx, mallory.Address(), keys)) // counts as delivered by Mallory,
		impostor := w.certificate(t, mallory.Address(), alice.key.PublicKey(), nil)
		envelope := w.wrap(t, session.Message{Type: session.TypeSenderKey, Body: message}, impostor, alice, bob, 2)
		two := author(t, bob, w, envelope) // and Alice's key is vouched for
		require.Equal(t, &session.AuthorError{Peer: mallory.Address(), Said: alice.Identity(), Found: mallory.Identity()}, two)
	}
}

// putRecord makes the sessions with one peer those with another, behind the device's back.
func putRecord(t *testing.T, w *world, m *member, peer signet.Address, record []byte) {
	other := session.NewDevice(m.Address(), m.key, m.store, &session.Options{DeviceIdentities: true})
	require.NoError(t, m.store.Update(w.ctx, peer, func(tx session.Tx) error { return tx.PutIdentity(peer, nil) }))
	require.NoError(t, other.SetRecord(w.ctx, peer, record))
}

// wrap seals a message under somebody's certificate.
func (w *world) wrap(t testing.TB, m session.Message, c *SenderCertificate, from, to *member, version int) []byte {
	content, err := NewContent(m, c, HintDefault, nil)
	require.NoError(t, err)
	seal := content.Seal
	if version == 2 {
		seal = content.SealV2
	}
	b, err := seal(from.key, to.Identity())
	require.NoError(t, err)
	return b
}

// author opens an envelope with two authors.
func author(t *testing.T, bob *member, w *world, envelope []byte) *session.AuthorError {
	t.Helper()
	from, text, err := bob.in.Open(w.ctx, envelope)
	require.Zero(t, from)
	require.Nil(t, text)
	var two *session.AuthorError
	require.ErrorAs(t, err, &two)
	var failed *DecryptError
	require.NotErrorAs(t, err, &failed, "there is nothing to answer")
	return two
}

// refuseBoth has bob open a message of from's in envelopes of by's.
func refuseBoth(t *testing.T, w *world, bob, by, from *member, m session.Message, free bool) {
	t.Helper()
	for version := range 2 {
		before := bob.state(t, w, by, from)
		want := &session.AuthorError{Peer: by.Address(), Said: by.Identity(), Found: from.Identity()}
		envelope := w.wrap(t, m, by.cert, by, bob, version+1)
		if !free && m.Type == session.TypeSignal {
			_, _, err := bob.in.Open(w.ctx, envelope)
			require.Error(t, err, "service ids are bound by the message itself, too")
		} else {
			require.Equal(t, want, author(t, bob, w, envelope), fmt.Sprint("version ", version+1))
		}
		require.Equal(t, before, bob.state(t, w, by, from))
	}
}

// TestStrangerInEnvelope: a device of a known user's name with another key, for which the service
// vouches, is refused whatever kind of message it sends, in either version, and nothing is kept or
// sent to it.
func TestStrangerInEnvelope(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.member(t, aliceID, 1, signet.GenerateKey()), w.member(t, bobID, 1, signet.GenerateKey())
	w.meet(t, bob, alice)
	hello, err := bob.out.SealOne(w.ctx, alice.Address(), []byte("hello"))
	require.NoError(t, err)
	_, _, err = alice.in.Open(w.ctx, hello)
	require.NoError(t, err)

	ghost := w.member(t, bobID, 9, signet.GenerateKey())
	w.meet(t, ghost, alice)
	group, err := ghost.channel.Distribution(w.ctx)
	require.NoError(t, err)
	require.NoError(t, alice.channel.Join(w.ctx, ghost.Address(), group)) // handed on by somebody
	for version := 1; version <= 2; version++ {
		first, err := ghost.Encrypt(w.ctx, alice.Address(), []byte("from my new laptop"))
		require.NoError(t, err)
		toGroup, err := ghost.channel.Encrypt(w.ctx, []byte("to all"))
		require.NoError(t, err)
		for _, m := range []session.Message{
			first, {Type: session.TypeSenderKey, Body: toGroup},
			session.NewPlaintextContent(&session.DecryptionErrorMessage{Timestamp: 1, Device: 1}),
		} {
			before := alice.state(t, w, bob, ghost)
			err := alice.in.OpenTo(w.ctx, w.wrap(t, m, ghost.cert, ghost, alice, version), func(session.Tx, *Opened) error {
				t.Fatal("a stranger's message is shown")
				return nil
			})
			if m.Type == session.TypeSenderKey { // the key counts as delivered by who Bob is
				var two *session.AuthorError
				require.ErrorAs(t, err, &two)
				require.Equal(t, &session.AuthorError{Peer: ghost.Address(), Said: ghost.Identity(), Found: bob.Identity()}, two)
			} else {
				var u *session.UntrustedIdentityError
				require.ErrorAs(t, err, &u)
				require.Equal(t, &session.UntrustedIdentityError{Peer: ghost.Address(), Known: bob.Identity(), Offered: ghost.Identity()}, u)
			}
			require.Equal(t, before, alice.state(t, w, bob, ghost))
		}
	}
	_, err = alice.out.SealOne(w.ctx, ghost.Address(), []byte("for Bob alone"))
	require.ErrorIs(t, err, session.ErrNoSession)
	list, err := alice.channel.Share(w.ctx, alice.Device, []signet.Address{ghost.Address()})
	require.NoError(t, err)
	require.ErrorIs(t, list[0].Err, session.ErrNoSession)
	_, err = alice.out.Seal(w.ctx, []signet.Address{ghost.Address()}, []byte("for the group"))
	require.ErrorIs(t, err, session.ErrNoSession)
}
