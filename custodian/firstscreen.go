package custodian

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxScreen is how many lines WriteSummary writes at most, for a report whose headline leaves room.
const maxScreen = 40

// WriteSummary writes the first screen of the report, for a terminal of 80 columns, in English, or
// in French if lang is "fr": the headline, a line for each principal, what changed when, and what
// is not held, in words before codes. It is at most 40 lines; what has no room is counted.
// WriteTable writes everything.
func (r *Report) WriteSummary(w io.Writer, lang string) error {
	fr := lang == "fr"
	part := func(write func(p *printer)) (lines []string) {
		var b bytes.Buffer
		write(&printer{w: &b, fr: fr})
		return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	}
	screen := [][]string{
		part(func(p *printer) { p.title(r); p.headline(r, lang) }),
		part(func(p *printer) { p.principals(r) }),
		part(func(p *printer) { p.lanesThatMatter(r) }),
		part(func(p *printer) { p.changes(r) }),
		part(func(p *printer) { p.findings(r, lang) }),
		part(func(p *printer) {
			p.line("%s", p.pick("-all prints every verdict with its evidence, and the limits of this report.", "-all imprime chaque verdict avec ses preuves, et les limites de ce rapport."))
		}),
	}
	p := &printer{w: w, fr: fr}
	for i, lines := range p.fit(screen) {
		if len(lines) == 0 {
			continue
		}
		if i > 0 {
			p.line("")
		}
		for _, l := range lines {
			p.line("%s", l)
		}
	}
	return p.err
}

// title names the report.
func (p *printer) title(r *Report) {
	p.line("%s  %s", p.pick("custody report", "rapport de garde"), r.Scenario[:min(len(r.Scenario), len("sha256:")+16)])
}

// fit cuts parts until all fit a screen: first what changed when, then lanes, principals and
// findings. The headline and the last line are never cut.
func (p *printer) fit(screen [][]string) [][]string {
	const heading = 1 // of a part that is cut
	for _, cut := range []struct{ part, keep int }{{3, 6}, {2, 0}, {1, 6}, {3, 3}, {4, 8}, {1, 3}, {4, 3}} {
		over := -maxScreen - 1
		for _, lines := range screen {
			if len(lines) == 1 && lines[0] == "" {
				lines = nil
			}
			if len(lines) > 0 {
				over += len(lines) + 1
			}
		}
		lines := screen[cut.part]
		if over <= 0 || len(lines) <= cut.keep+heading {
			continue
		}
		if cut.keep == 0 {
			screen[cut.part] = nil
			continue
		}
		keep := max(cut.keep, len(lines)-over-1)
		more := fmt.Sprintf(p.pick("… and %d more lines", "… et %d lignes de plus"), len(lines)-keep)
		screen[cut.part] = append(lines[:keep:keep], more)
	}
	for i, lines := range screen {
		if len(lines) == 1 && lines[0] == "" {
			screen[i] = nil
		}
	}
	return screen
}

// principals says of each what it read and could write; those that did neither are one line.
func (p *printer) principals(r *Report) {
	var names, none []string
	for i := range r.Verdicts {
		if n := r.Verdicts[i].principal; !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, name := range names {
		if says := p.did(r, name); says != "" {
			p.wrap(fmt.Sprintf("%-20s", clip(name, 19)), says)
		} else {
			none = append(none, name)
		}
	}
	if len(none) > 0 {
		p.wrap("", strings.Join(none, ", ")+p.pick(": could read 0, could write 0", " : 0 lu, 0 écrit"))
	}
}

// did is what a principal read and could write, empty if neither.
func (p *printer) did(r *Report, name string) string {
	reads, later, forges := 0, 0, 0
	for i := range r.Messages {
		m := &r.Messages[i]
		switch {
		case slices.Contains(m.ReadableBy, name):
			reads++
		case slices.Contains(m.QuantumReadable, name):
			later++
		}
		if slices.Contains(m.ForgeableBy, name) {
			forges++
		}
	}
	elsewhere := forges == 0 && r.forgesElsewhere(name)
	if reads+later+forges == 0 && !elsewhere {
		return ""
	}
	says := fmt.Sprintf(p.pick("could read %d of %d", "a pu lire %d sur %d"), reads, len(r.Messages))
	if later > 0 {
		says += fmt.Sprintf(p.pick(", later %d more", ", plus tard %d de plus"), later)
	}
	if elsewhere {
		return says + p.pick("; could write at other moments", " ; a pu écrire à d'autres moments")
	}
	return says + fmt.Sprintf(p.pick("; could write in place of %d", " ; a pu écrire à la place de %d"), forges)
}

// forgesElsewhere reports whether a principal, which writes in place of no message, deceives an end
// at another moment.
func (r *Report) forgesElsewhere(name string) bool {
	return slices.ContainsFunc(r.Verdicts, func(v Verdict) bool {
		return v.principal == name && v.result == Lost && (v.g == g6 || v.g == g7 || v.g == g8 || v.g == g9)
	})
}

// lanesThatMatter draws the lanes of those who read or write, if they fit a line each.
func (p *printer) lanesThatMatter(r *Report) {
	var names []string
	for i := range r.Messages {
		m := &r.Messages[i]
		for _, name := range slices.Concat(m.ReadableBy, m.QuantumReadable, m.ForgeableBy) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) > 0 && len(names) <= 4 && len(r.Messages) <= laneWidth {
		p.lanesOf(r, names)
	}
}

// changes lists what was handed over, taken back, tried and told, and before which message.
func (p *printer) changes(r *Report) {
	t := r.Timeline()
	if t == nil {
		return
	}
	for i := range t.Marks {
		m := &t.Marks[i]
		what := p.change(r, m)
		if what == "" {
			continue
		}
		when := fmt.Sprintf(p.pick("before message %d", "avant le message %d"), m.Before)
		if m.Before >= len(r.Messages) {
			when = p.pick("at the end", "à la fin")
		}
		p.line("%-20s%s", when, clip(what, 60))
	}
}

// change is a step in words.
func (p *printer) change(r *Report, m *Mark) string {
	say := func(en, fr string, args ...any) string { return fmt.Sprintf(p.pick(en, fr), args...) }
	switch s := &m.Step; {
	case s.Grant != nil:
		g := s.Grant
		what := strings.Join(g.Atoms, ", ")
		if g.Via == "quota" {
			what = say("%d message keys", "%d clés de message", g.Count)
		} else if what == "" {
			what = "identity"
		}
		return say("%s is given %s, by %s", "%s reçoit %s, par %s", g.To, what, p.pick(g.Via, strings.TrimPrefix(strings.TrimPrefix(handedOver[g.Via].FR, "un "), "une ")))
	case s.Revoke != "":
		return say("the grant %s is revoked", "le mandat %s est révoqué", s.Revoke)
	case s.Rotate != "":
		return say("the business renews: %s", "l'entreprise renouvelle : %s", map[bool]string{true: p.pick("identity", "identité"), false: p.pick(s.Rotate, strings.Replace(s.Rotate, "prekeys", "préclés", 1))}[s.Rotate == "identity"])
	case s.Barrier:
		return say("the customer raises a barrier", "le client dresse une barrière")
	case s.Block != "":
		return say("the customer ends the conversation", "le client met fin à la discussion")
	case s.Inject != nil:
		taken := slices.ContainsFunc(r.Injections, func(x InjectionReport) bool { return x.Step == m.Index && x.Accepted })
		as := p.pick("as the "+s.Inject.As, map[string]string{Customer: "au nom du client", Business: "au nom de l'entreprise"}[s.Inject.As])
		if taken {
			return say("%s writes %s, and is believed", "%s écrit %s, et on le croit", s.Inject.By, as)
		}
		return say("%s tries to write %s, and is refused", "%s essaie d'écrire %s, sans y parvenir", s.Inject.By, as)
	case s.Notice != nil && s.Notice.By != "":
		return say("%s publishes a notice as the business", "%s publie un avis au nom de l'entreprise", s.Notice.By)
	case s.Notice != nil:
		return say("the business publishes a signed notice", "l'entreprise publie un avis signé")
	}
	return ""
}

// findings lists what is not held, the gravest first, a guarantee once, in words before its code;
// what is held is counted.
func (p *printer) findings(r *Report, lang string) {
	type finding struct {
		result Result
		title  string
		weight int
		whom   []string
	}
	var list []*finding
	held := 0
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.result == Held {
			held++
			continue
		}
		title := v.Title().In(lang) + " (" + v.ID() + ")"
		k := slices.IndexFunc(list, func(f *finding) bool { return f.title == title && f.result == v.result })
		if k < 0 {
			list = append(list, &finding{result: v.result, title: title})
			k = len(list) - 1
		}
		f := list[k]
		f.weight = max(f.weight, slices.Index(gravity, v.severity.Class))
		whom := v.principal
		if v.result == Lost && v.of > 0 {
			whom += fmt.Sprintf(p.pick(" %d of %d", " %d sur %d"), v.messages, v.of)
		}
		f.whom = append(f.whom, whom)
	}
	order := []Result{Lost, Conditional, Unknown}
	slices.SortStableFunc(list, func(a, b *finding) int {
		if d := slices.Index(order, a.result) - slices.Index(order, b.result); d != 0 {
			return d
		}
		return b.weight - a.weight
	})
	for _, f := range list {
		p.wrap(fmt.Sprintf("%-13s", p.result(f.result)), f.title+p.pick(": ", " : ")+strings.Join(f.whom, ", "))
	}
	if held > 0 {
		p.line("%-13s%s", p.result(Held), fmt.Sprintf(p.pick("%d of %d verdicts", "%d verdicts sur %d"), held, len(r.Verdicts)))
	}
}

// gravity are the classes of severity, the least first.
var gravity = []string{"none", "unknown", "info", "low", "medium", "high", "critical"}
