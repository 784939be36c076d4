package postgres

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/storetest"
)

// TestManyPeers names so many peers that not all records are in memory at once. All of it commits
// or nothing.
func TestManyPeers(t *testing.T) {
	for _, opts := range []*Options{{}, {Seal: storetest.Sealed(t, 7)}} {
		var trips pgtest.Trips
		opts.configure = func(config *pgxpool.Config) { config.ConnConfig.Tracer = &trips }
		s := open(t, pgtest.Shared(t).Database(t), opts)
		peers := make([]signet.Address, manyPeers+400)
		for i := range peers { // not in the order of their names
			peers[i] = signet.Address{Name: fmt.Sprint("member ", (i*911)%len(peers)), Device: 1}
		}
		step := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 3000) }
		run := func(text string, fail error) error {
			return s.UpdateAll(ctx, peers, func(tx session.Tx) error {
				most := 0
				for i, p := range peers {
					b, err := tx.Session(p)
					if err != nil {
						return err
					}
					if text != "1" {
						require.Equal(t, append(step(i), '1'), b)
					}
					if err := tx.PutSession(p, append(step(i), text...)); err != nil {
						return err
					}
					if i%97 == 0 {
						held := 0
						for _, p := range tx.(*Tx).peers {
							held += len(p.record)
						}
						most = max(most, held)
					}
				}
				require.Less(t, most, 3*window*3001)
				return fail
			})
		}
		require.NoError(t, run("1", nil))
		mine := fmt.Errorf("mine")
		require.Equal(t, mine, run("2", mine))
		trips.Store(0)
		require.NoError(t, run("3", nil))
		n := int64(len(peers))
		require.LessOrEqual(t, trips.Load(), 3+3*(n/window+1))
		require.NoError(t, s.UpdateAll(ctx, peers, func(tx session.Tx) error {
			for i, p := range peers {
				b, err := tx.Session(p)
				if err != nil {
					return err
				}
				require.Equal(t, append(step(i), '3'), b)
			}
			return tx.PutIdentity(peers[7], []byte("key")) // the record stays
		}))
		update(t, s, func(tx session.Tx) error {
			for _, i := range []int{0, 7, len(peers) - 1} {
				b, err := tx.Session(peers[i])
				require.NoError(t, err)
				require.Equal(t, append(step(i), '3'), b)
			}
			return nil
		})
	}
}
