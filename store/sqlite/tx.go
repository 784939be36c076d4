package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"signet.example/signet"
	"signet.example/signet/store/internal/check"
	"signet.example/signet/store/internal/listed"
)

// A Tx is one transaction on a device's records, and on the caller's own tables in the same file.
// It is what the session.Tx given to a transaction's function is: tx.(*sqlite.Tx).SQL().
type Tx struct {
	store *Store
	ctx   context.Context
	sql   *sql.Tx
	err   error // sticky: after a failed statement nothing is certain

	sealing sealing
}

var (
	errDone    = errors.New("sqlite: transaction has ended")
	errAborted = errors.New("sqlite: transaction was rolled back by a failed statement")
)

// SQL returns the transaction as the standard library's, for the caller's own rows in the same
// commit. The caller leaves Commit and Rollback to Update, leaves tables named signet_… alone, and
// ends the transaction with an error if a statement fails: SQLite may have rolled all of it back.
func (t *Tx) SQL() *sql.Tx { return t.sql }

// ready returns the error that ended the transaction, if one did.
func (t *Tx) ready() error {
	if t.err == nil && t.store.aborted.Load() {
		t.err = errAborted
	}
	return t.err
}

// fail ends the transaction.
func (t *Tx) fail(err error) error {
	t.err = fmt.Errorf("sqlite: %w", err)
	return t.err
}

// exec returns how many rows changed.
func (t *Tx) exec(s statement, args ...any) (int64, error) {
	if err := t.ready(); err != nil {
		return 0, err
	}
	res, err := t.sql.Stmt(t.store.stmts[s]).Exec(args...)
	if err != nil {
		return 0, t.fail(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, t.fail(err)
	}
	return n, nil
}

// row reads a row of one column. It reports false if there is none.
func (t *Tx) row(s statement, dst any, args ...any) (bool, error) {
	if err := t.ready(); err != nil {
		return false, err
	}
	err := t.sql.Stmt(t.store.stmts[s]).QueryRow(args...).Scan(dst)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, t.fail(err)
	}
	return true, nil
}

// notNull is b where a nil slice would be NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// A key names a row of one of the tables with values.
type key struct {
	table  table
	name   string // of a peer, a sender, or a value
	id     uint32 // of a prekey, or the device of a peer or sender
	kind   int    // of a prekey
	within string // the group of a sender key
}

// args are the key's columns, device first, with room for what a put has more.
func (k key) args(device int64) []any {
	a := append(make([]any, 0, 8), device)
	switch k.table {
	case preKeys:
		return append(a, k.kind, k.id)
	case values:
		return append(a, k.name)
	case senderKeys:
		return append(a, k.name, k.id, k.within)
	default: // sessions, archives, identities
		return append(a, k.name, k.id)
	}
}

func peerKey(t table, peer signet.Address) key {
	return key{table: t, name: peer.Name, id: peer.Device}
}

// get reads a row, and opens it if it is sealed. A missing one is nil.
func (t *Tx) get(k key) ([]byte, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	var b []byte
	var version, seal, sum int64
	err := t.sql.Stmt(t.store.stmts[k.table.statement(get)]).QueryRow(k.args(t.store.device)...).Scan(&b, &version, &seal, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		t.sealing.keep(k, 0)
		return nil, nil
	}
	if err != nil {
		return nil, t.fail(err)
	}
	if seal == 0 && t.store.ring.AllowPlain() {
		if err := check.Matches(sum, k.place(version), b); err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
	}
	if t.store.ring == nil && seal == 0 && len(b) > 0 {
		return b, nil
	}
	return t.open(k, b, version, seal)
}

// put replaces a row, sealed if the store is.
func (t *Tx) put(k key, value []byte) error {
	if err := t.ready(); err != nil {
		return err
	}
	value, version, seal, err := t.seal(k, notNull(value))
	if err != nil {
		return err
	}
	_, err = t.exec(k.table.statement(put), append(k.args(t.store.device), value, version, seal, check.CRC(value))...)
	return err
}

// remove deletes a row and reports whether there was one.
func (t *Tx) remove(k key) (bool, error) {
	n, err := t.exec(k.table.statement(remove), k.args(t.store.device)...)
	t.sealing.keep(k, 0)
	return n > 0, err
}

// putOrRemove deletes the row if record is empty.
func (t *Tx) putOrRemove(k key, record []byte) error {
	if len(record) > 0 || t.store.ring != nil && k.table == sessions {
		return t.put(k, record) // an empty sealed session keeps its version
	}
	_, err := t.remove(k)
	return err
}

// Session implements session.Tx.
func (t *Tx) Session(peer signet.Address) ([]byte, error) { return t.get(peerKey(sessions, peer)) }

// PutSession implements session.Tx. It copies record.
func (t *Tx) PutSession(peer signet.Address, record []byte) error {
	return t.putOrRemove(peerKey(sessions, peer), record)
}

// Archive implements session.Tx.
func (t *Tx) Archive(peer signet.Address) ([]byte, error) { return t.get(peerKey(archives, peer)) }

// PutArchive implements session.Tx. It copies record.
func (t *Tx) PutArchive(peer signet.Address, record []byte) error {
	return t.putOrRemove(peerKey(archives, peer), record)
}

// Peers implements session.Tx. It lists the peers of the moment the loop begins; its body may
// write.
func (t *Tx) Peers() iter.Seq2[signet.Address, error] {
	return listed.Seq(func() ([]signet.Address, error) {
		return list(t, listPeers, func(a *signet.Address) []any { return []any{&a.Name, &a.Device} }, t.store.device)
	})
}

// Devices implements session.Tx.
func (t *Tx) Devices(name string) iter.Seq2[uint32, error] {
	return listed.Seq(func() ([]uint32, error) {
		return list(t, listDevices, func(id *uint32) []any { return []any{id} }, t.store.device, name)
	})
}

// SenderKeys implements group.Tx.
func (t *Tx) SenderKeys(sender signet.Address) iter.Seq2[string, error] {
	return listed.Seq(func() ([]string, error) {
		return list(t, listGroups, func(name *string) []any { return []any{name} }, t.store.device, sender.Name, sender.Device)
	})
}

// list reads the whole list, so that the statement is finished before the caller does anything.
func list[T any](t *Tx, s statement, fields func(*T) []any, args ...any) (all []T, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	rows, err := t.sql.Stmt(t.store.stmts[s]).Query(args...)
	if err != nil {
		return nil, t.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		var one T
		if err := rows.Scan(fields(&one)...); err != nil {
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

// PutIdentity implements session.Tx. It copies key.
func (t *Tx) PutIdentity(peer signet.Address, key []byte) error {
	return t.putOrRemove(peerKey(identities, peer), key)
}

func senderKey(sender signet.Address, group string) key {
	return key{table: senderKeys, name: sender.Name, id: sender.Device, within: group}
}

// SenderKey implements group.Tx.
func (t *Tx) SenderKey(sender signet.Address, group string) ([]byte, error) {
	return t.get(senderKey(sender, group))
}

// PutSenderKey implements group.Tx. It copies record.
func (t *Tx) PutSenderKey(sender signet.Address, group string, record []byte) error {
	return t.putOrRemove(senderKey(sender, group), record)
}
