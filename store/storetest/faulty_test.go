package storetest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/storetest"
)

// TestFaulty spells the calls of one transaction that reads a value and replaces it: begin, read,
// write, commit, and for a death the moment after.
func TestFaulty(t *testing.T) {
	for _, c := range []struct {
		k           int
		mode        storetest.Mode
		ends, kept  bool // f is reached and ends well; its write stays
		fired, dies bool
		calls       int
	}{
		{0, storetest.Fail, true, true, false, false, 4},
		{1, storetest.Fail, false, false, true, false, 1},
		{2, storetest.Fail, false, false, true, false, 2},
		{3, storetest.Fail, false, false, true, false, 3},
		{4, storetest.Fail, true, false, true, false, 4},
		{6, storetest.Fail, true, true, false, false, 4},
		{1, storetest.Die, false, false, true, true, 1},
		{3, storetest.Die, false, false, true, true, 3},
		{4, storetest.Die, true, false, true, true, 4},
		{5, storetest.Die, true, true, true, true, 5},
		{6, storetest.Die, true, true, false, false, 5},
	} {
		s := memory.New()
		faulty := storetest.Faulty(s, c.k, c.mode)
		ended := false
		var err error
		dies := storetest.Dies(func() {
			err = faulty.Update(context.Background(), signet.Address{}, func(tx session.Tx) error {
				if _, err := tx.Value("v"); err != nil {
					return err
				}
				err := tx.PutValue("v", []byte("x"))
				ended = err == nil
				return err
			})
		})
		require.Equal(t, []any{c.ends, c.fired, c.dies, c.calls}, []any{ended, faulty.Fired(), dies, faulty.Calls()}, "%+v", c)
		if c.fired && !c.dies {
			require.ErrorIs(t, err, storetest.ErrFault)
		} else {
			require.NoError(t, err)
		}
		require.NoError(t, s.Update(context.Background(), signet.Address{}, func(tx session.Tx) error {
			v, err := tx.Value("v")
			require.Equal(t, c.kept, v != nil, "%+v", c)
			return err
		}))
		// A failure happens once, a death for good.
		again := func() {
			require.NoError(t, faulty.Update(context.Background(), signet.Address{}, func(session.Tx) error { return nil }))
		}
		if c.k < 6 { // the sixth call is the next transaction's
			require.Equal(t, c.dies, storetest.Dies(again), "%+v", c)
		}
	}
	require.PanicsWithValue(t, "a bug", func() { storetest.Dies(func() { panic("a bug") }) })
}
