package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"signet.example/signet"
)

// This file is the rule about identity keys, and all of it: which key is accepted for an address.
// Every operation that uses a session, makes one or takes a sender key asks here, in its
// transaction (docs/decisions/018-one-identity-a-user.md).

// An UntrustedIdentityError says that a peer uses another identity key than the accepted one. Show
// it to the user; Device.Trust accepts the offered key.
type UntrustedIdentityError struct {
	Peer    signet.Address
	Known   signet.PublicKey // the accepted key
	Offered signet.PublicKey // the one that the message, session or bundle came with
}

func (e *UntrustedIdentityError) Error() string {
	return "session: untrusted identity for address " + e.Peer.String()
}

// An AuthorError says that a message is not of the identity that something else says it is of: a
// certificate, of a sender in a sealed envelope. Neither is to be trusted for it, so there is
// nothing to ask the user, and nothing to answer. Nothing has changed.
type AuthorError struct {
	Peer  signet.Address
	Said  signet.PublicKey // the key of who is said to have written it
	Found signet.PublicKey // the identity of the session, or of who delivered the sender key, that opens it
}

func (e *AuthorError) Error() string {
	return "session: a message said to be from " + e.Peer.String() + " was written by another identity"
}

// authored compares who is said to have written a message, nil if nothing says, with the identity
// of the session that opens it.
func authored(peer signet.Address, said *signet.PublicKey, found signet.PublicKey) error {
	if said == nil || said.Equal(found) {
		return nil
	}
	return &AuthorError{Peer: peer, Said: *said, Found: found}
}

// userOf is the address under which the identity key of a user is kept.
func userOf(name string) signet.Address { return signet.Address{Name: name} }

// holder is the address whose identity row counts for peer.
func (d *Device) holder(peer signet.Address) signet.Address {
	if d.opts.DeviceIdentities {
		return peer
	}
	return userOf(peer.Name)
}

// isOwn reports whether the accepted identity of peer is the device's own.
func (d *Device) isOwn(peer signet.Address) bool {
	return d.id != nil && peer.Name == d.self.Name && (!d.opts.DeviceIdentities || peer == d.self)
}

// An acceptance is what is known of a peer's identity before it is looked at.
type acceptance uint8

const (
	unmet   acceptance = iota // no key is accepted
	earlier                   // one is, of a device of the user, and it is not yet kept for the user
	kept                      // one is
)

// identityRow reads a row of an identity key. One that does not decode is a *DamagedError: it
// counts as missing for Trust alone, and for nothing that a peer can bring about.
func identityRow(tx Tx, a signet.Address) ([]byte, error) {
	row, err := tx.Identity(a)
	if err == nil && len(row) > 0 {
		_, err = signet.ParsePublicKey(row)
		if err == nil {
			return row, nil
		}
	} else if err == nil || !errors.Is(err, ErrRecord) {
		return row, err
	}
	return row, &DamagedError{Peer: a, Row: "identity", Err: err}
}

// accepted returns the identity key that is accepted for peer. It writes nothing. If the row of a
// user is damaged, the rows that say which of the user's devices were met say it too; the error is
// a *DamagedError if none does.
func (d *Device) accepted(tx Tx, peer signet.Address) (key signet.PublicKey, of acceptance, err error) {
	if d.isOwn(peer) {
		return d.id.PublicKey(), kept, nil
	}
	of = kept
	row, err := identityRow(tx, d.holder(peer))
	damaged, broken := errors.AsType[*DamagedError](err)
	if (broken || err == nil && len(row) == 0) && !d.opts.DeviceIdentities {
		of = earlier
		if row, err = ofDevices(tx, peer.Name); err == nil && len(row) == 0 && broken {
			err = damaged
		}
	}
	switch {
	case err != nil:
		return key, unmet, err
	case len(row) == 0:
		return key, unmet, nil
	}
	if key, err = signet.ParsePublicKey(row); err != nil {
		return key, unmet, peerError{fmt.Errorf("session: stored identity of %s: %w", peer, err)}
	}
	return key, of, nil
}

// ofDevices returns the identity row of the first device of a user that has one, or nil. Such rows
// say which devices were met, and what was accepted then; they count until there is one of the
// user.
func ofDevices(tx Tx, name string) (row []byte, err error) {
	var damaged error
	for id, err := range tx.Devices(name) {
		if err != nil {
			return nil, err
		}
		if id == 0 {
			continue
		}
		row, err = identityRow(tx, signet.Address{Name: name, Device: id})
		if _, ok := errors.AsType[*DamagedError](err); ok {
			damaged = err
			continue
		}
		if err != nil || len(row) > 0 {
			return row, err
		}
	}
	return nil, damaged
}

// identify compares the identity key that peer uses with the accepted one, and accepts the first.
// The error is an *UntrustedIdentityError.
func (d *Device) identify(tx Tx, peer signet.Address, offered signet.PublicKey) error {
	known, of, err := d.accepted(tx, peer)
	switch {
	case err != nil:
		return err
	case of == unmet:
		return d.admit(tx, peer, offered)
	case !known.Equal(offered):
		return d.mismatch(tx, peer, known, offered)
	case of == earlier:
		return tx.PutIdentity(d.holder(peer), offered.Bytes())
	}
	return nil
}

// mismatch is what follows from another key than the accepted one: an error, unless all devices of
// the user were forgotten since.
func (d *Device) mismatch(tx Tx, peer signet.Address, known, offered signet.PublicKey) error {
	if !d.opts.DeviceIdentities && !d.isOwn(peer) {
		row, err := ofDevices(tx, peer.Name)
		if err != nil {
			return err
		}
		if len(row) == 0 {
			return d.admit(tx, peer, offered)
		}
	}
	return &UntrustedIdentityError{Peer: peer, Known: known, Offered: offered}
}

// admit keeps key as the identity of peer.
func (d *Device) admit(tx Tx, peer signet.Address, key signet.PublicKey) error {
	if err := tx.PutIdentity(d.holder(peer), key.Bytes()); err != nil {
		return err
	}
	return d.met(tx, peer, key)
}

// met remembers that a session with peer has begun, or that its key was accepted. As long as one
// device of a user is remembered the user's key counts.
func (d *Device) met(tx Tx, peer signet.Address, key signet.PublicKey) error {
	if peer.Device == 0 && !d.opts.DeviceIdentities {
		peer.Device = 1 // the row of device 0 is the user's
	}
	row, err := identityRow(tx, peer)
	if _, damaged := errors.AsType[*DamagedError](err); !damaged && (err != nil || len(row) > 0) {
		return err
	}
	return tx.PutIdentity(peer, key.Bytes())
}

// agrees reports whether the current session is with the accepted identity, or none is accepted. It
// writes nothing.
func (d *Device) agrees(r *record) (bool, error) {
	if r.current == nil {
		return false, nil
	}
	remote, err := r.current.Remote()
	if err != nil {
		return false, nil // it is of no use
	}
	known, of, err := d.accepted(r.tx, r.peer)
	return err == nil && (of == unmet || known.Equal(remote)), err
}

// TrustedIn is Trusted in a transaction that runs already.
func (d *Device) TrustedIn(tx Tx, peer signet.Address) (key signet.PublicKey, ok bool, err error) {
	known, of, err := d.accepted(tx, peer)
	if err != nil || of == unmet {
		return key, false, err
	}
	if of == kept && !d.opts.DeviceIdentities && !d.isOwn(peer) {
		row, err := tx.Identity(peer)
		if err == nil && (len(row) == 0 || peer.Device == 0) {
			row, err = ofDevices(tx, peer.Name) // all devices may have been forgotten
		}
		if err != nil || len(row) == 0 {
			return key, false, err
		}
	}
	return known, true, nil
}

// Compare compares key with the identity that is accepted for peer, if there is one, in a
// transaction that runs already, and changes nothing. The error is an *UntrustedIdentityError.
func (d *Device) Compare(tx Tx, peer signet.Address, key signet.PublicKey) error {
	known, of, err := d.accepted(tx, peer)
	if err != nil || of == unmet || known.Equal(key) {
		return err
	}
	known, ok, err := d.TrustedIn(tx, peer)
	if err != nil || !ok {
		return err
	}
	return &UntrustedIdentityError{Peer: peer, Known: known, Offered: key}
}

// Accept compares key with the identity that is accepted for peer, and accepts it if there is none
// yet, in a transaction that runs already: for what another protocol than a session's says about
// who peer is. The error is an *UntrustedIdentityError for another key than the accepted one; the
// transaction has changed nothing then.
func (d *Device) Accept(tx Tx, peer signet.Address, key signet.PublicKey) error {
	return d.identify(tx, peer, key)
}

// Trusted returns the accepted identity key of peer's user, or of peer with
// Options.DeviceIdentities; ok is false before first contact.
func (d *Device) Trusted(ctx context.Context, peer signet.Address) (key signet.PublicKey, ok bool, err error) {
	err = d.update(ctx, peer, func(tx Tx) error {
		key, ok, err = d.TrustedIn(tx, peer)
		return err
	})
	return key, ok && err == nil, err
}

var errAppeared = errors.New("session: a device appeared")

// Trust accepts key as the identity of peer's user, in place of the one accepted before, for all
// devices of the user: those that the store knows of, whatever a directory says. Sessions with
// another identity end, and so do the sender keys that the former identity delivered; in one
// transaction, if the store is a ManyStore or a transaction of it may write rows of several peers.
// The device of peer does not matter, unless Options.DeviceIdentities is on: then it is the peer
// alone.
//
// The error is an *UntrustedIdentityError for another key than the device's own under its own name.
func (d *Device) Trust(ctx context.Context, peer signet.Address, key signet.PublicKey) error {
	if d.isOwn(peer) {
		if own := d.id.PublicKey(); !own.Equal(key) {
			return &UntrustedIdentityError{Peer: peer, Known: own, Offered: key}
		}
	}
	return d.withUser(ctx, peer, func(tx Tx, _ []signet.Address) error { return d.change(tx, peer, key, nil) })
}

// Forget removes what the store has of peer's user, or of peer with Options.DeviceIdentities:
// sessions, the accepted identity and that it was verified, and the sender keys that came from it.
// The next contact is a first one. Own sender keys that the user was given stay: Rotate them.
func (d *Device) Forget(ctx context.Context, peer signet.Address) error {
	return d.withUser(ctx, peer, func(tx Tx, list []signet.Address) error {
		for _, a := range list {
			for _, put := range []func(signet.Address, []byte) error{tx.PutSession, tx.PutArchive, tx.PutIdentity} {
				if err := put(a, nil); err != nil {
					return err
				}
			}
			if err := forgetSenderKeys(tx, a); err != nil {
				return err
			}
		}
		return tx.PutValue(d.rowVerified(peer), nil)
	})
}

// withUser runs f in a transaction that names all devices of peer's user, as the store has them.
func (d *Device) withUser(ctx context.Context, peer signet.Address, f func(Tx, []signet.Address) error) error {
	const times = 8
	var err error
	for range times {
		var peers []signet.Address
		err = d.update(ctx, d.holder(peer), func(tx Tx) (err error) {
			peers, err = d.devices(tx, peer)
			return err
		})
		if err != nil {
			return err
		}
		err = d.changeAll(ctx, peers, func(tx Tx) error {
			now, err := d.devices(tx, peer)
			if err != nil {
				return err
			}
			for _, a := range now {
				if !has(peers, a) {
					return errAppeared
				}
			}
			return f(tx, now)
		})
		if !errors.Is(err, errAppeared) {
			break
		}
	}
	return err
}

// changeAll runs f over many peers: in a transaction that names all of them, or else their user.
func (d *Device) changeAll(ctx context.Context, peers []signet.Address, f func(Tx) error) error {
	if many, ok := d.store.(ManyStore); ok {
		return d.updateNaming(ctx, many, peers, f)
	}
	return d.update(ctx, peers[0], f)
}

func has(list []signet.Address, a signet.Address) bool {
	for _, b := range list {
		if a == b {
			return true
		}
	}
	return false
}

// devices lists the addresses for which an identity is accepted together with peer's: its own
// first, then those of which the store has anything.
func (d *Device) devices(tx Tx, peer signet.Address) ([]signet.Address, error) {
	if d.opts.DeviceIdentities {
		return []signet.Address{peer}, nil
	}
	list := []signet.Address{userOf(peer.Name)}
	if peer.Device != 0 {
		list = append(list, peer)
	}
	for id, err := range tx.Devices(peer.Name) {
		if err != nil {
			return nil, err
		}
		if a := (signet.Address{Name: peer.Name, Device: id}); !has(list, a) {
			list = append(list, a)
		}
	}
	return list, nil
}

// change accepts key for peer in place of another: sessions with others end, but that of except if
// it is not nil, and what the former identity delivered goes.
func (d *Device) change(tx Tx, peer signet.Address, key signet.PublicKey, except *signet.Address) error {
	known, of, err := d.accepted(tx, peer)
	damaged, broken := errors.AsType[*DamagedError](err) // whose key it was is not known: as if it were another
	if err != nil && !broken {
		return err
	}
	list, err := d.devices(tx, peer)
	if err != nil {
		return err
	}
	changed := broken || of != unmet && !known.Equal(key)
	if broken {
		row, _ := tx.Identity(damaged.Peer)
		if err := d.SetAside(tx, damaged, row); err != nil {
			return err
		}
	}
	for _, a := range list {
		row, err := identityRow(tx, a)
		if _, ok := errors.AsType[*DamagedError](err); ok {
			err = nil
		}
		other := len(row) > 0 && !bytes.Equal(row, key.Bytes()) // the device was met as somebody else
		if err == nil && len(row) > 0 && !d.isOwn(peer) {
			err = tx.PutIdentity(a, key.Bytes())
		}
		if err == nil && (except == nil || a != *except) {
			err = d.endOthers(tx, a, key)
		}
		if err == nil && (changed || other) {
			err = forgetSenderKeys(tx, a)
		}
		if err != nil {
			return err
		}
	}
	if changed {
		if err := d.retireOwn(tx, peer.Name); err != nil {
			return err
		}
	}
	if d.isOwn(peer) {
		return nil
	}
	return d.admit(tx, peer, key)
}

// endOthers archives the current session with a device unless it is with the identity key. One that
// does not decode is of no use to anybody, and stays.
func (d *Device) endOthers(tx Tx, a signet.Address, key signet.PublicKey) error {
	r, err := d.load(tx, a)
	if errors.Is(err, ErrRecord) || err == nil && r.current == nil {
		return nil
	}
	if err != nil {
		return err
	}
	if remote, err := r.current.Remote(); err == nil && remote.Equal(key) {
		r.release()
		return nil
	}
	if err := r.archiveCurrent(); err != nil {
		return err
	}
	return r.save()
}
