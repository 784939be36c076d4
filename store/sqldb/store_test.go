package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ctx   = context.Background()
	alice = signet.Address{Name: "alice", Device: 1}
)

// handle opens a handle as a program would that has nothing to do with this module.
func handle(t *testing.T, driver, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, url)
	require.NoError(t, err)
	db.SetMaxOpenConns(16)
	t.Cleanup(func() { db.Close() })
	return db
}

func file(t *testing.T) string {
	return "file:" + filepath.Join(t.TempDir(), "own.db") + "?_pragma=journal_mode(WAL)"
}

// engines are the dialects, each with a function that makes a place for a handle.
var engines = []struct {
	name, driver string
	dialect      Dialect
	url          func(t *testing.T) string
}{
	{"pgx", "pgx", PostgreSQL, func(t *testing.T) string { return pgtest.Shared(t).Database(t) }},
	{"modernc", "sqlite", SQLite, file},
}

// each runs a test over both engines, with two handles on one database.
func each(t *testing.T, test func(t *testing.T, dbs [2]*sql.DB, d Dialect)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.url(t)
			test(t, [2]*sql.DB{handle(t, e.driver, url), handle(t, e.driver, url)}, e.dialect)
		})
	}
}

func TestContract(t *testing.T) {
	each(t, func(t *testing.T, dbs [2]*sql.DB, d Dialect) {
		var devices atomic.Int64
		fresh := func(t *testing.T) storetest.Place {
			device := devices.Add(1)
			var handles atomic.Int64
			return func() session.Store {
				s, err := New(ctx, dbs[handles.Add(1)%2], d, &Options{Prefix: "app_", Device: device})
				require.NoError(t, err)
				return s
			}
		}
		storetest.RunVariant(t, fresh)
		storetest.RunGroup(t, fresh)
		storetest.RunMany(t, fresh)
	})
}

func device(name string, s session.Store) *session.Device {
	return session.NewDevice(signet.Address{Name: name, Device: 1}, signet.GenerateKey(), s, nil)
}

func start(t *testing.T, from, to *session.Device) {
	t.Helper()
	p, err := to.PreKeys(ctx, 1)
	require.NoError(t, err)
	b, err := p.NextBundle()
	require.NoError(t, err)
	require.NoError(t, from.Start(ctx, to.Address(), b))
}

// TestWithin encrypts in a transaction of the caller's, with the caller's own row beside it.
func TestWithin(t *testing.T) {
	each(t, func(t *testing.T, dbs [2]*sql.DB, d Dialect) {
		db := dbs[0]
		if d == SQLite {
			db.SetMaxOpenConns(1)
		}
		s, err := New(ctx, db, d, nil)
		require.NoError(t, err)
		key := signet.GenerateKey()
		self := signet.Address{Name: "shop", Device: 1}
		bob := device("bob", memory.New())
		start(t, session.NewDevice(self, key, s, nil), bob)
		_, err = db.Exec(`CREATE TABLE outbox (n INTEGER)`)
		require.NoError(t, err)
		var counts []int
		for i, keep := range []bool{true, false, true} {
			tx, err := db.BeginTx(ctx, nil)
			require.NoError(t, err)
			in, err := s.Within(ctx, tx, bob.Address())
			require.NoError(t, err)
			m, err := session.NewDevice(self, key, in.In(), nil).Encrypt(ctx, bob.Address(), []byte("x"))
			require.NoError(t, err)
			_, err = tx.Exec(fmt.Sprintf(`INSERT INTO outbox VALUES (%d)`, i))
			require.NoError(t, err)
			if !keep {
				require.NoError(t, tx.Rollback()) // m is not sent
				continue
			}
			require.NoError(t, tx.Commit())
			_, err = bob.Decrypt(ctx, self, m)
			require.NoError(t, err)
			var n int
			require.NoError(t, db.QueryRow(`SELECT count(*) FROM outbox`).Scan(&n))
			counts = append(counts, n)
		}
		require.Equal(t, []int{1, 2}, counts)
		_, err = s.Within(ctx, nil)
		require.Error(t, err)
		if d == SQLite {
			_, err := db.Exec(`PRAGMA synchronous = NORMAL`)
			require.NoError(t, err)
			tx, err := db.Begin()
			require.NoError(t, err)
			defer tx.Rollback()
			_, err = s.Within(ctx, tx, alice)
			require.ErrorContains(t, err, "synchronous")
		}
	})
}

// TestFailed does not call a transaction kept that the server has rolled back.
func TestFailed(t *testing.T) {
	each(t, func(t *testing.T, dbs [2]*sql.DB, d Dialect) {
		s, err := New(ctx, dbs[0], d, nil)
		require.NoError(t, err)
		require.Error(t, s.Update(ctx, alice, func(tx session.Tx) error {
			tx.(*Tx).Exec(`INSERT INTO nowhere VALUES (1)`)
			return tx.PutSession(alice, []byte("x"))
		}))
		if d == PostgreSQL {
			require.Error(t, s.Update(ctx, alice, func(tx session.Tx) error {
				if err := tx.PutSession(alice, []byte("x")); err != nil {
					return err
				}
				tx.(*Tx).Query(`SELECT 1/0`)
				return nil
			}))
		}
		require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error {
			b, err := tx.Session(alice)
			require.Empty(t, b)
			return err
		}))
		mine := errors.New("mine")
		require.Equal(t, mine, s.Update(ctx, alice, func(session.Tx) error { return mine }))
	})
}

// TestDamage changes a value behind the store's back.
func TestDamage(t *testing.T) {
	each(t, func(t *testing.T, dbs [2]*sql.DB, d Dialect) {
		s, err := New(ctx, dbs[0], d, nil)
		require.NoError(t, err)
		require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error { return storetest.WriteEach(tx, "text") }))
		cast := map[Dialect]string{PostgreSQL: `'\x74657875'`, SQLite: `x'74657875'`}[d]
		_, err = dbs[0].Exec(`UPDATE signet_db_row SET value = ` + cast)
		require.NoError(t, err)
		require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error {
			for _, read := range storetest.Reads(tx) {
				_, err := read()
				require.ErrorIs(t, err, session.ErrRecord)
			}
			return storetest.WriteEach(tx, "anew")
		}))
		require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error { return storetest.ReadEach(t, tx, "anew") }))
	})
}

func TestNames(t *testing.T) {
	db := handle(t, "sqlite", file(t))
	for _, prefix := range []string{"x; DROP TABLE y", "a.b.c", "1", "é", "a-"} {
		_, err := New(ctx, db, SQLite, &Options{Prefix: prefix})
		require.Error(t, err, prefix)
	}
	_, err := New(ctx, db, 0, nil)
	require.Error(t, err)
	pg := handle(t, "pgx", pgtest.Shared(t).Database(t))
	_, err = pg.Exec(`CREATE SCHEMA chat`)
	require.NoError(t, err)
	s, err := New(ctx, pg, PostgreSQL, &Options{Prefix: "chat.keys_"})
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error { return tx.PutValue("v", []byte("x")) }))
	}
	careless := handle(t, "pgx", pgtest.Start(t, "fsync=off").Database(t))
	_, err = New(ctx, careless, PostgreSQL, nil)
	require.ErrorContains(t, err, "fsync=off")
}

// TestFailover ends sessions over a failover, and lets them go on where nothing is lost.
func TestFailover(t *testing.T) {
	for _, lossless := range []bool{false, true} {
		cluster := pgtest.StartCluster(t, true)
		url := cluster.Database(t)
		db := handle(t, "pgx", url)
		s, err := New(ctx, db, PostgreSQL, &Options{Lossless: lossless})
		require.NoError(t, err)
		shop, bob := device("shop", s), device("bob", memory.New())
		start(t, shop, bob)
		send := func() error {
			m, err := shop.Encrypt(ctx, bob.Address(), []byte("x"))
			if err != nil {
				return err
			}
			_, err = bob.Decrypt(ctx, shop.Address(), m)
			return err
		}
		require.NoError(t, send())
		late, err := bob.Encrypt(ctx, shop.Address(), []byte("on its way"))
		require.NoError(t, err)
		require.NoError(t, cluster.Failover(0))
		if err := send(); lossless {
			require.NoError(t, err)
			continue
		} else {
			require.ErrorIs(t, err, session.ErrNoSession)
		}
		_, err = shop.Decrypt(ctx, bob.Address(), late)
		require.NoError(t, err)
		require.ErrorIs(t, send(), session.ErrNoSession)
		start(t, shop, bob)
		require.NoError(t, send())
	}
}

// TestCommitSetting looks at what the commit waits for, on a server whose default forgets commits.
func TestCommitSetting(t *testing.T) {
	db := handle(t, "pgx", pgtest.Shared(t).Database(t)+" synchronous_commit=off")
	s, err := New(ctx, db, PostgreSQL, &Options{Wait: time.Second})
	require.NoError(t, err)
	require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error {
		rows, err := tx.(*Tx).Query(`SHOW synchronous_commit`)
		if err != nil {
			return err
		}
		defer rows.Close()
		var got string
		require.True(t, rows.Next())
		require.NoError(t, rows.Scan(&got))
		require.Equal(t, "on", got)
		return rows.Err()
	}))
	lite := handle(t, "sqlite", file(t)+"&_pragma=synchronous(NORMAL)")
	s, err = New(ctx, lite, SQLite, nil)
	require.NoError(t, err)
	require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error {
		rows, err := tx.(*Tx).Query(`PRAGMA synchronous`)
		if err != nil {
			return err
		}
		defer rows.Close()
		var got int
		require.True(t, rows.Next())
		require.NoError(t, rows.Scan(&got))
		require.Equal(t, 2, got)
		return rows.Err()
	}))
}
