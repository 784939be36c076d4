package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/seal"
	"signet.example/signet/store/storetest"
)

func TestSealedContract(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	opts := Options{Seal: storetest.Sealed(t, 7)}
	variant(t, places(t, opts))
	storetest.RunGroup(t, places(t, opts))
	storetest.RunMany(t, places(t, opts))
}

// dump is everything in the tables.
func dump(t testing.TB, s *Store) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"signet_peer", "signet_archive", "signet_prekey", "signet_value", "signet_sender_key", "signet_kem_mark", "signet_seal_key", "signet_device"} {
		rows, err := s.pool.Query(ctx, `SELECT * FROM `+name+` ORDER BY 1, 2, 3`)
		require.NoError(t, err)
		for rows.Next() {
			list, err := rows.Values()
			require.NoError(t, err)
			fmt.Fprintf(&b, "%s %q\n", name, list)
		}
		require.NoError(t, rows.Err())
	}
	return b.String()
}

const planted = "a planted secret"

// TestTampering changes rows behind the store's back. What is read then is an error, and nothing
// has changed.
func TestTampering(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	host := open(t, url, &Options{Seal: storetest.Sealed(t, 7)})
	_, err := host.pool.Exec(ctx, `CREATE TABLE old AS SELECT * FROM signet_peer`)
	require.NoError(t, err)
	const of = ` WHERE owner = $1 AND peer = 'alice'`
	const other = ` WHERE owner = $2 AND peer = 'alice'`
	for _, c := range []struct {
		name, sql string
		want      error
	}{
		{"a bit", `UPDATE signet_peer SET record = set_byte(record, 30, get_byte(record, 30) # 1)` + of, seal.ErrDamaged},
		{"truncated", `UPDATE signet_peer SET record = substr(record, 1, length(record) - 1)` + of, seal.ErrDamaged},
		{"short", `UPDATE signet_peer SET record = '\x0102'` + of, seal.ErrDamaged},
		{"later version", `UPDATE signet_peer SET version = version + 1` + of, seal.ErrDamaged},
		{"old record", `UPDATE signet_peer SET record = (SELECT record FROM old` + of + `)` + of, seal.ErrDamaged},
		{"swapped", `UPDATE signet_peer p SET record = q.record FROM signet_peer q
			WHERE p.owner = $1 AND q.owner = $1 AND p.peer IN ('alice', 'bob') AND q.peer IN ('alice', 'bob') AND p.peer <> q.peer`, seal.ErrDamaged},
		{"another tenant's", `UPDATE signet_peer SET (record, identity_key, version) = (SELECT record, identity_key, version FROM signet_peer` + other + `)` + of, seal.ErrDamaged},
		{"another tenant's with its key", `WITH k AS (INSERT INTO signet_seal_key SELECT $1, 2, wrapped FROM signet_seal_key WHERE owner = $2 AND id = 1)
			UPDATE signet_peer SET (record, identity_key, version, seal) = (SELECT record, identity_key, version, 2 FROM signet_peer` + other + `)` + of, seal.ErrKey},
		{"identity", `UPDATE signet_peer SET identity_key = '\x05'` + of, seal.ErrDamaged},
		{"identity for a record", `UPDATE signet_peer SET identity_key = record, record = identity_key` + of, seal.ErrDamaged},
		{"plain", `UPDATE signet_peer SET record = '\x0102', seal = 0` + of, seal.ErrPlain},
		{"unknown key", `UPDATE signet_peer SET seal = 9` + of, seal.ErrDamaged},
		{"archive", `UPDATE signet_archive SET value = '\x01'` + of, seal.ErrDamaged},
		{"kinds of prekey", `UPDATE signet_prekey SET value = (SELECT value FROM signet_prekey WHERE owner = $1 AND kind = 2) WHERE owner = $1 AND kind = 1`, seal.ErrDamaged},
		{"value", `UPDATE signet_value SET value = '' WHERE owner = $1`, seal.ErrDamaged},
		{"sender key", `UPDATE signet_sender_key SET version = version - 1 WHERE owner = $1`, seal.ErrDamaged},
		{"sealing off", `UPDATE signet_device SET seal = 0 WHERE owner = $1`, seal.ErrRolledBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := host.Device(ctx, c.name, 0)
			require.NoError(t, err)
			stranger, err := host.Device(ctx, "not "+c.name, 0)
			require.NoError(t, err)
			update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, "older") })
			_, err = host.pool.Exec(ctx, `INSERT INTO old SELECT * FROM signet_peer WHERE owner = $1`, s.owner)
			require.NoError(t, err)
			for _, s := range []*Store{s, stranger, stranger} {
				update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
			}
			args := []any{s.owner}
			if strings.Contains(c.sql, "$2") {
				args = append(args, stranger.owner)
			}
			_, err = host.pool.Exec(ctx, c.sql, args...)
			require.NoError(t, err)
			before := dump(t, s)
			err = s.Update(ctx, alice, func(tx session.Tx) error {
				if err := tx.PutValue("other", []byte("x")); err != nil {
					return err
				}
				return storetest.ReadEach(t, tx, planted)
			})
			require.ErrorIs(t, err, c.want)
			err = s.Update(ctx, alice, func(tx session.Tx) error {
				tx.PutValue("other", []byte("x"))
				storetest.ReadEach(t, tx, planted)
				return nil // an error that is ignored comes at the end
			})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, before, dump(t, s))
			update(t, stranger, func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
		})
	}
}

func TestWrongKey(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	s := open(t, url, &Options{Seal: storetest.Sealed(t, 7)})
	update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
	before := dump(t, s)
	require.NotContains(t, before, planted)
	require.NotContains(t, before, fmt.Sprintf("%x", planted))
	for _, c := range []struct {
		opts *Options
		want error
	}{
		{nil, seal.ErrSealed},
		{&Options{Seal: storetest.Sealed(t, 8)}, seal.ErrKey},
	} {
		_, err := Open(ctx, url, c.opts)
		require.ErrorIs(t, err, c.want)
		require.Equal(t, before, dump(t, s))
	}
	_, err := Open(ctx, url, &Options{Seal: &seal.Options{}})
	require.Error(t, err)
	open(t, url, &Options{Tenant: "another"}) // is free to be plain
	update(t, s, func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
}

// TestBeginSealing seals a device that has plain rows, while a host that has no key goes on.
func TestBeginSealing(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	plain := open(t, url, nil)
	update(t, plain, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
	_, err := plain.Reseal(ctx)
	require.ErrorIs(t, err, errNotSealed)
	require.ErrorIs(t, plain.RotateKey(ctx), errNotSealed)
	_, err = Open(ctx, url, &Options{Seal: storetest.Sealed(t, 7)})
	require.ErrorIs(t, err, seal.ErrPlain)
	update(t, plain, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })

	mixed := storetest.Sealed(t, 7)
	mixed.AllowPlain = true
	s := open(t, url, &Options{Seal: mixed})
	update(t, s, func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
	err = plain.Update(ctx, alice, func(session.Tx) error { return nil })
	require.ErrorIs(t, err, seal.ErrSealed, "a host that has no key stops")
	n, err := s.Reseal(ctx)
	require.NoError(t, err)
	require.Equal(t, 9, n, "alice, bob, and seven other rows")
	require.NotContains(t, dump(t, s), planted)
	update(t, open(t, url, &Options{Seal: storetest.Sealed(t, 7)}), func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
}

// TestRotation rotates and reseals while other hosts read and write, and consume.
func TestRotation(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	opts := &Options{Seal: storetest.Sealed(t, 7)}
	s := open(t, url, opts)
	const peers = 150
	at := func(i int) signet.Address { return signet.Address{Name: fmt.Sprint("peer ", i), Device: 1} }
	update(t, s, func(tx session.Tx) error {
		for i := range peers {
			if err := errors.Join(tx.PutSession(at(i), []byte{0}), tx.PutPreKey(uint32(i+2), []byte("one-time"))); err != nil {
				return err
			}
		}
		return storetest.WriteEach(tx, planted)
	})
	delegated, err := s.Delegate(ctx, at(3))
	require.NoError(t, err)
	var wg sync.WaitGroup
	var stop atomic.Bool
	var steps, taken [2]int
	for w := range 2 {
		other := open(t, url, opts)
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				p, by := at(4+(w*peers/2+i)%(peers-4)), other
				if i%10 == 0 && w == 0 {
					p, by = at(3), other.Under(delegated)
				}
				err := by.Update(ctx, p, func(tx session.Tx) error {
					b, err := tx.Session(p)
					if err != nil {
						return err
					}
					return tx.PutSession(p, []byte{b[0] + 1})
				})
				if err == nil && i < 20 {
					id := uint32(2 + 2*i + w)
					if err = other.Update(ctx, p, func(tx session.Tx) error { return tx.DeletePreKey(id) }); p == at(3) {
						err = nil // fenced
					} else {
						taken[w]++
					}
				}
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
		n, err := s.Reseal(ctx)
		require.NoError(t, err)
		require.NotZero(t, n)
		var keys, oldest, rest int
		require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*), min(id) FROM signet_seal_key`).Scan(&keys, &oldest))
		require.Equal(t, []int{1, id}, []int{keys, oldest})
		require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*) FROM signet_peer WHERE seal <> $1 AND record <> ''`, id).Scan(&rest))
		require.Zero(t, rest)
	}
	stop.Store(true)
	wg.Wait()
	require.NoError(t, s.Revoke(ctx, at(3)))
	sum := 0
	update(t, open(t, url, opts), func(tx session.Tx) error {
		for i := range peers {
			b, err := tx.Session(at(i))
			require.NoError(t, err)
			sum += int(b[0])
		}
		n, err := tx.CountPreKeys()
		require.NoError(t, err)
		require.Equal(t, peers+1-taken[0]-taken[1], n)
		return storetest.ReadEach(t, tx, planted)
	})
	require.Equal(t, (steps[0]+steps[1])%256, sum%256, "no step was lost")
}

// TestFencedKeys: a host that was shut out cannot rotate.
func TestFencedKeys(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	opts := &Options{Seal: storetest.Sealed(t, 7)}
	old, now := open(t, url, opts), open(t, url, opts)
	require.NoError(t, now.TakeOver(ctx))
	var fenced *FencedError
	require.ErrorAs(t, old.RotateKey(ctx), &fenced)
	_, err := old.Reseal(ctx)
	require.ErrorAs(t, err, &fenced)
	g, err := now.Delegate(ctx, alice)
	require.NoError(t, err)
	require.ErrorAs(t, now.Under(g).RotateKey(ctx), &fenced)
	require.NoError(t, now.RotateKey(ctx))
}

// BenchmarkSealed is an update of a session of 5 kB, plain and sealed.
func BenchmarkSealed(b *testing.B) {
	url := pgtest.Shared(b).Database(b)
	record := bytes.Repeat([]byte{1}, 5000)
	for _, c := range []struct {
		name string
		opts *Options
	}{{"plain", &Options{Tenant: "plain"}}, {"sealed", &Options{Tenant: "sealed", Seal: storetest.Sealed(b, 7)}}} {
		b.Run(c.name, func(b *testing.B) {
			s := open(b, url, c.opts)
			for b.Loop() {
				for i := range record { // SQLite does not write what is there already
					record[i]++
				}
				update(b, s, func(tx session.Tx) error { return tx.PutSession(alice, record) })
			}
		})
	}
}
