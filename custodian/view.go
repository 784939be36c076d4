package custodian

import (
	"fmt"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
)

// A view is one principal with everything that it learnt, asked in both ways: what follows by the
// rule book, and what an adversary could do with the bytes.
type view struct {
	p       Principal
	members map[int]bool // the principals that share what they know, itself included
	run     *run
	all     bool // it sees every ciphertext
	reaches bool // can put a message before a receiver

	base    *know.Base
	facts   []know.Fact
	closure *know.Closure
	cert    certificate

	read    map[int]*attack.Opening    // by message
	forged  map[int]*attack.Acceptance // by probe
	quantum *view                      // the same principal with a quantum computer

	noticed   map[int][]byte // control messages with its own statements that the customer's client took, by event
	badNotice bool

	badRead  map[int]bool // messages about which the two do not agree
	badForge map[int]bool // probes

	begun    map[int]*attack.Acceptance // new sessions, by probe
	badBegin map[int]bool
}

// views makes one view of each principal, facts not closed yet.
func (r *run) views(base *know.Base) []*view {
	var list []*view
	for i, p := range r.sc.Principals {
		v := r.view(i, p)
		v.learn(r, base, false)
		q := r.view(i, p)
		q.learn(r, base, true)
		v.quantum = q
		list = append(list, v)
	}
	return list
}

func (r *run) view(i int, p Principal) *view {
	v := &view{
		p: p, run: r, members: r.sc.sharing(i), read: make(map[int]*attack.Opening), forged: make(map[int]*attack.Acceptance), noticed: make(map[int][]byte),
		badRead: make(map[int]bool), badForge: make(map[int]bool),
		begun: make(map[int]*attack.Acceptance), badBegin: make(map[int]bool),
	}
	for m := range v.members {
		other := &r.sc.Principals[m]
		v.all = v.all || other.seesAll()
		v.reaches = v.reaches || other.seesAll() || other.Part != nil || other.Role != Outsider
	}
	return v
}

// sees reports whether the principal sees a message. One's own is always seen.
func (v *view) sees(m *sent) bool {
	if v.all || v.members[m.by] {
		return true
	}
	for i := range v.members {
		if v.run.sc.sees(i, m.number, m.from) {
			return true
		}
	}
	return false
}

// adversary returns the principal as an adversary that knows nothing yet.
func (v *view) adversary() *attack.Adversary {
	a := attack.New()
	if !v.all {
		a.Partial()
	}
	return a
}

// sharing returns the principals that know what principal i knows.
func (sc *Scenario) sharing(i int) map[int]bool {
	set := map[int]bool{i: true}
	for grown := true; grown; {
		grown = false
		for j, p := range sc.Principals {
			if p.SameAs == "" {
				continue
			}
			k := sc.principal(p.SameAs)
			if set[j] != set[k] {
				set[j], set[k], grown = true, true, true
			}
		}
	}
	return set
}

// learn lists the facts that the principal learns from events, by name.
func (v *view) learn(r *run, base *know.Base, quantum bool) {
	at := 0
	v.base = base
	add := func(atom string) { v.facts = append(v.facts, know.Fact{Atom: base.Atom(atom), At: at}) }
	if quantum {
		add(know.Quantum)
	}
	for i := range r.events {
		at = i
		switch e := &r.events[i]; {
		case e.bundle != nil:
			f := e.bundle.bundle.Fields()
			add(know.Seen(parcel.Key(f.Identity.Bytes())))
			add(know.Seen(parcel.Key(f.SignedPreKey.Public.Bytes())))
			if f.PreKey != nil {
				add(know.Seen(parcel.Key(f.PreKey.Public.Bytes())))
			}
		case e.sent != nil && v.sees(e.sent):
			m := e.sent
			if m.number >= 0 {
				add(know.Observed(m.number))
			}
			add(know.Seen(m.key))
			if m.first != nil {
				add(know.Handshake(m.base))
				add(know.Seen(m.base))
				add(know.Seen(parcel.Key(m.first.IdentityKey)))
			}
			if m.pq != nil {
				if o, ok := objects[m.pq.kind]; ok {
					add(know.Chunk(m.base, m.pq.epoch, o, m.pq.chunk))
				}
			}
		case e.given != nil && v.members[e.given.to]:
			p, err := parcel.Parse(e.given.bytes)
			if err != nil {
				continue
			}
			for _, atom := range know.FromParcel(p) {
				add(atom)
			}
		}
	}
}

// forgedText is what a forgery says. It does not depend on who forges.
const forgedText = "This message was not written by the one whose name it bears."

// attempt lets an adversary learn the events before end, deceive whom it can at those from start
// on, and read, if that is all of them.
func (v *view) attempt(r *run, index int, quantum bool, start, end int) error {
	a := v.adversary()
	if quantum {
		a.Break(func(k parcel.Key) ([32]byte, bool) {
			s, ok := r.oracle[k]
			return s, ok
		})
	}
	for i := range r.events[:end] {
		e := &r.events[i]
		if err := v.tell(a, e); err != nil {
			return err
		}
		if quantum || i < start {
			continue
		}
		if err := v.try(r, a, i, index); err != nil {
			return err
		}
	}
	if end < len(r.events) {
		return nil
	}
	for _, o := range a.Read() {
		v.read[o.Number()] = o
	}
	return nil
}

// try lets the adversary deceive whoever can be deceived at an event.
func (v *view) try(r *run, a *attack.Adversary, at, index int) error {
	e := &r.events[at]
	if e.client != nil && e.client.signal == signalAsked {
		s, err := v.deceive(r, a, e.client, at, index)
		if err != nil {
			return err
		}
		if s != nil {
			v.noticed[at] = s
		}
	}
	p := e.probe
	if p == nil {
		return nil
	}
	f, err := v.forge(r, a, p, index)
	if err != nil {
		return err
	}
	if f != nil {
		v.forged[p.number] = f
	}
	return v.begin(r, a, p, index)
}

// tell shows an adversary what its principal learns from an event.
func (v *view) tell(a *attack.Adversary, e *event) error {
	switch {
	case e.bundle != nil:
		a.Directory(e.bundle.side, e.bundle.bundle)
	case e.sent != nil && v.sees(e.sent):
		m := e.sent
		a.Observe(attack.Wire{Number: m.number, From: m.from, PreKey: m.first != nil, Session: m.base, Body: m.message.Body})
	case e.given != nil && v.members[e.given.to]:
		if err := a.Learn(e.given.from, e.given.bytes); err != nil {
			return fmt.Errorf("custodian: %w", err)
		}
	}
	return nil
}

// forge lets the adversary try to deceive the receiver of a probe. An injection is one principal's.
func (v *view) forge(r *run, a *attack.Adversary, p *probe, index int) (*attack.Acceptance, error) {
	text := forgedText
	if p.inject != nil {
		text = p.inject.text
	}
	if !v.reaches || p.inject != nil && p.inject.by != index {
		return nil, nil
	}
	c := p.receiver()
	// The adversary's own keys depend on the moment alone, so that an injection is the same again when
	// the report is written.
	src := entropy.Seeded(seedOf(r.sc, "adversary", uint64(index)<<32|uint64(p.number)))
	f := a.Forge(src, 1-p.to, []byte(text), c.accept)
	return f, c.err
}

// begin lets the adversary try to begin a new session, when nothing travels.
func (v *view) begin(r *run, a *attack.Adversary, p *probe, index int) error {
	if !v.reaches || !p.still() {
		return nil
	}
	c := p.receiver()
	src := entropy.Seeded(seedOf(r.sc, "adversary's session", uint64(index)<<32|uint64(p.number)))
	if f := a.Begin(src, 1-p.to, []byte(forgedText), c.accept); f != nil {
		v.begun[p.number] = f
	}
	return c.err
}

// compare finds the messages and probes about which the rule book and the adversary do not agree.
func (v *view) compare(r *run, index int, quantum bool) (notes []Text) {
	for _, m := range r.messages {
		o := v.read[m.number]
		// What opens must be what was written, and whether it was opened or given must agree too.
		really := o != nil && string(o.Text()) == string(m.text)
		if really != v.follows(know.Plain(m.number)) || really && !o.Copied() != v.follows(know.Opened(m.number)) {
			v.badRead[m.number] = true
			notes = append(notes, both("The rule book and the adversary do not agree whether %s reads message %d.", "Le livre de règles et l'adversaire ne sont pas d'accord si %s lit le message %d.", v.p.ID, m.number))
		}
	}
	if quantum {
		return notes
	}
	notes = append(notes, v.compareNotices(r)...)
	for _, p := range r.probes {
		if p.inject != nil && p.inject.by != index {
			continue
		}
		if (v.forged[p.number] != nil) != (v.reaches && v.closure.Has(know.Forge(p.number), p.at)) {
			v.badForge[p.number] = true
			notes = append(notes, both("The rule book and the adversary do not agree whether %s deceives the receiver at event %d.", "Le livre de règles et l'adversaire ne sont pas d'accord si %s trompe le destinataire à l'événement %d.", v.p.ID, p.at))
		}
		if p.still() && (v.begun[p.number] != nil) != v.begins(p) {
			v.badBegin[p.number] = true
			notes = append(notes, both("The rule book and the adversary do not agree whether %s begins a session at event %d.", "Le livre de règles et l'adversaire ne sont pas d'accord si %s commence une session à l'événement %d.", v.p.ID, p.at))
		}
	}
	return notes
}

// follows reports whether an atom follows by the end of the run.
func (v *view) follows(atom string) bool {
	_, ok := v.closure.At(atom)
	return ok
}
