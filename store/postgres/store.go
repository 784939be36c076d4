// Package postgres is a session.Store, and a group.Store, in PostgreSQL 15 or later: for devices
// that live on many hosts, and for many devices in one database.
//
// # Durability
//
// When Update returns nil, the transaction is on the server's disk, and on that of a synchronous
// standby if there is one: every transaction turns synchronous_commit on for itself where it is off
// or local, and every new connection refuses a server that runs with fsync=off. If the connection
// breaks while a commit is under way, Update finds out afterwards whether it happened; see
// ErrUncertain, which a commit is as well whose wait for a standby was cancelled. Store.Durability
// says what a commit survives.
//
// # Time that goes back
//
// A failover to a standby that was behind takes commits back, and so does a recovery to a point in
// time. The server's timeline number changes with both, and every row has the one that it was
// written in. A session of an earlier timeline decrypts and does not encrypt (session.ErrNoSession)
// until it is begun anew; own sender keys are made anew by Channel.Distribution. That is done when
// a row is next used, in its transaction; nothing is scanned, and nobody is asked. Options.Lossless
// and Options.OneHost let sessions go on. On one timeline, as after a copy of the files was put
// back, a process notices rows that are older than those it has met (the last 8192), and keeps that
// in the database for all hosts. What was received and lost is received again if it is delivered
// again.
//
// A row that is plain has a check value: damage is session.ErrRecord.
//
// # Concurrency
//
// A Store is safe for concurrent use, on any number of hosts. A transaction locks the row of its
// peer, so updates that name one peer run one after another, and it commits by compare-and-swap:
// every row that it read and then writes must have the version that was read. A transaction that
// loses a race, or a deadlock, runs again (a bounded number of times), and so does one whose
// connection broke before its commit. An update takes two round trips: one to begin and read the
// peer's row, one to write and commit; each further kind of row that is read is one more.
//
// # Custody
//
// A session can be delegated to another host and taken back, and a host can be shut out of a
// device: see Store.Delegate, Store.Revoke and Store.TakeOver. The commit of a host that has lost
// the right to it fails with a *FencedError. This fences programs that follow the rules; it is no
// access control against one that has the database's password, and it fences hosts, never an old
// primary: what keeps keys apart when the database itself fails over is said above.
//
// # Tenants
//
// Options.Tenant and Options.Device name whose records a Store sees. It sees no others: every
// statement names the owner's number, which is the first column of every primary key.
//
// # Secrets
//
// The tables hold private keys; with Options.Seal rows are encrypted. A Store redacts itself in
// fmt and slog. Replaced rows stay in the table until vacuum, and in the write-ahead log.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// Options adjusts a Store. The zero value works.
type Options struct {
	// Tenant and Device tell the devices in one database apart. A tenant is a customer of a provider,
	// say; devices are numbered within it.
	Tenant string
	Device int64
	// Wait is how long an Update goes on trying while the server is away. Zero means 30 seconds. Locks
	// are waited for as long as the context allows.
	Wait time.Duration
	// Seal, if not nil, encrypts what rows hold, for this device and those opened with Store.Device;
	// see package seal. A device that is sealed does not open without it.
	Seal *seal.Options

	// AllowAsync lets the Store work on a server with a standby that commits do not wait for. A
	// failover to it takes the last commits back: acknowledged messages are lost, and every session
	// that was last written before it only decrypts until it is begun anew (session.ErrNoSession). No
	// key is used twice. Without it, Open and every new connection refuse such a server.
	AllowAsync bool
	// Lossless says that a failover loses nothing, because commits wait for the standbys that can
	// become the primary (synchronous_standby_names, and a failover manager that knows it): sessions
	// go on over a failover. If it is not true, keys are used twice.
	Lossless bool
	// OneHost says that no process but this one commits for the device, which includes that an old one
	// is dead: then a session goes on over a failover if its row is the one that this process has
	// written or met last. If it is not true, keys may be used twice.
	OneHost bool

	// For tests: do what is done on other engines, and look at the connections.
	portable  bool
	configure func(*pgxpool.Config)
}

// A Store is a session.Store in PostgreSQL. It is safe for concurrent use.
type Store struct {
	pool  *pool
	owner int64         // number of tenant and device
	epoch *atomic.Int64 // of the device, when this Store was opened or took it over
	grant *Grant        // nil: the device's own host
	turns *turns
	marks *marks
	opts  *Options

	sealed *seal.Options // nil: rows are plain
	ring   *seal.Ring
}

var (
	// ErrUncertain is an Update whose connection broke during the commit, and that could not find out
	// afterwards whether it happened, or whose commit is on the server's disk and somebody cancelled
	// its wait for a synchronous standby. A message from such an Encrypt is not sent. Rows the caller
	// wrote in the same transaction tell.
	ErrUncertain = errors.New("postgres: the outcome of a commit is unknown")

	errConflict = errors.New("postgres: a row changed under the transaction")
	errDone     = errors.New("postgres: transaction has ended")
	errNotYours = errors.New("postgres: the commit is left to Update")
	errAborted  = errors.New("postgres: transaction was ended by the caller or by a failed statement")
)

// Open connects to the database at url (a URL or key=value pairs, as libpq takes them;
// pool_max_conns sets the number of connections), brings its schema up to date, and returns the
// Store of the device named in opts. It refuses a database with a schema newer than this package's.
// Nil opts means the defaults.
func Open(ctx context.Context, url string, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	wait := opts.Wait
	if wait == 0 {
		wait = 30 * time.Second
	}
	p, err := connect(ctx, url, wait, opts)
	if err != nil {
		return nil, err
	}
	if err := p.migrate(ctx, migrations); err != nil {
		p.Close()
		return nil, err
	}
	s, err := (&Store{pool: p, turns: new(turns), marks: new(marks), opts: &p.opts, sealed: opts.Seal}).Device(ctx, opts.Tenant, opts.Device)
	if err != nil {
		p.Close()
		return nil, err
	}
	return s, nil
}

// Device returns the Store of another device, over the same connections. Close closes them for
// both.
func (s *Store) Device(ctx context.Context, tenant string, device int64) (*Store, error) {
	other := &Store{pool: s.pool, turns: s.turns, marks: s.marks, opts: s.opts, epoch: new(atomic.Int64), sealed: s.sealed}
	err := s.pool.durably(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO signet_device (tenant, device) VALUES ($1, $2) ON CONFLICT DO NOTHING`, []byte(tenant), device)
		return err
	})
	if err == nil {
		var epoch int64
		err = s.pool.QueryRow(ctx, `SELECT owner, epoch FROM signet_device WHERE tenant = $1 AND device = $2`,
			[]byte(tenant), device).Scan(&other.owner, &epoch)
		other.epoch.Store(epoch)
	}
	if err == nil {
		err = other.unlock(ctx, tenant, device)
	}
	if err != nil {
		return nil, fmt.Errorf("postgres: device: %w", err)
	}
	return other, nil
}

// Close waits for the updates that run and closes the connections. Later updates fail.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// Update runs f in one transaction, as session.Store says; its tx is a *Tx. It fails with the
// context's error, and keeps nothing, if ctx ends before the commit begins. f may run several
// times. It must not call Update. The error is a *FencedError if the right to commit was taken from
// s.
func (s *Store) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	return s.update(ctx, peer, false, func(tx *Tx) error { return f(tx) })
}

func (s *Store) update(ctx context.Context, peer signet.Address, control bool, f func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	giveBack, err := s.turns.take(ctx, turn{s.owner, peer})
	if err != nil {
		return err
	}
	defer giveBack()
	return s.repeat(ctx, []signet.Address{peer}, control, f)
}

// UpdateAll is Update for many peers at once: it locks the rows of all of them, in an order of its
// own, and so excludes every Update that names one of them. Their sessions and identities are read
// in one round trip and written in one, if they are not more than 1024; it is meant for an
// encryption to all devices of a group. Of more, records are read and sent 256 at a time, so that
// memory does not grow with them. All of it commits or nothing.
func (s *Store) UpdateAll(ctx context.Context, peers []signet.Address, f func(tx session.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(peers) == 0 {
		return s.Update(ctx, signet.Address{}, f)
	}
	return s.repeat(ctx, distinct(peers), false, func(tx *Tx) error {
		tx.in(peers)
		return f(tx)
	})
}

// conflicts is how many races a transaction may lose before Update gives up.
const conflicts = 30

// repeat runs the transaction until it is done, it fails, or there were too many conflicts.
func (s *Store) repeat(ctx context.Context, peers []signet.Address, control bool, f func(tx *Tx) error) error {
	limit := time.Now().Add(s.pool.wait)
	pause := time.Millisecond
	for lost := 0; ; {
		again, err := s.attempt(ctx, peers, control, f)
		switch {
		case again == no:
			return err
		case again == atOnce:
			if lost++; lost > conflicts {
				return fmt.Errorf("postgres: gave up after %d conflicts: %w", conflicts, err)
			}
		case time.Now().After(limit):
			return err
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}

// An again says whether a transaction is to be run again.
type again int

const (
	no       again = iota
	atOnce         // it met another one
	inAWhile       // the server is away
)

// attempt runs f once.
func (s *Store) attempt(ctx context.Context, peers []signet.Address, control bool, f func(tx *Tx) error) (again, error) {
	t, err := s.begin(ctx, peers, control)
	switch {
	case errors.Is(err, errWentBack):
		return t.wentBack(ctx, err)
	case err != nil:
		return t.verdict(ctx, err), t.words(ctx, err)
	}
	defer t.end() // also when f panics
	err = f(t)
	if t.err != nil { // f has seen it, and maybe ignored it
		if errors.Is(t.err, errWentBack) {
			return t.wentBack(ctx, t.err)
		}
		if v := t.verdict(ctx, t.err); v != no {
			return v, t.err
		}
		if err == nil {
			err = t.err
		}
	}
	if err != nil && (t.failed() || isFatal(err)) { // the caller's own statement may have met the end of the server, or a deadlock
		return t.verdict(ctx, err), err
	}
	if err = t.told(err); err == nil {
		err = ctx.Err()
	}
	if err != nil || !t.dirty {
		return no, err
	}
	return t.commit(ctx)
}

const redacted = "postgres.Store(…)"

// Format redacts the store under every verb: it knows the database's password.
func (Store) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue redacts the store in slog.
func (Store) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts the store in JSON and every other text encoding.
func (Store) MarshalText() ([]byte, error) { return []byte(redacted), nil }
