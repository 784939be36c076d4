package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// RunGroup tests a store against the contract of group.Store, beyond what Run does: its
// transactions keep sender keys, and the promise of package group holds on it.
func RunGroup(t *testing.T, fresh func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, fresh func(t *testing.T) Place)
	}{
		{"Rows", testSenderKeys},
		{"Names", testSenderKeyNames},
		{"Rollback", testSenderKeyRollback},
		{"OneByOne", testSenderKeysOneByOne},
		{"Fail", func(t *testing.T, fresh func(t *testing.T) Place) { testChannels(t, fresh, Fail) }},
		{"Die", func(t *testing.T, fresh func(t *testing.T) Place) { testChannels(t, fresh, Die) }},
		{"Replay", func(t *testing.T, fresh func(t *testing.T) Place) {
			place := fresh(t)
			c := newChannels(t, func() session.Store { return Replaying(place()) }, 0, Fail)
			c.run()
			require.Zero(t, c.lost)
		}},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh) })
	}
}

// senders are keys of rows that a store might confuse.
var senders = []struct {
	sender signet.Address
	group  string
}{
	{alice, "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6"},
	{alice, "D1D1D1D1-7000-41EB-B32A-33B8A8A487A6"},
	{alice2, "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6"},
	{bob, "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6"},
	{alice, ""},
	{signet.Address{Name: "bc", Device: 1}, "a"},
	{signet.Address{Name: "c", Device: 1}, "ab"},
	{signet.Address{Name: "", Device: 1}, "abc"},
	{carol, "group \x00'; -- é"},
	{carolL, "group \x00'; -- é"},
	{signet.Address{Name: "b", Device: 0}, "a\x00"},
	{signet.Address{Name: "\x00b", Device: 0}, "a"},
}

// withKeys runs f in a transaction and requires it to commit.
func withKeys(t *testing.T, s session.Store, f func(tx group.Tx) error) {
	t.Helper()
	update(t, s, alice, func(tx session.Tx) error {
		require.Implements(t, (*group.Tx)(nil), tx)
		return f(tx.(group.Tx))
	})
}

func testSenderKeys(t *testing.T, fresh func(t *testing.T) Place) {
	place := fresh(t)
	s := place()
	buf := make([]byte, 0, 4096)
	withKeys(t, s, func(tx group.Tx) error {
		for i, c := range senders {
			b, err := tx.SenderKey(c.sender, c.group)
			require.NoError(t, err)
			require.Nil(t, b, "row %d is there before it was written", i)
			buf = append(buf[:0], fill(fmt.Sprint("sender key ", i), 200+i)...)
			if err := tx.PutSenderKey(c.sender, c.group, buf); err != nil {
				return err
			}
			clear(buf)
		}
		return nil
	})
	check := func(gone int) {
		t.Helper()
		withKeys(t, place(), func(tx group.Tx) error {
			for i, c := range senders {
				b, err := tx.SenderKey(c.sender, c.group)
				require.NoError(t, err)
				if i == gone {
					require.Nil(t, b)
					continue
				}
				require.Equal(t, fill(fmt.Sprint("sender key ", i), 200+i), b, "row %d", i)
			}
			return nil
		})
	}
	check(-1)
	for i, c := range senders[:3] {
		withKeys(t, s, func(tx group.Tx) error {
			require.NoError(t, tx.PutSenderKey(c.sender, c.group, []byte{}))
			b, err := tx.SenderKey(c.sender, c.group)
			require.Nil(t, b, "reads see the transaction's own writes")
			return err
		})
		check(i)
		withKeys(t, s, func(tx group.Tx) error {
			return tx.PutSenderKey(c.sender, c.group, fill(fmt.Sprint("sender key ", i), 200+i))
		})
	}
	rows := view(t, s)
	require.Equal(t, "[]", rows["peers"], "a sender key makes no peer")
	require.Len(t, rows, 3, "nothing but counts and peers")
	withKeys(t, s, func(tx group.Tx) error { return tx.PutSenderKey(bob, "large", fill("large", 1<<20)) })
	withKeys(t, s, func(tx group.Tx) error {
		b, err := tx.SenderKey(bob, "large")
		require.Len(t, b, 1<<20)
		return err
	})
}

// testSenderKeyRollback ends transactions over sessions and sender keys in each way.
func testSenderKeyRollback(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	both := func(text string) func(tx session.Tx) error {
		return func(tx session.Tx) error {
			return errors.Join(tx.PutSession(alice, []byte(text)), tx.(group.Tx).PutSenderKey(alice, "g", []byte(text)))
		}
	}
	look := func() (list []string) {
		update(t, s, alice, func(tx session.Tx) error {
			a, err := tx.Session(alice)
			require.NoError(t, err)
			b, err := tx.(group.Tx).SenderKey(alice, "g")
			list = []string{string(a), string(b)}
			return err
		})
		return list
	}
	var dead group.Tx
	update(t, s, alice, func(tx session.Tx) error { dead = tx.(group.Tx); return both("first")(tx) })
	require.Equal(t, []string{"first", "first"}, look())
	err := s.Update(context.Background(), alice, func(tx session.Tx) error { return errors.Join(both("failed")(tx), errMine) })
	require.ErrorIs(t, err, errMine)
	require.Equal(t, []string{"first", "first"}, look())
	require.Panics(t, func() {
		s.Update(context.Background(), alice, func(tx session.Tx) error { both("panicked")(tx); panic(errMine) })
	})
	require.Equal(t, []string{"first", "first"}, look())
	ctx, cancel := context.WithCancel(context.Background())
	err = s.Update(ctx, alice, func(tx session.Tx) error { cancel(); return both("cancelled")(tx) })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"first", "first"}, look())
	_, err = dead.SenderKey(alice, "g")
	require.Error(t, err)
	require.Error(t, dead.PutSenderKey(alice, "g", []byte("late")))
	require.Error(t, dead.PutSenderKey(alice, "g", nil))
}

// testSenderKeysOneByOne counts in one row from many goroutines over two handles.
func testSenderKeysOneByOne(t *testing.T, fresh func(t *testing.T) Place) {
	const workers, rounds = 8, 20
	place := fresh(t)
	handles := []session.Store{place(), place()}
	together(workers, func(w int) {
		for range rounds {
			err := handles[w%2].Update(context.Background(), bob, func(tx session.Tx) error {
				g := tx.(group.Tx)
				b, err := g.SenderKey(bob, "counter")
				if err != nil {
					return err
				}
				var n uint32
				if b != nil {
					n = binary.BigEndian.Uint32(b)
				}
				return g.PutSenderKey(bob, "counter", binary.BigEndian.AppendUint32(nil, n+1))
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	withKeys(t, place(), func(tx group.Tx) error {
		b, err := tx.SenderKey(bob, "counter")
		require.Equal(t, uint32(workers*rounds), binary.BigEndian.Uint32(b))
		return err
	})
}

// testChannels lets two members live the same few exchanges with a fault at the first, second, …
// call of a store.
func testChannels(t *testing.T, fresh func(t *testing.T) Place, mode Mode) {
	lost := 0
	for k := 1; ; k++ {
		c := newChannels(t, fresh(t), k, mode)
		c.run()
		require.LessOrEqual(t, c.lost, 1, "call %d", k)
		lost += c.lost
		if !c.faulty.Fired() {
			require.Greater(t, k, 30, "the exchanges did not reach the store")
			break
		}
	}
	// After a death behind the commit of a decryption the message is a duplicate: if that never
	// happened, the test did not look there.
	require.Equal(t, mode == Die, lost > 0)
}

// channels are a group of two: alice on a sound store, and bob on the one under test.
type channels struct {
	t      *testing.T
	place  Place
	faulty *FaultyStore
	bob    *group.Channel
	alice  *group.Channel
	sound  *memory.Store
	lost   int
	inbox  int // messages that bob's inbox has
}

var groupID = group.DistributionID{0xd1, 15: 1}

func newChannels(t *testing.T, place Place, k int, mode Mode) *channels {
	c := &channels{t: t, place: place, sound: memory.New()}
	c.faulty = Faulty(place(), k, mode)
	c.bob = group.NewChannel(bob, groupID, c.faulty, nil)
	c.alice = group.NewChannel(alice, groupID, c.sound, nil)
	return c
}

// try does something with bob's channel; after a fault it is up to the caller to do it again. It
// reports whether bob's process died.
func (c *channels) try(f func() error) (died bool, err error) {
	died = Dies(func() { err = f() })
	if died {
		c.bob = group.NewChannel(bob, groupID, c.place(), nil)
	}
	return died, err
}

// must does it until it has worked.
func (c *channels) must(f func() error) {
	c.t.Helper()
	for range 2 {
		died, err := c.try(f)
		if !died && err == nil {
			return
		}
		if !died {
			require.ErrorIs(c.t, err, ErrFault)
		}
	}
	c.t.Fatal("two faults")
}

func (c *channels) run() {
	ctx := context.Background()
	join := func() {
		var b []byte
		c.must(func() (err error) { b, err = c.bob.Distribution(ctx); return err })
		require.NoError(c.t, c.alice.Join(ctx, bob, b))
	}
	join()
	b, err := c.alice.Distribution(ctx)
	require.NoError(c.t, err)
	c.must(func() error { return c.bob.Join(ctx, alice, b) })
	for i := range 3 {
		c.send(ctx, i)
		c.receive(ctx, i)
	}
	c.must(func() error { _, err := c.bob.Renew(ctx); return err })
	join()
	c.send(ctx, 4)
}

// send lets bob encrypt. Whatever left him must decrypt, once: a key used for two messages would be
// a duplicate for alice. The plaintexts differ in every attempt.
func (c *channels) send(ctx context.Context, i int) {
	for attempt := range 2 {
		text := fmt.Appendf(nil, "%d.%d", i, attempt)
		var m []byte
		died, err := c.try(func() (err error) { m, err = c.bob.Encrypt(ctx, text); return err })
		if died || err != nil {
			require.Nil(c.t, m)
			if !died {
				require.ErrorIs(c.t, err, ErrFault)
			}
			continue
		}
		got, err := c.alice.Decrypt(ctx, bob, m)
		require.NoError(c.t, err)
		require.Equal(c.t, text, got)
		return
	}
	c.t.Fatal("two faults")
}

// receive lets bob decrypt into an inbox of his own in the same transaction. Each message is in the
// inbox exactly once at the end, whether or not he learnt that it is.
func (c *channels) receive(ctx context.Context, i int) {
	m, err := c.alice.Encrypt(ctx, fmt.Append(nil, i))
	require.NoError(c.t, err)
	for range 2 {
		died, err := c.try(func() error {
			return c.bob.DecryptTo(ctx, alice, m, func(tx session.Tx, text []byte) error {
				old, err := tx.Value("next")
				if err != nil {
					return err
				}
				return tx.PutValue("next", append(append([]byte{}, old...), text...))
			})
		})
		if !died && err == nil {
			break
		}
		if !died && errors.Is(err, ratchet.ErrDuplicate) {
			c.lost++ // bob was never told, but his inbox has it
			break
		}
		if !died {
			require.ErrorIs(c.t, err, ErrFault)
		}
	}
	c.inbox++
	var have []byte
	update(c.t, c.place(), self, func(tx session.Tx) (err error) {
		b, err := tx.Value("next")
		have = append(have[:0], b...)
		return err
	})
	require.Equal(c.t, "012"[:c.inbox], string(have))
}
