package session

import (
	"iter"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
)

// This file is what a change of identity does to sender keys, whose rows are beside the sessions
// where the store keeps groups.

// A senderKeysTx is what package group needs of a transaction, as far as it is needed here.
type senderKeysTx interface {
	SenderKey(sender signet.Address, group string) ([]byte, error)
	PutSenderKey(sender signet.Address, group string, record []byte) error
	SenderKeys(sender signet.Address) iter.Seq2[string, error]
}

// forgetSenderKeys removes the sender keys that a device has delivered.
func forgetSenderKeys(tx Tx, a signet.Address) error {
	t, ok := tx.(senderKeysTx)
	if !ok {
		return nil
	}
	for group, err := range t.SenderKeys(a) {
		if err != nil {
			return err
		}
		if err := t.PutSenderKey(a, group, nil); err != nil {
			return err
		}
	}
	return nil
}

// retireOwn marks the device's own sender keys that a user was given: none of them encrypts again.
// Of keys whose recipients are not known any may be among them.
func (d *Device) retireOwn(tx Tx, name string) error {
	t, ok := tx.(senderKeysTx)
	if !ok {
		return nil
	}
	for group, err := range t.SenderKeys(d.self) {
		if err != nil {
			return err
		}
		row, err := t.SenderKey(d.self, group)
		if err != nil {
			return err
		}
		given, err := tx.Value(wire.RowRecipients + group)
		if err != nil {
			return err
		}
		if len(row) == 0 || !wire.MayHave(given, name) {
			continue
		}
		if err := t.PutSenderKey(d.self, group, wire.RetireSenderKey(row)); err != nil {
			return err
		}
	}
	return nil
}
