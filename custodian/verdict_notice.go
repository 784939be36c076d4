package custodian

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
)

// The guarantees about what the customer was told (custody B4).
var (
	g10 = guarantee{"G10", "deniability"}
	g11 = guarantee{"G11", "non-repudiation of the notice"}
	g14 = guarantee{"G14", "notice honesty"}
	g15 = guarantee{"G15", "consent order"}
)

// forgeStatement makes a statement with what an adversary holds: signed by the identity key, if the
// terms ask for that profile and it has the key, else by a custody root key that it made itself.
func forgeStatement(a *attack.Adversary, src *entropy.Source, chain *notice.Business, t *notice.Terms, identity signet.PublicKey, now time.Time) (*notice.Signed, error) {
	t.Bound = append(t.Bound, identity)
	if t.IdentityProfile {
		if signer, ok := a.Signer(src, parcel.Key(identity.Bytes())); ok {
			return notice.SignByIdentity(signer, chain.Draft(notice.Root{}, t, now))
		}
		t.IdentityProfile = false
	}
	root := notice.GenerateRootFrom(src)
	return root.Sign(chain.Draft(root.Root(), t, now), nil)
}

// deceive lets the adversary make a copy of the customer's client believe that nobody holds
// anything (S10). It returns the control message that was taken, nil if none was.
func (v *view) deceive(r *run, a *attack.Adversary, e *clientEvent, at, index int) ([]byte, error) {
	var chain notice.Business
	if err := chain.UnmarshalBinary(e.chain); err != nil {
		return nil, err
	}
	client, err := notice.LoadCustomer(e.record, r.custody.policy)
	if err != nil {
		return nil, err
	}
	src := entropy.Seeded(seedOf(r.sc, "notice", uint64(index)<<32|uint64(at)))
	now := e.time
	t := &notice.Terms{IdentityProfile: r.custody.policy.IdentityProfile}
	s, err := forgeStatement(a, src, &chain, t, publicKey(e.identity), now)
	if err != nil {
		return nil, err
	}
	message, err := chain.Delivery(r.ctx, s, nil, 0, nil)
	if err != nil {
		return nil, err
	}
	if _, err := client.Accept(r.ctx, message, nil, now); err != nil {
		return nil, nil
	}
	return message, nil
}

// compareNotices finds the moments at which the rule book and the adversary do not agree whether
// the customer's client can be deceived: by whoever has the key that signs, and nobody else.
func (v *view) compareNotices(r *run) (notes []Text) {
	for at := range r.events {
		e := r.events[at].client
		if e == nil || e.signal != signalAsked {
			continue
		}
		follows := r.custody.policy.IdentityProfile && !e.deaf && v.closure.Has(know.Private(e.identity), at)
		if follows != (v.noticed[at] != nil) {
			v.badNotice = true
			notes = append(notes, both(
				"The rule book and the adversary do not agree whether %s forges a statement at event %d.",
				"Le livre de règles et l'adversaire ne s'accordent pas sur le fait que %s contrefasse une déclaration à l'événement %d.", v.p.ID, at))
		}
	}
	return notes
}

// noticeEvidence is what a report says about statements.
type noticeEvidence struct {
	ids           []string          // of statements, by number
	forged        []map[int]witness // by principal and event
	contradiction []witness         // the business contradicted itself
	proved        []int             // when
	final         *notice.State     // what the client shows at the end
	asked         []int             // the events at which the client was asked
}

// noticeWitnesses numbers the statements, and what was done with or to them.
func (w *writer) noticeWitnesses() {
	n := &w.notices
	for range w.views {
		n.forged = append(n.forged, make(map[int]witness))
	}
	c := w.run.custody
	if c == nil {
		return
	}
	for _, st := range c.stated {
		n.ids = append(n.ids, w.evidence.addText("statement", st.claim(w.run)))
	}
	for at := range w.run.events {
		e := w.run.events[at].client
		switch {
		case e == nil:
		case e.signal == signalAsked:
			n.asked = append(n.asked, at)
			for i, v := range w.views {
				if v.noticed[at] != nil && !v.badNotice {
					n.forged[i][at] = witness{w.evidence.addText("witness", both(
						"a copy of the customer's client accepts a statement of %s as the business's at event %d (S10)",
						"une copie de l'application du client accepte une déclaration de %s comme venant de l'entreprise à l'événement %d (S10)", v.p.ID, at))}
				}
			}
		case e.signal == signalProof && e.stated.twin != nil && !c.policy.IdentityProfile:
			n.contradiction = append(n.contradiction, witness{w.evidence.addText("witness", both(
				"the business signed two statements with number %d: %s and another",
				"l'entreprise a signé deux déclarations portant le numéro %d : %s et une autre", e.stated.signed.Statement().Seq, n.ids[e.stated.number]))})
			n.proved = append(n.proved, at)
		}
	}
	final := c.state(w.run.now)
	n.final = &final
}

// claim says what a statement is and what became of it.
func (st *stated) claim(r *run) Text {
	who := Text{"the business", "l'entreprise"}
	if st.by >= 0 {
		id := r.sc.Principals[st.by].ID
		who = Text{id, id}
	}
	fate := Text{"did not reach the customer", "n'est pas parvenue au client"}
	switch {
	case st.taken:
		fate = both("was accepted by the customer's client at event %d", "a été acceptée par l'application du client à l'événement %d", st.at)
	case st.came:
		fate = both("was refused by the customer's client at event %d", "a été refusée par l'application du client à l'événement %d", st.at)
	}
	s := st.signed.Statement()
	const en, fr = "statement %d, signed by %s, says %s (sha256:%s) and %s", "la déclaration %d, signée par %s, dit %s (sha256:%s) et %s"
	return Text{
		fmt.Sprintf(en, s.Seq, who.EN, s.Label, st.signed.Hash(), fate.EN),
		fmt.Sprintf(fr, s.Seq, who.FR, inFrenchLabel(s.Label), st.signed.Hash(), fate.FR),
	}
}

// inFrenchLabel is the label of a statement in words of French; one that follows from no grants is
// quoted.
func inFrenchLabel(label string) string {
	return strings.NewReplacer(
		"self-managed", "géré par elle-même", "dormant", "dormant", "managed:", "géré : ", "read-customer", "lire le client",
		"read-business", "lire l'entreprise", "write-customer", "écrire au nom du client", "write", "écrire au nom de l'entreprise",
		"open", "ouvrir de nouvelles discussions", "+", ", ",
	).Replace(label)
}

// takenIDs lists the statements that the customer's client accepted.
func (w *writer) takenIDs() (ids []string) {
	if c := w.run.custody; c != nil {
		for _, st := range c.stated {
			if st.taken {
				ids = append(ids, w.notices.ids[st.number])
			}
		}
	}
	return ids
}

// deniability asks whether something that anybody can verify ties an end to what was written.
// Messages carry MACs, which whoever checks them can make; only a statement is signed. What a
// principal saw it can tell.
func (w *writer) deniability(i int, _ span) (Verdict, bool) {
	v := w.views[i]
	var tied []witness
	var quotes []string
	bad := false
	for _, m := range w.run.messages {
		bad = bad || v.badRead[m.number]
		x, read := w.reads[i][m.number]
		if !read || w.run.custody == nil {
			continue
		}
		for _, st := range w.run.custody.stated {
			if st.by < 0 && !st.signed.ByIdentity() && slices.Contains(st.quote, m.number) {
				tied = append(tied, x)
				quotes = append(quotes, w.notices.ids[st.number])
				break
			}
		}
	}
	x := judge(g10, v, v.cert, tied, nil, len(tied), len(w.reads[i]), bad)
	x.evidence = append(x.evidence, distinct(quotes)...)
	return x, true
}

// nonRepudiation asks whether the notice could be somebody else's than the business's.
func (w *writer) nonRepudiation(i int, s span) (Verdict, bool) {
	v := w.views[i]
	ids := w.takenIDs()
	if len(ids) == 0 {
		if !s.granted && w.run.custody == nil {
			return Verdict{}, false
		}
		return w.absent(g11, v, "accepted"), true
	}
	var seen []witness
	var claims []claim
	for _, at := range w.notices.asked {
		if x, ok := w.notices.forged[i][at]; ok {
			seen = append(seen, x)
		}
		if w.run.custody.policy.IdentityProfile && !w.run.events[at].client.deaf {
			claims = append(claims, claim{know.Private(w.run.events[at].client.identity), at})
		}
	}
	x := judge(g11, v, v.cert, seen, claims, len(seen), len(w.notices.asked), v.badNotice)
	if x.result != Unknown {
		x.evidence = append(x.evidence, ids...)
	}
	return x, true
}

// absent is a verdict that is unknown because something is not there.
func (w *writer) absent(g guarantee, v *view, what string) Verdict {
	id := w.evidence.addText("absence", absences[what].fill("{who}", v.p.ID))
	return Verdict{g: g, principal: v.p.ID, evidence: []string{id}}
}

// absences are why a verdict is unknown.
var absences = map[string]Text{
	"accepted": {"the customer's client accepted no statement: nothing shows it about {who}", "l'application du client n'a accepté aucune déclaration : rien ne le montre au sujet de {who}"},
	"claimed":  {"the customer's client claimed nothing: nothing shows it about {who}", "l'application du client n'a rien affirmé : rien ne le montre au sujet de {who}"},
	"G5":       {"no message was sent after the grant to {who}", "aucun message n'a suivi le mandat donné à {who}"},
}

// tells reports whether what a client shows says that one of the holders named can do one of these
// things.
func tells(s *notice.State, names []string, verbs notice.Verbs) bool {
	if s == nil {
		return false
	}
	for _, h := range slices.Concat(s.Holders, s.Former) {
		if h.Power.Verbs&verbs != 0 && slices.ContainsFunc(h.Names, func(n string) bool { return slices.Contains(names, n) }) {
			return true
		}
	}
	return false
}

// asserts reports whether a client claims to know who holds what.
func asserts(s *notice.State) bool {
	return s.Kind != notice.Unknown && s.Kind != notice.Expired && s.Kind != notice.Contradicted
}

// names are the names of the principals that know what v knows.
func (v *view) names(sc *Scenario) (list []string) {
	for m := range sc.Principals {
		if v.members[m] {
			list = append(list, sc.Principals[m].ID)
		}
	}
	return list
}

// readVerbs is what a notice has to say of whoever reads a message.
func readVerbs(from attack.Side) notice.Verbs {
	if from == attack.Customer {
		return notice.ReadCustomer | notice.Open
	}
	return notice.ReadBusiness | notice.Open
}

// writeVerbs is what a notice has to say of whoever deceives the customer. Who deceives the
// business does so out of her sight, and her notice does not speak of that once a barrier has ended
// what she could see.
const writeVerbs = notice.Write | notice.Open

// owed returns what the client showed when it should have told that a message is read: when it was
// sent, if the reader had its last grant by then, or else when the next message was, or at the end;
// unless it told so before that, when the grant was made or later.
func (w *writer) owed(v *view, m *sent, names []string) *notice.State {
	when, _ := v.closure.At(know.Plain(m.number))
	last := -1
	for _, g := range w.run.grants {
		if v.members[g.to] && g.at <= when {
			last = max(last, g.at)
		}
	}
	if last <= m.at {
		return m.shown
	}
	next, until := w.notices.final, len(w.run.events)
	for _, x := range w.run.messages[m.number:] {
		if x.at >= last {
			next, until = x.shown, x.at
			break
		}
	}
	if tells(next, names, readVerbs(m.from)) {
		return next
	}
	for k, at := range w.notices.asked {
		if at >= until {
			break
		}
		late := k+1 == len(w.notices.asked) || w.notices.asked[k+1] >= last // the last before the grant, or later
		if s := w.run.events[at].client.shown; late && tells(s, names, readVerbs(m.from)) {
			return s
		}
	}
	return next
}

// honesty asks whether the customer's client was ever brought to say less about the principal than
// what it did. That it says more, as before a grant begins, is no lie.
func (w *writer) honesty(i int, s span) (Verdict, bool) {
	v, n := w.views[i], &w.notices
	ids := w.takenIDs()
	if len(ids) == 0 {
		if !s.granted && w.run.custody == nil {
			return Verdict{}, false
		}
		return w.absent(g14, v, "accepted"), true
	}
	names := v.names(w.run.sc)
	seen := slices.Clone(n.contradiction)
	var claims []claim
	count, of, bad := 0, 0, false
	probes := make(map[int]*probe)
	for _, p := range w.run.probes {
		if p.message >= 0 && p.to == attack.Customer {
			probes[p.message] = p
		}
	}
	for _, m := range w.run.messages {
		if asserts(m.shown) {
			of++
		}
		lied := false
		bad = bad || v.badRead[m.number]
		if x, ok := w.reads[i][m.number]; !ok {
			claims = append(claims, claim{know.Plain(m.number), never})
		} else if t := w.owed(v, m, names); asserts(t) && !tells(t, names, readVerbs(m.from)) {
			seen, lied = append(seen, x), true
		}
		if p := probes[m.number]; p != nil {
			bad = bad || v.badForge[p.number]
			if x, ok := w.forged[i][p.number]; !ok && v.reaches {
				claims = append(claims, claim{know.Forge(p.number), p.at})
			} else if ok && asserts(m.shown) && !tells(m.shown, names, writeVerbs) {
				seen, lied = append(seen, x), true
			}
		}
		if lied {
			count++
		}
	}
	if len(seen) == 0 && of == 0 && !asserts(n.final) {
		return w.absent(g14, v, "claimed"), true
	}
	x := judge(g14, v, v.cert, seen, claims, count, of, bad)
	if x.result != Unknown {
		x.evidence = append(x.evidence, ids...)
	}
	return x, true
}

// consent asks whether the principal reads something that the customer wrote before she was told
// that it could.
func (w *writer) consent(i int, _ span) (Verdict, bool) {
	v := w.views[i]
	names := v.names(w.run.sc)
	var seen []witness
	var claims []claim
	of, bad := 0, false
	for _, m := range w.run.messages {
		if m.shown != nil && tells(m.shown, names, readVerbs(attack.Customer)) {
			break
		}
		if m.from != attack.Customer {
			continue
		}
		of++
		bad = bad || v.badRead[m.number]
		if x, ok := w.reads[i][m.number]; ok {
			seen = append(seen, x)
		} else {
			claims = append(claims, claim{know.Plain(m.number), never})
		}
	}
	return judge(g15, v, v.cert, seen, claims, len(seen), of, bad), true
}

// distinct returns the strings without repetitions, in their order.
func distinct(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
