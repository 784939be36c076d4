package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"signet.example/signet"
	"signet.example/signet/store/internal/check"
	"signet.example/signet/store/internal/listed"
)

// A Tx is one transaction on a device's records, and on the caller's own tables in the same
// database. It is what the session.Tx given to a transaction's function is:
// tx.(*postgres.Tx).Pgx().
//
// Rows are read once. Writes are kept here and go to the server with the commit, in one round trip;
// a deletion of a prekey, a mark, and what counts or lists rows go there at once.
type Tx struct {
	store  *Store
	ctx    context.Context
	conn   *pgxpool.Conn
	pgx    pgx.Tx     // begun with the transaction; closed at its end if the caller has it
	given  *callersTx // what the caller has, if anything
	dirty  bool       // there is something to commit
	err    error      // sticky: after a failed statement nothing is certain
	ended  bool
	broken bool // the connection was, at the end

	deviceEpoch int64
	seal        int64 // the data key for writing
	era         era
	peers       map[signet.Address]*peerRow
	locked      []signet.Address // the peers of the Update, sorted; the first is the marker
	base        int64            // version of the marker's row before the transaction
	rows        map[key]*row
	written     []key            // keys of dirty rows, in the order of the first writes
	order       []signet.Address // of a large UpdateAll, as they were given; see many.go
	places      map[signet.Address]int
	loose       int                 // records that were put since the last were sent
	names       map[string][]uint32 // devices under names that were listed; nil once a row was deleted
}

// A peerRow is a peer's row as the transaction sees it: the session and the identity.
type peerRow struct {
	exists    bool
	version   int64
	epoch     int64
	delegated bool
	identity  []byte // nil: none
	record    []byte // empty: none
	seal      int64  // the data key they were sealed under; they are open here
	unread    bool   // the record was not read; see many.go
	shared    bool   // it was read without a lock, so that it may be older than the newest
	token     int64  // of the last commit
	era       era    // in which they were written

	identitySum, recordSum         int64 // check values
	damagedIdentity, damagedRecord error // what is read of it, until it is written

	stale bool // the sessions are of an earlier era, and not turned yet
	back  bool // … because the row was found to have gone back

	dirty        bool
	newEpoch     int64 // what the commit sets
	newDelegated bool
	newEra       era
}

// A key names a row of one of the tables with versions.
type key struct {
	table  table
	name   string // of a peer, a sender, or a value
	id     uint32 // of a prekey, or the device of a peer or sender
	kind   kind   // of a prekey
	within string // the group of a sender key
}

// A row is such a row as the transaction sees it.
type row struct {
	present bool
	value   []byte
	base    base
	version int64 // of the committed row, if base is found
	era     era   // in which it was written
	damaged error // what is read of it, until it is written
	dirty   bool
}

// A base is what is known of the committed row, which decides how the row is written.
type base int

const (
	unknown base = iota // never read: the write is unconditional
	absent
	found
)

func (k key) args(owner int64) []any {
	switch k.table {
	case archives:
		return []any{owner, []byte(k.name), int64(k.id)}
	case preKeys:
		return []any{owner, int64(k.kind), int64(k.id)}
	case values:
		return []any{owner, []byte(k.name)}
	default: // senderKeys
		return []any{owner, []byte(k.name), int64(k.id), []byte(k.within)}
	}
}

// fail ends the transaction.
func (t *Tx) fail(err error) error {
	if t.err == nil {
		t.err = fmt.Errorf("postgres: %w", err)
	}
	return t.err
}

// query reads one row. It reports false if there is none.
func (t *Tx) query(dst []any, sql string, args ...any) (bool, error) {
	if t.err != nil {
		return false, t.err
	}
	err := t.conn.QueryRow(t.ctx, sql, args...).Scan(dst...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, t.fail(err)
	}
	return true, nil
}

// exec returns how many rows changed.
func (t *Tx) exec(sql string, args ...any) (int64, error) {
	if t.err != nil {
		return 0, t.err
	}
	tag, err := t.conn.Exec(t.ctx, sql, args...)
	if err != nil {
		return 0, t.fail(err)
	}
	t.dirty = true
	return tag.RowsAffected(), nil
}

// read returns a row, from the server the first time.
func (t *Tx) read(k key) (*row, error) {
	if t.err != nil {
		return nil, t.err
	}
	if r := t.rows[k]; r != nil {
		return r, nil
	}
	r := &row{base: absent}
	var seal, sum int64
	ok, err := t.query([]any{&r.version, &seal, &sum, &r.era, &r.value}, onTable[k.table].get, k.args(t.store.owner)...)
	if err != nil {
		return nil, err
	}
	if ok {
		r.present, r.base = true, found
		if seal == 0 {
			r.damaged = check.Matches(sum, k.place(r.version), r.value)
		}
		if err := t.openRow(k, r, seal); err != nil {
			return nil, err
		}
		if err := t.rewound(k, r); err != nil {
			return nil, err
		}
	}
	t.keep(k, r)
	return r, nil
}

func (t *Tx) keep(k key, r *row) {
	if t.rows == nil {
		t.rows = make(map[key]*row)
	}
	t.rows[k] = r
}

func (t *Tx) value(k key) ([]byte, error) {
	r, err := t.read(k)
	switch {
	case err != nil || !r.present:
		return nil, err
	case r.damaged != nil:
		return nil, fmt.Errorf("postgres: %w", r.damaged)
	}
	return r.value, nil
}

// write replaces a row, or deletes it if present is false.
func (t *Tx) write(k key, value []byte, present bool) error {
	if t.err != nil {
		return t.err
	}
	r := t.rows[k]
	if r == nil && t.store.ring != nil { // the version is sealed in
		var err error
		if r, err = t.read(k); err != nil {
			return err
		}
	}
	if r == nil {
		r = new(row)
		t.keep(k, r)
	}
	if !present {
		t.names = nil
	}
	r.present, r.value, r.damaged = present, nil, nil
	if present {
		r.value = append([]byte{}, value...) // never nil, that would be NULL
	}
	if !r.dirty {
		r.dirty, t.dirty = true, true
		t.written = append(t.written, k)
	}
	return nil
}

// peer returns a peer's row. The Update's own was read at the beginning; others are locked, too,
// until the end.
func (t *Tx) peer(a signet.Address) (*peerRow, error) {
	if t.err != nil {
		return nil, t.err
	}
	if p := t.peers[a]; p != nil {
		return p, nil
	}
	p := new(peerRow)
	ok, err := t.query(p.fields(), sqlReadPeer, t.store.owner, []byte(a.Name), int64(a.Device))
	if err != nil {
		return nil, err
	}
	p.read(ok)
	if err := t.date(a, p); err != nil {
		return nil, t.fail(err)
	}
	if err := t.openPeer(a, p); err != nil {
		return nil, t.fail(err)
	}
	t.peers[a] = p
	return p, nil
}

// fields is where the peerColumns go.
func (p *peerRow) fields() []any {
	return []any{&p.version, &p.epoch, &p.delegated, &p.identity, &p.record, &p.seal,
		&p.token, &p.era, &p.identitySum, &p.recordSum}
}

func (p *peerRow) read(exists bool) {
	p.exists = exists
	p.newEpoch, p.newDelegated, p.newEra = p.epoch, p.delegated, p.era
}

// change returns a peer's row to be written.
func (t *Tx) change(a signet.Address) (*peerRow, error) {
	p, err := t.peer(a)
	if err != nil {
		return nil, err
	}
	if err := t.store.mayCommit(a, t.deviceEpoch, p); err != nil {
		t.err = err
		return nil, err
	}
	if err := t.load(a, p); err != nil {
		return nil, err
	}
	p.dirty, t.dirty = true, true
	return p, t.turn(a, p)
}

// Session implements session.Tx.
func (t *Tx) Session(peer signet.Address) ([]byte, error) {
	p, err := t.peer(peer)
	if err == nil && !p.stale {
		err = t.load(peer, p)
	}
	switch {
	case err != nil || len(p.record) == 0 || p.stale:
		return nil, err
	case p.damagedRecord != nil:
		return nil, fmt.Errorf("postgres: %w", p.damagedRecord)
	}
	return p.record, nil
}

// PutSession implements session.Tx. It copies record.
func (t *Tx) PutSession(peer signet.Address, record []byte) error {
	p, err := t.change(peer)
	if err == nil {
		p.record, p.damagedRecord = bytes.Clone(record), nil
		t.deleted(record)
		err = t.unload()
	}
	return err
}

func archiveKey(peer signet.Address) key {
	return key{table: archives, name: peer.Name, id: peer.Device}
}

// Archive implements session.Tx.
func (t *Tx) Archive(peer signet.Address) ([]byte, error) {
	p, err := t.peer(peer)
	if err != nil {
		return nil, err
	}
	if p.stale {
		return t.closed(peer, p)
	}
	return t.value(archiveKey(peer))
}

// PutArchive implements session.Tx. It copies record.
func (t *Tx) PutArchive(peer signet.Address, record []byte) error {
	if _, err := t.change(peer); err != nil { // the archive goes with the peer's version and epoch
		return err
	}
	return t.write(archiveKey(peer), record, len(record) > 0)
}

// Peers implements session.Tx. It lists the peers of the moment the loop begins; its body may
// write.
func (t *Tx) Peers() iter.Seq2[signet.Address, error] {
	return listed.Seq(func() ([]signet.Address, error) {
		return list(t, sqlListPeers, func(r pgx.Rows) (a signet.Address, err error) {
			var name []byte
			var device int64
			err = r.Scan(&name, &device)
			return signet.Address{Name: string(name), Device: uint32(device)}, err
		}, t.store.owner)
	})
}

// SenderKeys implements group.Tx.
func (t *Tx) SenderKeys(sender signet.Address) iter.Seq2[string, error] {
	return listed.Seq(func() ([]string, error) {
		return list(t, sqlListGroups, func(r pgx.Rows) (string, error) {
			var name []byte
			err := r.Scan(&name)
			return string(name), err
		}, t.store.owner, []byte(sender.Name), int64(sender.Device))
	})
}

// list returns the rows of a query, which sees what the transaction has written.
func list[T any](t *Tx, sql string, scan func(pgx.Rows) (T, error), args ...any) (all []T, err error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	rows, _ := t.conn.Query(t.ctx, sql, args...) // the error comes again at the end
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

// Identity implements session.Tx. A user's, under the device 0, is read with the rows of its
// devices and is not locked: the commit finds out if it is written and has changed meanwhile.
func (t *Tx) Identity(peer signet.Address) ([]byte, error) {
	p, err := t.peer(peer)
	switch {
	case err != nil:
		return nil, err
	case p.damagedIdentity != nil:
		return nil, fmt.Errorf("postgres: %w", p.damagedIdentity)
	}
	return p.identity, nil
}

// PutIdentity implements session.Tx. It copies key.
func (t *Tx) PutIdentity(peer signet.Address, key []byte) error {
	p, err := t.change(peer)
	if err == nil {
		p.damagedIdentity = nil
	}
	switch {
	case err != nil:
	case len(key) == 0:
		p.identity = nil
		t.deleted(key)
	default:
		p.identity = bytes.Clone(key)
	}
	return err
}

func senderKey(sender signet.Address, group string) key {
	return key{table: senderKeys, name: sender.Name, id: sender.Device, within: group}
}

// SenderKey implements group.Tx.
func (t *Tx) SenderKey(sender signet.Address, group string) ([]byte, error) {
	return t.value(senderKey(sender, group))
}

// PutSenderKey implements group.Tx. It copies record.
func (t *Tx) PutSenderKey(sender signet.Address, group string, record []byte) error {
	return t.write(senderKey(sender, group), record, len(record) > 0)
}

// Value implements session.Tx.
func (t *Tx) Value(name string) ([]byte, error) { return t.value(key{table: values, name: name}) }

// PutValue implements session.Tx. It copies value.
func (t *Tx) PutValue(name string, value []byte) error {
	return t.write(key{table: values, name: name}, value, true)
}

// distinct returns the addresses sorted, each once.
func distinct(list []signet.Address) []signet.Address {
	list = slices.Clone(list)
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

// compare is the order in which the server sorts peers, too, so that locks are taken in one order.
func compare(a, b signet.Address) int {
	if c := bytes.Compare([]byte(a.Name), []byte(b.Name)); c != 0 {
		return c
	}
	return int(a.Device) - int(b.Device)
}
