package custodian

import (
	"fmt"
	"io"
	"strings"

	"signet.example/signet/custodian/know"
)

// WriteText writes the explanation for a terminal of 80 columns, in English, or in French if lang
// is "fr". Long runs of one rule are shortened; JSON has them all.
func (x *Explanation) WriteText(w io.Writer, lang string) error {
	p := &printer{w: w, fr: lang == "fr"}
	p.wrap("", x.Text.In(lang))
	if x.Shown != "" {
		p.line("%s %s", p.pick("evidence:", "preuve :"), x.Shown)
	}
	if x.Follows {
		p.line("")
		x.writeSteps(p, lang)
	} else if x.Missing != nil {
		x.Missing.write(p, lang)
	}
	return p.err
}

// shortRun is how many like steps are written out.
const shortRun = 3

func (x *Explanation) writeSteps(p *printer, lang string) {
	for i := 0; i < len(x.Steps); {
		n := 1
		for i+n < len(x.Steps) && x.like(i+n-1, i+n) {
			n++
		}
		if n <= shortRun {
			n = 1
		}
		x.writeStep(p, lang, i)
		if n > 1 {
			p.line("       %s", fmt.Sprintf(p.pick("… %d more of the same …", "… encore %d pareils …"), n-2))
			x.writeStep(p, lang, i+n-1)
		}
		i += n
	}
}

// like reports whether step j is one more of what step i is: a link of the same chain, or a leaf of
// the same kind.
func (x *Explanation) like(i, j int) bool {
	a, b := &x.Steps[i], &x.Steps[j]
	if a.Rule != b.Rule || know.KindOf(a.Atom) != know.KindOf(b.Atom) {
		return false
	}
	if a.Rule == "" {
		return know.KindOf(a.Atom) == "chunk"
	}
	return len(b.From) == 1 && b.From[0] == i
}

func (x *Explanation) writeStep(p *printer, lang string, i int) {
	d := &x.Steps[i]
	rule := d.Rule
	if rule == "" {
		rule = "-"
	}
	from := ""
	for k, f := range d.From {
		switch {
		case k == 6 && len(d.From) > 7:
			from += fmt.Sprintf(" … %d", d.From[len(d.From)-1])
		case k < 6 || len(d.From) <= 7:
			from += fmt.Sprintf(" %d", f)
		}
	}
	if from != "" {
		from = "  <-" + from
	}
	p.wrap(fmt.Sprintf("%4d %-5s", i, rule), d.Text.In(lang)+from)
}

func (m *Missing) write(p *printer, lang string) {
	p.line("")
	if m.Reach {
		p.wrap("", p.pick("It cannot put a message before a receiver at all: it sees none.", "Il ne peut présenter aucun message à un destinataire : il n'en voit passer aucun."))
	}
	if len(m.Near) > 0 {
		p.line("%s", p.pick("The nearest that is missing:", "Ce qui manque au plus près :"))
		for i, set := range m.Near {
			if i == 4 {
				p.line("  %s", fmt.Sprintf(p.pick("or one of %d more", "ou l'une de %d autres possibilités"), len(m.Near)-i))
				break
			}
			or := "  - "
			if i > 0 {
				or = p.pick("  or ", "  ou ")
			}
			p.wrap(or, joined(set, lang))
		}
	}
	if len(m.Origins) > 0 {
		p.line("%s", p.pick("Where it begins: secrets that never reached it, any of which keeps it out:", "L'origine : des secrets qu'il n'a jamais eus, dont chacun suffit à l'exclure :"))
		for _, l := range m.Origins {
			p.wrap("  - ", l.Text.In(lang))
		}
	}
	if len(m.Near)+len(m.Origins) == 0 && !m.Reach {
		p.line("%s", p.pick("No way leads there: the receiver takes nothing.", "Aucun chemin n'y mène : le destinataire n'accepte rien."))
	}
}

func joined(set []Lacking, lang string) string {
	var list []string
	for _, l := range set {
		list = append(list, l.Text.In(lang))
	}
	return strings.Join(list, " + ")
}
