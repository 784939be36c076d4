package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// RunMany tests a store against the contract of session.ManyStore. The handles that fresh prepares
// are ManyStores.
func RunMany(t *testing.T, fresh func(t *testing.T) Place) {
	t.Run("AllOrNothing", func(t *testing.T) { testAllOrNothing(t, fresh(t)) })
	t.Run("Excludes", func(t *testing.T) { testExcludes(t, fresh(t)) })
	t.Run("EncryptAll", func(t *testing.T) { testEncryptAll(t, fresh(t)) })
	t.Run("EncryptAllFaults", func(t *testing.T) { testEncryptAllFaults(t, fresh(t)) })
}

func many(t *testing.T, place Place) session.ManyStore {
	s, ok := place().(session.ManyStore)
	require.True(t, ok, "no UpdateAll")
	return s
}

func testAllOrNothing(t *testing.T, place Place) {
	ctx := context.Background()
	s := many(t, place)
	peers := []signet.Address{carol, alice2, alice, bob, alice}
	write := func(end error) func(tx session.Tx) error {
		return func(tx session.Tx) error {
			for i, p := range peers {
				err := errors.Join(tx.PutSession(p, fmt.Append(nil, "session ", i)), tx.PutIdentity(p, fmt.Append(nil, "key ", i)))
				if err != nil {
					return err
				}
			}
			return errors.Join(tx.PutValue("next", []byte("n")), end)
		}
	}
	before := view(t, s)
	require.ErrorIs(t, s.UpdateAll(ctx, peers, write(errMine)), errMine)
	require.Equal(t, before, view(t, s))
	ended, cancel := context.WithCancel(ctx)
	require.ErrorIs(t, s.UpdateAll(ended, peers, func(tx session.Tx) error { cancel(); return write(nil)(tx) }), context.Canceled)
	require.ErrorIs(t, s.UpdateAll(ended, peers, write(nil)), context.Canceled)
	require.Equal(t, before, view(t, s))

	require.NoError(t, s.UpdateAll(ctx, peers, write(nil)))
	require.NoError(t, place().(session.ManyStore).UpdateAll(ctx, []signet.Address{bob, alice, carolL}, func(tx session.Tx) error {
		for p, want := range map[signet.Address]string{alice: "session 4", bob: "session 3", carolL: ""} {
			b, err := tx.Session(p)
			require.NoError(t, err)
			require.Equal(t, want, string(b))
		}
		return nil
	}))
	require.NoError(t, s.UpdateAll(ctx, nil, func(tx session.Tx) error { return tx.PutValue("registration", []byte("r")) }))
	require.Equal(t, "r", view(t, s)[`value "registration"`])
}

// testExcludes counts in three peers' rows from transactions that name one or all of them.
func testExcludes(t *testing.T, place Place) {
	const workers, rounds = 6, 12
	peers := []signet.Address{alice, bob, carol}
	handles := []session.ManyStore{many(t, place), many(t, place)}
	var inside [3]atomic.Int64
	add := func(tx session.Tx, i int) error {
		if inside[i].Add(1) != 1 {
			t.Error("two transactions that name one peer at once")
		}
		defer inside[i].Add(-1)
		b, err := tx.Session(peers[i])
		if err != nil {
			return err
		}
		return tx.PutSession(peers[i], append(b[:len(b):len(b)], 'x'))
	}
	together(workers, func(w int) {
		for i := range rounds {
			var err error
			one := (w + i) % 3
			if w%2 == 0 {
				err = handles[w/2%2].Update(context.Background(), peers[one], func(tx session.Tx) error { return add(tx, one) })
			} else {
				list := []signet.Address{peers[one], peers[(one+1)%3], peers[(one+2)%3]}
				err = handles[w/2%2].UpdateAll(context.Background(), list, func(tx session.Tx) error {
					return errors.Join(add(tx, 0), add(tx, 1), add(tx, 2))
				})
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	total := 0
	update(t, handles[0], self, func(tx session.Tx) error {
		for _, p := range peers {
			b, err := tx.Session(p)
			require.NoError(t, err)
			total += len(b)
		}
		return nil
	})
	require.Equal(t, workers/2*rounds*(1+3), total)
}

// testEncryptAll has many messages to the same peers made at once: no message key serves twice, and
// all of them decrypt.
func testEncryptAll(t *testing.T, place Place) {
	ctx := context.Background()
	const workers, rounds = 4, 5
	key, theirs := signet.GenerateKey(), signet.GenerateKey()
	var to []*session.Device
	var out []session.Outgoing
	var contacts []session.Contact
	for i := range 3 {
		d := session.NewDevice(signet.Address{Name: "crowd", Device: uint32(i + 1)}, theirs, memory.New(), nil)
		published, err := d.PreKeys(ctx, 1)
		require.NoError(t, err)
		bundle, err := published.NextBundle()
		require.NoError(t, err)
		to = append(to, d)
		contacts = append(contacts, session.Contact{Peer: d.Address(), Bundle: bundle})
		out = append(out, session.Outgoing{Peer: d.Address(), Plaintext: []byte("all")})
	}
	devices := []*session.Device{session.NewDevice(bob, key, many(t, place), nil), session.NewDevice(bob, key, many(t, place), nil)}
	require.NoError(t, devices[0].StartAll(ctx, contacts, nil, nil))
	all := make([][]session.Sent, workers*rounds)
	together(workers, func(w int) {
		for i := range rounds {
			sent, err := devices[w%2].EncryptAll(ctx, out, nil)
			if err != nil {
				t.Error(err)
				return
			}
			all[w*rounds+i] = sent
		}
	})
	used := make(map[point]bool)
	for _, sent := range all {
		require.Len(t, sent, len(to))
		for i, m := range sent {
			at := pointOf(t, m.Message)
			require.False(t, used[at], "a message key used twice")
			used[at] = true
			text, err := to[i].Decrypt(ctx, bob, m.Message)
			require.NoError(t, err)
			require.Equal(t, "all", string(text))
		}
	}
}

// A FaultyMany is a FaultyStore that can name many peers.
type FaultyMany struct {
	*FaultyStore
	many session.ManyStore
}

// FaultyAll is Faulty for a ManyStore.
func FaultyAll(store session.ManyStore, k int, mode Mode) *FaultyMany {
	return &FaultyMany{Faulty(store, k, mode), store}
}

// UpdateAll is the wrapped store's, with the fault.
func (s *FaultyMany) UpdateAll(ctx context.Context, peers []signet.Address, f func(tx session.Tx) error) error {
	return s.around(f, func(f func(tx session.Tx) error) error { return s.many.UpdateAll(ctx, peers, f) })
}

// testEncryptAllFaults has the store fail, or the process die, at every call of a message to all.
func testEncryptAllFaults(t *testing.T, place Place) {
	ctx := context.Background()
	key, theirs := signet.GenerateKey(), signet.GenerateKey()
	to := session.NewDevice(alice, theirs, memory.New(), nil)
	to2 := session.NewDevice(alice2, theirs, memory.New(), nil)
	var contacts []session.Contact
	for _, d := range []*session.Device{to, to2} {
		published, err := d.PreKeys(ctx, 1)
		require.NoError(t, err)
		bundle, err := published.NextBundle()
		require.NoError(t, err)
		contacts = append(contacts, session.Contact{Peer: d.Address(), Bundle: bundle})
	}
	require.NoError(t, session.NewDevice(bob, key, place(), nil).StartAll(ctx, contacts, nil, nil))
	out := []session.Outgoing{{Peer: alice, Plaintext: []byte("x")}, {Peer: alice2, Plaintext: []byte("x")}}
	used := make(map[point]bool)
	fired := true
	for k := 1; fired; k++ {
		for _, mode := range []Mode{Fail, Die} {
			store := FaultyAll(many(t, place), k, mode)
			var sent []session.Sent
			var err error
			dead := Dies(func() { sent, err = session.NewDevice(bob, key, store, nil).EncryptAll(ctx, out, nil) })
			if fired = store.Fired(); mode == Fail && fired {
				require.ErrorIs(t, err, ErrFault)
				require.Empty(t, sent, "ciphertexts without their commit")
			}
			require.Equal(t, fired && mode == Die, dead)
			for i, m := range sent {
				at := pointOf(t, m.Message)
				require.False(t, used[at], "a message key used twice")
				used[at] = true
				_, err := []*session.Device{to, to2}[i].Decrypt(ctx, bob, m.Message)
				require.NoError(t, err)
			}
		}
	}
	require.NotEmpty(t, used)
}
