package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
)

// TestLateMessages: what an application is told of each message of a burst that comes newest first.
// It acknowledges a duplicate and asks for a forgotten one again, so the first is said of those in
// its inbox alone; in the store that keeps sessions decoded as in one that keeps bytes, and when
// the session is no longer the current one.
func TestLateMessages(t *testing.T) {
	alice, bob := pair(t)
	sent := make([]session.Message, 2102)
	for i := range sent {
		sent[i] = send(t, alice, bob, fmt.Sprint(i))
	}
	inbox := make(map[int]bool)
	put := func(i int) error {
		return bob.DecryptTo(ctx, aliceAddr, sent[i], func(session.Tx, []byte) error {
			inbox[i] = true
			return nil
		})
	}
	all := func() (counts [3]int) {
		for i := range sent {
			had := inbox[i]
			switch err := put(i); {
			case err == nil:
				counts[0]++
			case errors.Is(err, ratchet.ErrDuplicate):
				require.True(t, had, "%d", i)
				counts[1]++
			default:
				require.ErrorIs(t, err, ratchet.ErrForgotten)
				require.False(t, had, "%d", i)
				counts[2]++
			}
		}
		return counts
	}
	require.NoError(t, put(2101))
	require.Equal(t, [3]int{2000, 1, 101}, all())

	record, err := bob.Record(ctx, aliceAddr)
	require.NoError(t, err)
	require.Equal(t, record, wire.Official(record), "what leaves is the official record")
	var row []byte
	update(t, bob.store, func(tx session.Tx) {
		b, err := tx.Session(aliceAddr)
		require.NoError(t, err)
		row = bytes.Clone(b)
		require.NoError(t, tx.PutSession(aliceAddr, row)) // from bytes again
	})
	require.Equal(t, record, wire.Official(row))
	require.Less(t, len(row)-len(record), 32)
	require.NoError(t, bob.Archive(ctx, aliceAddr))
	require.Equal(t, [3]int{0, 2001, 101}, all())

	// A record from elsewhere does not say what was lost there; the latest 2000 cannot have been.
	require.NoError(t, bob.SetRecord(ctx, aliceAddr, record))
	require.ErrorIs(t, put(0), ratchet.ErrForgotten)
	require.ErrorIs(t, put(101), ratchet.ErrDuplicate)
	require.NoError(t, bob.Archive(ctx, aliceAddr))
	archived, err := bob.Record(ctx, aliceAddr)
	require.NoError(t, err)
	require.NoError(t, bob.SetRecord(ctx, aliceAddr, archived))
	require.ErrorIs(t, put(0), ratchet.ErrForgotten)
}
