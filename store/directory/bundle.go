package directory

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/x3dh"
)

// The kinds of one-time prekeys, as the tables have them.
const (
	kindPreKey int64 = iota + 1
	kindKEM
)

// Bundle implements sesame.Directory. If the connection breaks during the commit, the one-time
// prekeys may be lost; they are not handed out to anybody.
func (d *Directory) Bundle(ctx context.Context, from, to signet.Address) (h *sesame.Handed, err error) {
	err = d.again(ctx, func() error {
		h, err = d.take(ctx, from, to)
		return err
	})
	if err != nil {
		return nil, wrap("bundle", err)
	}
	return h, nil
}

// A taking is a Bundle under way.
type taking struct {
	d        *Directory
	conn     *pgxpool.Conn
	from, to signet.Address
	row      device
	unknown  bool
	asked    int64 // the requester's bucket
}

func (d *Directory) take(ctx context.Context, from, to signet.Address) (*sesame.Handed, error) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release() // which closes a connection that is still in a transaction
	t := &taking{d: d, conn: conn, from: from, to: to}
	tx, err := t.lock(ctx)
	if err == nil && t.unknown {
		err = sesame.ErrUnknown
	}
	var h *sesame.Handed
	if err == nil {
		h, err = t.hand(ctx)
	}
	if err != nil && tx != nil && !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
		tx.Rollback(context.WithoutCancel(ctx))
	}
	return h, err
}

// lock begins the transaction and reads the rows that decide, in one round trip.
func (t *taking) lock(ctx context.Context) (pgx.Tx, error) {
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{BeginQuery: begin})
	b.Queue(sqlFirstBucket, t.d.key(t.from)...)
	b.Queue(sqlLockBucket, t.d.key(t.from)...).QueryRow(func(r pgx.Row) error {
		err := r.Scan(&t.asked)
		if errors.Is(err, pgx.ErrNoRows) {
			return errConflict // swept in between
		}
		return err
	})
	b.Queue(sqlLockDevice, t.d.key(t.to)...).QueryRow(func(r pgx.Row) error {
		err := t.row.scan(r)
		if t.unknown = errors.Is(err, sesame.ErrUnknown); t.unknown {
			return nil
		}
		return err
	})
	results := t.conn.SendBatch(ctx, b)
	tx := results.Tx()
	return tx, results.Close()
}

// hand takes what the limits allow and commits, in one round trip.
func (t *taking) hand(ctx context.Context) (*sesame.Handed, error) {
	now := t.d.opts.Now()
	asked, wait := t.d.opts.Requester.Take(time.Unix(0, t.asked), now)
	if wait > 0 {
		return nil, &sesame.LimitError{From: t.from, Wait: wait}
	}
	f, err := t.row.bundle(t.to)
	if err != nil {
		return nil, err
	}
	last, committed := true, false
	b := new(pgx.Batch)
	b.Queue(sqlPutBucket, t.d.key(t.from, nanoseconds(asked))...)
	if full, wait := t.d.opts.Target.Take(time.Unix(0, t.row.fullAt), now); wait == 0 {
		b.Queue(sqlPutTaken, t.d.key(t.to, nanoseconds(full))...)
		b.Queue(sqlTake, t.d.key(t.to, kindPreKey, nanoseconds(now))...).QueryRow(func(r pgx.Row) (err error) {
			f.PreKey, err = scanPreKey(r)
			return err
		})
		b.Queue(sqlTake, t.d.key(t.to, kindKEM, nanoseconds(now))...).QueryRow(func(r pgx.Row) error {
			k, err := scanKEM(r)
			if k != nil {
				f.KEMPreKey, last = k, false
			}
			return err
		})
	}
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		committed = tag.String() == "COMMIT"
		return nil
	})
	if err := t.conn.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	if !committed {
		return nil, errors.New("the commit was refused")
	}
	bundle, err := x3dh.NewBundle(f)
	if err != nil {
		return nil, err
	}
	return &sesame.Handed{Bundle: bundle, LastResort: last}, nil
}

// scanPreKey reads a deleted prekey, nil if there was none.
func scanPreKey(r pgx.Row) (*x3dh.PreKey, error) {
	k, err := scanKEM(r)
	if k == nil {
		return nil, err
	}
	public, err := signet.ParsePublicKey(k.Public)
	return &x3dh.PreKey{ID: k.ID, Public: public}, err
}

func scanKEM(r pgx.Row) (*x3dh.KEMPreKey, error) {
	var id int64
	k := new(x3dh.KEMPreKey)
	err := r.Scan(&id, &k.Public, &k.Signature)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	k.ID = uint32(id)
	return k, err
}
