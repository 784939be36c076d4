package custodian

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQuota: with the keys of n messages a delegate sends n, and reads none (T10).
func TestQuota(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		for _, before := range []int{1, 2, 5, 20, 44} {
			sc := pingPong(protocol, before, before, "copy")
			sc.Script = append(sc.Script, Step{Grant: &Grant{Name: "quota", To: "p", Via: "quota", Count: 3}})
			try := Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "Your order was shipped."}}
			back := Step{Inject: &Inject{By: "p", As: Customer, To: Business, Text: "Cancel it."}}
			sc.Script = append(sc.Script, try, Step{Send: &Send{From: Business}}, try, back, try, Step{Send: &Send{From: Customer}}, try,
				Step{Send: &Send{From: Business, Count: 2}}, try)
			r := evaluate(t, sc)
			var got []bool
			for _, x := range r.Injections {
				got = append(got, x.Accepted)
			}
			require.Equal(t, []bool{true, true, false, true, false, false}, got, "protocol %d after %d messages", protocol, before)
			require.Equal(t, Held, r.Find("G2", "p").Result())
			require.Equal(t, Lost, r.Find("G6", "p").Result())
			require.Equal(t, Held, r.Find("G7", "p").Result())
			for _, m := range r.Messages {
				require.True(t, m.Delivered, "message %d: the business goes on after what it reserved", m.I)
			}
		}
	}
}

// TestEmptyQuota: without a session there is nothing to reserve.
func TestEmptyQuota(t *testing.T) {
	sc := &Scenario{Protocol: 4, Principals: []Principal{{ID: "p", Role: Provider}}, Script: []Step{
		{Grant: &Grant{Name: "quota", To: "p", Via: "quota", Count: 3}},
		{Send: &Send{From: Customer}},
	}}
	r := evaluate(t, sc)
	require.Contains(t, r.Limits[len(r.Limits)-1], "granted empty")
	require.Equal(t, Held, r.Find("G6", "p").Result())
}

// TestHijack: after an accepted hijack the customer's next messages are the hijacker's.
func TestHijack(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		for _, atoms := range [][]string{{"root", "session-pq"}, {"identity"}} {
			sc := pingPong(protocol, 6, 2, "copy", atoms...)
			sc.Script = append(sc.Script[:3], append([]Step{
				{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "Write to me."}},
			}, sc.Script[3:]...)...)
			r := evaluate(t, sc)
			require.Equal(t, atoms[0] == "identity", r.Injections[0].Accepted, "%v", atoms)
			if r.Injections[0].Accepted {
				require.Contains(t, r.Messages[2].ReadableBy, "p", "the customer writes to whom she believes")
				require.False(t, r.Messages[2].Delivered)
			}
		}
	}
}
