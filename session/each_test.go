package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// TestEncryptEach: a peer without a session, one whose row is damaged and one whose key has changed
// are left out, each with its reason, and the others get their message.
func TestEncryptEach(t *testing.T) {
	forBoth(t, func(t *testing.T, many bool) {
		alice, peers, out := crowd(many, 5)
		for _, p := range peers[1:] {
			require.NoError(t, alice.Start(ctx, p.addr, p.bundle(t, 1)))
		}
		update(t, alice.store, func(tx session.Tx) { require.NoError(t, tx.PutSession(peers[2].addr, []byte("damaged"))) })
		require.NoError(t, alice.Trust(ctx, peers[3].addr, signet.GenerateKey().PublicKey()))
		given := 0
		sent, left, err := alice.EncryptEach(ctx, out, func(_ session.Tx, s []session.Sent) error { given = len(s); return nil })
		require.NoError(t, err)
		require.Equal(t, 2, given)
		require.Len(t, sent, 2)
		require.Len(t, left, 3)
		for i, n := range []int{1, 4} {
			require.Equal(t, peers[n].addr, sent[i].Peer)
			receive(t, alice, peers[n], sent[i].Message, string(out[n].Plaintext))
		}
		for i, want := range []error{session.ErrNoSession, session.ErrRecord, session.ErrNoSession} {
			require.Equal(t, peers[[]int{0, 2, 3}[i]].addr, left[i].Peer)
			require.ErrorIs(t, left[i].Err, want)
		}
		missing, err := alice.Missing(ctx, out)
		require.NoError(t, err)
		require.Equal(t, []signet.Address{peers[0].addr, peers[2].addr, peers[3].addr}, missing)

		mine := errors.New("mine")
		_, _, err = alice.EncryptEach(ctx, out, func(session.Tx, []session.Sent) error { return mine })
		require.ErrorIs(t, err, mine)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, _, err = alice.EncryptEach(ended, out, nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// TestStartEach: sessions begin with all whose bundles will do, and nothing is left behind of the
// others.
func TestStartEach(t *testing.T) {
	forBoth(t, func(t *testing.T, many bool) {
		alice, peers, out := crowd(many, 4)
		var all []session.Contact
		for _, p := range peers {
			all = append(all, session.Contact{Peer: p.addr, Bundle: p.bundle(t, 1)})
		}
		require.NoError(t, alice.Trust(ctx, peers[1].addr, signet.GenerateKey().PublicKey()))
		all[2].Bundle = withoutKEM(t, all[2].Bundle)
		_, err := alice.RegistrationID(ctx) // a row of its own, which comes first
		require.NoError(t, err)
		before := rows(t, alice.store, peers[1].addr)
		left, err := alice.StartEach(ctx, all)
		require.NoError(t, err)
		require.Len(t, left, 2)
		for _, l := range left {
			if l.Peer == peers[1].addr {
				var u *session.UntrustedIdentityError
				require.ErrorAs(t, l.Err, &u)
				continue
			}
			require.Equal(t, peers[2].addr, l.Peer)
			require.ErrorIs(t, l.Err, session.ErrVersion)
		}
		require.Equal(t, before, rows(t, alice.store, peers[1].addr))
		missing, err := alice.Missing(ctx, out)
		require.NoError(t, err)
		require.Equal(t, []signet.Address{peers[1].addr, peers[2].addr}, missing)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err = alice.StartEach(ended, all)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// TestFailedDeviceSaysNothing: the key of a device whose session cannot begin is not what its
// user's others are compared with.
func TestFailedDeviceSaysNothing(t *testing.T) {
	alice, peers, _ := crowd(true, 2)
	signed, err := peers[0].PreKeys(ctx, 0)
	require.NoError(t, err)
	f := signed.Next()
	f.SignedPreKey.Public = signet.PublicKeyFromRaw([32]byte{})
	signature, err := peers[0].key.Sign(f.SignedPreKey.Public.Bytes())
	require.NoError(t, err)
	f.SignedPreKey.Signature = signature[:]
	weak, err := x3dh.NewBundle(f)
	require.NoError(t, err)
	bad := session.Contact{Peer: signet.Address{Name: "bob", Device: 1}, Bundle: weak}
	good := session.Contact{Peer: signet.Address{Name: "bob", Device: 2}, Bundle: peers[1].bundle(t, 1)}
	left, err := alice.StartEach(ctx, []session.Contact{bad, good})
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, bad.Peer, left[0].Peer)
	require.ErrorIs(t, left[0].Err, signet.ErrInvalidAgreement)
	key, ok, err := alice.Trusted(ctx, good.Peer)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, peers[1].key.PublicKey(), key)
}
