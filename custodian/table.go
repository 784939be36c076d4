package custodian

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteTable writes the report for a terminal of 80 columns, in English, or in French if lang is
// "fr". It uses no colour.
func (r *Report) WriteTable(w io.Writer, lang string) error {
	p := &printer{w: w, fr: lang == "fr"}
	p.title(r)
	p.headline(r, lang)
	p.line("")
	p.lanes(r)
	p.line("")
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		p.line("%-4s%-12s%4d/%-5d%-20s%s", v.ID(), p.result(v.Result()), v.messages, v.of, clip(v.principal, 19), cite(v.evidence))
		p.wrap("    ", v.text.In(lang))
	}
	for _, x := range r.Injections {
		verb := p.pick("refused", "refusé")
		if x.Accepted {
			verb = p.pick("accepted", "accepté")
		}
		p.line("%s %d  %-20s%-10s%s", p.pick("injection at step", "injection à l'étape"), x.Step, clip(x.By, 19), verb, x.Evidence)
	}
	p.line("")
	p.line("%s", p.pick("Limits", "Limites"))
	for _, l := range r.LimitsIn(lang) {
		p.wrap("  - ", l)
	}
	return p.err
}

// headline prints what a report begins with: what happened, what holds at the end, and, where
// statements were published, what the customer's client shows.
func (p *printer) headline(r *Report, lang string) {
	if h := r.Headline; h != nil {
		p.wrap("", h.History.In(lang))
		if h.Now != nil {
			p.wrap("", h.Now.Text.In(lang))
		}
	}
	if n := r.Notice; n != nil && n.Shown {
		p.wrap("", p.pick("The customer's app says: “", "L'application du client dit : « ")+n.Text.In(lang)+p.pick("”", " »"))
	}
}

// A printer remembers the first error.
type printer struct {
	w   io.Writer
	fr  bool
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}

func (p *printer) pick(en, fr string) string {
	if p.fr {
		return fr
	}
	return en
}

func (p *printer) result(r Result) string {
	return map[Result]string{
		Held: p.pick("HELD", "TENU"), Lost: p.pick("LOST", "PERDU"),
		Conditional: p.pick("CONDITIONAL", "CONDITIONNEL"), Unknown: p.pick("UNKNOWN", "INCONNU"),
	}[r]
}

// laneWidth is how many messages fit a line.
const laneWidth = 48

// lanes draws who reads (=), forges (f), both (#) or reads later (q), message by message.
func (p *printer) lanes(r *Report) {
	var names []string
	for i := range r.Verdicts {
		if n := r.Verdicts[i].principal; len(names) == 0 || names[len(names)-1] != n {
			names = append(names, n)
		}
	}
	p.lanesOf(r, names)
}

// lanesOf draws the lanes of some principals.
func (p *printer) lanesOf(r *Report, names []string) {
	for from := 0; from < len(r.Messages); from += laneWidth {
		part := r.Messages[from:min(from+laneWidth, len(r.Messages))]
		var dir strings.Builder
		for _, m := range part {
			dir.WriteString(map[string]string{Customer: ">", Business: "<"}[m.From])
		}
		p.line("%-20s%s", fmt.Sprintf("%s %d", p.pick("messages from", "messages depuis"), from), dir.String())
		for _, n := range names {
			var lane strings.Builder
			for _, m := range part {
				lane.WriteByte(mark(&m, n))
			}
			p.line("%-20s%s", clip(n, 19), lane.String())
		}
	}
	p.line("%s", p.pick("> customer  < business  = reads  f forges  # both  q quantum only  . nothing",
		"> client  < entreprise  = lit  f imite  # les deux  q quantique seul  . rien"))
}

func mark(m *MessageReport, who string) byte {
	in := func(list []string) bool {
		for _, s := range list {
			if s == who {
				return true
			}
		}
		return false
	}
	switch reads, forges := in(m.ReadableBy), in(m.ForgeableBy); {
	case reads && forges:
		return '#'
	case reads:
		return '='
	case forges:
		return 'f'
	case in(m.QuantumReadable):
		return 'q'
	}
	return '.'
}

// wrap breaks a text at 80 columns, the first line behind a prefix.
func (p *printer) wrap(prefix, text string) {
	line, n := prefix, utf8.RuneCountInString(prefix)
	for _, word := range wordsOf(text) {
		size := utf8.RuneCountInString(word)
		if n+size > 80 && n > len(prefix) {
			p.line("%s", line)
			line, n = strings.Repeat(" ", len(prefix)), len(prefix)
		}
		line, n = line+word+" ", n+size+1
	}
	p.line("%s", line)
}

// wordsOf splits a text, and keeps what French sets off by a space with the word before it.
func wordsOf(text string) (list []string) {
	for _, word := range strings.Fields(text) {
		n := len(list)
		if n > 0 && (strings.ContainsAny(word, ":;!?%") && utf8.RuneCountInString(word) == 1 || strings.HasPrefix(word, "»") || strings.HasSuffix(list[n-1], "«")) {
			list[n-1] += " " + word
			continue
		}
		list = append(list, word)
	}
	return list
}

func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// cite shortens a list of evidence.
func cite(ids []string) string {
	if len(ids) <= 2 {
		return strings.Join(ids, " ")
	}
	return ids[0] + " … " + ids[len(ids)-1]
}
