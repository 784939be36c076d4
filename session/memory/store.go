// Package memory is a session.Store, and a group.Store, that lives in the process's memory. It is
// meant for tests, benchmarks, and programs whose sessions may end with the process: nothing it
// holds survives that.
//
// # Concurrency
//
// A Store is safe for concurrent use. Updates naming the same peer run one after another; updates
// naming different peers run at the same time. Every transaction is serializable: it writes into a
// log of its own, remembers what it read, and is committed only if all of that is still true. If it
// is not (two peers raced for a prekey, say), f runs again. After a few such losses it runs alone,
// so it always gets through.
//
// # Secrets
//
// A Store holds private keys. It redacts itself in fmt, slog and every text encoding. It does not
// wipe the rows it replaces, for other transactions and clones may still be reading them, but for
// the keys of sessions of which it knows that nobody does.
package memory

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A Store keeps one device's records in memory. It implements session.Store. Make one with New: the
// zero Store is not usable. Copies of a Store share their rows.
type Store struct {
	// Two pointers deep: fmt ignores the methods of hidden fields, and under a verb that does not fit
	// it follows one pointer.
	d **data
}

// data is what the copies of one Store share.
type data struct {
	mu sync.Mutex // guards what follows; held for a few map operations at a time

	running int        // transactions between begin and finish
	loners  int        // those that lost too often: they wait to run alone, or one does
	changed *sync.Cond // of mu: one of the two numbers has become 0

	peers    map[signet.Address]*peer
	rows     map[key]row       // those that are not a peer's
	names    map[string]*named // made when the first name is listed
	counts   [kinds]int        // rows by kind
	peerSets uint64            // changes when a session or an archive row appears or goes
	commits  uint64            // changes with every commit that wrote
	cloned   uint64            // commits at the last time that the rows were shared with a clone
}

// patience is how many times a transaction may lose against others before it runs alone.
const patience = 3

// New returns an empty Store.
func New() *Store {
	d := &data{
		peers: make(map[signet.Address]*peer),
		rows:  make(map[key]row),
	}
	d.changed = sync.NewCond(&d.mu)
	return &Store{&d}
}

// Clone returns a Store with the rows committed so far. The two share no later change, so a clone
// is the state a device would restart from if it stopped now.
func (s *Store) Clone() *Store {
	from, c := *s.d, New()
	to := *c.d
	from.mu.Lock()
	defer from.mu.Unlock()
	for a, p := range from.peers {
		if p.present() {
			to.peers[a] = &peer{addr: a, rows: p.rows} // rows are never modified in place
		}
	}
	to.rows = maps.Clone(from.rows)
	to.counts = from.counts
	from.cloned = from.commits
	to.commits, to.cloned = from.commits, from.commits
	return c
}

// Update runs f in one transaction, as session.Store says. It returns the context's error, and
// keeps nothing, if ctx ends before the commit. f must not call Update on the same Store.
func (s *Store) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := *s.d
	t := newLog(d)
	p, err := d.take(ctx, peer, t)
	if err != nil {
		t.end()
		return err
	}
	held := true
	defer func() { // if f panics
		if held {
			d.giveBack(p)
		}
	}()
	for losses := 0; ; losses++ {
		done, err := d.attempt(ctx, p, t, f, losses >= patience)
		if done {
			held = false
			return err
		}
		t = newLog(d)
	}
}

// attempt runs f once over t, with the turn of own if it is not nil. It reports false if what f
// read is no longer so; then f has to run again, even if it failed, because it may have failed over
// a view that never was. If it reports true own's turn was given back.
func (d *data) attempt(ctx context.Context, own *peer, t *log, f func(tx session.Tx) error, alone bool) (done bool, err error) {
	if !t.begun {
		d.mu.Lock()
		t.begin(own, alone)
		d.mu.Unlock()
	}
	handle := &tx{t}
	defer func() { // also when f panics: nothing has been written yet, so this is the rollback
		handle.log = nil
		if t.begun {
			d.mu.Lock()
			t.finish()
			d.mu.Unlock()
		}
		t.end()
	}()
	err = f(handle)
	if err == nil {
		err = ctx.Err()
	}
	return t.commit(err), err
}

const redacted = "memory.Store(…)"

// Format redacts the store under every verb.
func (Store) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue redacts the store in slog.
func (Store) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts the store in JSON and every other text encoding.
func (Store) MarshalText() ([]byte, error) { return []byte(redacted), nil }
