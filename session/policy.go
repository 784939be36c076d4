package session

import (
	"bytes"
	"context"
	"errors"

	"signet.example/signet"
)

// An IdentityPolicy says what happens when a session is to begin with a user who comes with another
// identity key than the accepted one: by Start, Barrier, or a first message.
type IdentityPolicy uint8

// The policies. Under all of them the first key is accepted, and a session that exists already
// never changes what is accepted: a device of a replaced identity that goes on writing is refused.
const (
	// RefuseChanges makes it an *UntrustedIdentityError until Trust accepts the key. It is for
	// programs with a user who can be asked.
	RefuseChanges IdentityPolicy = iota
	// AcceptChanges does what Trust does, in the transaction of the operation, and tells
	// Options.IdentityChanged. It is for programs that nobody sits in front of: whoever carries the
	// messages can take the place of any user, and is noticed by what is reported.
	AcceptChanges
	// AcceptUnverified is AcceptChanges, and RefuseChanges for users whose key was verified.
	AcceptUnverified
)

// An IdentityChange is another identity key that was accepted for a user by
// Options.IdentityChanges.
type IdentityChange struct {
	Peer     signet.Address   // the device that came with it
	Old, New signet.PublicKey // what was accepted before, and what is now
	Verified bool             // the old one had been verified, the new one is not
}

// rowVerified begins the name of the row that has the key which was verified for a user, or for an
// address with Options.DeviceIdentities.
const rowVerified = "verified/"

func (d *Device) rowVerified(peer signet.Address) string {
	if d.opts.DeviceIdentities {
		return rowVerified + peer.String()
	}
	return rowVerified + peer.Name
}

// isVerified reports whether key was verified for peer.
func (d *Device) isVerified(tx Tx, peer signet.Address, key signet.PublicKey) (bool, error) {
	row, err := tx.Value(d.rowVerified(peer))
	return err == nil && bytes.Equal(row, key.Bytes()), err
}

// follow accepts another identity key if the policy says so; u is the error if it does not.
// Sessions of the user with other keys end, but that of except if it is not nil.
func (d *Device) follow(tx Tx, u *UntrustedIdentityError, except *signet.Address) error {
	verified, err := d.stays(tx, u)
	if err != nil {
		return err
	}
	if err := d.change(tx, u.Peer, u.Offered, except); err != nil || d.opts.IdentityChanged == nil {
		return err
	}
	c := IdentityChange{Peer: u.Peer, Old: u.Known, New: u.Offered, Verified: verified}
	return d.call(func() error { return d.opts.IdentityChanged(tx, c) })
}

// stays says whether the accepted key was verified. The error is u unless the policy lets the other
// key follow it.
func (d *Device) stays(tx Tx, u *UntrustedIdentityError) (verified bool, err error) {
	if d.opts.IdentityChanges == RefuseChanges || d.isOwn(u.Peer) {
		return false, u
	}
	verified, err = d.isVerified(tx, u.Peer, u.Known)
	if err == nil && verified && d.opts.IdentityChanges != AcceptChanges {
		err = u
	}
	return verified, err
}

// Verify remembers that key is the identity of peer's user, or of peer with
// Options.DeviceIdentities: that somebody has compared the safety number, or scanned it. It accepts
// the key if none is yet. The mark is for this key alone; a changed one is not verified. The error
// is an *UntrustedIdentityError, and nothing has changed, if another key is accepted.
func (d *Device) Verify(ctx context.Context, peer signet.Address, key signet.PublicKey) error {
	return d.update(ctx, peer, func(tx Tx) error {
		if err := d.identify(tx, peer, key); err != nil {
			return err
		}
		return tx.PutValue(d.rowVerified(peer), key.Bytes())
	})
}

// Unverify takes back what Verify has said of peer's user.
func (d *Device) Unverify(ctx context.Context, peer signet.Address) error {
	return d.update(ctx, peer, func(tx Tx) error { return tx.PutValue(d.rowVerified(peer), nil) })
}

// Verified reports whether the identity key that is accepted for peer's user was verified.
func (d *Device) Verified(ctx context.Context, peer signet.Address) (verified bool, err error) {
	err = d.update(ctx, peer, func(tx Tx) error {
		key, ok, err := d.TrustedIn(tx, peer)
		if verified = false; err != nil || !ok {
			return err
		}
		verified, err = d.isVerified(tx, peer, key)
		return err
	})
	return verified && err == nil, err
}

// beginWith is identify for a session that this device begins with peer. It remembers the device.
func (d *Device) beginWith(tx Tx, peer signet.Address, offered signet.PublicKey) error {
	err := d.identify(tx, peer, offered)
	var u *UntrustedIdentityError
	if errors.As(err, &u) {
		err = d.follow(tx, u, nil)
	}
	if err != nil {
		return err
	}
	return d.met(tx, peer, offered)
}
