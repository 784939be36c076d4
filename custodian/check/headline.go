package check

import (
	"reflect"
	"slices"
	"strings"
)

// The headline of a report, made again from what the bundle shows (docs/custody-bundle.md,
// Headline).

type headline struct {
	State   string           `json:"state"`
	Readers []headlineReader `json:"readers"`
	Writers []headlineWriter `json:"writers"`
	Of      int              `json:"of"`
	History sentence         `json:"history"`
	Now     *headlineNow     `json:"now,omitempty"`
}

type headlineReader struct {
	Principal string `json:"principal"`
	Messages  int    `json:"messages"`
	HandedOn  int    `json:"handed_on"`
	Quantum   int    `json:"quantum"`
	First     int    `json:"first"`
	Last      int    `json:"last"`
}

type headlineWriter struct {
	Principal string   `json:"principal"`
	To        []string `json:"to"`
	Messages  int      `json:"messages"`
}

type headlineNow struct {
	State string   `json:"state"`
	Since *int     `json:"since,omitempty"`
	By    []string `json:"by"`
	Text  sentence `json:"text"`
}

// A circle is the principals that share what they know, and what they could do together.
type circle struct {
	ids                   []string
	members               map[int]bool
	read, handed, later   []int // messages; handed are among read
	forged                []int
	deceived, deceivedNow [2]bool
	free                  int    // the first message after all that it read or could write
	doubt                 [2]int // of reading, of writing: 0 none, 1 conditional, 2 unknown
	readsNow, givenNow    bool
	silent                [2]bool // the end has sent nothing since the last grant began or ended
	via                   string  // of that grant
	revoked               bool    // its end was the last
}

func (c *circle) writes() bool { return c.deceived[0] || c.deceived[1] }
func (c *circle) opens() bool  { return len(c.read) > len(c.handed) }
func (c *circle) open() bool   { return c.doubt[0]+c.doubt[1] > 0 }
func (c *circle) now() bool    { return c.readsNow || c.givenNow || c.deceivedNow[0] || c.deceivedNow[1] }

// A head is a headline being made.
type head struct {
	of      int
	old     bool // a message of version 3
	private bool // G1, G2 and G3 are held
	circles []*circle
	want    *headline
}

// headOf makes the headline from witnesses, the transcript and the verdicts, which have been
// checked.
func (v *verifier) headOf() *head {
	h := &head{of: len(v.messages), private: true}
	for _, m := range v.messages {
		h.old = h.old || strings.HasPrefix(m.Body, "33")
	}
	for _, x := range v.report.Verdicts {
		h.private = h.private && (x.Verdict == "held" || !slices.Contains([]string{"G1", "G2", "G3"}, x.ID))
	}
	for i := range v.views {
		if slices.ContainsFunc(h.circles, func(c *circle) bool { return c.members[i] }) {
			continue
		}
		c := &circle{members: v.views[i].members}
		for k, p := range v.text.Principals {
			if c.members[k] {
				c.ids = append(c.ids, p.ID)
			}
		}
		v.collect(c)
		v.deceits(c)
		v.doubts(c)
		v.latest(c)
		h.circles = append(h.circles, c)
	}
	h.decide()
	return h
}

// collect notes what a circle reads: with keys, as texts that were handed on, or later.
func (v *verifier) collect(c *circle) {
	texts := v.textsOf(c)
	for n := range v.messages {
		read, keys, later := false, false, false
		for i := range c.members {
			if r := v.reads[where{i, n, false}]; r != nil {
				read, keys = true, keys || r.Keys != nil
			}
			later = later || v.reads[where{i, n, true}] != nil
		}
		switch {
		case read:
			c.read = append(c.read, n)
			c.free = n + 1
			if !keys && texts[n] {
				c.handed = append(c.handed, n)
			}
		case later:
			c.later = append(c.later, n)
		}
	}
}

// textsOf are the messages whose text was in a parcel of the writer, or of the receiver after it
// had arrived.
func (v *verifier) textsOf(c *circle) map[int]bool {
	found := make(map[int]bool)
	for at, list := range v.parcels {
		e := &v.text.Events[at]
		if !c.members[v.principal(e.To)] {
			continue
		}
		for k := range list {
			n := int(list[k].index)
			if list[k].kind != 10 || n >= len(v.messages) {
				continue
			}
			m := v.messages[n]
			if e.From == m.From || m.Delivered && m.DeliveredAt <= at {
				found[n] = true
			}
		}
	}
	return found
}

// deceits notes whom a circle could deceive, and in place of which messages.
func (v *verifier) deceits(c *circle) {
	for _, p := range v.probes {
		done := false
		for i := range c.members {
			w := where{principal: i, number: p.Number}
			done = done || v.forgeries[w] != nil || v.sessions[w] != nil
		}
		if !done {
			continue
		}
		c.deceived[side(p.To)] = true
		if p.Message >= 0 {
			c.forged = append(c.forged, p.Message)
			c.free = max(c.free, p.Message+1)
		} else {
			c.free = max(c.free, v.sent(p.At))
		}
		if p.Number >= len(v.probes)-2 {
			c.deceivedNow[side(p.To)] = true
		}
	}
}

// doubts notes the verdicts that are neither held nor lost.
func (v *verifier) doubts(c *circle) {
	for _, x := range v.report.Verdicts {
		rank := slices.Index([]string{"conditional", "unknown"}, x.Verdict) + 1
		if !slices.Contains(c.ids, x.Principal) {
			continue
		}
		switch x.ID {
		case "G1", "G2", "G3":
			c.doubt[0] = max(c.doubt[0], rank)
		case "G6", "G7", "G8", "G9":
			c.doubt[1] = max(c.doubt[1], rank)
		}
	}
}

// latest asks what a circle does with the last message of each end, if that was sent after the last
// grant to it began or ended.
func (v *verifier) latest(c *circle) {
	since, granted := -1, false
	for _, g := range v.text.Grants {
		if !c.members[v.principal(g.To)] {
			continue
		}
		granted = true
		if g.At > since {
			since, c.via, c.revoked = g.At, g.Via, false
		}
		if g.Ended > since {
			since, c.via, c.revoked = g.Ended, g.Via, true
		}
	}
	for from, end := range ends {
		last := -1
		for n, m := range v.messages {
			if m.From == end && (!granted || m.At >= since) {
				last = n
			}
		}
		switch {
		case last < 0:
			c.silent[from] = granted
		case slices.Contains(c.handed, last):
			c.givenNow = true
		case slices.Contains(c.read, last):
			c.readsNow = true
		}
	}
}

// checkHeadline compares the headline and a computed notice with those that follow.
func (v *verifier) checkHeadline() error {
	h := v.headOf()
	v.headline = h.want
	if got := v.report.Headline; got == nil || !reflect.DeepEqual(*got, *h.want) {
		return refuse("the headline does not follow from the rest; it should begin: %s", h.want.History.EN)
	}
	if v.text.Custody != nil {
		return v.checkShown()
	}
	state, by, text := h.notice()
	if n := v.report.Notice; n == nil || n.State != state || n.By != strings.Join(by, ", ") || n.Text != text {
		return refuse("the notice does not follow from the headline")
	}
	return nil
}
