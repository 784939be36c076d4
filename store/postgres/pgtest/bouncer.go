//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Bouncer starts a PgBouncer in transaction mode in front of a database and returns how to connect
// through it. It shares out two connections. Where it is not installed the test is skipped, or
// fails if the environment has CI=true.
func (s *Server) Bouncer(t testing.TB, database string) string {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		if os.Getenv("CI") != "true" {
			t.Skip("PgBouncer is not installed")
		}
	}
	if err != nil {
		t.Fatal("pgtest: ", err)
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := give(dir); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "pgbouncer.ini")
	err = os.WriteFile(config, fmt.Appendf(nil, `[databases]
* = host=%s user=signet
[pgbouncer]
listen_addr =
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
`, s.dir, dir), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, config)
	unprivileged(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal("pgtest: ", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	url := fmt.Sprintf("host=%s port=6432 user=signet dbname=%s default_query_exec_mode=cache_describe", dir, database)
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			conn.Close(ctx)
			cancel()
			return url
		}
		cancel()
		if time.Since(begun) > 20*time.Second {
			t.Fatal("pgtest: PgBouncer does not come up: ", err)
		}
	}
}
