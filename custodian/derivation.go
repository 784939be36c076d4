package custodian

import (
	"slices"

	"signet.example/signet/custodian/know"
)

// A Derivation is why something is known.
type Derivation struct {
	Principal string           // who knows it
	Quantum   bool             // with a quantum computer
	Steps     []DerivationStep // premises before what follows from them; the last one was to be shown
}

// A DerivationStep is one atom of a derivation.
type DerivationStep struct {
	Atom string   // by the rule book's name
	Rule string   // the rule that gives it; empty for what was handed over or seen
	From []string // the premises
	At   int      // the event from which on it is known

	Before int    // how many messages had been sent before that event
	Source string // of a step without a rule: "grant", "message", "directory", "own" or "quantum"
	Grant  string // its name, if the source is "grant"
}

// Derivation returns how the rule book gives what a witness shows: that its principal has the
// plaintext, or that the receiver accepts. It returns nil for other evidence, that of envelopes
// that were seen included, and for a report that Evaluate did not make.
func (r *Report) Derivation(evidence string) *Derivation {
	if r.source == nil {
		return nil
	}
	x, ok := r.source.shown()[evidence]
	if !ok {
		return nil
	}
	v := r.source.views[x.principal]
	d := &Derivation{Principal: v.p.ID, Quantum: x.quantum}
	if x.quantum {
		v = v.quantum
	}
	for _, s := range v.closure.Derive(x.atom) {
		d.Steps = append(d.Steps, r.source.run.trace(s))
	}
	return d
}

// shown is what a witness shows, as an atom that a principal has.
type shown struct {
	principal int
	quantum   bool
	atom      string
}

// shown finds the atoms of all witnesses, once.
func (w *writer) shown() map[string]shown {
	w.once.Do(func() {
		w.atoms = make(map[string]shown)
		for i := range w.views {
			for m, x := range w.reads[i] {
				w.atoms[x.id] = shown{i, false, know.Plain(m)}
			}
			for m, x := range w.quantum[i] {
				w.atoms[x.id] = shown{i, true, know.Plain(m)}
			}
			for p, x := range w.forged[i] {
				w.atoms[x.id] = shown{i, false, know.Forge(p)}
			}
			for p, x := range w.begun[i] {
				w.atoms[x.id] = shown{i, false, w.views[i].beginning(w.run.probes[p])}
			}
			for at, x := range w.notices.forged[i] {
				w.atoms[x.id] = shown{i, false, know.Private(w.run.events[at].client.identity)}
			}
		}
	})
	return w.atoms
}

// trace says where an atom came from.
func (r *run) trace(s know.Step) DerivationStep {
	x := DerivationStep{Atom: s.Atom, Rule: s.Rule, From: s.From, At: s.At}
	x.Before, _ = slices.BinarySearchFunc(r.messages, s.At, func(m *sent, at int) int { return m.at - at })
	if s.Rule != "" {
		return x
	}
	switch e := &r.events[s.At]; {
	case s.Atom == know.Quantum:
		x.Source = "quantum"
	case e.bundle != nil:
		x.Source = "directory"
	case e.sent != nil:
		x.Source = "message"
	case e.given != nil && e.given.grant == "":
		x.Source = "own" // what somebody made to get a forgery accepted
	case e.given != nil:
		x.Source, x.Grant = "grant", e.given.grant
	}
	return x
}
