package memory

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A tx is what f holds of a transaction: its log while f runs, nothing afterwards. It is its own
// allocation so that a tx kept too long is dead and cannot reach into a later transaction.
type tx struct{ *log }

// Format redacts the transaction under every verb.
func (*tx) Format(f fmt.State, _ rune) { io.WriteString(f, "memory.Tx(…)") }

var errDone = errors.New("memory: transaction has ended")

func (t *tx) read(k key) ([]byte, error) {
	if t.log == nil {
		return nil, errDone
	}
	return t.log.row(k).bytes(), nil
}

func (t *tx) readPeer(k kind, peer signet.Address) ([]byte, error) {
	if t.log == nil {
		return nil, errDone
	}
	return t.log.peerRow(k, peer).bytes(), nil
}

// put stores a copy of value. The contract would allow to keep the slice itself; a copy forgives a
// caller who reuses its buffer.
func (t *tx) put(k key, value []byte) error {
	if t.log == nil {
		return errDone
	}
	t.log.write(k, copied(value))
	return nil
}

func copied(value []byte) row {
	own := make([]byte, len(value))
	copy(own, value)
	return row{value: own, present: true}
}

// keepPeer stores value itself, or deletes the row if it is empty. It is for the rows of sessions,
// which change with every message and are large: a copy of one costs more than the rest of an
// update.
func (t *tx) keepPeer(k kind, peer signet.Address, value []byte) error {
	if t.log == nil {
		return errDone
	}
	if len(value) == 0 {
		t.log.writePeer(k, peer, row{})
		return nil
	}
	t.log.writePeer(k, peer, row{value: value[:len(value):len(value)], present: true})
	return nil
}

func (t *tx) remove(k key) error {
	switch {
	case t.log == nil:
		return errDone
	case !t.log.row(k).present:
		return session.ErrNoRow
	}
	t.log.write(k, row{})
	return nil
}

func (t *tx) count(k kind) (int, error) {
	if t.log == nil {
		return 0, errDone
	}
	return t.log.count(k), nil
}

func (t *tx) Session(peer signet.Address) ([]byte, error)  { return t.readPeer(sessions, peer) }
func (t *tx) Archive(peer signet.Address) ([]byte, error)  { return t.readPeer(archives, peer) }
func (t *tx) Identity(peer signet.Address) ([]byte, error) { return t.readPeer(identities, peer) }

func (t *tx) PutSession(peer signet.Address, record []byte) error {
	return t.keepPeer(sessions, peer, record)
}

// KeptSession and KeepSession make the tx a session.KeepingTx.
func (t *tx) KeptSession(peer signet.Address) (*session.Kept, error) {
	if t.log == nil {
		return nil, errDone
	}
	r := t.log.peerRow(sessions, peer)
	switch {
	case r.kept != nil:
		return r.kept, nil
	case !r.present:
		return nil, nil
	}
	return session.KeepRecord(r.value), nil
}

func (t *tx) KeepSession(peer signet.Address, k *session.Kept) error {
	if t.log == nil {
		return errDone
	}
	t.log.writePeer(sessions, peer, row{kept: k, present: true})
	return nil
}

func (t *tx) PutArchive(peer signet.Address, record []byte) error {
	return t.keepPeer(archives, peer, record)
}

func (t *tx) PutIdentity(peer signet.Address, k []byte) error {
	if t.log == nil {
		return errDone
	}
	r := row{}
	if len(k) > 0 {
		r = copied(k)
	}
	t.log.writePeer(identities, peer, r)
	return nil
}

// Peers lists the peers of the moment the loop begins; its body may write.
func (t *tx) Peers() iter.Seq2[signet.Address, error] {
	return func(yield func(signet.Address, error) bool) {
		if t.log == nil {
			yield(signet.Address{}, errDone)
			return
		}
		for _, a := range t.log.peers() {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// Devices lists those of the moment the loop begins; its body may write.
func (t *tx) Devices(name string) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		if t.log == nil {
			yield(0, errDone)
			return
		}
		for _, id := range t.log.devices(name) {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// SenderKeys lists the groups of the moment the loop begins; its body may write.
func (t *tx) SenderKeys(sender signet.Address) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if t.log == nil {
			yield("", errDone)
			return
		}
		for _, group := range t.log.groups(sender) {
			if !yield(group, nil) {
				return
			}
		}
	}
}

func (t *tx) PreKey(id uint32) ([]byte, error)       { return t.read(key{kind: preKeys, id: id}) }
func (t *tx) SignedPreKey(id uint32) ([]byte, error) { return t.read(key{kind: signedPreKeys, id: id}) }
func (t *tx) KEMPreKey(id uint32) ([]byte, error)    { return t.read(key{kind: kemPreKeys, id: id}) }

func (t *tx) PutPreKey(id uint32, record []byte) error {
	return t.put(key{kind: preKeys, id: id}, record)
}

func (t *tx) PutSignedPreKey(id uint32, record []byte) error {
	return t.put(key{kind: signedPreKeys, id: id}, record)
}

func (t *tx) PutKEMPreKey(id uint32, record []byte) error {
	return t.put(key{kind: kemPreKeys, id: id}, record)
}

func (t *tx) DeletePreKey(id uint32) error       { return t.remove(key{kind: preKeys, id: id}) }
func (t *tx) DeleteSignedPreKey(id uint32) error { return t.remove(key{kind: signedPreKeys, id: id}) }
func (t *tx) DeleteKEMPreKey(id uint32) error    { return t.remove(key{kind: kemPreKeys, id: id}) }

func (t *tx) CountPreKeys() (int, error)    { return t.count(preKeys) }
func (t *tx) CountKEMPreKeys() (int, error) { return t.count(kemPreKeys) }

func (t *tx) MarkKEMPreKey(id, signedID uint32, baseKey []byte) error {
	if t.log == nil {
		return errDone
	}
	k := key{kind: marks, id: id, signed: signedID, name: string(baseKey)}
	if t.log.row(k).present {
		return session.ErrReplay
	}
	t.log.write(k, row{present: true})
	return nil
}

func (t *tx) ForgetKEMPreKey(id uint32) error {
	if t.log == nil {
		return errDone
	}
	t.log.forgetMarks(id)
	return nil
}

func (t *tx) Value(name string) ([]byte, error) { return t.read(key{kind: values, name: name}) }

func (t *tx) PutValue(name string, value []byte) error {
	return t.put(key{kind: values, name: name}, value)
}

// senderKey joins two names in one; the length of the first tells them apart.
func senderKey(sender signet.Address, group string) key {
	return key{kind: senderKeys, id: sender.Device, signed: uint32(len(group)), name: group + sender.Name}
}

// SenderKey and PutSenderKey make the tx a group.Tx, too.
func (t *tx) SenderKey(sender signet.Address, group string) ([]byte, error) {
	return t.read(senderKey(sender, group))
}

func (t *tx) PutSenderKey(sender signet.Address, group string, record []byte) error {
	switch {
	case len(record) != 0:
		return t.put(senderKey(sender, group), record)
	case t.log == nil:
		return errDone
	}
	t.log.write(senderKey(sender, group), row{})
	return nil
}
