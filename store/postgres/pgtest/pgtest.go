//go:build unix

// Package pgtest runs a throw-away PostgreSQL server for tests. The server is the installed one:
// its binaries are looked for with pg_config, in the places where distributions put them, and on
// the PATH.
//
// The server listens on a socket in a directory of its own, writes with fsync like a real one, and
// is stopped and removed at the end, also when the test is killed. Under root it runs as nobody,
// because PostgreSQL refuses to run as root.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a running PostgreSQL.
type Server struct {
	bin, dir string
	settings []string
	cmd      *exec.Cmd
	lifeline io.Closer // the server stops when this is closed

	mu        sync.Mutex
	databases int
}

// Start starts a server for one test and stops it when the test ends. The settings are of the form
// "name=value" and come after the package's own. Where no server is installed the test is skipped,
// or fails if the environment has CI=true.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	installed(t)
	s, err := start(settings)
	if err != nil {
		t.Fatal("pgtest: ", err)
	}
	t.Cleanup(s.Stop)
	return s
}

// installed skips the test where no server is installed, or fails it if the environment has
// CI=true.
func installed(t testing.TB) {
	t.Helper()
	_, err := find()
	switch {
	case err == nil:
	case errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true":
		t.Skip("no PostgreSQL server is installed: ", err)
	default:
		t.Fatal("pgtest: ", err)
	}
}

var shared struct {
	sync.Mutex
	server *Server
}

// Shared returns a server that the tests of one binary share; it is started by the first of them.
// The binary's TestMain calls Main, which stops it.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		installed(t)
		s, err := start(nil)
		if err != nil {
			t.Fatal("pgtest: ", err)
		}
		shared.server = s
	}
	return shared.server
}

// Main runs the tests, stops the shared server and exits.
func Main(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	os.Exit(code)
}

// URL returns how to connect to the database with this name. The user may do everything.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("host=%s user=signet dbname=%s", s.dir, database)
}

// Database makes an empty database and returns how to connect to it.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	url, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// Restart kills the whole server with SIGKILL, as a power failure would, and starts it again. It
// returns when the server has recovered and accepts connections.
func (s *Server) Restart() error {
	if err := s.Kill(); err != nil {
		return err
	}
	return s.launch()
}

// pid returns the process id of the server's first process.
func (s *Server) pid() (int, error) {
	f, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(f), "\n")
	return strconv.Atoi(line)
}

// Run starts a server for a program that is no test, a benchmark for example; the caller stops it.
// The error matches exec.ErrNotFound where no server is installed.
func Run(settings ...string) (*Server, error) { return start(settings) }

// Create makes an empty database and returns how to connect to it.
func (s *Server) Create() (url string, err error) {
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("test_%d", s.databases)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	return s.URL(name), nil
}

func start(settings []string) (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	if err := give(dir); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, settings: append(ordinary(dir), settings...)}
	if err := s.init(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := s.launch(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// ordinary are the settings of a server in dir.
func ordinary(dir string) []string {
	return []string{"fsync=on", "listen_addresses=", "unix_socket_directories=" + dir,
		"max_connections=300", "shared_buffers=128MB", "log_min_messages=fatal"}
}

// init makes the server's files.
func (s *Server) init() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	init := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", filepath.Join(s.dir, "data"), "-U", "signet",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	unprivileged(init)
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// socket is where the server listens.
func (s *Server) socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// patience is how long anything is waited for: a test fails, and does not hang.
const patience = 2 * time.Minute

// reap waits until nothing of the server runs, and helps it to its end if that takes too long.
func (s *Server) reap() {
	done := make(chan struct{})
	go func() { s.cmd.Wait(); close(done) }()
	for _, wait := range []time.Duration{10 * time.Second, 5 * time.Second} {
		select {
		case <-done:
			return
		case <-time.After(wait):
		}
		if pid, err := s.pid(); err == nil {
			syscall.Kill(pid, syscall.SIGKILL) // a fast shutdown waits for whoever holds it up
		}
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// watch runs the server until standard input ends, which it does at the latest with this process.
const watch = `"$@" </dev/null & pid=$!; cat >/dev/null; kill -INT $pid 2>/dev/null; wait $pid`

func (s *Server) launch() error {
	args := []string{"-c", watch, "sh", filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data")}
	for _, v := range s.settings {
		args = append(args, "-c", v)
	}
	var err error
	for begun := time.Now(); time.Since(begun) < patience; { // what is left of a killed server takes a moment to go
		log := new(strings.Builder)
		s.cmd = exec.Command("/bin/sh", args...)
		s.cmd.Stderr = log
		s.cmd.WaitDelay = 5 * time.Second // a process that is left over keeps the pipe open
		unprivileged(s.cmd)
		if s.lifeline, err = s.cmd.StdinPipe(); err != nil {
			return err
		}
		if err = s.cmd.Start(); err != nil {
			return err
		}
		if err = s.await(); err == nil {
			return nil
		}
		s.lifeline.Close()
		s.reap()
		err = fmt.Errorf("pgtest: %w: %s", err, log)
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// await waits until the server accepts connections.
func (s *Server) await() (err error) {
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		var conn *pgx.Conn
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if conn, err = pgx.Connect(ctx, s.URL("postgres")); err == nil {
			defer cancel()
			return conn.Close(ctx)
		}
		cancel()
		if _, gone := s.pid(); gone != nil && time.Since(begun) > 2*time.Second {
			return err // it did not come up
		}
	}
	return err
}

// Stop stops the server before the end of the test and removes its data.
func (s *Server) Stop() {
	if s.lifeline != nil {
		s.lifeline.Close()
		s.reap()
		s.lifeline = nil
	}
	os.RemoveAll(s.dir)
}

// find returns the directory of initdb and postgres.
func find() (string, error) {
	var places []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		places = append(places, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		found, _ := filepath.Glob(pattern) // the pattern is well-formed
		places = append(places, found...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		places = append(places, filepath.Dir(path))
	}
	for _, dir := range places {
		if isProgram(filepath.Join(dir, "postgres")) && isProgram(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("postgres and initdb: %w", exec.ErrNotFound)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
