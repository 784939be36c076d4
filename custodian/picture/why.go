package picture

import (
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"signet.example/signet/custodian"
)

// An exhibit is a piece of evidence, unfolded.
type exhibit struct {
	ID, Kind, Claim string
	Steps           []line
}

// A line is what one rule gives, or what came from one place.
type line struct {
	Left  string
	Right []piece
	Leaf  bool
}

// A piece of a line is an atom or a step. It may name the rule that gives it, or the witness that
// shows it.
type piece struct{ Rule, Text, Witness string }

// exhibits lists the evidence, in no more bytes than there is room for. A step that an earlier
// witness about the same principal shows is not shown again: the later one refers to it, so that
// the page grows with what is known and not with its square.
func (p *document) exhibits(room int) {
	u := &unfolder{p: p, long: room / 8, shown: make(map[shownAtom]string), keys: make(map[string]string)}
	for i := range p.report.Evidence {
		e := &p.report.Evidence[i]
		x := exhibit{ID: e.ID, Kind: e.Kind, Claim: e.Text().In(p.Lang)}
		if d := p.report.Derivation(e.ID); d != nil && len(d.Steps) > 0 {
			if u.bytes > room-33*(len(p.report.Evidence)-i) {
				p.Unlisted = append(p.Unlisted, e.ID)
				continue
			}
			x.Steps = u.unfold(e.ID, d)
		}
		u.bytes += 90 + len(template.HTMLEscapeString(x.Claim))
		p.Evidence = append(p.Evidence, x)
	}
	p.Keys = u.names
}

// An unfolder writes derivations.
type unfolder struct {
	p     *document
	shown map[shownAtom]string // the witness that shows it
	keys  map[string]string
	names []string // of keys, in the order met
	bytes int
	long  int // after so many bytes, derivations are written in short
}

type shownAtom struct {
	who     string
	quantum bool
	atom    string
}

// unfold writes a derivation: first what it starts from, by source, then what follows, rule by
// rule.
func (u *unfolder) unfold(id string, d *custodian.Derivation) (list []line) {
	before := func(atom string) string { return u.shown[shownAtom{d.Principal, d.Quantum, atom}] }
	var leaves, rules []line
	leaf := func(left string, x piece) {
		for i := range leaves {
			if leaves[i].Left == left {
				leaves[i].Right = append(leaves[i].Right, x)
				return
			}
		}
		leaves = append(leaves, line{Left: left, Right: []piece{x}, Leaf: true})
	}
	steps := collapse(needed(d.Steps, before), before)
	for _, s := range steps {
		if w := before(s.Atom); w != "" {
			leaf(u.p.say("from.seen"), piece{Text: u.short(s.Atom), Witness: w})
			continue
		}
		if s.Rule == "" {
			leaf(u.source(&s.DerivationStep), piece{Text: u.short(s.Atom)})
		} else {
			rules = append(rules, u.rule(&s))
		}
	}
	for _, s := range steps {
		if s.Rule != "" && before(s.Atom) == "" {
			u.shown[shownAtom{d.Principal, d.Quantum, s.Atom}] = id
		}
	}
	switch {
	case u.bytes > u.long && len(leaves) == 1 && leaves[0].Right[0].Witness != "" && len(leaves[0].Right) == 1 && len(rules) == 1:
		rules[0].Right[0].Witness = leaves[0].Right[0].Witness
		leaves = nil
	case u.bytes > u.long:
		rules = short(rules, u.p.say("then"))
	}
	list = append(leaves, rules...)
	for _, l := range list {
		u.bytes += len(template.HTMLEscapeString(l.Left)) + 9 + 10*one(!l.Leaf)
		for _, x := range l.Right {
			u.bytes += 2 + len(x.Rule) + len(x.Text) + 32*one(x.Witness != "")
		}
	}
	return list
}

// needed is the steps that the last one rests on, when those that were shown before are taken as
// given.
func needed(all []custodian.DerivationStep, before func(string) string) (list []custodian.DerivationStep) {
	set := map[string]bool{all[len(all)-1].Atom: true}
	for _, s := range slices.Backward(all) {
		if !set[s.Atom] {
			continue
		}
		list = append(list, s)
		if before(s.Atom) == "" {
			for _, f := range s.From {
				set[f] = true
			}
		}
	}
	slices.Reverse(list)
	return list
}

// A step is one of a derivation, or several of one rule that lead through atoms that nothing else
// uses.
type step struct {
	custodian.DerivationStep
	times int
}

func collapse(all []custodian.DerivationStep, before func(string) string) (list []step) {
	uses := make(map[string]int)
	for _, s := range all {
		for _, f := range s.From {
			uses[f]++
		}
	}
	for i, s := range all {
		if n := len(list); n > 0 && s.Rule != "" && len(s.From) == 1 && uses[s.From[0]] == 1 {
			last := &list[n-1]
			if s.From[0] == last.Atom && s.Rule == last.Rule && len(last.From) == 1 && before(last.Atom) == "" {
				s.From = last.From
				*last = step{s, last.times + 1}
				continue
			}
			if s.From[0] == last.Atom && last.Rule != "" && i == len(all)-1 && before(last.Atom) == "" {
				s.From, s.Rule = last.From, last.Rule+", "+s.Rule // what was to be shown is another word for the last step
				*last = step{s, 1}
				continue
			}
		}
		list = append(list, step{s, 1})
	}
	return list
}

func (u *unfolder) rule(s *step) line {
	left := s.Rule
	if s.times > 1 {
		left += " ×" + strconv.Itoa(s.times)
	}
	var b strings.Builder
	b.WriteString(u.short(s.Atom) + " ⇐ ")
	for i, f := range s.From {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(u.short(f))
	}
	return line{Left: left, Right: []piece{{Text: b.String()}}}
}

// short writes rules on one line: what each gives, without what from, which the rule book tells.
func short(rules []line, then string) []line {
	all := line{Left: then}
	for _, r := range rules {
		head, _, _ := strings.Cut(r.Right[0].Text, " ⇐ ")
		all.Right = append(all.Right, piece{Rule: r.Left, Text: head})
	}
	return []line{all}
}

// source says where a leaf came from, and when.
func (u *unfolder) source(s *custodian.DerivationStep) string {
	switch s.Source {
	case "grant":
		return u.p.say("from.grant") + " " + s.Grant + ", " + u.p.say("before", s.Before)
	case "message":
		return u.p.say("from.wire")
	case "directory", "own", "quantum":
		return u.p.say("from." + s.Source)
	}
	return s.Source
}

var hexKey = regexp.MustCompile(`[0-9a-f]{32}`)

// short gives the keys in an atom short names.
func (u *unfolder) short(atom string) string {
	return hexKey.ReplaceAllStringFunc(atom, func(k string) string {
		name, known := u.keys[k]
		if !known {
			name = "k" + strconv.Itoa(len(u.keys)+1)
			u.keys[k] = name
			u.names = append(u.names, name+" "+k[:12])
			u.bytes += 32
		}
		return name
	})
}
