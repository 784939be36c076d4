package custodian

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"signet.example/signet/custodian/know"
)

// A writer turns the two views of each principal into a report.
type writer struct {
	run    *run
	base   *know.Base
	views  []*view
	limits []Text

	evidence evidence
	reads    []map[int]witness // by principal and message
	forged   []map[int]witness // by principal and probe
	quantum  []map[int]witness
	begun    []map[int]witness // by principal and probe: new sessions
	observed map[int]witness   // by principal: what it saw
	collided [][]witness       // by principal
	notices  noticeEvidence

	once  sync.Once
	atoms map[string]shown
}

func (w *writer) write(digest string) *Report {
	w.witnesses()
	w.noticeWitnesses()
	for _, v := range w.views {
		v.cert = w.evidence.certify(v.p.ID, w.base, v.facts, v.closure)
		v.quantum.cert = w.evidence.certify(v.p.ID+withQuantum, w.base, v.quantum.facts, v.quantum.closure)
	}
	r := &Report{
		Tool:        Tool{Version: Version, Rulebook: "sha256:" + know.RulebookDigest(), Sentences: sentencesDigest()},
		Scenario:    "sha256:" + digest,
		assumptions: assumptions(w.run.sc),
		Injections:  w.injections(),
		Messages:    w.messages(),
		source:      w,
	}
	for i := range w.views {
		r.Verdicts = append(r.Verdicts, w.verdicts(i)...)
	}
	for _, g := range w.run.grants {
		if g.Via == "oracle" {
			t := calls[endNames[sideOfGrant(g.Grant)]]
			w.evidence.addText("log", t.fill("{grant}", g.Name, "{who}", g.To, "{k}", strconv.Itoa(g.calls)))
		}
	}
	facts := w.standings(r.Verdicts)
	r.Headline = facts.headline()
	if r.Notice = w.shownNotice(); r.Notice == nil {
		r.Notice = facts.notice(r.Headline)
	}
	r.Evidence = w.evidence.list
	if r.Evidence == nil {
		r.Evidence = []Evidence{}
	}
	r.limits = slices.Concat(limits, w.run.receivers(), w.run.notes, w.limits)
	r.Limits, r.Assumptions = inEnglish(r.limits), inEnglish(r.assumptions)
	return r
}

// witnesses numbers what happened: readings in the order of messages, then forgeries in that of
// probes.
func (w *writer) witnesses() {
	for range w.views {
		w.reads = append(w.reads, make(map[int]witness))
		w.forged = append(w.forged, make(map[int]witness))
		w.quantum = append(w.quantum, make(map[int]witness))
		w.begun = append(w.begun, make(map[int]witness))
	}
	for _, m := range w.run.messages {
		for i, v := range w.views {
			if x, ok := w.evidence.sawOpening(v.p.ID, v.read[m.number], m); ok && !v.badRead[m.number] {
				w.reads[i][m.number] = x
			}
		}
	}
	for _, p := range w.run.probes {
		for i, v := range w.views {
			if x, ok := w.evidence.sawAcceptance(v.p.ID, v.forged[p.number], p); ok && !v.badForge[p.number] {
				w.forged[i][p.number] = x
			}
		}
	}
	for _, m := range w.run.messages {
		for i, v := range w.views {
			if _, known := w.reads[i][m.number]; known || !v.p.Quantum || v.quantum.badRead[m.number] {
				continue
			}
			if x, ok := w.evidence.sawOpening(v.p.ID+withQuantum, v.quantum.read[m.number], m); ok {
				w.quantum[i][m.number] = x
			}
		}
	}
	for _, p := range w.run.probes {
		for i, v := range w.views {
			if x, ok := w.evidence.sawBeginning(v.p.ID, v.begun[p.number], p); ok && !v.badBegin[p.number] {
				w.begun[i][p.number] = x
			}
		}
	}
	w.observed = make(map[int]witness)
	for i, v := range w.views {
		if x, ok := w.evidence.sawEnvelopes(v.p.ID, v.observe(w.run)); ok {
			w.observed[i] = x
		}
	}
	w.collide()
}

func (w *writer) messages() []MessageReport {
	list := []MessageReport{}
	probes := make(map[int]int)
	for _, p := range w.run.probes {
		if p.message >= 0 {
			probes[p.message] = p.number
		}
	}
	for _, m := range w.run.messages {
		x := MessageReport{
			I: m.number, From: endNames[m.from], Delivered: m.delivered,
			ReadableBy: []string{}, QuantumReadable: []string{}, ForgeableBy: []string{}, Evidence: Exhibits{},
		}
		for i, v := range w.views {
			read, reads := w.reads[i][m.number]
			forgery, forges := w.forged[i][probes[m.number]]
			later, laterReads := w.quantum[i][m.number]
			if reads {
				x.ReadableBy = append(x.ReadableBy, v.p.ID)
			}
			if v.p.Quantum && (reads || laterReads) {
				x.QuantumReadable = append(x.QuantumReadable, v.p.ID)
			}
			if forges {
				x.ForgeableBy = append(x.ForgeableBy, v.p.ID)
			}
			switch {
			case reads:
				x.Evidence = append(x.Evidence, Exhibit{v.p.ID, read.id})
			case forges:
				x.Evidence = append(x.Evidence, Exhibit{v.p.ID, forgery.id})
			case laterReads:
				x.Evidence = append(x.Evidence, Exhibit{v.p.ID, later.id})
			}
		}
		list = append(list, x)
	}
	return list
}

func (w *writer) injections() []InjectionReport {
	list := []InjectionReport{}
	for _, p := range w.run.probes {
		if p.inject == nil {
			continue
		}
		v := w.views[p.inject.by]
		x := InjectionReport{Step: p.inject.step, By: v.p.ID}
		if win, ok := w.forged[p.inject.by][p.number]; ok {
			x.Accepted, x.Evidence = true, win.id
		} else if !v.badForge[p.number] && v.cert.id != "" {
			x.Evidence = v.cert.id
		} else {
			x.Evidence = w.evidence.addText("absence", Text{
				fmt.Sprintf("nothing shows whether %s can be believed at step %d", v.p.ID, p.inject.step),
				fmt.Sprintf("rien ne montre si l'on peut croire %s à l'étape %d", v.p.ID, p.inject.step),
			})
		}
		list = append(list, x)
	}
	return list
}

// A span is what the grants to a principal amount to in time: messages sent from since on and
// before until are under the mandate.
type span struct {
	granted      bool
	since, until int
	at           int     // the event of the first grant
	ended        int     // the event of the last revocation; -1 if a grant was not revoked
	from         [2]bool // the ends that gave it something
}

func (w *writer) spanOf(i int) span {
	s := span{until: len(w.run.messages)}
	for _, g := range w.run.grants {
		if !w.views[i].members[g.to] {
			continue
		}
		until := g.until
		if until < 0 {
			until = len(w.run.messages)
		}
		if !s.granted {
			s.granted, s.since, s.at, s.until, s.ended = true, g.since, g.at, until, g.ended
		}
		s.since, s.until = min(s.since, g.since), max(s.until, until)
		s.from[sideOfGrant(g.Grant)] = true
		if s.ended >= 0 && g.ended >= 0 {
			s.ended = max(s.ended, g.ended)
		} else {
			s.ended = -1
		}
	}
	return s
}

// confidential judges the plaintexts of the messages that are chosen.
func (w *writer) confidential(g guarantee, i int, chosen func(*sent) bool) Verdict {
	v := w.views[i]
	var seen []witness
	var claims []claim
	of, bad := 0, false
	for _, m := range w.run.messages {
		if !chosen(m) {
			continue
		}
		of++
		bad = bad || v.badRead[m.number]
		if x, ok := w.reads[i][m.number]; ok {
			seen = append(seen, x)
		}
		claims = append(claims, claim{know.Plain(m.number), never})
	}
	return judge(g, v, v.cert, seen, claims, len(seen), of, bad)
}

const never = int(^uint(0) >> 1)

// judge is lost with a witness, held with a certificate, and unknown where the two do not agree.
func judge(g guarantee, v *view, c certificate, seen []witness, claims []claim, messages, of int, bad bool) Verdict {
	x := Verdict{g: g, principal: v.p.ID}
	switch {
	case bad:
	case len(seen) > 0:
		x = lost(g, v.p.ID, seen)
	default:
		x = held(g, v.p.ID, c, claims)
	}
	x.messages, x.of = messages, of
	return x
}

// finish gives a verdict its words, and an unknown one the evidence that something is missing.
func (w *writer) finish(v *Verdict) {
	if len(v.evidence) == 0 {
		v.result = Unknown
		v.evidence = []string{w.evidence.addText("absence", Text{
			fmt.Sprintf("the rule book and the adversary do not agree about %s and %s", v.g.id, v.principal),
			fmt.Sprintf("les règles et l'adversaire ne s'accordent pas sur %s et %s", v.g.id, v.principal),
		})}
	}
	v.severity = w.weigh(v)
	v.text = say(v)
	for _, strategy := range w.untriedOf(v) {
		v.text = v.text.then(untried[strategy].EN, untried[strategy].FR)
	}
}
