package sqlite

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/session"
	"signet.example/signet/store/backup"
	"signet.example/signet/store/seal"
	"signet.example/signet/store/storetest"
)

func putText(text string) func(tx session.Tx) error {
	return func(tx session.Tx) error { return tx.PutSession(alice, []byte(text)) }
}

func requireSession(t *testing.T, s *Store, want string) {
	t.Helper()
	update(t, s, func(tx session.Tx) error {
		b, err := tx.Session(alice)
		require.Equal(t, want, string(b))
		return err
	})
}

// TestFileGone removes and replaces the file, or its log, while it is open. No update is called
// durable.
func TestFileGone(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, path string){
		"removed":     func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"log removed": func(t *testing.T, path string) { require.NoError(t, os.Remove(path+"-wal")) },
		"replaced": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+".new", []byte("x"), 0o600))
			require.NoError(t, os.Rename(path+".new", path))
		},
		"log replaced": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+".new", nil, 0o600))
			require.NoError(t, os.Rename(path+".new", path+"-wal"))
		},
	} {
		for _, within := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " within ", within), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "db")
				s := open(t, path, nil)
				update(t, s, putText("1"))
				if !within {
					do(t, path)
				}
				ran := false
				err := s.Update(ctx, alice, func(tx session.Tx) error {
					ran = true
					if within {
						do(t, path)
					}
					return putText("2")(tx)
				})
				require.ErrorIs(t, err, errMoved)
				require.Equal(t, within, ran)
				require.ErrorIs(t, s.Update(ctx, alice, putText("3")), errMoved)
			})
		}
	}
}

// copyFile copies the files with these endings.
func copyFile(t *testing.T, from, to string, endings ...string) {
	t.Helper()
	for _, e := range endings {
		b, err := os.ReadFile(from + e)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to+e, b, 0o600))
	}
}

// TestOlderCopy puts a file back that was copied before. It is not written; what is in it can be
// read out, and used again after a word.
func TestOlderCopy(t *testing.T) {
	for _, open := range []struct {
		name string
		in   bool // it was copied while the store was open
	}{{"closed", false}, {"in use", true}} {
		t.Run(open.name, func(t *testing.T) {
			dir := t.TempDir()
			path, saved := filepath.Join(dir, "db"), filepath.Join(dir, "saved")
			s, err := Open(ctx, path, nil)
			require.NoError(t, err)
			update(t, s, putText("1"))
			if open.in {
				copyFile(t, path, saved, "", "-wal")
			}
			require.NoError(t, s.Close())
			if !open.in {
				copyFile(t, path, saved, "")
				s, err = Open(ctx, path, nil)
				require.NoError(t, err)
				update(t, s, putText("2"))
				require.NoError(t, s.Close())
			}
			require.NoError(t, os.Rename(saved, path))
			if open.in {
				require.NoError(t, os.Rename(saved+"-wal", path+"-wal"))
			}
			before, err := readBeside(path)
			require.NoError(t, err)
			s, err = Open(ctx, path, nil)
			require.NoError(t, err)
			require.ErrorIs(t, s.Update(ctx, alice, func(session.Tx) error { panic("it is not asked") }), errOlder)
			rows := 0
			require.NoError(t, s.Export(ctx, func(*backup.Row) error { rows++; return nil }))
			require.Equal(t, 1, rows)
			require.NoError(t, s.Close())
			after, err := readBeside(path)
			require.NoError(t, err)
			require.Equal(t, before, after, "it is not forgotten")

			s, err = Open(ctx, path, &Options{Copied: true})
			require.NoError(t, err)
			requireSession(t, s, "1")
			require.NoError(t, s.Close())
			s, err = Open(ctx, path, nil)
			require.NoError(t, err)
			requireSession(t, s, "1")
			require.NoError(t, s.Close())
		})
	}
}

// TestCopyElsewhere copies a file without what belongs to it.
func TestCopyElsewhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	s, err := Open(ctx, path, nil)
	require.NoError(t, err)
	update(t, s, putText("1"))
	copyFile(t, path, filepath.Join(dir, "without log"), "")
	_, err = Open(ctx, filepath.Join(dir, "without log"), nil)
	require.ErrorIs(t, err, errNoLog, "all of it is in the log")
	require.NoError(t, s.Close())

	copyFile(t, path, filepath.Join(dir, "alone"), "")
	_, err = Open(ctx, filepath.Join(dir, "alone"), nil)
	require.ErrorIs(t, err, errAlone)
	requireSession(t, open(t, filepath.Join(dir, "alone"), &Options{Copied: true}), "1")

	copyFile(t, path, filepath.Join(dir, "both"), "", "-incarnation")
	requireSession(t, open(t, filepath.Join(dir, "both"), nil), "1")

	other := open(t, filepath.Join(dir, "other"), nil)
	require.NoError(t, other.Close())
	copyFile(t, path, filepath.Join(dir, "other"), "")
	_, err = Open(ctx, filepath.Join(dir, "other"), nil)
	require.ErrorIs(t, err, errAnother)
	require.NoError(t, os.WriteFile(beside(path), []byte("signet incarnation 2\n"), 0o600))
	_, err = Open(ctx, path, nil)
	require.ErrorContains(t, err, "does not hold an incarnation")
}

// TestCrashBeside: what is beside the file may lag behind, never be ahead.
func TestCrashBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path, nil)
	was, err := readBeside(path)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, was.write(path)) // as if the program had ended before it was written
	s = open(t, path, nil)
	second := open(t, path, nil)
	update(t, s, putText("1"))
	update(t, second, putText("2"))
	require.NoError(t, s.Close())
	requireSession(t, second, "2")
}

func TestMustExist(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	_, err := Open(ctx, path, &Options{MustExist: true})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoFileExists(t, path)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = Open(ctx, path, &Options{MustExist: true})
	require.ErrorIs(t, err, errNone)
	_, err = Open(ctx, path, &Options{Seal: new(seal.Options)})
	require.Error(t, err, "a first Open that fails")
	require.NoError(t, open(t, path, nil).Close())
	open(t, path, &Options{MustExist: true})
	_, err = Open(ctx, path+" 2", &Options{Seal: new(seal.Options)})
	require.Error(t, err, "one that makes the file")
	require.NoError(t, open(t, path+" 2", nil).Close())
}

// TestFlippedBits flips bits of plain rows as a disk might: what is read is session.ErrRecord, and
// to write the row anew is all it takes.
func TestFlippedBits(t *testing.T) {
	for of, table := range onTable {
		t.Run(table.name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "db"), nil)
			for range 2 {
				update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, "text") })
			}
			update(t, s, func(tx session.Tx) error {
				_, err := tx.(*Tx).SQL().Exec(fmt.Sprintf(`UPDATE %s SET %s = CAST('text' || char(0) AS BLOB)`, table.name, table.value))
				return err
			})
			update(t, s, func(tx session.Tx) error {
				damaged := 0
				for _, read := range storetest.Reads(tx) {
					if _, err := read(); err != nil {
						require.ErrorIs(t, err, session.ErrRecord)
						require.ErrorContains(t, err, table.name)
						damaged++
					}
				}
				require.NotZero(t, damaged, of)
				return nil
			})
			require.ErrorIs(t, s.Export(ctx, func(*backup.Row) error { return nil }), session.ErrRecord)
			update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, "anew") })
			update(t, s, func(tx session.Tx) error { return storetest.ReadEach(t, tx, "anew") })
		})
	}
}

// TestLogShrinks lets a reader keep the log from being written over, and looks at its size
// afterwards.
func TestLogShrinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path, nil)
	update(t, s, putText("1"))
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		require.NoError(t, err)
		return info.Size()
	}
	require.NoError(t, s.Export(ctx, func(*backup.Row) error {
		for i := range 12 {
			update(t, s, putText(strings.Repeat(string(rune('a'+i)), 1<<20)))
		}
		return nil
	}))
	require.Greater(t, size(), int64(10<<20))
	for range 20 {
		update(t, s, putText("2"))
	}
	require.LessOrEqual(t, size(), int64(4<<20))
}
