package check

import (
	"slices"
	"strings"
)

// decide applies the rule: which state fits first, who reads and writes, and what holds at the end.
func (h *head) decide() {
	some := func(is func(*circle) bool) bool { return slices.ContainsFunc(h.circles, is) }
	w := &headline{Readers: []headlineReader{}, Writers: []headlineWriter{}, Of: h.of}
	h.want = w
	switch {
	case h.of == 0:
		w.State = "nothing"
	case some((*circle).opens):
		w.State = "read"
	case some((*circle).writes):
		w.State = "written"
	case some((*circle).open):
		w.State = "unknown"
	case some(func(c *circle) bool { return len(c.read) > 0 }):
		w.State = "handed-on"
	case some(func(c *circle) bool { return len(c.later) > 0 }):
		w.State = "recorded"
	default:
		w.State = "private"
	}
	for _, c := range h.readers() {
		x := headlineReader{Principal: c.ids[0], Messages: len(c.read), HandedOn: len(c.handed), Quantum: len(c.later)}
		all := slices.Concat(c.read, c.later)
		x.First, x.Last = slices.Min(all), slices.Max(all)
		w.Readers = append(w.Readers, x)
	}
	for _, c := range h.writers() {
		x := headlineWriter{Principal: c.ids[0], Messages: len(c.forged)}
		for k, end := range ends {
			if c.deceived[k] {
				x.To = append(x.To, end)
			}
		}
		w.Writers = append(w.Writers, x)
	}
	w.History = sentence{h.history(english), h.history(french)}
	if n := h.atTheEnd(); w.State != "nothing" && (w.State != "private" || n.State != "nobody") {
		w.Now = n
	}
}

// by returns the circles that are chosen, the first by an order first.
func (h *head) by(chosen func(*circle) bool, before func(a, b *circle) int) (list []*circle) {
	for _, c := range h.circles {
		if chosen(c) {
			list = append(list, c)
		}
	}
	if before != nil {
		slices.SortStableFunc(list, before)
	}
	return list
}

func (h *head) readers() []*circle {
	return h.by(func(c *circle) bool { return len(c.read)+len(c.later) > 0 }, func(a, b *circle) int {
		if d := len(b.read) - len(a.read); d != 0 {
			return d
		}
		return len(b.later) - len(a.later)
	})
}

func (h *head) writers() []*circle {
	return h.by((*circle).writes, func(a, b *circle) int { return len(b.forged) - len(a.forged) })
}

// atTheEnd is what holds when the run is over.
func (h *head) atTheEnd() *headlineNow {
	n := &headlineNow{By: []string{}}
	var en, fr []string
	for _, q := range []struct {
		state string
		is    func(*circle) bool
		words func(*circle, lang) string
	}{
		{"reads", func(c *circle) bool { return c.readsNow || c.givenNow }, (*circle).reading},
		{"writes", func(c *circle) bool { return c.deceivedNow[0] || c.deceivedNow[1] }, (*circle).writing},
		{"untested", func(c *circle) bool { return c.silent[0] || c.silent[1] }, (*circle).untried},
		{"unknown", (*circle).open, (*circle).untold},
	} {
		for _, c := range h.by(q.is, nil) {
			if n.State == "" {
				n.State = q.state
			}
			if n.State == q.state {
				n.By = append(n.By, c.ids...)
			}
			en, fr = append(en, q.words(c, english)), append(fr, q.words(c, french))
		}
	}
	if n.State != "" {
		n.Text = sentence{strings.Join(en, " "), strings.Join(fr, " ")}
		return n
	}
	free := 0
	for _, c := range h.circles {
		free = max(free, c.free)
	}
	n.State, n.Since = "nobody", &free
	n.Text = sentence{h.nobody(free, english), h.nobody(free, french)}
	return n
}

// notice is what an honest client would show.
func (h *head) notice() (state string, by []string, text sentence) {
	w := h.want
	var list []*circle
	text = w.History
	switch w.State {
	case "private":
		return "e2ee", nil, sentence{templates["e2ee"][english], templates["e2ee"][french]}
	case "nothing":
		return w.State, nil, text
	case "handed-on", "recorded":
		state, list = w.State, h.readers()
	default:
		switch {
		case w.Now.State == "reads" || w.Now.State == "writes":
			state, list = "managed", h.by((*circle).now, nil)
			text = sentence{managed(list, english), managed(list, french)}
		case w.Now.State != "nobody" || w.State == "unknown":
			return "unknown", nil, sentence{templates["unknown"][english], templates["unknown"][french]}
		default:
			state, list = "past", h.by(func(c *circle) bool { return len(c.read) > 0 || c.writes() }, nil)
			text = sentence{over(list, english), over(list, french)}
		}
	}
	for _, c := range list {
		by = append(by, c.ids...)
	}
	return state, by, text
}
