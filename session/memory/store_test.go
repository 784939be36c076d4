package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// The contract itself is tested by storetest.Run in the store module.

var (
	ctx   = context.Background()
	alice = signet.Address{Name: "alice", Device: 1}
	bob   = signet.Address{Name: "bob", Device: 1}
)

func update(t testing.TB, s *Store, peer signet.Address, f func(tx session.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(ctx, peer, f))
}

func TestClone(t *testing.T) {
	s := New()
	update(t, s, alice, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(alice, []byte("then")), tx.PutPreKey(1, []byte("p")))
	})
	c := s.Clone()
	update(t, s, alice, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(alice, []byte("now")), tx.DeletePreKey(1))
	})
	update(t, c, alice, func(tx session.Tx) error {
		rec, err := tx.Session(alice)
		require.NoError(t, err)
		require.Equal(t, "then", string(rec))
		n, err := tx.CountPreKeys()
		require.NoError(t, err)
		require.Equal(t, 1, n)
		return errors.Join(tx.PutSession(bob, []byte("only here")), tx.DeletePreKey(1))
	})
	update(t, s, bob, func(tx session.Tx) error {
		rec, err := tx.Session(bob)
		require.Nil(t, rec)
		return err
	})
}

// TestConflict lets another peer's commit fall between a transaction's reads and its commit. What
// was read decides whether f runs again.
func TestConflict(t *testing.T) {
	for _, c := range []struct {
		name        string
		read, other func(tx session.Tx) error
		runs        int
	}{
		{"value", func(tx session.Tx) error { _, err := tx.Value("n"); return err },
			func(tx session.Tx) error { return tx.PutValue("n", []byte{1}) }, 2},
		{"same value again", func(tx session.Tx) error { _, err := tx.Value("old"); return err },
			func(tx session.Tx) error { return tx.PutValue("old", []byte("old")) }, 2},
		{"another value", func(tx session.Tx) error { _, err := tx.Value("m"); return err },
			func(tx session.Tx) error { return tx.PutValue("n", []byte{1}) }, 1},
		{"blind write", func(tx session.Tx) error { return tx.PutValue("n", []byte{2}) },
			func(tx session.Tx) error { return tx.PutValue("n", []byte{1}) }, 1},
		{"empty and missing", func(tx session.Tx) error { _, err := tx.Value("n"); return err },
			func(tx session.Tx) error { return tx.PutValue("n", nil) }, 2},
		{"count", func(tx session.Tx) error { _, err := tx.CountPreKeys(); return err },
			func(tx session.Tx) error { return tx.PutPreKey(9, []byte{1}) }, 2},
		{"count of replaced rows", func(tx session.Tx) error { _, err := tx.CountPreKeys(); return err },
			func(tx session.Tx) error { return tx.PutPreKey(1, []byte{1}) }, 1},
		{"count over own writes", func(tx session.Tx) error {
			tx.PutPreKey(9, nil)
			_, err := tx.CountPreKeys()
			return err
		}, func(tx session.Tx) error { return errors.Join(tx.PutPreKey(9, []byte{1}), tx.DeletePreKey(1)) }, 2},
		{"peers", func(tx session.Tx) error {
			for range tx.Peers() {
			}
			return nil
		}, func(tx session.Tx) error { return tx.PutArchive(bob, []byte{1}) }, 2},
		{"failure over a stale view", func(tx session.Tx) error {
			if b, _ := tx.Value("n"); b == nil {
				return errors.New("not yet")
			}
			return nil
		}, func(tx session.Tx) error { return tx.PutValue("n", []byte{1}) }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New()
			update(t, s, alice, func(tx session.Tx) error {
				return errors.Join(tx.PutPreKey(1, []byte{1}), tx.PutValue("old", []byte("old")))
			})
			runs := 0
			update(t, s, alice, func(tx session.Tx) error {
				err := c.read(tx)
				if runs++; runs == 1 {
					done := make(chan error)
					go func() { done <- s.Update(ctx, bob, c.other) }()
					require.NoError(t, <-done)
				}
				return err
			})
			require.Equal(t, c.runs, runs)
		})
	}
}

// TestStubbornLoser has a transaction lose until it runs alone; then nobody can get between.
func TestStubbornLoser(t *testing.T) {
	s := New()
	var wg sync.WaitGroup
	runs := 0
	update(t, s, alice, func(tx session.Tx) error {
		_, err := tx.Value("n")
		runs++
		done := make(chan error, 1)
		wg.Go(func() {
			done <- s.Update(ctx, bob, func(tx session.Tx) error { return tx.PutValue("n", []byte{1}) })
		})
		select {
		case <-done:
			require.LessOrEqual(t, runs, patience)
		case <-time.After(20 * time.Millisecond):
			require.Equal(t, patience+1, runs)
		}
		return err
	})
	wg.Wait()
	require.Equal(t, patience+1, runs)
}

// TestLosersTogether has many peers count in one row, so that all of them lose often and several
// want to run alone.
func TestLosersTogether(t *testing.T) {
	s := New()
	const peers, times = 8, 60
	var wg sync.WaitGroup
	for i := range peers {
		wg.Go(func() {
			for range times {
				if err := s.Update(ctx, signet.Address{Name: "peer", Device: uint32(i)}, func(tx session.Tx) error {
					b, err := tx.Value("n")
					if err != nil {
						return err
					}
					runtime.Gosched()
					return tx.PutValue("n", append(bytes.Clone(b), byte(i)))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	update(t, s, alice, func(tx session.Tx) error {
		b, err := tx.Value("n")
		require.Len(t, b, peers*times)
		return err
	})
	require.Zero(t, (*s.d).running)
	require.Zero(t, (*s.d).loners)
}

// TestForgottenTurns looks for what strangers leave behind.
func TestForgottenTurns(t *testing.T) {
	s := New()
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		s.Update(ctx, alice, func(session.Tx) error { close(held); <-hold; return nil })
	})
	<-held
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	err := s.Update(short, alice, func(session.Tx) error { t.Error("ran beside the holder"); return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(hold)
	wg.Wait()
	require.Panics(t, func() { s.Update(ctx, bob, func(session.Tx) error { panic("bug") }) })
	update(t, s, bob, func(session.Tx) error { return nil })
	require.Empty(t, (*s.d).peers)
	require.Empty(t, (*s.d).rows)
	require.Zero(t, (*s.d).running)
}

// TestTurnsAndCancellation has those who wait for a turn give up at the moment when it is theirs.
func TestTurnsAndCancellation(t *testing.T) {
	s := New()
	held := 0 // guarded by the turn
	for range 500 {
		var wg sync.WaitGroup
		for range 4 {
			short, cancel := context.WithCancel(ctx)
			wg.Go(func() { s.Update(short, alice, func(session.Tx) error { held++; cancel(); return nil }) })
			wg.Go(cancel)
		}
		wg.Wait()
		require.Empty(t, (*s.d).peers)
	}
	require.Positive(t, held)
}

func TestRedaction(t *testing.T) {
	planted := []byte("PLANTEDSECRET-0123456789abcdef!!")
	s := New()
	update(t, s, alice, func(tx session.Tx) error {
		err := errors.Join(tx.PutSession(alice, planted), tx.PutPreKey(7, planted))
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%q", "%d"} {
			refuse(t, fmt.Sprintf(verb, tx))
			refuse(t, fmt.Sprintf(verb, struct{ tx session.Tx }{tx}))
		}
		return err
	})
	for _, v := range []any{s, *s, struct{ s *Store }{s}, struct{ s Store }{*s}, []*Store{s}, map[string]any{"s": s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%q", "%d"} {
			refuse(t, fmt.Sprintf(verb, v))
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("store", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("store", "v", v)
		j, err := json.Marshal(v)
		require.NoError(t, err)
		refuse(t, out.String()+string(j))
	}
}

func refuse(t *testing.T, printed string) {
	t.Helper()
	for _, trace := range []string{"PLANTED", "504c414e544544", "504C414E544544", "80 76 65 78", "UExBTlRFR", "0x50, 0x4c"} {
		require.NotContains(t, printed, trace)
	}
}

// TestAllocs holds a ratchet step to its budget: the handle and the stored copy.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	s := New()
	rec := bytes.Repeat([]byte{1}, 2048)
	step := func(tx session.Tx) error {
		if _, err := tx.Session(alice); err != nil {
			return err
		}
		return tx.PutSession(alice, rec)
	}
	n := testing.AllocsPerRun(1000, func() {
		if err := s.Update(ctx, alice, step); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, n, 2.0)
}

func BenchmarkUpdate(b *testing.B) {
	rec := bytes.Repeat([]byte{1}, 2048)
	step := func(s *Store, peer signet.Address) error {
		return s.Update(ctx, peer, func(tx session.Tx) error {
			if _, err := tx.Session(peer); err != nil {
				return err
			}
			return tx.PutSession(peer, rec)
		})
	}
	b.Run("OnePeer", func(b *testing.B) {
		s := New()
		b.ReportAllocs()
		for b.Loop() {
			if err := step(s, alice); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ManyPeers", func(b *testing.B) {
		s := New()
		var mu sync.Mutex
		var next uint32
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			mu.Lock()
			next++
			peer := signet.Address{Name: "peer", Device: next}
			mu.Unlock()
			for pb.Next() {
				if err := step(s, peer); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
