// Handover-midway is a shop that kept its keys for twenty messages and then hands everything to a
// provider: what of the past opens, and what of the future?
//
// Of the past, only what was still on its way: its keys were still there to be handed over. Except
// when the customer's first message had met a bundle without a one-time prekey: the shop still has
// all that it was made for, and so has the provider, who reads the beginning of the conversation,
// too.
//
//	go run ./examples/handover-midway [-lang fr]
package main

import (
	"context"
	"fmt"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

const (
	before = 20 // messages before the hand-over
	late   = 18 // one of them, which arrives only after it
)

// story plays the conversation; the shop's bundles have one-time prekeys, or have run out of them.
func story(ctx context.Context, oneTime bool) (*custodian.Report, error) {
	var script []custodian.Step
	for i := range before {
		s := tell.Customer(fmt.Sprintf("Question %d", i/2))
		if i%2 == 1 {
			s = tell.Shop(fmt.Sprintf("Answer %d", i/2))
		}
		if i == late {
			s = tell.Later(s)
		}
		script = append(script, s)
	}
	script = append(script,
		tell.Grant("hand-over", tell.Provider, "stream", "everything"),
		custodian.Step{Deliver: []int{late}},
		tell.Shop("From today our partner answers you."),
		tell.Customer("Good to know."),
		tell.Shop("Ask us anything."),
		tell.Customer("I will."))
	sc := tell.Scenario(tell.Provider, tell.Platform, script...)
	sc.NoOneTimePreKey = !oneTime
	return custodian.Evaluate(ctx, sc, nil)
}

func run(ctx context.Context, p *tell.Page) error {
	for _, oneTime := range []bool{true, false} {
		r, err := story(ctx, oneTime)
		if err != nil {
			return err
		}
		if oneTime {
			p.Title("Handed over after twenty messages", "Transmis après vingt messages")
			p.Say("Message 18 was still on its way. The rest of the past stays closed.",
				"Le message 18 était encore en chemin. Le reste du passé demeure fermé.")
		} else {
			p.Title("The same, and the first message had no one-time prekey", "De même, le premier message n'ayant pas eu de préclé à usage unique")
			p.Say("The shop still has the prekeys of the first message: its key agreement is computed again.",
				"La boutique a toujours les préclés du premier message : son accord de clés est recalculé.")
		}
		p.Lanes(r, tell.Provider)
		p.Verdicts(r, tell.Provider, "G1", "G2", "G4")
	}
	return nil
}

func main() { tell.Main(run) }
