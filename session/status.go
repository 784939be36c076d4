package session

import (
	"context"

	"signet.example/signet"
)

// A Status describes the current session with a peer. The zero Status is "none".
type Status struct {
	Exists               bool   // there is a current session, and it has a sending chain
	Version              uint32 // of the protocol: 3 (X3DH) or 4 (PQXDH)
	Acknowledged         bool   // the peer has answered, or began the session itself
	Stale                bool   // not answered for 30 days: Encrypt is ErrNoSession
	PostQuantumRatchet   bool   // the post-quantum ratchet is on
	RemoteRegistrationID uint32 // as the peer gave it when the session was made
}

// Usable reports what the official client asks before it sends on a session: that it is not stale,
// was made with PQXDH and has the post-quantum ratchet (protocol §7.6). A session that is not
// usable still decrypts, and one that is not stale still encrypts; fetch a bundle and Start to
// replace it.
func (s Status) Usable() bool {
	return s.Exists && !s.Stale && s.Version > 3 && s.PostQuantumRatchet
}

// Status returns the status of the current session with peer. One with another identity than the
// accepted one counts as none. It does not check that the session's other keys are sound; one that
// does not decode is a *DamagedError.
func (d *Device) Status(ctx context.Context, peer signet.Address) (s Status, err error) {
	err = d.update(ctx, peer, func(tx Tx) error {
		s = Status{}
		r, err := d.load(tx, peer)
		if err != nil {
			return err
		}
		if len(r.damage) > 0 {
			return r.damage[0].err
		}
		if agrees, err := d.agrees(r); err != nil || !agrees {
			return err
		}
		pending, _ := r.current.Pending()
		_, remote := r.current.RegistrationIDs()
		s = Status{
			Exists:               r.current.MaySend(),
			Version:              r.current.Version(),
			Acknowledged:         pending == nil,
			Stale:                stale(pending, d.opts.Now().UnixMilli()),
			PostQuantumRatchet:   r.current.HasPQ(),
			RemoteRegistrationID: remote,
		}
		r.release()
		return nil
	})
	if err != nil {
		return Status{}, err
	}
	return s, nil
}
