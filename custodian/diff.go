package custodian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Difference is what changes in the report from one scenario to another.
type Difference struct {
	Changes []Change `json:"changes"` // in the order of the reports
	Only    Granted  `json:"only"`    // what only one of the two hands over
}

// Granted is what only the first and only the second scenario hands over.
type Granted struct {
	Before []Withheld `json:"before"`
	After  []Withheld `json:"after"`
}

// A Change is a verdict that is not the same.
type Change struct {
	Guarantee string
	Name      string
	Principal string
	Before    *Verdict // nil: the first report has none
	After     *Verdict // nil: the second has none
	// Because is the secrets that make the difference: a smallest set, of those that only the worse of
	// the two scenarios hands over, without which it is no worse than the other. Each such scenario
	// was run. It is empty if the difference is not in what is handed over.
	Because []Withheld
	Text    Text
}

// MarshalJSON writes the change.
func (c Change) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Guarantee string     `json:"id"`
		Name      string     `json:"name"`
		Principal string     `json:"principal"`
		Before    *Verdict   `json:"before"`
		After     *Verdict   `json:"after"`
		Because   []Withheld `json:"because"`
		Text      Text       `json:"text"`
	}{c.Guarantee, c.Name, c.Principal, c.Before, c.After, c.Because, c.Text})
}

// Compare evaluates two scenarios and says which verdicts differ, and which secrets are
// responsible. Nil opts means the defaults; a store must be empty each time that Options opens it.
// Its errors are those of Evaluate.
func Compare(ctx context.Context, before, after *Scenario, opts *Options) (*Difference, error) {
	x, err := Play(ctx, before, opts)
	if err != nil {
		return nil, err
	}
	y, err := Play(ctx, after, opts)
	if err != nil {
		return nil, err
	}
	c := &comparison{ctx: ctx, opts: opts, sides: [2]*Scenario{before, after}, results: [2]*Evaluation{x, y}}
	d := &Difference{Changes: []Change{}, Only: Granted{c.only(0), c.only(1)}}
	for _, id := range c.pairs() {
		v, w := x.report.Find(id[0], id[1]), y.report.Find(id[0], id[1])
		if same(v, w) {
			continue
		}
		change := Change{Guarantee: id[0], Principal: id[1], Before: v, After: w}
		change.Name = map[bool]*Verdict{true: v, false: w}[v != nil].g.name
		if change.Because, err = c.because(v, w, id[1]); err != nil {
			return nil, err
		}
		change.say()
		d.Changes = append(d.Changes, change)
	}
	return d, nil
}

// same reports whether two verdicts say the same. What is held is held, and a principal that is not
// there loses nothing to anybody.
func same(v, w *Verdict) bool {
	v, w = v.orHeld(), w.orHeld()
	return v.result == w.result && (v.result == Held || v.messages == w.messages)
}

// orHeld is a verdict of a principal that exists, or what would be said of one that is given
// nothing.
func (v *Verdict) orHeld() *Verdict {
	if v == nil {
		return &nobody
	}
	return v
}

// nobody stands for the verdicts about a principal that does not exist. It is in no report.
var nobody = held(guarantee{}, "", certificate{id: "nobody"}, nil)

// A comparison is of two scenarios.
type comparison struct {
	ctx     context.Context
	opts    *Options
	sides   [2]*Scenario
	results [2]*Evaluation
}

// pairs lists guarantees and principals of both reports, each once.
func (c *comparison) pairs() (list [][2]string) {
	for _, e := range c.results {
		for i := range e.report.Verdicts {
			v := &e.report.Verdicts[i]
			if id := [2]string{v.g.id, v.principal}; !slices.Contains(list, id) {
				list = append(list, id)
			}
		}
	}
	return list
}

// A handed is a granted secret by what it means, whatever its grant is called.
type handed struct {
	to, from, via, atom string
	count, before       int
}

// handings lists what a scenario hands over, in the order of granted.
func (sc *Scenario) handings() (list []handed) {
	before := 0
	for i := range sc.Script {
		if s := sc.Script[i].Send; s != nil {
			before += max(s.Count, 1)
		}
		if g := sc.Script[i].Grant; g != nil {
			for _, a := range g.units() {
				list = append(list, handed{g.To, endNames[sideOfGrant(g)], g.Via, a, g.Count, before})
			}
		}
	}
	return list
}

// only lists what one side hands over and the other does not.
func (c *comparison) only(side int) []Withheld {
	list := []Withheld{}
	theirs := c.sides[1-side].handings()
	units := c.sides[side].granted()
	for i, h := range c.sides[side].handings() {
		if at := slices.Index(theirs, h); at >= 0 {
			theirs = slices.Delete(theirs, at, at+1)
			continue
		}
		list = append(list, units[i])
	}
	return list
}

// worse reports whether v is worse than w.
func worse(v, w *Verdict) bool {
	if v.result != w.result {
		rank := map[Result]int{Held: 0, Conditional: 1, Unknown: 2, Lost: 3}
		return rank[v.result] > rank[w.result]
	}
	return v.messages > w.messages
}

// because finds which of the secrets that only the worse side hands over make it worse.
func (c *comparison) because(v, w *Verdict, principal string) ([]Withheld, error) {
	side := 0
	v, w = v.orHeld(), w.orHeld()
	if worse(w, v) {
		side, v, w = 1, w, v
	}
	extra := c.only(side)
	if len(extra) == 0 {
		return extra, nil
	}
	a := newAdviser(c.ctx, c.sides[side], c.opts, func(u Withheld) bool { return slices.Contains(extra, u) })
	if w.result != Held {
		return a.fewer(w)
	}
	a.wishes = []Wish{{v.g.id, principal}}
	advice, err := a.search(c.results[side])
	var unattainable *UnattainableError
	if errors.As(err, &unattainable) {
		return []Withheld{}, nil
	}
	if err != nil {
		return nil, err
	}
	return advice.Withhold, nil
}

// fewer finds a set without which a verdict is no worse than w, and of which none can be left out.
func (a *adviser) fewer(w *Verdict) ([]Withheld, error) {
	enough := func(without []int) (bool, error) {
		e, err := a.play(without)
		if err != nil {
			return false, err
		}
		y := e.report.Find(w.g.id, w.principal)
		return y != nil && !worse(y, w), nil
	}
	without := a.all()
	if ok, err := enough(without); err != nil || !ok {
		return []Withheld{}, err
	}
	for _, u := range a.all() {
		less := slices.DeleteFunc(slices.Clone(without), func(x int) bool { return x == u })
		ok, err := enough(less)
		if err != nil {
			return nil, err
		}
		if ok {
			without = less
		}
	}
	return a.list(without), nil
}

// say puts the change in words.
func (c *Change) say() {
	en, fr := c.Guarantee+", "+c.Principal+": ", c.Guarantee+", "+c.Principal+" : "
	outcome := func(v *Verdict, fr bool) string {
		p := &printer{fr: fr}
		if v == nil {
			return p.pick("no verdict", "aucun verdict")
		}
		s := strings.ToLower(p.result(v.result))
		if v.result == Lost {
			s += fmt.Sprintf(p.pick(" (%d of %d)", " (%d sur %d)"), v.messages, v.of)
		}
		return s
	}
	en += outcome(c.Before, false) + " -> " + outcome(c.After, false)
	fr += outcome(c.Before, true) + " -> " + outcome(c.After, true)
	var list, listFR []string
	for _, u := range c.Because {
		list = append(list, u.String())
		listFR = append(listFR, u.Grant+":"+SecretName(u.Atom).FR)
	}
	switch {
	case len(list) > 0:
		en += ", because of " + strings.Join(list, ", ")
		fr += ", à cause de " + strings.Join(listFR, ", ")
	case c.Before != nil && c.After != nil:
		en += ", not because of what is handed over"
		fr += ", sans que cela tienne à ce qui est remis"
	}
	c.Text = Text{en + ".", fr + "."}
}

// WriteText writes the difference for a terminal of 80 columns, in English, or in French if lang is
// "fr".
func (d *Difference) WriteText(w io.Writer, lang string) error {
	p := &printer{w: w, fr: lang == "fr"}
	if len(d.Changes) == 0 {
		p.line("%s", p.pick("No verdict differs.", "Aucun verdict ne diffère."))
	}
	for _, c := range d.Changes {
		p.wrap("", c.Text.In(lang))
		if c.After != nil {
			p.wrap("    ", c.After.text.In(lang))
		}
	}
	return p.err
}
