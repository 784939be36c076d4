package directory

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/x3dh"
)

// Publish implements sesame.Directory.
func (d *Directory) Publish(ctx context.Context, device signet.Address, p *x3dh.Published) error {
	if err := sesame.CheckPublished(device, p); err != nil {
		return err
	}
	return wrap("publish", d.again(ctx, func() error {
		return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { return d.publish(ctx, tx, device, p) })
	}))
}

func (d *Directory) publish(ctx context.Context, tx pgx.Tx, a signet.Address, p *x3dh.Published) error {
	fields := []any{
		int64(p.RegistrationID), p.Identity.Bytes(),
		int64(p.SignedPreKey.ID), p.SignedPreKey.Public.Bytes(), p.SignedPreKey.Signature,
		int64(p.LastResort.ID), p.LastResort.Public, p.LastResort.Signature,
	}
	first, err := tx.Exec(ctx, sqlFirstDevice, d.key(a, fields...)...)
	if err != nil {
		return err
	}
	row, err := lockDevice(ctx, tx, d.key(a))
	if err != nil {
		return errConflictIfGone(err)
	}
	if row.registration != int64(p.RegistrationID) || !bytes.Equal(row.identity, p.Identity.Bytes()) {
		if _, err := tx.Exec(ctx, sqlClear, d.key(a)...); err != nil {
			return err
		}
		row.newestPreKey, row.newestKEM = nil, nil
	}
	ec, kem := lot{newest: row.newestPreKey}, lot{newest: row.newestKEM}
	for _, k := range p.PreKeys {
		ec.add(k.ID, k.Public.Bytes(), []byte{})
	}
	for _, k := range p.KEMPreKeys {
		kem.add(k.ID, k.Public, k.Signature)
	}
	for kind, l := range map[int64]*lot{kindPreKey: &ec, kindKEM: &kem} {
		if err := d.put(ctx, tx, a, kind, l); err != nil {
			return err
		}
	}
	if first.RowsAffected() == 1 && ec.newest == nil && kem.newest == nil {
		return nil // it is there as it should be
	}
	_, err = tx.Exec(ctx, sqlPutDevice, d.key(a, append(fields, ec.newest, kem.newest)...)...)
	return err
}

// errConflictIfGone is errConflict for a row that was there a moment ago.
func errConflictIfGone(err error) error {
	if err == sesame.ErrUnknown {
		return errConflict
	}
	return err
}

// A lot is the prekeys of one kind that are new.
type lot struct {
	newest             *int64
	ids                []int64
	public, signatures [][]byte
}

func (l *lot) add(id uint32, public, signature []byte) {
	if l.newest != nil && !sesame.Newer(id, uint32(*l.newest)) {
		return
	}
	newest := int64(id)
	l.newest = &newest
	l.ids, l.public, l.signatures = append(l.ids, newest), append(l.public, public), append(l.signatures, signature)
}

// put adds a lot, if there is room.
func (d *Directory) put(ctx context.Context, tx pgx.Tx, a signet.Address, kind int64, l *lot) error {
	if len(l.ids) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, sqlAdd, d.key(a, kind, l.ids, l.public, l.signatures)...); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRow(ctx, sqlCount, d.key(a, kind)...).Scan(&n); err != nil {
		return err
	}
	if n > d.opts.MaxStock {
		return sesame.ErrStock
	}
	return nil
}
