package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
	"signet.example/signet/store/internal/sqlstate"
)

// begin starts a transaction and reads and locks the rows of the peers, in one round trip. The Tx
// is not nil on error, either: verdict looks at its connection.
func (s *Store) begin(ctx context.Context, peers []signet.Address, control bool) (*Tx, error) {
	t := &Tx{store: s, ctx: ctx, locked: peers, peers: make(map[signet.Address]*peerRow, len(peers))}
	var err error
	if t.conn, err = s.pool.Acquire(ctx); err != nil {
		return t, err
	}
	if err = t.open(); err == nil {
		err = t.unseal()
	}
	for i := 0; err == nil && i < len(peers); i++ {
		err = s.mayUpdate(peers[i], t.deviceEpoch, t.peers[peers[i]], control)
	}
	if err != nil {
		t.end()
	}
	return t, err
}

func (t *Tx) open() error {
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{BeginQuery: sqlBegin})
	if t.store.pool.portable {
		b.Queue(sqlSharePortable, t.store.owner)
	} else {
		b.Queue(sqlShare, lockKey(t.store.owner), t.store.pool.idle)
	}
	t.queuePeers(b)
	results := t.conn.SendBatch(t.ctx, b)
	t.pgx = results.Tx()
	if err := results.Close(); err != nil {
		if sqlstate.Is(err, sqlstate.ReadOnlyTransaction, sqlstate.WrongState) {
			t.leave()
		}
		return err
	}
	if err := t.store.pool.follow(int64(t.era & (1<<32 - 1))); err != nil {
		t.leave()
		return err
	}
	for _, a := range t.locked {
		if !t.peers[a].exists {
			if err := t.first(); err != nil {
				return err
			}
			break
		}
	}
	for a, p := range t.peers {
		if err := t.date(a, p); err != nil {
			return err
		}
	}
	t.base = t.peers[t.locked[0]].version
	return nil
}

// leave closes the connection: its server is not the primary any more.
func (t *Tx) leave() {
	if t.conn == nil || t.ended {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), time.Second)
	defer cancel()
	t.conn.Conn().Close(ctx)
}

// at sets the era of the transaction.
func (t *Tx) at(found int64, timeline string) error {
	n, err := timelineOf(timeline)
	t.era = era(found<<32 | n)
	return err
}

// queuePeers queues what reads and locks the peers, and reads their users.
func (t *Tx) queuePeers(b *pgx.Batch) {
	clear(t.peers)
	if len(t.locked) == 1 {
		t.queueOne(b)
	} else {
		t.queueAll(b)
	}
	t.queueUsers(b)
}

// queueOne queues what reads the one peer.
func (t *Tx) queueOne(b *pgx.Batch) {
	a, p := t.locked[0], new(peerRow)
	t.peers[a] = p
	query := sqlLockPeer
	if t.store.pool.portable {
		query = sqlLockPeerPortable
	}
	b.Queue(query, t.store.owner, []byte(a.Name), int64(a.Device)).QueryRow(func(r pgx.Row) error {
		var version, epoch, seal, token, of, identitySum, recordSum *int64
		var delegated *bool
		var found int64
		var timeline string
		if err := r.Scan(&t.deviceEpoch, &t.seal, &found, &timeline, &version, &epoch, &delegated, &p.identity, &p.record,
			&seal, &token, &of, &identitySum, &recordSum); err != nil {
			return err
		}
		if version != nil {
			p.version, p.epoch, p.delegated, p.seal = *version, *epoch, *delegated, *seal
			p.token, p.era, p.identitySum, p.recordSum = *token, era(*of), *identitySum, *recordSum
		}
		p.read(version != nil)
		return t.at(found, timeline)
	})
}

// queueUsers queues what reads the rows of the users whose devices are locked. It comes after the
// locks, so that what has been committed before they were had is seen. The rows are not locked:
// they seldom change, and locking them would have the devices of a user wait for each other.
func (t *Tx) queueUsers(b *pgx.Batch) {
	var names [][]byte
	for _, a := range t.locked {
		user := signet.Address{Name: a.Name}
		if a.Name != "" && t.peers[user] == nil {
			t.peers[user] = &peerRow{shared: true}
			names = append(names, []byte(a.Name))
		}
	}
	switch len(names) {
	case 0:
	case 1:
		b.Queue(sqlUser, t.store.owner, names[0]).Query(t.readPeers)
	default:
		b.Queue(sqlUsers, t.store.owner, names).Query(t.readPeers)
	}
}

// readPeers reads rows of peers.
func (t *Tx) readPeers(rows pgx.Rows) error {
	for rows.Next() {
		var name []byte
		var device int64
		p := new(peerRow)
		if err := rows.Scan(append([]any{&name, &device}, p.fields()...)...); err != nil {
			return err
		}
		p.read(true)
		a := signet.Address{Name: string(name), Device: uint32(device)}
		p.shared = t.peers[a].shared
		p.unread = !p.shared && len(t.locked) > manyPeers
		t.peers[a] = p
	}
	return rows.Err()
}

// queueAll queues what reads the peers of an UpdateAll.
func (t *Tx) queueAll(b *pgx.Batch) {
	query := sqlEpoch
	if t.store.pool.portable {
		query = sqlEpochPortable
	}
	b.Queue(query, t.store.owner).QueryRow(func(r pgx.Row) error {
		var found int64
		var timeline string
		if err := r.Scan(&t.deviceEpoch, &t.seal, &found, &timeline); err != nil {
			return err
		}
		return t.at(found, timeline)
	})
	names, devices := make([][]byte, len(t.locked)), make([]int64, len(t.locked))
	for i, a := range t.locked {
		names[i], devices[i] = []byte(a.Name), int64(a.Device)
		t.peers[a] = new(peerRow)
	}
	rows := sqlLockPeers
	if len(t.locked) > manyPeers {
		rows = sqlLockMany
	}
	b.Queue(rows, t.store.owner, names, devices).Query(t.readPeers)
}

// first makes the rows of peers that have none, so that there is something to lock. Another
// transaction may be about to do the same: the insertion waits for it.
func (t *Tx) first() error {
	names, devices := [][]byte{}, []int64{}
	for _, a := range t.locked {
		if !t.peers[a].exists {
			names, devices = append(names, []byte(a.Name)), append(devices, int64(a.Device))
		}
	}
	b := new(pgx.Batch)
	if len(names) == 1 {
		b.Queue(sqlFirstPeer, t.store.owner, names[0], devices[0], int64(t.era))
	} else {
		b.Queue(sqlFirstPeers, t.store.owner, names, devices, int64(t.era))
	}
	t.queuePeers(b)
	if err := t.conn.SendBatch(t.ctx, b).Close(); err != nil {
		return err
	}
	for _, a := range t.locked {
		if !t.peers[a].exists {
			return errConflict // deleted in between, by hand
		}
	}
	return nil
}
