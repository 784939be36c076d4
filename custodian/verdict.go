package custodian

import (
	"encoding/json"
	"fmt"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
)

// A Result is what a verdict says.
type Result uint8

// The results. The zero Result is Unknown.
const (
	Unknown     Result = iota // neither was shown
	Held                      // a certificate shows that it does not follow
	Lost                      // a witness shows that it happened
	Conditional               // depends on a named assumption
)

func (r Result) String() string {
	switch r {
	case Held:
		return "held"
	case Lost:
		return "lost"
	case Conditional:
		return "conditional"
	}
	return "unknown"
}

// A Healing counts messages from the first after the grant to the first from which everything is
// unreadable; nil is never in this run.
type Healing struct {
	Classical *int `json:"classical,omitempty"`
	Quantum   *int `json:"quantum,omitempty"`
}

// A Verdict is one line of a report. It cannot be made outside this package, nor inside it without
// evidence: Lost comes from lost, which takes witnesses, and Held from held, which takes a
// certificate. The zero Verdict is Unknown.
type Verdict struct {
	g         guarantee
	principal string
	result    Result
	messages  int
	of        int
	healing   *Healing
	metadata  *Metadata
	severity  Severity
	evidence  []string
	text      Text
}

// ID is the guarantee's, such as "G2".
func (v *Verdict) ID() string { return v.g.id }

// Name is the guarantee's.
func (v *Verdict) Name() string { return v.g.name }

// Principal is whom the verdict is about.
func (v *Verdict) Principal() string { return v.principal }

// Result is what it says.
func (v *Verdict) Result() Result { return v.result }

// Messages is how many messages the guarantee is lost for, Of how many it speaks about.
func (v *Verdict) Messages() int { return v.messages }

// Of is how many messages the verdict speaks about.
func (v *Verdict) Of() int { return v.of }

// Healing is how long it takes until nothing is readable any more, or nil where that is not asked.
func (v *Verdict) Healing() *Healing { return v.healing }

// Metadata is what a principal knows without reading, or nil where that is not asked.
func (v *Verdict) Metadata() *Metadata { return v.metadata }

// Severity is how much the verdict matters.
func (v *Verdict) Severity() Severity { return v.severity }

// Evidence lists the ids of what the verdict rests on: at least one.
func (v *Verdict) Evidence() []string { return v.evidence }

// Text is the verdict in words.
func (v *Verdict) Text() Text { return v.text }

// MarshalJSON writes the verdict in the fixed format.
func (v Verdict) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID        string    `json:"id"`
		Name      string    `json:"name"`
		Principal string    `json:"principal"`
		Verdict   string    `json:"verdict"`
		Messages  int       `json:"messages"`
		Of        int       `json:"of"`
		Healing   *Healing  `json:"healing,omitempty"`
		Metadata  *Metadata `json:"metadata,omitempty"`
		Tried     []string  `json:"tried,omitempty"`
		Severity  Severity  `json:"severity"`
		Evidence  []string  `json:"evidence"`
		Text      Text      `json:"text"`
	}{v.g.id, v.g.name, v.principal, v.result.String(), v.messages, v.of, v.healing, v.metadata, v.Tried(), v.severity, v.evidence, v.text})
}

// A witness is something that happened: a message that was read, a forgery that was accepted,
// envelopes that were seen, two ciphertexts at one place. It is made by the functions whose names
// begin with saw.
type witness struct{ id string }

// sawOpening makes a witness of an opening if what was read is what was written.
func (l *evidence) sawOpening(who string, o *attack.Opening, m *sent) (w witness, ok bool) {
	if o == nil || o.Number() != m.number || string(o.Text()) != string(m.text) {
		return w, false
	}
	return witness{l.addAbout("witness", opens(who, o.Copied(), m.number), m.number, m.number+1)}, true
}

// sawAcceptance makes a witness of a forgery that a copy of its receiver took.
func (l *evidence) sawAcceptance(who string, a *attack.Acceptance, p *probe) (w witness, ok bool) {
	if a == nil {
		return w, false
	}
	return witness{l.addAbout("witness", deceives(who, p, a.Strategy()), p.place(), max(p.sent, p.place()))}, true
}

// place is the message that a probe is about: the one that it would take the place of, or the next
// one.
func (p *probe) place() int {
	if p.message >= 0 {
		return p.message
	}
	return p.sent
}

// sawBeginning makes a witness of a new session that a copy of its receiver took.
func (l *evidence) sawBeginning(who string, a *attack.Acceptance, p *probe) (w witness, ok bool) {
	if a == nil {
		return w, false
	}
	return witness{l.addAbout("witness", both( // of the customer: see still
		"a copy of the customer accepts a new session of %s as the business's at event %d (%s)",
		"une copie du client accepte une nouvelle session de %s comme venant de l'entreprise à l'événement %d (%s)",
		who, p.at, a.Strategy()), p.sent, p.sent)}, true
}

// A certificate is a saturated set that has been checked against the clauses and facts. The zero
// certificate shows nothing.
type certificate struct {
	id  string
	set know.Certificate
}

// certify checks a closure's saturated set.
func (l *evidence) certify(who string, base *know.Base, facts []know.Fact, c *know.Closure) certificate {
	set := c.Certificate()
	if set.Check(base, facts) != nil {
		return certificate{}
	}
	clauses, atoms, digest := base.Size(), len(set.Known()), set.Digest()
	return certificate{set: set, id: l.addText("certificate", Text{
		fmt.Sprintf("what %s learnt, closed under %d clauses, is %d atoms (sha256:%s); what is not among them does not follow", who, clauses, atoms, digest),
		fmt.Sprintf("ce que %s a appris, clos sous %d clauses, fait %d atomes (sha256:%s) ; ce qui n'y est pas ne s'en déduit pas", inFrench(who), clauses, atoms, digest),
	})}
}

// A claim is that an atom does not follow by a time.
type claim struct {
	atom string
	at   int
}

// lost is the verdict that a guarantee does not hold. Without a witness it is unknown.
func lost(g guarantee, principal string, witnesses []witness) Verdict {
	v := Verdict{g: g, principal: principal}
	for _, w := range witnesses {
		if w.id != "" {
			v.result = Lost
			v.evidence = append(v.evidence, w.id)
		}
	}
	return v
}

// held is the verdict that a guarantee holds: the certificate excludes every claim. Otherwise it is
// unknown.
func held(g guarantee, principal string, c certificate, claims []claim) Verdict {
	v := Verdict{g: g, principal: principal}
	if c.id == "" {
		return v
	}
	for _, x := range claims {
		if !c.set.Excludes(x.atom, x.at) {
			return v
		}
	}
	v.result, v.evidence = Held, []string{c.id}
	return v
}

// conditional is the verdict that a guarantee is kept as long as the principal does not do what it
// could; its sentence names the assumption. Without a certificate it is unknown.
func conditional(g guarantee, principal string, c certificate) Verdict {
	v := Verdict{g: g, principal: principal}
	if c.id != "" {
		v.result, v.evidence = Conditional, []string{c.id}
	}
	return v
}

// An Evidence is one piece of it.
type Evidence struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"` // "witness", "certificate", "statement", "log" or "absence"
	Claim string `json:"claim"`

	french string
}

// evidence is the list being built.
type evidence struct {
	list  []Evidence
	count map[string]int
	about map[string]stretch // which messages a witness is about
}

// add numbers a piece of evidence: w-0001 is the first witness.
func (l *evidence) add(kind, what string) string {
	if l.count == nil {
		l.count, l.about = make(map[string]int), make(map[string]stretch)
	}
	l.count[kind]++
	id := fmt.Sprintf("%c-%04d", kind[0], l.count[kind])
	l.list = append(l.list, Evidence{ID: id, Kind: kind, Claim: what})
	return id
}

// addAbout is add for what concerns messages, from first to before end.
func (l *evidence) addAbout(kind string, what Text, first, end int) string {
	id := l.addText(kind, what)
	l.about[id] = stretch{first, end}
	return id
}
