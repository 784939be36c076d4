package memory

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

var _ session.ManyStore = (*Store)(nil)

// TestUpdateAllGivesUp: a turn that cannot be had gives back those that were taken.
func TestUpdateAllGivesUp(t *testing.T) {
	s := New()
	carol := signet.Address{Name: "carol", Device: 1}
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		s.Update(ctx, carol, func(session.Tx) error { close(inside); <-leave; return nil })
	})
	<-inside
	short, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() {
		done <- s.UpdateAll(short, []signet.Address{carol, bob, alice, bob}, func(session.Tx) error { return nil })
	}()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	update(t, s, alice, func(session.Tx) error { return nil })
	close(leave)
	wg.Wait()
	require.NoError(t, s.UpdateAll(ctx, []signet.Address{carol, bob, alice, bob}, func(tx session.Tx) error {
		return tx.PutSession(bob, []byte("x"))
	}))
	require.Len(t, (*s.d).peers, 1)
	require.False(t, (*s.d).peers[bob].taken)
}
