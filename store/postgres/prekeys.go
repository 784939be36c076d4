package postgres

import (
	"signet.example/signet/session"
)

// A kind is a kind of prekey, as column signet_prekey.kind has it.
type kind int64

const (
	oneTime kind = iota + 1
	signed
	kem
)

func (k kind) id(id uint32) key { return key{table: preKeys, kind: k, id: id} }

// take deletes a prekey at once: of two transactions that race for it, one waits here and then
// finds it gone.
func (t *Tx) take(k key) error {
	if r := t.rows[k]; r != nil && r.dirty {
		if err := t.flush(); err != nil {
			return err
		}
	}
	var version int64
	ok, err := t.query([]any{&version}, onTable[preKeys].take, k.args(t.store.owner)...)
	if err != nil {
		return err
	}
	r := t.rows[k]
	switch {
	case ok:
		t.dirty = true
		gone := &row{}
		if t.store.ring != nil {
			gone.base = absent // what is sealed has to know its version
		}
		t.keep(k, gone)
		return nil
	case r != nil && r.present: // it was there a moment ago
		return t.fail(errConflict)
	}
	return session.ErrNoRow
}

func (t *Tx) count(k kind) (n int, err error) {
	if err := t.flush(); err != nil {
		return 0, err
	}
	_, err = t.query([]any{&n}, sqlCount, t.store.owner, int64(k))
	return n, err
}

// PreKey implements session.Tx.
func (t *Tx) PreKey(id uint32) ([]byte, error) { return t.value(oneTime.id(id)) }

// SignedPreKey implements session.Tx.
func (t *Tx) SignedPreKey(id uint32) ([]byte, error) { return t.value(signed.id(id)) }

// KEMPreKey implements session.Tx.
func (t *Tx) KEMPreKey(id uint32) ([]byte, error) { return t.value(kem.id(id)) }

// PutPreKey implements session.Tx. It copies record.
func (t *Tx) PutPreKey(id uint32, record []byte) error { return t.write(oneTime.id(id), record, true) }

// PutSignedPreKey implements session.Tx. It copies record.
func (t *Tx) PutSignedPreKey(id uint32, record []byte) error {
	return t.write(signed.id(id), record, true)
}

// PutKEMPreKey implements session.Tx. It copies record.
func (t *Tx) PutKEMPreKey(id uint32, record []byte) error { return t.write(kem.id(id), record, true) }

// DeletePreKey implements session.Tx.
func (t *Tx) DeletePreKey(id uint32) error { return t.take(oneTime.id(id)) }

// DeleteSignedPreKey implements session.Tx.
func (t *Tx) DeleteSignedPreKey(id uint32) error { return t.take(signed.id(id)) }

// DeleteKEMPreKey implements session.Tx.
func (t *Tx) DeleteKEMPreKey(id uint32) error { return t.take(kem.id(id)) }

// CountPreKeys implements session.Tx.
func (t *Tx) CountPreKeys() (int, error) { return t.count(oneTime) }

// CountKEMPreKeys implements session.Tx.
func (t *Tx) CountKEMPreKeys() (int, error) { return t.count(kem) }

// MarkKEMPreKey implements session.Tx.
func (t *Tx) MarkKEMPreKey(id, signedID uint32, baseKey []byte) error {
	n, err := t.exec(sqlMark, t.store.owner, int64(id), int64(signedID), append([]byte{}, baseKey...))
	if err == nil && n == 0 {
		return session.ErrReplay
	}
	return err
}

// ForgetKEMPreKey implements session.Tx.
func (t *Tx) ForgetKEMPreKey(id uint32) error {
	_, err := t.exec(sqlForget, t.store.owner, int64(id))
	return err
}
