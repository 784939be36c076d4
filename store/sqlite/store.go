// Package sqlite is a session.Store, and a group.Store, in one SQLite file: the default for a
// program on one machine. The driver comes with the package and is Go throughout; there is nothing
// to install.
//
// # Durability
//
// The database is in WAL mode with synchronous=FULL (and fullfsync where that exists): when Update
// returns nil, the transaction has been handed to the disk with fsync. The faster NORMAL would keep
// the file consistent but may forget the last commits in a power failure, and a forgotten commit is
// a message key used twice. If a commit itself fails because the disk is full or failing, nothing
// is kept while the system runs; if it crashes before the next commit, the failed one may turn out
// to have been written after all.
//
// A file that is removed or replaced while it is open is noticed with the next Update, which fails.
// Beside the file lies a small one, -incarnation, and the two count how often the store was opened
// and closed: of an older copy that is put back every Update is refused, and a copy without it does
// not open. So whoever moves a store takes both, after Close; a copy of a store in use lacks what
// is in its -wal, and is made with package backup. See Options.Copied and Options.MustExist. A copy
// that is put back before the next Open or Close is not noticed, since the numbers agree.
//
// A row that is plain has a check value: damage is session.ErrRecord.
//
// # Concurrency
//
// A Store is safe for concurrent use, and any number of processes may use one file. SQLite has one
// writer at a time, and every Update is one (BEGIN IMMEDIATE): a transaction never fails because of
// another, it waits. Goroutines wait in the order of their arrival; processes wait by trying again.
// A network file system does not carry the locks that this needs. A program that has a Store open
// does not open the file in any other way: on Unix, closing such a descriptor drops the process's
// locks.
//
// # Secrets
//
// The file holds private keys and is created readable by its owner only (0600; the -wal and -shm
// files beside it too). The mode of an existing file is left alone. With Options.Seal rows are
// encrypted. Deleted and replaced rows are overwritten (secure_delete), but the -wal file keeps old
// versions until it is written over, and so may the disk.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// Options adjusts a Store. The zero value works.
type Options struct {
	// Device tells the records of several devices in one file apart. Each of them is opened as its
	// own Store.
	Device int64
	// Wait is how long an Update, or Open, waits for other processes before it fails. Zero means 30
	// seconds; a negative value means as long as the context allows. Goroutines of this process are
	// waited for as long as the context allows.
	Wait time.Duration
	// Seal, if not nil, encrypts what rows hold; see package seal. A file that is sealed for this
	// Device does not open without it.
	Seal *seal.Options
	// MustExist makes Open fail where there is no store yet (fs.ErrNotExist if there is no file),
	// rather than begin an empty one: for a program that has an identity to lose.
	MustExist bool
	// Copied says that the file is a copy, or was moved, and is to be used as it is: it is an older
	// one than was here, or the -incarnation is not beside it. Call Device.ArchiveAll before anything
	// else, unless nothing has been done with the original since.
	Copied bool
}

// A Store is a session.Store in an SQLite file. It is safe for concurrent use.
type Store struct {
	db     *sql.DB
	path   string
	device int64
	wait   time.Duration
	ring   *seal.Ring    // nil: rows are plain
	turn   chan struct{} // holds one token while no transaction of this Store runs

	// aborted is set when SQLite rolls a transaction back, also of its own accord: after an
	// interrupted statement or a full disk. What f wrote next would be committed statement by
	// statement.
	aborted atomic.Bool
	stmts   [statements]*sql.Stmt

	standing standing // the files as they were opened
	older    error    // not nil: the file is not to be written
}

// Open opens the database file at path, creates it if there is none, and brings its schema up to
// date. It refuses a file with a schema newer than this package's, and one that was copied while it
// was in use; of an older copy, every Update is refused. Nil opts means the defaults.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	s := &Store{device: opts.Device, wait: opts.Wait, turn: make(chan struct{}, 1)}
	if s.wait == 0 {
		s.wait = 30 * time.Second
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	s.path = abs
	as, err := create(abs, opts.MustExist)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if s.db, err = connect(abs, &s.aborted); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := s.prepare(ctx, as, opts); err != nil {
		s.db.Close()
		return nil, err
	}
	s.turn <- struct{}{}
	return s, nil
}

// creating keeps a Store from opening a file that another is about to close after creating it.
var creating sync.Mutex

// A founding is how a file was found: empty, with a log, as a first Open has left it that failed.
type founding struct{ empty, log, failed bool }

// create makes an empty file that its owner alone can read, durably. An existing file is fine.
func create(path string, must bool) (as founding, err error) {
	creating.Lock()
	defer creating.Unlock()
	_, err = os.Stat(path + "-wal")
	as.log = err == nil
	info, err := os.Stat(path)
	if err == nil {
		if as.empty = info.Size() == 0; as.empty && must {
			return as, errNone
		}
		if as.empty && !as.log {
			err = conceived(path)
		}
		return as, err
	}
	if must || !errors.Is(err, fs.ErrNotExist) {
		return as, err
	}
	as.empty = true
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) { // another process was faster
		return as, nil
	}
	if err != nil {
		return as, err
	}
	if err := errors.Join(f.Close(), conceived(path)); err != nil {
		return as, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return as, err
	}
	defer dir.Close()
	dir.Sync() // not every system can; those that need it do
	return as, nil
}

// prepare migrates the schema, learns the data keys, and compiles the statements.
func (s *Store) prepare(ctx context.Context, as founding, opts *Options) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: open: %w", err)
	}
	defer tx.Rollback()
	if s.standing, err = stand(s.path); err != nil {
		return fmt.Errorf("sqlite: open: %w", err)
	}
	if err := s.inspect(tx, &as, opts); err != nil {
		return err
	}
	if err := migrate(tx); err != nil {
		return err
	}
	in, err := s.begun(tx, as.empty || as.failed, opts.Copied)
	if err != nil {
		return err
	}
	if err := s.unlock(ctx, tx, opts.Seal); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	if s.older == nil {
		if err := s.settle(in); err != nil {
			return err
		}
	}
	for i, text := range statementText {
		if s.stmts[i], err = s.db.Prepare(text); err != nil {
			return fmt.Errorf("sqlite: prepare: %w", err)
		}
	}
	return nil
}

// Close waits for the update that runs, if any, and closes the file. Later updates fail.
func (s *Store) Close() error {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	s.ended()
	return s.db.Close()
}

// Update runs f in one transaction, as session.Store says; its tx is a *Tx. It fails with the
// context's error, and keeps nothing, if ctx ends before the commit begins. f runs once.
func (s *Store) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err // a select would toss a coin
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	tx, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: begin: %w", err)
	}
	t := &Tx{store: s, ctx: ctx, sql: tx}
	defer func() { // also when f panics
		t.err = errDone
		tx.Rollback() // after a commit it does nothing
	}()
	if err := errors.Join(s.older, s.still()); err != nil {
		return err
	}
	err = f(t)
	if t.sealing.back {
		tx.Rollback()
		return errors.Join(t.err, s.endAll(ctx))
	}
	if err != nil {
		return err
	}
	if err := t.ready(); err != nil { // f ignored it
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlite: commit: %w", err)
	}
	t.sealing.committed(s.ring)
	return s.still() // what was committed to a file that is gone is lost
}

// begin starts a transaction that holds the file's write lock. While another process holds it,
// begin tries again: SQLite's own waiting would be deaf to ctx and sleeps for up to 100 ms at a
// time.
//
// The transaction does not end with ctx. A statement interrupted halfway would take the whole
// transaction with it; Update looks at ctx itself.
func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	var deadline <-chan time.Time
	pause := 50 * time.Microsecond
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.aborted.Store(false)
		tx, err := s.db.BeginTx(context.WithoutCancel(ctx), nil)
		if err == nil || !isBusy(err) {
			return tx, err
		}
		if deadline == nil && s.wait > 0 {
			timer := time.NewTimer(s.wait)
			defer timer.Stop()
			deadline = timer.C
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 2*time.Millisecond)
		case <-deadline:
			return nil, err
		case <-ctx.Done():
		}
	}
}
