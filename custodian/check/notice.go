package check

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// notices is what the transcript says about statements, and what the customer's client made of it.
type notices struct {
	stated []*stated
	shown  []*shown // when each message was sent; nil without notices
	asked  []asked
	proved []int // events at which a contradiction was proved
	final  *shown
}

// A stated is a statement that was published.
type stated struct {
	*statement
	*event
	id    string
	twin  *statement
	came  bool
	taken bool
	when  int
}

// An asked is the client at a moment at which others may try to deceive it.
type asked struct {
	*event
	client *client
}

// checkStatements reads all statements, and replays what the customer's client did: what it
// accepted, and what it showed when each message was sent.
func (v *verifier) checkStatements() error {
	n := &v.notices
	n.shown = make([]*shown, len(v.messages))
	if v.text.Custody == nil {
		return nil
	}
	c, err := newClient(v.text.Custody)
	if err != nil {
		return err
	}
	if !v.ids[1][c.identity] {
		return refuse("the identity key of the custody is not the business's")
	}
	last := uint64(0)
	for i := range v.text.Events {
		e := &v.text.Events[i]
		switch {
		case e.Kind == "statement":
			err = v.statement(e)
		case e.Kind == "client" && e.Time < last, e.Kind == "message" && e.Number >= 0 && e.Time < last:
			err = refuse("event %d: time goes back", i)
		case e.Kind == "client":
			last = e.Time
			err = v.client(c, e)
		case e.Kind == "message" && e.Number >= 0:
			last = e.Time
			n.shown[e.Number] = c.show(e.Time)
			if e.From == ends[0] {
				c.changed = false // she writes on
			}
		}
		if err != nil {
			return err
		}
	}
	if len(n.asked) == 0 || n.asked[len(n.asked)-1].At != len(v.text.Events)-3 {
		return refuse("the customer's client was not asked at the end")
	}
	n.final = c.show(last)
	return nil
}

func (v *verifier) statement(e *event) error {
	n := &v.notices
	if e.Number != len(n.stated) || e.By != "" && v.principal(e.By) < 0 || !strings.HasPrefix(e.File, "statements/") {
		return refuse("event %d: a malformed statement", e.At)
	}
	b, err := v.files.take(e.File)
	if err != nil {
		return err
	}
	st := &stated{event: e, id: fmt.Sprintf("s-%04d", e.Number+1)}
	var ok bool
	if st.statement, ok = parseDelivery(b); !ok {
		return refuse("%q is not a statement", e.File)
	}
	if e.Twin != "" {
		if b, err = v.files.take(e.Twin); err != nil {
			return err
		}
		if st.twin, ok = parseSigned(b); !ok {
			return refuse("%q is not a statement", e.Twin)
		}
	}
	n.stated = append(n.stated, st)
	return nil
}

// client lets the client do what the transcript says that it did.
func (v *verifier) client(c *client, e *event) error {
	n := &v.notices
	var st *stated
	if e.Statement != nil {
		if *e.Statement < 0 || *e.Statement >= len(n.stated) {
			return refuse("event %d: no such statement", e.At)
		}
		st = n.stated[*e.Statement]
	}
	bad := refuse("event %d: a malformed signal", e.At)
	switch {
	case e.Signal == "statement":
		if st == nil || st.came {
			return bad
		}
		st.came, st.when = true, e.At
		st.taken = c.accept(st.statement, e.Time)
		return nil
	case e.Signal == "proof":
		if st == nil || !st.came || st.twin == nil {
			return bad
		}
		if c.profile == identitySigned {
			return nil // proves nothing
		}
		if st.seq != st.twin.seq || st.hash() == st.twin.hash() || !st.signedBy(c.root) || !st.twin.signedBy(c.root) {
			return refuse("event %d: this proves no contradiction", e.At)
		}
		c.lied = true
		n.proved = append(n.proved, e.At)
		return nil
	case st != nil, e.Signal == "identity" && !isKey(e.Identity):
		return bad
	case e.Signal == "asked":
		if e.Identity != c.identity {
			return bad
		}
		n.asked = append(n.asked, asked{e, c.copy()})
	}
	if !c.observe(e) {
		return bad
	}
	return nil
}

// checkNotices: a statement that somebody else is said to have made is taken by the client as it
// was then, and was made by whoever has the key that signs; nobody else made one. And the report
// says of each statement what it is.
func (v *verifier) checkNotices() error {
	done := make(map[where]string)
	for _, x := range v.evidence.Notices {
		w := where{principal: v.principal(x.Principal), number: x.At}
		i := slices.IndexFunc(v.notices.asked, func(a asked) bool { return a.At == x.At })
		if w.principal < 0 || i < 0 || done[w] != "" {
			return refuse("witness %s is of nothing, or a second one", x.ID)
		}
		done[w] = x.ID
		b, err := unhex(x.Body, -1)
		if err != nil {
			return err
		}
		s, ok := parseDelivery(b)
		if !ok || slices.ContainsFunc(v.notices.stated, func(st *stated) bool { return st.hash() == s.hash() }) {
			return refuse("witness %s is no new statement", x.ID)
		}
		if a := v.notices.asked[i]; !a.client.copy().accept(s, a.Time) {
			return refuse("witness %s: the customer's client refuses it", x.ID)
		}
		claim := fmt.Sprintf("a copy of the customer's client accepts a statement of %s as the business's at event %d (S10)", x.Principal, x.At)
		if err := v.claimed(x.ID, "witness", claim); err != nil {
			return err
		}
	}
	for i := range v.views {
		for _, a := range v.notices.asked {
			if v.deceives(i, &a) != (done[where{principal: i, number: a.At}] != "") {
				return refuse("what follows about statements at event %d, and what was done, are not the same", a.At)
			}
		}
	}
	return v.checkClaims()
}

// deceives reports whether it follows that a principal can make the client believe a statement of
// its own.
func (v *verifier) deceives(i int, a *asked) bool {
	return v.text.Custody.Profile == identitySigned && !a.client.lied && v.has(v.views[i].closure[0], private(a.Identity), a.At)
}

// checkClaims holds statements and contradictions against what the report says of them.
func (v *verifier) checkClaims() error {
	n := &v.notices
	for _, st := range n.stated {
		who, fate := "the business", "did not reach the customer"
		if st.By != "" {
			who = st.By
		}
		switch {
		case st.taken:
			fate = fmt.Sprintf("was accepted by the customer's client at event %d", st.when)
		case st.came:
			fate = fmt.Sprintf("was refused by the customer's client at event %d", st.when)
		}
		h := st.hash()
		claim := fmt.Sprintf("statement %d, signed by %s, says %s (sha256:%s) and %s", st.seq, who, st.label, hex.EncodeToString(h[:]), fate)
		if err := v.claimed(st.id, "statement", claim); err != nil {
			return err
		}
	}
	if len(n.proved) != len(v.evidence.Contradictions) {
		return refuse("the contradictions are not those of the transcript")
	}
	for i, x := range v.evidence.Contradictions {
		if x.At != n.proved[i] {
			return refuse("witness %s is of no contradiction", x.ID)
		}
		st := n.stated[*v.text.Events[x.At].Statement]
		claim := fmt.Sprintf("the business signed two statements with number %d: %s and another", st.seq, st.id)
		if err := v.claimed(x.ID, "witness", claim); err != nil {
			return err
		}
	}
	return nil
}

// taken lists the ids of the statements that the client accepted.
func (n *notices) taken() (ids []string) {
	for _, st := range n.stated {
		if st.taken {
			ids = append(ids, st.id)
		}
	}
	return ids
}

// nobodyKnows is a verdict about notices where there is none to judge.
func (v *verifier) nobodyKnows(i int, id, name string) verdict {
	return verdict{ID: id, Name: name, Principal: v.text.Principals[i].ID, Verdict: "unknown"}
}

func (v *verifier) deniability(i int, _ span) (verdict, bool) {
	var tied, quotes []string
	of := 0
	for n, m := range v.messages {
		r := v.reads[where{i, n, false}]
		if r == nil {
			continue
		}
		of++
		for _, st := range v.notices.stated {
			if st.By == "" && !st.byIdentity && st.At > m.At && st.quotes(r.TextSHA256) {
				tied = append(tied, r.ID)
				if !slices.Contains(quotes, st.id) {
					quotes = append(quotes, st.id)
				}
				break
			}
		}
	}
	x := v.conclude(i, "G10", "deniability", tied, v.views[i].cert[0], len(tied), of)
	x.Evidence = slices.Concat(x.Evidence, quotes)
	return x, true
}

// quotes reports whether the words of a statement are a text.
func (s *statement) quotes(text string) bool {
	for _, words := range s.words {
		if sum := sha256.Sum256([]byte(words)); words != "" && hex.EncodeToString(sum[:]) == text {
			return true
		}
	}
	return false
}

func (v *verifier) repudiation(i int, s span) (verdict, bool) {
	const id, name = "G11", "non-repudiation of the notice"
	ids := v.notices.taken()
	if len(ids) == 0 {
		return v.nobodyKnows(i, id, name), s.granted || v.text.Custody != nil
	}
	var seen []string
	for _, a := range v.notices.asked {
		for _, x := range v.evidence.Notices {
			if x.At == a.At && x.Principal == v.text.Principals[i].ID {
				seen = append(seen, x.ID)
			}
		}
	}
	x := v.conclude(i, id, name, seen, v.views[i].cert[0], len(seen), len(v.notices.asked))
	x.Evidence = slices.Concat(x.Evidence, ids)
	return x, true
}

// names are those of the principals that know what principal i knows.
func (v *verifier) names(i int) map[string]bool {
	names := make(map[string]bool)
	for m := range v.views[i].members {
		names[v.text.Principals[m].ID] = true
	}
	return names
}

// owed is what the client showed when it should have told that a message is read: when it was sent,
// if the reader had its last grant by then, or else when the next message was, or at the end;
// unless it told so before that, when the grant was made or later.
func (v *verifier) owed(i, n int, names map[string]bool) *shown {
	c := v.views[i].closure[0]
	when := c.at[v.rules.ids[ofMessage("plaintext", n)]]
	last := -1
	for _, g := range v.text.Grants {
		if v.views[i].members[v.principal(g.To)] && g.At <= when {
			last = max(last, g.At)
		}
	}
	if last <= v.messages[n].At {
		return v.notices.shown[n]
	}
	next, until := v.notices.final, len(v.text.Events)
	for m := n; m < len(v.messages); m++ {
		if v.messages[m].At >= last {
			next, until = v.notices.shown[m], v.messages[m].At
			break
		}
	}
	verbs := toRead[v.messages[n].From]
	if next.tells(names, verbs) {
		return next
	}
	for k, a := range v.notices.asked {
		if a.At >= until {
			break
		}
		late := k+1 == len(v.notices.asked) || v.notices.asked[k+1].At >= last // the last before the grant, or later
		if s := a.client.show(a.Time); late && s.tells(names, verbs) {
			return s
		}
	}
	return next
}

// toRead is what has to be told of whoever reads a message, by its sender, and toWrite of whoever
// deceives the customer.
var toRead = map[string]int{ends[0]: canReadCustomer | canOpen, ends[1]: canReadBusiness | canOpen}

const toWrite = canWrite | canOpen

func (v *verifier) honesty(i int, s span) (verdict, bool) {
	const id, name = "G14", "notice honesty"
	n := &v.notices
	ids := n.taken()
	if len(ids) == 0 {
		return v.nobodyKnows(i, id, name), s.granted || v.text.Custody != nil
	}
	names := v.names(i)
	var seen []string
	for _, x := range v.evidence.Contradictions {
		seen = append(seen, x.ID)
	}
	count, of := 0, 0
	for m := range v.messages {
		shown, before := n.shown[m], len(seen)
		if shown.asserts() {
			of++
		}
		if r := v.reads[where{i, m, false}]; r != nil {
			if owed := v.owed(i, m, names); owed.asserts() && !owed.tells(names, toRead[v.messages[m].From]) {
				seen = append(seen, r.ID)
			}
		}
		p := v.asked[m]
		if f := v.forgeries[where{principal: i, number: p.Number}]; f != nil && p.To == ends[0] && shown.asserts() && !shown.tells(names, toWrite) {
			seen = append(seen, f.ID)
		}
		if len(seen) > before {
			count++
		}
	}
	if len(seen) == 0 && of == 0 && !n.final.asserts() {
		return v.nobodyKnows(i, id, name), true
	}
	x := v.conclude(i, id, name, seen, v.views[i].cert[0], count, of)
	x.Evidence = slices.Concat(x.Evidence, ids)
	return x, true
}

func (v *verifier) consent(i int, _ span) (verdict, bool) {
	names := v.names(i)
	var seen []string
	of := 0
	for n, m := range v.messages {
		if v.notices.shown[n].tells(names, toRead[ends[0]]) {
			break
		}
		if m.From != ends[0] {
			continue
		}
		of++
		if r := v.reads[where{i, n, false}]; r != nil {
			seen = append(seen, r.ID)
		}
	}
	return v.conclude(i, "G15", "consent order", seen, v.views[i].cert[0], len(seen), of), true
}

// checkShown: the notice is what the customer's client shows at the end.
func (v *verifier) checkShown() error {
	n, s := v.report.Notice, v.notices.final
	if n == nil || n.State != s.kind || n.By != strings.Join(s.by(), ", ") {
		return refuse("the notice is not what the customer's client shows")
	}
	return nil
}
