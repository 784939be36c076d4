package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// sealing is what a transaction knows of sealed rows.
type sealing struct {
	versions map[key]int64 // of rows that were read or written, 0 for one that is not there
	current  int64         // the data key for writing, once one was needed
	written  []seal.Place  // sessions
	back     bool          // a session went back in time
	ending   bool          // they are being ended because one did
}

func (s *sealing) keep(k key, version int64) {
	if s.versions != nil {
		s.versions[k] = version
	}
}

// committed remembers the versions of the sessions that were written.
func (s *sealing) committed(r *seal.Ring) {
	for i := range s.written {
		r.Met(&s.written[i]) // it cannot be older: the file was locked
	}
}

// place is where a value lies.
func (k key) place(version int64) *seal.Place {
	p := &seal.Place{Table: onTable[k.table].name, Name: k.name, ID: int64(k.id), Within: k.within, Version: version}
	if k.table == preKeys {
		p.Within = strconv.Itoa(k.kind)
	}
	return p
}

// open opens what was read of a row.
func (t *Tx) open(k key, b []byte, version, id int64) ([]byte, error) {
	r := t.store.ring
	if r != nil && t.sealing.versions == nil {
		t.sealing.versions = make(map[key]int64)
	}
	_, again := t.sealing.versions[k] // then it may be this transaction's own, which nobody else knows
	t.sealing.keep(k, version)
	place := k.place(version)
	if r != nil && k.table == sessions && id != 0 && !again && !t.sealing.ending {
		if err := r.Met(place); err != nil {
			t.sealing.back = true
			return nil, t.refuse(err)
		}
	}
	if len(b) == 0 && k.table == sessions {
		return nil, nil // deleted, with its version kept
	}
	if r != nil && id != 0 && !r.Knows(id) {
		if err := t.store.learn(t.ctx, t.sql); err != nil {
			return nil, t.refuse(err)
		}
	}
	b, err := r.Open(id, place, b)
	if err != nil {
		return nil, t.refuse(err)
	}
	return notNull(b), nil
}

// endAll ends all sessions of the device: one went back in time, and of the others nobody knows. It
// is kept in the file, for other processes and later ones. What does not open stays as it is.
func (s *Store) endAll(ctx context.Context) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	t := &Tx{store: s, ctx: ctx, sql: tx}
	for a, err := range t.Peers() {
		if err != nil {
			return err
		}
		t.sealing = sealing{ending: true, versions: make(map[key]int64)}
		current, err := t.Session(a)
		archive, err2 := t.Archive(a)
		if err != nil || err2 != nil {
			t.err = nil
			continue
		}
		if err := t.PutArchive(a, new(session.Rewind).Archive(current, archive)); err != nil {
			return err
		}
		if err := t.PutSession(a, nil); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.ring.Forget()
	return nil
}

// refuse ends the transaction with an error of package seal.
func (t *Tx) refuse(err error) error {
	t.err = fmt.Errorf("sqlite: %w", err)
	return t.err
}

// seal returns what is stored for value.
func (t *Tx) seal(k key, value []byte) (b []byte, version, id int64, err error) {
	r := t.store.ring
	if r == nil {
		return value, 0, 0, nil
	}
	if t.sealing.current == 0 {
		if t.sealing.current, err = t.newestKey(); err != nil {
			return nil, 0, 0, err
		}
	}
	version, ok := t.sealing.versions[k]
	if !ok {
		if _, err := t.get(k); err != nil {
			return nil, 0, 0, err
		}
		version = t.sealing.versions[k]
	}
	version++
	place := k.place(version)
	if len(value) > 0 || k.table != sessions {
		if value, err = r.Seal(t.sealing.current, place, value); err != nil {
			return nil, 0, 0, t.refuse(err)
		}
	}
	if k.table == sessions {
		t.sealing.written = append(t.sealing.written, *place)
	}
	t.sealing.keep(k, version)
	return value, version, t.sealing.current, nil
}

// newestKey returns the data key that is written under. Another process may have made one.
func (t *Tx) newestKey() (id int64, err error) {
	if t.sealing.versions == nil {
		t.sealing.versions = make(map[key]int64)
	}
	if _, err := t.row(newestKey, &id, t.store.device); err != nil {
		return 0, err
	}
	r := t.store.ring
	switch known := r.Newest(); {
	case id < known:
		return 0, t.refuse(fmt.Errorf("%w: data key %d is gone", seal.ErrRolledBack, known))
	case id > known:
		if err := t.store.learn(t.ctx, t.sql); err != nil {
			return 0, t.refuse(err)
		}
	}
	return id, nil
}

// A querier is a transaction or a connection.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// learn reads the data keys.
func (s *Store) learn(ctx context.Context, q querier) error {
	rows, err := q.QueryContext(context.WithoutCancel(ctx), `SELECT id, wrapped FROM signet_seal_key WHERE device = ? ORDER BY id`, s.device)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var wrapped []byte
		if err := rows.Scan(&id, &wrapped); err != nil {
			return err
		}
		if err := s.ring.Learn(ctx, id, wrapped); err != nil {
			return err
		}
	}
	return rows.Err()
}

// unlock makes the ring of the store, and the first data key of a device that has none.
func (s *Store) unlock(ctx context.Context, tx *sql.Tx, opts *seal.Options) error {
	var keys int
	if err := tx.QueryRow(`SELECT count(*) FROM signet_seal_key WHERE device = ?`, s.device).Scan(&keys); err != nil {
		return fmt.Errorf("sqlite: data keys: %w", err)
	}
	switch {
	case opts == nil && keys > 0:
		return fmt.Errorf("sqlite: %w", seal.ErrSealed)
	case opts == nil:
		return nil
	}
	var err error
	if s.ring, err = seal.NewRing("", s.device, opts); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if keys == 0 {
		if err := s.firstKey(ctx, tx); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
	if err := s.learn(ctx, tx); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

// firstKey begins sealing.
func (s *Store) firstKey(ctx context.Context, tx *sql.Tx) error {
	if !s.ring.AllowPlain() {
		for _, t := range onTable {
			var there bool
			if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM `+t.name+` WHERE device = ?)`, s.device).Scan(&there); err != nil {
				return err
			}
			if there {
				return fmt.Errorf("%w: %s has rows", seal.ErrPlain, t.name)
			}
		}
	}
	wrapped, err := s.ring.Generate(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO signet_seal_key VALUES (?, 1, ?)`, s.device, wrapped)
	return err
}

var errNotSealed = errors.New("sqlite: the store was opened without Options.Seal")

// RotateKey makes a new data key: what is written from its return on, by any process, is sealed
// under it. Rows under older keys stay readable; Reseal brings them under it.
func (s *Store) RotateKey(ctx context.Context) error {
	if s.ring == nil {
		return errNotSealed
	}
	wrapped, err := s.ring.Generate(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return s.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		t := tx.(*Tx)
		id, err := t.newestKey()
		if err != nil {
			return err
		}
		if _, err = t.sql.Exec(`INSERT INTO signet_seal_key VALUES (?, ?, ?)`, s.device, id+1, wrapped); err != nil {
			return t.fail(err)
		}
		return nil
	})
}

// Reseal seals all rows that are plain or under an older data key under the newest, some at a time
// while others work, and then forgets the older keys. It returns how many rows it sealed. If it is
// interrupted, calling it again goes on.
func (s *Store) Reseal(ctx context.Context) (rows int, err error) {
	if s.ring == nil {
		return 0, errNotSealed
	}
	for t := range tables {
		for last, more := int64(-1<<63), true; more; {
			var n int
			err := s.Update(ctx, signet.Address{}, func(tx session.Tx) (err error) {
				n, last, err = tx.(*Tx).resealSome(t, last)
				return err
			})
			if err != nil {
				return rows, err
			}
			rows += n
			more = n > 0
		}
	}
	return rows, s.Update(ctx, signet.Address{}, func(tx session.Tx) error { return tx.(*Tx).retire() })
}

// batch is how many rows Reseal takes in one transaction.
const batch = 64

// resealSome seals rows of a table after rowid last, and returns the last of them.
func (t *Tx) resealSome(of table, last int64) (n int, end int64, err error) {
	current, err := t.newestKey()
	if err != nil {
		return 0, 0, err
	}
	keys, end, err := t.outdated(of, current, last)
	if err != nil {
		return 0, 0, err
	}
	for _, k := range keys {
		value, err := t.get(k)
		if err == nil {
			err = t.put(k, value)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return len(keys), end, nil
}

// outdated lists rows that are not under the current data key.
func (t *Tx) outdated(of table, current, last int64) (keys []key, end int64, err error) {
	text := `SELECT rowid, ` + onTable[of].key + ` FROM ` + onTable[of].name +
		` WHERE device = ? AND seal <> ? AND rowid > ? ORDER BY rowid LIMIT ` + strconv.Itoa(batch)
	rows, err := t.sql.Query(text, t.store.device, current, last)
	if err != nil {
		return nil, 0, t.fail(err)
	}
	defer rows.Close()
	for end = last; rows.Next(); {
		k := key{table: of}
		var columns []any
		switch of {
		case preKeys:
			columns = []any{&k.kind, &k.id}
		case values:
			columns = []any{&k.name}
		case senderKeys:
			columns = []any{&k.name, &k.id, &k.within}
		default:
			columns = []any{&k.name, &k.id}
		}
		if err := rows.Scan(append([]any{&end}, columns...)...); err != nil {
			return nil, 0, t.fail(err)
		}
		keys = append(keys, k)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, t.fail(err)
	}
	return keys, end, nil
}

// retire deletes the older data keys, if no row needs one.
func (t *Tx) retire() error {
	current, err := t.newestKey()
	if err != nil {
		return err
	}
	for of := range tables {
		keys, _, err := t.outdated(of, current, -1<<63)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			return fmt.Errorf("sqlite: %s got rows under an older key meanwhile: reseal again", onTable[of].name)
		}
	}
	if _, err := t.sql.Exec(`DELETE FROM signet_seal_key WHERE device = ? AND id < ?`, t.store.device, current); err != nil {
		return t.fail(err)
	}
	return nil
}
