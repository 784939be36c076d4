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

// plainStore hides that the store keeps sessions and takes many peers.
type plainStore struct{ session.Store }

// TestEncryptIn: what was received, what is noted of it and the answers are one commit, also to
// another peer, and if it fails the same keys make the next answers.
func TestEncryptIn(t *testing.T) {
	alice, bob := pair(t)
	carol := newParty(carolAddr, session.Options{})
	require.NoError(t, bob.Start(ctx, carolAddr, carol.bundle(t, 1)))
	failed := errors.New("failed")
	for i := range 6 {
		text := fmt.Sprint("ping ", i)
		m := send(t, alice, bob, text)
		var out []session.Message
		answer := func(err error) error {
			return bob.DecryptTo(ctx, aliceAddr, m, func(tx session.Tx, got []byte) error {
				require.Equal(t, text, string(got))
				out = nil
				for j := range 2 {
					a, err := bob.EncryptIn(tx, aliceAddr, fmt.Append(nil, "pong ", i, j))
					require.NoError(t, err)
					out = append(out, a)
				}
				a, err2 := bob.EncryptIn(tx, carolAddr, []byte("heard one"))
				require.NoError(t, err2)
				out = append(out, a)
				_, err2 = bob.EncryptIn(tx, bobAddr, nil)
				require.ErrorIs(t, err2, session.ErrNoSession)
				require.NoError(t, tx.PutValue("inbox", got))
				return err
			})
		}
		before := rows(t, bob.store, aliceAddr)
		require.Equal(t, failed, answer(failed))
		require.Equal(t, before, rows(t, bob.store, aliceAddr))
		require.NoError(t, answer(nil))
		receive(t, bob, alice, out[1], fmt.Sprint("pong ", i, 1))
		receive(t, bob, alice, out[0], fmt.Sprint("pong ", i, 0))
		receive(t, bob, carol, out[2], "heard one")
		deliver(t, bob, alice, "and on")
	}
}

// TestInTransaction: an operation inside a function that runs in a transaction of the same device
// fails at once, over any store, and what called it goes on; one of another device, and one of
// another goroutine, does not.
func TestInTransaction(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprint(plain), func(t *testing.T) {
			alice, bob := pair(t)
			if plain {
				alice.Device = session.NewDevice(aliceAddr, alice.key, plainStore{alice.store}, alice.opts)
			}
			b := bob.bundle(t, 1)
			m, late := send(t, bob, alice, "ping"), send(t, bob, alice, "late")
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			operations := map[string]func() error{
				"Encrypt":    func() error { _, err := alice.Encrypt(ctx, bobAddr, nil); return err },
				"another":    func() error { _, err := alice.Encrypt(ctx, carolAddr, nil); return err },
				"Decrypt":    func() error { _, err := alice.Decrypt(ctx, bobAddr, late); return err },
				"Start":      func() error { return alice.Start(ctx, bobAddr, b) },
				"StartAll":   func() error { return alice.StartAll(ctx, []session.Contact{{Peer: bobAddr, Bundle: b}}, nil, nil) },
				"EncryptAll": func() error { _, err := alice.EncryptAll(ctx, []session.Outgoing{{Peer: bobAddr}}, nil); return err },
				"Missing":    func() error { _, err := alice.Missing(ctx, []session.Outgoing{{Peer: bobAddr}}); return err },
				"Trusted":    func() error { _, _, err := alice.Trusted(ctx, bobAddr); return err },
				"Trust":      func() error { return alice.Trust(ctx, bobAddr, bob.Identity()) },
				"PreKeys":    func() error { _, err := alice.PreKeys(ctx, 1); return err },
				"Archive":    func() error { return alice.Archive(ctx, bobAddr) },
				"ArchiveAll": func() error { return alice.ArchiveAll(ctx) },
			}
			all := func() {
				for name, f := range operations {
					require.Equal(t, session.ErrInTransaction, f(), name)
				}
			}
			require.NoError(t, alice.DecryptTo(ctx, bobAddr, m, func(session.Tx, []byte) error {
				all()
				dora, carol := newParty(signet.Address{Name: "dora", Device: 1}, session.Options{}), newParty(carolAddr, session.Options{})
				require.NoError(t, dora.Start(ctx, carolAddr, carol.bundle(t, 1)))
				deliver(t, dora, carol, "elsewhere")
				done := make(chan error)
				go func() { // another goroutine only waits, until this transaction is over
					ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
					defer cancel()
					_, err := alice.Encrypt(ctx, bobAddr, nil)
					done <- err
				}()
				require.ErrorIs(t, <-done, context.DeadlineExceeded)
				return nil
			}))
			_, err := alice.EncryptTo(ctx, bobAddr, nil, func(session.Tx, session.Message) error { all(); return nil })
			require.NoError(t, err)
			_, err = alice.EncryptAll(ctx, []session.Outgoing{{Peer: bobAddr}}, func(session.Tx, []session.Sent) error { all(); return nil })
			require.NoError(t, err)
			contacts := []session.Contact{{Peer: bobAddr, Bundle: b}}
			require.NoError(t, alice.StartAll(ctx, contacts, nil, func(session.Tx, session.Contact) error { all(); return nil }))
			receive(t, bob, alice, late, "late")
			deliver(t, alice, bob, "after all that")
		})
	}
}
