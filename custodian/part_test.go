package custodian

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/check"
)

// TestPart: which messages a part has.
func TestPart(t *testing.T) {
	list := func(p *Part) string {
		s := ""
		for i := range 8 {
			side := attack.Side(i % 2)
			s += map[bool]string{true: "x", false: "."}[p.admits(5, 1, i, side)]
		}
		return s + fmt.Sprint(" ", p.admits(5, 1, -1, attack.Customer), p.admits(5, 1, -1, attack.Business))
	}
	for _, c := range []struct {
		part Part
		want string
	}{
		{Part{From: Customer}, "x.x.x.x. true false"},
		{Part{From: Business}, ".x.x.x.x false true"},
		{Part{Messages: []int{1, 2, 6}}, ".xx...x. false false"},
		{Part{Messages: []int{}}, "........ false false"},
		{Part{Except: []int{0, 7}}, ".xxxxxx. true true"},
		{Part{From: Customer, Except: []int{0}}, "..x.x.x. true false"},
		{Part{From: Customer, Messages: []int{1, 2}, Except: []int{1}}, "..x..... false false"},
		{Part{Percent: 40}, ".xxx.... false false"}, // by SHA-256 of what the format says, with another program
	} {
		require.Equal(t, c.want, list(&c.part), "%+v", c.part)
	}
	sc := &Scenario{Principals: []Principal{{Role: Outsider, Sees: "all"}, {Role: Outsider}, {Role: Provider}, {Role: Provider, Sees: "none"}, {Role: Provider, Part: &Part{From: Customer}}}}
	for place, want := range []bool{true, false, true, false, false} {
		require.Equal(t, want, sc.sees(place, 1, attack.Business))
	}
	n := 0
	for i := range 10_000 {
		if (&Part{Percent: 30}).admits(1, 2, i, 0) {
			n++
		}
	}
	require.InDelta(t, 3000, n, 150)
}

// TestPartFormat: what is written is read again, and what is malformed is refused with the field's
// name.
func TestPartFormat(t *testing.T) {
	with := func(sees string) string {
		return `{"format":"custody-scenario-v1","protocol":4,"seed":1,"principals":[{"id":"p","role":"provider","sees":` + sees + `}],"script":[]}`
	}
	for _, sees := range []string{`{"from":"customer"}`, `{"percent":1}`, `{"percent":99,"messages":[]}`, `{"messages":[0,3],"except":[3]}`, `{"from":"business","percent":50,"messages":[1],"except":[]}`, `"none"`} {
		sc := parse(t, []byte(with(sees)))
		b, err := json.Marshal(sc)
		require.NoError(t, err)
		require.JSONEq(t, with(sees), string(b))
	}
	for sees, field := range map[string]string{
		`{}`: "principals[0].sees", `{"from":"p"}`: "principals[0].sees.from", `{"percent":0}`: "principals[0].sees.percent",
		`{"percent":100}`: "principals[0].sees.percent", `{"messages":[2,1]}`: "principals[0].sees.messages[1]", `{"messages":[-1]}`: "principals[0].sees.messages[0]",
		`{"except":[1,1]}`: "principals[0].sees.except[1]", `{"share":1}`: "principals[0].sees.share", `[]`: "principals[0].sees",
	} {
		_, err := ParseScenario([]byte(with(sees)))
		var e *ScenarioError
		require.ErrorAs(t, err, &e, sees)
		require.Equal(t, field, e.Field, sees)
	}
	for _, k := range []string{`"accept"`, `true`, `null`} {
		_, err := ParseScenario([]byte(`{"format":"custody-scenario-v1","protocol":4,"seed":1,"keyless":` + k + `,"principals":[],"script":[]}`))
		require.ErrorContains(t, err, "keyless")
	}
	_, err := ParseScenario([]byte(`{"format":"custody-scenario-v1","protocol":3,"seed":1,"keyless":"refused","principals":[],"script":[]}`))
	require.ErrorContains(t, err, "keyless")
}

// TestThreshold: of an epoch's objects, whoever holds the private key needs 30 chunks of the one
// part of the ciphertext and 5 of the other; whoever holds what it was made with needs 3 of the
// header. One less, and nothing opens (T15).
func TestThreshold(t *testing.T) {
	hand := func(from string, atoms ...string) Step {
		return Step{Grant: &Grant{Name: from + atoms[0], To: "p", From: from, Atoms: atoms, Via: "copy"}}
	}
	for _, c := range []struct {
		kind   byte
		needed int
		first  Step
		secret Step
	}{
		{5, 30, hand(Customer, "pq-root"), hand(Customer, "pq-decapsulation")},
		{6, 5, hand(Customer, "pq-root"), hand(Customer, "pq-decapsulation")},
		{1, 3, hand(Business, "pq-root"), hand(Business, "pq-encapsulation")},
	} {
		sc := pingPong(4, 122, 200, "copy")
		script := append(append(append([]Step{}, sc.Script[:2]...), c.first), sc.Script[2:40]...)
		script = append(append(append(script, c.secret), sc.Script[40:120]...), hand(Business, "session-ec"))
		sc.Script = append(script, sc.Script[120:]...)
		r, err := play(context.Background(), sc, nil)
		require.NoError(t, err)
		chunks := []int{} // the messages with distinct chunks of the object
		seen := make(map[uint16]bool)
		for _, m := range r.messages {
			if m.pq != nil && m.pq.epoch == 1 && m.pq.kind == c.kind {
				require.False(t, seen[m.pq.chunk])
				seen[m.pq.chunk] = true
				chunks = append(chunks, m.number)
			}
		}
		require.GreaterOrEqual(t, len(chunks), c.needed)
		for _, k := range []int{0, c.needed - 1, c.needed} {
			sc.Principals[0].Part = &Part{Except: chunks[k:]}
			require.NoError(t, sc.Check())
			rep := evaluate(t, sc)
			reads := 0
			for _, m := range rep.Messages[120:] {
				reads += len(m.ReadableBy)
			}
			require.Equal(t, k >= c.needed, reads > 0, "kind %d, %d chunks", c.kind, k)
		}
	}
}

// TestLearntFromNames: who sees no ciphertext learns ratchet keys from the names of what it is
// given, and is believed.
func TestLearntFromNames(t *testing.T) {
	for _, sees := range []string{"all", "none"} {
		sc := &Scenario{Protocol: 3, Seed: 1, Principals: []Principal{{ID: "p", Role: Provider, Sees: sees}}, Script: []Step{
			{Send: &Send{From: Business}},
			{Grant: &Grant{Name: "g", To: "p", Via: "stream", Atoms: []string{"receiving-chains", "root", "ratchet-private"}}},
			{Send: &Send{From: Customer}},
			{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "pay here"}},
		}}
		r := evaluate(t, sc)
		require.True(t, r.Injections[0].Accepted, sees)
		require.Equal(t, Lost, r.Find("G6", "p").Result(), sees)
		require.Equal(t, sees == "all", r.Find("G2", "p").Result() == Lost, sees)
		_, err := check.Verify(bundleOf(t, sc, Lab))
		require.NoError(t, err)
	}
}
