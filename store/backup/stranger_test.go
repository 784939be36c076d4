package backup_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/backup"
)

// TestRestoredStranger: what a backup holds is held against the accepted identity when it is used.
// Here a device of somebody else's under Bob's name, with a session and a sender key that a program
// which did not compare had let in before the backup was written.
func TestRestoredStranger(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			w := &wiretap{t, make(map[string]bool)}
			a := newParty(t, alice, engine.open(t, nil))
			b := newParty(t, bob, memory.New())
			ghost := newParty(t, signet.Address{Name: bob.Name, Device: 9}, memory.New())
			require.NoError(t, a.Start(ctx, bob, b.bundle(t, 1)))
			w.deliver(a, b, "hello")
			w.deliver(b, a, "hello yourself")
			id, err := group.ParseDistributionID("9d0652a3-dcc3-4d11-975f-74d61598733f")
			require.NoError(t, err)
			theirs := group.NewChannel(ghost.addr, id, ghost.store, nil)

			// The session as Alice's device would have it, from a store that knows nobody yet.
			other := newParty(t, alice, memory.New())
			other.Device = session.NewDevice(alice, a.key, other.store, nil)
			require.NoError(t, other.Start(ctx, ghost.addr, ghost.bundle(t, 1)))
			w.deliver(other, ghost, "hello")
			w.deliver(ghost, other, "hello yourself")
			record, err := other.Record(ctx, ghost.addr)
			require.NoError(t, err)
			require.NoError(t, a.store.Update(ctx, ghost.addr, func(tx session.Tx) error {
				if err := tx.PutSession(ghost.addr, record); err != nil {
					return err
				}
				return tx.PutIdentity(ghost.addr, ghost.key.PublicKey().Bytes())
			}))
			distribution, err := theirs.Distribution(ctx)
			require.NoError(t, err)
			joined := group.NewChannel(alice, id, other.store, nil)
			require.NoError(t, joined.Join(ctx, ghost.addr, distribution))
			senderKey, err := joined.Record(ctx, ghost.addr)
			require.NoError(t, err)
			require.NoError(t, a.store.Update(ctx, ghost.addr, func(tx session.Tx) error {
				return tx.(group.Tx).PutSenderKey(ghost.addr, id.String(), senderKey)
			}))

			var stream bytes.Buffer
			_, err = backup.Write(ctx, &stream, a.store.(store), keyOf(t, 1))
			require.NoError(t, err)
			s := engine.open(t, nil)
			_, err = backup.Restore(ctx, &stream, s, keyOf(t, 1))
			require.NoError(t, err)
			a = newParty(t, alice, s)

			var u *session.UntrustedIdentityError
			_, err = a.Decrypt(ctx, ghost.addr, w.send(ghost, a, "it is me, Bob"))
			require.ErrorAs(t, err, &u)
			require.True(t, u.Known.Equal(b.key.PublicKey()) && u.Offered.Equal(ghost.key.PublicKey()))
			require.ErrorAs(t, a.Start(ctx, ghost.addr, ghost.bundle(t, 1)), &u)
			_, err = a.Encrypt(ctx, ghost.addr, []byte("for Bob"))
			require.ErrorIs(t, err, session.ErrNoSession)
			w.receive(a, b, w.send(b, a, "I am still Bob"), "I am still Bob")
			message, err := theirs.Encrypt(ctx, []byte("it is me, Bob, in the group"))
			require.NoError(t, err)
			_, err = group.NewChannel(alice, id, s, nil).Decrypt(ctx, ghost.addr, message)
			require.ErrorAs(t, err, &u)
		})
	}
}
