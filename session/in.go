package session

import (
	"context"
	"errors"

	"signet.example/signet"
	"signet.example/signet/internal/reentry"
)

// This file is what runs inside a transaction of the Device, and what must not.

// ErrInTransaction is an operation that was called inside a function given to a Device or a
// group.Channel, on the same store: by a bot that answers inside DecryptTo, for one. It would have
// waited for the transaction that it is called in, and that for it. EncryptIn, group.Channel's
// EncryptIn and JoinIn, TrustedIn and the methods of Tx are for that. It is noticed on the
// goroutine that the function was called on.
var ErrInTransaction = errors.New("session: it would wait for the transaction that it is called in: use EncryptIn or what else takes a Tx")

// update is d.store.Update outside its own transactions.
func (d *Device) update(ctx context.Context, peer signet.Address, f func(Tx) error) error {
	if reentry.Inside(d.store) {
		return ErrInTransaction
	}
	return d.store.Update(ctx, peer, f)
}

// updateNaming is many.UpdateAll, likewise; many is d.store.
func (d *Device) updateNaming(ctx context.Context, many ManyStore, peers []signet.Address, f func(Tx) error) error {
	if reentry.Inside(d.store) {
		return ErrInTransaction
	}
	return many.UpdateAll(ctx, peers, f)
}

// call runs a function of the application's inside a transaction.
func (d *Device) call(f func() error) error { return reentry.Run(d.store, f) }

// EncryptIn is Encrypt in a transaction that runs already: in the function given to DecryptTo, so
// that a message, what the application notes of it and the answer commit together or not at all.
// The message must not be sent before the transaction has committed; of what was encrypted in one
// that did not, no key was used. Several may be made in one transaction. peer is best the one that
// the transaction names, which DecryptTo's is; another one is right, too, and may make it run
// again.
//
// The errors are those of Encrypt, and then EncryptIn has changed nothing. plaintext is not
// modified and not kept. Like tx it is used by one goroutine.
func (d *Device) EncryptIn(tx Tx, peer signet.Address, plaintext []byte) (Message, error) {
	r, err := d.load(tx, peer)
	if err != nil {
		return Message{}, err
	}
	m, err := r.encrypt(d, nil, plaintext, d.opts.Now)
	if err != nil {
		return Message{}, err
	}
	if err := r.save(); err != nil {
		return Message{}, err
	}
	return m, nil
}
