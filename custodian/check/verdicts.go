package check

import "slices"

// checkReport derives everything that the report says anew, and refuses any difference. Of the
// sentences, those of the headline and of a computed notice are made again; those of verdicts are
// not checked.
func (v *verifier) checkReport() error {
	if err := v.checkEvidence(); err != nil {
		return err
	}
	if len(v.report.Messages) != len(v.messages) {
		return refuse("the report speaks about %d messages, the transcript about %d", len(v.report.Messages), len(v.messages))
	}
	for i := range v.messages {
		if err := v.messageReport(i); err != nil {
			return err
		}
	}
	if err := v.checkInjections(); err != nil {
		return err
	}
	rest := v.report.Verdicts
	for i := range v.views {
		for _, want := range v.verdicts(i) {
			want.Severity = v.weigh(&want)
			if len(rest) == 0 || !v.equal(&rest[0], &want) {
				return refuse("verdict %s on %q does not follow", want.ID, want.Principal)
			}
			rest = rest[1:]
			v.judged = append(v.judged, Judged{want.Principal, want.ID, want.Name, want.Verdict, want.Messages, want.Of})
		}
	}
	if len(rest) > 0 {
		return refuse("the report has a verdict too many")
	}
	if err := v.checkSentences(); err != nil {
		return err
	}
	return v.checkHeadline()
}

// checkEvidence: what is called a witness or a certificate is in the bundle.
func (v *verifier) checkEvidence() error {
	count := make(map[string]int)
	ids := make(map[string]bool)
	for _, e := range v.report.Evidence {
		if !isID(e.ID) || ids[e.ID] {
			return refuse("%q is no id of evidence, or in the report twice", e.ID)
		}
		if !slices.Contains([]string{"witness", "certificate", "statement", "absence", "log"}, e.Kind) {
			return refuse("%s is evidence of an unknown kind", e.ID)
		}
		ids[e.ID] = true
		count[e.Kind]++
	}
	if count["witness"] != v.witnesses() || count["statement"] != len(v.notices.stated) || count["certificate"] != len(v.evidence.Certificates) {
		return refuse("the report counts evidence that the bundle does not have")
	}
	return nil
}

func (v *verifier) witnesses() int {
	e := &v.evidence
	return len(e.Readings) + len(e.Forgeries) + len(e.Sessions) + len(e.Observations) + len(e.Collisions) +
		len(e.Notices) + len(e.Contradictions)
}

// readsMessage reports whether a principal reads a message, by what follows from what it learnt.
// What follows must have been done: there is a witness.
func (v *verifier) readsMessage(i, m int, quantum bool) bool {
	c := v.views[i].closure[0]
	if quantum {
		c = v.views[i].closure[1]
	}
	return v.has(c, ofMessage("plaintext", m), never)
}

func (v *verifier) forges(i int, p *event) bool {
	x := v.views[i]
	return x.reaches && v.has(x.closure[0], ofMessage("forge", p.Number), p.At) &&
		(p.Injection == nil || v.principal(p.Injection.By) == i)
}

func (v *verifier) messageReport(n int) error {
	m, r := v.messages[n], &v.report.Messages[n]
	var want messageReport
	probe := v.asked[n]
	for i, p := range v.text.Principals {
		read, later := v.reads[where{i, n, false}], v.reads[where{i, n, true}]
		forged := v.forgeries[where{principal: i, number: probe.Number}]
		reads := v.readsMessage(i, n, false)
		quantum := p.Quantum && v.readsMessage(i, n, true)
		if reads != (read != nil) || (quantum && !reads) != (later != nil) || v.forges(i, probe) != (forged != nil) {
			return refuse("what follows for %q and message %d, and what it did, are not the same", p.ID, n)
		}
		if reads {
			want.ReadableBy = append(want.ReadableBy, p.ID)
		}
		if quantum {
			want.QuantumReadable = append(want.QuantumReadable, p.ID)
		}
		if forged != nil {
			want.ForgeableBy = append(want.ForgeableBy, p.ID)
		}
		switch {
		case reads:
			want.Evidence = append(want.Evidence, exhibit{p.ID, read.ID})
		case forged != nil:
			want.Evidence = append(want.Evidence, exhibit{p.ID, forged.ID})
		case later != nil:
			want.Evidence = append(want.Evidence, exhibit{p.ID, later.ID})
		}
	}
	same := slices.Equal(want.Evidence, r.Evidence) && r.I == n && r.From == m.From && r.Delivered == m.Delivered &&
		slices.Equal(r.ReadableBy, want.ReadableBy) && slices.Equal(r.QuantumReadable, want.QuantumReadable) &&
		slices.Equal(r.ForgeableBy, want.ForgeableBy)
	if !same {
		return refuse("what the report says of message %d does not follow", n)
	}
	return nil
}

func (v *verifier) checkInjections() error {
	rest := v.report.Injections
	for _, p := range v.probes {
		for i := range v.views {
			if p.Message < 0 && v.forges(i, p) != (v.forgeries[where{principal: i, number: p.Number}] != nil) {
				return refuse("what follows at event %d, and what was done, are not the same", p.At)
			}
		}
		if p.Injection == nil {
			continue
		}
		by := v.principal(p.Injection.By)
		f, id := v.forgeries[where{principal: by, number: p.Number}], v.views[by].cert[0]
		if f != nil {
			id = f.ID
		}
		if len(rest) == 0 || rest[0].Step != p.Injection.Step || rest[0].By != p.Injection.By || rest[0].Accepted != (f != nil) || rest[0].Evidence != id {
			return refuse("what the report says of step %d does not follow", p.Injection.Step)
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return refuse("the report has an injection too many")
	}
	return nil
}

// equal compares a verdict with the one that follows. A verdict that is unknown cites that
// something is absent.
func (v *verifier) equal(got, want *verdict) bool {
	same := got.ID == want.ID && got.Name == want.Name && got.Principal == want.Principal && got.Verdict == want.Verdict &&
		got.Messages == want.Messages && got.Of == want.Of && got.Text == v.sentenceOf(want) && got.Severity == want.Severity && slices.Equal(got.Tried, tried(got.ID)) &&
		(got.Metadata == nil) == (want.Metadata == nil) && (got.Metadata == nil || *got.Metadata == *want.Metadata) && (got.Healing == nil) == (want.Healing == nil)
	if !same || got.Healing != nil && (!equalInt(got.Healing.Classical, want.Healing.Classical) || !equalInt(got.Healing.Quantum, want.Healing.Quantum)) {
		return false
	}
	if want.Verdict != "unknown" {
		return slices.Equal(got.Evidence, want.Evidence)
	}
	return len(got.Evidence) == 1 && slices.ContainsFunc(v.report.Evidence, func(e struct {
		ID    string `json:"id"`
		Kind  string `json:"kind"`
		Claim string `json:"claim"`
	}) bool {
		return e.ID == got.Evidence[0] && e.Kind == "absence" && e.Claim == v.absence(want)
	})
}

// tried are the strategies that a verdict on forging speaks of.
func tried(id string) []string {
	switch id {
	case "G6", "G7", "G8", "G16":
		return []string{"S1", "S2", "S3", "S4", "S7", "S11"}
	case "G9":
		return []string{"S3", "S4"}
	}
	return nil
}

func equalInt(a, b *int) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// A span is the time of the grants to a principal, in messages; at is the event of the first.
type span struct {
	granted          bool
	since, until, at int
	ended            int     // the event of the last revocation; -1 if a grant was not revoked
	from             [2]bool // the ends that gave it something
}

func (v *verifier) span(i int) span {
	s := span{until: len(v.messages)}
	for _, g := range v.text.Grants {
		if !v.views[i].members[v.principal(g.To)] {
			continue
		}
		if !s.granted {
			s = span{granted: true, since: g.Since, until: g.Until, at: g.At, ended: g.Ended}
		}
		s.since, s.until = min(s.since, g.Since), max(s.until, g.Until)
		s.from[side(g.From)] = true
		if s.ended >= 0 && g.Ended >= 0 {
			s.ended = max(s.ended, g.Ended)
		} else {
			s.ended = -1
		}
	}
	return s
}

// A family judges one guarantee for principal i, whose grants span s. It returns false where the
// report has no such verdict.
type family func(v *verifier, i int, s span) (verdict, bool)

// families are the guarantees, in the order of a report.
var families = []family{
	(*verifier).past,           // G1
	(*verifier).present,        // G2
	(*verifier).future,         // G3
	(*verifier).forwardSecrecy, // G4
	(*verifier).healing,        // G5
	(*verifier).toCustomer,     // G6
	(*verifier).toBusiness,     // G7
	(*verifier).late,           // G8
	(*verifier).impersonates,   // G9
	(*verifier).deniability,    // G10
	(*verifier).repudiation,    // G11
	(*verifier).postQuantum,    // G12
	(*verifier).metadata,       // G13
	(*verifier).honesty,        // G14
	(*verifier).consent,        // G15
	(*verifier).scope,          // G16
	(*verifier).record,         // G17
}

// verdicts judges every guarantee for a principal.
func (v *verifier) verdicts(i int) (list []verdict) {
	s := v.span(i)
	for _, judge := range families {
		if x, ok := judge(v, i, s); ok {
			list = append(list, x)
		}
	}
	return list
}

// conclude is lost with witnesses, and held without: that what would be needed is not in the
// certificate is what messageReport and checkInjections have established.
func (v *verifier) conclude(i int, id, name string, seen []string, cert string, messages, of int) verdict {
	x := verdict{ID: id, Name: name, Principal: v.text.Principals[i].ID, Verdict: "held", Messages: messages, Of: of, Evidence: []string{cert}}
	if len(seen) > 0 {
		x.Verdict, x.Evidence = "lost", seen
	}
	return x
}

func (v *verifier) past(i int, s span) (verdict, bool) {
	return v.confidential(i, "G1", "confidentiality before the mandate", 0, s.since), true
}

func (v *verifier) present(i int, s span) (verdict, bool) {
	x := v.confidential(i, "G2", "confidentiality while managed", s.since, s.until)
	if s.granted {
		x.Healing = v.clocks(i, s)
	}
	return x, true
}

func (v *verifier) future(i int, s span) (verdict, bool) {
	return v.confidential(i, "G3", "confidentiality after the mandate", s.until, len(v.messages)), true
}

func (v *verifier) confidential(i int, id, name string, from, to int) verdict {
	var seen []string
	of := 0
	for n := range v.messages {
		if n < from || n >= to {
			continue
		}
		of++
		if r := v.reads[where{i, n, false}]; r != nil {
			seen = append(seen, r.ID)
		}
	}
	return v.conclude(i, id, name, seen, v.views[i].cert[0], len(seen), of)
}

func (v *verifier) forwardSecrecy(i int, s span) (verdict, bool) {
	var seen []string
	of := 0
	for n, m := range v.messages {
		if !s.granted || !m.Delivered || m.DeliveredAt > s.at {
			continue
		}
		of++
		if r := v.reads[where{i, n, false}]; r != nil && r.Keys != nil {
			seen = append(seen, r.ID)
		}
	}
	return v.conclude(i, "G4", "forward secrecy", seen, v.views[i].cert[0], len(seen), of), true
}

func (v *verifier) healing(i int, s span) (verdict, bool) {
	const id, name = "G5", "healing"
	n := len(v.messages)
	if n == s.since && s.granted {
		return verdict{ID: id, Name: name, Principal: v.text.Principals[i].ID, Verdict: "unknown", Healing: v.clocks(i, s)}, true
	}
	var seen []string
	for m := s.since; m < n; m++ {
		if r := v.reads[where{i, m, false}]; r != nil {
			seen = append(seen, r.ID)
		}
	}
	count := len(seen)
	if n > 0 && v.reads[where{i, n - 1, false}] != nil {
		seen = seen[count-1:]
	} else {
		seen = nil
	}
	x := v.conclude(i, id, name, seen, v.views[i].cert[0], count, n-s.since)
	if s.granted {
		x.Healing = v.clocks(i, s)
	}
	return x, true
}

// clocks counts messages from the grant until nothing is readable any more.
func (v *verifier) clocks(i int, s span) *healing {
	clock := func(quantum bool) *int {
		n, last := len(v.messages), s.since-1
		for m := s.since; m < n; m++ {
			if v.readsMessage(i, m, quantum) {
				last = m
			}
		}
		if last == n-1 {
			return nil
		}
		count := last + 1 - s.since
		return &count
	}
	return &healing{clock(false), clock(true)}
}

func (v *verifier) toCustomer(i int, _ span) (verdict, bool) {
	return v.authentic(i, "G6", "authenticity to the customer", ends[0]), true
}

func (v *verifier) toBusiness(i int, _ span) (verdict, bool) {
	return v.authentic(i, "G7", "authenticity to the business", ends[1]), true
}

func (v *verifier) authentic(i int, id, name, to string) verdict {
	var seen []string
	messages, of := 0, 0
	for _, p := range v.probes {
		if p.To != to || p.Injection != nil && v.principal(p.Injection.By) != i {
			continue
		}
		if p.Message >= 0 {
			of++
		}
		if f := v.forgeries[where{principal: i, number: p.Number}]; f != nil {
			seen = append(seen, f.ID)
			if p.Message >= 0 {
				messages++
			}
		}
	}
	return v.conclude(i, id, name, seen, v.views[i].cert[0], messages, of)
}

func (v *verifier) postQuantum(i int, _ span) (verdict, bool) {
	if !v.text.Principals[i].Quantum {
		return verdict{}, false
	}
	var seen []string
	for n := range v.messages {
		if r := v.reads[where{i, n, false}]; r != nil {
			seen = append(seen, r.ID)
		} else if r := v.reads[where{i, n, true}]; r != nil {
			seen = append(seen, r.ID)
		}
	}
	return v.conclude(i, "G12", "post-quantum confidentiality", seen, v.views[i].cert[1], len(seen), len(v.messages)), true
}
