package custodian

import (
	"slices"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
)

// A Headline is what a report begins with: who could read and write how many of how many messages,
// and then what holds at the end (custody B4). Table, page, JSON and both verifiers have its
// sentences; it is computed in one place, from readings and forgeries and not from verdicts.
type Headline struct {
	// "nothing", "read", "written", "unknown", "handed-on", "recorded" or "private": the first that
	// fits.
	State   string           `json:"state"`
	Readers []HeadlineReader `json:"readers"` // most messages first
	Writers []HeadlineWriter `json:"writers"` // most messages first
	Of      int              `json:"of"`      // all messages
	History Text             `json:"history"`
	Now     *HeadlineNow     `json:"now,omitempty"` // nil where there is nothing to add
}

// A HeadlineReader is a principal that reads, or will with its quantum computer. Principals that
// share what they know are one, under the id of the first.
type HeadlineReader struct {
	Principal string `json:"principal"`
	Messages  int    `json:"messages"`  // that it reads
	HandedOn  int    `json:"handed_on"` // of these, as texts that it was given after they had arrived
	Quantum   int    `json:"quantum"`   // that it reads besides, with a quantum computer
	First     int    `json:"first"`     // of all these
	Last      int    `json:"last"`
}

// A HeadlineWriter is a principal that could write in an end's name.
type HeadlineWriter struct {
	Principal string   `json:"principal"`
	To        []string `json:"to"`       // the ends that it could deceive
	Messages  int      `json:"messages"` // in whose place; 0: at other moments
}

// A HeadlineNow says what holds at the end of the run.
type HeadlineNow struct {
	State string   `json:"state"`           // "reads", "writes", "untested", "unknown" or "nobody"
	Since *int     `json:"since,omitempty"` // with "nobody": the first message from which it holds
	By    []string `json:"by"`
	Text  Text     `json:"text"`
}

// A standing is what one principal, or several that share what they know, could do with a
// conversation.
type standing struct {
	ids      []string
	members  map[int]bool
	reads    []int
	handed   []int // of reads: as texts, after they had arrived
	quantum  []int // besides
	forges   []int // messages in whose place it could write
	to       [2]bool
	writes   bool
	after    int // the first message after all that it could read or write
	open     [2]Result
	isOpen   [2]bool // reading, writing: not settled
	granted  bool
	last     *active // the grant whose beginning or end came last
	ended    bool    // it was its end
	readsNow bool
	givenNow bool // what it reads now is given to it
	toNow    [2]bool
	untested [2]bool
}

// headlineFacts are all that a headline is made from.
type headlineFacts struct {
	of        int
	classical bool // a message of version 3
	unread    bool // G1, G2 and G3 are held
	list      []*standing
}

// standings collects what each principal could do.
func (w *writer) standings(verdicts []Verdict) *headlineFacts {
	f := &headlineFacts{of: len(w.run.messages), unread: true}
	for _, m := range w.run.messages {
		f.classical = f.classical || m.message.Body[0]>>4 == 3
	}
	for i, v := range w.views {
		if i > 0 && slices.ContainsFunc(f.list, func(s *standing) bool { return s.members[i] }) {
			continue
		}
		s := &standing{ids: v.names(w.run.sc), members: v.members}
		w.readings(s)
		w.writings(s)
		s.settle(verdicts)
		w.current(s)
		f.list = append(f.list, s)
	}
	for i := range verdicts {
		v := &verdicts[i]
		f.unread = f.unread && (v.result == Held || v.g != g1 && v.g != g2 && v.g != g3)
	}
	return f
}

// readings notes what is read, and how.
func (w *writer) readings(s *standing) {
	given := w.givenTexts(s)
	for _, m := range w.run.messages {
		read, copied, later := false, true, false
		for i := range w.views {
			if !s.members[i] {
				continue
			}
			if _, ok := w.reads[i][m.number]; ok {
				read, copied = true, copied && w.views[i].read[m.number].Copied()
			}
			if _, ok := w.quantum[i][m.number]; ok {
				later = true
			}
		}
		switch {
		case read:
			s.reads = append(s.reads, m.number)
			s.after = m.number + 1
			if copied && given[m.number] {
				s.handed = append(s.handed, m.number)
			}
		case later:
			s.quantum = append(s.quantum, m.number)
		}
	}
}

// givenTexts finds the messages whose texts were handed on by an end that had them: by the writer,
// or by the receiver once the message had arrived.
func (w *writer) givenTexts(s *standing) map[int]bool {
	texts := make(map[int]bool)
	for at := range w.run.events {
		g := w.run.events[at].given
		if g == nil || !s.members[g.to] {
			continue
		}
		p, err := parcel.Parse(g.bytes)
		if err != nil {
			continue
		}
		for _, e := range p.Entries() {
			n := int(e.Index)
			if e.Kind != parcel.Plaintext || n >= len(w.run.messages) {
				continue
			}
			m := w.run.messages[n]
			if g.from == m.from || m.delivered && m.deliveredAt <= at {
				texts[n] = true
			}
		}
	}
	return texts
}

// writings notes what could be written, at every moment that was tried.
func (w *writer) writings(s *standing) {
	for _, p := range w.run.probes {
		deceived := false
		for i := range w.views {
			if s.members[i] {
				_, forged := w.forged[i][p.number]
				_, begun := w.begun[i][p.number]
				deceived = deceived || forged || begun
			}
		}
		if !deceived {
			continue
		}
		s.writes, s.to[p.to] = true, true
		if p.message >= 0 {
			s.forges = append(s.forges, p.message)
			s.after = max(s.after, p.message+1)
		} else {
			s.after = max(s.after, p.sent)
		}
		if p.number >= len(w.run.probes)-2 {
			s.toNow[p.to] = true
		}
	}
}

// settle notes which verdicts on reading and writing are neither held nor lost.
func (s *standing) settle(verdicts []Verdict) {
	for i := range verdicts {
		v := &verdicts[i]
		if v.result != Unknown && v.result != Conditional || !slices.Contains(s.ids, v.principal) {
			continue
		}
		k := 1
		switch v.g {
		case g1, g2, g3:
			k = 0
		case g6, g7, g8, g9:
		default:
			continue
		}
		if !s.isOpen[k] || v.result == Unknown {
			s.isOpen[k], s.open[k] = true, v.result
		}
	}
}

// current asks what holds at the end. A direction is tested by its last message, if that was sent
// after the last thing that began or ended what the principal is given.
func (w *writer) current(s *standing) {
	changed := -1
	for _, g := range w.run.grants {
		if !s.members[g.to] {
			continue
		}
		s.granted = true
		if g.at > changed {
			changed, s.last, s.ended = g.at, g, false
		}
		if g.ended > changed {
			changed, s.last, s.ended = g.ended, g, true
		}
	}
	for _, side := range []attack.Side{attack.Customer, attack.Business} {
		var test *sent
		for _, m := range w.run.messages {
			if m.from == side && (!s.granted || m.at >= changed) {
				test = m
			}
		}
		switch {
		case test == nil:
			s.untested[side] = s.granted
		case slices.Contains(s.handed, test.number):
			s.givenNow = true
		case slices.Contains(s.reads, test.number):
			s.readsNow = true
		}
	}
}

// headline applies the rule of custody B4.
func (f *headlineFacts) headline() *Headline {
	h := &Headline{State: f.state(), Readers: []HeadlineReader{}, Writers: []HeadlineWriter{}, Of: f.of}
	for _, s := range f.readers() {
		all := slices.Concat(s.reads, s.quantum)
		h.Readers = append(h.Readers, HeadlineReader{
			s.ids[0], len(s.reads), len(s.handed), len(s.quantum), slices.Min(all), slices.Max(all),
		})
	}
	for _, s := range f.writers() {
		x := HeadlineWriter{Principal: s.ids[0], Messages: len(s.forges)}
		for side, deceived := range s.to {
			if deceived {
				x.To = append(x.To, endNames[side])
			}
		}
		h.Writers = append(h.Writers, x)
	}
	h.History = f.history(h.State)
	if h.State == "nothing" {
		return h
	}
	if now := f.now(); h.State != "private" || now.State != "nobody" {
		h.Now = now
	}
	return h
}

// state is the first that fits.
func (f *headlineFacts) state() string {
	any := func(is func(*standing) bool) bool { return slices.ContainsFunc(f.list, is) }
	switch {
	case f.of == 0:
		return "nothing"
	case any((*standing).intrudes):
		return "read"
	case any(func(s *standing) bool { return s.writes }):
		return "written"
	case any(func(s *standing) bool { return s.isOpen[0] || s.isOpen[1] }):
		return "unknown"
	case any(func(s *standing) bool { return len(s.handed) > 0 }):
		return "handed-on"
	case any(func(s *standing) bool { return len(s.quantum) > 0 }):
		return "recorded"
	}
	return "private"
}

// intrudes reports whether something is read that was not handed on.
func (s *standing) intrudes() bool { return len(s.reads) > len(s.handed) }

// readers are those who read, or will, most messages first.
func (f *headlineFacts) readers() []*standing {
	return f.sorted(func(s *standing) int { return len(s.reads)*(f.of+1) + len(s.quantum) })
}

// writers are those who could write, those in whose place most messages are first.
func (f *headlineFacts) writers() []*standing {
	return f.sorted(func(s *standing) int {
		if !s.writes {
			return 0
		}
		return len(s.forges) + 1
	})
}

// sorted returns those with a weight, the heaviest first, otherwise in their order.
func (f *headlineFacts) sorted(weight func(*standing) int) []*standing {
	list := slices.DeleteFunc(slices.Clone(f.list), func(s *standing) bool { return weight(s) == 0 })
	slices.SortStableFunc(list, func(a, b *standing) int { return weight(b) - weight(a) })
	return list
}

// now is what holds at the end: the first state that fits, with a sentence for each that does.
func (f *headlineFacts) now() *HeadlineNow {
	after, quantum := 0, false
	n := &HeadlineNow{State: "nobody", By: []string{}}
	var list []Text
	for _, part := range []struct {
		state string
		is    func(*standing) bool
		say   func(*standing) Text
	}{
		{"reads", func(s *standing) bool { return s.readsNow || s.givenNow }, (*standing).sayReadsNow},
		{"writes", func(s *standing) bool { return s.toNow[0] || s.toNow[1] }, (*standing).sayWritesNow},
		{"untested", func(s *standing) bool { return s.untested[0] || s.untested[1] }, (*standing).sayUntested},
		{"unknown", func(s *standing) bool { return s.isOpen[0] || s.isOpen[1] }, (*standing).sayUnknownNow},
	} {
		for _, s := range f.list {
			if !part.is(s) {
				continue
			}
			if n.State == "nobody" {
				n.State = part.state
			}
			if n.State == part.state {
				n.By = append(n.By, s.ids...)
			}
			list = append(list, part.say(s))
		}
	}
	if n.State != "nobody" {
		n.Text = joinTexts(list, space)
		return n
	}
	for _, s := range f.list {
		after, quantum = max(after, s.after), quantum || len(s.quantum) > 0
	}
	n.Since, n.Text = &after, sayNobody(after, f.of, quantum)
	return n
}
