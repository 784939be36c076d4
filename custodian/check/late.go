package check

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// sent counts the messages before an event.
func (v *verifier) sent(at int) int {
	n, _ := slices.BinarySearchFunc(v.messages, at, func(m *message, at int) int { return m.At - at })
	return n
}

// asks reports whether something travels at a probe: a message, an injection by principal i, or
// nothing any more, since the run has ended.
func (v *verifier) asks(p *event, i int) bool {
	if p.Injection != nil {
		return v.principal(p.Injection.By) == i
	}
	return p.Message >= 0 || p.Number >= len(v.probes)-2
}

// late is G8.
func (v *verifier) late(i int, s span) (verdict, bool) {
	if !s.granted || s.ended < 0 {
		return verdict{}, false
	}
	var seen []string
	window := 0
	for _, p := range v.probes {
		if !s.from[1-side(p.To)] || p.At < s.ended || !v.asks(p, i) {
			continue
		}
		if f := v.forgeries[where{principal: i, number: p.Number}]; f != nil {
			seen = append(seen, f.ID)
			window = max(window, v.sent(p.At)-s.until)
		}
	}
	return v.conclude(i, "G8", "persistence of forgery after revocation", seen, v.views[i].cert[0], window, len(v.messages)-s.until), true
}

// still reports whether nothing travels at a probe of the customer.
func (p *event) still() bool { return p.To == ends[0] && p.Message < 0 && p.Injection == nil }

// begins reports whether it follows that a principal can begin a session at a probe.
func (v *verifier) begins(i int, p *event) bool {
	x := v.views[i]
	return x.reaches && slices.ContainsFunc(p.Takes, func(w way) bool {
		return w.PreKey != "" && v.has(x.closure[0], agreement(w.Sender, w.PreKey), p.At)
	})
}

// impersonates is G9. What follows must have been done, and nothing else.
func (v *verifier) impersonates(i int, _ span) (verdict, bool) {
	var seen []string
	of := 0
	for _, p := range v.probes {
		if !p.still() {
			continue
		}
		of++
		if f := v.sessions[where{principal: i, number: p.Number}]; f != nil {
			seen = append(seen, f.ID)
		}
	}
	return v.conclude(i, "G9", "new-session impersonation", seen, v.views[i].cert[0], len(seen), of), true
}

// checkSessions opens the first message of every session that somebody is said to have begun.
func (v *verifier) checkSessions() error {
	v.sessions = make(map[where]*forgery)
	for i := range v.evidence.Sessions {
		f := &v.evidence.Sessions[i]
		p := v.principal(f.Principal)
		w := where{principal: p, number: f.Probe}
		if p < 0 || f.Probe < 0 || f.Probe >= len(v.probes) || v.sessions[w] != nil || !v.probes[f.Probe].still() {
			return refuse("witness %s is of nothing, or a second one", f.ID)
		}
		v.sessions[w] = f
		probe := v.probes[f.Probe]
		if !v.begins(p, probe) || f.Strategy != "S3" && f.Strategy != "S4" {
			return refuse("witness %s: the session does not follow from what the principal held", f.ID)
		}
		if err := v.wellMade(f, probe); err != nil {
			return fmt.Errorf("witness %s: %w", f.ID, err)
		}
		if sum := sha256.Sum256([]byte(forgedText)); f.TextSHA256 != hex.EncodeToString(sum[:]) {
			return refuse("witness %s: the text is another", f.ID)
		}
		n := v.sent(probe.At)
		v.about[f.ID] = stretch{n, n}
		err := v.claimed(f.ID, "witness", fmt.Sprintf("a copy of the %s accepts a new session of %s as the %s's at event %d (%s)",
			probe.To, f.Principal, ends[1-side(probe.To)], probe.At, f.Strategy))
		if err != nil {
			return err
		}
	}
	for _, p := range v.probes {
		for i := range v.views {
			if p.still() && v.begins(i, p) != (v.sessions[where{principal: i, number: p.Number}] != nil) {
				return refuse("what follows at event %d, and what was begun, are not the same", p.At)
			}
		}
	}
	return nil
}
