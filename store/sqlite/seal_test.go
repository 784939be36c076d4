package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
	"signet.example/signet/store/storetest"
)

// quick is a directory in memory, where there is one: what is tested on it is not durability.
func quick(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "signet")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestSealedContract(t *testing.T) {
	fresh := func(t *testing.T) storetest.Place {
		path := filepath.Join(quick(t), "signet.db")
		return func() session.Store { return open(t, path, &Options{Seal: storetest.Sealed(t, 7)}) }
	}
	storetest.RunVariant(t, fresh)
	storetest.RunGroup(t, fresh)
	storetest.RunMany(t, fresh)
}

// dump is everything in the tables.
func dump(t testing.TB, s *Store) string {
	t.Helper()
	var b bytes.Buffer
	for _, name := range []string{"signet_session", "signet_archive", "signet_identity", "signet_prekey",
		"signet_value", "signet_sender_key", "signet_kem_mark", "signet_seal_key"} {
		rows, err := s.db.Query(`SELECT * FROM ` + name)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			list := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range list {
				into[i] = &list[i]
			}
			require.NoError(t, rows.Scan(into...))
			fmt.Fprintf(&b, "%s %q\n", name, list)
		}
		require.NoError(t, rows.Close())
	}
	return b.String()
}

const planted = "a planted secret"

func TestNothingInClear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path, &Options{Seal: storetest.Sealed(t, 7)})
	update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
	require.NotContains(t, dump(t, s), planted)
	require.NoError(t, s.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(b), planted)
}

// TestTampering changes rows behind the store's back. What is read then is an error, and nothing
// has changed.
func TestTampering(t *testing.T) {
	const of = `device = 0 AND peer = 'alice'`
	for _, c := range []struct {
		name, sql string
		want      error
	}{
		{"first bit", `UPDATE signet_session SET record = CAST(x'00' || substr(record, 2) AS BLOB) WHERE ` + of, seal.ErrDamaged},
		{"middle", `UPDATE signet_session SET record = CAST(substr(record, 1, 30) || x'00' || substr(record, 32) AS BLOB) WHERE ` + of, seal.ErrDamaged},
		{"truncated", `UPDATE signet_session SET record = CAST(substr(record, 1, length(record) - 1) AS BLOB) WHERE ` + of, seal.ErrDamaged},
		{"short", `UPDATE signet_session SET record = x'0102' WHERE ` + of, seal.ErrDamaged},
		{"longer", `UPDATE signet_session SET record = CAST(record || x'00' AS BLOB) WHERE ` + of, seal.ErrDamaged},
		{"later version", `UPDATE signet_session SET version = version + 1 WHERE ` + of, seal.ErrDamaged},
		{"old record", `UPDATE signet_session SET record = (SELECT record FROM old WHERE ` + of + `) WHERE ` + of, seal.ErrDamaged},
		{"another peer's", `UPDATE signet_session SET (record, version) = (SELECT record, version FROM signet_session WHERE device = 0 AND peer = 'bob') WHERE ` + of, seal.ErrDamaged},
		{"another device's", `UPDATE signet_session SET (record, version) = (SELECT record, version FROM signet_session WHERE device = 1 AND peer = 'alice') WHERE ` + of, seal.ErrDamaged},
		{"another device's key", `UPDATE signet_seal_key SET id = 2 WHERE device = 1; UPDATE signet_seal_key SET device = 0 WHERE device = 1; UPDATE signet_session SET (record, version, seal) = (SELECT record, version, 2 FROM signet_session WHERE device = 1 AND peer = 'alice') WHERE ` + of, seal.ErrDamaged},
		{"another table's", `UPDATE signet_session SET (record, version) = (SELECT record, version FROM signet_archive WHERE ` + of + `) WHERE ` + of, seal.ErrDamaged},
		{"plain", `UPDATE signet_session SET record = x'0102', seal = 0 WHERE ` + of, seal.ErrPlain},
		{"unknown key", `UPDATE signet_session SET seal = 9 WHERE ` + of, seal.ErrDamaged},
		{"archive", `UPDATE signet_archive SET record = x'01' WHERE ` + of, seal.ErrDamaged},
		{"identity", `UPDATE signet_identity SET identity_key = x'05' WHERE ` + of, seal.ErrDamaged},
		{"kinds of prekey", `UPDATE signet_prekey SET record = (SELECT record FROM signet_prekey WHERE device = 0 AND kind = 2) WHERE device = 0 AND kind = 1`, seal.ErrDamaged},
		{"value", `UPDATE signet_value SET value = x'' WHERE device = 0`, seal.ErrDamaged},
		{"sender key", `UPDATE signet_sender_key SET group_name = 'g', record = (SELECT record FROM signet_session WHERE ` + of + `) WHERE device = 0`, seal.ErrDamaged},
		{"data key gone", `DELETE FROM signet_seal_key WHERE device = 0`, seal.ErrRolledBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(quick(t), "db")
			s := open(t, path, &Options{Seal: storetest.Sealed(t, 7)})
			other := open(t, path, &Options{Seal: storetest.Sealed(t, 7), Device: 1})
			for range 2 { // so that the versions are those of the first
				update(t, other, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
			}
			update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, "older") })
			_, err := s.db.Exec(`CREATE TABLE old AS SELECT * FROM signet_session`)
			require.NoError(t, err)
			update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
			_, err = s.db.Exec(c.sql)
			require.NoError(t, err)
			before := dump(t, s)
			for range 2 {
				err = s.Update(ctx, alice, func(tx session.Tx) error {
					if err := tx.PutValue("other", []byte("x")); err != nil {
						return err
					}
					return storetest.ReadEach(t, tx, planted)
				})
				require.ErrorIs(t, err, c.want)
				require.Equal(t, before, dump(t, s))
			}
			err = s.Update(ctx, alice, func(tx session.Tx) error {
				tx.PutValue("other", []byte("x"))
				storetest.ReadEach(t, tx, planted)
				return nil // an error that is ignored comes at the end
			})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, before, dump(t, s))
			update(t, other, func(tx session.Tx) error { return nil })
		})
	}
}

func TestWrongKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path, &Options{Seal: storetest.Sealed(t, 7)})
	update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
	before := dump(t, s)
	phrase, err := seal.Passphrase([]byte("correct horse"), &seal.Cost{Passes: 2, Memory: 19 << 10, Lanes: 1})
	require.NoError(t, err)
	for _, c := range []struct {
		opts *Options
		want error
	}{
		{nil, seal.ErrSealed},
		{&Options{Seal: storetest.Sealed(t, 8)}, seal.ErrKey},
		{&Options{Seal: &seal.Options{Keys: phrase}}, nil},
		{&Options{Seal: &seal.Options{}}, nil},
	} {
		_, err := Open(ctx, path, c.opts)
		require.Error(t, err)
		if c.want != nil {
			require.ErrorIs(t, err, c.want)
		}
		require.Equal(t, before, dump(t, s))
	}
	open(t, path, &Options{Device: 5}) // another device is free to be plain
	update(t, s, func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
}

// TestBeginSealing seals a store that has plain rows.
func TestBeginSealing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	plain := open(t, path, nil)
	update(t, plain, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
	_, err := plain.Reseal(ctx)
	require.ErrorIs(t, err, errNotSealed)
	require.ErrorIs(t, plain.RotateKey(ctx), errNotSealed)
	strict := &Options{Seal: storetest.Sealed(t, 7)}
	_, err = Open(ctx, path, strict)
	require.ErrorIs(t, err, seal.ErrPlain)

	mixed := &Options{Seal: storetest.Sealed(t, 7)}
	mixed.Seal.AllowPlain = true
	s := open(t, path, mixed)
	update(t, s, func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
	require.Contains(t, dump(t, s), planted)
	n, err := s.Reseal(ctx)
	require.NoError(t, err)
	require.Equal(t, 11, n, "all rows but the marks")
	require.NotContains(t, dump(t, s), planted)
	err = plain.Update(ctx, alice, func(tx session.Tx) error { _, err := tx.Session(alice); return err })
	require.ErrorIs(t, err, seal.ErrSealed, "a program that runs on without the key")
	require.NoError(t, s.Close())
	update(t, open(t, path, strict), func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
}

// TestRotation rotates and reseals while other handles read and write.
func TestRotation(t *testing.T) {
	path := filepath.Join(quick(t), "db")
	opts := &Options{Seal: storetest.Sealed(t, 7)}
	s := open(t, path, opts)
	const peers = 300
	at := func(i int) signet.Address { return signet.Address{Name: fmt.Sprint("peer ", i), Device: 1} }
	update(t, s, func(tx session.Tx) error {
		for i := range peers {
			if err := tx.PutSession(at(i), []byte{0}); err != nil {
				return err
			}
		}
		return storetest.WriteEach(tx, planted)
	})
	var wg sync.WaitGroup
	var stop atomic.Bool
	var steps [2]int
	for w := range 2 {
		other := open(t, path, opts)
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				p := at((w*peers/2 + i) % peers)
				err := other.Update(ctx, p, func(tx session.Tx) error {
					b, err := tx.Session(p)
					if err != nil {
						return err
					}
					return tx.PutSession(p, []byte{b[0] + 1})
				})
				if err != nil {
					t.Error(err)
					return
				}
				steps[w]++
			}
		})
	}
	for id := 2; id < 4; id++ {
		require.NoError(t, s.RotateKey(ctx))
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, err := s.Reseal(cancelled)
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Reseal(ctx) // it goes on
		require.NoError(t, err)
		var keys, oldest, rest int
		require.NoError(t, s.db.QueryRow(`SELECT count(*), min(id) FROM signet_seal_key`).Scan(&keys, &oldest))
		require.Equal(t, []int{1, id}, []int{keys, oldest})
		require.NoError(t, s.db.QueryRow(`SELECT count(*) FROM signet_session WHERE seal <> ?`, id).Scan(&rest))
		require.Zero(t, rest)
	}
	stop.Store(true)
	wg.Wait()
	sum := 0
	update(t, open(t, path, opts), func(tx session.Tx) error {
		for i := range peers {
			b, err := tx.Session(at(i))
			require.NoError(t, err)
			sum += int(b[0])
		}
		return storetest.ReadEach(t, tx, planted)
	})
	require.Equal(t, (steps[0]+steps[1])%256, sum%256, "no step was lost")
}

// BenchmarkSealed is an update of a session of 5 kB, plain and sealed.
func BenchmarkSealed(b *testing.B) {
	record := bytes.Repeat([]byte{1}, 5000)
	for _, c := range []struct {
		name string
		opts *Options
	}{{"plain", nil}, {"sealed", &Options{Seal: storetest.Sealed(b, 7)}}} {
		b.Run(c.name, func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "db"), c.opts)
			for b.Loop() {
				for i := range record { // SQLite does not write what is there already
					record[i]++
				}
				update(b, s, func(tx session.Tx) error {
					if _, err := tx.Session(alice); err != nil {
						return err
					}
					if _, err := tx.Identity(alice); err != nil {
						return err
					}
					return tx.PutSession(alice, record)
				})
			}
		})
	}
}
