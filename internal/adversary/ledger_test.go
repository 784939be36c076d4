package adversary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// A ledger is a memory store that counts the changes which were committed, so that a refusal can be
// seen to keep nothing, whatever row it might have written.
type ledger struct {
	*memory.Store
	keeping bool // sessions are kept decoded, as the store alone would
	rows    map[string][32]byte
	changes int

	accepting []session.IdentityChange       // by a policy, in the transaction that runs
	accepted  func([]session.IdentityChange) // is told of them when it has committed
}

func newLedger(keeping bool) *ledger {
	return &ledger{Store: memory.New(), keeping: keeping, rows: make(map[string][32]byte)}
}

func (l *ledger) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	var noted *noting
	err := l.Store.Update(ctx, peer, func(tx session.Tx) error {
		noted = &noting{Tx: tx.(group.Tx)}
		return f(l.view(noted, tx))
	})
	return l.settle(noted, err)
}

func (l *ledger) UpdateAll(ctx context.Context, peers []signet.Address, f func(tx session.Tx) error) error {
	var noted *noting
	err := l.Store.UpdateAll(ctx, peers, func(tx session.Tx) error {
		noted = &noting{Tx: tx.(group.Tx)}
		return f(l.view(noted, tx))
	})
	return l.settle(noted, err)
}

func (l *ledger) view(n *noting, tx session.Tx) session.Tx {
	l.accepting = nil
	if l.keeping {
		return &keepingNoting{n, tx.(session.KeepingTx)}
	}
	return n
}

func (l *ledger) settle(n *noting, err error) error {
	if err != nil || n == nil {
		return err
	}
	if l.accepting != nil && l.accepted != nil {
		l.accepted(l.accepting)
	}
	for _, e := range n.entries {
		if old, ok := l.rows[e.row]; ok && old == e.hash {
			continue
		}
		l.rows[e.row] = e.hash
		l.changes++
	}
	return nil
}

// An entry is a row that a transaction wrote.
type entry struct {
	row  string
	hash [32]byte
}

// A noting notes what a transaction writes. Every method of a transaction that writes is here:
// TestLedgerSeesEveryWrite.
type noting struct {
	group.Tx
	entries []entry
}

func (n *noting) note(kind string, at any, value []byte) {
	n.entries = append(n.entries, entry{kind + "/" + text(at), sha256.Sum256(value)})
}

func (n *noting) PutSession(peer signet.Address, record []byte) error {
	n.note("session", peer, record)
	return n.Tx.PutSession(peer, record)
}

func (n *noting) PutArchive(peer signet.Address, record []byte) error {
	if old, err := n.Archive(peer); err == nil && bytes.Equal(old, record) {
		return n.Tx.PutArchive(peer, record)
	}
	n.note("archive", peer, record)
	return n.Tx.PutArchive(peer, record)
}

func (n *noting) PutIdentity(peer signet.Address, key []byte) error {
	n.note("identity", peer, key)
	return n.Tx.PutIdentity(peer, key)
}

func (n *noting) PutPreKey(id uint32, record []byte) error {
	n.note("prekey", id, record)
	return n.Tx.PutPreKey(id, record)
}

func (n *noting) PutSignedPreKey(id uint32, record []byte) error {
	n.note("signed", id, record)
	return n.Tx.PutSignedPreKey(id, record)
}

func (n *noting) PutKEMPreKey(id uint32, record []byte) error {
	n.note("kem", id, record)
	return n.Tx.PutKEMPreKey(id, record)
}

func (n *noting) DeletePreKey(id uint32) error {
	n.note("prekey", id, nil)
	return n.Tx.DeletePreKey(id)
}

func (n *noting) DeleteSignedPreKey(id uint32) error {
	n.note("signed", id, nil)
	return n.Tx.DeleteSignedPreKey(id)
}

func (n *noting) DeleteKEMPreKey(id uint32) error {
	n.note("kem", id, nil)
	return n.Tx.DeleteKEMPreKey(id)
}

func (n *noting) MarkKEMPreKey(id, signedID uint32, baseKey []byte) error {
	n.note("mark", [2]uint32{id, signedID}, baseKey)
	return n.Tx.MarkKEMPreKey(id, signedID, baseKey)
}

func (n *noting) ForgetKEMPreKey(id uint32) error {
	n.note("forgotten", id, nil)
	return n.Tx.ForgetKEMPreKey(id)
}

func (n *noting) PutValue(name string, value []byte) error {
	n.note("value", name, value)
	return n.Tx.PutValue(name, value)
}

func (n *noting) PutSenderKey(sender signet.Address, group string, record []byte) error {
	n.note("sender key "+group, sender, record)
	return n.Tx.PutSenderKey(sender, group, record)
}

// A keepingNoting is a noting whose store keeps sessions decoded.
type keepingNoting struct {
	*noting
	kept session.KeepingTx
}

func (n *keepingNoting) KeptSession(peer signet.Address) (*session.Kept, error) {
	return n.kept.KeptSession(peer)
}

func (n *keepingNoting) KeepSession(peer signet.Address, k *session.Kept) error {
	n.note("session", peer, k.Record())
	return n.kept.KeepSession(peer, k)
}

// Without this, a new way to write would not be counted and a refusal that uses it would look
// clean.
func TestLedgerSeesEveryWrite(t *testing.T) {
	writes := []string{"Put", "Delete", "Mark", "Forget", "Keep"}
	tx := reflect.TypeFor[group.Tx]()
	keeping := reflect.TypeFor[session.KeepingTx]()
	for _, i := range []reflect.Type{tx, keeping} {
		for m := range i.Methods() {
			write := false
			for _, w := range writes {
				write = write || strings.HasPrefix(m.Name, w) && !strings.HasPrefix(m.Name, "Kept")
			}
			if !write {
				continue
			}
			own, _ := reflect.TypeFor[*keepingNoting]().MethodByName(m.Name)
			require.NotEmpty(t, own.Name, m.Name)
			require.True(t, declared[m.Name], "%s writes and is not counted", m.Name)
		}
	}
}

// declared are the methods above.
var declared = map[string]bool{
	"PutSession": true, "PutArchive": true, "PutIdentity": true, "PutPreKey": true, "PutSignedPreKey": true,
	"PutKEMPreKey": true, "DeletePreKey": true, "DeleteSignedPreKey": true, "DeleteKEMPreKey": true,
	"MarkKEMPreKey": true, "ForgetKEMPreKey": true, "PutValue": true, "PutSenderKey": true, "KeepSession": true,
}
