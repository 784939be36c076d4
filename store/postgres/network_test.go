package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/postgres/pgtest"
)

// A network cuts connections at a chosen write.
type network struct {
	cut     atomic.Int32 // what happens at the next write
	holding atomic.Bool  // new connections wait for free
	waiting atomic.Bool  // one does
	free    chan struct{}
}

const (
	before int32 = iota + 1 // what is written does not arrive
	after                   // it arrives, the answer does not
)

func (n *network) configure(config *pgxpool.Config) {
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if n.holding.Load() {
			n.waiting.Store(true)
			<-n.free
		}
		conn, err := dial(ctx, network, addr)
		return &cable{Conn: conn, n: n}, err
	}
}

type cable struct {
	net.Conn
	n    *network
	deaf atomic.Bool
}

func (c *cable) Read(b []byte) (int, error) {
	if c.deaf.Load() {
		time.Sleep(50 * time.Millisecond) // the server commits
		c.Close()
		return 0, errors.New("cut")
	}
	return c.Conn.Read(b)
}

func (c *cable) Write(b []byte) (int, error) {
	switch c.n.cut.Swap(0) {
	case before:
		c.Close()
		return 0, errors.New("cut")
	case after:
		c.deaf.Store(true)
	}
	return c.Conn.Write(b)
}

func increment(tx session.Tx, peer signet.Address) error {
	b, err := tx.Session(peer)
	if err != nil {
		return err
	}
	n := uint32(0)
	if b != nil {
		n = binary.BigEndian.Uint32(b)
	}
	return tx.PutSession(peer, binary.BigEndian.AppendUint32(nil, n+1))
}

func requireCount(t *testing.T, s *Store, peer signet.Address, want int) {
	t.Helper()
	require.NoError(t, s.Update(ctx, peer, func(tx session.Tx) error {
		b, err := tx.Session(peer)
		require.NoError(t, err)
		require.Equal(t, uint32(want), binary.BigEndian.Uint32(b))
		return nil
	}))
}

// TestCut breaks the connection around the commit. Update knows afterwards whether it happened.
func TestCut(t *testing.T) {
	var n network
	url := pgtest.Shared(t).Database(t)
	s := open(t, url+" pool_max_conns=1", &Options{configure: n.configure})
	step := func(peer signet.Address, cut int32) (runs int) {
		require.NoError(t, s.Update(ctx, peer, func(tx session.Tx) error {
			if runs++; runs == 1 {
				defer n.cut.Store(cut)
			}
			return increment(tx, peer)
		}))
		return runs
	}
	for i := range 3 {
		require.Equal(t, 1, step(alice, 0))
		require.Equal(t, 2, step(alice, before), "it did not happen and was done again")
		requireCount(t, s, alice, 2*i+2)
	}
	require.Equal(t, 2, step(bob, before), "first contact")
	requireCount(t, s, bob, 1)
}

func TestCutAfter(t *testing.T) {
	var n network
	s := open(t, pgtest.Shared(t).Database(t)+" pool_max_conns=1", &Options{configure: n.configure})
	for i := range 4 {
		for range 2 { // the connection learns the statements
			require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error { return increment(tx, alice) }))
		}
		runs := 0
		require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error {
			runs++
			if i%2 == 1 { // with a flush in the middle
				require.NoError(t, tx.PutIdentity(alice, []byte("x")))
				require.NoError(t, tx.(*Tx).flush())
			}
			n.cut.Store(after)
			return increment(tx, alice)
		}))
		require.Zero(t, n.cut.Load())
		require.Equal(t, 1, runs, "it happened and was not done again")
		requireCount(t, s, alice, 3*(i+1))
	}
}

// TestCutOwn breaks the connection under a statement of the caller's.
func TestCutOwn(t *testing.T) {
	var n network
	s := open(t, pgtest.Shared(t).Database(t), &Options{configure: n.configure})
	runs := 0
	require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error {
		if runs++; runs == 1 {
			n.cut.Store(before)
		}
		if _, err := tx.(*Tx).Pgx().Exec(ctx, `CREATE TABLE own (n BIGINT)`); err != nil {
			return err
		}
		return increment(tx, alice)
	}))
	require.Equal(t, 2, runs)
	runs = 0
	mine := errors.New("mine")
	require.Equal(t, mine, s.Update(ctx, alice, func(tx session.Tx) error {
		runs++
		tx.(*Tx).Pgx().Exec(ctx, `SELECT 1/0`)
		return mine
	}))
	require.Equal(t, 1, runs)
}

// TestUncertain lets another host commit before Update can look.
func TestUncertain(t *testing.T) {
	n := network{free: make(chan struct{})}
	url := pgtest.Shared(t).Database(t)
	s := open(t, url+" pool_max_conns=1", &Options{configure: n.configure})
	other := open(t, url, nil)
	for range 2 {
		require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error { return increment(tx, alice) }))
	}
	n.holding.Store(true)
	done := make(chan error)
	go func() {
		done <- s.Update(ctx, alice, func(tx session.Tx) error {
			n.cut.Store(after)
			return increment(tx, alice)
		})
	}()
	require.Eventually(t, n.waiting.Load, 5*time.Second, time.Millisecond)
	require.NoError(t, other.Update(ctx, alice, func(tx session.Tx) error { return increment(tx, alice) }))
	close(n.free)
	require.ErrorIs(t, <-done, ErrUncertain)
	requireCount(t, other, alice, 4)
}

// TestRestart kills the server under the feet of its clients. None of them notices more than a
// delay.
func TestRestart(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.Database(t), nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var counts [4]int
	for w := range counts {
		wg.Go(func() {
			peer := signet.Address{Name: "peer", Device: uint32(w + 1)}
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.Update(ctx, peer, func(tx session.Tx) error { return increment(tx, peer) }); err != nil {
					t.Error(err)
					return
				}
				counts[w]++
			}
		})
	}
	for range 3 {
		time.Sleep(200 * time.Millisecond)
		require.NoError(t, server.Restart())
	}
	time.Sleep(200 * time.Millisecond)
	close(stop)
	wg.Wait()
	for w, n := range counts {
		require.NotZero(t, n)
		requireCount(t, s, signet.Address{Name: "peer", Device: uint32(w + 1)}, n)
	}
}

// TestGone gives up on a server that does not come back, in time.
func TestGone(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.Database(t), &Options{Wait: 300 * time.Millisecond})
	server.Stop()
	begun := time.Now()
	require.Error(t, s.Update(ctx, alice, func(session.Tx) error { return nil }))
	require.Less(t, time.Since(begun), 5*time.Second)
	limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Update(limited, alice, func(session.Tx) error { return nil }), context.DeadlineExceeded)
	require.NoError(t, s.Close())
	require.Error(t, s.Update(ctx, alice, func(session.Tx) error { return nil }))
}

// TestSettings looks at what the promise of durability rests on.
func TestSettings(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	for given, want := range map[string]string{"": "on", "off": "on", "local": "on", "remote_write": "remote_write", "remote_apply": "remote_apply"} {
		s := open(t, url+" pool_max_conns=1", nil)
		if given != "" { // as a pooler might have left it
			_, err := s.pool.Exec(ctx, `SET synchronous_commit = `+given)
			require.NoError(t, err)
		}
		got := make(map[string]bool)
		look := func(tx session.Tx) error {
			var commit, idle string
			err := tx.(*Tx).Pgx().QueryRow(ctx, `SELECT current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout')`).Scan(&commit, &idle)
			got[commit+" "+idle] = true
			return err
		}
		require.NoError(t, s.Update(ctx, alice, look))
		require.NoError(t, s.UpdateAll(ctx, []signet.Address{alice, bob}, look))
		require.NoError(t, s.pool.durably(ctx, func(tx pgx.Tx) error {
			var commit string
			err := tx.QueryRow(ctx, `SHOW synchronous_commit`).Scan(&commit)
			got[commit+" 20s"] = true
			return err
		}))
		require.Equal(t, map[string]bool{want + " 20s": true}, got, given)
		if given == "" {
			given = "on"
		}
		var after string
		require.NoError(t, s.pool.QueryRow(ctx, `SHOW synchronous_commit`).Scan(&after))
		require.Equal(t, given, after, "the connection's own setting is left alone")
	}
	var idle string
	s := open(t, url+" idle_in_transaction_session_timeout=7s", nil)
	update(t, s, func(tx session.Tx) error {
		return tx.(*Tx).Pgx().QueryRow(ctx, `SHOW idle_in_transaction_session_timeout`).Scan(&idle)
	})
	require.Equal(t, "7s", idle)
	careless := pgtest.Start(t, "fsync=off")
	_, err := Open(ctx, careless.Database(t), nil)
	require.ErrorContains(t, err, "fsync=off")
	_, err = Open(ctx, "host=/nonexistent", nil)
	require.Error(t, err)
	_, err = Open(ctx, "sslmode=perhaps", nil)
	require.Error(t, err)
}

func TestSchema(t *testing.T) {
	for _, c := range []struct {
		name, sql, want string
	}{
		{"newer", `UPDATE signet_schema SET version = version + 1`, fmt.Sprintf("schema version %d; this program knows versions up to %d", len(migrations)+1, len(migrations))},
		{"no version", `DELETE FROM signet_schema`, "damaged"},
		{"two versions", `INSERT INTO signet_schema VALUES (1)`, "damaged"},
		{"negative", `UPDATE signet_schema SET version = -1`, "damaged"},
		{"table missing", `DROP TABLE signet_device`, "does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := pgtest.Shared(t).Database(t)
			s := open(t, url, nil)
			_, err := s.pool.Exec(ctx, c.sql)
			require.NoError(t, err)
			_, err = Open(ctx, url, nil)
			require.ErrorContains(t, err, c.want)
		})
	}
	t.Run("at once", func(t *testing.T) {
		url := pgtest.Shared(t).Database(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := Open(ctx, url, nil)
				if err != nil {
					t.Error(err)
					return
				}
				s.Close()
			})
		}
		wg.Wait()
	})
}

// TestMigrateOnline takes the next step of the schema while programs of this version work, one of
// them in a transaction that takes its time.
func TestMigrateOnline(t *testing.T) {
	s := open(t, pgtest.Shared(t).Database(t), nil)
	require.NoError(t, s.Update(ctx, bob, func(tx session.Tx) error { return increment(tx, bob) }))
	slow := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Update(ctx, bob, func(tx session.Tx) error {
			close(slow)
			time.Sleep(2 * time.Second)
			return increment(tx, bob)
		}); err != nil {
			t.Error(err)
		}
	})
	<-slow
	stop := make(chan struct{})
	var longest time.Duration
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			begun := time.Now()
			if err := s.Update(ctx, alice, func(tx session.Tx) error { return increment(tx, alice) }); err != nil {
				t.Error(err)
			}
			longest = max(longest, time.Since(begun))
		}
	})
	next := append(migrations[:len(migrations):len(migrations)], migration{
		ddl: []string{`ALTER TABLE signet_peer ADD COLUMN note BYTEA`}})
	require.NoError(t, s.pool.migrate(ctx, next))
	close(stop)
	wg.Wait()
	require.Less(t, longest, 1500*time.Millisecond, "the migration held everybody up")
	requireCount(t, s, bob, 2)
	err := s.pool.migrate(ctx, migrations)
	require.EqualError(t, err, fmt.Sprintf("postgres: the database has schema version %d; this program knows versions up to %d", len(next), len(migrations)))
}
