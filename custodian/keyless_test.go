package custodian

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// whoForges lists the messages in whose place the principal could have put one of its own.
func whoForges(r *Report, principal string) (list []int) {
	for _, m := range r.Messages {
		for _, p := range m.ForgeableBy {
			if p == principal {
				list = append(list, m.I)
			}
		}
	}
	return list
}

// TestKeyless: a receiver takes a message that carries no post-quantum key, in any epoch, so the
// elliptic-curve half alone forges; it reads nothing. A receiver that refuses such messages is
// another matter.
func TestKeyless(t *testing.T) {
	for _, c := range []struct {
		atoms   []string
		keyless string
		forges  []int
		g6, g7  Result
	}{
		{[]string{"session-ec"}, "", []int{4, 5}, Lost, Lost},
		{[]string{"session-ec"}, KeylessAccepted, []int{4, 5}, Lost, Lost},
		{[]string{"session-ec"}, KeylessRefused, nil, Held, Held},
		{[]string{"sending-chain"}, "", []int{5, 7}, Lost, Held},
		{[]string{"sending-chain"}, KeylessRefused, nil, Held, Held},
		{[]string{"root"}, "", []int{4}, Held, Lost},
		{[]string{"receiving-chains"}, "", []int{4, 6}, Held, Lost},
		{[]string{"ratchet-private", "session-pq"}, "", nil, Held, Held},
		{[]string{"session"}, "", []int{4, 5}, Lost, Lost},
		{[]string{"session"}, KeylessRefused, []int{4, 5}, Lost, Lost},
	} {
		sc := pingPong(4, 8, 4, "copy", c.atoms...)
		sc.Keyless = c.keyless
		require.NoError(t, sc.Check())
		r := evaluate(t, sc)
		requireAgreement(t, r, "%v", c)
		require.Equal(t, c.g6, r.Find("G6", "p").Result(), "%v", c)
		require.Equal(t, c.g7, r.Find("G7", "p").Result(), "%v", c)
		for _, i := range c.forges {
			require.Contains(t, whoForges(r, "p"), i, "%v", c)
		}
		if len(c.forges) == 0 {
			require.Empty(t, whoForges(r, "p"), "%v", c)
		}
		if len(c.atoms) == 1 && c.atoms[0] != "session" {
			for _, m := range r.Messages {
				require.Empty(t, m.ReadableBy)
			}
		}
	}
}

// TestKeylessInside: inside a first message nothing was received yet, so a strict receiver takes
// one too.
func TestKeylessInside(t *testing.T) {
	for _, keyless := range []string{KeylessAccepted, KeylessRefused} {
		sc := &Scenario{Protocol: 4, Keyless: keyless, Principals: []Principal{{ID: "p", Role: Provider}}, Script: []Step{
			{Send: &Send{From: Customer, Hold: true}},
			{Grant: &Grant{Name: "g", To: "p", From: Customer, Atoms: []string{"sending-chain"}, Via: "copy"}},
			{Send: &Send{From: Customer}},
			{Deliver: []int{0}},
			{Send: &Send{From: Customer}},
		}}
		r := evaluate(t, sc)
		requireAgreement(t, r, "%s", keyless)
		want := []int{1, 2} // the third is asked about when two with keys have come
		if keyless == KeylessRefused {
			want = want[:1]
		}
		require.Equal(t, want, whoForges(r, "p"))
	}
}

// TestAuthenticityDoesNotHeal: who follows the elliptic-curve half forges at every later epoch of
// the other, and no less than who has both; the other half alone forges nothing (T18).
func TestAuthenticityDoesNotHeal(t *testing.T) {
	n := 40
	if !testing.Short() {
		n = 400 // several epochs
	}
	forged := make(map[string][]int)
	for _, atoms := range []string{"session-ec", "session-pq", "session"} {
		r := evaluate(t, pingPong(4, n, 4, "stream", atoms))
		requireAgreement(t, r, "%s", atoms)
		forged[atoms] = whoForges(r, "p")
	}
	require.Empty(t, forged["session-pq"])
	require.Equal(t, forged["session"], forged["session-ec"])
	require.Len(t, forged["session-ec"], n-4)
}

// TestKeylessIsNamed: a forgery is S11 if and only if its message has no post-quantum key, and one
// with a key is preferred.
func TestKeylessIsNamed(t *testing.T) {
	for atoms, want := range map[string]string{"session": "S1", "session-ec": "S11"} {
		sc := pingPong(4, 6, 6, "copy")
		sc.Script = append(sc.Script, Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{atoms}, Via: "copy"}},
			Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "Pay here instead."}}, Step{Send: &Send{From: Customer}})
		r, err := play(context.Background(), sc, nil)
		require.NoError(t, err)
		rep, err := r.report("", "")
		require.NoError(t, err)
		requireAgreement(t, rep, "%s", atoms)
		require.True(t, rep.Injections[0].Accepted)
		f := r.injected[0]
		require.NotNil(t, f.pq)
		require.Equal(t, want == "S11", f.pq.index == 0)
		claims := ""
		for _, e := range rep.Evidence {
			claims += e.Claim + "\n"
		}
		require.Contains(t, claims, fmt.Sprintf("(%s)", want))
		require.Equal(t, want == "S11", !strings.Contains(claims, "(S1)"))
	}
}
