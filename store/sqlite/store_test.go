package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/storetest"
)

var (
	ctx   = context.Background()
	alice = signet.Address{Name: "alice", Device: 1}
	bob   = signet.Address{Name: "bob", Device: 1}
)

func open(t testing.TB, path string, opts *Options) *Store {
	t.Helper()
	s, err := Open(ctx, path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t testing.TB, s session.Store, f func(tx session.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(ctx, alice, f))
}

func TestContract(t *testing.T) {
	fresh := func(t *testing.T) storetest.Place {
		path := filepath.Join(quick(t), "signet.db")
		return func() session.Store { return open(t, path, nil) }
	}
	storetest.Run(t, fresh)
	storetest.RunGroup(t, fresh)
	storetest.RunMany(t, fresh)
}

// TestFiles looks at what lies on the disk: modes, and names that a URI would trip over.
func TestFiles(t *testing.T) {
	for _, name := range []string{"signet.db", "a b?mode=memory#c%41&_pragma=x", ":memory:", "é"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path, nil)
		update(t, s, func(tx session.Tx) error { return tx.PutSession(alice, []byte("x")) })
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + suffix)
			require.NoError(t, err)
			if runtime.GOOS != "windows" {
				require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "%s%s", name, suffix)
			}
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := Open(ended, filepath.Join(t.TempDir(), "db"), nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = Open(ctx, filepath.Join(t.TempDir(), "no", "such", "directory"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestSettings reads back what the promise of durability rests on.
func TestSettings(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), nil)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "checkpoint_fullfsync": "1", "secure_delete": "1",
	} {
		var got string
		require.NoError(t, s.db.QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

// TestOverwritten looks for a replaced and a deleted record in the file, once the log is merged.
func TestOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path, nil)
	update(t, s, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(alice, []byte("PLANTEDSECRET-1")), tx.PutPreKey(1, []byte("PLANTEDSECRET-2")))
	})
	update(t, s, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(alice, []byte("later")), tx.DeletePreKey(1))
	})
	require.NoError(t, s.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(file), "later")
	require.NotContains(t, string(file), "PLANTEDSECRET")
}

func TestDevices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	one, two := open(t, path, nil), open(t, path, &Options{Device: -7})
	update(t, one, func(tx session.Tx) error {
		return errors.Join(tx.PutSession(alice, []byte("one")), tx.PutPreKey(1, []byte("one")),
			tx.PutValue("v", []byte("one")), tx.MarkKEMPreKey(1, 1, []byte("base")))
	})
	update(t, two, func(tx session.Tx) error {
		rec, err := tx.Session(alice)
		require.NoError(t, err)
		require.Nil(t, rec)
		for range tx.Peers() {
			require.Fail(t, "another device's peer")
		}
		require.ErrorIs(t, tx.DeletePreKey(1), session.ErrNoRow)
		n, err := tx.CountPreKeys()
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, tx.ForgetKEMPreKey(1))
		return errors.Join(tx.MarkKEMPreKey(1, 1, []byte("base")), tx.PutValue("v", []byte("two")))
	})
	update(t, one, func(tx session.Tx) error {
		require.ErrorIs(t, tx.MarkKEMPreKey(1, 1, []byte("base")), session.ErrReplay)
		v, err := tx.Value("v")
		require.Equal(t, "one", string(v))
		return err
	})
}

// TestOwnRows commits and loses the caller's rows with ours.
func TestOwnRows(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), nil)
	write := func(text string, end error) error {
		return s.Update(ctx, alice, func(tx session.Tx) error {
			own := tx.(*Tx).SQL()
			_, err := own.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS inbox (text TEXT)`)
			if err == nil {
				_, err = own.ExecContext(ctx, `INSERT INTO inbox VALUES (?)`, text)
			}
			return errors.Join(err, tx.PutSession(alice, []byte(text)), end)
		})
	}
	require.NoError(t, write("kept", nil))
	require.ErrorIs(t, write("lost", os.ErrInvalid), os.ErrInvalid)
	update(t, s, func(tx session.Tx) error {
		var text string
		require.NoError(t, tx.(*Tx).SQL().QueryRow(`SELECT group_concat(text) FROM inbox`).Scan(&text))
		require.Equal(t, "kept", text)
		rec, err := tx.Session(alice)
		require.Equal(t, "kept", string(rec))
		return err
	})
}

// TestAbortedAtTheEnd has the caller's last statement take the transaction with it.
func TestAbortedAtTheEnd(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), nil)
	err := s.Update(ctx, alice, func(tx session.Tx) error {
		tx.(*Tx).SQL().Exec(`CREATE TABLE own (n INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)`)
		tx.(*Tx).SQL().Exec(`INSERT INTO own VALUES (1), (1)`)
		return nil
	})
	require.ErrorIs(t, err, errAborted)
}

// TestAborted has SQLite roll back of its own accord in the middle of f, which ignores it. What f
// writes afterwards must not be committed statement by statement.
func TestAborted(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), nil)
	err := s.Update(ctx, alice, func(tx session.Tx) error {
		require.NoError(t, tx.PutSession(alice, []byte("before")))
		tx.(*Tx).SQL().Exec(`CREATE TABLE own (n INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)`)
		tx.(*Tx).SQL().Exec(`INSERT INTO own VALUES (1), (1)`)
		require.ErrorIs(t, tx.PutSession(bob, []byte("after")), errAborted)
		_, err := tx.Session(alice)
		require.ErrorIs(t, err, errAborted)
		return nil
	})
	require.ErrorIs(t, err, errAborted)
	update(t, s, func(tx session.Tx) error { // and the next transaction works
		for a := range tx.Peers() {
			require.Fail(t, "a row survived", a)
		}
		return tx.PutSession(alice, []byte("fine"))
	})
}

func TestClose(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), nil)
	var wg sync.WaitGroup
	inside := make(chan struct{})
	wg.Go(func() {
		if err := s.Update(ctx, alice, func(tx session.Tx) error {
			close(inside)
			time.Sleep(20 * time.Millisecond)
			return tx.PutSession(alice, []byte("x"))
		}); err != nil {
			t.Error(err)
		}
	})
	<-inside
	require.NoError(t, s.Close())
	wg.Wait()
	require.Error(t, s.Update(ctx, alice, func(session.Tx) error { return nil }))
	require.NoError(t, s.Close())
}

// TestSchema opens files that are not what this package writes.
func TestSchema(t *testing.T) {
	for _, c := range []struct {
		name, sql, want string
	}{
		{"newer", `UPDATE signet_schema SET version = version + 1`, fmt.Sprintf("schema version %d; this program knows versions up to %d", len(migrations)+1, len(migrations))},
		{"no version", `DELETE FROM signet_schema`, "already exists"},
		{"two versions", `INSERT INTO signet_schema VALUES (1)`, "schema table is damaged"},
		{"negative", `UPDATE signet_schema SET version = -1`, "schema table is damaged"},
		{"table missing", `DROP TABLE signet_archive`, "no such table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			s := open(t, path, nil)
			_, err := s.db.Exec(c.sql)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			_, err = Open(ctx, path, nil)
			require.ErrorContains(t, err, c.want)
		})
	}
	t.Run("not a database", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "db")
		text := []byte("Dear diary, this is certainly not a database. " + string(make([]byte, 5000)))
		require.NoError(t, os.WriteFile(path, text, 0o600))
		_, err := Open(ctx, path, nil)
		require.ErrorContains(t, err, "not a database")
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, after, "left as it was")
	})
	t.Run("damaged", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "db")
		s := open(t, path, nil)
		update(t, s, func(tx session.Tx) error { return tx.PutSession(alice, make([]byte, 100_000)) })
		require.NoError(t, s.Close())
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		for i := 4096; i < len(file); i++ { // all but the header's page
			file[i] = 0x55
		}
		require.NoError(t, os.WriteFile(path, file, 0o600))
		s, err = Open(ctx, path, nil)
		if err == nil {
			defer s.Close()
			err = s.Update(ctx, alice, func(tx session.Tx) error { _, err := tx.Session(alice); return err })
		}
		require.ErrorContains(t, err, "malformed")
	})
}

// TestWait holds the file's lock from outside.
func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path, nil)
	short := open(t, path, &Options{Wait: 30 * time.Millisecond})
	patient := open(t, path, &Options{Wait: -1})
	stranger, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer stranger.Close()
	stranger.SetMaxOpenConns(1)
	_, err = stranger.Exec("BEGIN IMMEDIATE")
	require.NoError(t, err)

	put := func(s *Store, ctx context.Context) error {
		return s.Update(ctx, alice, func(tx session.Tx) error { return tx.PutSession(alice, []byte("x")) })
	}
	require.True(t, isBusy(put(short, ctx)), "Options.Wait is over")
	_, err = Open(ctx, path, &Options{Wait: 30 * time.Millisecond})
	require.True(t, isBusy(err), "Open waits as long: %v", err)
	limited, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, put(s, limited), context.DeadlineExceeded)
	require.ErrorIs(t, put(patient, limited), context.DeadlineExceeded)

	done := make(chan error, 2)
	go func() { done <- put(s, ctx) }()
	go func() { done <- put(patient, ctx) }()
	time.Sleep(50 * time.Millisecond)
	require.Empty(t, done)
	_, err = stranger.Exec("COMMIT")
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
}

// TestQueue cancels a goroutine that waits for another one of the same Store.
func TestQueue(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), nil)
	update(t, s, func(tx session.Tx) error {
		limited, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		done := make(chan error)
		go func() {
			done <- s.Update(limited, bob, func(session.Tx) error { t.Error("ran inside another"); return nil })
		}()
		require.ErrorIs(t, <-done, context.DeadlineExceeded)
		return nil
	})
}
