package custodian

import (
	"context"
	"fmt"
	"testing"
)

// longConversation is a ping-pong of n messages of which a provider is handed the session in the middle.
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

// BenchmarkEvaluate is the cost of a report by the length of the conversation: linear, in time and memory.
func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("messages=%d", n), func(b *testing.B) {
			if testing.Short() && n > 1000 {
				b.Skip("long")
			}
			sc := longConversation(4, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Evaluate(context.Background(), sc, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/message")
		})
	}
}
