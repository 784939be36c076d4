// Package picture draws a custody report as one page of HTML: who can read and who can forge each
// message, under whose custody, what the customer was told, and the evidence for every verdict down
// to its derivation (custody B8, Annex 4).
//
// The page stands alone: no script, no font, no image, nothing to fetch. It is drawn for a screen,
// light and dark, for a telephone, and for paper; colour is never the only sign. It is a function
// of the report and the options: the same bytes every time. Names come from a scenario, which
// anybody may have written, and are escaped.
//
// # What differs from Annex 4
//
// Its measures are kept, with one exception: columns are 14 units wide only where there are many of
// them. A short conversation has wider ones, so that the words above it have room.
//
// # What it does not know
//
// The package has no list of guarantees, principals or kinds of evidence: it draws what the report
// has. It sees no secret and no text of a message.
//
// # Concurrency
//
// Write may be called by several goroutines at once, also for one report.
package picture

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"io"
	"unicode"

	"signet.example/signet/custodian"
)

// Options adjusts a page. The zero value works.
type Options struct {
	// Language of the page: "en", "fr", or empty for English. The headline is in both.
	Language string
}

var (
	errLanguage = errors.New("picture: the language is neither en nor fr")
	errReport   = errors.New("picture: the report was not made by an evaluation: it has no timeline")
)

var (
	//go:embed page.html.tmpl
	pageSource string
	//go:embed chart.svg.tmpl
	chartSource string
	//go:embed icons.svg.tmpl
	iconSource string
	//go:embed style.css
	style string
)

// Write writes the page about a report that custodian.Evaluate made. Nil opts means the defaults.
// The error is what w returned, or says what is wrong with the arguments; then nothing is written.
func Write(w io.Writer, r *custodian.Report, opts *Options) error {
	lang := "en"
	if opts != nil && opts.Language != "" {
		lang = opts.Language
	}
	if lang != "en" && lang != "fr" {
		return errLanguage
	}
	t := r.Timeline()
	if t == nil {
		return errReport
	}
	b, err := render(r, t, lang)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// render draws the page about a report and its timeline.
func render(r *custodian.Report, t *custodian.Timeline, lang string) ([]byte, error) {
	p := newPage(r, t, lang)
	var out bytes.Buffer
	if err := page.Execute(&out, p); err != nil {
		return nil, err
	}
	p.exhibits(max(minRoom, maxPage-len(tighten(out.Bytes())))) // what the rest of the page leaves
	out.Reset()
	if err := page.Execute(&out, p); err != nil {
		return nil, err
	}
	return tighten(out.Bytes()), nil
}

var page = func() *template.Template {
	t := template.New("page").Funcs(template.FuncMap{
		"css":   func() template.CSS { return template.CSS(style) },
		"plus":  func(a, b int) int { return a + b },
		"minus": func(a, b int) int { return a - b },
		"half":  func(x, w int) int { return x - w/2 },
	})
	for _, source := range []string{iconSource, chartSource, pageSource} {
		template.Must(t.Parse(source))
	}
	return t
}()

// tighten drops the indentation of the templates, and the controls by which a name could turn the
// words around it.
func tighten(b []byte) []byte {
	b = bytes.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, b)
	var out bytes.Buffer
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out.Write(line)
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}
