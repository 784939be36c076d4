package custodian

import (
	"fmt"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/wire"
)

// barrier is what a careful customer does once a mandate has ended (custody B6): she deletes the
// archived sessions and receiving chains that were there when it ended, and the current session too
// if its root can still be followed from then. The protocol does not ask for it; its price is that
// late messages of the business are lost.
func (r *run) barrier() error {
	if r.revokedAt < 0 {
		r.note("idle")
		return nil
	}
	p := r.parties[attack.Customer]
	states, err := p.states(r.ctx)
	if err != nil {
		return err
	}
	var record []byte
	for i := range states {
		s := &states[i]
		switch {
		case s.archived && r.oldSession(s.base):
		case s.archived:
			record = wire.AppendPrevious(record, &s.Session)
		case r.old(s.base, r.madeAgainst(s)):
			r.note("fresh")
		default:
			record = wire.AppendCurrent(record, r.without(s))
		}
	}
	if err := p.device.SetRecord(r.ctx, p.peer, record); err != nil {
		return err
	}
	if err := r.barred(); err != nil {
		return err
	}
	if err := r.changed(p); err != nil {
		return err
	}
	return r.probeBoth()
}

// old reports whether a ratchet key was there when the last grant was revoked.
func (r *run) old(base, key parcel.Key) bool {
	born, known := r.ledger.born[[2]parcel.Key{base, key}]
	return known && born <= r.revokedAt
}

// oldSession reports whether a session was there when the last grant was revoked.
func (r *run) oldSession(base parcel.Key) bool {
	for _, t := range r.ledger.turns {
		if t.Base == base && r.old(base, t.Key) {
			return true
		}
	}
	return false
}

// madeAgainst is the key that the session's own ratchet key was made against: whoever had its
// private half can follow the root.
func (r *run) madeAgainst(s *state) parcel.Key {
	if t := r.ledger.turnOf[[2]parcel.Key{s.base, s.own()}]; t != nil {
		return t.Against
	}
	return parcel.Key{}
}

// without returns the session without its old receiving chains.
func (r *run) without(s *state) *wire.Session {
	kept := s.Session
	kept.Receivers = nil
	for i := range s.Receivers {
		if c := &s.Receivers[i]; !r.old(s.base, parcel.Key(c.RatchetKey)) {
			kept.Receivers = append(kept.Receivers, *c)
		}
	}
	return &kept
}

// block ends the conversation from the customer's side: she forgets her sessions and takes nothing
// more.
func (r *run) block() error {
	p := r.parties[attack.Customer]
	r.blocked = true
	if err := p.device.SetRecord(r.ctx, p.peer, nil); err != nil {
		return err
	}
	if err := r.changed(p); err != nil {
		return err
	}
	return r.probeBoth()
}

// ask lets the holders of an oracle ask for what is of use to them: the agreements of the identity
// key with the signed prekeys of the other end, and with the base keys of first messages to it.
// What was answered stays with them.
func (r *run) ask() error {
	for _, g := range r.grants {
		if g.Via != "oracle" || g.until >= 0 {
			continue
		}
		p := r.parties[sideOfGrant(g.Grant)]
		var entries []parcel.Entry
		for _, their := range r.askable(p.side) {
			name := parcel.Entry{Kind: parcel.Agreement, Key: parcel.Key(p.device.Identity().Bytes()), Base: their}
			h := g.digest(&name)
			if g.seen[h] {
				continue
			}
			g.seen[h] = true
			shared, err := p.key.Agree(publicKey(their))
			if err != nil {
				return fmt.Errorf("custodian: %w", err)
			}
			name.Value = shared[:]
			entries = append(entries, name)
			g.calls++
		}
		if err := r.hand(g, entries, []string{"identity"}); err != nil {
			return err
		}
	}
	return nil
}

// askable lists the public keys with which an agreement of an end's identity key is of use.
func (r *run) askable(side attack.Side) []parcel.Key { return r.contacts[side] }
