package postgres

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

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

func child(string) int { return 1 }

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

// TestContract gives every place a tenant of its own in one database. The handles on it alternate
// between two pools, as two hosts would.
func TestContract(t *testing.T) {
	for _, c := range []struct {
		name string
		opts Options
	}{{"PostgreSQL", Options{}}, {"Portable", Options{portable: true}}} {
		t.Run(c.name, func(t *testing.T) {
			url := pgtest.Shared(t).Database(t)
			hosts := []*Store{open(t, url, &c.opts), open(t, url, &c.opts)}
			var tenants atomic.Int64
			storetest.Run(t, func(t *testing.T) storetest.Place {
				tenant := fmt.Sprint("tenant ", tenants.Add(1))
				var handles atomic.Int64
				return func() session.Store {
					s, err := hosts[handles.Add(1)%2].Device(ctx, tenant, 0)
					require.NoError(t, err)
					return s
				}
			})
		})
	}
}
