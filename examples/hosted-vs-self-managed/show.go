package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"signet.example/signet/custodian"
)

// words are the texts of this program that are not the report's own, English and French.
var words = map[string]custodian.Text{
	"title":    {EN: "The same conversation, twice: %d messages, %d of them delivered.", FR: "La même discussion, deux fois : %d messages, dont %d remis."},
	"self":     {EN: "SELF-MANAGED: the shop keeps its keys", FR: "AUTOGÉRÉ : la boutique garde ses clés"},
	"hosted":   {EN: "HOSTED: " + provider + " holds the shop's keys", FR: "HÉBERGÉ : " + provider + " détient les clés de la boutique"},
	"handover": {EN: "HANDED OVER: " + provider + " gets the keys midway", FR: "TRANSMIS : " + provider + " reçoit les clés en cours de route"},
	"archive":  {EN: "ARCHIVED: " + provider + " gets copies of the texts", FR: "ARCHIVÉ : " + provider + " reçoit des copies des textes"},
	"notice":   {EN: "What the customer should be told", FR: "Ce que le client doit savoir"},
	"reads":    {EN: provider + " reads", FR: provider + " lit"},
	"forges":   {EN: "could forge", FR: "pourrait imiter"},
	"platform": {EN: "platform reads", FR: "la plateforme lit"},
	"legend":   {EN: "> from the customer, < from the shop; # yes, . no", FR: "> du client, < de la boutique ; # oui, . non"},
	"reports":  {EN: "The two reports, on " + provider, FR: "Les deux rapports, au sujet de " + provider},
	"held":     {EN: "held", FR: "tenu"},
	"lost":     {EN: "LOST", FR: "PERDU"},
	"unknown":  {EN: "unknown", FR: "inconnu"},
	"evidence": {EN: "evidence", FR: "preuves"},
	"more": {
		EN: "LOST means that it was done: the message was decrypted, the forgery was accepted by a copy of the receiver.\nHeld means that it does not follow from what " + provider + " was given, by a certificate that can be checked.",
		FR: "PERDU veut dire que cela a été fait : le message a été déchiffré, une copie du destinataire a accepté l'imitation.\nTenu veut dire que cela ne découle pas de ce que " + provider + " a reçu, selon un certificat vérifiable.",
	},
}

const half = 58 // columns of one report

// show prints both reports side by side.
func show(w io.Writer, lang, mode string, self, other *custodian.Report) error {
	p := &page{w: w, lang: lang}
	delivered := 0
	for _, m := range other.Messages {
		if m.Delivered {
			delivered++
		}
	}
	p.line(fmt.Sprintf(p.word("title"), len(other.Messages), delivered))
	p.line("")
	p.both(p.word("self"), p.word(mode))
	p.both(strings.Repeat("=", half-2), strings.Repeat("=", half-2))
	p.line(p.word("notice") + ":")
	p.both(p.quote(self.Notice.Text), p.quote(other.Notice.Text))
	p.line("")
	p.both(p.lane("", directions(self)), p.lane("", directions(other)))
	p.both(p.lane("reads", reads(self, provider)), p.lane("reads", reads(other, provider)))
	p.both(p.lane("forges", forges(self, provider)), p.lane("forges", forges(other, provider)))
	p.both(p.lane("platform", reads(self, platform)), p.lane("platform", reads(other, platform)))
	p.line(p.word("legend"))
	p.line("")
	p.line(p.word("reports") + ":")
	for _, v := range other.Verdicts {
		if mine := self.Find(v.ID(), provider); v.Principal() == provider && mine != nil {
			p.both(p.verdict(mine), p.verdict(&v))
		}
	}
	p.line("")
	p.line(p.word("more"))
	return p.err
}

// A page remembers the first error.
type page struct {
	w    io.Writer
	lang string
	err  error
}

func (p *page) word(key string) string { return words[key].In(p.lang) }

func (p *page) line(s string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(s, " "))
	}
}

func (p *page) quote(t custodian.Text) string {
	if p.lang == "fr" {
		return "«" + noBreak + t.FR + noBreak + "»"
	}
	return "“" + t.EN + "”"
}

// noBreak is a space at which no line is broken; it is printed as an ordinary one.
const noBreak = "\u00a0"

// both prints two texts side by side, each wrapped to its half.
func (p *page) both(left, right string) {
	a, b := wrap(left, half-2), wrap(right, half-2)
	for i := range max(len(a), len(b)) {
		l, r := at(a, i), at(b, i)
		l += strings.Repeat(" ", half-utf8.RuneCountInString(l))
		p.line(strings.ReplaceAll(l+r, noBreak, " "))
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Split(s, " ") {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = "     " + word
			continue
		}
		if line != "" || len(lines) > 0 {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func (p *page) lane(label, marks string) string {
	if label != "" {
		label = p.word(label)
	}
	return label + strings.Repeat(noBreak, 20-utf8.RuneCountInString(label)) + marks
}

func directions(r *custodian.Report) string {
	return marks(r, func(m custodian.MessageReport) string {
		if m.From == custodian.Customer {
			return ">"
		}
		return "<"
	})
}

func reads(r *custodian.Report, who string) string {
	return marks(r, func(m custodian.MessageReport) string { return yes(slices.Contains(m.ReadableBy, who)) })
}

func forges(r *custodian.Report, who string) string {
	return marks(r, func(m custodian.MessageReport) string { return yes(slices.Contains(m.ForgeableBy, who)) })
}

func yes(ok bool) string {
	if ok {
		return "#"
	}
	return "."
}

func marks(r *custodian.Report, mark func(custodian.MessageReport) string) string {
	var b strings.Builder
	for _, m := range r.Messages {
		b.WriteString(mark(m))
	}
	return b.String()
}

// verdict is one guarantee with its result, its sentence and how many pieces of evidence it cites.
func (p *page) verdict(v *custodian.Verdict) string {
	result := map[custodian.Result]string{custodian.Held: "held", custodian.Lost: "lost"}[v.Result()]
	if result == "" {
		result = "unknown"
	}
	e := v.Evidence()
	cite := e[0]
	if len(e) > 1 {
		cite += " … " + e[len(e)-1]
	}
	return fmt.Sprintf("%-4s%-6s%s [%s: %s]", v.ID(), p.word(result), v.Text().In(p.lang), p.word("evidence"), cite)
}
