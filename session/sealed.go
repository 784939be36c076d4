package session

import (
	"context"

	"signet.example/signet"
	"signet.example/signet/x3dh"
)

// This file is what package sealed needs of a Device: its identity key, its store, and what it
// knows of many peers at once.

// IdentityKey returns the identity that the Device was made with, for protocols that agree with it
// beside the sessions.
func (d *Device) IdentityKey() x3dh.Identity { return d.id }

// Store returns the store that the Device was made with, for records beside the sessions.
func (d *Device) Store() Store { return d.store }

// A Remote is what a device knows of a peer without using the session.
type Remote struct {
	Known          bool             // an identity key is accepted
	Identity       signet.PublicKey // if it is
	Session        bool             // there is a current session with that identity
	RegistrationID uint32           // if there is, as the peer gave it when the session was made
}

// Remotes returns what the device knows of each of peers, in their order, as it is at one time. It
// changes nothing. The error is ErrRecord for a session that does not decode.
func (d *Device) Remotes(ctx context.Context, peers []signet.Address) ([]Remote, error) {
	var all []Remote
	err := d.update(ctx, signet.Address{}, func(tx Tx) error {
		all = make([]Remote, len(peers))
		for i, peer := range peers {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := d.remote(tx, peer, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (d *Device) remote(tx Tx, peer signet.Address, to *Remote) error {
	known, of, err := d.accepted(tx, peer)
	if err != nil {
		return err
	}
	if of != unmet {
		to.Known, to.Identity = true, known
	}
	r, err := d.load(tx, peer)
	if err != nil {
		return err
	}
	if to.Session, err = d.agrees(r); to.Session {
		_, to.RegistrationID = r.current.RegistrationIDs()
	}
	r.release()
	return err
}
