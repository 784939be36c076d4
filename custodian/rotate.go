package custodian

import (
	"signet.example/signet/custodian/attack"
)

// rotate renews what leaked (custody B3). A fresh session is begun by whoever writes next: both
// ends archive the one they have.
func (r *run) rotate(kind string) error {
	business, customer := r.parties[attack.Business], r.parties[attack.Customer]
	if kind != "session" {
		if kind == "identity" {
			if err := r.newIdentity(business, customer); err != nil {
				return err
			}
		}
		if err := business.rotatePreKeys(r.ctx, r.advance); err != nil {
			return err
		}
		if err := r.directory(business); err != nil {
			return err
		}
	}
	if kind != "prekeys" {
		for _, p := range r.parties {
			if err := p.device.Archive(r.ctx, p.peer); err != nil {
				return err
			}
		}
	}
	for _, p := range r.parties {
		if err := r.changed(p); err != nil {
			return err
		}
	}
	return r.probeBoth()
}

func (r *run) newIdentity(p, peer *party) error {
	if err := p.renew(r.ctx); err != nil {
		return err
	}
	r.renamed()
	return peer.device.Trust(r.ctx, peer.peer, p.device.Identity())
}
