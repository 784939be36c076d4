package postgres

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/postgres/pgtest"
)

// BenchmarkLayout is how the rows' layout was chosen (docs/decisions/010-postgres-rows.md): ratchet
// steps on 2000 sessions under each, with records of each size. Beside the time it reports what
// goes to the write-ahead log, how many steps needed no new index entry, and what the table grows
// to.
func BenchmarkLayout(b *testing.B) {
	const sessions = 2000
	for _, layout := range []struct{ name, sql string }{
		{"toasted", `ALTER COLUMN record SET STORAGE EXTENDED, ALTER COLUMN identity_key SET STORAGE EXTENDED; ALTER TABLE signet_peer RESET (toast_tuple_target, fillfactor)`},
		{"external", `ALTER COLUMN record SET STORAGE EXTERNAL; ALTER TABLE signet_peer RESET (toast_tuple_target, fillfactor)`},
		{"inline/fill100", `ALTER COLUMN record SET STORAGE EXTERNAL; ALTER TABLE signet_peer SET (toast_tuple_target = 8160, fillfactor = 100)`},
		{"inline/fill50", `ALTER COLUMN record SET STORAGE EXTERNAL; ALTER TABLE signet_peer SET (toast_tuple_target = 8160, fillfactor = 50)`},
		{"inline/fill30", `ALTER COLUMN record SET STORAGE EXTERNAL; ALTER TABLE signet_peer SET (toast_tuple_target = 8160, fillfactor = 30)`},
	} {
		for _, size := range []int{700, 2000, 5000, 6500} {
			b.Run(fmt.Sprintf("%s/%d", layout.name, size), func(b *testing.B) {
				s := open(b, pgtest.Shared(b).Database(b)+" pool_max_conns=1", nil)
				_, err := s.pool.Exec(ctx, `DO $$ BEGIN ALTER TABLE signet_peer `+layout.sql+`; END $$`)
				require.NoError(b, err)
				peers := make([]signet.Address, sessions)
				for i := range peers {
					peers[i] = signet.Address{Name: fmt.Sprint("9d0652a3-dcc3-4d11-975f-", i), Device: 1}
				}
				record := make([]byte, size)
				put := func(p signet.Address) func(tx session.Tx) error {
					return func(tx session.Tx) error {
						if _, err := tx.Session(p); err != nil {
							return err
						}
						for i := range record {
							record[i] = byte(rand.Uint32())
						}
						return tx.PutSession(p, record)
					}
				}
				require.NoError(b, s.UpdateAll(ctx, peers, func(tx session.Tx) error {
					for _, p := range peers {
						if err := put(p)(tx); err != nil {
							return err
						}
					}
					return nil
				}))
				_, err = s.pool.Exec(ctx, `VACUUM signet_peer`)
				require.NoError(b, err)
				wal := func() (n int64) {
					require.NoError(b, s.pool.QueryRow(ctx, `SELECT (pg_current_wal_lsn() - '0/0')::BIGINT`).Scan(&n))
					return n
				}
				_, err = s.pool.Exec(ctx, `CHECKPOINT`)
				require.NoError(b, err)
				before, busy := wal(), cpu(b, s)
				for b.Loop() {
					p := peers[rand.IntN(sessions)]
					if err := s.Update(ctx, p, put(p)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(wal()-before)/float64(b.N), "wal-B/op")
				b.ReportMetric(float64(cpu(b, s)-busy)/1e3/float64(b.N), "server-µs/op")
				var total int64
				require.NoError(b, s.pool.QueryRow(ctx, `SELECT pg_total_relation_size('signet_peer')`).Scan(&total))
				b.ReportMetric(float64(total)/(1<<20), "MB")
			})
		}
	}
}

// cpu returns the processor time that the server has spent on the one connection of s. It says more
// than the clock does on a machine that has other work.
func cpu(b *testing.B, s *Store) time.Duration {
	var pid int
	require.NoError(b, s.pool.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid))
	// The time the scheduler gave it, in nanoseconds: /proc/…/stat counts ticks of ten milliseconds,
	// and what is running at a tick, which depends on what else runs.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	if err != nil {
		return 0 // not Linux
	}
	var busy int64
	_, err = fmt.Sscan(string(stat), &busy)
	require.NoError(b, err)
	return time.Duration(busy)
}
