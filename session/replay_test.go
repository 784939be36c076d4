package session_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
)

// x3dhPair is alice and bob, who speak version 3, a first message of hers to a bundle with n
// one-time prekeys, and the id of the signed prekey that it names.
func x3dhPair(t *testing.T, n int) (alice, bob *party, first session.Message, signed uint32) {
	opts := session.Options{AllowX3DH: true}
	alice, bob = newParty(aliceAddr, opts), newParty(bobAddr, opts)
	b := withoutKEM(t, bob.bundle(t, n))
	require.NoError(t, alice.Start(ctx, bobAddr, b))
	return alice, bob, deliver(t, alice, bob, "pay 100"), b.Fields().SignedPreKey.ID
}

// TestReplayOfX3DH: a first message of version 3 that takes nothing away opens once, for as long as
// the signed prekey is kept that it names, whatever becomes of its session.
func TestReplayOfX3DH(t *testing.T) {
	for _, c := range []struct {
		name string
		lose func(t *testing.T, alice, bob *party)
	}{
		{"record removed", func(t *testing.T, _, bob *party) {
			require.NoError(t, bob.SetRecord(ctx, aliceAddr, nil))
		}},
		{"barrier", func(t *testing.T, alice, bob *party) {
			require.NoError(t, bob.Barrier(ctx, aliceAddr, alice.bundle(t, 1)))
		}},
		{"41 later sessions", func(t *testing.T, alice, bob *party) {
			b := bob.bundle(t, 0)
			for range 41 {
				require.NoError(t, alice.Start(ctx, bobAddr, b))
				deliver(t, alice, bob, "hello")
			}
		}},
		{"replaced signed prekey, in its grace", func(t *testing.T, _, bob *party) {
			_, err := bob.Rotate(ctx)
			require.NoError(t, err)
			n, err := bob.Retire(ctx)
			require.NoError(t, err)
			require.Zero(t, n)
			require.NoError(t, bob.SetRecord(ctx, aliceAddr, nil))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			alice, bob, m, _ := x3dhPair(t, 0)
			refuse(t, aliceAddr, bob, m, ratchet.ErrDuplicate)
			c.lose(t, alice, bob)
			err := refuse(t, aliceAddr, bob, m, session.ErrReplay)
			require.ErrorIs(t, err, session.ErrInvalidMessage)
			require.NoError(t, alice.Start(ctx, bobAddr, withoutKEM(t, bob.bundle(t, 0))))
			deliver(t, alice, bob, "a new one passes")
		})
	}
}

// TestMarksOfX3DH: the mark is there once the message has opened, goes with the signed prekey, and
// is not needed where a one-time prekey went.
func TestMarksOfX3DH(t *testing.T) {
	marked := func(p *party, signed uint32, m session.Message) bool {
		first, err := wire.ParsePreKeyMessage(m.Body)
		require.NoError(t, err)
		undo := errors.New("only looked")
		found := false
		err = p.store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
			err := tx.MarkKEMPreKey(1<<31|signed, signed, first.BaseKey)
			found = errors.Is(err, session.ErrReplay)
			return undo
		})
		require.ErrorIs(t, err, undo)
		return found
	}
	_, bob, m, signed := x3dhPair(t, 0)
	require.True(t, marked(bob, signed, m))
	require.False(t, marked(bob, signed+1, m))
	stock, err := bob.Rotate(ctx)
	require.NoError(t, err)
	require.NoError(t, bob.MarkPublished(ctx, stock))
	require.Equal(t, 2, retired(t, bob))
	require.False(t, marked(bob, signed, m), "nobody can play it again")
	require.NoError(t, bob.SetRecord(ctx, aliceAddr, nil))
	refuse(t, aliceAddr, bob, m, session.ErrPreKeyID)

	_, bob, m, signed = x3dhPair(t, 1)
	require.False(t, marked(bob, signed, m), "its one-time prekey is gone")
	require.NoError(t, bob.SetRecord(ctx, aliceAddr, nil))
	refuse(t, aliceAddr, bob, m, session.ErrPreKeyID)
}

// TestMarksAfterRestore: marks of first messages of version 3 stay in a restored backup, as signed
// prekeys do.
func TestMarksAfterRestore(t *testing.T) {
	var r session.Rewind
	require.True(t, r.Mark(1<<31|7))
	require.False(t, r.Mark(7), "its KEM prekey is left out")
	keep, err := r.Value("last-resort-prekeys", []byte{0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0})
	require.NoError(t, err)
	require.True(t, keep)
	require.True(t, r.Mark(7))
}

// TestWrappedMessages: what is inside a first message opens on the session that the outside names,
// or on the one that it makes, and on no other: whoever holds back ordinary messages and wraps them
// takes no prekey, brings no session in and back, and the messages themselves still open.
func TestWrappedMessages(t *testing.T) {
	opts := session.Options{AllowX3DH: true}
	for _, versions := range [][2]uint8{{3, 4}, {4, 3}, {4, 4}, {3, 3}} { // of the previous session, of the current one
		t.Run(fmt.Sprint(versions), func(t *testing.T) {
			alice, bob := newParty(aliceAddr, opts), newParty(bobAddr, opts)
			var held []session.Message // an ordinary one of each session
			var bases [][]byte
			for _, v := range versions {
				b := bob.bundle(t, 1)
				if v == 3 {
					b = withoutKEM(t, b)
				}
				require.NoError(t, alice.Start(ctx, bobAddr, b))
				first, err := wire.ParsePreKeyMessage(deliver(t, alice, bob, "hello").Body)
				require.NoError(t, err)
				bases = append(bases, first.BaseKey)
				deliver(t, bob, alice, "hello yourself")
				held = append(held, send(t, alice, bob, fmt.Sprint("held back ", len(held))))
			}
			for _, outer := range []uint8{3, 4} {
				b := bob.bundle(t, 1)
				f := b.Fields()
				shape := newParty(carolAddr, opts) // makes what an outside consists of
				if outer == 3 {
					b = withoutKEM(t, b)
				}
				require.NoError(t, shape.Start(ctx, bobAddr, b))
				for i, inner := range held {
					for at, base := range append(bases, signet.GenerateKey().PublicKey().Bytes()) {
						if at == i && outer == versions[i] {
							continue // nothing is wrong with it
						}
						m := edited(t, send(t, shape, bob, "x"), func(p *wire.PreKeyMessage) {
							p.BaseKey, p.IdentityKey, p.Message = base, alice.key.PublicKey().Bytes(), inner.Body
							p.SignedPreKeyID, p.HasPreKey, p.PreKeyID = f.SignedPreKey.ID, true, f.PreKey.ID
						})
						err := refuse(t, aliceAddr, bob, m, session.ErrInvalidMessage)
						require.ErrorContains(t, err, "decryption failed")
					}
				}
			}
			for i, m := range held {
				receive(t, alice, bob, m, fmt.Sprint("held back ", i))
			}
		})
	}
}

// TestFirstMessageOfAnEndedSession: a late first message opens on the session that it began, and
// does not put one that cannot send in the place of one that can.
func TestFirstMessageOfAnEndedSession(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	deliver(t, alice, bob, "hello")
	late := send(t, alice, bob, "late")
	later := send(t, alice, bob, "later")
	require.Equal(t, session.TypePreKey, late.Type)
	require.NoError(t, bob.ArchiveAll(ctx)) // bob's store went back in time
	require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	receive(t, alice, bob, late, "late")
	deliver(t, bob, alice, "on the new session")
	receive(t, alice, bob, later, "later")
	deliver(t, alice, bob, "on the new session, too")
}

// TestFirstMessagesOfImportedSessions: a session that was brought along began with a message that
// was received elsewhere, and that message does not open again here when the session is gone.
func TestFirstMessagesOfImportedSessions(t *testing.T) {
	for _, version := range []int{3, 4} {
		for _, archived := range []bool{false, true} {
			opts := session.Options{AllowX3DH: true}
			alice, old := newParty(aliceAddr, opts), newParty(bobAddr, opts)
			b := old.bundle(t, 0)
			if version == 3 {
				b = withoutKEM(t, b)
			}
			bob := newParty(bobAddr, opts) // the same device in another store, which has its prekeys
			bob.key, bob.store = old.key, old.store.Clone()
			bob.restart()
			require.NoError(t, alice.Start(ctx, bobAddr, b))
			m := deliver(t, alice, old, "once")
			if archived {
				require.NoError(t, old.Archive(ctx, aliceAddr))
			}
			record, err := old.Record(ctx, aliceAddr)
			require.NoError(t, err)
			for range 2 { // the second time the marks are there
				require.NoError(t, bob.SetRecord(ctx, aliceAddr, record))
			}
			refuse(t, aliceAddr, bob, m, ratchet.ErrDuplicate)
			require.NoError(t, bob.SetRecord(ctx, aliceAddr, nil))
			refuse(t, aliceAddr, bob, m, session.ErrReplay)
		}
	}
}
