package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/seal"
	"signet.example/signet/store/storetest"
)

// TestFailover has a primary fail that was ahead of its standby.
func TestFailover(t *testing.T) {
	for _, c := range []struct {
		name        string
		synchronous bool
		opts        Options
		ends        bool // sessions do not go on
	}{
		{"asynchronous", false, Options{AllowAsync: true}, true},
		{"synchronous", true, Options{}, true},
		{"synchronous and nothing lost", true, Options{Lossless: true}, false},
		{"sealed", false, Options{AllowAsync: true, Seal: storetest.Sealed(t, 7)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := pgtest.StartCluster(t, c.synchronous)
			url := cluster.Database(t)
			c.opts.Wait = time.Minute
			s := open(t, url, &c.opts)
			o := newShop(s, 5)
			for _, c := range o.customers {
				require.NoError(t, o.say(c))
				require.NoError(t, o.answer(c))
			}
			before := o.ended.Load()
			stop := make(chan struct{})
			wg := o.work(stop)
			time.Sleep(200 * time.Millisecond)
			require.NoError(t, cluster.Failover(300*time.Millisecond))
			time.Sleep(300 * time.Millisecond)
			close(stop)
			wg.Wait()
			o.requireAlive(t)
			if c.ends {
				require.GreaterOrEqual(t, o.ended.Load()-before, int64(len(o.customers)))
			} else {
				require.Equal(t, before, o.ended.Load(), "sessions went on")
			}
			next := o.restarted(open(t, url, &c.opts))
			next.requireAlive(t)
			require.Zero(t, next.ended.Load(), "that is done once")
			t.Logf("%d messages", o.sent.Load())
		})
	}
}

// TestOneHost lets sessions go on whose rows are those that this process has written, and no
// others.
func TestOneHost(t *testing.T) {
	cluster := pgtest.StartCluster(t, false)
	url := cluster.Database(t)
	s := open(t, url, &Options{AllowAsync: true, OneHost: true})
	o := newShop(s, 3)
	for _, c := range o.customers {
		require.NoError(t, o.say(c))
		require.NoError(t, o.answer(c))
	}
	require.NoError(t, cluster.Await())
	before := o.ended.Load()
	cluster.Cut()
	require.NoError(t, o.say(o.customers[0])) // lost
	require.NoError(t, cluster.Primary().Kill())
	require.NoError(t, cluster.Promote())
	o.requireAlive(t)
	require.Equal(t, before+1, o.ended.Load(), "that of the one that was ahead")
}

// TestLeftBehind keeps the old primary alive: two of them take commits. What one host does on the
// new one and another on the old one uses no key twice, TakeOver or not; and a host that has met
// the new one does not go back.
func TestLeftBehind(t *testing.T) {
	cluster := pgtest.StartCluster(t, false)
	url := cluster.Database(t)
	old := cluster.Primary().URL(url[strings.Index(url, "dbname=")+7 : strings.Index(url, " target_")])
	opts := Options{AllowAsync: true}
	s := open(t, old, &opts)
	o := newShop(s, 3)
	for _, c := range o.customers {
		require.NoError(t, o.say(c))
		require.NoError(t, o.answer(c))
	}
	require.NoError(t, cluster.Await())
	cluster.Cut()
	require.NoError(t, cluster.Promote())
	fresh := cluster.Primary().URL(url[strings.Index(url, "dbname=")+7 : strings.Index(url, " target_")])
	n := open(t, fresh, &opts)
	require.NoError(t, n.TakeOver(ctx))
	other := o.restarted(n)
	for range 4 {
		for _, c := range o.customers {
			m, err := o.Encrypt(ctx, c.Address(), []byte("of the old one"))
			require.NoError(t, err)
			require.NoError(t, o.note(m))
			_, err = c.Decrypt(ctx, shopAddress, m)
			require.NoError(t, err)
		}
		other.requireAlive(t)
	}
	require.Zero(t, o.twice.Load()+other.twice.Load())

	var at atomic.Pointer[string]
	at.Store(&fresh)
	roaming, err := Open(ctx, fresh+" pool_max_conns=1", &Options{AllowAsync: true, Wait: 300 * time.Millisecond, configure: func(config *pgxpool.Config) {
		dial := config.ConnConfig.DialFunc
		config.ConnConfig.DialFunc = diverted(dial, &at)
	}})
	require.NoError(t, err)
	defer roaming.Close()
	update(t, roaming, func(session.Tx) error { return nil })
	at.Store(&old)
	roaming.pool.Reset()
	require.ErrorIs(t, roaming.Update(ctx, alice, func(session.Tx) error { return nil }), errLeftBehind)
	at.Store(&fresh)
	update(t, roaming, func(session.Tx) error { return nil })
}

// TestAsync refuses a server with a standby that it does not wait for, unless it is asked for.
func TestAsync(t *testing.T) {
	cluster := pgtest.StartCluster(t, false)
	url := cluster.Database(t)
	_, err := Open(ctx, url, nil)
	require.ErrorContains(t, err, "AllowAsync")
	_, err = Open(ctx, url, &Options{AllowAsync: true, Lossless: true})
	require.ErrorContains(t, err, "Lossless")
	s := open(t, url, &Options{AllowAsync: true})
	require.Contains(t, s.Durability().String(), "asynchronous")
	require.Equal(t, 1, s.Durability().Standbys)
	require.EqualValues(t, 1, s.Durability().Timeline)

	_, err = s.pool.Exec(ctx, `CREATE ROLE humble LOGIN`)
	require.NoError(t, err)
	_, err = s.pool.Exec(ctx, `GRANT ALL ON ALL TABLES IN SCHEMA public TO humble; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO humble`)
	require.NoError(t, err)
	humble := strings.Replace(url, "user=signet", "user=humble", 1)
	_, err = Open(ctx, humble, nil)
	require.ErrorContains(t, err, "AllowAsync", "every role sees that there is one")
	h := open(t, humble, &Options{AllowAsync: true})
	update(t, h, func(tx session.Tx) error { return increment(tx, alice) })

	alone := open(t, pgtest.Shared(t).Database(t), nil)
	require.Contains(t, alone.Durability().String(), "no standby")
	require.Contains(t, Durability{Timeline: 1, Synchronous: "*", Commit: "on"}.String(), "on the disk of a synchronous standby")
	require.Contains(t, Durability{Timeline: 1, Synchronous: "*", Commit: "remote_write"}.String(), "perhaps not")
	require.Contains(t, Durability{}.String(), "up to the engine")
}

// TestCancelledWait cancels the wait of a commit for its standby: PostgreSQL says COMMIT all the
// same.
func TestCancelledWait(t *testing.T) {
	cluster := pgtest.StartCluster(t, true)
	url := cluster.Database(t)
	s := open(t, url+" application_name=victim pool_max_conns=1", &Options{Wait: 3 * time.Second})
	update(t, s, func(tx session.Tx) error { return increment(tx, alice) })
	watcher := open(t, url, nil)
	for _, end := range []string{"cancel", "terminate"} {
		cluster.Cut()
		done := make(chan error, 1)
		go func() { done <- s.Update(ctx, alice, func(tx session.Tx) error { return increment(tx, alice) }) }()
		require.Eventually(t, func() bool {
			var n int
			err := watcher.pool.QueryRow(ctx, `SELECT count(pg_`+end+`_backend(pid)) FROM pg_stat_activity
				WHERE application_name = 'victim' AND wait_event = 'SyncRep'`).Scan(&n)
			return err == nil && n > 0
		}, 20*time.Second, 10*time.Millisecond)
		require.ErrorIs(t, <-done, ErrUncertain, end)
		cluster.Mend()
		update(t, s, func(tx session.Tx) error { return increment(tx, alice) })
	}
	requireCount(t, s, alice, 5)
}

// TestReadOnly has the server turn into a standby, and back.
func TestReadOnly(t *testing.T) {
	s := open(t, pgtest.Start(t).Database(t), nil)
	update(t, s, func(tx session.Tx) error { return increment(tx, alice) })
	exec := func(sql string) {
		t.Helper()
		_, err := s.pool.Exec(ctx, sql)
		require.NoError(t, err)
	}
	exec(`ALTER SYSTEM SET default_transaction_read_only = on`)
	exec(`SELECT pg_reload_conf()`)
	back := time.AfterFunc(500*time.Millisecond, func() {
		s.pool.Exec(ctx, `ALTER SYSTEM RESET default_transaction_read_only`)
		s.pool.Exec(ctx, `SELECT pg_reload_conf()`)
	})
	defer back.Stop()
	time.Sleep(100 * time.Millisecond)
	update(t, s, func(tx session.Tx) error { return increment(tx, alice) })
	requireCount(t, s, alice, 2)
}

// TestBouncer is the contract over PgBouncer in transaction mode, on a server whose default forgets
// commits.
func TestBouncer(t *testing.T) {
	server := pgtest.Start(t, "synchronous_commit=off")
	database := server.Database(t)
	url := server.Bouncer(t, database[strings.Index(database, "dbname=")+7:])
	var trips pgtest.Trips
	s := open(t, url, &Options{configure: func(config *pgxpool.Config) { config.ConnConfig.Tracer = &trips }})
	var wg sync.WaitGroup
	var commits, off atomic.Int64
	for w := range 8 {
		wg.Go(func() {
			peer := signet.Address{Name: "peer", Device: uint32(w + 1)}
			for range 20 {
				err := s.Update(ctx, peer, func(tx session.Tx) error {
					var commit string
					if err := tx.(*Tx).Pgx().QueryRow(ctx, `SHOW synchronous_commit`).Scan(&commit); err != nil {
						return err
					}
					commits.Add(1)
					if commit != "on" {
						off.Add(1)
					}
					return increment(tx, peer)
				})
				if err != nil {
					t.Error(err)
				}
			}
			requireCount(t, s, peer, 20)
		})
	}
	wg.Wait()
	require.Zero(t, off.Load(), "of %d commits", commits.Load())
	trips.Store(0)
	requireCount(t, s, signet.Address{Name: "peer", Device: 1}, 20)
	require.LessOrEqual(t, trips.Load(), int64(2))
	var tenants atomic.Int64
	storetest.RunVariant(t, func(t *testing.T) storetest.Place {
		tenant := fmt.Sprint("tenant ", tenants.Add(1))
		return func() session.Store {
			d, err := s.Device(ctx, tenant, 0)
			require.NoError(t, err)
			return d
		}
	})
}

// TestWentBack puts rows back under a running process: plain ones only decrypt from then on, in
// every process; a sealed store says so until somebody deals with it.
func TestWentBack(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprint("sealed ", sealed), func(t *testing.T) {
			url := pgtest.Shared(t).Database(t)
			opts := new(Options)
			if sealed {
				opts.Seal = storetest.Sealed(t, 7)
			}
			s := open(t, url, opts)
			o := newShop(s, 3)
			for _, c := range o.customers {
				require.NoError(t, o.say(c))
				require.NoError(t, o.answer(c))
			}
			_, err := s.pool.Exec(ctx, `CREATE TABLE old AS SELECT * FROM signet_peer`)
			require.NoError(t, err)
			for _, c := range o.customers {
				require.NoError(t, o.say(c))
			}
			for _, sql := range []string{`DELETE FROM signet_peer`, `INSERT INTO signet_peer SELECT * FROM old`} {
				_, err = s.pool.Exec(ctx, sql)
				require.NoError(t, err)
			}
			first, rest := o.customers[0], o.customers[1:]
			_, err = o.Encrypt(ctx, first.Address(), []byte("x"))
			if sealed {
				require.ErrorIs(t, err, seal.ErrRolledBack)
				_, err = o.Encrypt(ctx, first.Address(), []byte("x"))
				require.ErrorIs(t, err, seal.ErrRolledBack)
			}
			require.ErrorIs(t, err, session.ErrNoSession)
			next := o.restarted(open(t, url, opts)) // has met nothing
			for _, c := range rest {
				_, err := next.Encrypt(ctx, c.Address(), []byte("x"))
				require.ErrorIs(t, err, session.ErrNoSession)
				require.Equal(t, sealed, errors.Is(err, seal.ErrRolledBack))
				_, err = next.Status(ctx, c.Address())
				require.Equal(t, sealed, errors.Is(err, seal.ErrRolledBack))
			}
			require.NoError(t, next.ArchiveAll(ctx))
			_, err = next.Encrypt(ctx, first.Address(), []byte("x"))
			require.ErrorIs(t, err, session.ErrNoSession)
			require.NotErrorIs(t, err, seal.ErrRolledBack, "somebody has dealt with it")
			next.requireAlive(t)
			require.Zero(t, o.twice.Load())
		})
	}
}

// diverted dials the server of another URL.
func diverted(dial pgconn.DialFunc, at *atomic.Pointer[string]) pgconn.DialFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		dir, _, _ := strings.Cut(strings.TrimPrefix(*at.Load(), "host="), " ")
		return dial(ctx, network, dir+"/.s.PGSQL.5432")
	}
}
