package custodian

import (
	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
)

// Verdicts on what outlives a mandate, and on what does not need one: G8 and G9.

// late judges whether a principal whose mandate has ended can still speak in the name of who gave
// it. It is asked at every message sent afterwards, at every injection of its own, and at the end.
// The number of messages is the window: from the end of the mandate to the last message that it
// could still slip in.
func (w *writer) late(i int, s span) (Verdict, bool) {
	if !s.granted || s.ended < 0 {
		return Verdict{}, false
	}
	v := w.views[i]
	var seen []witness
	var claims []claim
	window, bad := 0, false
	for _, p := range w.run.probes {
		if !s.from[1-p.to] || p.at < s.ended || !w.asked(p, i) {
			continue
		}
		bad = bad || v.badForge[p.number]
		claims = append(claims, claim{know.Forge(p.number), p.at})
		if x, ok := w.forged[i][p.number]; ok {
			seen = append(seen, x)
			window = max(window, p.sent-s.until)
		}
	}
	if !v.reaches {
		claims = nil
	}
	return judge(g8, v, v.cert, seen, claims, window, len(w.run.messages)-s.until, bad), true
}

// asked reports whether a probe is one of a message, of an injection by principal i, or of the end
// of the run: the moments at which something travels.
func (w *writer) asked(p *probe, i int) bool {
	if p.inject != nil {
		return p.inject.by == i
	}
	return p.message >= 0 || p.number >= len(w.run.probes)-2
}

// impersonates judges whether a principal can begin a new session with the customer as the
// business: S3 with the business's identity key or an answer of its oracle, S4 with the customer's
// signed prekey. It is asked when the script stands still, and counts these moments. S5, a
// directory that hands out prekeys of the principal's own, needs the private identity key too, with
// which S3 succeeds; it is not tried apart.
func (w *writer) impersonates(i int, _ span) (Verdict, bool) {
	v := w.views[i]
	var seen []witness
	var claims []claim
	of, bad := 0, false
	for _, p := range w.run.probes {
		if !p.still() {
			continue
		}
		of++
		bad = bad || v.badBegin[p.number]
		if x, ok := w.begun[i][p.number]; ok {
			seen = append(seen, x)
		}
		for _, atom := range p.agreements() {
			claims = append(claims, claim{atom, p.at})
		}
	}
	if !v.reaches {
		claims = nil
	}
	return judge(g9, v, v.cert, seen, claims, len(seen), of, bad), true
}

// still reports whether nothing travels at a probe of the customer: new sessions are tried then.
func (p *probe) still() bool { return p.to == attack.Customer && p.message < 0 && p.inject == nil }

// agreements names the agreements that begin a session with the receiver (R13c).
func (p *probe) agreements() (list []string) {
	for i := range p.takes {
		if w := &p.takes[i]; w.PreKey != (way{}).PreKey {
			list = append(list, know.DH(w.Sender, w.PreKey))
		}
	}
	return list
}

// begins reports whether the rule book lets the principal begin a session at a probe.
func (v *view) begins(p *probe) bool { return v.reaches && v.beginning(p) != "" }

// beginning is the agreement by which a principal begins a session at a probe, or empty.
func (v *view) beginning(p *probe) string {
	for _, atom := range p.agreements() {
		if v.closure.Has(atom, p.at) {
			return atom
		}
	}
	return ""
}
