package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
	"signet.example/signet/store/internal/check"
)

// An UpdateAll of more peers than this reads their records when they are asked for, some at a time,
// and sends what was written some at a time, so that not all of them are in memory: a message to 10
// 000 peers goes over 50 MB of records.
const (
	manyPeers = 1024
	window    = 256
)

// The rows without their records, and the records.
var (
	sqlLockMany = strings.Replace(sqlLockPeers, ` record,`, ` NULL::BYTEA,`, 1)
	sqlRecords  = `SELECT peer, peer_device, record, record_sum, seal FROM signet_peer
		WHERE owner = $1 AND (peer, peer_device) IN (SELECT a, b FROM unnest($2::BYTEA[], $3::BIGINT[]) AS v (a, b))`
)

// in has the transaction read records in the order of the peers as they were given.
func (t *Tx) in(order []signet.Address) {
	if len(t.locked) <= manyPeers {
		return
	}
	t.order, t.places = order, make(map[signet.Address]int, len(order))
	for i, a := range order {
		t.places[a] = i
	}
}

// load reads the record of a peer whose row was read without, and those of the next ones.
func (t *Tx) load(a signet.Address, p *peerRow) error {
	if !p.unread {
		return nil
	}
	if t.err != nil {
		return t.err
	}
	names, devices := [][]byte{[]byte(a.Name)}, []int64{int64(a.Device)}
	for i := t.places[a] + 1; i < len(t.order) && len(names) < window; i++ {
		if next := t.order[i]; t.peers[next].unread {
			names, devices = append(names, []byte(next.Name)), append(devices, int64(next.Device))
		}
	}
	type read struct {
		name, record    []byte
		device, sum, id int64
	}
	rows, _ := t.conn.Query(t.ctx, sqlRecords, t.store.owner, names, devices)
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (l read, err error) {
		err = r.Scan(&l.name, &l.device, &l.record, &l.sum, &l.id)
		return l, err
	})
	if err != nil {
		return t.fail(err)
	}
	for _, l := range list {
		at := signet.Address{Name: string(l.name), Device: uint32(l.device)}
		if p := t.peers[at]; p.unread {
			p.unread, p.record, p.recordSum = false, l.record, l.sum
			if err := t.openRecord(at, p, l.id); err != nil {
				return t.fail(err)
			}
		}
	}
	if p.unread {
		return t.fail(errConflict) // it is locked, and gone: deleted by hand
	}
	return nil
}

// openRecord opens a peer's record, or finds it damaged.
func (t *Tx) openRecord(a signet.Address, p *peerRow, id int64) (err error) {
	if id == 0 {
		p.damagedRecord = check.Matches(p.recordSum, peerPlace("record", a, p.version), p.record)
	}
	if len(p.record) > 0 && (id != 0 || t.store.ring != nil) {
		p.record, err = t.opened(id, peerPlace("record", a, p.version), p.record)
	}
	return err
}

// unload sends what was written, once it is some, and lets go of records.
func (t *Tx) unload() error {
	if t.order == nil {
		return nil
	}
	if t.loose++; t.loose < window {
		return nil
	}
	t.loose = 0
	if err := t.flush(); err != nil {
		return err
	}
	for _, a := range t.locked {
		if p := t.peers[a]; !p.unread && !p.stale && p.version > 0 {
			p.record, p.unread, p.damagedRecord = nil, true, nil
		}
	}
	return nil
}
