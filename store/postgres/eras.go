package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// An era is a stretch of time in which nothing that was committed was taken back. Its low 32 bits
// are the number of the server's timeline, which changes with every failover and every recovery to
// a point in time; above is how often the device's rows were found to have gone back on one
// timeline.
//
// A row has the era that it was last written in. Of a session of an earlier one nobody knows
// whether it was used further, and lost: it decrypts, and does not encrypt any more. That is done
// when the row is next used, in the transaction that uses it.
type era int64

// timelineOf parses the number of a timeline, hexadecimal.
func timelineOf(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("postgres: the server's timeline is %q", s)
	}
	return int64(n), nil
}

// found returns the part of an era that says how often rows were found to have gone back.
func (e era) found() era { return e >> 32 }

var (
	errWentBack   = errors.New("postgres: a row went back in time")
	errLeftBehind = errors.New("postgres: the server is a primary that was left behind: this process has met a later timeline")
)

// timeline returns the number of the server's timeline, and 0 on an engine that has none.
func (p *pool) timeline(ctx context.Context, tx pgx.Tx) (int64, error) {
	if p.portable {
		return 0, nil
	}
	var s string
	if err := tx.QueryRow(ctx, `SELECT `+timeline).Scan(&s); err != nil {
		return 0, err
	}
	return timelineOf(s)
}

// follow takes note of a server's timeline. An earlier one than the latest is that of an old
// primary.
func (p *pool) follow(timeline int64) error {
	for {
		latest := p.latest.Load()
		if timeline < latest {
			return fmt.Errorf("%w (%X, %X)", errLeftBehind, timeline, latest)
		}
		if p.latest.CompareAndSwap(latest, timeline) {
			return nil
		}
	}
}

// A mark is what this process knows of a row: the latest that it has met.
type mark struct {
	era            era
	version, token int64
}

// marks remembers those of the rows that were met lately: rows that are in use are those whose
// return does harm. It is safe for concurrent use.
type marks struct {
	mu   sync.Mutex
	seed maphash.Seed
	rows map[uint64]mark
}

// maxMarks bounds the memory to some 600 kB.
const maxMarks = 1 << 13

func (m *marks) place(owner int64, a signet.Address) uint64 {
	if m.rows == nil {
		m.seed, m.rows = maphash.MakeSeed(), make(map[uint64]mark)
	}
	return maphash.Comparable(m.seed, struct {
		owner int64
		peer  signet.Address
	}{owner, a})
}

// meet remembers a row that is locked or was committed. It reports whether it is the one that was
// met last, and fails for one that is older, or that comes from another past.
func (m *marks) meet(owner int64, a signet.Address, is mark) (same bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.place(owner, a)
	was, ok := m.rows[at]
	switch {
	case is.version == 0: // a row with nothing in it yet: somebody may have deleted the other
		delete(m.rows, at)
		return false, nil
	case ok && (is.era < was.era || is.era == was.era && (is.version < was.version || is.version == was.version && is.token != was.token)):
		return false, fmt.Errorf("%w: that of %s has version %d and had %d", errWentBack, a, is.version, was.version)
	case !ok && len(m.rows) >= maxMarks:
		for old := range m.rows { // one of them, whichever
			delete(m.rows, old)
			break
		}
	}
	m.rows[at] = is
	return ok && is == was, nil
}

// set remembers a row, whatever was known of it.
func (m *marks) set(owner int64, a signet.Address, is mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.place(owner, a)
	m.rows[at] = is
}

// forget forgets all rows.
func (m *marks) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = nil
}

// date compares a peer's row with the present era and with what the process knows.
func (t *Tx) date(a signet.Address, p *peerRow) error {
	is := mark{p.era, p.version, p.token}
	var same bool
	var err error
	if !p.shared { // one that is not locked may be older than the newest
		same, err = t.store.marks.meet(t.store.owner, a, is)
	}
	switch {
	case err == nil:
	case p.era == t.era, p.era.found() == t.era.found() && t.store.opts.Lossless:
		return err
	default: // a failover took it back, which was to be expected, or it is known: the session ends in any case
		t.store.marks.set(t.store.owner, a, is)
	}
	p.stale = p.exists && p.version > 0 && p.era != t.era
	p.back = p.stale && (p.unread || len(p.record) > 0) && p.era.found() != t.era.found()
	if p.stale && p.era.found() == t.era.found() && (t.store.opts.Lossless || t.store.opts.OneHost && same) {
		p.stale = false
	}
	if !p.stale {
		p.newEra = t.era
	}
	return nil
}

// turn brings what is kept of a peer's sessions into the present era: all of them are previous
// ones, and none encrypts again. It is part of the first write.
func (t *Tx) turn(a signet.Address, p *peerRow) error {
	if !p.stale {
		return nil
	}
	archive, err := t.closed(a, p)
	if err != nil {
		return err
	}
	if err := t.write(archiveKey(a), archive, len(archive) > 0); err != nil {
		return err
	}
	p.record, p.stale, p.back, p.newEra, p.dirty, t.dirty = nil, false, false, t.era, true, true
	p.damagedRecord = nil
	return nil
}

// closed returns the archive of a peer whose sessions are of an earlier era.
func (t *Tx) closed(a signet.Address, p *peerRow) ([]byte, error) {
	if err := t.load(a, p); err != nil {
		return nil, err
	}
	archive, err := t.value(archiveKey(a))
	if err != nil && !errors.Is(err, session.ErrRecord) {
		return nil, err
	}
	current := p.record
	if p.damagedRecord != nil {
		current = nil
	}
	return new(session.Rewind).Archive(current, archive), nil
}

// rewound returns what is left of a value or a sender key of an earlier era: no chain of the
// device's own, and no counter of prekey ids.
func (t *Tx) rewound(k key, r *row) error {
	if r.era == t.era || t.store.opts.Lossless && r.era.found() == t.era.found() {
		return nil
	}
	switch k.table {
	case senderKeys:
		left, err := group.Rewind(r.value)
		if err != nil {
			left = nil // the next Distribution makes a new one
		}
		r.present, r.value = len(left) > 0, left
	case values:
		if keep, err := new(session.Rewind).Value(k.name, r.value); err == nil && !keep {
			r.present, r.value = false, nil
		}
	}
	return nil
}

// wentBack keeps in the database that time went back, so that other hosts and later processes know
// it: from its return on, every session of before only decrypts. Transactions of the device that
// run are waited for. A sealed store tells the caller: there it may have been done on purpose.
func (t *Tx) wentBack(ctx context.Context, found error) (again, error) {
	t.end()
	s := t.store
	err := s.pool.durably(ctx, func(tx pgx.Tx) error {
		if !s.pool.portable {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockKey(s.owner)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE signet_device SET era = era + 1 WHERE owner = $1 AND era = $2`, s.owner, int64(t.era.found()))
		return err
	})
	if err != nil {
		return no, fmt.Errorf("%w; keeping that: %w", found, err)
	}
	s.marks.forget()
	if s.ring != nil {
		return no, fmt.Errorf("%w: %w", seal.ErrRolledBack, found)
	}
	return atOnce, found
}

// told adds to what became of a transaction of a sealed store that it met a row which had gone back
// and was left as it is. What ends its sessions passes.
func (t *Tx) told(err error) error {
	if t.store.ring == nil {
		return err
	}
	for a, p := range t.peers {
		switch {
		case !p.back:
		case err == nil:
			return fmt.Errorf("postgres: %w: the session with %s", seal.ErrRolledBack, a)
		default:
			return fmt.Errorf("%w (%w: the session with %s)", err, seal.ErrRolledBack, a)
		}
	}
	return err
}
