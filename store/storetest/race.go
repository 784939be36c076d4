package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// together runs f(0) … f(n-1) at once and waits for all of them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// A rendezvous is where transactions wait for each other, if the store runs them at the same time.
// A store that does not makes them wait in vain, hence the limit.
type rendezvous struct {
	missing atomic.Int64
	met     chan struct{}
}

func meet(n int) *rendezvous {
	r := &rendezvous{met: make(chan struct{})}
	r.missing.Store(int64(n))
	return r
}

func (r *rendezvous) wait() {
	if r.missing.Add(-1) == 0 {
		close(r.met)
	}
	select {
	case <-r.met:
	case <-time.After(30 * time.Millisecond):
	}
}

// testOneByOne counts in one peer's row from many goroutines over two handles: none may get lost,
// and no two of them may run at once.
func testOneByOne(t *testing.T, fresh func(t *testing.T) Place) {
	const workers, rounds = 8, 25
	place := fresh(t)
	handles := []session.Store{place(), place()}
	var inside atomic.Int64
	together(workers, func(w int) {
		for range rounds {
			err := handles[w%2].Update(context.Background(), bob, func(tx session.Tx) error {
				if inside.Add(1) != 1 {
					t.Error("two updates naming one peer run at once")
				}
				defer inside.Add(-1)
				time.Sleep(50 * time.Microsecond)
				return increment(tx)
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	update(t, place(), bob, func(tx session.Tx) error {
		b, err := tx.Session(bob)
		require.NoError(t, err)
		require.Equal(t, uint32(workers*rounds), binary.BigEndian.Uint32(b))
		return nil
	})
}

func increment(tx session.Tx) error {
	b, err := tx.Session(bob)
	if err != nil {
		return err
	}
	var n uint32
	if b != nil {
		n = binary.BigEndian.Uint32(b)
	}
	return tx.PutSession(bob, binary.BigEndian.AppendUint32(nil, n+1))
}

// testInvisible looks for the writes of a transaction that is still open and then fails.
func testInvisible(t *testing.T, fresh func(t *testing.T) Place) {
	s := fresh(t)()
	written := make(chan struct{})
	var once sync.Once
	together(2, func(i int) {
		if i == 0 {
			err := s.Update(context.Background(), alice, func(tx session.Tx) error {
				err := errors.Join(tx.PutSession(alice, []byte("x")), tx.PutValue("next", []byte("x")),
					tx.PutPreKey(1, []byte("x")), tx.MarkKEMPreKey(1, 1, fill("b", 33)))
				once.Do(func() { close(written) })
				time.Sleep(30 * time.Millisecond)
				return errors.Join(err, errMine)
			})
			if !errors.Is(err, errMine) {
				t.Error(err)
			}
			return
		}
		<-written
		var rows map[string]string
		err := s.Update(context.Background(), bob, func(tx session.Tx) (err error) {
			if rows, err = readAll(tx); err != nil {
				return err
			}
			return tx.MarkKEMPreKey(1, 1, fill("b", 33))
		})
		if err != nil || len(rows) != 3 || rows["peers"] != "[]" {
			t.Errorf("saw %v, error %v", rows, err)
		}
	})
}

// race lets two peers do one thing at once; it must work for exactly one, fail with the given error
// for the other, and leave the loser without a trace.
func race(t *testing.T, place Place, loser error, do func(tx session.Tx) error) {
	t.Helper()
	peers := []signet.Address{alice, bob}
	handles := []session.Store{place(), place()}
	begun, done := meet(2), meet(2)
	errs := make([]error, 2)
	together(2, func(i int) {
		var first, last sync.Once
		errs[i] = handles[i].Update(context.Background(), peers[i], func(tx session.Tx) error {
			if _, err := tx.PreKey(7); err != nil {
				return err
			}
			first.Do(begun.wait)
			err := errors.Join(tx.PutSession(peers[i], []byte("won")), do(tx))
			last.Do(done.wait)
			return err
		})
	})
	lost := 0
	if errs[0] == nil {
		lost = 1
	}
	require.NoError(t, errs[1-lost])
	require.ErrorIs(t, errs[lost], loser)
	require.Equal(t, fmt.Sprintf("[%q]", peers[1-lost]), view(t, place())["peers"])
}

func testRacePreKey(t *testing.T, fresh func(t *testing.T) Place) {
	for _, c := range []struct {
		put, del func(tx session.Tx) error
	}{
		{func(tx session.Tx) error { return tx.PutPreKey(7, []byte("one")) },
			func(tx session.Tx) error { return tx.DeletePreKey(7) }},
		{func(tx session.Tx) error { return tx.PutKEMPreKey(7, []byte("one")) },
			func(tx session.Tx) error { return tx.DeleteKEMPreKey(7) }},
		{func(tx session.Tx) error { return tx.PutSignedPreKey(7, []byte("one")) },
			func(tx session.Tx) error { return tx.DeleteSignedPreKey(7) }},
	} {
		place := fresh(t)
		update(t, place(), self, c.put)
		race(t, place, session.ErrNoRow, c.del)
	}
}

func testRaceMark(t *testing.T, fresh func(t *testing.T) Place) {
	race(t, fresh(t), session.ErrReplay, func(tx session.Tx) error {
		return tx.MarkKEMPreKey(1, 1, fill("base", 33))
	})
}

// testParallel has many peers take one-time prekeys from one stock while the device replenishes it.
// Each prekey is taken once, and afterwards the books balance.
func testParallel(t *testing.T, fresh func(t *testing.T) Place) {
	const workers, rounds, stock = 6, 20, 40
	place := fresh(t)
	s := place()
	update(t, s, self, func(tx session.Tx) error {
		for id := uint32(1); id <= stock; id++ {
			if err := tx.PutPreKey(id, []byte{1}); err != nil {
				return err
			}
		}
		return nil
	})
	var taken [1 + stock + workers*rounds]atomic.Int32
	var sold, added atomic.Int64
	together(workers, func(w int) {
		peer := signet.Address{Name: "worker", Device: uint32(w + 1)}
		for i := range rounds {
			id := uint32((w*7+i*3)%stock + 1) // peers meet at the same ids
			err := s.Update(context.Background(), peer, func(tx session.Tx) error {
				return errors.Join(tx.PutSession(peer, []byte{byte(i)}), tx.DeletePreKey(id))
			})
			switch {
			case err == nil:
				sold.Add(1)
				if taken[id].Add(1) > 1 {
					t.Errorf("prekey %d taken twice", id)
				}
			case !errors.Is(err, session.ErrNoRow):
				t.Error(err)
			}
			if i%5 != 0 {
				continue
			}
			fresh := uint32(stock + 1 + w*rounds + i)
			if err := s.Update(context.Background(), self, func(tx session.Tx) error {
				return tx.PutPreKey(fresh, []byte{1})
			}); err != nil {
				t.Error(err)
			}
			added.Add(1)
		}
	})
	require.Equal(t, fmt.Sprint(stock+added.Load()-sold.Load()), view(t, place())["prekeys"])
}
