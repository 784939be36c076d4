package directory

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/storetest"
)

var ctx = context.Background()

func TestMain(m *testing.M) { pgtest.Main(m) }

func opened(t *testing.T, url string, opts *sesame.DirectoryOptions, change func(*pgxpool.Config)) *Directory {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	if change != nil {
		change(config)
	}
	d, err := open(ctx, config, "", opts)
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

func TestContract(t *testing.T) {
	storetest.RunDirectory(t, true, func(t *testing.T, opts *sesame.DirectoryOptions) storetest.DirectoryPlace {
		url := pgtest.Shared(t).Database(t)
		hosts := []*Directory{opened(t, url, opts, nil), opened(t, url, opts, nil)}
		handles := 0
		return func(tenant string) storetest.Directory {
			handles++
			return hosts[handles%2].Tenant(tenant)
		}
	})
}

// TestOpen: many hosts open an empty database at once; a schema of the future is refused; what
// cannot be reached is an error; nothing prints the password.
func TestOpen(t *testing.T) {
	url := pgtest.Shared(t).Database(t)
	done := make(chan error)
	for range 4 {
		go func() {
			d, err := Open(ctx, url, "shop", nil)
			if err == nil {
				err = d.Close()
			}
			done <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-done)
	}
	d := opened(t, url+" password=planted", nil, nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		for _, v := range []any{d, *d, struct{ D *Directory }{d}} {
			require.NotContains(t, fmt.Sprintf(verb, v), "planted")
			require.NotContains(t, fmt.Sprintf(verb, v), fmt.Sprintf("%x", "planted"))
		}
	}
	_, err := d.pool.Exec(ctx, `INSERT INTO signet_directory_schema VALUES (99)`)
	require.NoError(t, err)
	_, err = Open(ctx, url, "", nil)
	require.ErrorContains(t, err, "schema version 99")
	_, err = Open(ctx, "port=none", "", nil)
	require.Error(t, err)
}

// TestRoundTrips: a bundle is two, and the limits are swept when they have run out.
func TestRoundTrips(t *testing.T) {
	var trips pgtest.Trips
	now := time.Unix(1_760_000_000, 0)
	d := opened(t, pgtest.Shared(t).Database(t), &sesame.DirectoryOptions{Now: func() time.Time { return now }},
		func(config *pgxpool.Config) { config.ConnConfig.Tracer = &trips })
	alice, bob := signet.Address{Name: "alice", Device: 1}, signet.Address{Name: "bob", Device: 1}
	p, err := session.NewDevice(alice, signet.GenerateKey(), memory.New(), nil).PreKeys(ctx, 3)
	require.NoError(t, err)
	require.NoError(t, d.Publish(ctx, alice, p))
	for range 3 {
		trips.Store(0)
		_, err = d.Bundle(ctx, bob, alice)
		require.NoError(t, err)
		require.Equal(t, int64(2), trips.Load())
	}
	sweeps := func(buckets, handed int) {
		t.Helper()
		require.NoError(t, d.Sweep(ctx))
		var n, m int
		require.NoError(t, d.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM signet_directory_bucket),
			(SELECT count(*) FROM signet_directory_handed)`).Scan(&n, &m))
		require.Equal(t, []int{buckets, handed}, []int{n, m})
	}
	sweeps(1, 6)
	now = now.Add(time.Hour)
	sweeps(0, 6)
	now = now.Add(sesame.Remembered - time.Hour)
	sweeps(0, 0)
}
