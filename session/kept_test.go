package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// bytesOnly is a store whose transactions are no KeepingTx: what a store on a disk is.
type bytesOnly struct{ session.Store }

func (s bytesOnly) Update(ctx context.Context, peer signet.Address, f func(session.Tx) error) error {
	return s.Store.Update(ctx, peer, func(tx session.Tx) error { return f(struct{ session.Tx }{tx}) })
}

// again is a store that loses a transaction several times before it commits, as one does whose
// transactions fail to serialize.
type again struct {
	session.Store
	losses int
}

func (s again) Update(ctx context.Context, peer signet.Address, f func(session.Tx) error) error {
	lost := errors.New("lost")
	for range s.losses {
		var own error
		err := s.Store.Update(ctx, peer, func(tx session.Tx) error { own = f(tx); return lost })
		if !errors.Is(err, lost) {
			return err
		}
		if own != nil {
			break // it has to say so itself
		}
	}
	return s.Store.Update(ctx, peer, f)
}

// TestKeptIsStored plays one conversation over stores that keep sessions decoded and, with the same
// randomness, over ones that keep bytes: messages, errors and rows are equal after every step.
func TestKeptIsStored(t *testing.T) {
	alice, bob := pair(t)
	var world [2][2]*session.Device // by kind of store, by party
	var stores [2][2]session.Store
	var sources [2]context.Context
	for kind := range world {
		for i, p := range []*party{alice, bob} {
			stores[kind][i] = p.store.Clone()
			if kind == 1 {
				stores[kind][i] = bytesOnly{stores[kind][i]}
			}
			world[kind][i] = session.NewDevice(p.addr, p.key, stores[kind][i], p.opts)
		}
		sources[kind] = entropy.With(ctx, entropy.Seeded([32]byte{7}))
	}
	addr := [2]signet.Address{aliceAddr, bobAddr}
	r := rand.New(rand.NewPCG(8, 2))
	var mail [2][]session.Message
	opened := 0
	for step := range 1200 {
		i := r.IntN(2)
		switch n := r.IntN(20); {
		case n < 9:
			var m [2]session.Message
			var err [2]error
			for kind := range world {
				m[kind], err[kind] = world[kind][i].Encrypt(sources[kind], addr[1-i], fmt.Append(nil, step))
			}
			require.Equal(t, err[0], err[1])
			require.Equal(t, m[0], m[1])
			if err[0] == nil {
				mail[1-i] = append(mail[1-i], m[0])
			}
		case n < 19 && len(mail[i]) > 0:
			at := r.IntN(len(mail[i]))
			m := mail[i][at]
			m.Body = bytes.Clone(m.Body)
			switch r.IntN(12) {
			case 0: // it comes again
			case 1:
				m.Body[r.IntN(len(m.Body))] ^= 1
			default:
				mail[i] = append(mail[i][:at:at], mail[i][at+1:]...)
			}
			var text [2][]byte
			var err [2]error
			for kind := range world {
				text[kind], err[kind] = world[kind][i].Decrypt(sources[kind], addr[1-i], m)
			}
			require.Equal(t, err[0], err[1])
			require.Equal(t, text[0], text[1])
			if err[0] == nil {
				opened++
			}
		case n == 19 && r.IntN(20) == 0: // messages on the way bring the session back
			for kind := range world {
				require.NoError(t, world[kind][i].Archive(ctx, addr[1-i]))
			}
		default:
			for kind := range world {
				_, err := world[kind][i].Status(ctx, addr[1-i])
				require.NoError(t, err)
			}
		}
		require.Equal(t, rows(t, stores[1][i], addr[1-i]), rows(t, stores[0][i], addr[1-i]), "step %d", step)
	}
	require.Greater(t, opened, 350)
}

// TestTransactionsThatRunAgain: an operation whose transaction is lost, and lost again, uses no key
// twice and gives the result of the run that was committed, while others do the same.
func TestTransactionsThatRunAgain(t *testing.T) {
	for name, hide := range map[string]bool{"kept": false, "bytes": true} {
		t.Run(name, func(t *testing.T) {
			store := func(losses int) session.Store {
				s := session.Store(memory.New())
				if hide {
					s = bytesOnly{s}
				}
				return again{s, losses}
			}
			hub := newParty(bobAddr, session.Options{})
			shop := session.NewDevice(bobAddr, hub.key, store(2), nil)
			stock, err := shop.PreKeys(ctx, 8)
			require.NoError(t, err)
			var all sync.WaitGroup
			for i := range 8 {
				bundle, err := stock.NextBundle()
				require.NoError(t, err)
				all.Go(func() {
					me := signet.Address{Name: fmt.Sprint("customer ", i), Device: 1}
					d := session.NewDevice(me, signet.GenerateKey(), store(i%3), nil)
					if err := d.Start(ctx, bobAddr, bundle); err != nil {
						t.Error(err)
						return
					}
					for n := range 40 {
						if err := carry(d, shop, me, bobAddr, fmt.Sprint(i, n)); err != nil {
							t.Error(err)
							return
						}
						if err := carry(shop, d, bobAddr, me, fmt.Sprint(n, i)); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// carry sends a message, delivers a forgery of it, it, and it again.
func carry(from, to *session.Device, a, b signet.Address, text string) error {
	m, err := from.Encrypt(ctx, b, []byte(text))
	if err != nil {
		return err
	}
	forged := session.Message{Type: m.Type, Body: append([]byte(nil), m.Body...)}
	forged.Body[len(forged.Body)-1] ^= 1
	if _, err := to.Decrypt(ctx, a, forged); err == nil {
		return errors.New("a forgery was accepted")
	}
	got, err := to.Decrypt(ctx, a, m)
	if err != nil {
		return err
	}
	if string(got) != text {
		return fmt.Errorf("got %q, not %q", got, text)
	}
	if _, err := to.Decrypt(ctx, a, m); err == nil {
		return errors.New("a message was accepted twice")
	}
	return nil
}

// TestClonesPart: stores that were cloned share the records of that moment, and no step after it.
func TestClonesPart(t *testing.T) {
	alice, bob := pair(t)
	for range 60 {
		deliver(t, alice, bob, "x")
		deliver(t, bob, alice, "y")
	}
	var all sync.WaitGroup
	for range 4 {
		a := session.NewDevice(aliceAddr, alice.key, alice.store.Clone(), alice.opts)
		b := session.NewDevice(bobAddr, bob.key, bob.store.Clone(), bob.opts)
		all.Go(func() {
			for n := range 50 {
				if err := carry(a, b, aliceAddr, bobAddr, fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
				if err := carry(b, a, bobAddr, aliceAddr, fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	deliver(t, alice, bob, "the last")
}

// TestVersionsLast: a version of a record stays what it is while somebody may have it, and is
// erased when nobody can.
func TestVersionsLast(t *testing.T) {
	alice, bob := pair(t)
	deliver(t, alice, bob, "x")
	deliver(t, bob, alice, "y")
	kept := func(tx session.Tx) *session.Kept {
		k, err := tx.(session.KeepingTx).KeptSession(bobAddr)
		require.NoError(t, err)
		return k
	}
	var mine *session.Kept
	step := func() {
		_, err := alice.EncryptTo(ctx, bobAddr, []byte("z"), func(tx session.Tx, _ session.Message) error {
			mine = kept(tx)
			return nil
		})
		require.NoError(t, err)
	}
	step()
	last := mine
	require.NotEmpty(t, last.Record())
	step()
	require.Empty(t, last.Record(), "nobody had it")

	run := 0
	require.NoError(t, alice.store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		if run++; run > 1 {
			return nil // it lost: what it read is no longer so
		}
		last = kept(tx)
		before := last.Record()
		step()
		step()
		require.Equal(t, before, last.Record(), "a transaction has it that does not have the peer's turn")
		return nil
	}))
	require.Equal(t, 2, run)

	before, last := rows(t, alice.store, bobAddr), mine
	clone := alice.store.Clone()
	step()
	require.NotEmpty(t, last.Record())
	require.Equal(t, before, rows(t, clone, bobAddr))
	require.NotEqual(t, before, rows(t, alice.store, bobAddr))
	step()
	require.NotEmpty(t, last.Record())

	lost := errors.New("lost")
	before, last = rows(t, alice.store, bobAddr), mine
	require.ErrorIs(t, alice.store.Update(ctx, bobAddr, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(bobAddr, []byte("x")), lost)
	}), lost)
	require.Equal(t, before, rows(t, alice.store, bobAddr))
	require.NotEmpty(t, last.Record())
}

// TestSkippedKeysCostNothing: 2000 keys of missing messages make a record of 150 kB, and an
// operation that asks for none of them allocates what it does without them.
func TestSkippedKeysCostNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cost := func(skipped int) (perMessage uint64, record int) {
		alice, bob := pair(t)
		for range skipped {
			send(t, alice, bob, "lost")
		}
		deliver(t, alice, bob, "x")
		text := make([]byte, 64)
		const n = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			m, err := alice.Encrypt(ctx, bobAddr, text)
			if err == nil {
				_, err = bob.Decrypt(ctx, aliceAddr, m)
			}
			require.NoError(t, err)
		}
		runtime.ReadMemStats(&after)
		b, err := bob.Record(ctx, aliceAddr)
		require.NoError(t, err)
		return (after.TotalAlloc - before.TotalAlloc) / n, len(b)
	}
	without, small := cost(0)
	with, large := cost(1999)
	t.Logf("%d and %d bytes a message, records of %d and %d", without, with, small, large)
	require.Greater(t, large, small+140_000)
	require.Less(t, with, without+without/10)
}
