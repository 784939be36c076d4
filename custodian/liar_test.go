package custodian

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/check"
	"signet.example/signet/custodian/parcel"
)

// A lie is one fact that a maker of bundles changes before anything is reckoned: certificates,
// witnesses, verdicts, sentences and the manifest follow from it. So it is refused by what binds
// the fact, or by nothing.
type lie struct {
	name  string
	of    *Scenario
	tell  func(r *run)
	refus string // what the refusal says
}

// told makes the bundle of a run that a lie was told about.
func (l *lie) bundle(t *testing.T) []byte {
	t.Helper()
	r, err := play(context.Background(), l.of, nil)
	require.NoError(t, err, l.name)
	l.tell(r)
	w, err := r.judge("")
	require.NoError(t, err, l.name)
	b := &bundle{w: w, profile: Publishable}
	out, err := b.build(w.write(strings.Repeat("0", 64)))
	require.NoError(t, err, l.name)
	return out
}

func firstGiven(r *run) *given {
	for i := range r.events {
		if g := r.events[i].given; g != nil {
			return g
		}
	}
	return nil
}

// entries changes what was handed over first.
func entries(change func([]parcel.Entry) []parcel.Entry) func(*run) {
	return func(r *run) {
		g := firstGiven(r)
		p, err := parcel.Parse(g.bytes)
		if err == nil {
			g.bytes = parcel.New(change(p.Entries())).Bytes()
		}
	}
}

func withoutKind(k parcel.Kind) func(*run) {
	return entries(func(list []parcel.Entry) []parcel.Entry {
		return slices.DeleteFunc(list, func(e parcel.Entry) bool { return e.Kind == k })
	})
}

func plus(e parcel.Entry) func(*run) {
	return entries(func(list []parcel.Entry) []parcel.Entry { return append(list, e) })
}

// nothing takes the first parcel out, and what comes after it moves up.
func nothing(r *run) {
	for i := range r.events {
		if r.events[i].given == nil {
			continue
		}
		r.events = slices.Delete(r.events, i, i+1)
		for _, list := range [][]*sent{r.messages, r.injected} {
			for _, m := range list {
				m.at, m.deliveredAt = moved(m.at, i), moved(m.deliveredAt, i)
			}
		}
		for _, p := range r.probes {
			p.at = moved(p.at, i)
		}
		for _, g := range r.grants {
			g.at, g.ended = moved(g.at, i), moved(g.ended, i)
		}
		return
	}
}

func moved(at, gone int) int {
	if at > gone {
		return at - 1
	}
	return at
}

// talk is a conversation of eight messages with a grant after the fourth; the business writes
// before it and after it.
func talk(g Grant, more ...Step) *Scenario {
	sc := pingPong(4, 4, 9, "")
	g.Name, g.To = "g", "p"
	sc.Principals = append(sc.Principals, Principal{ID: "p2", Role: Outsider})
	sc.Script = append(sc.Script, Step{Grant: &g})
	for i := range 4 {
		sc.Script = append(sc.Script, Step{Send: &Send{From: []string{Business, Customer}[i%2]}})
	}
	sc.Script = append(sc.Script, more...)
	return sc
}

// lies are one fact each; every part of "Bindings" in docs/custody-bundle.md has one that nothing
// else refuses.
func lies() []lie {
	grantOf := func(via string, atoms ...string) *Scenario { return talk(Grant{Via: via, Atoms: atoms}) }
	quota := talk(Grant{Via: "quota", Count: 2})
	older := talk(Grant{Via: "quota", Count: 2})
	older.Protocol = 3
	value := make([]byte, 32)
	key := func(r *run, side attack.Side) parcel.Key {
		for _, m := range r.messages {
			if m.from == side {
				return m.key
			}
		}
		return parcel.Key{}
	}
	return []lie{
		{"a copy that goes on", grantOf("stream", "sending-chain"), func(r *run) { r.grants[0].Grant = byWay(r.grants[0].Grant, "copy") }, "at another time than the copy's"},
		{"a stream that does not", grantOf("copy", "sending-chain"), func(r *run) { r.grants[0].Grant = byWay(r.grants[0].Grant, "stream") }, "has not the sending-chain of message 6"},
		{"a stream's root that does not", grantOf("copy", "root"), func(r *run) { r.grants[0].Grant = byWay(r.grants[0].Grant, "stream") }, "has not the root of message 6"},
		{"a stream's ratchet key that does not", grantOf("copy", "ratchet-private"), func(r *run) { r.grants[0].Grant = byWay(r.grants[0].Grant, "stream") }, "has not the ratchet-private of message 6"},
		{"an identity that was not", grantOf("copy", "skipped", "sending-chain"), func(r *run) { r.grants[0].atoms = append([]string{"identity"}, r.grants[0].atoms...) }, "has not what its giver had published"},
		{"a signed prekey that was not", grantOf("copy", "sending-chain"), func(r *run) { r.grants[0].atoms = append([]string{"signed-prekey"}, r.grants[0].atoms...) }, "has not what its giver had published"},
		{"a KEM prekey that was not", grantOf("copy", "sending-chain"), func(r *run) { r.grants[0].atoms = append([]string{"kyber-prekey"}, r.grants[0].atoms...) }, "has not what its giver had published"},
		{"a root that was not", grantOf("copy", "root", "sending-chain"), withoutKind(parcel.Root), "has not the root that there was"},
		{"a ratchet key that was not", grantOf("copy", "ratchet-private", "sending-chain"), withoutKind(parcel.RatchetPrivate), "has not the ratchet-private that there was"},
		{"a sending chain that was not", grantOf("copy", "root", "sending-chain"), withoutKind(parcel.SendingChain), "has not the sending-chain that there was"},
		{"a post-quantum root that was not", grantOf("copy", "root", "pq-root"), withoutKind(parcel.PQRoot), "has not the pq-root that there was"},
		{"a post-quantum chain that was not", grantOf("copy", "root", "pq-sending-chain"), withoutKind(parcel.PQSending), "has not the pq-sending-chain that there was"},
		{"a text that was not", grantOf("copy", "plaintext"), entries(func(l []parcel.Entry) []parcel.Entry { return l[1:] }), "has not the text of message 0"},
		{"a text from later", grantOf("copy", "plaintext"), plus(parcel.Entry{Kind: parcel.Plaintext, Index: 5, Value: []byte("message 5")}), "with what its giver cannot have"},
		{"more than its grant", grantOf("copy", "root", "sending-chain"), func(r *run) { r.grants[0].atoms = []string{"root"} }, "with what its grant does not have"},
		{"an oracle's answer to a copy", grantOf("copy", "root"), func(r *run) {
			plus(parcel.Entry{Kind: parcel.Agreement, Key: parcel.Key(r.parties[attack.Business].device.Identity().Bytes()), Base: key(r, attack.Customer), Value: value})(r)
		}, "with what its grant does not have"},
		{"an identity of nobody", grantOf("copy", "identity"), func(r *run) { plus(parcel.Entry{Kind: parcel.Identity, Key: key(r, attack.Customer), Value: value})(r) }, "with what its giver cannot have"},
		{"the other end's ratchet key", grantOf("copy", "ratchet-private"), func(r *run) {
			plus(parcel.Entry{Kind: parcel.RatchetPrivate, Base: r.messages[0].base, Key: key(r, attack.Customer), Value: value})(r)
		}, "with what its giver cannot have"},
		{"a receiving chain of its own", grantOf("copy", "receiving-chains"), func(r *run) {
			plus(parcel.Entry{Kind: parcel.ReceivingChain, Base: r.messages[0].base, Key: key(r, attack.Business), Index: 1 << 20, Value: value})(r)
		}, "with what its giver cannot have"},
		{"a note that is missing", grantOf("copy", "root", "pq-decapsulation"), func(r *run) { r.notes = nil }, "neither handed over nor said to be missing"},
		{"a quota of nothing", quota, func(r *run) { nothing(r); r.note("empty", "{grant}", "g", "{atom}", "sending-chain") }, "is a quota of nothing"},
		{"a parcel of no grant", grantOf("copy", "root"), func(r *run) { firstGiven(r).grant = "" }, "of no grant"},
		{"a parcel of another grant", grantOf("copy", "root"), func(r *run) { firstGiven(r).grant = "h" }, "of another grant"},
		{"a parcel to somebody else", grantOf("copy", "root"), func(r *run) { firstGiven(r).to = 1 }, "of another grant"},
		{"a parcel from the other end", grantOf("copy", "root"), func(r *run) { firstGiven(r).from = attack.Customer }, "of another grant"},
		{"a grant to somebody else", grantOf("copy", "root"), func(r *run) { r.grants[0].to = 1; r.grants[0].Grant = toAnother(r.grants[0].Grant, "p2") }, "of another grant"},
		{"a parcel before its grant", grantOf("copy", "root"), func(r *run) { r.grants[0].at++ }, "before its grant"},
		{"a parcel after the end", talk(Grant{Via: "stream", Atoms: []string{"sending-chain"}}, Step{Revoke: "g"}), func(r *run) {
			r.grants[0].ended, r.grants[0].until = r.messages[4].at+1, 5
		}, "after its end"},
		{"a smaller quota", quota, func(r *run) { r.grants[0].Grant = ofCount(r.grants[0].Grant, 1) }, "not of as many messages"},
		{"a smaller quota of version 3", older, func(r *run) { r.grants[0].Grant = ofCount(r.grants[0].Grant, 1) }, "not of as many messages"},
		{"a larger quota", quota, func(r *run) { r.grants[0].Grant = ofCount(r.grants[0].Grant, 3) }, "not of as many messages"},
		{"a quota without its post-quantum keys", quota, withoutKind(parcel.PQSendingKey), "not of as many messages"},
		{"a quota with a gap", quota, entries(func(l []parcel.Entry) []parcel.Entry {
			for i := range l {
				if l[i].Kind == parcel.SendingKey {
					l[i].Index += uint32(i)
				}
			}
			return l
		}), "not of as many messages"},
		{"undelivered, and answered", grantOf("copy", "root"), func(r *run) { r.messages[0].delivered, r.messages[0].deliveredAt = false, 0 }, "made against another than the one"},
		{"made against an older key", grantOf("copy", "root"), func(r *run) {
			for _, x := range r.ledger.turns {
				if x.Key == r.messages[3].key {
					x.Against = r.messages[0].key
				}
			}
		}, "made against another than the one"},
		{"delivered later, and answered before", grantOf("copy", "root"), func(r *run) { r.messages[2].deliveredAt = r.messages[3].at + 1 }, "made against another than the one"},
		{"undelivered, at a time", talk(Grant{Via: "copy", Atoms: []string{"root"}}, Step{Send: &Send{From: Customer, Hold: true}}), func(r *run) {
			r.messages[8].deliveredAt = 7
		}, "delivered at no time"},
		{"an answer to nothing", neverBegun(), func(r *run) { r.injected[0].base = r.messages[0].base }, "has no first message"},
		{"an answer to its own", neverBegun(), func(r *run) { r.injected[0].from = attack.Business }, "has no first message"},
	}
}

// neverBegun is of a session that the business began from a bundle and wrote nothing in: the
// customer was first, in one of hers. Who is given all archived states answers in it, the business
// goes on there, and no first message is ever sent.
func neverBegun() *Scenario {
	return &Scenario{
		Protocol: 4, Seed: 1, Initiator: Business,
		Principals: []Principal{{ID: "p", Role: Provider}, {ID: "p2", Role: Outsider}},
		Script: []Step{
			{Send: &Send{From: Customer}}, {Send: &Send{From: Business}}, {Send: &Send{From: Customer}}, {Send: &Send{From: Business}},
			{Grant: &Grant{Name: "g", To: "p", Via: "copy", Atoms: []string{"archived"}}},
			{Inject: &Inject{By: "p", As: Customer, To: Business, Text: "not by me"}},
			{Send: &Send{From: Business}}, {Send: &Send{From: Customer}},
		},
	}
}

func byWay(g *Grant, via string) *Grant    { c := *g; c.Via = via; return &c }
func toAnother(g *Grant, to string) *Grant { c := *g; c.To = to; return &c }
func ofCount(g *Grant, count int) *Grant   { c := *g; c.Count = count; return &c }

// TestLiar: a maker of bundles changes one fact and recomputes everything that follows. Both
// verifiers refuse each product, and custodian/check for the reason that the fact is bound by
// (B15.15).
func TestLiar(t *testing.T) {
	var shown []shownBundle
	honest := make(map[string]bool)
	for _, l := range lies() {
		b := l.bundle(t)
		_, err := check.Verify(b)
		if err == nil {
			t.Errorf("%s: verified", l.name)
		} else if !strings.Contains(err.Error(), l.refus) {
			t.Errorf("%s: %v", l.name, err)
		}
		shown = append(shown, shownBundle{l.name, b, false})
		if k := fmt.Sprint(l.of.Script[4].Grant); !honest[k] {
			honest[k] = true
			l.tell = func(*run) {}
			shown = append(shown, shownBundle{"the truth", l.bundle(t), true})
		}
	}
	requireSame(t, shown)
}
