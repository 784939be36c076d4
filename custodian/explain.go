package custodian

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// A Question asks why a principal can do something with a message, or why it cannot.
type Question struct {
	Principal string // its id
	Message   int    // its number
	Forge     bool   // whether it could put a message of its own in this one's place; else, whether it reads it
	Quantum   bool   // with a quantum computer; not for Forge
}

// An Explanation answers a Question. It marshals to JSON; the same bytes for the same scenario.
type Explanation struct {
	Principal string `json:"principal"`
	Message   int    `json:"message"`
	Forge     bool   `json:"forge"`
	Quantum   bool   `json:"quantum"`
	Goal      string `json:"goal"`    // the atom that was asked about
	Follows   bool   `json:"follows"` // whether it does
	// Shown is the id of the witness or certificate in the report that shows the same; empty if the
	// report has none, because the rule book and the adversary do not agree.
	Shown string `json:"evidence"`
	Text  Text   `json:"text"`
	// Steps is the derivation, premises before what follows from them; empty if it does not follow.
	Steps []Derived `json:"steps"`
	// Missing is what lacks, if it does not follow.
	Missing *Missing `json:"missing,omitempty"`
}

// A Derived is one atom of a derivation: a leaf with its source, or what a rule makes of others.
type Derived struct {
	Atom string `json:"atom"`
	At   int    `json:"at"`             // the event from which on it is known
	Rule string `json:"rule,omitempty"` // of the rule book; empty for a leaf
	From []int  `json:"from,omitempty"` // the steps that it follows from
	// Source says where a leaf came from.
	Source *Source `json:"source,omitempty"`
	// SHA256 is the digest of the atom's value, computed along the derivation from what was handed
	// over and seen: a key's, so that two who have the key can compare. Texts and what is public have
	// none.
	SHA256 string `json:"sha256,omitempty"`
	Text   Text   `json:"text"`

	value []byte
}

// A Source is where a leaf of a derivation came from. Exactly one of its kinds applies.
type Source struct {
	Kind    string `json:"kind"`             // "grant", "message", "directory", "own" or "quantum"
	Event   int    `json:"event"`            // at which it was learnt
	Before  int    `json:"before"`           // the number of the message that came next
	Holder  string `json:"holder,omitempty"` // the principal that got it: the one asked about, or one that shares with it
	From    string `json:"from,omitempty"`   // the end whose secret, message or bundle it is
	Grant   string `json:"grant,omitempty"`  // its name
	Secret  string `json:"secret,omitempty"` // the atom of the grant, such as "sending-chain"
	Message *int   `json:"message,omitempty"`
}

// Missing is what lacks for something to follow.
type Missing struct {
	// Reach is true if the principal cannot put a message before a receiver at all.
	Reach bool `json:"reach"`
	// Near lists alternatives: sets of the nearest atoms outside of what the principal knows. Each set
	// is enough.
	Near [][]Lacking `json:"near"`
	// Origins is a set of atoms that nothing derives, which is enough and of which none can be left
	// out: the fresh secrets that keep the principal out.
	Origins []Lacking `json:"origins"`
}

// A Lacking is an atom that the principal does not know.
type Lacking struct {
	Atom string `json:"atom"`
	Text Text   `json:"text"`
}

// A QuestionError says which part of a Question does not fit the conversation.
type QuestionError struct{ Problem string }

func (e *QuestionError) Error() string { return "custodian: " + e.Problem }

// Explain derives why a principal can read a message, or forge one in its place, or what it lacks.
// The error is a *QuestionError.
func (e *Evaluation) Explain(q Question) (*Explanation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.w.run
	i := r.sc.principal(q.Principal)
	switch {
	case i < 0:
		return nil, &QuestionError{fmt.Sprintf("no principal %q", q.Principal)}
	case q.Message < 0 || q.Message >= len(r.messages):
		return nil, &QuestionError{fmt.Sprintf("no message %d: there are %d", q.Message, len(r.messages))}
	case q.Forge && q.Quantum:
		return nil, &QuestionError{"forging with a quantum computer is not evaluated"}
	}
	v := e.w.views[i]
	if q.Quantum {
		v = v.quantum
	}
	x := &Explanation{Principal: q.Principal, Message: q.Message, Forge: q.Forge, Quantum: q.Quantum, Steps: []Derived{}}
	at := never
	x.Goal = know.Plain(q.Message)
	if q.Forge {
		p := e.w.probeOf(q.Message)
		x.Goal, at = know.Forge(p.number), p.at
	}
	x.Follows = v.closure.Has(x.Goal, at) && (v.reaches || !q.Forge)
	x.Shown = e.w.showing(i, v, q, x.Follows)
	x.Text = e.words.answer(v, q, x.Follows)
	if x.Follows {
		x.Steps = e.steps(v, x.Goal)
		return x, nil
	}
	x.Missing = e.missing(v, q, x.Goal, at)
	return x, nil
}

// probeOf is the probe that asks about a message.
func (w *writer) probeOf(message int) *probe {
	for _, p := range w.run.probes {
		if p.message == message {
			return p
		}
	}
	return nil // every message has one
}

// showing is the evidence of the report for an answer.
func (w *writer) showing(i int, v *view, q Question, follows bool) string {
	if !follows {
		if v.badRead[q.Message] || q.Forge && v.badForge[w.probeOf(q.Message).number] {
			return ""
		}
		return v.cert.id
	}
	if q.Forge {
		return w.forged[i][w.probeOf(q.Message).number].id
	}
	if x, ok := w.reads[i][q.Message]; ok && (!q.Quantum || v.read[q.Message] != nil) {
		return x.id
	}
	return w.quantum[i][q.Message].id
}

// steps is the derivation of an atom that follows.
func (e *Evaluation) steps(v *view, goal string) []Derived {
	place := make(map[string]int)
	values := newValues(e.w.run, v, e.words)
	var list []Derived
	for _, s := range v.closure.Derive(goal) {
		d := Derived{Atom: s.Atom, At: s.At, Rule: s.Rule}
		for _, p := range s.From {
			d.From = append(d.From, place[p])
		}
		if s.Rule == "" {
			d.Source = e.sourceOf(v, s.Atom, s.At)
		}
		var secret bool
		if d.value, secret = values.of(&s); secret {
			sum := sha256.Sum256(d.value)
			d.SHA256 = hex.EncodeToString(sum[:])
		}
		d.Text = e.words.step(&d)
		place[s.Atom] = len(list)
		list = append(list, d)
	}
	return list
}

// sourceOf finds what taught a principal an atom: the event at that time.
func (e *Evaluation) sourceOf(v *view, atom string, at int) *Source {
	r := e.w.run
	s := &Source{Event: at}
	for i := range r.events[:at] {
		if m := r.events[i].sent; m != nil && m.number >= 0 {
			s.Before++
		}
	}
	if atom == know.Quantum {
		s.Kind = "quantum"
		return s
	}
	switch x := &r.events[at]; {
	case x.bundle != nil:
		s.Kind, s.From = "directory", endNames[x.bundle.side]
	case x.sent != nil:
		s.Kind, s.From = "message", endNames[x.sent.from]
		if x.sent.number >= 0 {
			s.Message = &x.sent.number
		} else {
			s.Kind, s.From, s.Holder = "own", "", r.sc.Principals[x.sent.by].ID
		}
	case x.given != nil:
		s.Kind, s.Grant, s.Holder = "grant", x.given.grant, r.sc.Principals[x.given.to].ID
		s.From = endNames[x.given.from]
		if s.Grant == "" {
			s.Kind, s.From = "own", ""
		}
		if entry := entryOf(x.given, atom); entry != nil {
			s.Secret = x.given.atoms[string(entry.Name())]
		}
	}
	return s
}

// entryOf finds the entry of a parcel that amounts to an atom.
func entryOf(g *given, atom string) *parcel.Entry {
	p, err := parcel.Parse(g.bytes)
	if err != nil {
		return nil
	}
	for _, entry := range p.Entries() {
		for _, a := range know.FromParcel(parcel.New([]parcel.Entry{entry})) {
			if a == atom {
				return &entry
			}
		}
	}
	return nil
}

// missing is what lacks for a goal.
func (e *Evaluation) missing(v *view, q Question, goal string, at int) *Missing {
	m := &Missing{Near: [][]Lacking{}, Origins: []Lacking{}, Reach: q.Forge && !v.reaches}
	if m.Reach && v.closure.Has(goal, at) {
		return m
	}
	gap := v.closure.Missing(goal, at)
	for _, set := range gap.Near {
		m.Near = append(m.Near, e.lacking(set))
	}
	m.Origins = append(m.Origins, e.lacking(gap.Origins)...)
	return m
}

func (e *Evaluation) lacking(atoms []string) (list []Lacking) {
	for _, a := range atoms {
		list = append(list, Lacking{a, e.words.atom(a)})
	}
	return list
}

// firstRead returns the first message that a principal reads, or the first one if it reads none:
// what one asks about who does not ask for a message.
func (r *Report) firstRead(principal string) int {
	for _, m := range r.Messages {
		for _, who := range m.ReadableBy {
			if who == principal {
				return m.I
			}
		}
	}
	return 0
}

// First is the question about the first message that the principal reads, or else the first
// message. An empty principal is the first one that reads anything, or else the first.
func (e *Evaluation) First(principal string) Question {
	if principal == "" {
		for _, m := range e.report.Messages {
			if len(m.ReadableBy) > 0 {
				return Question{Principal: m.ReadableBy[0], Message: m.I}
			}
		}
		if list := e.w.run.sc.Principals; len(list) > 0 {
			principal = list[0].ID
		}
	}
	return Question{Principal: principal, Message: e.report.firstRead(principal)}
}
