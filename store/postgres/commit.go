package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"signet.example/signet"
	"signet.example/signet/store/internal/check"
	"signet.example/signet/store/internal/sqlstate"
)

// flush sends what was written so far, without a commit.
func (t *Tx) flush() error {
	if t.err != nil {
		return t.err
	}
	b := new(pgx.Batch)
	if err := t.queueWrites(b, 0); err != nil {
		return t.fail(err)
	}
	if b.Len() == 0 {
		return nil
	}
	if err := t.conn.SendBatch(t.ctx, b).Close(); err != nil {
		return t.fail(lostRace(err))
	}
	for _, p := range t.peers {
		if p.dirty {
			p.exists, p.dirty, p.version, p.token = true, false, p.version+1, 0
			p.epoch, p.delegated, p.era = p.newEpoch, p.newDelegated, p.newEra
		}
	}
	for _, k := range t.written {
		t.rows[k].sent()
	}
	t.written = t.written[:0]
	return nil
}

// sent says that the server has the row as it is here.
func (r *row) sent() {
	r.dirty = false
	switch {
	case !r.present:
		r.base, r.version = absent, 0
	case r.base == found:
		r.version++
	case r.base == absent:
		r.base, r.version = found, 1
	}
}

// lostRace recognises what must makes of a write that found another version.
func lostRace(err error) error {
	if sqlstate.Is(err, sqlstate.DivisionByZero) {
		return errConflict
	}
	return err
}

// queueWrites queues the statements for all dirty rows.
func (t *Tx) queueWrites(b *pgx.Batch, token int64) error {
	for _, k := range t.written {
		if err := t.queueRow(b, k); err != nil {
			return err
		}
	}
	var update []signet.Address
	for a, p := range t.peers {
		switch {
		case !p.dirty:
		case !p.exists:
			identity, record, err := t.sealPeer(a, p)
			if err != nil {
				return err
			}
			b.Queue(sqlNewPeer, t.store.owner, []byte(a.Name), int64(a.Device), token, identity, record, t.seal,
				int64(t.era), p.identityCRC(identity), p.recordCRC(record))
		default:
			update = append(update, a)
		}
	}
	switch len(update) {
	case 0:
	case 1:
		a, p := update[0], t.peers[update[0]]
		identity, record, err := t.sealPeer(a, p)
		if err != nil {
			return err
		}
		b.Queue(sqlPutPeer, t.store.owner, []byte(a.Name), int64(a.Device), p.version, p.epoch,
			token, p.newEpoch, p.newDelegated, identity, record, t.seal, int64(p.newEra), p.identityCRC(identity), p.recordCRC(record))
	default:
		return t.queueUpdates(b, update, token)
	}
	return nil
}

func (t *Tx) queueUpdates(b *pgx.Batch, update []signet.Address, token int64) (err error) {
	n := len(update)
	names, identities, records := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	devices, versions, epochs, eras := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	identitySums, recordSums := make([]int64, n), make([]int64, n)
	for i, a := range update {
		p := t.peers[a]
		names[i], devices[i] = []byte(a.Name), int64(a.Device)
		versions[i], epochs[i] = p.version, p.epoch
		if identities[i], records[i], err = t.sealPeer(a, p); err != nil {
			return err
		}
		eras[i], identitySums[i], recordSums[i] = int64(p.newEra), p.identityCRC(identities[i]), p.recordCRC(records[i])
	}
	b.Queue(sqlPutPeers, t.store.owner, token, names, devices, versions, epochs, identities, records, int64(n), t.seal,
		eras, identitySums, recordSums)
	return nil
}

func (t *Tx) queueRow(b *pgx.Batch, k key) error {
	r, s, args := t.rows[k], &onTable[k.table], k.args(t.store.owner)
	var value []byte
	if r.present {
		var err error
		if value, err = t.sealRow(k, r); err != nil {
			return err
		}
	}
	switch {
	case r.present && r.base == unknown:
		b.Queue(s.put, append(args, value, t.seal, check.CRC(value), int64(t.era))...)
	case r.present && r.base == absent:
		b.Queue(s.insert, append(args, value, t.seal, check.CRC(value), int64(t.era))...)
	case r.present:
		b.Queue(s.putIf, append(args, r.version, value, t.seal, check.CRC(value), int64(t.era))...)
	case r.base == unknown:
		b.Queue(s.del, args...)
	case r.base == found:
		b.Queue(s.delIf, append(args, r.version)...)
	}
	return nil
}

// notNull is b where a nil slice would be NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// commit sends what was written and the commit behind it, in one round trip. It goes on when ctx
// ends: a commit that was begun is waited for.
func (t *Tx) commit(ctx context.Context) (again, error) {
	if t.conn.Conn().PgConn().TxStatus() != 'T' {
		if t.conn.Conn().IsClosed() { // the caller's statement met the end of the server
			return inAWhile, errAborted
		}
		return no, errAborted
	}
	marker := t.peers[t.locked[0]]
	if err := t.load(t.locked[0], marker); err != nil {
		return t.verdict(ctx, err), err
	}
	marker.dirty = true // every commit leaves its token there
	token := rand.Int64()
	b := new(pgx.Batch)
	if err := t.queueWrites(b, token); err != nil {
		return no, fmt.Errorf("postgres: %w", err)
	}
	committed := false
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		committed = tag.String() == "COMMIT"
		return nil
	})
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.store.pool.wait)
	defer cancel()
	waited(t.conn.Conn())
	err := lostRace(t.conn.SendBatch(patient, b).Close())
	switch {
	case err == nil && committed && !waited(t.conn.Conn()):
		return no, errNotWaited
	case err == nil && committed:
		t.met(token)
		return no, nil
	case err == nil:
		return no, errAborted
	case isConflict(err):
		return atOnce, err
	case isStandby(err): // it became one under the transaction
		t.leave()
		return inAWhile, err
	case answered(err):
		return no, fmt.Errorf("postgres: commit: %w", err)
	}
	return t.outcome(patient, token, err)
}

// outcome finds out whether a commit happened whose answer never came: the marker's row has its
// token then, and the version before it if not. Reading the row with a lock waits until the server
// has noticed the end of the old connection. What is read may not have reached the standbys,
// because the end of a connection ends its waiting; the lock is a commit of its own, behind the one
// that is looked for, and that waits for them.
func (t *Tx) outcome(ctx context.Context, token int64, cause error) (again, error) {
	t.end()
	a := t.locked[0]
	for ctx.Err() == nil {
		var version, found int64
		err := t.store.pool.durably(ctx, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, sqlOutcome, t.store.owner, []byte(a.Name), int64(a.Device)).Scan(&version, &found)
		})
		switch {
		case errors.Is(err, ErrUncertain):
			return no, err
		case err == nil && found == token:
			return no, nil
		case err == nil && version == t.base, errors.Is(err, pgx.ErrNoRows):
			return atOnce, fmt.Errorf("postgres: commit: %w", cause)
		case err == nil:
			return no, fmt.Errorf("%w: %w", ErrUncertain, cause)
		case answered(err) && !isConflict(err) && !isStandby(err):
			return no, fmt.Errorf("%w: %w", ErrUncertain, err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return no, fmt.Errorf("%w: %w", ErrUncertain, cause)
}

// verdict says what to do after an error before the commit.
func (t *Tx) verdict(ctx context.Context, err error) again {
	switch {
	case ctx.Err() != nil:
		return no
	case isConflict(err):
		return atOnce
	case isStandby(err):
		t.leave()
		return inAWhile
	case t.conn == nil && isDown(err), t.conn != nil && isFatal(err), t.isBroken():
		return inAWhile
	}
	return no
}

// isBroken reports whether the connection was lost.
func (t *Tx) isBroken() bool {
	return t.broken || t.conn != nil && !t.ended && t.conn.Conn().IsClosed()
}

// failed reports whether the transaction cannot be committed any more.
func (t *Tx) failed() bool { return t.isBroken() || t.conn.Conn().PgConn().TxStatus() != 'T' }

// words is how an error of begin is told.
func (t *Tx) words(ctx context.Context, err error) error {
	var fenced *FencedError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &fenced):
		return err
	}
	return fmt.Errorf("postgres: begin: %w", err)
}

// end rolls back what was not committed and gives the connection back. It may be called twice.
func (t *Tx) end() {
	if t.conn == nil || t.ended {
		return
	}
	t.ended = true
	if t.err == nil {
		t.err = errDone
	}
	t.broken = t.conn.Conn().IsClosed()
	if t.given != nil {
		t.given.Tx = closedTx()
	}
	if !t.broken && t.conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), 5*time.Second)
		defer cancel()
		t.pgx.Rollback(ctx) // if it fails, the connection is closed, which is a rollback, too
	}
	t.conn.Release()
}
