package custodian

import (
	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
)

// Verdicts on who reads and who writes: G1 to G7 and G12.

// past, present and future judge the messages sent before, under and after the mandate.
func (w *writer) past(i int, s span) (Verdict, bool) {
	return w.confidential(g1, i, func(m *sent) bool { return m.number < s.since }), true
}

func (w *writer) present(i int, s span) (Verdict, bool) {
	v := w.confidential(g2, i, func(m *sent) bool { return m.number >= s.since && m.number < s.until })
	if s.granted {
		v.healing = w.healingOf(i, s)
	}
	return v, true
}

func (w *writer) future(i int, s span) (Verdict, bool) {
	return w.confidential(g3, i, func(m *sent) bool { return m.number >= s.until }), true
}

// forwardSecrecy asks whether what was handed over opens a message that both ends were done with
// before. A text that was kept and given is no matter of keys.
func (w *writer) forwardSecrecy(i int, s span) (Verdict, bool) {
	v := w.views[i]
	var seen []witness
	var claims []claim
	of, bad := 0, false
	for _, m := range w.run.messages {
		if !s.granted || !m.delivered || m.deliveredAt > s.at {
			continue
		}
		of++
		bad = bad || v.badRead[m.number]
		if x, ok := w.reads[i][m.number]; ok && !v.read[m.number].Copied() {
			seen = append(seen, x)
		}
		claims = append(claims, claim{know.Opened(m.number), never})
	}
	return judge(g4, v, v.cert, seen, claims, len(seen), of, bad), true
}

// healing asks whether there is a message from which on everything is unreadable.
func (w *writer) healing(i int, s span) (Verdict, bool) {
	v := w.views[i]
	n := len(w.run.messages)
	of, bad := 0, false
	last := s.since - 1
	for _, m := range w.run.messages {
		if m.number < s.since {
			continue
		}
		of++
		bad = bad || v.badRead[m.number]
		if _, ok := w.reads[i][m.number]; ok {
			last = m.number
		}
	}
	count := 0
	for m := s.since; m <= last; m++ {
		if _, ok := w.reads[i][m]; ok {
			count++
		}
	}
	var x Verdict
	switch {
	case n == s.since && s.granted: // no message came after the grant: nothing to see either way
		x = Verdict{g: g5, principal: v.p.ID, evidence: []string{w.evidence.addText("absence", absences["G5"].fill("{who}", v.p.ID))}}
	case last == n-1 && last >= s.since:
		x = judge(g5, v, v.cert, []witness{w.reads[i][last]}, nil, count, of, bad)
	default:
		var claims []claim
		for m := last + 1; m < n; m++ {
			claims = append(claims, claim{know.Plain(m), never})
		}
		x = judge(g5, v, v.cert, nil, claims, count, of, bad)
	}
	if s.granted {
		x.healing = w.healingOf(i, s)
	}
	return x, true
}

// healingOf counts messages until everything is unreadable, by both clocks.
func (w *writer) healingOf(i int, s span) *Healing {
	v := w.views[i]
	clock := func(v *view) *int {
		n, last := len(w.run.messages), s.since-1
		for _, m := range w.run.messages[s.since:] {
			if v.badRead[m.number] {
				return nil
			}
			if o := v.read[m.number]; o != nil && string(o.Text()) == string(m.text) {
				last = m.number
			}
		}
		if last == n-1 {
			return nil
		}
		count := last + 1 - s.since
		return &count
	}
	return &Healing{Classical: clock(v), Quantum: clock(v.quantum)}
}

func (w *writer) toCustomer(i int, _ span) (Verdict, bool) {
	return w.authentic(g6, i, attack.Customer), true
}

func (w *writer) toBusiness(i int, _ span) (Verdict, bool) {
	return w.authentic(g7, i, attack.Business), true
}

// authentic asks whether the principal can make an end believe that the other wrote something.
func (w *writer) authentic(g guarantee, i int, to attack.Side) Verdict {
	v := w.views[i]
	var seen []witness
	var claims []claim
	messages, of, bad := 0, 0, false
	for _, p := range w.run.probes {
		if p.to != to || p.inject != nil && p.inject.by != i {
			continue
		}
		if p.message >= 0 {
			of++
		}
		bad = bad || v.badForge[p.number]
		if x, ok := w.forged[i][p.number]; ok {
			seen = append(seen, x)
			if p.message >= 0 {
				messages++
			}
		}
		claims = append(claims, claim{know.Forge(p.number), p.at})
	}
	if !v.reaches {
		claims = nil // who cannot put a message before a receiver need not be refused
	}
	return judge(g, v, v.cert, seen, claims, messages, of, bad)
}

// postQuantum judges what was recorded today and can be read later, by those who are quantum.
func (w *writer) postQuantum(i int, _ span) (Verdict, bool) {
	v, q := w.views[i], w.views[i].quantum
	if !v.p.Quantum {
		return Verdict{}, false
	}
	var seen []witness
	var claims []claim
	bad := false
	for _, m := range w.run.messages {
		bad = bad || q.badRead[m.number]
		if x, ok := w.reads[i][m.number]; ok {
			seen = append(seen, x)
		} else if x, ok := w.quantum[i][m.number]; ok {
			seen = append(seen, x)
		}
		claims = append(claims, claim{know.Plain(m.number), never})
	}
	return judge(g12, v, q.cert, seen, claims, len(seen), len(w.run.messages), bad), true
}
