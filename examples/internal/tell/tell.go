// Package tell is how the examples speak: in English or French, in lines of a page's width, with
// lanes that show message by message who can do what.
package tell

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"signet.example/signet/custodian"
)

// Width is how many columns a line has; labels have so many of a lane's.
const (
	Width  = 100
	labels = 28
)

// A Page is what an example writes on. It remembers the first error.
type Page struct {
	w    io.Writer
	lang string
	err  error
}

// A Program is an example: it plays its story and tells it.
type Program func(ctx context.Context, p *Page) error

// Main runs an example as a program, with a flag for the language.
func Main(run Program) {
	log.SetFlags(0)
	lang := flag.String("lang", "en", "language: en or fr")
	flag.Parse()
	p, err := NewPage(os.Stdout, *lang)
	if err == nil {
		err = run(context.Background(), p)
	}
	if err == nil {
		err = p.err
	}
	if err != nil {
		log.Fatal(err)
	}
}

// NewPage returns an empty page in a language.
func NewPage(w io.Writer, lang string) (*Page, error) {
	if lang != "en" && lang != "fr" {
		return nil, fmt.Errorf("no language %q: en or fr", lang)
	}
	return &Page{w: w, lang: lang}, nil
}

// Read returns what an example writes in a language.
func Read(run Program, lang string) (string, error) {
	var b bytes.Buffer
	p, err := NewPage(&b, lang)
	if err == nil {
		err = run(context.Background(), p)
	}
	if err == nil {
		err = p.err
	}
	return b.String(), err
}

func (p *Page) line(s string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(strings.ReplaceAll(s, noBreak, " "), " "))
	}
}

// Line writes a line as it is.
func (p *Page) Line(t custodian.Text) { p.line(t.In(p.lang)) }

// Lang is the page's language.
func (p *Page) Lang() string { return p.lang }

// Err is the first error of writing.
func (p *Page) Err() error { return p.err }

// Both writes two texts side by side, each wrapped to half of the columns.
func (p *Page) Both(columns int, left, right string) {
	half := columns / 2
	a, b := Wrap(left, half-2, "     "), Wrap(right, half-2, "     ")
	for i := range max(len(a), len(b)) {
		l, r := at(a, i), at(b, i)
		p.line(l + strings.Repeat(" ", half-utf8.RuneCountInString(l)) + r)
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// Title begins a part of the page.
func (p *Page) Title(en, fr string) {
	t := (custodian.Text{EN: en, FR: fr}).In(p.lang)
	p.line("")
	p.line(t)
	p.line(strings.Repeat("-", utf8.RuneCountInString(t)))
}

// Say writes a paragraph.
func (p *Page) Say(en, fr string) { p.Text(custodian.Text{EN: en, FR: fr}) }

// Text writes a paragraph.
func (p *Page) Text(t custodian.Text) {
	for _, l := range Wrap(t.In(p.lang), Width, "") {
		p.line(l)
	}
}

// Headline writes what the report begins with: what happened, and what holds at the end.
func (p *Page) Headline(r *custodian.Report) {
	p.Say("The report begins:", "Le rapport commence ainsi :")
	for _, l := range Wrap(Quote(Headline(r), p.lang), Width-2, "") {
		p.line("  " + l)
	}
}

// Headline is what happened, and what holds at the end.
func Headline(r *custodian.Report) custodian.Text {
	t := r.Headline.History
	if now := r.Headline.Now; now != nil {
		t.EN, t.FR = t.EN+" "+now.Text.EN, t.FR+" "+now.Text.FR
	}
	return t
}

// Notice writes what the customer should be told.
func (p *Page) Notice(r *custodian.Report) {
	for _, l := range Wrap(Quote(r.Notice.Text, p.lang), Width-2, "") {
		p.line("  " + l)
	}
}

// Quote is a text in the quotation marks of its language.
func Quote(t custodian.Text, lang string) string {
	if lang == "fr" {
		return "«" + noBreak + t.FR + noBreak + "»"
	}
	return "“" + t.EN + "”"
}

// noBreak is a space at which no line is broken; it is printed as an ordinary one.
const noBreak = "\u00a0"

// Wrap breaks a text into lines of a width; all but the first are indented.
func Wrap(s string, width int, indent string) (lines []string) {
	line := ""
	for _, word := range strings.Split(s, " ") {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = indent + word
			continue
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Lanes draws the messages, and beneath them what the principals read and could forge.
func (p *Page) Lanes(r *custodian.Report, principals ...string) {
	word := func(en, fr string) string { return (custodian.Text{EN: en, FR: fr}).In(p.lang) }
	p.line(Lane("", labels, Directions(r)))
	for _, who := range principals {
		p.line(Lane(who+word(" reads", " lit"), labels, Reads(r, who)))
		p.line(Lane(who+word(" could forge", " pourrait imiter"), labels, Forges(r, who)))
	}
	p.line(word("> from the customer, < from the shop; # yes, . no", "> du client, < de la boutique ; # oui, . non"))
}

// Verdicts writes what the report says about a principal, with its evidence.
func (p *Page) Verdicts(r *custodian.Report, who string, ids ...string) {
	for _, id := range ids {
		v := r.Find(id, who)
		if v == nil {
			continue
		}
		for _, l := range Wrap(Verdict(v, p.lang), Width, "            ") {
			p.line(l)
		}
	}
}

var results = map[custodian.Result]custodian.Text{
	custodian.Held:        {EN: "held", FR: "tenu"},
	custodian.Lost:        {EN: "LOST", FR: "PERDU"},
	custodian.Unknown:     {EN: "unknown", FR: "inconnu"},
	custodian.Conditional: {EN: "depends", FR: "dépend"},
}

// Verdict is one guarantee with its result, its sentence and the evidence that it cites.
func Verdict(v *custodian.Verdict, lang string) string {
	cite := v.Evidence()[0]
	if n := len(v.Evidence()); n > 1 {
		cite += noBreak + "…" + noBreak + v.Evidence()[n-1]
	}
	return fmt.Sprintf("%-4s%-8s%s [%s:%s%s]", v.ID(), results[v.Result()].In(lang), v.Text().In(lang),
		(custodian.Text{EN: "evidence", FR: "preuves"}).In(lang), noBreak, cite)
}

// Lane is a label of a width and marks.
func Lane(label string, width int, marks string) string {
	return label + strings.Repeat(noBreak, max(1, width-utf8.RuneCountInString(label))) + marks
}

// Directions marks the messages by their sender.
func Directions(r *custodian.Report) string {
	return marks(r, func(m *custodian.MessageReport) string {
		if m.From == custodian.Customer {
			return ">"
		}
		return "<"
	})
}

// Reads marks the messages that a principal reads.
func Reads(r *custodian.Report, who string) string {
	return marks(r, func(m *custodian.MessageReport) string { return yes(slices.Contains(m.ReadableBy, who)) })
}

// Forges marks the messages in whose place a principal could have put one of its own.
func Forges(r *custodian.Report, who string) string {
	return marks(r, func(m *custodian.MessageReport) string { return yes(slices.Contains(m.ForgeableBy, who)) })
}

func yes(ok bool) string {
	if ok {
		return "#"
	}
	return "."
}

func marks(r *custodian.Report, mark func(*custodian.MessageReport) string) string {
	var b strings.Builder
	for i := range r.Messages {
		b.WriteString(mark(&r.Messages[i]))
	}
	return b.String()
}
