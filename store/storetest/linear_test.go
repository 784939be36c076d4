package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/postgres"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/sqlite"
	"signet.example/signet/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The operations of a history, each one transaction. What it returns is what it read.
const (
	swap   = iota // replace a peer's session
	spread        // replace a peer's session and a row of the device, together
	take          // delete a prekey, if it is there
	put           // add or replace one
	operations
)

const rows = 3 // peers, and prekeys

type input struct{ op, row, value int }

// A state is what a store holds, told as one sequence of operations would leave it.
type state struct {
	sessions, prekeys [rows]int
	value             int
}

var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) {
		now, i := s.(state), in.(input)
		ok := true
		switch i.op {
		case swap:
			ok, now.sessions[i.row] = out == now.sessions[i.row], i.value
		case spread:
			ok = out == [2]int{now.sessions[i.row], now.value}
			now.sessions[i.row], now.value = i.value, i.value
		case take:
			ok, now.prekeys[i.row] = out == (now.prekeys[i.row] != 0), 0
		case put:
			now.prekeys[i.row] = i.value
		}
		return ok, now
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%v → %v", in, out) },
}

func perform(s session.Store, in input) (out any, err error) {
	peer := signet.Address{Name: "peer", Device: uint32(in.row + 1)}
	if in.op == put {
		peer = signet.Address{}
	}
	err = s.Update(context.Background(), peer, func(tx session.Tx) error {
		record := fmt.Append(nil, in.value)
		switch in.op {
		case take:
			err := tx.DeletePreKey(uint32(in.row))
			out = err == nil
			if errors.Is(err, session.ErrNoRow) {
				return nil
			}
			return err
		case put:
			out = nil
			return tx.PutPreKey(uint32(in.row), record)
		}
		old, err := number(tx.Session(peer))
		if err != nil {
			return err
		}
		out = old
		if in.op == spread {
			value, err := number(tx.Value("value"))
			if err != nil {
				return err
			}
			out = [2]int{old, value}
			if err := tx.PutValue("value", record); err != nil {
				return err
			}
		}
		return tx.PutSession(peer, record)
	})
	return out, err
}

func number(b []byte, err error) (n int, _ error) {
	if err == nil && b != nil {
		_, err = fmt.Sscan(string(b), &n)
	}
	return n, err
}

// history has clients work on one place through two handles and records what each call saw and
// when.
func history(t *testing.T, place storetest.Place) (all []porcupine.Operation) {
	const clients, calls = 6, 12
	handles := []session.Store{place(), place()}
	begun := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range calls {
				in := input{op: rand.IntN(operations), row: rand.IntN(rows), value: 1 + c*calls + i}
				call := time.Since(begun)
				out, err := perform(handles[c%2], in)
				done := time.Since(begun)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, porcupine.Operation{ClientId: c, Input: in, Output: out, Call: int64(call), Return: int64(done)})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all
}

// TestLinearizable asks for an order of all transactions that explains what each of them saw and
// that none of them could have noticed to differ from the clock's.
func TestLinearizable(t *testing.T) {
	for name, fresh := range places(t) {
		t.Run(name, func(t *testing.T) {
			rounds := 6
			if testing.Short() {
				rounds = 2
			}
			for range rounds {
				result := porcupine.CheckOperationsTimeout(model, history(t, fresh(t)), 20*time.Second)
				require.Equal(t, porcupine.Ok, result)
			}
		})
	}
}

// TestLinearizableNotices has the check find a lost update.
func TestLinearizableNotices(t *testing.T) {
	require.False(t, porcupine.CheckOperations(model, []porcupine.Operation{
		{ClientId: 0, Input: input{swap, 0, 1}, Output: 0, Call: 0, Return: 10},
		{ClientId: 1, Input: input{swap, 0, 2}, Output: 0, Call: 5, Return: 15},
	}))
	require.False(t, porcupine.CheckOperations(model, []porcupine.Operation{
		{ClientId: 0, Input: input{put, 0, 1}, Output: nil, Call: 0, Return: 1},
		{ClientId: 0, Input: input{take, 0, 2}, Output: true, Call: 2, Return: 9},
		{ClientId: 1, Input: input{take, 0, 3}, Output: true, Call: 3, Return: 8},
	}))
}

func places(t *testing.T) map[string]func(t *testing.T) storetest.Place {
	return map[string]func(t *testing.T) storetest.Place{
		"Memory": func(*testing.T) storetest.Place {
			s := memory.New()
			return func() session.Store { return s }
		},
		"SQLite": func(t *testing.T) storetest.Place {
			path := filepath.Join(t.TempDir(), "db")
			return func() session.Store {
				s, err := sqlite.Open(context.Background(), path, nil)
				require.NoError(t, err)
				t.Cleanup(func() { s.Close() })
				return s
			}
		},
		"PostgreSQL": func(t *testing.T) storetest.Place {
			url := pgtest.Shared(t).Database(t)
			return func() session.Store {
				s, err := postgres.Open(context.Background(), url, nil)
				require.NoError(t, err)
				t.Cleanup(func() { s.Close() })
				return s
			}
		},
	}
}
