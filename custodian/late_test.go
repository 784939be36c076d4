package custodian

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// grantStep hands a principal something of the business's.
func grantStep(name, to, via string, atoms ...string) Step {
	return Step{Grant: &Grant{Name: name, To: to, Atoms: atoms, Via: via}}
}

func injectStep(as, to string) Step {
	return Step{Inject: &Inject{By: "p", As: as, To: to, Text: "One more thing."}}
}

// then is a conversation of four messages in turns, with steps after it.
func then(protocol int, steps ...Step) *Scenario {
	sc := pingPong(protocol, 4, 4, "copy")
	sc.Principals = append(sc.Principals, Principal{ID: "x", Role: Outsider})
	sc.Script = append(sc.Script, steps...)
	return sc
}

// TestLostAndHeld has for each guarantee a conversation in which it is lost, one in which it is
// held, and what is conditional; and verifies the bundle of each.
func TestLostAndHeld(t *testing.T) {
	customer, business := Step{Send: &Send{From: Customer}}, Step{Send: &Send{From: Business}}
	session := grantStep("g", "p", "copy", "session")
	quota := Step{Grant: &Grant{Name: "q", To: "p", Via: "quota", Count: 1}}
	revoke := Step{Revoke: "g"}
	asBusiness, asCustomer := injectStep(Business, Customer), injectStep(Customer, Business)
	for _, c := range []struct {
		name     string
		id       string
		who      string
		want     Result
		messages int
		of       int
		steps    []Step
	}{
		{"nothing was handed over", "G1", "p", Held, 0, 0, []Step{customer}},
		{"a stream from now on", "G2", "p", Lost, 2, 2, []Step{grantStep("g", "p", "stream", "session"), customer, business}},
		{"nothing is sent under it", "G2", "p", Held, 0, 0, []Step{session, revoke, customer}},
		{"two messages of the copied state", "G3", "p", Lost, 1, 2, []Step{session, revoke, customer, business}},
		{"a chain of the past", "G3", "p", Held, 0, 2, []Step{grantStep("g", "p", "copy", "skipped"), revoke, customer, business}},
		{"late on a kept chain", "G8", "p", Lost, 2, 2, []Step{session, revoke, customer, business}},
		{"late, with a barrier", "G8", "p", Held, 0, 2, []Step{session, revoke, {Barrier: true}, customer, business}},
		{"late from an archived session", "G8", "p", Lost, 3, 3, []Step{session, revoke, {Rotate: "session"}, customer, business, customer}},
		{"late from an archived session, with a barrier", "G8", "p", Held, 0, 3, []Step{session, revoke, {Rotate: "session"}, {Barrier: true}, customer, business, customer}},
		{"nothing to forge with", "G8", "p", Held, 0, 1, []Step{grantStep("g", "p", "copy", "skipped"), revoke, customer}},
		{"a quota that was not used", "G8", "p", Lost, 0, 0, []Step{quota, {Revoke: "q"}}},
		{"the identity key", "G9", "p", Lost, 2, 2, []Step{grantStep("g", "p", "copy", "identity"), customer}},
		{"a session alone", "G9", "p", Held, 0, 2, []Step{session, customer}},
		{"the identity key, rotated", "G9", "p", Lost, 1, 3, []Step{grantStep("g", "p", "copy", "identity"), {Rotate: "identity"}}},
		{"who sees it go by", "G13", "p", Lost, 4, 4, nil},
		{"who sees nothing", "G13", "x", Held, 0, 4, nil},
		{"who was given a text", "G13", "x", Lost, 4, 4, []Step{grantStep("g", "x", "copy", "plaintext")}},
		{"under the mandate", "G16", "p", Conditional, 0, 1, []Step{grantStep("g", "p", "copy", "session"), asBusiness}},
		{"after the mandate", "G16", "p", Lost, 1, 1, []Step{session, revoke, asBusiness}},
		{"in the name of the other end", "G16", "p", Lost, 1, 2, []Step{session, asBusiness, asCustomer}},
		{"a quota used up", "G16", "p", Held, 0, 1, []Step{quota, asBusiness}},
		{"a quota used up twice", "G16", "p", Lost, 1, 2, []Step{session, revoke, quota, asBusiness, asBusiness}},
		{"a mandate to read", "G16", "p", Held, 0, 0, []Step{grantStep("g", "p", "copy", "plaintext"), customer}},
		{"a reserved place", "G17", "p", Held, 0, 5, []Step{quota, asBusiness, business}},
		{"two writers on a chain", "G17", "p", Lost, 1, 5, []Step{grantStep("g", "p", "copy", "sending-chain", "pq-sending-chain"), asBusiness, business}},
		{"two who could", "G17", "p", Conditional, 0, 5, []Step{grantStep("g", "p", "copy", "sending-chain", "pq-sending-chain"), business}},
	} {
		for _, protocol := range []int{3, 4} {
			name := fmt.Sprintf("%s: %s, protocol %d", c.id, c.name, protocol)
			r, b, err := EvaluateBundle(context.Background(), then(protocol, c.steps...), nil, Publishable)
			require.NoError(t, err, name)
			v := r.Find(c.id, c.who)
			require.NotNil(t, v, name)
			require.Equal(t, []any{c.want, c.messages, c.of}, []any{v.Result(), v.Messages(), v.Of()}, "%s: %s", name, v.Text().EN)
			_, err = check.Verify(b)
			require.NoError(t, err, name)
			if c.of == 0 && c.want == Held {
				require.NotContains(t, v.Text().EN, "none of the 0", name)
			}
		}
	}
}

// TestLateForger: the former provider, who has the chain that was current when its mandate ended,
// writes when the customer has met one to seven newer chains, with the barrier and without; and
// from a session that she has archived. What she takes is what G8 says (B15.10, T12).
func TestLateForger(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		for newer := range 8 {
			for _, barrier := range []bool{false, true} {
				sc := then(protocol, grantStep("g", "p", "copy", "sending-chain", "pq-sending-chain"), Step{Revoke: "g"})
				if barrier {
					sc.Script = append(sc.Script, Step{Barrier: true})
				}
				turns(sc, 2*newer)
				sc.Script = append(sc.Script, injectStep(Business, Customer))
				turns(sc, 2)
				r := evaluate(t, sc)
				name := fmt.Sprintf("protocol %d, %d newer chains, barrier %v", protocol, newer, barrier)
				v := r.Find("G8", "p")
				require.Equal(t, newer < 5 && !barrier, r.Injections[0].Accepted, name)
				require.Equal(t, map[bool]Result{true: Held, false: Lost}[barrier], v.Result(), name)
				if barrier {
					require.Zero(t, v.Messages())
					continue
				}
				// The last message before which five newer chains had not come.
				require.Equal(t, min(2*newer+2, 10), v.Messages(), name)
				require.Equal(t, v.Messages() == v.Of(), strings.Contains(v.Text().EN, "at the end"), name)
			}
		}
	}
}

// TestMetadata: what each principal saw, in numbers.
func TestMetadata(t *testing.T) {
	sc := then(4, grantStep("g", "x", "copy", "plaintext"))
	sc.Principals = append(sc.Principals, Principal{ID: "o", Role: Operator}, Principal{ID: "y", Role: Outsider, SameAs: "o"}, Principal{ID: "z", Role: Outsider})
	r, err := play(context.Background(), sc, nil)
	require.NoError(t, err)
	rep, err := r.report("", "")
	require.NoError(t, err)
	size := 0
	for _, m := range r.messages {
		size += len(m.message.Body)
	}
	for who, want := range map[string]Metadata{
		"p": {true, true, 4, size}, "o": {true, true, 4, size}, "y": {true, true, 4, size}, "x": {true, false, 4, 0}, "z": {},
	} {
		require.Equal(t, want, *rep.Find("G13", who).Metadata(), who)
	}
}

// TestSeverity: the class is what the formula makes of the inputs, and rises with each.
func TestSeverity(t *testing.T) {
	w := &writer{run: &run{messages: make([]*sent, 200)}}
	class := func(g guarantee, result Result, messages, of, first, end int) Severity {
		id := w.evidence.addAbout("witness", Text{}, first, end)
		return w.weigh(&Verdict{g: g, result: result, messages: messages, of: of, evidence: []string{id}})
	}
	for _, c := range []struct {
		got  Severity
		want string
	}{
		{class(g2, Held, 0, 9, 0, 0), "none"},
		{class(g2, Unknown, 0, 9, 0, 0), "unknown"},
		{class(g17, Conditional, 0, 9, 0, 0), "high"},
		{class(g2, Lost, 1, 100, 7, 8), "medium"},
		{class(g2, Lost, 30, 100, 7, 90), "high"},
		{class(g2, Lost, 90, 100, 7, 90), "critical"},
		{class(g6, Lost, 90, 100, 7, 90), "high"},
		{class(g6, Lost, 90, 100, 7, 200), "critical"},
		{class(g5, Lost, 1, 200, 199, 200), "medium"},
		{class(g5, Lost, 100, 200, 199, 200), "high"},
		{class(g1, Lost, 9, 9, 0, 200), "critical"},
	} {
		require.Equal(t, c.want, c.got.Class, "%+v", c.got.Inputs)
	}
	for n, want := range map[int]int{0: 0, 1: 1, 2: 1, 3: 2, 20: 2, 21: 3, 100: 3, 101: 4, 200: 4} {
		require.Equal(t, want, exposure(n, 200), n)
	}
	require.Zero(t, exposure(1, 0))
	for _, f := range families {
		require.Contains(t, weights, f.id)
	}
}

// TestFrench: a French table has no English left: none of the English sentences of the report is in
// it.
func TestFrench(t *testing.T) {
	for n := range uint64(12) {
		sc := randomScenario(n)
		sc.Script = append(sc.Script, grantStep("early", "p", "copy", "pq-skipped"))
		r := evaluate(t, sc)
		var b strings.Builder
		require.NoError(t, r.WriteTable(&b, "fr"))
		flat := strings.Join(strings.Fields(b.String()), " ")
		var english []string
		for i := range r.Verdicts {
			english = append(english, r.Verdicts[i].Text().EN)
			require.NotEqual(t, r.Verdicts[i].Text().EN, r.Verdicts[i].Text().FR)
		}
		for _, s := range slices.Concat(english, r.Limits, r.Assumptions) {
			require.NotContains(t, flat, strings.Join(strings.Fields(s), " "))
		}
		for _, word := range []string{" the ", " of ", " and ", "HELD", "LOST"} {
			require.NotContains(t, flat, word)
		}
		require.Len(t, r.LimitsIn("fr"), len(r.Limits))
		require.Equal(t, r.Limits, r.LimitsIn("en"))
		for i, s := range r.AssumptionsIn("fr") {
			require.NotEqual(t, r.Assumptions[i], s)
		}
	}
}
