package custodian

import (
	"encoding/binary"
	"errors"

	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/session"
)

// giveQuota hands over the keys of the next messages of the sending chain, and no chain key. The
// giver reserves their places on both chains in the way that cannot be undone: it encrypts as many
// messages and throws them away, so that it goes on after them whatever happens.
func (r *run) giveQuota(a *active) error {
	p := r.parties[sideOfGrant(a.Grant)]
	var entries []parcel.Entry
	for range a.Count {
		states, err := p.states(r.ctx)
		if err != nil {
			return err
		}
		m, err := p.device.Encrypt(r.ctx, p.peer, nil)
		if errors.Is(err, session.ErrNoSession) {
			a.missing = []string{"sending-chain"}
			return nil
		}
		if err != nil {
			return err
		}
		// What is thrown away says which keys it used.
		s, err := r.describe(p, nil, m)
		if err != nil {
			return err
		}
		before := &states[0]
		seed := kdf.HMAC(before.Sender.Key, []byte{1})
		entries = append(entries, parcel.Entry{Kind: parcel.SendingKey, Base: s.base, Key: s.key, Index: s.counter, Value: seed[:]})
		if s.pq != nil && before.pq != nil {
			e, ok := before.pq.sendingKey(s.pq)
			if !ok {
				return errRecord
			}
			e.Base = s.base
			entries = append(entries, e)
		}
	}
	if err := r.changed(p); err != nil {
		return err
	}
	return r.hand(a, entries, []string{"sending-chain"})
}

// sendingKey derives the key that a message sent from this state has used (spqr §12.2).
func (s *pqState) sendingKey(h *pqHeader) (e parcel.Entry, ok bool) {
	var chain []byte
	if !s.chained && h.epoch == 1 && s.start != nil {
		var okm [96]byte
		kdf.HKDF(okm[:], nil, s.start, []byte("Signal PQ Ratchet V1 Chain  Start"))
		chain = okm[32+32*int(s.dir):][:32]
	}
	for i := range s.links {
		if l := &s.links[i]; l.epoch == h.epoch-1 && l.send.ctr+1 == h.index {
			chain = l.send.next
		}
	}
	if len(chain) != 32 {
		return e, false
	}
	var okm [64]byte
	kdf.HKDF(okm[:], nil, chain, append(binary.BigEndian.AppendUint32(nil, h.index), "Signal PQ Ratchet V1 Chain Next"...))
	return parcel.Entry{Kind: parcel.PQSendingKey, Epoch: h.epoch - 1, Dir: s.dir, Index: h.index, Value: okm[32:]}, true
}
