package storetest

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
)

// listed returns what a transaction lists.
func listed[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	list := []T{}
	for one, err := range seq {
		require.NoError(t, err)
		list = append(list, one)
	}
	return list
}

// testDevices: what is kept under a name can be found by the name, in the transaction that wrote it
// and later.
func testDevices(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	at := func(id uint32) signet.Address { return signet.Address{Name: carol.Name, Device: id} }
	devices := func(tx session.Tx, name string, want ...uint32) {
		t.Helper()
		require.Equal(t, append([]uint32{}, want...), listed(t, tx.Devices(name)))
	}
	update(t, s, at(3), func(tx session.Tx) error {
		devices(tx, carol.Name)
		err := errors.Join(tx.PutSession(at(3), []byte{1}), tx.PutArchive(at(2), []byte{1}), tx.PutIdentity(at(0), []byte{1}),
			tx.PutIdentity(at(1<<32-1), []byte{1}), tx.PutSession(carolL, []byte{1}), tx.PutSession(alice, []byte{1}))
		devices(tx, carol.Name, 0, 2, 3, 1<<32-1)
		return err
	})
	update(t, s, at(2), func(tx session.Tx) error {
		devices(tx, carol.Name, 0, 2, 3, 1<<32-1)
		devices(tx, carolL.Name, carolL.Device)
		devices(tx, none.Name)
		for id := range tx.Devices(carol.Name) { // the loop's body may write what it walks over
			if err := errors.Join(tx.PutSession(at(id), nil), tx.PutArchive(at(id), nil), tx.PutIdentity(at(id), []byte{2})); err != nil {
				return err
			}
		}
		devices(tx, carol.Name, 0, 2, 3, 1<<32-1)
		return nil
	})
	update(t, s, self, func(tx session.Tx) error {
		err := errors.Join(tx.PutIdentity(at(2), nil), tx.PutIdentity(at(3), []byte{}), tx.PutIdentity(none, nil))
		devices(tx, carol.Name, 0, 1<<32-1)
		b, err2 := tx.Identity(at(2))
		require.Nil(t, b, "an empty identity deletes the row")
		return errors.Join(err, err2)
	})
	update(t, s, self, func(tx session.Tx) error {
		devices(tx, carol.Name, 0, 1<<32-1)
		for _, id := range []uint32{2, 3} {
			b, err := tx.Identity(at(id))
			require.NoError(t, err)
			require.Nil(t, b, "an empty identity deletes the row")
		}
		return nil
	})
}

// testSenderKeyNames is the same for sender keys, which are listed by their sender, too.
func testSenderKeyNames(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	groups := func(tx group.Tx, sender signet.Address, want ...string) {
		t.Helper()
		require.Equal(t, append([]string{}, want...), listed(t, tx.SenderKeys(sender)))
	}
	withKeys(t, s, func(tx group.Tx) error {
		for _, c := range senders {
			if err := tx.PutSenderKey(c.sender, c.group, []byte{1}); err != nil {
				return err
			}
		}
		groups(tx, alice, "", "D1D1D1D1-7000-41EB-B32A-33B8A8A487A6", "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6")
		return tx.PutSenderKey(bob, "gone", []byte{1})
	})
	withKeys(t, s, func(tx group.Tx) error {
		require.NoError(t, tx.PutSenderKey(bob, "gone", nil))
		groups(tx, alice, "", "D1D1D1D1-7000-41EB-B32A-33B8A8A487A6", "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6")
		groups(tx, alice2, "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6")
		groups(tx, bob, "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6")
		groups(tx, carol, "group \x00'; -- é")
		groups(tx, none)
		require.Equal(t, []uint32{1, 2}, listed(t, tx.Devices(alice.Name)))
		require.Equal(t, []uint32{1}, listed(t, tx.Devices("bc")))
		require.Equal(t, []uint32{0}, listed(t, tx.Devices("b")))
		return nil
	})
}

// testRaceNames: of two transactions that each find nobody under a name and write a device there,
// one runs again and sees the other's.
func testRaceNames(t *testing.T, fresh func(t *testing.T) Place) {
	place := fresh(t)
	handles := []session.Store{place(), place()}
	user := signet.Address{Name: "bob"}
	here := meet(2)
	errs := make([]error, 2)
	together(2, func(i int) {
		a := signet.Address{Name: "bob", Device: uint32(i + 1)}
		errs[i] = handles[i].Update(context.Background(), a, func(tx session.Tx) error {
			row, err := tx.Identity(user)
			if err != nil || row != nil {
				return err
			}
			n := 0
			for _, err := range tx.Devices("bob") {
				if err != nil {
					return err
				}
				n++
			}
			if here.wait(); n > 0 {
				return nil
			}
			return errors.Join(tx.PutIdentity(user, []byte{byte(i)}), tx.PutIdentity(a, []byte{byte(i)}))
		})
	})
	require.NoError(t, errors.Join(errs...))
	update(t, handles[0], self, func(tx session.Tx) error {
		require.Len(t, listed(t, tx.Devices("bob")), 2, "the user's row, and that of one device")
		return nil
	})
}
