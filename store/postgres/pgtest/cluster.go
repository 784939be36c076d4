//go:build unix

package pgtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Cluster is a primary and a standby that follows it over a link of its own, which can be cut.
type Cluster struct {
	dir     string
	nodes   [2]*Server
	primary int
	link    *link
}

// StartCluster starts a cluster for one test and stops it when the test ends. If synchronous, the
// primary waits for its standby with every commit.
func StartCluster(t testing.TB, synchronous bool) *Cluster {
	t.Helper()
	installed(t)
	c, err := startCluster(synchronous)
	if err != nil {
		t.Fatal("pgtest: ", err)
	}
	t.Cleanup(c.stop)
	return c
}

func startCluster(synchronous bool) (_ *Cluster, err error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	c := new(Cluster)
	if c.dir, err = os.MkdirTemp("", "pgtest"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	for _, name := range []string{"", "0", "1", "link"} {
		dir := filepath.Join(c.dir, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := give(dir); err != nil {
			return nil, err
		}
	}
	more := []string{"wal_retrieve_retry_interval=100ms"}
	if synchronous {
		more = append(more, "synchronous_standby_names=*")
	}
	for i := range c.nodes {
		c.nodes[i] = &Server{bin: bin, dir: filepath.Join(c.dir, fmt.Sprint(i))}
		c.nodes[i].settings = append(ordinary(c.nodes[i].dir), more...)
	}
	if c.link, err = newLink(filepath.Join(c.dir, "link")); err != nil {
		return nil, err
	}
	if err := c.nodes[0].init(); err != nil {
		return nil, err
	}
	if err := c.nodes[0].launch(); err != nil {
		return nil, err
	}
	return c, c.follow()
}

// URL returns how to connect to a database on whichever node is the primary.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("host=%s,%s user=signet dbname=%s target_session_attrs=read-write", c.nodes[0].dir, c.nodes[1].dir, database)
}

// Database makes an empty database and returns how to connect to it.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	url, err := c.nodes[c.primary].Create()
	if err != nil {
		t.Fatal(err)
	}
	_, name, _ := strings.Cut(url, "dbname=")
	return c.URL(name)
}

// Primary returns the node that is the primary, Standby the other one.
func (c *Cluster) Primary() *Server { return c.nodes[c.primary] }

// Standby returns the node that is not the primary.
func (c *Cluster) Standby() *Server { return c.nodes[1-c.primary] }

// Cut cuts the link between primary and standby: what is committed from now on does not reach the
// standby.
func (c *Cluster) Cut() { c.link.point("") }

// Mend puts the link together again.
func (c *Cluster) Mend() { c.link.point(c.Primary().socket()) }

// Promote makes the standby a primary. The old primary goes on if it runs: it is left behind.
func (c *Cluster) Promote() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.Standby().URL("postgres"))
	if err != nil {
		return fmt.Errorf("pgtest: promote: %w", err)
	}
	defer conn.Close(ctx)
	var done bool
	if err := conn.QueryRow(ctx, `SELECT pg_promote(true, 50)`).Scan(&done); err != nil || !done {
		return fmt.Errorf("pgtest: promote: %w (%v)", err, done)
	}
	c.primary = 1 - c.primary
	return nil
}

// Failover cuts the link, lets the primary work for a while alone, kills it, makes the standby the
// primary, and begins a new standby in the place of the old primary.
func (c *Cluster) Failover(alone time.Duration) error {
	c.Cut()
	time.Sleep(alone)
	if err := c.Primary().Kill(); err != nil {
		return err
	}
	if err := c.Promote(); err != nil {
		return err
	}
	return c.follow()
}

// follow makes the node that is not the primary a standby, from a copy of the primary.
func (c *Cluster) follow() error {
	c.Mend()
	standby := c.Standby()
	data := filepath.Join(standby.dir, "data")
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	backup := exec.CommandContext(ctx, filepath.Join(standby.bin, "pg_basebackup"), "-D", data, "-h", c.link.dir, "-U", "signet",
		"-R", "-X", "stream", "-c", "fast", "--no-sync")
	unprivileged(backup)
	if out, err := backup.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	return standby.launch()
}

// Await waits until the standby has all that the primary has.
func (c *Cluster) Await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.Primary().URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for caughtUp := false; !caughtUp; time.Sleep(5 * time.Millisecond) {
		err := conn.QueryRow(ctx, `SELECT coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false) FROM pg_stat_replication
			WHERE state = 'streaming'`).Scan(&caughtUp)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) stop() {
	for _, n := range c.nodes {
		if n != nil {
			n.Stop()
		}
	}
	if c.link != nil {
		c.link.close()
	}
	os.RemoveAll(c.dir)
}

// Kill kills the whole server with SIGKILL. It returns when nothing of it runs.
func (s *Server) Kill() error {
	pid, err := s.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("pgtest: kill: %w", err)
	}
	s.lifeline.Close()
	s.reap()
	return nil
}

// A link passes connections from a socket of its own on to another one.
type link struct {
	dir      string
	listener net.Listener

	mu    sync.Mutex
	to    string // "": it is cut
	conns map[net.Conn]bool
}

func newLink(dir string) (*link, error) {
	socket := filepath.Join(dir, ".s.PGSQL.5432")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o777); err != nil {
		return nil, err
	}
	l := &link{dir: dir, listener: listener, conns: make(map[net.Conn]bool)}
	go l.serve()
	return l, nil
}

// point makes new connections go to another socket, and ends those that there are.
func (l *link) point(to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
	for c := range l.conns {
		c.Close()
	}
	clear(l.conns)
}

func (l *link) close() {
	l.listener.Close()
	l.point("")
}

func (l *link) serve() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.pass(from)
	}
}

func (l *link) pass(from net.Conn) {
	l.mu.Lock()
	to, err := net.Conn(nil), net.ErrClosed
	if l.to != "" {
		to, err = net.Dial("unix", l.to)
	}
	if err != nil {
		l.mu.Unlock()
		from.Close()
		return
	}
	l.conns[from], l.conns[to] = true, true
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		wg.Go(func() {
			io.Copy(way[0], way[1])
			from.Close()
			to.Close()
		})
	}
	wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, from)
	delete(l.conns, to)
}
