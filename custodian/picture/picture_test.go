package picture

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
)

func shipped(t *testing.T) (names []string) {
	paths, err := filepath.Glob("../../examples/scenarios/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, p := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(p), ".json"))
	}
	return names
}

func read(t *testing.T, name string) *custodian.Scenario {
	b, err := os.ReadFile("../../examples/scenarios/" + name + ".json")
	require.NoError(t, err)
	sc, err := custodian.ParseScenario(b)
	require.NoError(t, err)
	return sc
}

func evaluate(t *testing.T, sc *custodian.Scenario) *custodian.Report {
	r, err := custodian.Evaluate(context.Background(), sc, nil)
	require.NoError(t, err)
	return r
}

func draw(t *testing.T, sc *custodian.Scenario, lang string) string {
	var out bytes.Buffer
	require.NoError(t, Write(&out, evaluate(t, sc), &Options{Language: lang}))
	return out.String()
}

// crowded is a long conversation with many hand-overs and steps, and long names.
func crowded(messages int) *custodian.Scenario {
	sc := &custodian.Scenario{Protocol: 4, Seed: 5, Principals: []custodian.Principal{
		{ID: "host", Role: custodian.Provider},
		{ID: "Line_of-the-Platform", Role: custodian.Operator, Quantum: true},
		{ID: strings.Repeat("WM-", 21), Role: custodian.Outsider, Sees: "all", Quantum: true},
		{ID: "sister", Role: custodian.Provider, SameAs: "host"},
		{ID: "x", Role: custodian.Outsider},
	}}
	add := func(s custodian.Step) { sc.Script = append(sc.Script, s) }
	sides := [...]string{custodian.Customer, custodian.Business}
	grants := []custodian.Grant{
		{Name: "javascript", To: sc.Principals[0].ID, Atoms: []string{"everything"}, Via: "stream"},
		{Name: strings.Repeat("long-", 12), To: sc.Principals[3].ID, Atoms: []string{"session-ec", "skipped"}, Via: "copy"},
		{Name: "quota", To: sc.Principals[2].ID, Via: "quota", Count: 3},
		{Name: "oracle", To: sc.Principals[4].ID, Atoms: []string{"identity"}, Via: "oracle"},
		{Name: "of-the-customer", From: custodian.Customer, To: sc.Principals[4].ID, Atoms: []string{"session"}, Via: "copy"},
		{Name: "texts", To: sc.Principals[4].ID, Atoms: []string{"plaintext"}, Via: "stream"},
	}
	for i := range messages {
		switch {
		case i > 1 && i%5 == 2 && i/5 < len(grants):
			add(custodian.Step{Grant: &grants[i/5]})
		case i == messages/2:
			add(custodian.Step{Revoke: grants[0].Name})
			add(custodian.Step{Rotate: "identity"})
			add(custodian.Step{Barrier: true})
		case i%17 == 3:
			add(custodian.Step{Inject: &custodian.Inject{By: sc.Principals[i%5].ID, As: sides[i%2], To: sides[1-i%2], Text: "<script>alert(4)</script>"}})
		}
		add(custodian.Step{Send: &custodian.Send{From: sides[i%7%2], Text: "<script>alert(5)</script>", Hold: i%11 == 5}})
		if i%22 == 10 {
			add(custodian.Step{Deliver: []int{i - 5}})
		}
	}
	return sc
}

// hostile is the page about a crowded conversation whose names are meant to do harm. No scenario
// may have such names; the page does not rely on it.
func hostile(t *testing.T, lang string) string {
	sc := crowded(40)
	r := evaluate(t, sc)
	time := r.Timeline()
	names := map[string]string{
		"host": `<script>alert(1)</script>`, "Line_of-the-Platform": `"><img src=x onerror=alert(2)>`, strings.Repeat("WM-", 21): strings.Repeat("WMÄ", 12),
		"sister": `</title></style></svg>{{.}}`, "x": "بائع \u202eelpoep\u202c 漢字漢字漢字",
	}
	for i := range time.Principals {
		x := &time.Principals[i]
		x.ID, x.SameAs = names[x.ID], names[x.SameAs]
	}
	for i := range time.Spans {
		g := &time.Spans[i].Grant
		g.To, g.Name = names[g.To], `javascript:alert(3)<b>`
	}
	for i := range r.Messages {
		for _, list := range [][]string{r.Messages[i].ReadableBy, r.Messages[i].ForgeableBy, r.Messages[i].QuantumReadable} {
			for k := range list {
				list[k] = names[list[k]]
			}
		}
	}
	for _, x := range []*string{&r.Headline.History.EN, &r.Headline.History.FR, &r.Headline.Now.Text.EN, &r.Headline.Now.Text.FR} {
		*x = strings.ReplaceAll(*x, "host", names["host"])
	}
	page, err := render(r, time, lang)
	require.NoError(t, err)
	require.Contains(t, string(page), "&lt;script&gt;alert(1)")
	return string(page)
}

// TestDeterministic: the same scenario is the same page, byte for byte.
func TestDeterministic(t *testing.T) {
	require.Equal(t, draw(t, read(t, "picture"), "en"), draw(t, read(t, "picture"), "en"))
}

func TestArguments(t *testing.T) {
	var out bytes.Buffer
	require.ErrorIs(t, Write(&out, new(custodian.Report), nil), errReport)
	require.ErrorIs(t, Write(&out, new(custodian.Report), &Options{Language: "de"}), errLanguage)
	require.Zero(t, out.Len())
	require.NoError(t, Write(&out, evaluate(t, read(t, "self")), nil))
	require.Contains(t, out.String(), `<html lang="en">`)
}

var (
	tag     = regexp.MustCompile(`<[^>]*>`)
	opened  = regexp.MustCompile(`(?i)<(script|img|iframe|object|embed|link|base|form|input|foreignobject|image|animate|set)\b`)
	handler = regexp.MustCompile(`(?i)\son[a-z]+\s*=`)
)

// TestNothingActive: a page runs nothing and fetches nothing, whatever its names say.
func TestNothingActive(t *testing.T) {
	pages := []string{hostile(t, "en"), hostile(t, "fr")}
	for _, name := range shipped(t) {
		pages = append(pages, draw(t, read(t, name), "en"))
	}
	for _, page := range pages {
		require.Empty(t, opened.FindString(page))
		for _, x := range tag.FindAllString(page, -1) {
			require.Empty(t, handler.FindString(x), x)
			for _, word := range []string{"src=", "javascript:", "http:", "https:", "//"} {
				if strings.Contains(x, word) && !strings.Contains(x, `aria-label=`) {
					t.Errorf("%s in %s", word, x)
				}
			}
		}
		for _, word := range []string{"@import", "url(http", "url(//", "url(\"", "expression(", "alert(4)", "alert(5)"} {
			require.NotContains(t, page, word)
		}
		require.Equal(t, 1, strings.Count(page, "<title>"+words["report"].EN)+strings.Count(page, "<title>"+words["report"].FR))
		require.Equal(t, 1, strings.Count(page, "</style>"))
		require.False(t, strings.ContainsAny(page, "\u202c\u202e"), "names do not turn the words around them")
	}
}

// TestAnchors: every reference has one thing that it refers to.
func TestAnchors(t *testing.T) {
	for _, page := range []string{draw(t, crowded(60), "en"), draw(t, read(t, "picture"), "fr")} {
		ids := make(map[string]int)
		for _, m := range regexp.MustCompile(`\sid="?([^" >]*)`).FindAllStringSubmatch(page, -1) {
			ids[m[1]]++
			require.Equal(t, 1, ids[m[1]], m[1])
		}
		refs := regexp.MustCompile(`(?:href="?#|url\(#)([^")>]*)`).FindAllStringSubmatch(page, -1)
		require.NotEmpty(t, refs)
		for _, m := range refs {
			require.Equal(t, 1, ids[m[1]], m[1])
		}
	}
}

// TestHeadline: the report's headline is there in both languages, what happened before what holds
// now, in words and in the description of the picture.
func TestHeadline(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		for _, name := range []string{"hosted", "handover", "archive"} {
			sc := read(t, name)
			h := evaluate(t, sc).Headline
			page := strings.ReplaceAll(draw(t, sc, lang), "&#39;", "'")
			require.Contains(t, page, "<h1>"+h.History.In(lang)+"</h1>\n<p class=\"now\">"+h.Now.Text.In(lang)+"</p>", name)
			other := map[string]string{"en": "fr", "fr": "en"}[lang]
			require.Contains(t, page, ">"+h.History.In(other)+" "+h.Now.Text.In(other)+"</p>", name)
			require.Contains(t, page, `<desc id="chart-desc">`+h.History.EN+" "+h.Now.Text.EN+" "+h.History.FR+" "+h.Now.Text.FR+"</desc>", name)
		}
	}
}

// TestHeadlineMark: the green mark stands for "private" alone, what the customer's app shows stands
// below the headline, and its claim of "encrypted" has no mark where the headline is another.
func TestHeadlineMark(t *testing.T) {
	r := evaluate(t, read(t, "picture"))
	require.Equal(t, "e2ee", r.Notice.State)
	require.Equal(t, "read", r.Headline.State)
	page := draw(t, read(t, "picture"), "en")
	require.Contains(t, page, "<h1>acme-cloud could read 6 of 15 messages")
	require.Contains(t, page, "<q>"+r.Notice.Text.EN+"</q>")
	require.Contains(t, page, `<use href="#f-none"/></svg><span>`)
	const green = `<svg class="state f-e2ee"`
	require.NotContains(t, page, green)
	for name, marked := range map[string]bool{"self": true, "hosted": false, "archive": false, "quota": false} {
		page := draw(t, read(t, name), "en")
		require.NotContains(t, page, "<q>", name)
		require.Equal(t, marked, strings.Contains(page, green), name)
	}
	empty := &custodian.Scenario{Protocol: 4, Principals: []custodian.Principal{{ID: "p", Role: custodian.Provider}}}
	page = draw(t, empty, "en")
	require.Contains(t, page, "<h1>Nothing to judge: no message was sent.</h1>")
	require.NotContains(t, page, `class="state`)
}

// TestFrench: a page in French has none of the English words of the page, of the verdicts, of the
// evidence; what has no French is marked as English.
func TestFrench(t *testing.T) {
	require.NotEmpty(t, words)
	for _, list := range []map[string]custodian.Text{words, sentences} {
		for key, x := range list {
			require.NotEmpty(t, x.EN, key)
			require.NotEmpty(t, x.FR, key)
			require.Equal(t, strings.Count(x.EN, "%"), strings.Count(x.FR, "%"), key)
		}
	}
	english := regexp.MustCompile(`(?s)<(\w+)[^>]*\slang="en"[^>]*>.*?</(?:p|li|td)>`)
	for _, name := range shipped(t) {
		sc := read(t, name)
		r := evaluate(t, sc)
		page := english.ReplaceAllString(strings.ReplaceAll(draw(t, sc, "fr"), "&#39;", "'"), "")
		page = regexp.MustCompile(`(?s)<style>.*</style>|<desc.*?</desc>`).ReplaceAllString(page, "")
		var texts []string
		for _, x := range words {
			if x.EN != x.FR {
				texts = append(texts, ">"+x.EN+"<")
			}
		}
		for i := range r.Verdicts {
			texts = append(texts, r.Verdicts[i].Title().EN, r.Verdicts[i].Text().EN)
		}
		for _, e := range r.Evidence {
			texts = append(texts, e.Claim)
		}
		for _, x := range texts {
			require.False(t, strings.Contains(page, x), "%s: %s", name, x)
		}
		for _, word := range []string{" the ", " message of ", " reads ", " and ", ">held<", ">lost<", ">low<", ">high<"} {
			at := strings.Index(page, word)
			require.Less(t, at, 0, "%s: %s", name, page[max(0, at-60):min(len(page), max(0, at)+60)])
		}
	}
}

// TestSize: a page about 200 messages is under 300 KB, though a host reads and forges all of them.
func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates a long conversation")
	}
	sc := read(t, "hosted")
	sc.Script = append(sc.Script[:1:1], custodian.Step{Send: &custodian.Send{From: custodian.Customer}})
	for range 99 {
		sc.Script = append(sc.Script, custodian.Step{Send: &custodian.Send{From: custodian.Business}}, custodian.Step{Send: &custodian.Send{From: custodian.Customer}})
	}
	sc.Script = append(sc.Script, custodian.Step{Send: &custodian.Send{From: custodian.Business}})
	page := draw(t, sc, "fr")
	require.Equal(t, 200, strings.Count(page, `<tr><th scope="row">`)-strings.Count(page, "<code>R")-strings.Count(page, "<tr><th scope=\"row\"><b>")-len(sc.Principals)-ruleRows(page))
	require.Less(t, len(page), 300_000)
	t.Logf("%d bytes", len(page))
	require.Less(t, len(draw(t, crowded(200), "en")), 300_000)
}

func ruleRows(page string) int { return strings.Count(page, `<td lang="en"><code>`) }

// TestUnfolded: what a line of a derivation rests on stands above it, or in the witness that it
// names.
func TestUnfolded(t *testing.T) {
	for _, name := range append(shipped(t), "") {
		sc := crowded(50)
		if name != "" {
			sc = read(t, name)
		}
		r := evaluate(t, sc)
		p := newPage(r, r.Timeline(), "en")
		given := make(map[string]map[string]bool) // by witness, the atoms that it gives
		count := 0
		for _, x := range p.Evidence {
			require.Equal(t, r.Derivation(x.ID) != nil, len(x.Steps) > 0, x.ID)
			known := make(map[string]bool)
			given[x.ID] = known
			for _, l := range x.Steps {
				for _, piece := range l.Right {
					head, body, rule := strings.Cut(piece.Text, " ⇐ ")
					if piece.Witness != "" {
						shown := head
						if rule { // one premise, and the witness that shows it
							shown = body
						}
						require.True(t, given[piece.Witness][shown], "%s: %s is not in %s", x.ID, shown, piece.Witness)
						known[shown] = true
					}
					for _, premise := range strings.Split(body, ", ") {
						require.True(t, !rule || premise == "" || known[premise], "%s: %s rests on %s", x.ID, head, premise)
					}
					known[head] = true
					count++
				}
			}
		}
		lost := false
		for i := range r.Verdicts {
			lost = lost || r.Verdicts[i].Result() == custodian.Lost
		}
		require.True(t, lost || count == 0, name)
	}
}

// TestRuns joins numbers that follow each other.
func TestRuns(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"", "[]"},
		{"w-0001", "[{w-0001 w-0001}]"},
		{"w-0008 w-0009 w-0010 w-0012 c-0013", "[{w-0008 w-0010} {w-0012 w-0012} {c-0013 c-0013}]"},
		{"w-0999 w-1000 w-9999 w-10000", "[{w-0999 w-1000} {w-9999 w-9999} {w-10000 w-10000}]"},
		{"odd even", "[{odd odd} {even even}]"},
	} {
		require.Equal(t, c.out, fmt.Sprint(runs(strings.Fields(c.in))))
	}
}

// TestFit: what is cut fits, and what fits is not cut.
func TestFit(t *testing.T) {
	for _, s := range []string{"", "a", "acme-cloud", strings.Repeat("W", 100), "漢字漢字漢字漢字漢字漢字", "two\nlines\x00", "\u202eback"} {
		got := fit(s, 12, 110)
		require.LessOrEqual(t, textWidth(got, 12), 110)
		require.NotContains(t, got, "\n")
		require.NotContains(t, got, "\u202e")
	}
	require.Equal(t, "acme-cloud", fit("acme-cloud", 12, 110))
}
