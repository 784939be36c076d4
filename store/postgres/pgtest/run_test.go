//go:build unix

package pgtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestRun starts a server as a program would that is no test.
func TestRun(t *testing.T) {
	s, err := Run()
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		t.Skip("no PostgreSQL server is installed: ", err)
	}
	require.NoError(t, err)
	url, err := s.Create()
	require.NoError(t, err)
	other, err := s.Create()
	require.NoError(t, err)
	require.NotEqual(t, url, other)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	require.NoError(t, conn.Ping(ctx))
	require.NoError(t, conn.Close(ctx))
	s.Stop()
	require.NoDirExists(t, s.dir)
	_, err = pgx.Connect(ctx, url)
	require.Error(t, err)
}
