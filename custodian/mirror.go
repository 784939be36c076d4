package custodian

import (
	"context"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// A mirror is a caller's store whose every commit is repeated in memory, so that a receiver can be
// copied at any moment whatever its store is.
type mirror struct {
	store  session.Store
	memory *memory.Store
}

func (m *mirror) Update(ctx context.Context, peer signet.Address, f func(session.Tx) error) error {
	var log []func(session.Tx) error
	err := m.store.Update(ctx, peer, func(tx session.Tx) error {
		log = log[:0] // f may run again
		return f(&recorder{Tx: tx, log: &log})
	})
	if err != nil || len(log) == 0 {
		return err
	}
	return m.memory.Update(ctx, peer, func(tx session.Tx) error {
		for _, write := range log {
			if err := write(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// A recorder is a transaction that remembers its writes.
type recorder struct {
	session.Tx
	log *[]func(session.Tx) error
}

func (r *recorder) do(write func(session.Tx) error) error {
	err := write(r.Tx)
	if err == nil {
		*r.log = append(*r.log, write)
	}
	return err
}

func (r *recorder) PutSession(peer signet.Address, b []byte) error {
	return r.do(func(tx session.Tx) error { return tx.PutSession(peer, b) })
}

func (r *recorder) PutArchive(peer signet.Address, b []byte) error {
	return r.do(func(tx session.Tx) error { return tx.PutArchive(peer, b) })
}

func (r *recorder) PutIdentity(peer signet.Address, b []byte) error {
	return r.do(func(tx session.Tx) error { return tx.PutIdentity(peer, b) })
}

func (r *recorder) PutPreKey(id uint32, b []byte) error {
	return r.do(func(tx session.Tx) error { return tx.PutPreKey(id, b) })
}

func (r *recorder) PutSignedPreKey(id uint32, b []byte) error {
	return r.do(func(tx session.Tx) error { return tx.PutSignedPreKey(id, b) })
}

func (r *recorder) PutKEMPreKey(id uint32, b []byte) error {
	return r.do(func(tx session.Tx) error { return tx.PutKEMPreKey(id, b) })
}

func (r *recorder) DeletePreKey(id uint32) error {
	return r.do(func(tx session.Tx) error { return tx.DeletePreKey(id) })
}

func (r *recorder) DeleteSignedPreKey(id uint32) error {
	return r.do(func(tx session.Tx) error { return tx.DeleteSignedPreKey(id) })
}

func (r *recorder) DeleteKEMPreKey(id uint32) error {
	return r.do(func(tx session.Tx) error { return tx.DeleteKEMPreKey(id) })
}

func (r *recorder) MarkKEMPreKey(id, signedID uint32, base []byte) error {
	return r.do(func(tx session.Tx) error { return tx.MarkKEMPreKey(id, signedID, base) })
}

func (r *recorder) ForgetKEMPreKey(id uint32) error {
	return r.do(func(tx session.Tx) error { return tx.ForgetKEMPreKey(id) })
}

func (r *recorder) PutValue(name string, b []byte) error {
	return r.do(func(tx session.Tx) error { return tx.PutValue(name, b) })
}
