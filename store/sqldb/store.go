// Package sqldb is a session.Store, and a group.Store, over a database handle of the caller's: a
// *sql.DB of PostgreSQL 15 or later (github.com/jackc/pgx/v5/stdlib, github.com/lib/pq) or of
// SQLite (modernc.org/sqlite, github.com/mattn/go-sqlite3). It is for programs that have a handle
// already and want the rows in their own database, in their own transactions. Packages postgres and
// sqlite do more: fewer round trips, sealing, backup, custody.
//
// # Durability
//
// On PostgreSQL each transaction turns synchronous_commit on for itself where it is off or local,
// and New refuses fsync=off. A handle does not show the warning of a commit whose wait for a
// standby somebody cancelled, and after a connection that breaks during a commit nothing looks
// whether it happened: that is ErrUncertain. On SQLite each transaction of the Store has
// synchronous=FULL on its connection. What Within joins is the caller's, and is refused if its
// commit would not wait for the disk.
//
// # Time that goes back
//
// On PostgreSQL every peer has the timeline number that it was written under. After a failover or a
// recovery to a point in time, sessions of before decrypt and do not encrypt (session.ErrNoSession)
// until they are begun anew; own sender keys and counters of prekey ids are made anew. On SQLite
// nothing notices a file that was put back: call Device.ArchiveAll. Values have check values:
// damage is session.ErrRecord.
//
// # Concurrency
//
// A Store is safe for concurrent use, on any number of hosts. On PostgreSQL there is a row to lock
// for each peer, and every write of a row that was read names the version that was read; a
// transaction that loses a race runs again. On SQLite a transaction holds the file's write lock. A
// statement is sent when it is made: an encryption takes six to eight round trips.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A Dialect is the SQL that a handle speaks.
type Dialect int

// The dialects.
const (
	PostgreSQL Dialect = iota + 1
	SQLite
)

// Options adjusts a Store. The zero value works.
type Options struct {
	// Prefix is in front of the names of the tables: letters, digits and _; a schema with a dot may be
	// in front. Empty means "signet_db_".
	Prefix string
	// Device tells the records of several devices under one prefix apart.
	Device int64
	// Wait is how long an Update waits for other processes on SQLite, and how long it tries again
	// after lost races. Zero means 30 seconds.
	Wait time.Duration
	// Lossless says that a failover loses nothing, because commits wait for every standby that can
	// become the primary: sessions go on over a failover. If it is not true, keys are used twice.
	Lossless bool
}

// A Store is a session.Store over somebody's handle. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	dialect Dialect
	opts    Options
	text    texts
}

var (
	// ErrUncertain is an Update whose commit was not answered: it happened or not. A message from such
	// an Encrypt is not sent. Rows the caller wrote in the same transaction tell.
	ErrUncertain = errors.New("sqldb: the outcome of a commit is unknown")

	errConflict = errors.New("sqldb: a row changed under the transaction")
	errDone     = errors.New("sqldb: transaction has ended")
)

var prefixes = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*$`)

// New makes the tables where they are missing and returns the Store. The handle stays the caller's
// to close. Nil opts means the defaults.
func New(ctx context.Context, db *sql.DB, dialect Dialect, opts *Options) (*Store, error) {
	s := &Store{db: db, dialect: dialect}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Prefix == "" {
		s.opts.Prefix = "signet_db_"
	}
	if s.opts.Wait == 0 {
		s.opts.Wait = 30 * time.Second
	}
	if !prefixes.MatchString(s.opts.Prefix) {
		return nil, errors.New("sqldb: the prefix is not a name")
	}
	if dialect != PostgreSQL && dialect != SQLite {
		return nil, fmt.Errorf("sqldb: no dialect %d", dialect)
	}
	s.text = textsOf(dialect, s.opts.Prefix)
	if dialect == PostgreSQL {
		var fsync string
		if err := db.QueryRowContext(ctx, `SELECT current_setting('fsync')`).Scan(&fsync); err != nil {
			return nil, fmt.Errorf("sqldb: %w", err)
		}
		if fsync != "on" {
			return nil, errors.New("sqldb: the server runs with fsync=off: it forgets commits, and a forgotten commit is a message key used twice")
		}
	}
	err := s.repeat(ctx, func() (bool, error) {
		again, err := s.transaction(ctx, func(q querier) error {
			for _, ddl := range s.text.schema {
				if _, err := q.ExecContext(ctx, ddl); err != nil {
					return err
				}
			}
			return nil
		})
		return again || isState(err, "23505", "42P07", "42710"), err // another was faster
	})
	if err != nil {
		return nil, fmt.Errorf("sqldb: making the tables: %w", err)
	}
	return s, nil
}

// Update runs f in one transaction, as session.Store says; its tx is a *Tx. f may run several
// times. It must not call Update.
func (s *Store) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	return s.UpdateAll(ctx, []signet.Address{peer}, f)
}

// UpdateAll is Update for many peers at once, as session.ManyStore says.
func (s *Store) UpdateAll(ctx context.Context, peers []signet.Address, f func(tx session.Tx) error) error {
	if len(peers) == 0 {
		peers = []signet.Address{{}}
	}
	return s.repeat(ctx, func() (again bool, err error) {
		var own error // f's error comes back unchanged
		again, err = s.transaction(ctx, func(q querier) error {
			t, err := s.join(ctx, q, peers)
			if err != nil {
				return err
			}
			defer t.end()
			if own = f(t); t.err != nil && (own == nil || isConflict(t.err)) {
				own = nil
				return t.err
			}
			if own == nil {
				own = ctx.Err()
			}
			return own
		})
		if own != nil && !isConflict(own) {
			return false, own
		}
		return again, err
	})
}

// Within returns the records in a transaction of the caller's, with the peers locked that are
// named, at least one: what is written through it commits with the transaction, or not at all. A
// message made in it is sent when the commit has succeeded, never before. On PostgreSQL the
// transaction's isolation is READ COMMITTED, and the error of a statement ends it; after a lost
// race it is run again by the caller, see IsConflict. On SQLite it has begun with BEGIN IMMEDIATE
// (_txlock=immediate, in the drivers' words), and its connection has synchronous=FULL.
func (s *Store) Within(ctx context.Context, tx *sql.Tx, peers ...signet.Address) (*Tx, error) {
	if len(peers) == 0 {
		return nil, errors.New("sqldb: no peer is named")
	}
	if s.dialect == SQLite {
		var synchronous int
		if err := tx.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
			return nil, fmt.Errorf("sqldb: %w", err)
		}
		if synchronous < 2 {
			return nil, errors.New("sqldb: the connection's synchronous is not FULL: it forgets commits, and a forgotten commit is a message key used twice")
		}
	}
	return s.join(ctx, tx, peers)
}

// In returns a store whose Updates all run in t's transaction, for session.NewDevice: so a message
// is encrypted within it. It is used by one goroutine, and it names no other peers than t does.
func (t *Tx) In() session.Store { return within{t} }

type within struct{ t *Tx }

func (w within) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	return w.UpdateAll(ctx, []signet.Address{peer}, f)
}

func (w within) UpdateAll(ctx context.Context, peers []signet.Address, f func(tx session.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, p := range peers {
		if err := w.t.lock(p); err != nil {
			return err
		}
	}
	if err := f(w.t); err != nil {
		w.t.fail(err) // what was written may be half of it
		return err
	}
	return w.t.err
}

// join locks the peers in a transaction.
func (s *Store) join(ctx context.Context, q querier, peers []signet.Address) (*Tx, error) {
	t := &Tx{store: s, ctx: ctx, q: q, locked: make(map[signet.Address]bool), versions: make(map[key]int64)}
	if s.dialect == SQLite { // an interrupted statement would take the whole transaction with it
		t.ctx = context.WithoutCancel(ctx)
	}
	peers = slices.Clone(peers)
	slices.SortFunc(peers, func(a, b signet.Address) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return int(a.Device) - int(b.Device)
	})
	if err := t.begin(); err != nil {
		return nil, err
	}
	for _, p := range peers {
		if err := t.lock(p); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// A querier is a transaction: the caller's, or a connection with one.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// transaction runs f in a transaction of its own. It reports whether to do so again.
func (s *Store) transaction(ctx context.Context, f func(q querier) error) (again bool, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("sqldb: %w", err)
	}
	defer conn.Close()
	q, commit, rollback, err := s.open(context.WithoutCancel(ctx), conn)
	if err != nil {
		return isConflict(err) || s.isBroken(err), fmt.Errorf("sqldb: begin: %w", err)
	}
	done := false
	defer func() {
		if !done { // also when f panics
			rollback()
		}
	}()
	if err := f(q); err != nil {
		return isConflict(err), err
	}
	done = true
	if err := commit(); err != nil {
		rollback()
		if isConflict(err) {
			return true, fmt.Errorf("sqldb: commit: %w", err)
		}
		return false, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	return false, nil
}

// open begins a transaction. On SQLite database/sql has no word for one that writes.
func (s *Store) open(ctx context.Context, conn *sql.Conn) (q querier, commit, rollback func() error, err error) {
	if s.dialect == PostgreSQL {
		tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
		if err != nil {
			return nil, nil, nil, err
		}
		return tx, tx.Commit, tx.Rollback, nil
	}
	for _, b := range []string{`PRAGMA synchronous = FULL`, `BEGIN IMMEDIATE`} {
		if _, err := conn.ExecContext(ctx, b); err != nil {
			return nil, nil, nil, err
		}
	}
	run := func(sql string) func() error {
		return func() error { _, err := conn.ExecContext(ctx, sql); return err }
	}
	return conn, run(`COMMIT`), run(`ROLLBACK`), nil
}

// repeat runs a transaction until it is done, it fails, or it has lost races for too long.
func (s *Store) repeat(ctx context.Context, run func() (bool, error)) error {
	limit := time.Now().Add(s.opts.Wait)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return err
		}
		again, err := run()
		if !again || time.Now().After(limit) {
			return err
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// IsConflict reports whether err is that of a transaction which met another one, and is to be run
// again as a whole: one that Within was given.
func IsConflict(err error) bool { return isConflict(err) }

func isConflict(err error) bool {
	if err == nil || errors.Is(err, errConflict) {
		return err != nil
	}
	text := err.Error() // the drivers of SQLite have no error in common
	return isState(err, "40001", "40P01") || strings.Contains(text, "SQLITE_BUSY") || strings.Contains(text, "database is locked")
}

// isBroken reports whether err is that of a connection and no answer of the server: before a
// transaction has begun nothing is lost, and the next connection may be to a server that is there.
func (s *Store) isBroken(err error) bool {
	var state interface{ SQLState() string }
	return s.dialect == PostgreSQL && !errors.As(err, &state)
}

// isState reports whether err is an answer of PostgreSQL with one of these codes, over whichever
// driver.
func isState(err error, codes ...string) bool {
	var state interface{ SQLState() string } // pgx, lib/pq
	return errors.As(err, &state) && slices.Contains(codes, state.SQLState())
}
