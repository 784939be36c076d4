package picture

import (
	"slices"
	"strings"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/know"
)

// A document is what the templates draw.
type document struct {
	Lang, Other string
	State       string // the mark of the headline; empty: none
	Headline    string // what happened
	Now         string // what holds at the end; empty where there is nothing to add
	Translated  string // both in the other language
	Shown       string // what the customer's client shows at the end, if it was told anything
	ShownState  string
	Scenario    string
	Tool        custodian.Tool
	Facts       string

	Chart   *chart
	Events  []event
	Parties []party

	Glance  []glance
	Verdict []group

	Rows    []row
	Omitted int // rows

	Evidence []exhibit
	Unlisted []string // ids of evidence that the page has no room for
	Rules    []know.Rule
	Keys     []string

	Assumptions, Limits []string

	sessions []int // for each message, the newest session by then
	report   *custodian.Report
	text     custodian.Text // the headline, with what holds at the end
	time     *custodian.Timeline
}

// A page is to be read, and sent: it is held under 300 KB. Rows and evidence beyond these bounds
// are counted, not shown.
const (
	maxRows = 600
	maxPage = 277_000 // bytes that the evidence may fill
	minRoom = 20_000  // and that it has in any case
)

// A party is a row of what each party can do.
type party struct {
	Name, Role, Same            string
	Sees                        bool
	Reads, Forges, Later, Total int
	Quantum                     bool
}

// A row is a message.
type row struct {
	Number    int
	From      string
	Delivered string
	Read      []cited
	Forged    []string
}

// A cited name has its evidence.
type cited struct{ Name, Evidence string }

func newPage(r *custodian.Report, t *custodian.Timeline, lang string) *document {
	p := &document{Lang: lang, Other: map[string]string{"en": "fr", "fr": "en"}[lang], report: r, time: t, Tool: r.Tool, Scenario: r.Scenario}
	p.headline()
	p.Facts = p.say("summary", len(r.Messages), len(t.Spans), len(t.Principals))
	for _, m := range t.Moments {
		p.sessions = append(p.sessions, max(m.Session, p.latest(len(p.sessions))))
	}
	p.Events = p.events()
	p.parties()
	p.Chart = p.draw()
	p.verdicts()
	p.rows()
	p.Rules = know.Rules
	p.Assumptions, p.Limits = r.AssumptionsIn(lang), r.LimitsIn(lang)
	return p
}

// marks are the signs of headlines, by state. A green one stands for "private" alone; "nothing" has
// none.
var marks = map[string]string{
	"read": "lost", "written": "lost", "unknown": "unknown", "handed-on": "managed", "recorded": "managed", "private": "e2ee",
}

// headline is the report's (custody B4): the page has no rule and no words of its own. What the
// customer's client shows, if statements were published, stands below it.
func (p *document) headline() {
	h := p.report.Headline
	p.State, p.text = marks[h.State], h.History
	p.Headline, p.Translated = h.History.In(p.Lang), h.History.In(p.Other)
	if h.Now != nil {
		p.Now = h.Now.Text.In(p.Lang)
		p.Translated += " " + h.Now.Text.In(p.Other)
		p.text = custodian.Text{EN: p.text.EN + " " + h.Now.Text.EN, FR: p.text.FR + " " + h.Now.Text.FR}
	}
	if n := p.report.Notice; n != nil && n.Shown {
		p.Shown, p.ShownState = n.Text.In(p.Lang), n.State
		if n.State == "e2ee" && h.State != "private" {
			p.ShownState = "none" // a claim of the app: it has no green mark
		}
	}
}

// T is say for the templates.
func (p *document) T(key string, args ...any) string { return p.say(key, args...) }

func (p *document) parties() {
	for _, x := range p.time.Principals {
		y := party{
			Name: x.ID, Role: p.say("role." + string(x.Role)), Same: x.SameAs, Quantum: x.Quantum, Total: len(p.report.Messages),
			Sees: x.Part != nil || x.Sees == "all" || x.Sees == "" && x.Role != custodian.Outsider,
		}
		for i := range p.report.Messages {
			m := &p.report.Messages[i]
			y.Reads += one(slices.Contains(m.ReadableBy, x.ID))
			y.Forges += one(slices.Contains(m.ForgeableBy, x.ID))
			y.Later += one(slices.Contains(m.QuantumReadable, x.ID))
		}
		p.Parties = append(p.Parties, y)
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *document) rows() {
	for i := range p.report.Messages {
		if i == maxRows {
			p.Omitted = len(p.report.Messages) - maxRows
			return
		}
		m := &p.report.Messages[i]
		x := row{Number: m.I, From: p.say("lane." + m.From), Delivered: p.say("yes"), Forged: m.ForgeableBy}
		switch taken := p.time.Moments[i].Taken; {
		case !m.Delivered:
			x.Delivered = p.say("lost-message")
		case taken > i+1 && taken == len(p.report.Messages):
			x.Delivered = p.say("at the end")
		case taken > i+1:
			x.Delivered = p.say("before", taken)
		}
		for _, name := range m.ReadableBy {
			x.Read = append(x.Read, cited{name, evidenceOf(m, name)})
		}
		for _, name := range m.QuantumReadable {
			if !slices.Contains(m.ReadableBy, name) {
				x.Read = append(x.Read, cited{name + ", " + p.say("quantum"), evidenceOf(m, name)})
			}
		}
		p.Rows = append(p.Rows, x)
	}
}

func evidenceOf(m *custodian.MessageReport, name string) string {
	for _, e := range m.Evidence {
		if e.Principal == name {
			return e.Evidence
		}
	}
	return ""
}

// A glance is a guarantee and what each party does to it.
type glance struct {
	ID, Name string
	Cells    []string // results, in the order of the parties; empty: not judged
}

// A group is the verdicts about one party.
type group struct {
	Name, Role string
	Verdicts   []verdict
}

type verdict struct {
	ID, Name, Result, Count, Severity, Text string
	Cites                                   []span
}

// A span is a run of evidence with consecutive numbers.
type span struct{ First, Last string }

// verdicts sorts what the report has by party, and by guarantee. The order is the report's.
func (p *document) verdicts() {
	at := make(map[string]int)
	for _, x := range p.time.Principals {
		at[x.ID] = len(p.Verdict)
		p.Verdict = append(p.Verdict, group{Name: x.ID, Role: p.say("role." + string(x.Role))})
	}
	seen := make(map[string]int)
	for i := range p.report.Verdicts {
		v := &p.report.Verdicts[i]
		if _, known := at[v.Principal()]; !known { // about an end, say
			at[v.Principal()] = len(p.Verdict)
			p.Verdict = append(p.Verdict, group{Name: v.Principal()})
		}
		name := v.Title().In(p.Lang)
		x := verdict{ID: v.ID(), Name: name, Result: v.Result().String(), Text: v.Text().In(p.Lang), Cites: runs(v.Evidence())}
		if v.Of() > 0 {
			x.Count = p.say("of", v.Messages(), v.Of())
		}
		if class := "severity." + v.Severity().Class; words[class] != (custodian.Text{}) {
			x.Severity = p.say(class)
		}
		g := &p.Verdict[at[v.Principal()]]
		g.Verdicts = append(g.Verdicts, x)
		if _, known := seen[v.ID()]; !known {
			seen[v.ID()] = len(p.Glance)
			p.Glance = append(p.Glance, glance{ID: v.ID(), Name: name})
		}
	}
	slices.SortStableFunc(p.Glance, func(a, b glance) int {
		if d := len(a.ID) - len(b.ID); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	for i := range p.Glance {
		for _, g := range p.Verdict {
			p.Glance[i].Cells = append(p.Glance[i].Cells, resultIn(g.Verdicts, p.Glance[i].ID))
		}
	}
}

// resultIn is the worst of what is said about a guarantee.
func resultIn(list []verdict, id string) (worst string) {
	rank := []string{"", "held", "conditional", "unknown", "lost"}
	for _, v := range list {
		if v.ID == id && slices.Index(rank, v.Result) > slices.Index(rank, worst) {
			worst = v.Result
		}
	}
	return worst
}

// runs joins consecutive ids.
func runs(ids []string) (list []span) {
	for _, id := range ids {
		if n := len(list); n > 0 && follows(list[n-1].Last, id) {
			list[n-1].Last = id
			continue
		}
		list = append(list, span{id, id})
	}
	return list
}

// follows reports whether b is a's number plus one, and of its kind.
func follows(a, b string) bool {
	i := strings.LastIndexByte(a, '-') + 1
	if i == 0 || len(a) != len(b) || a[:i] != b[:i] {
		return false
	}
	carry := true
	next := []byte(a)
	for j := len(next) - 1; j >= i && carry; j-- {
		if carry = next[j] == '9'; carry {
			next[j] = '0'
		} else {
			next[j]++
		}
	}
	return !carry && string(next) == b
}

// Kind is a kind of evidence in words, or as the report has it.
func (p *document) Kind(kind string) string {
	if _, known := words[kind]; known {
		return p.say(kind)
	}
	return kind
}

// AnyQuantum reports whether a party will have a quantum computer.
func (p *document) AnyQuantum() bool {
	return slices.ContainsFunc(p.Parties, func(x party) bool { return x.Quantum })
}

// ShortList reports whether the table of messages is short enough to be open.
func (p *document) ShortList() bool { return len(p.Rows) <= 40 }

// Legend is the keys of what the picture has.
func (p *document) Legend() (list []string) {
	kinds := make(map[string]bool)
	for _, r := range p.Chart.Ribbons {
		kinds[r.Kind] = true
	}
	for _, b := range p.Chart.Bars {
		kinds["up"], kinds["down"] = kinds["up"] || b.Up, kinds["down"] || b.Down
		kinds["lost"] = kinds["lost"] || b.Lost
		kinds["turn"] = true
	}
	kinds["band"], kinds["mark"] = len(p.Chart.Bands) > 0, len(p.Chart.Chips) > 0
	kinds["pq"] = p.Chart.PQ > 0
	for _, k := range []string{"down", "up", "lost", "turn", "read", "quantum", "safe", "disputed", "forge", "band", "mark", "pq"} {
		if kinds[k] {
			list = append(list, k)
		}
	}
	return list
}

// FlagKinds is the kinds of flags in the picture.
func (p *document) FlagKinds() (list []string) {
	for _, f := range p.Chart.Flags {
		if !slices.Contains(list, f.Kind) {
			list = append(list, f.Kind)
		}
	}
	return list
}
