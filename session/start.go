package session

import (
	"context"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/ratchet"
	"signet.example/signet/x3dh"
)

// Start makes a session with peer from its bundle (protocol §2.4). The next Encrypt sends a first
// message. A session that existed is archived. The error is an *UntrustedIdentityError if another
// identity key is accepted for peer, ErrVersion for a bundle without a KEM prekey unless
// Options.AllowX3DH, and signet.ErrInvalidAgreement for a key of small order. On error nothing has
// changed.
func (d *Device) Start(ctx context.Context, peer signet.Address, b *x3dh.Bundle) error {
	if b.Version() < x3dh.VersionPQXDH && !d.opts.AllowX3DH {
		return fmt.Errorf("%w: the bundle has no KEM prekey", ErrVersion)
	}
	src := entropy.From(ctx)
	return d.update(ctx, peer, func(tx Tx) error { return d.start(tx, src, peer, b) })
}

// start is Start within a transaction.
func (d *Device) start(tx Tx, src *entropy.Source, peer signet.Address, b *x3dh.Bundle) error {
	if err := d.beginWith(tx, peer, b.Identity()); err != nil {
		return err
	}
	r, err := d.load(tx, peer)
	if err != nil {
		return err
	}
	s, err := d.initiate(tx, src, peer, b)
	if err != nil {
		return err
	}
	if err := r.promote(s); err != nil {
		return err
	}
	return r.save()
}

func (d *Device) initiate(tx Tx, src *entropy.Source, peer signet.Address, b *x3dh.Bundle) (*ratchet.State, error) {
	in, secret, err := x3dh.InitiateFrom(src, d.id, b)
	if err != nil {
		return nil, peerError{err}
	}
	registration, err := registrationID(tx, src)
	if err != nil {
		return nil, err
	}
	f := b.Fields()
	return ratchet.NewInitiatorFrom(src, ratchet.Seed(secret), &ratchet.Handshake{
		Version: in.Version,
		Local:   in.Identity, Remote: f.Identity, BaseKey: in.BaseKey,
		LocalRegistrationID: registration, RemoteRegistrationID: f.RegistrationID,
		LocalAddress: d.self, RemoteAddress: peer,
		Pending: &ratchet.Pending{
			HasPreKey: in.HasPreKey, PreKeyID: in.PreKeyID, SignedPreKeyID: in.SignedPreKeyID,
			Timestamp:   uint64(max(0, d.opts.Now().Unix())),
			KEMPreKeyID: in.KEMPreKeyID, KEMCiphertext: in.KEMCiphertext,
		},
	}, f.SignedPreKey.Public)
}
