package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"signet.example/signet"
)

// A Tx is one transaction on a device's records, and on the caller's own tables in the same file. It
// is what the session.Tx given to a transaction's function is: tx.(*sqlite.Tx).SQL().
type Tx struct {
	store *Store
	sql   *sql.Tx
	err   error // sticky: after a failed statement nothing is certain
}

var (
	errDone    = errors.New("sqlite: transaction has ended")
	errAborted = errors.New("sqlite: transaction was rolled back by a failed statement")
)

// SQL returns the transaction as the standard library's, for the caller's own rows in the same
// commit. The caller leaves Commit and Rollback to Update, leaves tables named signet_… alone, and
// ends the transaction with an error if a statement fails: SQLite may have rolled all of it back.
func (t *Tx) SQL() *sql.Tx { return t.sql }

// ready returns the error that ended the transaction, if one did.
func (t *Tx) ready() error {
	if t.err == nil && t.store.aborted.Load() {
		t.err = errAborted
	}
	return t.err
}

// fail ends the transaction.
func (t *Tx) fail(err error) error {
	t.err = fmt.Errorf("sqlite: %w", err)
	return t.err
}

// exec returns how many rows changed.
func (t *Tx) exec(s statement, args ...any) (int64, error) {
	if err := t.ready(); err != nil {
		return 0, err
	}
	res, err := t.sql.Stmt(t.store.stmts[s]).Exec(args...)
	if err != nil {
		return 0, t.fail(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, t.fail(err)
	}
	return n, nil
}

// row reads a row of one column. It reports false if there is none.
func (t *Tx) row(s statement, dst any, args ...any) (bool, error) {
	if err := t.ready(); err != nil {
		return false, err
	}
	err := t.sql.Stmt(t.store.stmts[s]).QueryRow(args...).Scan(dst)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, t.fail(err)
	}
	return true, nil
}

func (t *Tx) blob(s statement, args ...any) ([]byte, error) {
	var b []byte
	if ok, err := t.row(s, &b, args...); !ok {
		return nil, err
	}
	return b, nil
}

// notNull is b where a nil slice would be NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (t *Tx) peerBlob(s statement, peer signet.Address) ([]byte, error) {
	return t.blob(s, t.store.device, peer.Name, peer.Device)
}

// putOrDelete deletes the row if record is empty.
func (t *Tx) putOrDelete(put, del statement, peer signet.Address, record []byte) error {
	var err error
	if len(record) == 0 {
		_, err = t.exec(del, t.store.device, peer.Name, peer.Device)
	} else {
		_, err = t.exec(put, t.store.device, peer.Name, peer.Device, record)
	}
	return err
}

// Session implements session.Tx.
func (t *Tx) Session(peer signet.Address) ([]byte, error) { return t.peerBlob(getSession, peer) }

// PutSession implements session.Tx. It copies record.
func (t *Tx) PutSession(peer signet.Address, record []byte) error {
	return t.putOrDelete(putSession, deleteSession, peer, record)
}

// Archive implements session.Tx.
func (t *Tx) Archive(peer signet.Address) ([]byte, error) { return t.peerBlob(getArchive, peer) }

// PutArchive implements session.Tx. It copies record.
func (t *Tx) PutArchive(peer signet.Address, record []byte) error {
	return t.putOrDelete(putArchive, deleteArchive, peer, record)
}

// Peers implements session.Tx. It lists the peers of the moment the loop begins; its body may write.
func (t *Tx) Peers() iter.Seq2[signet.Address, error] {
	return func(yield func(signet.Address, error) bool) {
		list, err := t.peers()
		if err != nil {
			yield(signet.Address{}, err)
			return
		}
		for _, a := range list {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// peers reads the whole list, so that the statement is finished before the caller does anything.
func (t *Tx) peers() (list []signet.Address, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	rows, err := t.sql.Stmt(t.store.stmts[listPeers]).Query(t.store.device)
	if err != nil {
		return nil, t.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a signet.Address
		if err := rows.Scan(&a.Name, &a.Device); err != nil {
			return nil, t.fail(err)
		}
		list = append(list, a)
	}
	if err := rows.Err(); err != nil {
		return nil, t.fail(err)
	}
	return list, nil
}

// Identity implements session.Tx.
func (t *Tx) Identity(peer signet.Address) ([]byte, error) { return t.peerBlob(getIdentity, peer) }

// PutIdentity implements session.Tx. It copies key.
func (t *Tx) PutIdentity(peer signet.Address, key []byte) error {
	_, err := t.exec(putIdentity, t.store.device, peer.Name, peer.Device, notNull(key))
	return err
}

// SenderKey implements group.Tx.
func (t *Tx) SenderKey(sender signet.Address, group string) ([]byte, error) {
	return t.blob(getSenderKey, t.store.device, sender.Name, sender.Device, group)
}

// PutSenderKey implements group.Tx. It copies record.
func (t *Tx) PutSenderKey(sender signet.Address, group string, record []byte) error {
	var err error
	if len(record) == 0 {
		_, err = t.exec(deleteSenderKey, t.store.device, sender.Name, sender.Device, group)
	} else {
		_, err = t.exec(putSenderKey, t.store.device, sender.Name, sender.Device, group, record)
	}
	return err
}
