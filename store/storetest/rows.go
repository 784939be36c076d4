package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// testRows writes every table, each row under neighbours that a sloppy key would confuse it with.
func testRows(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	empty := map[string]string{"prekeys": "0", "KEM prekeys": "0", "peers": "[]"}
	require.Equal(t, empty, view(t, s), "a missing row reads as nil")

	want := map[string]string{"prekeys": "10", "KEM prekeys": "10"}
	peers := []signet.Address{alice, alice2, bob, carol, carolL}
	update(t, s, alice, func(tx session.Tx) error {
		var errs []error
		for _, p := range peers {
			for _, row := range []struct {
				table string
				put   func(signet.Address, []byte) error
			}{{"session", tx.PutSession}, {"archive", tx.PutArchive}, {"identity", tx.PutIdentity}} {
				label := fmt.Sprintf("%s %q", row.table, p)
				errs = append(errs, row.put(p, []byte("old")), row.put(p, fill(label, 100)))
				want[label] = string(fill(label, 100))
			}
		}
		for _, id := range []uint32{0, 1, 2, 3, 4, 5, 6, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
			for _, row := range []struct {
				table string
				put   func(uint32, []byte) error
			}{{"prekey", tx.PutPreKey}, {"signed prekey", tx.PutSignedPreKey}, {"KEM prekey", tx.PutKEMPreKey}} {
				label := fmt.Sprintf("%s %d", row.table, id)
				errs = append(errs, row.put(id, []byte("old")), row.put(id, fill(label, 100)))
				want[label] = string(fill(label, 100))
			}
		}
		for _, name := range []string{"registration", "next", "Next", ""} {
			label := fmt.Sprintf("value %q", name)
			errs = append(errs, tx.PutValue(name, []byte("old")), tx.PutValue(name, fill(label, 100)))
			want[label] = string(fill(label, 100))
		}
		return errors.Join(errs...)
	})
	got := view(t, s)
	want["peers"] = got["peers"] // testPeers looks at these
	require.Equal(t, want, got)
}

func testPeers(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	list := func(tx session.Tx, want ...signet.Address) {
		t.Helper()
		got := []signet.Address{}
		for p, err := range tx.Peers() {
			require.NoError(t, err)
			got = append(got, p)
		}
		require.ElementsMatch(t, want, got)
	}
	update(t, s, alice, func(tx session.Tx) error {
		list(tx)
		err := errors.Join(tx.PutSession(alice, []byte{1}), tx.PutSession(carol, []byte{1}),
			tx.PutArchive(carol, []byte{1}), tx.PutArchive(bob, []byte{1}), tx.PutIdentity(none, []byte{1}))
		list(tx, alice, bob, carol)
		return err
	})
	update(t, s, self, func(tx session.Tx) error {
		list(tx, alice, bob, carol)
		// The loop's body may use the transaction; this is Device.ArchiveAll.
		for p, err := range tx.Peers() {
			rec, err2 := tx.Session(p)
			if err = errors.Join(err, err2); err != nil {
				return err
			}
			if len(rec) > 0 {
				if err := errors.Join(tx.PutArchive(p, rec), tx.PutSession(p, nil)); err != nil {
					return err
				}
			}
		}
		list(tx, alice, bob, carol)
		return nil
	})
	update(t, s, self, func(tx session.Tx) error {
		for p, err := range tx.Peers() {
			if err != nil {
				return err
			}
			require.Contains(t, []signet.Address{alice, bob, carol}, p)
			break // an abandoned loop leaves the transaction usable
		}
		err := errors.Join(tx.PutArchive(alice, []byte{}), tx.PutArchive(bob, nil), tx.PutArchive(none, nil))
		list(tx, carol)
		return err
	})
	rows := view(t, s)
	require.Equal(t, `["Carol's \"phone\"; -- é \x00.127"]`, rows["peers"])
	require.NotContains(t, rows, fmt.Sprintf("archive %q", alice), "an empty record deletes the row")
}

func testPreKeys(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	update(t, s, self, func(tx session.Tx) error {
		for _, del := range []func(uint32) error{tx.DeletePreKey, tx.DeleteSignedPreKey, tx.DeleteKEMPreKey} {
			require.ErrorIs(t, del(1), session.ErrNoRow)
		}
		for id := range uint32(50) { // more than a first screenful: counts and deletes at some size
			if err := errors.Join(tx.PutPreKey(id, fill("p", 80)), tx.PutKEMPreKey(id+1, fill("k", 80)), tx.PutSignedPreKey(id, fill("s", 80))); err != nil {
				return err
			}
		}
		return errors.Join(tx.DeletePreKey(0), tx.DeleteKEMPreKey(50), tx.DeleteSignedPreKey(49))
	})
	update(t, s, self, func(tx session.Tx) error {
		count := func(prekeys, kem int) {
			t.Helper()
			n, err := tx.CountPreKeys()
			require.NoError(t, err)
			require.Equal(t, prekeys, n)
			n, err = tx.CountKEMPreKeys()
			require.NoError(t, err)
			require.Equal(t, kem, n)
		}
		count(49, 49)
		require.ErrorIs(t, tx.DeletePreKey(0), session.ErrNoRow)
		require.ErrorIs(t, tx.DeleteKEMPreKey(50), session.ErrNoRow)
		require.ErrorIs(t, tx.DeleteSignedPreKey(49), session.ErrNoRow)
		require.NoError(t, tx.DeletePreKey(1))
		require.ErrorIs(t, tx.DeletePreKey(1), session.ErrNoRow)
		count(48, 49)
		require.NoError(t, tx.PutPreKey(1, []byte("again")))
		require.NoError(t, tx.PutPreKey(2, []byte("replaced")))
		count(49, 49)
		require.NoError(t, tx.DeleteKEMPreKey(1))
		require.NoError(t, tx.DeleteKEMPreKey(2))
		count(49, 47)
		return nil
	})
	rows := view(t, s)
	require.Equal(t, "49", rows["prekeys"])
	require.Equal(t, "47", rows["KEM prekeys"])
	require.Equal(t, "again", rows["prekey 1"])
	require.Equal(t, "replaced", rows["prekey 2"])
	require.NotContains(t, rows, "KEM prekey 1")
}

func testMarks(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	base, other := fill("base", 33), fill("other", 33)
	mark := func(id, signed uint32, key []byte) error {
		return s.Update(context.Background(), alice, func(tx session.Tx) error {
			return tx.MarkKEMPreKey(id, signed, key)
		})
	}
	for _, c := range []struct {
		id, signed uint32
		key        []byte
		want       error
	}{
		{1, 1, base, nil},
		{1, 1, base, session.ErrReplay},
		{1, 1, other, nil},
		{1, 2, base, nil}, // each of the three counts
		{2, 1, base, nil},
		{1<<32 - 1, 1<<32 - 1, base, nil},
		{1<<32 - 1, 1<<32 - 1, base, session.ErrReplay},
		{1, 1, other, session.ErrReplay},
	} {
		require.ErrorIs(t, mark(c.id, c.signed, c.key), c.want, "%d %d", c.id, c.signed)
	}
	update(t, s, self, func(tx session.Tx) error {
		require.ErrorIs(t, tx.MarkKEMPreKey(2, 1, base), session.ErrReplay)
		require.NoError(t, tx.ForgetKEMPreKey(1))
		require.NoError(t, tx.ForgetKEMPreKey(77)) // nothing to forget
		require.NoError(t, tx.MarkKEMPreKey(1, 1, base))
		require.ErrorIs(t, tx.MarkKEMPreKey(1, 1, base), session.ErrReplay)
		require.NoError(t, tx.ForgetKEMPreKey(1))
		return tx.MarkKEMPreKey(1, 1, base)
	})
	require.ErrorIs(t, mark(1, 1, base), session.ErrReplay)
	require.NoError(t, mark(1, 2, base), "forgotten")
	require.ErrorIs(t, mark(2, 1, base), session.ErrReplay, "not forgotten")
}

func testOwnWrites(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	update(t, s, alice, func(tx session.Tx) error { return tx.PutSession(alice, []byte("before")) })
	err := s.Update(context.Background(), alice, func(tx session.Tx) error {
		read := func(want string) {
			t.Helper()
			b, err := tx.Session(alice)
			require.NoError(t, err)
			require.Equal(t, want, string(b))
		}
		read("before")
		for i := range 40 {
			v := fmt.Sprint("version ", i)
			require.NoError(t, tx.PutSession(alice, []byte(v)))
			require.NoError(t, tx.PutValue(v, []byte(v)))
			read(v)
		}
		require.NoError(t, tx.PutSession(alice, nil))
		b, err := tx.Session(alice)
		require.NoError(t, err)
		require.Nil(t, b)
		b, err = tx.Value("version 7")
		require.NoError(t, err)
		require.Equal(t, "version 7", string(b))
		require.NoError(t, tx.PutSession(alice, []byte("after")))
		read("after")
		return errMine
	})
	require.ErrorIs(t, err, errMine)
	require.Equal(t, map[string]string{`session "` + alice.String() + `"`: "before",
		"prekeys": "0", "KEM prekeys": "0", "peers": `["` + alice.String() + `"]`}, view(t, s))
}

// testSlices: a store does not touch what it is given, and of the small rows asks for a little more
// than the contract: they are copied, so that a caller who breaks the rule and reuses its buffer
// does not corrupt one. The rows of sessions are large and change with every message; a store may
// keep the slice.
func testSlices(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	buf := make([]byte, 64, 128)
	update(t, s, alice, func(tx session.Tx) error {
		for _, put := range []func([]byte) error{
			func(b []byte) error { return tx.PutSession(alice, bytes.Clone(b)) },
			func(b []byte) error { return tx.PutArchive(alice, bytes.Clone(b)) },
			func(b []byte) error { return tx.PutIdentity(alice, b) },
			func(b []byte) error { return tx.PutPreKey(1, b) },
			func(b []byte) error { return tx.PutSignedPreKey(1, b) },
			func(b []byte) error { return tx.PutKEMPreKey(1, b) },
			func(b []byte) error { return tx.PutValue("next", b) },
			func(b []byte) error { return tx.MarkKEMPreKey(1, 1, b) },
		} {
			for i := range buf[:cap(buf)] {
				buf[:cap(buf)][i] = 0xAA
			}
			if err := put(buf); err != nil {
				return err
			}
			for i, b := range buf[:cap(buf)] {
				require.Equal(t, byte(0xAA), b, "byte %d of the caller's slice", i)
			}
			clear(buf)
		}
		return nil
	})
	for label, row := range view(t, s) {
		if len(row) == len(buf) {
			require.NotContains(t, row, "\x00", label)
		}
	}
	update(t, s, alice, func(tx session.Tx) error {
		for i := range buf {
			buf[i] = 0xAA
		}
		require.ErrorIs(t, tx.MarkKEMPreKey(1, 1, buf), session.ErrReplay)
		first, err := tx.Session(alice)
		require.NoError(t, err)
		require.Len(t, first, len(buf))
		require.NoError(t, tx.PutSession(alice, []byte("next")))
		second, err := tx.Session(alice)
		require.NoError(t, err)
		require.Equal(t, "next", string(second))
		require.Equal(t, buf, first, "a slice read stays valid until the transaction ends")
		return nil
	})
}

// testLarge stores the largest rows there are: 2000 skipped keys, and 40 sessions with that.
func testLarge(t *testing.T, fresh func(t *testing.T) Place) {
	place := fresh(t)
	rec, arc := fill("record", 150_000), fill("archive", 6_000_000)
	update(t, place(), bob, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(bob, rec), tx.PutArchive(bob, arc))
	})
	update(t, place(), bob, func(tx session.Tx) error {
		got, err := tx.Session(bob)
		require.NoError(t, err)
		require.Equal(t, rec, got)
		got, err = tx.Archive(bob)
		require.NoError(t, err)
		require.Equal(t, arc, got)
		return nil
	})
}

type valueError struct{ n int }

func (e *valueError) Error() string { return "storetest: a typed error" }

func testErrors(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	ctx := context.Background()
	for _, want := range []error{errMine, &valueError{7}, session.ErrNoRow, context.Canceled} {
		err := s.Update(ctx, alice, func(tx session.Tx) error {
			require.NoError(t, tx.PutSession(alice, []byte("lost")))
			return want
		})
		require.True(t, err == want, "f's error is returned unchanged: %v", err)
	}
	require.PanicsWithValue(t, "mine", func() {
		s.Update(ctx, alice, func(tx session.Tx) error {
			tx.PutSession(alice, []byte("lost"))
			panic("mine")
		})
	})
	require.NotContains(t, view(t, s), fmt.Sprintf("session %q", alice))
	// A deletion that failed is not sticky: the caller may carry on in the transaction.
	update(t, s, alice, func(tx session.Tx) error {
		require.ErrorIs(t, tx.DeletePreKey(9), session.ErrNoRow)
		require.NoError(t, tx.MarkKEMPreKey(1, 1, fill("b", 33)))
		require.ErrorIs(t, tx.MarkKEMPreKey(1, 1, fill("b", 33)), session.ErrReplay)
		return tx.PutSession(alice, []byte("kept"))
	})
	require.Equal(t, "kept", view(t, s)[fmt.Sprintf("session %q", alice)])
}

func testContext(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.Update(ctx, alice, func(session.Tx) error {
		t.Error("f ran under a context that had ended")
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)

	// A context that ends while f runs: nothing is kept, or everything and no error.
	ctx, cancel = context.WithCancel(context.Background())
	err = s.Update(ctx, alice, func(tx session.Tx) error {
		cancel()
		return tx.PutSession(alice, []byte("x"))
	})
	if _, kept := view(t, s)[fmt.Sprintf("session %q", alice)]; err != nil {
		require.False(t, kept, "Update failed and kept a row")
		require.ErrorIs(t, err, context.Canceled)
	} else {
		require.True(t, kept, "Update succeeded and lost a row")
	}
}

// testDead uses a transaction after its end.
func testDead(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	var dead []session.Tx
	update(t, s, alice, func(tx session.Tx) error { dead = append(dead, tx); return nil })
	s.Update(context.Background(), alice, func(tx session.Tx) error { dead = append(dead, tx); return errMine })
	use := func() {
		for _, tx := range dead {
			_, err := tx.Session(alice)
			require.Error(t, err)
			require.Error(t, tx.PutSession(alice, []byte("late")))
			require.Error(t, tx.PutSession(alice, nil))
			require.Error(t, tx.DeletePreKey(1))
			require.Error(t, tx.MarkKEMPreKey(1, 1, fill("b", 33)))
			require.Error(t, tx.ForgetKEMPreKey(1))
			_, err = tx.CountPreKeys()
			require.Error(t, err)
			for _, err := range tx.Peers() {
				require.Error(t, err)
			}
		}
	}
	use()
	update(t, s, bob, func(tx session.Tx) error { use(); return nil })
	require.NotContains(t, view(t, s), fmt.Sprintf("session %q", alice))
}

func testReopen(t *testing.T, fresh func(t *testing.T) Place) {
	place := fresh(t)
	first := place()
	update(t, first, alice, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(alice, []byte("s")), tx.PutPreKey(1<<32-1, []byte("p")),
			tx.MarkKEMPreKey(1, 1, fill("b", 33)), tx.PutValue("next", []byte("v")))
	})
	want := view(t, first)
	second := place()
	require.Equal(t, want, view(t, second))
	update(t, second, alice, func(tx session.Tx) error {
		require.ErrorIs(t, tx.MarkKEMPreKey(1, 1, fill("b", 33)), session.ErrReplay)
		return tx.PutSession(alice, []byte("s2"))
	})
	require.Equal(t, view(t, second), view(t, first), "the first handle sees the second's commit")
}
