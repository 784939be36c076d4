package group

import (
	"context"
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// This file ties sender keys to identities. A sender key is believed as long as the identity that
// delivered it is the accepted one of its sender's user, and is used for writing as long as those
// are whom it was given to. Which identity is accepted, package session says.

// ErrIdentityChanged is an own sender key that was given to somebody whose identity key has changed
// since, or may have been: whoever holds it under the former identity would go on reading. Rotate
// replaces it and hands the new one out.
var ErrIdentityChanged = errors.New("group: an identity has changed that the sender key was given to: rotate it")

// An AuthorError says that the sender key of a message was delivered by another identity than the
// one that is said to have written the message. Nothing has changed.
type AuthorError = session.AuthorError

// identities is who says which identity is accepted: opts.Device, or one with nothing but the rule,
// for users or for devices.
func identities(self signet.Address, store Store, opts *Options, devices bool) *session.Device {
	if opts.Device != nil {
		return opts.Device
	}
	return session.NewDevice(self, nil, store, &session.Options{DeviceIdentities: devices})
}

// deliverer returns the identity accepted for from, 33 bytes, or nil.
func (c *Channel) deliverer(tx session.Tx, from signet.Address) ([]byte, error) {
	key, ok, err := c.identities.TrustedIn(tx, from)
	if err != nil || !ok {
		return nil, err
	}
	return key.Bytes(), nil
}

// authored compares who delivered a sender key, if that is known, with the accepted identity of its
// sender, and with the one that is said to be the author if said is not nil.
func (c *Channel) authored(tx session.Tx, from signet.Address, identity []byte, said *signet.PublicKey) error {
	var key signet.PublicKey
	var err error
	if len(identity) == 0 { // from before deliverers were noted: whom the device was met as
		if said != nil {
			if err := c.identities.Compare(tx, from, *said); err != nil {
				return err
			}
			said = nil
		}
		if identity, err = tx.Identity(from); err != nil || len(identity) == 0 {
			return err
		}
	}
	if key, err = signet.ParsePublicKey(identity); err != nil {
		return damaged(err)
	}
	if said != nil && !said.Equal(key) {
		return &AuthorError{Peer: from, Said: *said, Found: key}
	}
	return c.identities.Compare(tx, from, key)
}

// DecryptFrom is DecryptTo for a message of which something else says whose it is: a certificate.
// The error is an *AuthorError if the sender key was delivered by another identity than author, or
// an *session.UntrustedIdentityError if author is not the accepted one.
func (c *Channel) DecryptFrom(ctx context.Context, from signet.Address, author signet.PublicKey, message []byte, to func(tx session.Tx, plaintext []byte) error) error {
	return c.decrypt(ctx, from, &author, message, c.called(to))
}

// mayEncrypt reports an own sender key that is not to be used any more.
func (c *Channel) mayEncrypt(row []byte) error {
	if wire.RetiredSenderKey(row) {
		return fmt.Errorf("%w (%s)", ErrIdentityChanged, c.name)
	}
	return nil
}

// give notes, in the transaction that hands out the own sender key, to whom: these, or, if they are
// nil, somebody unknown. With fresh the key was made in it.
func (c *Channel) give(tx session.Tx, fresh bool, to []signet.Address) error {
	var given []byte
	var names []string
	anybody := false
	if fresh {
		given = wire.NoRecipients()
	} else {
		row, err := tx.Value(wire.RowRecipients + c.name)
		if err != nil {
			return err
		}
		if names, anybody, err = wire.Recipients(row); err != nil || anybody {
			return nil // not known, which is what damage counts as, too
		}
		given = append([]byte(nil), row...)
	}
	known := make(map[string]bool, len(names)+len(to))
	for _, n := range names {
		known[n] = true
	}
	before := len(given)
	for _, a := range to {
		if !known[a.Name] && a != c.self {
			known[a.Name] = true
			given = wire.AppendRecipient(given, a.Name)
		}
	}
	if to == nil {
		given = wire.AppendAnybody(given)
	}
	if !fresh && len(given) == before {
		return nil
	}
	return tx.PutValue(wire.RowRecipients+c.name, given)
}
