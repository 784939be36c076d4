package check

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkCertificates holds each certificate against the closure that this verifier computed: the
// same atoms from the same times, neither more nor fewer. So what it does not contain does not
// follow.
func (v *verifier) checkCertificates() error {
	if len(v.evidence.Certificates) != 2*len(v.views) {
		return refuse("a principal has no certificate, or more than two")
	}
	for i, c := range v.evidence.Certificates {
		p, q := i/2, i%2
		x := v.views[p]
		if c.ID != fmt.Sprintf("c-%04d", i+1) || c.Principal != v.text.Principals[p].ID || c.Quantum != (q == 1) {
			return refuse("certificate %d is not in its place", i+1)
		}
		b, err := v.files.take(certificateName(i))
		if err != nil {
			return err
		}
		if x.known[q], err = parseCertificate(string(b)); err != nil {
			return err
		}
		if len(x.known[q]) != len(x.closure[q].at) {
			return refuse("certificate %s is not the closure of what %s learnt", c.ID, c.Principal)
		}
		for id, at := range x.closure[q].at {
			if have, ok := x.known[q][v.rules.names[id]]; !ok || have != at {
				return refuse("certificate %s is not the closure of what %s learnt", c.ID, c.Principal)
			}
		}
		x.cert[q] = c.ID
		sum := sha256.Sum256(b)
		err = v.claimed(c.ID, "certificate", fmt.Sprintf(
			"what %s learnt, closed under %d clauses, is %d atoms (sha256:%s); what is not among them does not follow",
			named(c.Principal, c.Quantum), len(v.rules.list), len(x.known[q]), hex.EncodeToString(sum[:])))
		if err != nil {
			return err
		}
	}
	return nil
}

func certificateName(i int) string { return fmt.Sprintf("certificates/c-%04d.txt", i+1) }

func named(principal string, quantum bool) string {
	if quantum {
		principal += " with a quantum computer"
	}
	return principal
}

// claimed holds a piece of evidence against what the report says of it.
func (v *verifier) claimed(id, kind, claim string) error {
	if v.claims == nil {
		v.claims = make(map[string]int)
		for i, e := range v.report.Evidence {
			v.claims[e.ID] = i
		}
	}
	i, ok := v.claims[id]
	if !ok {
		return refuse("the report does not know %s", id)
	}
	if e := v.report.Evidence[i]; e.Kind != kind || e.Claim != claim {
		return refuse("the report claims something else of %s", id)
	}
	return nil
}

// parseCertificate reads lines of an atom, " @" and a time, sorted by atom.
func parseCertificate(s string) (map[string]int, error) {
	known := make(map[string]int)
	last := ""
	for line := range strings.Lines(s) {
		atom, at, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " @")
		n, err := strconv.Atoi(at)
		if !ok || err != nil || n < 0 || strconv.Itoa(n)+"\n" != line[len(atom)+2:] || atom <= last {
			return nil, refuse("a certificate is malformed")
		}
		known[atom], last = n, atom
	}
	return known, nil
}

// checkReadings opens every message that somebody is said to read.
func (v *verifier) checkReadings() error {
	v.reads = make(map[where]*reading)
	texts := make(map[int]string)
	for i := range v.evidence.Readings {
		r := &v.evidence.Readings[i]
		p := v.principal(r.Principal)
		w := where{p, r.Message, r.Quantum}
		if p < 0 || r.Message < 0 || r.Message >= len(v.messages) || v.reads[w] != nil {
			return refuse("witness %s is of nothing, or a second one", r.ID)
		}
		v.reads[w] = r
		if t, ok := texts[r.Message]; ok && t != r.TextSHA256 {
			return refuse("witness %s reads another text than others", r.ID)
		}
		texts[r.Message] = r.TextSHA256
		if err := v.reading(r, p); err != nil {
			return fmt.Errorf("witness %s: %w", r.ID, err)
		}
		v.about[r.ID] = stretch{r.Message, r.Message + 1}
		verb := "reads"
		if r.Keys == nil {
			verb = "was given"
		}
		if err := v.claimed(r.ID, "witness", fmt.Sprintf("%s %s message %d", named(r.Principal, r.Quantum), verb, r.Message)); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) reading(r *reading, p int) error {
	if _, err := unhex(r.TextSHA256, 32); err != nil {
		return err
	}
	c := v.views[p].closure[0]
	if r.Quantum {
		c = v.views[p].closure[1]
	}
	if r.Keys == nil {
		if !v.has(c, ofMessage("copy", r.Message), never) || v.has(c, ofMessage("opened", r.Message), never) {
			return refuse("the text was not given")
		}
		return v.copied(r, p)
	}
	if !v.has(c, ofMessage("opened", r.Message), never) {
		return refuse("the key does not follow from what the principal learnt")
	}
	m := v.messages[r.Message]
	if err := v.identities(r.Keys, side(m.From)); err != nil {
		return err
	}
	return opens(m, r.Keys, r.TextSHA256)
}

// copied finds the text among the values of the principal's parcels, which only a lab bundle has.
func (v *verifier) copied(r *reading, p int) error {
	if v.files.profile != "lab" {
		return nil
	}
	for at, list := range v.parcels {
		for i := range list {
			e := &list[i]
			sum := sha256.Sum256(e.value)
			if v.views[p].members[v.principal(v.text.Events[at].To)] && e.kind == 10 && int(e.index) == r.Message && hex.EncodeToString(sum[:]) == r.TextSHA256 {
				return nil
			}
		}
	}
	return refuse("no parcel has the text")
}

// identities refuses keys between others than the two ends.
func (v *verifier) identities(k *messageKeys, from int) error {
	if !v.ids[from][k.Sender] || !v.ids[1-from][k.Receiver] {
		return refuse("an identity key is not one of the conversation")
	}
	return nil
}

func opens(m *message, k *messageKeys, want string) error {
	text, err := m.decrypt(k)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	if hex.EncodeToString(sum[:]) != want {
		return refuse("the text is another")
	}
	return nil
}

// forgedText is what every forgery says that is not an injection of the script.
const forgedText = "This message was not written by the one whose name it bears."

// checkForgeries opens every message that somebody is said to have forged. That a receiver took it
// cannot be seen from outside; that it is well made, new, and of a kind that the receiver took,
// can.
func (v *verifier) checkForgeries() error {
	v.forgeries = make(map[where]*forgery)
	for i := range v.evidence.Forgeries {
		f := &v.evidence.Forgeries[i]
		p := v.principal(f.Principal)
		w := where{principal: p, number: f.Probe}
		if p < 0 || f.Probe < 0 || f.Probe >= len(v.probes) || v.forgeries[w] != nil {
			return refuse("witness %s is of nothing, or a second one", f.ID)
		}
		v.forgeries[w] = f
		if err := v.forgery(f, p); err != nil {
			return fmt.Errorf("witness %s: %w", f.ID, err)
		}
		at, place := v.sent(v.probes[f.Probe].At), v.probes[f.Probe].Message
		if place < 0 {
			place = at
		}
		v.about[f.ID] = stretch{place, max(place, at)}
		if err := v.claimed(f.ID, "witness", v.claimOf(f)); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) claimOf(f *forgery) string {
	p := v.probes[f.Probe]
	claim := fmt.Sprintf("a copy of the %s accepts a message of %s as the %s's", p.To, f.Principal, ends[1-side(p.To)])
	if p.Message >= 0 {
		return claim + fmt.Sprintf(" in place of message %d (%s)", p.Message, f.Strategy)
	}
	return claim + fmt.Sprintf(" at event %d (%s)", p.At, f.Strategy)
}

func (v *verifier) forgery(f *forgery, principal int) error {
	p, x := v.probes[f.Probe], v.views[principal]
	if !x.reaches || !v.has(x.closure[0], ofMessage("forge", p.Number), p.At) {
		return refuse("the forgery does not follow from what the principal held")
	}
	if !slices.Contains([]string{"S1", "S2", "S3", "S4", "S11"}, f.Strategy) {
		return refuse("unknown strategy")
	}
	if err := v.wellMade(f, p); err != nil {
		return err
	}
	return v.said(f, p, principal)
}

// wellMade opens a forged message, which must be new and of a kind that the receiver of the probe
// takes.
func (v *verifier) wellMade(f *forgery, p *event) error {
	body, err := unhex(f.Body, -1)
	if err != nil {
		return err
	}
	m := &message{event: &event{From: ends[1-side(p.To)], Number: -1}}
	if !m.parse(body, f.PreKey) {
		return refuse("the message does not parse")
	}
	if m.keyless() != (f.Strategy == "S11") {
		return refuse("the strategy is another")
	}
	if v.signed == nil {
		v.signed = make(map[string]bool)
		for _, real := range v.messages {
			v.signed[string(real.signed)] = true
		}
	}
	if v.signed[string(m.signed)] {
		return refuse("the message is one of the conversation's")
	}
	if !slices.ContainsFunc(p.Takes, func(w way) bool {
		m.Session = w.Session
		if m.first != nil {
			m.Session = m.first.base
		}
		return w.fits(m)
	}) {
		return refuse("the receiver takes no message of this kind")
	}
	if err := v.identities(&f.Keys, 1-side(p.To)); err != nil {
		return err
	}
	return opens(m, &f.Keys, f.TextSHA256)
}

// said refuses a forgery that says something else than it should, or an injection that did not
// happen.
func (v *verifier) said(f *forgery, p *event, principal int) error {
	if p.Injection == nil {
		if sum := sha256.Sum256([]byte(forgedText)); f.TextSHA256 != hex.EncodeToString(sum[:]) {
			return refuse("the text is another")
		}
		return nil
	}
	if v.principal(p.Injection.By) != principal {
		return refuse("the injection is another's")
	}
	for _, m := range v.injected {
		if m.At > p.At && m.Body == f.Body && m.By == f.Principal {
			return nil
		}
	}
	return refuse("the injection did not happen")
}
