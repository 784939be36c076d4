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
	return d.put(ctx, device, p, false)
}

// Replace implements sesame.Directory.
func (d *Directory) Replace(ctx context.Context, device signet.Address, p *x3dh.Published) error {
	return d.put(ctx, device, p, true)
}

func (d *Directory) put(ctx context.Context, device signet.Address, p *x3dh.Published, replace bool) error {
	if err := sesame.CheckPublished(device, p); err != nil {
		return err
	}
	return wrap("publish", d.again(ctx, func() error {
		return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { return d.putIn(ctx, tx, device, p, replace) })
	}))
}

func (d *Directory) putIn(ctx context.Context, tx pgx.Tx, a signet.Address, p *x3dh.Published, replace bool) error {
	fields := []any{
		int64(p.RegistrationID), p.Identity.Bytes(),
		int64(p.SignedPreKey.ID), p.SignedPreKey.Public.Bytes(), p.SignedPreKey.Signature,
		int64(p.LastResort.ID), p.LastResort.Public, p.LastResort.Signature,
	}
	if _, err := tx.Exec(ctx, sqlFirstDevice, d.key(a, fields...)...); err != nil {
		return err
	}
	row, err := lockDevice(ctx, tx, d.key(a))
	if err != nil {
		return errConflictIfGone(err)
	}
	var clear []string
	if row.registration != int64(p.RegistrationID) || !bytes.Equal(row.identity, p.Identity.Bytes()) {
		clear = []string{sqlClear, sqlForget}
	} else if replace {
		clear = []string{sqlClear}
	}
	for _, sql := range clear {
		if _, err := tx.Exec(ctx, sql, d.key(a)...); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, sqlPutDevice, d.key(a, fields...)...); err != nil {
		return err
	}
	var ec, kem lot
	for _, k := range p.PreKeys {
		ec.add(k.ID, k.Public.Bytes(), []byte{})
	}
	for _, k := range p.KEMPreKeys {
		kem.add(k.ID, k.Public, k.Signature)
	}
	if err := d.add(ctx, tx, a, kindPreKey, &ec); err != nil {
		return err
	}
	return d.add(ctx, tx, a, kindKEM, &kem)
}

// errConflictIfGone is errConflict for a row that was there a moment ago.
func errConflictIfGone(err error) error {
	if err == sesame.ErrUnknown {
		return errConflict
	}
	return err
}

// A lot is prekeys of one kind, by columns.
type lot struct {
	ids                []int64
	public, signatures [][]byte
}

func (l *lot) add(id uint32, public, signature []byte) {
	l.ids, l.public, l.signatures = append(l.ids, int64(id)), append(l.public, public), append(l.signatures, signature)
}

// add adds those of a lot that are not there and were not handed out, if there is room.
func (d *Directory) add(ctx context.Context, tx pgx.Tx, a signet.Address, kind int64, l *lot) error {
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
