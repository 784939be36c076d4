package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/session"
	"signet.example/signet/store/storetest"
)

var ctx = context.Background()

func open(t testing.TB, path string, opts *Options) *Store {
	t.Helper()
	s, err := Open(ctx, path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "signet.db")
		return func() session.Store { return open(t, path, nil) }
	})
}
