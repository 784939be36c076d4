// One-way is traffic that never heals. A provider had the shop's session for a moment, long ago.
// The shop goes on announcing deliveries; the customer has nothing to answer. As long as nothing
// comes back, no ratchet turns, and the provider reads on. One reply ends that, for today's
// computers. For a quantum computer that kept what it saw, the post-quantum ratchet needs a round
// of a hundred messages and more.
//
//	go run ./examples/one-way [-lang fr]
package main

import (
	"context"
	"fmt"
	"strconv"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

const announcements = 30

// story is the announcements after the provider's moment. After reply of them the customer answers;
// 0 is never.
func story(ctx context.Context, reply int) (*custodian.Report, error) {
	script := []custodian.Step{
		tell.Customer("Please keep me informed."),
		tell.Shop("We will."),
		tell.Grant("moment", tell.Provider, "copy", "session"),
		{Revoke: "moment"},
	}
	for i := range announcements {
		script = append(script, tell.Shop(fmt.Sprintf("Delivery number %d is on its way.", i+1)))
		if i+1 == reply {
			script = append(script, tell.Customer("Thank you."))
		}
	}
	sc := tell.Scenario(tell.Provider, tell.Platform, script...)
	sc.Principals[0].Quantum = true
	return custodian.Evaluate(ctx, sc, nil)
}

func run(ctx context.Context, p *tell.Page) error {
	for _, reply := range []int{0, 10} {
		r, err := story(ctx, reply)
		if err != nil {
			return err
		}
		if reply == 0 {
			p.Title("Thirty announcements, and no reply", "Trente annonces, et aucune réponse")
		} else {
			p.Title("The same, with one reply after the tenth", "De même, avec une réponse après la dixième")
		}
		p.Lanes(r, tell.Provider)
		h := r.Find("G5", tell.Provider).Healing()
		p.Say("Protection comes back: today's computers, "+clock(h.Classical, "never", "after %s messages")+"; a quantum computer, "+clock(h.Quantum, "never", "after %s messages")+".",
			"La protection revient : ordinateurs actuels, "+clock(h.Classical, "jamais", "après %s messages")+" ; ordinateur quantique, "+clock(h.Quantum, "jamais", "après %s messages")+".")
		p.Verdicts(r, tell.Provider, "G3", "G5", "G12")
	}
	return nil
}

func clock(n *int, never, after string) string {
	if n == nil {
		return never
	}
	return fmt.Sprintf(after, strconv.Itoa(*n))
}

func main() { tell.Main(run) }
