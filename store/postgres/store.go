// Package postgres is a session.Store, and a group.Store, in PostgreSQL 15 or later: for devices that
// live on many hosts, and for many devices in one database. The SQL is kept to what CockroachDB and
// YugabyteDB accept, too.
//
// # Durability
//
// When Update returns nil, the transaction is on the server's disk: Open turns synchronous_commit on
// for its connections and refuses a server that runs with fsync=off. If the connection breaks while a
// commit is under way, Update finds out afterwards whether it happened; see ErrUncertain. A failover
// to a replica that is not synchronous goes back in time, like a restored backup: call ArchiveAll.
//
// # Concurrency
//
// A Store is safe for concurrent use, on any number of hosts. A transaction locks the row of its peer,
// so updates that name one peer run one after another, and it commits by compare-and-swap: every row
// that it read and then writes must have the version that was read. A transaction that loses a race,
// or a deadlock, runs again (a bounded number of times), and so does one whose connection broke before
// its commit. An update takes two round trips: one to begin and read the peer's row, one to write and
// commit; each further kind of row that is read is one more.
//
// # Custody
//
// A session can be delegated to another host and taken back, and a host can be shut out of a device:
// see Store.Delegate, Store.Revoke and Store.TakeOver. The commit of a host that has lost the right to
// it fails with a *FencedError. This fences programs that follow the rules; it is no access control
// against one that has the database's password.
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

	sealed *seal.Options // nil: rows are plain
	ring   *seal.Ring
}

var (
	// ErrUncertain is an Update whose connection broke during the commit, and that could not find out
	// afterwards whether it happened. A message from such an Encrypt is not sent. Rows the caller wrote
	// in the same transaction tell.
	ErrUncertain = errors.New("postgres: the outcome of a commit is unknown")

	errConflict = errors.New("postgres: a row changed under the transaction")
	errDone     = errors.New("postgres: transaction has ended")
	errNotYours = errors.New("postgres: the commit is left to Update")
	errAborted  = errors.New("postgres: transaction was ended by the caller or by a failed statement")
)

// Open connects to the database at url (a URL or key=value pairs, as libpq takes them; pool_max_conns
// sets the number of connections), brings its schema up to date, and returns the Store of the device
// named in opts. It refuses a database with a schema newer than this package's. Nil opts means the
// defaults.
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
	s, err := (&Store{pool: p, turns: new(turns), sealed: opts.Seal}).Device(ctx, opts.Tenant, opts.Device)
	if err != nil {
		p.Close()
		return nil, err
	}
	return s, nil
}

// Device returns the Store of another device, over the same connections. Close closes them for both.
func (s *Store) Device(ctx context.Context, tenant string, device int64) (*Store, error) {
	other := &Store{pool: s.pool, turns: s.turns, epoch: new(atomic.Int64), sealed: s.sealed}
	_, err := s.pool.Exec(ctx, `INSERT INTO signet_device (tenant, device) VALUES ($1, $2) ON CONFLICT DO NOTHING`, []byte(tenant), device)
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
// context's error, and keeps nothing, if ctx ends before the commit begins. f may run several times.
// It must not call Update. The error is a *FencedError if the right to commit was taken from s.
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
// own, and so excludes every Update that names one of them. Their sessions and identities are read in
// one round trip and written in one, however many there are; it is meant for an encryption to all
// devices of a group. All of it commits or nothing.
func (s *Store) UpdateAll(ctx context.Context, peers []signet.Address, f func(tx session.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(peers) == 0 {
		return s.Update(ctx, signet.Address{}, f)
	}
	return s.repeat(ctx, distinct(peers), false, func(tx *Tx) error { return f(tx) })
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
	if err != nil {
		return t.verdict(ctx, err), t.words(ctx, err)
	}
	defer t.end() // also when f panics
	err = f(t)
	if t.err != nil { // f has seen it, and maybe ignored it
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
	if err == nil {
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
