//go:build !unix

// Package pgtest runs a throw-away PostgreSQL server for tests, on Unix.
package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// A Server is a running PostgreSQL. There is none on this system.
type Server struct{}

// Start skips the test.
func Start(t testing.TB, _ ...string) *Server {
	t.Skip("no throw-away PostgreSQL on this system")
	return nil
}

// Run fails.
func Run(...string) (*Server, error) { return nil, exec.ErrNotFound }

// Create fails.
func (*Server) Create() (string, error) { return "", exec.ErrNotFound }

// Shared skips the test.
func Shared(t testing.TB) *Server { return Start(t) }

// Main runs the tests and exits.
func Main(m *testing.M) { os.Exit(m.Run()) }

// URL returns nothing of use.
func (*Server) URL(string) string { return "" }

// Database returns nothing of use.
func (*Server) Database(testing.TB) string { return "" }

// Restart fails.
func (*Server) Restart() error { return errors.New("pgtest: no server") }

// Stop does nothing.
func (*Server) Stop() {}

// Kill fails.
func (*Server) Kill() error { return errors.New("pgtest: no server") }

// Bouncer skips the test.
func (*Server) Bouncer(t testing.TB, _ string) string { Start(t); return "" }

// A Cluster is a primary and a standby. There is none on this system.
type Cluster struct{}

// StartCluster skips the test.
func StartCluster(t testing.TB, _ bool) *Cluster { Start(t); return nil }

// URL returns nothing of use.
func (*Cluster) URL(string) string { return "" }

// Database returns nothing of use.
func (*Cluster) Database(testing.TB) string { return "" }

// Primary returns nothing of use.
func (*Cluster) Primary() *Server { return nil }

// Standby returns nothing of use.
func (*Cluster) Standby() *Server { return nil }

// Cut does nothing.
func (*Cluster) Cut() {}

// Mend does nothing.
func (*Cluster) Mend() {}

// Promote fails.
func (*Cluster) Promote() error { return errors.New("pgtest: no server") }

// Await fails.
func (*Cluster) Await() error { return errors.New("pgtest: no server") }

// Failover fails.
func (*Cluster) Failover(time.Duration) error { return errors.New("pgtest: no server") }
