package custodian

import (
	"context"
	"crypto/sha256"
	"slices"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

type way = know.Way

// probeBoth asks for both ends what they could be made to believe now.
func (r *run) probeBoth() error {
	for side := range attack.Side(2) {
		if err := r.probe(side, -1, nil); err != nil {
			return err
		}
	}
	return nil
}

// probe copies a receiver, and notes what it would take.
func (r *run) probe(to attack.Side, message int, inject *injection) error {
	p, from := r.parties[to], r.parties[1-to]
	sender := from.device.Identity()
	takes, err := r.takes(p, parcel.Key(sender.Bytes()))
	if err != nil {
		return err
	}
	deaf := r.blocked && to == attack.Customer
	if deaf {
		takes = nil
	}
	pr := &probe{
		number: len(r.probes), to: to, sent: len(r.messages), message: message, inject: inject, deaf: deaf,
		takes: slices.Clone(takes), // it is kept, without the room it grew into
		store: p.mirror.Clone(), party: p, key: seeded{p.key, r.src}, trusted: sender.Bytes(), offered: r.offered,
	}
	pr.at = r.add(event{probe: pr})
	r.probes = append(r.probes, pr)
	return nil
}

// A receiver is a copy of the receiver of a probe as it was. It knows the sender's identity key, as
// if the two had compared safety numbers.
type receiver struct {
	p     *probe
	offer attack.Accept // nil until something is offered: most principals have nothing to offer
	err   error         // why the copy could not be made
}

func (p *probe) receiver() *receiver { return &receiver{p: p} }

// accept offers a message to the copy.
func (c *receiver) accept(preKey bool, body []byte) ([]byte, bool) {
	if c.offer == nil && c.err == nil {
		c.offer, c.err = c.p.clone()
	}
	if c.err != nil {
		return nil, false
	}
	return c.offer(preKey, body)
}

// clone copies the receiver.
func (p *probe) clone() (attack.Accept, error) {
	if p.deaf {
		return func(bool, []byte) ([]byte, bool) { return nil, false }, nil
	}
	// The copy's randomness is its own, so that an attempt does not disturb the run.
	src := entropy.Seeded(sha256.Sum256(p.trusted))
	ctx := entropy.With(context.Background(), src)
	store := p.store.Clone()
	opts := *p.party.options
	device := session.NewDevice(p.party.self, seeded{p.key.PrivateKey, src}, store, &opts)
	err := store.Update(ctx, p.party.peer, func(tx session.Tx) error { return tx.PutIdentity(p.party.peer, p.trusted) })
	if err != nil {
		return nil, err
	}
	accept := func(preKey bool, body []byte) ([]byte, bool) {
		t := session.TypeSignal
		if preKey {
			t = session.TypePreKey
		}
		text, err := device.Decrypt(ctx, p.party.peer, session.Message{Type: t, Body: body})
		return text, err == nil
	}
	if p.offered == nil {
		return accept, nil
	}
	record, err := device.Record(ctx, p.party.peer)
	return p.noting(record, accept), err
}

// takes lists the ways in that a receiver's stored state leaves open, by name.
func (r *run) takes(p *party, sender parcel.Key) (list []way, err error) {
	states, err := p.states(r.ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[parcel.Key]bool)
	for i := range states {
		s := &states[i]
		known[s.base] = true
		if len(s.RemoteIdentity) == 33 && parcel.Key(s.RemoteIdentity) == sender {
			list = append(list, r.sessionWays(s, p.options.AcceptKeyless)...)
		}
	}
	kept := make(map[uint32]bool)
	err = p.prekeys(r.ctx, func(kind parcel.Kind, id uint32, record []byte) error {
		k, err := wire.ParsePreKey(record)
		if err != nil {
			return errRecord
		}
		kept[idOf(kind, id)] = true
		if kind == parcel.SignedPreKey {
			list = append(list, way{Sender: sender, PreKey: preKeyName(kind, k.Public)})
		}
		return nil
	})
	return append(list, r.firstWays(p, sender, known, kept)...), err
}

// idOf tells ids of different kinds apart: they have 24 bits.
func idOf(kind parcel.Kind, id uint32) uint32 { return uint32(kind)<<24 | id }

// sessionWays is what one stored session takes. Keyless says that the receiver takes messages
// without a post-quantum key at any time.
func (r *run) sessionWays(s *state, keyless bool) (list []way) {
	var half way
	if s.pq != nil {
		half.PQ, half.Keyless = true, keyless || !s.pq.keyed()
		half.Keys, half.Chains = s.pq.takes()
	}
	add := func(w way) {
		w.Base, w.PQ, w.Keys, w.Chains = s.base, half.PQ, half.Keys, half.Chains
		w.Keyless = w.Keyless || half.Keyless
		list = append(list, w)
	}
	have := make(map[parcel.Key]bool)
	for i := range s.Receivers {
		c := &s.Receivers[i]
		w := way{Key: parcel.Key(c.RatchetKey), Next: c.Index, Keyless: s.pq != nil && s.firstFlight(i)}
		have[w.Key] = true
		_ = skipped(c, func(counter uint32, _ []byte) { w.Skipped = append(w.Skipped, counter) })
		add(w)
	}
	if s.HasSender {
		add(way{Key: s.own(), Root: true})
		for _, t := range r.ledger.after(s.base, s.own()) { // real keys that it has not seen yet
			if !have[t] {
				add(way{Key: t})
			}
		}
	}
	return list
}

// takes lists the post-quantum keys that a state accepts (spqr §12.4, §11.3).
func (s *pqState) takes() (keys, chains []know.PQIndex) {
	dir := 1 - s.dir
	if !s.chained {
		return nil, []know.PQIndex{{Epoch: 0, Dir: dir, Index: 1}}
	}
	for i := range s.links {
		l := &s.links[i]
		if wire := l.epoch + 1; wire > s.braid && (s.phase != phaseCt2Sampled || wire != s.braid+1) {
			continue // an epoch that it does not expect yet
		}
		l.recv.skipped(func(index uint32, _ []byte) {
			keys = append(keys, know.PQIndex{Epoch: l.epoch, Dir: dir, Index: index})
		})
		chains = append(chains, know.PQIndex{Epoch: l.epoch, Dir: dir, Index: l.recv.ctr + 1})
	}
	return keys, chains
}

// firstWays is what a receiver takes inside the public part of a first message that it has not got
// yet.
func (r *run) firstWays(p *party, sender parcel.Key, known map[parcel.Key]bool, kept map[uint32]bool) (list []way) {
	for _, m := range r.firsts {
		f := m.first
		if m.from == p.side || known[m.base] || parcel.Key(f.IdentityKey) != sender {
			continue
		}
		known[m.base] = true
		ok := !r.met[m.base] && // its mark outlives the session
			kept[idOf(parcel.SignedPreKey, f.SignedPreKeyID)] &&
			(!f.HasPreKey || kept[idOf(parcel.OneTimePreKey, f.PreKeyID)]) &&
			(!f.HasKEM || kept[idOf(parcel.KyberPreKey, f.KEMPreKeyID)])
		if !ok {
			continue
		}
		w := way{Base: m.base, Key: m.key, First: true}
		if m.pq != nil {
			w.PQ, w.Keyless, w.Chains = true, true, []know.PQIndex{{Epoch: 0, Dir: 0, Index: 1}}
		}
		list = append(list, w)
	}
	return list
}
