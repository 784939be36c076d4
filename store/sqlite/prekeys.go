package sqlite

import "signet.example/signet/session"

// The kinds of prekey, as column signet_prekey.kind has them.
const (
	kindOneTime = 1
	kindSigned  = 2
	kindKEM     = 3
)

func (t *Tx) preKey(kind int, id uint32) ([]byte, error) {
	return t.blob(getPreKey, t.store.device, kind, id)
}

func (t *Tx) put(kind int, id uint32, record []byte) error {
	_, err := t.exec(putPreKey, t.store.device, kind, id, notNull(record))
	return err
}

func (t *Tx) remove(kind int, id uint32) error {
	n, err := t.exec(deletePreKey, t.store.device, kind, id)
	if err == nil && n == 0 {
		return session.ErrNoRow
	}
	return err
}

func (t *Tx) count(kind int) (n int, err error) {
	_, err = t.row(countPreKeys, &n, t.store.device, kind)
	return n, err
}

// PreKey implements session.Tx.
func (t *Tx) PreKey(id uint32) ([]byte, error) { return t.preKey(kindOneTime, id) }

// SignedPreKey implements session.Tx.
func (t *Tx) SignedPreKey(id uint32) ([]byte, error) { return t.preKey(kindSigned, id) }

// KEMPreKey implements session.Tx.
func (t *Tx) KEMPreKey(id uint32) ([]byte, error) { return t.preKey(kindKEM, id) }

// PutPreKey implements session.Tx. It copies record.
func (t *Tx) PutPreKey(id uint32, record []byte) error { return t.put(kindOneTime, id, record) }

// PutSignedPreKey implements session.Tx. It copies record.
func (t *Tx) PutSignedPreKey(id uint32, record []byte) error { return t.put(kindSigned, id, record) }

// PutKEMPreKey implements session.Tx. It copies record.
func (t *Tx) PutKEMPreKey(id uint32, record []byte) error { return t.put(kindKEM, id, record) }

// DeletePreKey implements session.Tx.
func (t *Tx) DeletePreKey(id uint32) error { return t.remove(kindOneTime, id) }

// DeleteSignedPreKey implements session.Tx.
func (t *Tx) DeleteSignedPreKey(id uint32) error { return t.remove(kindSigned, id) }

// DeleteKEMPreKey implements session.Tx.
func (t *Tx) DeleteKEMPreKey(id uint32) error { return t.remove(kindKEM, id) }

// CountPreKeys implements session.Tx.
func (t *Tx) CountPreKeys() (int, error) { return t.count(kindOneTime) }

// CountKEMPreKeys implements session.Tx.
func (t *Tx) CountKEMPreKeys() (int, error) { return t.count(kindKEM) }

// MarkKEMPreKey implements session.Tx.
func (t *Tx) MarkKEMPreKey(id, signedID uint32, baseKey []byte) error {
	n, err := t.exec(markKEM, t.store.device, id, signedID, notNull(baseKey))
	if err == nil && n == 0 {
		return session.ErrReplay
	}
	return err
}

// ForgetKEMPreKey implements session.Tx.
func (t *Tx) ForgetKEMPreKey(id uint32) error {
	_, err := t.exec(forgetKEM, t.store.device, id)
	return err
}

// Value implements session.Tx.
func (t *Tx) Value(name string) ([]byte, error) { return t.blob(getValue, t.store.device, name) }

// PutValue implements session.Tx. It copies value.
func (t *Tx) PutValue(name string, value []byte) error {
	_, err := t.exec(putValue, t.store.device, name, notNull(value))
	return err
}
