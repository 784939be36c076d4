package custodian

import (
	"errors"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/session"
)

// inject lets a principal try, with what it holds now, to make an end accept a message. What is
// accepted happens: the receiver goes on from there, and the principal keeps what it made.
func (r *run) inject(in *injection, to *party) error {
	if err := r.probe(to.side, -1, in); err != nil {
		return err
	}
	v := r.view(in.by, r.sc.Principals[in.by])
	a := v.adversary()
	for i := range r.events {
		if err := v.tell(a, &r.events[i]); err != nil {
			return err
		}
	}
	f, err := v.forge(r, a, r.probes[len(r.probes)-1], in.by)
	if err != nil || f == nil {
		return err
	}
	return r.accepted(f, in, to)
}

// accepted repeats on the receiver itself what its copy took.
func (r *run) accepted(f *attack.Acceptance, in *injection, to *party) error {
	before, err := to.states(r.ctx)
	if err != nil {
		return err
	}
	preKey, body := f.Message()
	m := session.Message{Type: session.TypeSignal, Body: body}
	if preKey {
		m.Type = session.TypePreKey
	}
	text, err := to.device.Decrypt(r.ctx, to.peer, m)
	if err != nil || string(text) != in.text {
		return errors.New("custodian: the receiver refused what its copy took")
	}
	if err := r.keep(f, in, 1-to.side); err != nil {
		return err
	}
	if err := r.foreign(before, to); err != nil {
		return err
	}
	if err := r.travelled(m, in, to); err != nil {
		return err
	}
	r.heard(r.injected[len(r.injected)-1])
	if err := r.arrived(text); err != nil {
		return err
	}
	return r.changed(to)
}

// travelled makes the accepted message one that others saw on its way.
func (r *run) travelled(m session.Message, in *injection, to *party) error {
	states, err := to.states(r.ctx)
	if err != nil {
		return err
	}
	s := &sent{number: -1, by: in.by, from: 1 - to.side, message: m}
	if err := s.parse(); err != nil {
		return err
	}
	for i := range states {
		if states[i].FindReceiver(s.key[:]) != nil {
			s.base = states[i].base
			break
		}
	}
	if s.first != nil {
		r.met[s.base] = true
	}
	s.at = r.add(event{sent: s})
	r.injected = append(r.injected, s)
	return nil
}

// keep gives the principal a parcel of what it made itself, so that both halves of the custodian
// know that it has it.
func (r *run) keep(f *attack.Acceptance, in *injection, as attack.Side) error {
	own, stored := f.Keeps()
	var entries []parcel.Entry
	if own != nil {
		entries = append(entries, *own)
	}
	if stored != nil {
		s, err := parseState(stored)
		if err != nil {
			return err
		}
		r.ledger.note([]state{s})
		for _, part := range sessionAtoms {
			entries = append(entries, part.export(&s)...)
		}
	}
	if len(entries) > 0 {
		r.add(event{given: &given{to: in.by, from: as, bytes: parcel.New(entries).Bytes()}})
	}
	return nil
}

// foreign notes a ratchet key that neither end made, and what the receiver took it to be made
// against.
func (r *run) foreign(before []state, to *party) error {
	after, err := to.states(r.ctx)
	if err != nil {
		return err
	}
	for i := range after {
		s := &after[i]
		if r.ledger.turnOf[[2]parcel.Key{s.base, s.against()}] != nil {
			continue
		}
		for j := range before {
			if before[j].base == s.base {
				r.ledger.against(r.ledger.reach(s.base, s.against(), 0), before[j].own())
			}
		}
	}
	return nil
}
