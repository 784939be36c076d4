package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/x3dh"
)

// This file is what many peers have that one does not: a result for each (decision 035).

// A LeftOut is a peer that EncryptEach or StartEach left out, and why. Nothing has changed for it.
//
// Err matches ErrNoSession or ErrRecord, or for a bundle ErrVersion, signet.ErrInvalidAgreement or
// an *UntrustedIdentityError, which is a question for the user.
type LeftOut struct {
	Peer signet.Address
	Err  error
}

var errLeftOut = errors.New("session: a peer is left out")

// A peerError comes of one peer, and not of the store: the others are not concerned.
type peerError struct{ error }

func (e peerError) Unwrap() error { return e.error }

// ofPeer reports whether an error concerns one peer alone.
func ofPeer(err error) bool {
	if err == nil {
		return false
	}
	_, marked := errors.AsType[peerError](err)
	_, changed := errors.AsType[*UntrustedIdentityError](err)
	return marked || changed || errors.Is(err, ErrNoSession) || errors.Is(err, ErrRecord) || errors.Is(err, ErrVersion)
}

// asWhole is the error of a call that refuses all because of some: the first that a new session
// does not help against, or else a *NoSessionError.
func asWhole(failed []LeftOut) error {
	if failed == nil {
		return nil
	}
	missing := make([]signet.Address, 0, len(failed))
	for _, f := range failed {
		if !errors.Is(f.Err, ErrNoSession) {
			return f.Err
		}
		missing = append(missing, f.Peer)
	}
	return &NoSessionError{missing}
}

// EncryptEach is EncryptAll that leaves out the peers that cannot be encrypted for and names each
// with its reason, in the order of out: the others get their message. to runs with what is sent,
// which may be nothing.
//
// With a store that is no ManyStore the keys of a message for each of the others are lost if a peer
// is left out, as after a crash. The error is the store's, to's or the context's; then there is
// nothing to send. out and its plaintexts are not modified and not kept.
func (d *Device) EncryptEach(ctx context.Context, out []Outgoing, to func(Tx, []Sent) error) (sent []Sent, left []LeftOut, err error) {
	for {
		sent, failed, err := d.encryptMany(ctx, out, to)
		if err != nil {
			return nil, nil, err
		}
		if failed == nil {
			return sent, left, nil
		}
		left = append(left, failed...)
		gone := make(map[signet.Address]bool, len(failed))
		for _, f := range failed {
			gone[f.Peer] = true
		}
		out = slices.DeleteFunc(slices.Clone(out), func(o Outgoing) bool { return gone[o.Peer] })
	}
}

// A Contact is a peer and its bundle.
type Contact struct {
	Peer   signet.Address
	Bundle *x3dh.Bundle
}

// StartAll is Start for many peers. with, if not nil, runs in the transaction of each session,
// before it is made; an error of it is returned. With a ManyStore all sessions begin in one
// transaction or none does, and also names more peers for with to read; with another store the
// sessions that began before an error stay. StartEach leaves out the peers whose session cannot
// begin.
func (d *Device) StartAll(ctx context.Context, contacts []Contact, also []signet.Address, with func(Tx, Contact) error) error {
	peers := make([]signet.Address, 0, len(contacts)+len(also))
	for _, c := range contacts {
		if err := d.fits(c); err != nil {
			return err
		}
		peers = append(peers, c.Peer)
	}
	start := d.starting(ctx, with)
	if many, ok := d.store.(ManyStore); ok {
		return d.updateNaming(ctx, many, append(peers, also...), func(tx Tx) error {
			for _, c := range contacts {
				if err := start(tx, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, c := range contacts {
		if err := d.update(ctx, c.Peer, func(tx Tx) error { return start(tx, c) }); err != nil {
			return err
		}
	}
	return nil
}

// fits refuses a bundle of an older version than the device takes.
func (d *Device) fits(c Contact) error {
	if c.Bundle.Version() < x3dh.VersionPQXDH && !d.opts.AllowX3DH {
		return fmt.Errorf("%w: the bundle of %s has no KEM prekey", ErrVersion, c.Peer)
	}
	return nil
}

// starting returns what begins a session in a transaction.
func (d *Device) starting(ctx context.Context, with func(Tx, Contact) error) func(Tx, Contact) error {
	src := entropy.From(ctx)
	return func(tx Tx, c Contact) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if with != nil {
			if err := d.call(func() error { return with(tx, c) }); err != nil {
				return err
			}
		}
		return d.start(tx, src, c.Peer, c.Bundle)
	}
}

// StartEach is StartAll that leaves out the peers whose session cannot begin and names each with
// its reason: the sessions with the others begin. With a ManyStore that is one transaction; one
// that met such a peer is rolled back and made anew without it. The error is the store's or the
// context's.
func (d *Device) StartEach(ctx context.Context, contacts []Contact) (left []LeftOut, err error) {
	start := d.starting(ctx, nil)
	var rest []Contact
	for _, c := range contacts {
		if err := d.fits(c); err != nil {
			left = append(left, LeftOut{c.Peer, err})
			continue
		}
		rest = append(rest, c)
	}
	many, ok := d.store.(ManyStore)
	if !ok {
		for _, c := range rest {
			err := d.update(ctx, c.Peer, func(tx Tx) error { return start(tx, c) })
			if ofPeer(err) {
				left = append(left, LeftOut{c.Peer, err})
			} else if err != nil {
				return nil, err
			}
		}
		return left, nil
	}
	for len(rest) > 0 {
		var good []Contact
		var failed []LeftOut
		err := d.updateNaming(ctx, many, contactsOf(rest), func(tx Tx) (err error) {
			good, failed, err = startSome(tx, rest, start)
			if err == nil && failed != nil {
				err = errLeftOut
			}
			return err
		})
		if !errors.Is(err, errLeftOut) || failed == nil {
			return left, err
		}
		left, rest = append(left, failed...), good
	}
	return left, nil
}

// startSome begins sessions in a transaction, which has to fail if one of them does. What a device
// that failed said of its user's identity does not count against the user's others: they are good
// until tried again.
func startSome(tx Tx, contacts []Contact, start func(Tx, Contact) error) (good []Contact, failed []LeftOut, err error) {
	users := make(map[string]bool)
	for _, c := range contacts {
		err := start(tx, c)
		switch {
		case ofPeer(err) && !users[c.Peer.Name]:
			users[c.Peer.Name] = true
			failed = append(failed, LeftOut{c.Peer, err})
		case err != nil && !ofPeer(err):
			return nil, nil, err
		default:
			good = append(good, c)
		}
	}
	return good, failed, nil
}

// A Named is an address and the identity key that somebody says it has.
type Named struct {
	Peer     signet.Address
	Identity signet.PublicKey
}

// Foreign returns those of list with whom no session would begin because another identity key is
// accepted, each with its *UntrustedIdentityError; with a policy that accepts the change it does
// not count. It changes nothing. It is for comparing what a directory lists before prekeys are
// asked for.
func (d *Device) Foreign(ctx context.Context, list []Named) (left []LeftOut, err error) {
	peers := make([]signet.Address, len(list))
	for i := range list {
		peers[i] = list[i].Peer
	}
	err = d.updateAll(ctx, peers, func(tx Tx) error {
		left = nil
		for _, n := range list {
			err := d.Compare(tx, n.Peer, n.Identity)
			if u, changed := errors.AsType[*UntrustedIdentityError](err); changed {
				_, err = d.stays(tx, u)
			}
			if ofPeer(err) {
				left = append(left, LeftOut{n.Peer, err})
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return left, nil
}

func contactsOf(contacts []Contact) []signet.Address {
	peers := make([]signet.Address, len(contacts))
	for i := range contacts {
		peers[i] = contacts[i].Peer
	}
	return peers
}
