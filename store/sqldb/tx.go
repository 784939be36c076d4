package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
	"signet.example/signet/store/internal/check"
	"signet.example/signet/store/internal/listed"
	"signet.example/signet/store/seal"
)

// A Tx is one transaction on a device's records, and on the caller's own tables in the same
// database: it is what the session.Tx given to a transaction's function is. It is used by one
// goroutine.
type Tx struct {
	store    *Store
	ctx      context.Context
	q        querier
	err      error // sticky: after a failed statement nothing is certain
	era      int64 // the server's timeline; 0 on SQLite
	locked   map[signet.Address]bool
	versions map[key]int64 // of rows that were read; 0: there is none
}

// Exec runs a statement of the caller's own in the transaction, in the dialect's words.
func (t *Tx) Exec(query string, args ...any) (sql.Result, error) {
	if t.err != nil {
		return nil, t.err
	}
	r, err := t.q.ExecContext(t.ctx, query, args...)
	if err != nil {
		t.fail(err)
	}
	return r, err
}

// Query runs a query of the caller's own in the transaction. The rows are closed before anything
// else is done with it.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if t.err != nil {
		return nil, t.err
	}
	return t.q.QueryContext(t.ctx, query, args...)
}

func (t *Tx) fail(err error) error {
	if t.err == nil {
		t.err = fmt.Errorf("sqldb: %w", err)
	}
	return t.err
}

func (t *Tx) end() { t.err = errDone }

// begin learns the server's timeline, and has the commit wait for the disk.
func (t *Tx) begin() error {
	if t.store.text.now == "" {
		return nil
	}
	var timeline, commit string
	if err := t.q.QueryRowContext(t.ctx, t.store.text.now).Scan(&timeline, &commit); err != nil {
		return fmt.Errorf("sqldb: %w", err)
	}
	n, err := strconv.ParseUint(timeline, 16, 32)
	if err != nil {
		return fmt.Errorf("sqldb: the server's timeline is %q", timeline)
	}
	t.era = int64(n)
	return nil
}

// lock locks a peer, and ends its sessions if they are of another timeline.
func (t *Tx) lock(a signet.Address) error {
	if t.err != nil || t.locked[a] {
		return t.err
	}
	args := []any{t.store.opts.Device, []byte(a.Name), int64(a.Device)}
	var era int64
	err := t.q.QueryRowContext(t.ctx, t.store.text.lock, args...).Scan(&era)
	if errors.Is(err, sql.ErrNoRows) {
		if _, err = t.q.ExecContext(t.ctx, t.store.text.first, append(args, t.era)...); err == nil {
			err = t.q.QueryRowContext(t.ctx, t.store.text.lock, args...).Scan(&era)
		}
		if errors.Is(err, sql.ErrNoRows) {
			err = errConflict
		}
	}
	if err != nil {
		return t.fail(err)
	}
	t.locked[a] = true
	if era == t.era {
		return nil
	}
	if !t.store.opts.Lossless {
		if err := t.turn(a); err != nil {
			return err
		}
	}
	if _, err := t.q.ExecContext(t.ctx, t.store.text.date, append(args, t.era)...); err != nil {
		return t.fail(err)
	}
	return nil
}

// turn ends the sessions with a peer: nobody knows whether they were used further, and lost.
func (t *Tx) turn(a signet.Address) error {
	current, err := t.get(peerKey(sessions, a))
	if err != nil && t.err != nil {
		return err
	}
	archive, err := t.get(peerKey(archives, a))
	if err != nil && t.err != nil {
		return err
	}
	if len(current)+len(archive) == 0 {
		return nil
	}
	if err := t.put(peerKey(archives, a), new(session.Rewind).Archive(current, archive)); err != nil {
		return err
	}
	return t.put(peerKey(sessions, a), nil)
}

func (k key) args(device int64, more ...any) []any {
	return append([]any{device, int64(k.kind), []byte(k.name), int64(k.id), []byte(k.within)}, more...)
}

func peerKey(kind kind, a signet.Address) key { return key{kind: kind, name: a.Name, id: a.Device} }

// get reads a row. A missing one is nil.
func (t *Tx) get(k key) ([]byte, error) {
	if t.err != nil {
		return nil, t.err
	}
	if k.kind == sessions || k.kind == archives {
		if err := t.lock(signet.Address{Name: k.name, Device: k.id}); err != nil {
			return nil, err
		}
	}
	var version, era, crc int64
	var value []byte
	err := t.q.QueryRowContext(t.ctx, t.store.text.get, k.args(t.store.opts.Device)...).Scan(&version, &era, &crc, &value)
	if errors.Is(err, sql.ErrNoRows) {
		if known := t.versions[k]; known > 0 {
			return nil, t.fail(errConflict)
		}
		t.versions[k] = 0
		return nil, nil
	}
	if err != nil {
		return nil, t.fail(err)
	}
	if known, ok := t.versions[k]; ok && known != version {
		return nil, t.fail(errConflict)
	}
	t.versions[k] = version
	place := &seal.Place{Table: t.store.opts.Prefix + "row", Name: k.name, ID: int64(k.id), Within: k.within, Version: version}
	if crc != check.CRC(value) {
		return nil, fmt.Errorf("sqldb: %w: its bytes are not those that were written: kind %d, %s", session.ErrRecord, k.kind, place)
	}
	if value == nil {
		value = []byte{}
	}
	if era != t.era && !t.store.opts.Lossless {
		return rewound(k, value), nil
	}
	return value, nil
}

// rewound returns what is left of a value or a sender key of another timeline.
func rewound(k key, value []byte) []byte {
	switch k.kind {
	case senderKeys:
		left, err := group.Rewind(value)
		if err != nil || len(left) == 0 {
			return nil
		}
		return left
	case values:
		if keep, err := new(session.Rewind).Value(k.name, value); err == nil && !keep {
			return nil
		}
	}
	return value
}

// put replaces a row, or deletes it if value is nil. A row that was read has the version that was
// read.
func (t *Tx) put(k key, value []byte) error {
	if t.err != nil {
		return t.err
	}
	version, read := t.versions[k]
	text, args, next := t.store.text.blind, k.args(t.store.opts.Device, t.era, check.CRC(value), value), int64(1)
	switch {
	case value == nil && read && version == 0:
		return nil
	case value == nil && read:
		text, args, next = t.store.text.removeRead, k.args(t.store.opts.Device, version), 0
	case value == nil:
		text, args = t.store.text.remove, k.args(t.store.opts.Device)
	case read && version == 0:
		text = t.store.text.insert
	case read:
		text, args, next = t.store.text.replace, append(args, version), version+1
	}
	r, err := t.q.ExecContext(t.ctx, text, args...)
	if err != nil {
		return t.fail(err)
	}
	if !read {
		return nil
	}
	switch n, err := r.RowsAffected(); {
	case err != nil:
		return t.fail(err)
	case n != 1:
		return t.fail(errConflict)
	}
	t.versions[k] = next
	return nil
}

// record is value, or nil if it is empty: then the row goes.
func record(value []byte) []byte {
	if len(value) == 0 {
		return nil
	}
	return value
}

func notNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// take deletes a prekey, and fails if there is none: of two transactions that race for it one waits
// here.
func (t *Tx) take(k key) error {
	if t.err != nil {
		return t.err
	}
	r, err := t.q.ExecContext(t.ctx, t.store.text.remove, k.args(t.store.opts.Device)...)
	if err != nil {
		return t.fail(err)
	}
	n, err := r.RowsAffected()
	switch {
	case err != nil:
		return t.fail(err)
	case n == 0 && t.versions[k] > 0:
		return t.fail(errConflict)
	case n == 0:
		return session.ErrNoRow
	}
	t.versions[k] = 0
	return nil
}

// Session implements session.Tx.
func (t *Tx) Session(peer signet.Address) ([]byte, error) { return t.get(peerKey(sessions, peer)) }

// PutSession implements session.Tx.
func (t *Tx) PutSession(peer signet.Address, b []byte) error {
	return t.putPeer(peerKey(sessions, peer), b)
}

// Archive implements session.Tx.
func (t *Tx) Archive(peer signet.Address) ([]byte, error) { return t.get(peerKey(archives, peer)) }

// PutArchive implements session.Tx.
func (t *Tx) PutArchive(peer signet.Address, b []byte) error {
	return t.putPeer(peerKey(archives, peer), b)
}

func (t *Tx) putPeer(k key, b []byte) error {
	if err := t.lock(signet.Address{Name: k.name, Device: k.id}); err != nil {
		return err
	}
	return t.put(k, record(b))
}

// Peers implements session.Tx. It lists the peers of the moment the loop begins; its body may
// write.
func (t *Tx) Peers() iter.Seq2[signet.Address, error] {
	return listed.Seq(func() ([]signet.Address, error) {
		return list(t, t.store.text.peers, func(r *sql.Rows) (a signet.Address, err error) {
			var name []byte
			err = r.Scan(&name, &a.Device)
			a.Name = string(name)
			return a, err
		}, t.store.opts.Device)
	})
}

// Devices implements session.Tx.
func (t *Tx) Devices(name string) iter.Seq2[uint32, error] {
	return listed.Seq(func() ([]uint32, error) {
		return list(t, t.store.text.devices, func(r *sql.Rows) (id uint32, err error) {
			return id, r.Scan(&id)
		}, t.store.opts.Device, []byte(name))
	})
}

// SenderKeys implements group.Tx.
func (t *Tx) SenderKeys(sender signet.Address) iter.Seq2[string, error] {
	return listed.Seq(func() ([]string, error) {
		return list(t, t.store.text.groups, func(r *sql.Rows) (string, error) {
			var name []byte
			err := r.Scan(&name)
			return string(name), err
		}, t.store.opts.Device, []byte(sender.Name), int64(sender.Device))
	})
}

func list[T any](t *Tx, query string, scan func(*sql.Rows) (T, error), args ...any) (all []T, err error) {
	if t.err != nil {
		return nil, t.err
	}
	rows, err := t.q.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, t.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, t.fail(err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, t.fail(err)
	}
	return all, nil
}

// Identity implements session.Tx.
func (t *Tx) Identity(peer signet.Address) ([]byte, error) { return t.get(peerKey(identities, peer)) }

// PutIdentity implements session.Tx.
func (t *Tx) PutIdentity(peer signet.Address, b []byte) error {
	return t.put(peerKey(identities, peer), record(b))
}

// SenderKey implements group.Tx.
func (t *Tx) SenderKey(sender signet.Address, group string) ([]byte, error) {
	return t.get(key{senderKeys, sender.Name, sender.Device, group})
}

// PutSenderKey implements group.Tx.
func (t *Tx) PutSenderKey(sender signet.Address, group string, b []byte) error {
	return t.put(key{senderKeys, sender.Name, sender.Device, group}, record(b))
}

// Value implements session.Tx.
func (t *Tx) Value(name string) ([]byte, error) { return t.get(key{kind: values, name: name}) }

// PutValue implements session.Tx.
func (t *Tx) PutValue(name string, b []byte) error {
	return t.put(key{kind: values, name: name}, notNil(b))
}
