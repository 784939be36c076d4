package custodian

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// longConversation is a ping-pong of n messages of which a provider is handed the session in the
// middle.
func longConversation(protocol, n int) *Scenario {
	sc := &Scenario{Protocol: protocol, Seed: 5, Principals: []Principal{{ID: "p", Role: Provider}, {ID: "x", Role: Outsider}}}
	for i := range n {
		if i == n/2 {
			sc.Script = append(sc.Script, Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "copy"}})
		}
		sc.Script = append(sc.Script, Step{Send: &Send{From: []string{Customer, Business}[i%2]}})
	}
	return sc
}

// TestLinear: a message of a conversation that is four times as long costs no more memory, whatever
// was handed over. Time is the benchmark's.
func TestLinear(t *testing.T) {
	for _, c := range []struct{ atoms, via string }{{"session", "copy"}, {"everything", "stream"}, {"session-ec", "stream"}, {"plaintext", "stream"}} {
		perMessage := func(n int) float64 {
			sc := pingPong(4, n, 4, c.via, c.atoms)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Evaluate(context.Background(), sc, nil)
			require.NoError(t, err)
			runtime.ReadMemStats(&after)
			return float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
		}
		short, long := perMessage(100), perMessage(400)
		t.Logf("%s by %s: %.0f and %.0f bytes a message", c.atoms, c.via, short, long)
		require.Less(t, long, 1.5*short, c.atoms)
	}
}

// BenchmarkEvaluate is the cost of a report by the length of the conversation and what is handed
// over: linear, in time and memory. Hosted is everything by stream from the first message on.
func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		hosted := pingPong(4, n, 0, "stream", "everything")
		hosted.Principals = append(hosted.Principals, Principal{ID: "x", Role: Outsider})
		for _, c := range []struct {
			grant string
			sc    *Scenario
		}{{"copy", longConversation(4, n)}, {"hosted", hosted}} {
			b.Run(fmt.Sprintf("messages=%d/grant=%s", n, c.grant), func(b *testing.B) {
				if testing.Short() && n > 1000 {
					b.Skip("long")
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Evaluate(context.Background(), c.sc, nil); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/message")
			})
		}
	}
}
