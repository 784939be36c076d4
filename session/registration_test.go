package session_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// TestRegistrationIsOnlyClaimed: the registration id of a first message is under no MAC. Whatever
// it says, the session counts for the installation that the directory names, and when that is
// another one it has ended.
func TestRegistrationIsOnlyClaimed(t *testing.T) {
	for _, version := range []int{3, 4} {
		for _, claimed := range []uint32{0, 1, 16_380, 1<<32 - 1} {
			for _, many := range []bool{true, false} {
				t.Run(fmt.Sprint(version, claimed, many), func(t *testing.T) {
					opts := session.Options{AllowX3DH: true}
					alice, bob := newParty(aliceAddr, opts), newParty(bobAddr, opts)
					if !many {
						bob.Device = session.NewDevice(bob.addr, bob.key, oneByOne{bob.store}, bob.opts)
					}
					testClaimed(t, alice, bob, version, claimed)
				})
			}
		}
	}
}

func testClaimed(t *testing.T, alice, bob *party, version int, claimed uint32) {
	const truth = 4711
	require.NoError(t, alice.SetRegistrationID(ctx, truth))
	b := bob.bundle(t, 1)
	if version == 3 {
		b = withoutKEM(t, b)
	}
	require.NoError(t, alice.Start(ctx, bobAddr, b))
	claim := func(p *wire.PreKeyMessage) { p.RegistrationID = claimed }
	receive(t, alice, bob, edited(t, send(t, alice, bob, "hello"), claim), "hello")

	to := func(id uint32) []session.Outgoing {
		return []session.Outgoing{{Peer: aliceAddr, Plaintext: []byte("x"), RegistrationID: id}}
	}
	answer := func() session.Message {
		sent, err := bob.EncryptAll(ctx, to(truth), nil)
		require.NoError(t, err)
		require.EqualValues(t, truth, sent[0].RegistrationID, "what a server compares")
		return sent[0].Message
	}
	other := func() {
		before := rows(t, bob.store, aliceAddr)
		_, err := bob.EncryptAll(ctx, to(truth+1), nil)
		require.ErrorIs(t, err, session.ErrNoSession)
		missing, err := bob.Missing(ctx, to(truth+1))
		require.NoError(t, err)
		require.Len(t, missing, 1)
		require.Equal(t, before, rows(t, bob.store, aliceAddr))
	}
	before := rows(t, bob.store, aliceAddr)
	missing, err := bob.Missing(ctx, to(truth))
	require.NoError(t, err)
	require.Empty(t, missing)
	require.Equal(t, before, rows(t, bob.store, aliceAddr), "asking changes nothing")
	m := answer()
	other() // alice is installed anew, as the directory says
	receive(t, alice, bob, edited(t, send(t, alice, bob, "again"), claim), "again")
	receive(t, bob, alice, answer(), "x")
	other()
	receive(t, bob, alice, m, "x")
	deliver(t, alice, bob, "on a new chain")
	other()
	status, err := bob.Status(ctx, aliceAddr)
	require.NoError(t, err)
	require.EqualValues(t, truth, status.RemoteRegistrationID)

	// A session that we begin is with the installation of its bundle.
	require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	other()
	receive(t, bob, alice, answer(), "x")
	deliver(t, alice, bob, "y")
	other()
	receive(t, bob, alice, answer(), "x")
}

// TestExactRegistration: who can fetch a bundle gets a new session rather than one that may be with
// an installation that is no more, and that once: messages of the older session open, and do not
// put it back.
func TestExactRegistration(t *testing.T) {
	const truth = 4711
	for _, version := range []int{3, 4} {
		for _, claimed := range []uint32{truth - 1, truth} {
			opts := session.Options{AllowX3DH: true}
			alice, bob := newParty(aliceAddr, opts), newParty(bobAddr, opts)
			require.NoError(t, alice.SetRegistrationID(ctx, truth))
			b := bob.bundle(t, 1)
			if version == 3 {
				b = withoutKEM(t, b)
			}
			require.NoError(t, alice.Start(ctx, bobAddr, b))
			claim := func(p *wire.PreKeyMessage) { p.RegistrationID = claimed }
			receive(t, alice, bob, edited(t, send(t, alice, bob, "hello"), claim), "hello")
			exact := []session.Outgoing{{Peer: aliceAddr, Plaintext: []byte("x"), RegistrationID: truth, Exact: true}}
			_, err := bob.EncryptAll(ctx, exact, nil)
			if claimed == truth {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, session.ErrNoSession)
			require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
			var last session.Message
			for i := range 3 { // bob's answers are held back, so alice goes on as before
				sent, err := bob.EncryptAll(ctx, exact, nil)
				require.NoError(t, err)
				last = sent[0].Message
				text := fmt.Sprint("held back ", i)
				receive(t, alice, bob, edited(t, send(t, alice, bob, text), claim), text)
			}
			receive(t, bob, alice, last, "x")
			deliver(t, alice, bob, "on the new session")
			deliver(t, bob, alice, "on the new session, too")
		}
	}
}
