package sqlite

import "signet.example/signet/session"

// The kinds of prekey, as column signet_prekey.kind has them.
const (
	kindOneTime = 1
	kindSigned  = 2
	kindKEM     = 3
)

func preKey(kind int, id uint32) key { return key{table: preKeys, kind: kind, id: id} }

func (t *Tx) take(k key) error {
	found, err := t.remove(k)
	if err == nil && !found {
		return session.ErrNoRow
	}
	return err
}

func (t *Tx) count(kind int) (n int, err error) {
	_, err = t.row(countPreKeys, &n, t.store.device, kind)
	return n, err
}

// PreKey implements session.Tx.
func (t *Tx) PreKey(id uint32) ([]byte, error) { return t.get(preKey(kindOneTime, id)) }

// SignedPreKey implements session.Tx.
func (t *Tx) SignedPreKey(id uint32) ([]byte, error) { return t.get(preKey(kindSigned, id)) }

// KEMPreKey implements session.Tx.
func (t *Tx) KEMPreKey(id uint32) ([]byte, error) { return t.get(preKey(kindKEM, id)) }

// PutPreKey implements session.Tx. It copies record.
func (t *Tx) PutPreKey(id uint32, record []byte) error { return t.put(preKey(kindOneTime, id), record) }

// PutSignedPreKey implements session.Tx. It copies record.
func (t *Tx) PutSignedPreKey(id uint32, record []byte) error {
	return t.put(preKey(kindSigned, id), record)
}

// PutKEMPreKey implements session.Tx. It copies record.
func (t *Tx) PutKEMPreKey(id uint32, record []byte) error { return t.put(preKey(kindKEM, id), record) }

// DeletePreKey implements session.Tx.
func (t *Tx) DeletePreKey(id uint32) error { return t.take(preKey(kindOneTime, id)) }

// DeleteSignedPreKey implements session.Tx.
func (t *Tx) DeleteSignedPreKey(id uint32) error { return t.take(preKey(kindSigned, id)) }

// DeleteKEMPreKey implements session.Tx.
func (t *Tx) DeleteKEMPreKey(id uint32) error { return t.take(preKey(kindKEM, id)) }

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

func valueKey(name string) key { return key{table: values, name: name} }

// Value implements session.Tx.
func (t *Tx) Value(name string) ([]byte, error) { return t.get(valueKey(name)) }

// PutValue implements session.Tx. It copies value.
func (t *Tx) PutValue(name string, value []byte) error { return t.put(valueKey(name), value) }
