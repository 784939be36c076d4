package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
	"signet.example/signet/store/internal/check"
	"signet.example/signet/store/seal"
)

// unseal learns what data key is written under and opens the rows that were read and locked. The
// device's row cannot change while the transaction lasts: RotateKey waits.
func (t *Tx) unseal() error {
	r := t.store.ring
	switch {
	case r == nil && t.seal != 0:
		return seal.ErrSealed
	case r == nil:
	case t.seal < r.Newest():
		return fmt.Errorf("%w: data key %d is gone", seal.ErrRolledBack, r.Newest())
	case !r.Knows(t.seal):
		if err := t.store.learn(t.ctx, t.pgx); err != nil {
			return err
		}
	}
	for a, p := range t.peers {
		if err := t.openPeer(a, p); err != nil {
			return err
		}
	}
	return nil
}

func peerPlace(column string, a signet.Address, version int64) *seal.Place {
	return &seal.Place{Table: "signet_peer." + column, Name: a.Name, ID: int64(a.Device), Version: version}
}

// openPeer opens a peer's row that was read. Its version is compared with those that were met if it
// is locked.
func (t *Tx) openPeer(a signet.Address, p *peerRow) (err error) {
	r := t.store.ring
	if p.exists && p.seal == 0 {
		p.damagedIdentity = check.Matches(p.identitySum, peerPlace("identity_key", a, p.version), p.identity)
	}
	if p.exists && p.version > 0 && !p.unread {
		if err := t.openRecord(a, p, p.seal); err != nil {
			return err
		}
	}
	if !p.exists || p.version == 0 || r == nil && p.seal == 0 {
		return nil
	}
	if p.identity != nil {
		p.identity, err = t.opened(p.seal, peerPlace("identity_key", a, p.version), p.identity)
	}
	return err
}

// opened opens a value. The data key may be one that another host has made.
func (t *Tx) opened(id int64, p *seal.Place, b []byte) ([]byte, error) {
	r := t.store.ring
	if r != nil && id != 0 && !r.Knows(id) {
		if err := t.store.learn(t.ctx, t.pgx); err != nil {
			return nil, err
		}
	}
	return r.Open(id, p, b)
}

// recordCRC is the CRC that is stored with a record. A record that is damaged keeps the one that
// says so, when the row is written for another reason.
func (p *peerRow) recordCRC(b []byte) int64 { return keptCRC(p.damagedRecord, p.recordSum, b) }

func (p *peerRow) identityCRC(b []byte) int64 { return keptCRC(p.damagedIdentity, p.identitySum, b) }

func keptCRC(damaged error, sum int64, b []byte) int64 {
	if damaged != nil {
		return int64(uint32(sum))
	}
	return check.CRC(b)
}

// sealPeer returns the identity and the record as the next version of the row has them.
func (t *Tx) sealPeer(a signet.Address, p *peerRow) (identity, record []byte, err error) {
	r := t.store.ring
	identity, record = p.identity, notNull(p.record)
	switch {
	case r == nil:
		return identity, record, nil
	case p.damagedRecord != nil:
		return nil, nil, p.damagedRecord // sealed, it would look sound
	case p.damagedIdentity != nil:
		return nil, nil, p.damagedIdentity
	}
	if len(record) > 0 {
		if record, err = r.Seal(t.seal, peerPlace("record", a, p.version+1), record); err != nil {
			return nil, nil, err
		}
	}
	if identity != nil {
		identity, err = r.Seal(t.seal, peerPlace("identity_key", a, p.version+1), identity)
	}
	return identity, record, err
}

// met remembers the versions that a commit has made. If somebody has met a later one meanwhile,
// that one stays.
func (t *Tx) met(token int64) {
	for a, p := range t.peers {
		if p.dirty {
			t.store.marks.meet(t.store.owner, a, mark{p.newEra, p.version + 1, token})
		}
	}
}

func (k key) place(version int64) *seal.Place {
	p := &seal.Place{Table: onTable[k.table].name, Name: k.name, ID: int64(k.id), Within: k.within, Version: version}
	if k.table == preKeys {
		p.Within = strconv.Itoa(int(k.kind))
	}
	return p
}

// openRow opens a row that was read.
func (t *Tx) openRow(k key, r *row, id int64) (err error) {
	if r.value, err = t.opened(id, k.place(r.version), r.value); err != nil {
		return t.fail(err)
	}
	r.value = notNull(r.value)
	return nil
}

// sealRow returns the value of a row as its next version has it.
func (t *Tx) sealRow(k key, r *row) ([]byte, error) {
	version := int64(1)
	if r.base == found {
		version = r.version + 1
	}
	return t.store.ring.Seal(t.seal, k.place(version), r.value)
}

// A querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// learn reads the data keys.
func (s *Store) learn(ctx context.Context, q querier) error {
	type dataKey struct {
		id      int64
		wrapped []byte
	}
	rows, _ := q.Query(ctx, `SELECT id, wrapped FROM signet_seal_key WHERE owner = $1 ORDER BY id`, s.owner)
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (k dataKey, err error) {
		return k, r.Scan(&k.id, &k.wrapped)
	})
	if err != nil {
		return err
	}
	for _, k := range list {
		if err := s.ring.Learn(ctx, k.id, k.wrapped); err != nil {
			return err
		}
	}
	return nil
}

// unlock makes the ring of a device, and the first data key where there is none.
func (s *Store) unlock(ctx context.Context, tenant string, device int64) (err error) {
	var current int64
	if err := s.pool.QueryRow(ctx, `SELECT seal FROM signet_device WHERE owner = $1`, s.owner).Scan(&current); err != nil {
		return err
	}
	switch {
	case s.sealed == nil && current != 0:
		return seal.ErrSealed
	case s.sealed == nil:
		return nil
	}
	if s.ring, err = seal.NewRing(tenant, device, s.sealed); err != nil {
		return err
	}
	if current == 0 {
		if err := s.firstKey(ctx); err != nil {
			return err
		}
	}
	return s.learn(ctx, s.pool)
}

// firstKey begins sealing, unless another host is faster.
func (s *Store) firstKey(ctx context.Context) error {
	wrapped, err := s.ring.Generate(ctx)
	if err != nil {
		return err
	}
	return s.alone(ctx, func(tx pgx.Tx, current int64) error {
		if current != 0 {
			return nil
		}
		if !s.ring.AllowPlain() {
			switch full, err := s.hasRows(ctx, tx); {
			case err != nil:
				return err
			case full:
				return fmt.Errorf("%w: the device has rows", seal.ErrPlain)
			}
		}
		return s.addKey(ctx, tx, 1, wrapped)
	})
}

func (s *Store) addKey(ctx context.Context, tx pgx.Tx, id int64, wrapped []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO signet_seal_key (owner, id, wrapped) VALUES ($1, $2, $3)`, s.owner, id, wrapped)
	if err == nil {
		_, err = tx.Exec(ctx, `UPDATE signet_device SET seal = $2 WHERE owner = $1`, s.owner, id)
	}
	return err
}

// alone runs f while no other transaction of the device does, with its data key for writing.
func (s *Store) alone(ctx context.Context, f func(tx pgx.Tx, current int64) error) error {
	if s.grant != nil {
		return &FencedError{Peer: s.grant.Peer, Held: s.grant.Epoch}
	}
	return s.pool.durably(ctx, func(tx pgx.Tx) error {
		if !s.pool.portable {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockKey(s.owner)); err != nil {
				return err
			}
		}
		var epoch, current int64
		err := tx.QueryRow(ctx, `SELECT epoch, seal FROM signet_device WHERE owner = $1 FOR UPDATE`, s.owner).Scan(&epoch, &current)
		if err == nil {
			err = s.mayUseDevice(epoch)
		}
		if err != nil {
			return err
		}
		return f(tx, current)
	})
}

var errNotSealed = errors.New("postgres: the store was opened without Options.Seal")

// RotateKey makes a new data key: what is written from its return on, on any host, is sealed under
// it. It waits for the transactions of the device that run. Rows under older keys stay readable;
// Reseal brings them under it.
func (s *Store) RotateKey(ctx context.Context) error {
	if s.ring == nil {
		return errNotSealed
	}
	wrapped, err := s.ring.Generate(ctx)
	if err == nil {
		err = s.alone(ctx, func(tx pgx.Tx, current int64) error { return s.addKey(ctx, tx, current+1, wrapped) })
	}
	if err != nil {
		return fmt.Errorf("postgres: rotate key: %w", err)
	}
	return nil
}
