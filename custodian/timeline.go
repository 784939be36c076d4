package custodian

import (
	"slices"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// A Timeline is what happened in the run behind a report, for those who draw it. It is public: it
// has no secret and no text of a message. It must not be modified.
type Timeline struct {
	Principals []Principal
	Moments    []Moment // one for each message, in the order sent
	Spans      []Span   // one for each grant, in the order made
	Marks      []Mark   // the steps that are neither messages nor deliveries
}

// A Moment is where a message stands in the ratchets.
type Moment struct {
	Session   int      // which session it belongs to, counted from 1
	Turn      bool     // it is the first of its ratchet key
	Taken     int      // how many messages had been sent when it was delivered; -1 if it never was
	PQ        bool     // its session has a post-quantum half; the fields below say where that stands
	Epoch     uint64   // of the braid, from 1
	Object    string   // what it carries a chunk of: "hdr", "ek", "ct1" or "ct2"; empty is nothing
	Have      int      // how many distinct chunks of that object were sent by now, this one included
	Need      int      // how many rebuild it
	Disagreed []string // principals about whom the rule book and the adversary do not agree

	// Shown is what the customer's client said of the custody when the message was sent: a state of
	// package notice by name, such as "managed"; empty without notices. ShownText is it in words.
	Shown     string
	ShownText Text
}

// A Span is a grant in time: it is in force for messages from Since on and before Until.
type Span struct {
	Grant        Grant
	Since, Until int
	Revoked      bool
	Missing      []string // atoms that did not exist when it was made
}

// A Mark is a step between two messages.
type Mark struct {
	Index  int // of the step in the script
	Before int // how many messages had been sent
	Step   Step
}

// Timeline returns what happened in the run, or nil for a report that Evaluate did not make.
func (r *Report) Timeline() *Timeline {
	if r.source == nil {
		return nil
	}
	run := r.source.run
	t := &Timeline{Principals: slices.Clone(run.sc.Principals), Marks: slices.Clone(run.marks)}
	for _, g := range run.grants {
		s := Span{Grant: *g.Grant, Since: g.since, Until: g.until, Revoked: g.until >= 0, Missing: slices.Clone(g.missing)}
		if !s.Revoked {
			s.Until = len(run.messages)
		}
		t.Spans = append(t.Spans, s)
	}
	m := newMoments(run)
	for _, s := range run.messages {
		x := m.of(s)
		for _, v := range r.source.views {
			if v.badRead[s.number] || v.p.Quantum && v.quantum.badRead[s.number] {
				x.Disagreed = append(x.Disagreed, v.p.ID)
			}
		}
		if s.shown != nil {
			x.Shown, x.ShownText = s.shown.Kind.String(), Text{speak(*s.shown, "en", "the business", "The business"), speak(*s.shown, "fr", "l'entreprise", "L'entreprise")}
		}
		t.Moments = append(t.Moments, x)
	}
	return t
}

// moments counts what the messages before have used.
type moments struct {
	sentAt   []int // events, ascending
	sessions map[parcel.Key]int
	turns    map[[2]parcel.Key]bool
	chunks   map[braided]map[uint16]bool
}

// braided names what the braid sends in chunks.
type braided struct {
	base  parcel.Key
	from  attack.Side
	epoch uint64
	name  know.Object
}

func newMoments(r *run) *moments {
	m := &moments{sessions: make(map[parcel.Key]int), turns: make(map[[2]parcel.Key]bool), chunks: make(map[braided]map[uint16]bool)}
	for _, s := range r.messages {
		m.sentAt = append(m.sentAt, s.at)
	}
	return m
}

func (m *moments) of(s *sent) Moment {
	if m.sessions[s.base] == 0 {
		m.sessions[s.base] = len(m.sessions) + 1
	}
	turn := [2]parcel.Key{s.base, s.key}
	x := Moment{Session: m.sessions[s.base], Turn: !m.turns[turn], Taken: -1}
	m.turns[turn] = true
	if s.delivered {
		x.Taken, _ = slices.BinarySearch(m.sentAt, s.deliveredAt)
	}
	if s.pq == nil {
		return x
	}
	x.PQ, x.Epoch = true, s.pq.epoch
	if name, ok := objects[s.pq.kind]; ok {
		o := braided{s.base, s.from, s.pq.epoch, name}
		if m.chunks[o] == nil {
			m.chunks[o] = make(map[uint16]bool)
		}
		m.chunks[o][s.pq.chunk] = true
		x.Object, x.Need = string(name), know.Needed(name)
		x.Have = min(len(m.chunks[o]), x.Need)
	}
	return x
}
