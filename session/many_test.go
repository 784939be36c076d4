package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// oneByOne is a store that cannot name many peers.
type oneByOne struct{ session.Store }

// crowd is alice, whose store is a ManyStore or not, and n peers with whom she has no session.
func crowd(many bool, n int) (alice *party, peers []*party, out []session.Outgoing) {
	alice = newParty(aliceAddr, session.Options{})
	if !many {
		alice.Device = session.NewDevice(alice.addr, alice.key, oneByOne{alice.store}, alice.opts)
	}
	for i := range n {
		p := newParty(signet.Address{Name: fmt.Sprint("peer ", i), Device: 1}, session.Options{})
		peers = append(peers, p)
		out = append(out, session.Outgoing{Peer: p.addr, Plaintext: fmt.Append(nil, "to ", i)})
	}
	return alice, peers, out
}

func forBoth(t *testing.T, f func(t *testing.T, many bool)) {
	t.Run("many", func(t *testing.T) { f(t, true) })
	t.Run("one by one", func(t *testing.T) { f(t, false) })
}

func TestEncryptAll(t *testing.T) {
	forBoth(t, func(t *testing.T, many bool) {
		alice, peers, out := crowd(many, 5)
		var all []session.Contact
		for _, p := range peers {
			all = append(all, session.Contact{Peer: p.addr, Bundle: p.bundle(t, 1)})
		}
		require.NoError(t, alice.StartAll(ctx, all[:3], nil, nil))

		before := rows(t, alice.store, peers[0].addr)
		_, err := alice.EncryptAll(ctx, out, func(session.Tx, []session.Sent) error { return errors.New("not reached") })
		var none *session.NoSessionError
		require.ErrorAs(t, err, &none)
		require.ErrorIs(t, err, session.ErrNoSession)
		require.Equal(t, []signet.Address{peers[3].addr, peers[4].addr}, none.Peers)
		if many {
			require.Equal(t, before, rows(t, alice.store, peers[0].addr), "all or nothing")
		}
		missing, err := alice.Missing(ctx, out)
		require.NoError(t, err)
		require.Equal(t, none.Peers, missing)

		require.NoError(t, alice.StartAll(ctx, all[3:], nil, nil))
		missing, err = alice.Missing(ctx, out)
		require.NoError(t, err)
		require.Empty(t, missing)
		var inside []session.Sent
		sent, err := alice.EncryptAll(ctx, out, func(tx session.Tx, sent []session.Sent) error {
			inside = sent
			return tx.PutValue("outbox", []byte{byte(len(sent))})
		})
		require.NoError(t, err)
		require.Equal(t, sent, inside)
		for i, p := range peers {
			id, err := p.RegistrationID(ctx)
			require.NoError(t, err)
			require.Equal(t, p.addr, sent[i].Peer)
			require.Equal(t, id, sent[i].RegistrationID)
			receive(t, alice, p, sent[i].Message, fmt.Sprint("to ", i))
		}

		// The caller's failure is the whole's.
		before = rows(t, alice.store, peers[4].addr)
		mine := errors.New("mine")
		_, err = alice.EncryptAll(ctx, out, func(session.Tx, []session.Sent) error { return mine })
		require.ErrorIs(t, err, mine)
		require.Equal(t, before, rows(t, alice.store, peers[4].addr))
		again, err := alice.EncryptAll(ctx, out, nil)
		require.NoError(t, err)
		for i, p := range peers {
			receive(t, alice, p, again[i].Message, fmt.Sprint("to ", i))
		}
		none2, err := alice.EncryptAll(ctx, nil, nil)
		require.NoError(t, err)
		require.Empty(t, none2)
	})
}

// TestEncryptAllRefuses: an identity that changed, another registration and an unanswered session
// each stop the message to all.
func TestEncryptAllRefuses(t *testing.T) {
	forBoth(t, func(t *testing.T, many bool) {
		alice, peers, out := crowd(many, 3)
		for _, p := range peers {
			require.NoError(t, alice.Start(ctx, p.addr, p.bundle(t, 1)))
		}
		id, err := peers[1].RegistrationID(ctx)
		require.NoError(t, err)
		out[1].RegistrationID = id
		_, err = alice.EncryptAll(ctx, out, nil)
		require.NoError(t, err)
		out[1].RegistrationID = id + 1
		_, err = alice.EncryptAll(ctx, out, nil)
		var none *session.NoSessionError
		require.ErrorAs(t, err, &none)
		require.Equal(t, []signet.Address{peers[1].addr}, none.Peers)
		out[1].RegistrationID = 0

		other := signet.GenerateKey().PublicKey()
		require.NoError(t, alice.Trust(ctx, peers[2].addr, other))
		_, err = alice.EncryptAll(ctx, out, nil)
		require.ErrorAs(t, err, &none)
		require.Equal(t, []signet.Address{peers[2].addr}, none.Peers)
		missing, err := alice.Missing(ctx, out)
		require.NoError(t, err)
		require.Equal(t, none.Peers, missing)

		alice.now = alice.now.Add(31 * 24 * time.Hour)
		_, err = alice.EncryptAll(ctx, out, nil)
		require.ErrorAs(t, err, &none)
		require.Len(t, none.Peers, 3)
	})
}

func TestStartAll(t *testing.T) {
	forBoth(t, func(t *testing.T, many bool) {
		alice, peers, out := crowd(many, 3)
		var all []session.Contact
		for _, p := range peers {
			all = append(all, session.Contact{Peer: p.addr, Bundle: p.bundle(t, 1)})
		}
		mine := errors.New("mine")
		err := alice.StartAll(ctx, all, []signet.Address{{Name: "also"}}, func(tx session.Tx, c session.Contact) error {
			if c.Peer == peers[1].addr {
				return mine
			}
			return nil
		})
		require.ErrorIs(t, err, mine)
		missing, err := alice.Missing(ctx, out)
		require.NoError(t, err)
		if many {
			require.Len(t, missing, 3)
		} else {
			require.Len(t, missing, 2)
		}
		weak := all[0]
		weak.Bundle = withoutKEM(t, weak.Bundle)
		require.ErrorIs(t, alice.StartAll(ctx, []session.Contact{all[1], weak}, nil, nil), session.ErrVersion)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, alice.StartAll(ended, all, nil, nil), context.Canceled)
	})
}
