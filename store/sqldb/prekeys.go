package sqldb

import "signet.example/signet/session"

// PreKey implements session.Tx.
func (t *Tx) PreKey(id uint32) ([]byte, error) { return t.get(key{kind: oneTime, id: id}) }

// SignedPreKey implements session.Tx.
func (t *Tx) SignedPreKey(id uint32) ([]byte, error) { return t.get(key{kind: signed, id: id}) }

// KEMPreKey implements session.Tx.
func (t *Tx) KEMPreKey(id uint32) ([]byte, error) { return t.get(key{kind: kem, id: id}) }

// PutPreKey implements session.Tx.
func (t *Tx) PutPreKey(id uint32, b []byte) error {
	return t.put(key{kind: oneTime, id: id}, notNil(b))
}

// PutSignedPreKey implements session.Tx.
func (t *Tx) PutSignedPreKey(id uint32, b []byte) error {
	return t.put(key{kind: signed, id: id}, notNil(b))
}

// PutKEMPreKey implements session.Tx.
func (t *Tx) PutKEMPreKey(id uint32, b []byte) error { return t.put(key{kind: kem, id: id}, notNil(b)) }

// DeletePreKey implements session.Tx.
func (t *Tx) DeletePreKey(id uint32) error { return t.take(key{kind: oneTime, id: id}) }

// DeleteSignedPreKey implements session.Tx.
func (t *Tx) DeleteSignedPreKey(id uint32) error { return t.take(key{kind: signed, id: id}) }

// DeleteKEMPreKey implements session.Tx.
func (t *Tx) DeleteKEMPreKey(id uint32) error { return t.take(key{kind: kem, id: id}) }

// CountPreKeys implements session.Tx.
func (t *Tx) CountPreKeys() (int, error) { return t.count(oneTime) }

// CountKEMPreKeys implements session.Tx.
func (t *Tx) CountKEMPreKeys() (int, error) { return t.count(kem) }

func (t *Tx) count(k kind) (n int, err error) {
	if t.err != nil {
		return 0, t.err
	}
	if err := t.q.QueryRowContext(t.ctx, t.store.text.count, t.store.opts.Device, int64(k)).Scan(&n); err != nil {
		return 0, t.fail(err)
	}
	return n, nil
}

// MarkKEMPreKey implements session.Tx.
func (t *Tx) MarkKEMPreKey(id, signedID uint32, baseKey []byte) error {
	if t.err != nil {
		return t.err
	}
	r, err := t.q.ExecContext(t.ctx, t.store.text.mark, t.store.opts.Device, int64(id), int64(signedID), notNil(baseKey))
	if err != nil {
		return t.fail(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		if err != nil {
			return t.fail(err)
		}
		return session.ErrReplay
	}
	return nil
}

// ForgetKEMPreKey implements session.Tx.
func (t *Tx) ForgetKEMPreKey(id uint32) error {
	if t.err != nil {
		return t.err
	}
	if _, err := t.q.ExecContext(t.ctx, t.store.text.forget, t.store.opts.Device, int64(id)); err != nil {
		return t.fail(err)
	}
	return nil
}
