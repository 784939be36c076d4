package custodian

import (
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// A ledger collects what is public about the sessions of a run: which ratchet keys there were,
// which was made against which, and how far the chains went. It keeps the order in which it met
// them.
type ledger struct {
	turns  []*know.Turn
	turnOf map[[2]parcel.Key]*know.Turn
	next   map[[2]parcel.Key][]parcel.Key // the keys that were made against a key
	pq     []*know.PQChainOf
	pqOf   map[pqName]*know.PQChainOf
	born   map[[2]parcel.Key]int // the event before which a ratchet key was met
	now    int
}

type pqName struct {
	base  parcel.Key
	epoch uint64
	dir   uint8
}

func newLedger() *ledger {
	return &ledger{
		turnOf: make(map[[2]parcel.Key]*know.Turn), next: make(map[[2]parcel.Key][]parcel.Key),
		pqOf: make(map[pqName]*know.PQChainOf), born: make(map[[2]parcel.Key]int),
	}
}

// note reads the public side of a party's sessions.
func (l *ledger) note(states []state) {
	for i := range states {
		s := &states[i]
		if s.HasSender {
			t := l.reach(s.base, s.own(), s.Sender.Index)
			if t.Against == (parcel.Key{}) { // its chain may be deleted later
				l.against(t, s.against())
			}
		}
		for j := range s.Receivers {
			l.reach(s.base, parcel.Key(s.Receivers[j].RatchetKey), s.Receivers[j].Index)
		}
		if s.pq == nil {
			continue
		}
		if !s.pq.chained {
			l.reachPQ(s.base, 0, 0, 0)
			l.reachPQ(s.base, 0, 1, 0)
		}
		for j := range s.pq.links {
			k := &s.pq.links[j]
			l.reachPQ(s.base, k.epoch, s.pq.dir, k.send.ctr)
			l.reachPQ(s.base, k.epoch, 1-s.pq.dir, k.recv.ctr)
		}
	}
}

// reach notes that a chain exists and goes on to an index.
func (l *ledger) reach(base, key parcel.Key, index uint32) *know.Turn {
	t := l.turnOf[[2]parcel.Key{base, key}]
	if t == nil {
		t = &know.Turn{Base: base, Key: key}
		l.turnOf[[2]parcel.Key{base, key}] = t
		l.turns = append(l.turns, t)
		l.born[[2]parcel.Key{base, key}] = l.now
	}
	t.Last = max(t.Last, index)
	return t
}

func (l *ledger) reachPQ(base parcel.Key, epoch uint64, dir uint8, index uint32) {
	name := pqName{base, epoch, dir}
	c := l.pqOf[name]
	if c == nil {
		c = &know.PQChainOf{Base: base, Epoch: epoch, Dir: dir}
		l.pqOf[name] = c
		l.pq = append(l.pq, c)
	}
	c.Last = max(c.Last, index)
}

// against notes what a ratchet key was made against, if that is known.
func (l *ledger) against(t *know.Turn, key parcel.Key) {
	if key != (parcel.Key{}) {
		t.Against = key
		l.next[[2]parcel.Key{t.Base, key}] = append(l.next[[2]parcel.Key{t.Base, key}], t.Key)
	}
}

// after returns the ratchet keys that were made against key.
func (l *ledger) after(base, key parcel.Key) []parcel.Key { return l.next[[2]parcel.Key{base, key}] }

// transcript is everything that is public about a run, for the rule book.
func (r *run) transcript() *know.Transcript {
	t := &know.Transcript{}
	for _, x := range r.ledger.turns {
		t.Turns = append(t.Turns, *x)
	}
	epochs := make(map[pqName]int)
	epoch := func(base parcel.Key, n uint64) *know.PQEpochOf {
		name := pqName{base: base, epoch: n}
		i, ok := epochs[name]
		if !ok {
			i = len(t.PQEpochs)
			epochs[name] = i
			t.PQEpochs = append(t.PQEpochs, know.PQEpochOf{Base: base, Epoch: n, Chunks: make(map[know.Object][]uint16)})
		}
		return &t.PQEpochs[i]
	}
	for _, c := range r.ledger.pq {
		t.PQChains = append(t.PQChains, *c)
		if c.Epoch > 0 {
			epoch(c.Base, c.Epoch)
		}
	}
	chunk := func(m *sent) {
		if m.pq == nil {
			return
		}
		if o, ok := objects[m.pq.kind]; ok {
			e := epoch(m.base, m.pq.epoch)
			e.Chunks[o] = append(e.Chunks[o], m.pq.chunk)
		}
	}
	sessions := make(map[parcel.Key]bool)
	for _, m := range r.messages {
		if m.first != nil && !sessions[m.base] {
			sessions[m.base] = true
			t.Sessions = append(t.Sessions, r.agreement(m))
		}
		chunk(m)
		t.Messages = append(t.Messages, m.place())
	}
	for _, m := range r.injected {
		if m.by < 0 {
			chunk(m)
		}
		if m.first != nil && !sessions[m.base] {
			sessions[m.base] = true
			t.Sessions = append(t.Sessions, r.agreement(m))
		}
	}
	for _, p := range r.probes {
		t.Probes = append(t.Probes, know.Probe{Number: p.number, Takes: p.takes})
	}
	return t
}

// objects are the kinds of chunks of spqr §5.1.
var objects = map[byte]know.Object{
	1: know.Header, 2: know.Vector, 3: know.Vector, 5: know.Ciphertext1, 6: know.Ciphertext2,
}

func (m *sent) place() know.Message {
	k := know.Message{Number: m.number, Base: m.base, Key: m.key, Counter: m.counter}
	if m.pq != nil && m.pq.index > 0 {
		k.PQ = &know.PQIndex{Epoch: m.pq.epoch - 1, Dir: m.dir, Index: m.pq.index}
	}
	return k
}

// agreement names the keys of the agreement that a first message carries, by the ids in it.
func (r *run) agreement(m *sent) know.Session {
	s := know.Session{Base: m.base, Initiator: parcel.Key(m.first.IdentityKey)}
	for _, e := range r.events[:m.at] {
		if e.bundle == nil || e.bundle.side == m.from {
			continue
		}
		f := e.bundle.bundle.Fields()
		if f.SignedPreKey.ID == m.first.SignedPreKeyID {
			s.Responder = parcel.Key(f.Identity.Bytes())
			s.SignedPreKey = parcel.Key(f.SignedPreKey.Public.Bytes())
		}
		if f.PreKey != nil && m.first.HasPreKey && f.PreKey.ID == m.first.PreKeyID {
			s.OneTimePreKey = parcel.Key(f.PreKey.Public.Bytes())
		}
		if f.KEMPreKey != nil && m.first.HasKEM && f.KEMPreKey.ID == m.first.KEMPreKeyID {
			s.KyberPreKey = preKeyName(parcel.KyberPreKey, f.KEMPreKey.Public)
		}
	}
	return s
}
