package crash

import (
	"bytes"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/postgres"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/sqlite"
)

var loaded = flag.Int("bench.sessions", 2000, "sessions in the database of the benchmarks")

// BenchmarkEncrypt is durable encryptions over many sessions, at 1, 8 and 64 goroutines, and beside
// them the floor: the same engine, the same rows and bytes, the fewest statements and round trips
// that its own client library can do it with, and no cryptography.
func BenchmarkEncrypt(b *testing.B) {
	for engine, open := range map[string]func(b *testing.B) bench{"SQLite": onSQLite, "PostgreSQL": onPostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			e := open(b)
			device, record := load(b, e.store, *loaded)
			for _, goroutines := range []int{1, 8, 64} {
				b.Run(fmt.Sprint("Encrypt/", goroutines), func(b *testing.B) {
					measure(b, goroutines, func(i int) error {
						_, err := device.Encrypt(ctx, address(int64(i&^1)), []byte("Your parcel is on its way."))
						return err
					})
				})
				b.Run(fmt.Sprint("Floor/", goroutines), func(b *testing.B) {
					measure(b, goroutines, func(i int) error {
						row := bytes.Clone(record) // SQLite does not write what has not changed
						for j := range 32 {
							row[j*len(row)/32] = byte(rand.Uint32())
						}
						return e.floor(name(int64(i|1)), row) // no session any more, hence odd and even
					})
				})
			}
		})
	}
}

// A bench is a store and the same thing done by hand.
type bench struct {
	store session.Store
	floor func(peer string, row []byte) error
}

func onSQLite(b *testing.B) bench {
	path := filepath.Join(b.TempDir(), "db")
	s, err := sqlite.Open(ctx, path, nil)
	require.NoError(b, err)
	b.Cleanup(func() { s.Close() })
	var db *sql.DB
	var read, write *sql.Stmt
	floor := func(peer string, row []byte) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		var old []byte
		if err := tx.Stmt(read).QueryRow(peer).Scan(&old); err != nil {
			return err
		}
		if _, err := tx.Stmt(write).Exec(row, peer); err != nil {
			return err
		}
		return tx.Commit()
	}
	var once sync.Once
	return bench{s, func(peer string, row []byte) error {
		once.Do(func() { // not before the store has made its rows
			db, err = sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)")
			require.NoError(b, err)
			db.SetMaxOpenConns(1)
			read, err = db.Prepare(`SELECT record FROM signet_session WHERE device = 0 AND peer = ? AND peer_device = 1`)
			require.NoError(b, err)
			write, err = db.Prepare(`UPDATE signet_session SET record = ?, sum = 0 WHERE device = 0 AND peer = ? AND peer_device = 1`)
			require.NoError(b, err)
			b.Cleanup(func() { db.Close() })
		})
		return floor(peer, row)
	}}
}

func onPostgreSQL(b *testing.B) bench {
	url := pgtest.Start(b).Database(b) + " pool_max_conns=16"
	s, err := postgres.Open(ctx, url, nil)
	require.NoError(b, err)
	b.Cleanup(func() { s.Close() })
	pool, err := pgxpool.New(ctx, url)
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	return bench{s, func(peer string, row []byte) error {
		return pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
			var old []byte
			read := new(pgx.Batch)
			read.Queue(`BEGIN`)
			read.Queue(`SELECT record FROM signet_peer WHERE owner = 1 AND peer = $1 AND peer_device = 1 FOR UPDATE`, []byte(peer)).
				QueryRow(func(r pgx.Row) error { return r.Scan(&old) })
			if err := conn.SendBatch(ctx, read).Close(); err != nil {
				return err
			}
			write := new(pgx.Batch)
			write.Queue(`UPDATE signet_peer SET record = $1, record_sum = 0 WHERE owner = 1 AND peer = $2 AND peer_device = 1`, row, []byte(peer))
			write.Queue(`COMMIT`)
			return conn.SendBatch(ctx, write).Close()
		})
	}}
}

// load makes a session in the middle of its life and gives it to n peers. It returns the device
// that has them and the record.
func load(b testing.TB, s session.Store, n int) (*session.Device, []byte) {
	key := signet.GenerateKey()
	own := memory.New()
	device := session.NewDevice(address(0), key, own, nil)
	peer := session.NewDevice(address(1), signet.GenerateKey(), memory.New(), nil)
	published, err := peer.PreKeys(ctx, 1)
	require.NoError(b, err)
	bundle, err := published.NextBundle()
	require.NoError(b, err)
	require.NoError(b, device.Start(ctx, address(1), bundle))
	from, to := device, peer
	for range 20 {
		m, err := from.Encrypt(ctx, to.Address(), []byte("hello"))
		require.NoError(b, err)
		_, err = to.Decrypt(ctx, from.Address(), m)
		require.NoError(b, err)
		from, to = to, from
	}
	var record, identity []byte
	require.NoError(b, own.Update(ctx, address(1), func(tx session.Tx) error {
		record, err = tx.Session(address(1))
		require.NoError(b, err)
		identity, err = tx.Identity(address(1))
		return err
	}))
	const batch = 1000
	for i := 0; i < n; i += batch {
		var peers []signet.Address
		for j := i; j < min(n, i+batch); j++ {
			peers = append(peers, address(int64(j)))
		}
		put := func(tx session.Tx) error {
			for _, p := range peers {
				if err := tx.PutSession(p, record); err != nil {
					return err
				}
				if err := tx.PutIdentity(p, identity); err != nil {
					return err
				}
			}
			return nil
		}
		if all, ok := s.(interface {
			UpdateAll(context.Context, []signet.Address, func(session.Tx) error) error
		}); ok {
			err = all.UpdateAll(ctx, peers, put)
		} else {
			err = s.Update(ctx, signet.Address{}, put)
		}
		require.NoError(b, err)
	}
	return session.NewDevice(address(0), key, s, nil), record
}

// measure runs f over random peers and reports what the slowest of a hundred took, and the memory.
func measure(b *testing.B, goroutines int, f func(peer int) error) {
	times := make([][]time.Duration, goroutines)
	var wg sync.WaitGroup
	b.ResetTimer()
	for g := range goroutines {
		wg.Go(func() {
			for range (b.N + goroutines - 1 - g) / goroutines {
				begun := time.Now()
				if err := f(rand.IntN(*loaded)); err != nil {
					b.Error(err)
					return
				}
				times[g] = append(times[g], time.Since(begun))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(resident(), "RSS-MB")
}

// resident returns the memory of this process.
func resident() float64 {
	status, _ := os.ReadFile("/proc/self/status") // Linux
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kB float64
	fmt.Sscan(rest, &kB)
	return kB / 1024
}
