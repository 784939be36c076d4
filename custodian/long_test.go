package custodian

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// pingPong is a conversation of n messages in turns with a grant after the first at.
func pingPong(protocol, n, at int, via string, atoms ...string) *Scenario {
	sc := &Scenario{Protocol: protocol, Seed: 5, Principals: []Principal{{ID: "p", Role: Provider, Quantum: true}}}
	for i := range n {
		if i == at {
			sc.Script = append(sc.Script, Step{Grant: &Grant{Name: "g", To: "p", Atoms: atoms, Via: via}})
		}
		sc.Script = append(sc.Script, Step{Send: &Send{From: []string{Customer, Business}[i%2]}})
	}
	return sc
}

func evaluate(t *testing.T, sc *Scenario) *Report {
	t.Helper()
	r, err := Evaluate(context.Background(), sc, nil)
	require.NoError(t, err)
	requireAgreement(t, r, "%v", sc.Seed)
	return r
}

// TestTwoClocks: after one handover of a session the elliptic-curve half heals in one or two
// messages, the post-quantum half in an epoch or two (custody B3 T1, T2). A constant would be a
// fake.
func TestTwoClocks(t *testing.T) {
	seen := make(map[int]bool)
	step := map[bool]int{false: 9, true: 27}[testing.Short()]
	for at := 2; at < 180; at += step { // in turn after the business and after the customer
		r := evaluate(t, pingPong(4, at+190, at, "copy", "session"))
		h := r.Find("G5", "p").Healing()
		require.NotNil(t, h.Classical)
		require.NotNil(t, h.Quantum)
		want := 1 // the business had just sent
		if at%2 == 1 {
			want = 2 // it had just received
		}
		require.Equal(t, want, *h.Classical, "grant at %d", at)
		require.GreaterOrEqual(t, *h.Quantum, 75, "grant at %d", at)
		require.LessOrEqual(t, *h.Quantum, 180, "grant at %d", at)
		seen[*h.Quantum] = true
		t.Logf("grant at %d: %d and %d messages", at, *h.Classical, *h.Quantum)
	}
	require.Greater(t, len(seen), 4, "the clock must depend on the phase")
}
