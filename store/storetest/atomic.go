package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A step is one transaction of a device's life. It is a function of tx alone.
type step struct {
	name string
	peer signet.Address
	f    func(tx session.Tx) error
	want error // what f ends with when nothing is injected
}

// script is a device's first days: stock, two first messages, traffic, a replay, a new session,
// rotation, and everything archived. Between them the steps use every method of Tx.
var script = []step{
	{"publish", self, publish, nil},
	{"first message", alice, acceptAlice, nil},
	{"encrypt", alice, func(tx session.Tx) error { return advance(tx, alice) }, nil},
	{"replay", alice, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(alice, []byte("rolled back")), tx.MarkKEMPreKey(1, 1, fill("alice", 33)))
	}, session.ErrReplay},
	{"first message with a one-time KEM prekey", bob, acceptBob, nil},
	{"decrypt", bob, func(tx session.Tx) error { return advance(tx, bob) }, nil},
	{"refused", bob, func(tx session.Tx) error {
		return errors.Join(advance(tx, bob), tx.PutIdentity(bob, fill("mallory", 33)), errMine)
	}, errMine},
	{"new session", alice, renewAlice, nil},
	{"rotate", self, rotate, nil},
	{"archive all", self, archiveAll, nil},
}

func publish(tx session.Tx) error {
	errs := []error{tx.PutValue("registration", []byte{42}), tx.PutValue("next", []byte{6}),
		tx.PutSignedPreKey(1, fill("signed 1", 120))}
	for id := uint32(1); id < 6; id++ {
		errs = append(errs, tx.PutPreKey(id, fill(fmt.Sprint("prekey ", id), 80)),
			tx.PutKEMPreKey(id, fill(fmt.Sprint("kem ", id), 4800)))
	}
	return errors.Join(errs...)
}

// need reads rows that have to be there.
func need(rows ...func() ([]byte, error)) error {
	for i, row := range rows {
		b, err := row()
		if err == nil && len(b) == 0 {
			err = fmt.Errorf("storetest: row %d is missing", i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func acceptAlice(tx session.Tx) error {
	known, err := tx.Identity(alice)
	if err != nil {
		return err
	}
	if known != nil {
		return errors.New("storetest: not a first contact")
	}
	return errors.Join(
		need(func() ([]byte, error) { return tx.SignedPreKey(1) },
			func() ([]byte, error) { return tx.KEMPreKey(1) },
			func() ([]byte, error) { return tx.PreKey(3) },
			func() ([]byte, error) { return tx.Value("registration") }),
		tx.PutIdentity(alice, fill("alice's identity", 33)),
		tx.PutSession(alice, fill("alice 0", 2100)),
		tx.DeletePreKey(3),
		tx.MarkKEMPreKey(1, 1, fill("alice", 33)))
}

func acceptBob(tx session.Tx) error {
	return errors.Join(
		need(func() ([]byte, error) { return tx.KEMPreKey(2) }),
		tx.PutIdentity(bob, fill("bob's identity", 33)),
		tx.PutSession(bob, fill("bob 0", 2100)),
		tx.MarkKEMPreKey(2, 1, fill("bob", 33)),
		tx.DeleteKEMPreKey(2),
		tx.ForgetKEMPreKey(2))
}

// advance replaces a session by a function of what it was, so that a lost step shows at the end.
func advance(tx session.Tx, peer signet.Address) error {
	old, err := tx.Session(peer)
	if err != nil {
		return err
	}
	return tx.PutSession(peer, append([]byte("next "), old...))
}

func renewAlice(tx session.Tx) error {
	old, err := tx.Session(alice)
	if err != nil {
		return err
	}
	before, err := tx.Archive(alice)
	if err != nil {
		return err
	}
	return errors.Join(
		tx.PutArchive(alice, append(append([]byte{}, old...), before...)),
		tx.PutSession(alice, fill("alice 1", 2100)),
		tx.DeletePreKey(4),
		tx.MarkKEMPreKey(1, 1, fill("alice again", 33)))
}

func rotate(tx session.Tx) error {
	n, err := tx.CountPreKeys()
	if err != nil {
		return err
	}
	k, err := tx.CountKEMPreKeys()
	if err != nil {
		return err
	}
	return errors.Join(
		tx.PutSignedPreKey(2, fill("signed 2", 120)),
		tx.PutKEMPreKey(6, fill("kem 6", 4800)),
		tx.DeleteSignedPreKey(1),
		tx.DeleteKEMPreKey(1),
		tx.ForgetKEMPreKey(1),
		tx.PutPreKey(6, fill("prekey 6", 80)),
		tx.PutValue("next", []byte{byte(n), byte(k)}))
}

func archiveAll(tx session.Tx) error {
	for p, err := range tx.Peers() {
		if err != nil {
			return err
		}
		rec, err := tx.Session(p)
		if err != nil {
			return err
		}
		before, err := tx.Archive(p)
		if err != nil {
			return err
		}
		if err := errors.Join(tx.PutArchive(p, append(append([]byte{}, rec...), before...)), tx.PutSession(p, nil)); err != nil {
			return err
		}
	}
	return nil
}

// rehearse runs the script without a fault and returns the view before each step and at the end.
func rehearse(t *testing.T, s session.Store) []map[string]string {
	t.Helper()
	views := []map[string]string{view(t, s)}
	for _, c := range script {
		require.ErrorIs(t, s.Update(context.Background(), c.peer, c.f), c.want, c.name)
		views = append(views, view(t, s))
		if c.want != nil {
			require.Equal(t, views[len(views)-2], views[len(views)-1], "%s: a failed transaction left something", c.name)
		}
	}
	return views
}

// testFail lets every call of the script, or every stride-th, fail once, in turn.
func testFail(t *testing.T, fresh func(t *testing.T) Place, stride int) {
	views := rehearse(t, fresh(t)())
	for k := 1; ; k += stride {
		s := fresh(t)()
		faulty := Faulty(s, k, Fail)
		hit := false
		for i, c := range script {
			err := faulty.Update(context.Background(), c.peer, c.f)
			if faulty.Fired() && !hit {
				hit = true
				require.ErrorIs(t, err, ErrFault, "call %d, in %s", k, c.name)
				require.Equal(t, views[i], view(t, s), "call %d failed in %s", k, c.name)
				err = faulty.Update(context.Background(), c.peer, c.f)
			}
			require.ErrorIs(t, err, c.want, "call %d, in %s", k, c.name)
		}
		require.Equal(t, views[len(script)], view(t, s), "after call %d failed", k)
		if !hit {
			require.Greater(t, k, 5*len(script), "the script did not reach the store")
			return
		}
	}
}

// testDie lets the process die at every call of the script, in turn, and carries on with a new
// handle: the step it died in is done or not, and nothing else ever shows.
func testDie(t *testing.T, fresh func(t *testing.T) Place, stride int) {
	views := rehearse(t, fresh(t)())
	for k := 1; ; k += stride {
		place := fresh(t)
		faulty := Faulty(place(), k, Die)
		var s session.Store = faulty
		for i := 0; i < len(script); i++ {
			c := script[i]
			var err error
			died := Dies(func() { err = s.Update(context.Background(), c.peer, c.f) })
			if !died {
				require.ErrorIs(t, err, c.want, "call %d, in %s", k, c.name)
				continue
			}
			s = place()
			after := view(t, s)
			if maps.Equal(after, views[i]) {
				i-- // the step never happened; it is done again
				continue
			}
			require.Equal(t, views[i+1], after, "died at call %d, in %s", k, c.name)
		}
		require.Equal(t, views[len(script)], view(t, place()), "after a death at call %d", k)
		if !faulty.Fired() {
			return
		}
	}
}

// testReplay runs every transaction twice, the first time for nothing.
func testReplay(t *testing.T, fresh func(t *testing.T) Place) {
	want := rehearse(t, fresh(t)())
	require.Equal(t, want, rehearse(t, Replaying(fresh(t)())))
}
