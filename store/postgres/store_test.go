package postgres

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
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
	"signet.example/signet/store/storetest"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		os.Exit(child(job))
	}
	pgtest.Main(m)
}

const childJob = "SIGNET_POSTGRES_TEST_CHILD"

var (
	ctx   = context.Background()
	alice = signet.Address{Name: "alice", Device: 1}
	bob   = signet.Address{Name: "bob", Device: 1}
)

func open(t testing.TB, url string, opts *Options) *Store {
	t.Helper()
	s, err := Open(ctx, url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t testing.TB, s session.Store, f func(tx session.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(ctx, alice, f))
}

// places returns a function for storetest that gives every place a tenant of its own in one
// database. The handles on it alternate between two pools, as two hosts would.
func places(t *testing.T, opts Options) func(t *testing.T) storetest.Place {
	url := pgtest.Shared(t).Database(t)
	hosts := []*Store{open(t, url, &opts), open(t, url, &opts)}
	var tenants atomic.Int64
	return func(t *testing.T) storetest.Place {
		tenant := fmt.Sprint("tenant ", tenants.Add(1))
		var handles atomic.Int64
		return func() session.Store {
			s, err := hosts[handles.Add(1)%2].Device(ctx, tenant, 0)
			require.NoError(t, err)
			return s
		}
	}
}

func TestContract(t *testing.T) {
	storetest.Run(t, places(t, Options{}))
	storetest.RunGroup(t, places(t, Options{}))
	storetest.RunMany(t, places(t, Options{}))
}

var every = flag.Bool("contract.every", false, "inject every fault into the variants of the contract, too, not one in seven")

// variant is the contract on a variant of the store that TestContract takes through all faults.
func variant(t *testing.T, fresh func(t *testing.T) storetest.Place) {
	if *every {
		storetest.Run(t, fresh)
	} else {
		storetest.RunVariant(t, fresh)
	}
}

// TestContractPortable is the same with what is done on other engines.
func TestContractPortable(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	variant(t, places(t, Options{portable: true}))
}

func TestDevices(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	one := open(t, url, nil)
	two, err := one.Device(ctx, "", -7)
	require.NoError(t, err)
	shop, err := one.Device(ctx, "shop \x00", 0)
	require.NoError(t, err)
	again := open(t, url, &Options{Tenant: "shop \x00"})
	for _, s := range []*Store{one, two, shop} {
		update(t, s, func(tx session.Tx) error {
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
			return errors.Join(tx.PutSession(alice, fmt.Append(nil, s.owner)), tx.PutArchive(alice, []byte("a")), tx.PutPreKey(1, []byte("p")),
				tx.PutValue("v", []byte("v")), tx.MarkKEMPreKey(1, 1, []byte("base")), tx.(*Tx).PutSenderKey(alice, "group", []byte("s")))
		})
	}
	update(t, again, func(tx session.Tx) error {
		rec, err := tx.Session(alice)
		require.Equal(t, fmt.Sprint(shop.owner), string(rec))
		require.ErrorIs(t, tx.MarkKEMPreKey(1, 1, []byte("base")), session.ErrReplay)
		return err
	})
}

// TestOwnRows commits and loses the caller's rows with ours.
func TestOwnRows(t *testing.T) {
	s := open(t, pgtest.Shared(t).Database(t), nil)
	_, err := s.pool.Exec(ctx, `CREATE TABLE inbox (text TEXT)`)
	require.NoError(t, err)
	var kept []pgx.Tx
	write := func(text string, end error) error {
		return s.Update(ctx, alice, func(tx session.Tx) error {
			own := tx.(*Tx).Pgx()
			kept = append(kept, own)
			_, err := own.Exec(ctx, `INSERT INTO inbox VALUES ($1)`, text)
			return errors.Join(err, tx.PutSession(alice, []byte(text)), end)
		})
	}
	require.NoError(t, write("kept", nil))
	require.ErrorIs(t, write("lost", os.ErrInvalid), os.ErrInvalid)
	require.NoError(t, s.Update(ctx, bob, func(tx session.Tx) error { // nothing of ours at all
		_, err := tx.(*Tx).Pgx().Exec(ctx, `INSERT INTO inbox VALUES ('alone')`)
		return err
	}))
	update(t, s, func(tx session.Tx) error {
		var text string
		require.NoError(t, tx.(*Tx).Pgx().QueryRow(ctx, `SELECT string_agg(text, ',' ORDER BY text) FROM inbox`).Scan(&text))
		require.Equal(t, "alone,kept", text)
		rec, err := tx.Session(alice)
		require.Equal(t, "kept", string(rec))
		kept = append(kept, tx.(*Tx).Pgx())
		return err
	})
	for _, own := range kept {
		_, err := own.Exec(ctx, `INSERT INTO inbox VALUES ('late')`)
		require.ErrorIs(t, err, pgx.ErrTxClosed)
	}
}

// TestAborted has the caller end the transaction in every way there is. Nothing may be kept, of
// what was written before or after.
func TestAborted(t *testing.T) {
	s := open(t, pgtest.Shared(t).Database(t), nil)
	update(t, s, func(tx session.Tx) error { return tx.PutSession(alice, []byte("before")) })
	for name, end := range map[string]func(own pgx.Tx){
		"failed statement": func(own pgx.Tx) { own.Exec(ctx, `SELECT 1/0`) },
		"COMMIT":           func(own pgx.Tx) { own.Exec(ctx, `COMMIT`) },
		"ROLLBACK":         func(own pgx.Tx) { own.Exec(ctx, `ROLLBACK`) },
		"Rollback":         func(own pgx.Tx) { own.Rollback(ctx) },
	} {
		err := s.Update(ctx, alice, func(tx session.Tx) error {
			require.NoError(t, tx.PutSession(alice, []byte("during")))
			end(tx.(*Tx).Pgx())
			tx.PutSession(alice, []byte("after"))
			tx.PutValue("v", []byte("after"))
			return nil
		})
		require.ErrorIs(t, err, errAborted, name)
		update(t, s, func(tx session.Tx) error {
			rec, err := tx.Session(alice)
			require.Equal(t, "before", string(rec), name)
			return err
		})
	}
	require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) error {
		require.ErrorIs(t, tx.(*Tx).Pgx().Commit(ctx), errNotYours)
		return tx.PutSession(alice, []byte("fine"))
	}))
}

// TestDeadlock has two transactions lock two peers crosswise.
func TestDeadlock(t *testing.T) {
	s := open(t, pgtest.Shared(t).Database(t), nil)
	peers := []signet.Address{alice, bob}
	for _, p := range peers {
		require.NoError(t, s.Update(ctx, p, func(tx session.Tx) error { return tx.PutSession(p, []byte{0}) }))
	}
	var wg sync.WaitGroup
	var runs atomic.Int32
	for i := range peers {
		wg.Go(func() {
			err := s.Update(ctx, peers[i], func(tx session.Tx) error {
				if runs.Add(1) <= 2 {
					time.Sleep(100 * time.Millisecond) // until the other has its own
				}
				for _, p := range []signet.Address{peers[i], peers[1-i]} {
					b, err := tx.Session(p)
					if err != nil {
						return err
					}
					if err := tx.PutSession(p, []byte{b[0] + 1}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.GreaterOrEqual(t, runs.Load(), int32(3), "at least one of them ran again")
	update(t, s, func(tx session.Tx) error {
		b, err := tx.Session(bob)
		require.Equal(t, []byte{2}, b)
		return err
	})
}

// TestRoundTrips counts what a ratchet step costs, for one peer and for three hundred.
func TestRoundTrips(t *testing.T) {
	var trips pgtest.Trips
	s := open(t, pgtest.Shared(t).Database(t), &Options{configure: func(config *pgxpool.Config) {
		config.ConnConfig.Tracer = &trips
	}})
	peers := make([]signet.Address, 300)
	for i := range peers {
		peers[i] = signet.Address{Name: fmt.Sprint("member ", i/3), Device: uint32(i%3 + 1)}
	}
	step := func(peers ...signet.Address) func(tx session.Tx) error {
		return func(tx session.Tx) error {
			for _, p := range peers {
				b, err := tx.Session(p)
				if err != nil {
					return err
				}
				if _, err := tx.Identity(p); err != nil {
					return err
				}
				if err := tx.PutSession(p, append(bytes.Clone(b), 'x')); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for i, first := range []int64{1, 0, 0} { // making the rows is one more
		trips.Store(0)
		require.NoError(t, s.Update(ctx, alice, step(alice)))
		require.Equal(t, 2+first, trips.Load(), "step %d", i)
		trips.Store(0)
		require.NoError(t, s.UpdateAll(ctx, append(peers, peers[7]), step(peers...)))
		require.Equal(t, 2+first, trips.Load(), "step %d to all", i)
	}
	update(t, s, func(tx session.Tx) error {
		n := 0
		for p, err := range tx.Peers() {
			require.NoError(t, err)
			b, err := tx.Session(p)
			require.NoError(t, err)
			require.Equal(t, "xxx", string(b), p)
			n++
		}
		require.Equal(t, 301, n)
		return nil
	})
	require.ErrorIs(t, s.UpdateAll(ctx, peers, func(tx session.Tx) error {
		return errors.Join(step(peers...)(tx), os.ErrInvalid)
	}), os.ErrInvalid)
	require.NoError(t, s.UpdateAll(ctx, nil, func(tx session.Tx) error { return tx.PutValue("v", nil) }))
	update(t, s, func(tx session.Tx) error {
		b, err := tx.Session(peers[299])
		require.Equal(t, "xxx", string(b))
		return err
	})
}

// TestAllAgainstOne lets transactions over all peers and over one of them meet.
func TestAllAgainstOne(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	hosts := []*Store{open(t, url, nil), open(t, url, nil)}
	peers := []signet.Address{alice, bob, {Name: "carol", Device: 2}, {Name: "carol", Device: 1}}
	const workers, rounds = 6, 15
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				list := peers
				if w%2 == 0 {
					list = []signet.Address{peers[(w+i)%len(peers)]}
				}
				err := hosts[w/2%2].UpdateAll(ctx, list, func(tx session.Tx) error {
					for _, p := range list {
						b, err := tx.Session(p)
						if err != nil {
							return err
						}
						if err := tx.PutSession(p, append(bytes.Clone(b), 'x')); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	total := 0
	update(t, hosts[0], func(tx session.Tx) error {
		for _, p := range peers {
			b, err := tx.Session(p)
			require.NoError(t, err)
			total += len(b)
		}
		return nil
	})
	require.Equal(t, workers/2*rounds*(len(peers)+1), total)
}

func TestRedacted(t *testing.T) {
	s := open(t, pgtest.Shared(t).Database(t)+" password=planted", nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		for _, v := range []any{s, *s, struct{ S *Store }{s}, []Store{*s}} {
			require.NotContains(t, fmt.Sprintf(verb, v), "planted")
			require.NotContains(t, fmt.Sprintf(verb, v), fmt.Sprintf("%x", "planted"))
		}
	}
}
