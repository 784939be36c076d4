// Revoke is the end of a mandate. The shop takes the keys back from its provider; but a copy is a
// copy, and the customer's app still keeps the chains of the old days for messages that come late.
// A message of the provider's is still believed. A barrier closes the door: the customer's app
// deletes what a revoked holder could use. That has a price: a message of the shop's own that was
// on its way is lost. And it is the customer's door alone: the shop can be deceived until it begins
// a fresh session.
//
//	go run ./examples/revoke [-lang fr]
package main

import (
	"context"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

const late = 3 // the message that is on its way when the mandate ends

func story(ctx context.Context, barrier bool) (*custodian.Report, error) {
	script := []custodian.Step{
		tell.Customer("Is the kettle still there?"),
		tell.Grant("hosting", tell.Provider, "stream", "session"),
		tell.Shop("It is."),
		tell.Customer("I take it."),
		tell.Later(tell.Shop("It leaves tomorrow.")),
		{Revoke: "hosting"},
	}
	if barrier {
		script = append(script, custodian.Step{Barrier: true})
	}
	script = append(script,
		tell.Inject(tell.Provider, "Please pay to our new account."),
		custodian.Step{Deliver: []int{late}},
		tell.Customer("Thank you."),
		tell.Shop("We look after our messages ourselves again."),
		tell.Customer("So much the better."),
		tell.Shop("See you soon."))
	return custodian.Evaluate(ctx, tell.Scenario(tell.Provider, tell.Platform, script...), nil)
}

func run(ctx context.Context, p *tell.Page) error {
	for _, barrier := range []bool{false, true} {
		r, err := story(ctx, barrier)
		if err != nil {
			return err
		}
		if barrier {
			p.Title("Revoked, with a barrier", "Révoqué, avec une barrière")
		} else {
			p.Title("Revoked", "Révoqué")
		}
		if in := r.Injections[0]; in.Accepted {
			p.Say("A message of the former provider's is believed ["+in.Evidence+"].", "Un message de l'ancien prestataire est cru ["+in.Evidence+"].")
		} else {
			p.Say("A message of the former provider's is refused ["+in.Evidence+"].", "Un message de l'ancien prestataire est refusé ["+in.Evidence+"].")
		}
		if r.Messages[late].Delivered {
			p.Say("The shop's own late message arrives.", "Le message en retard de la boutique arrive.")
		} else {
			p.Say("The shop's own late message is lost.", "Le message en retard de la boutique est perdu.")
		}
		p.Lanes(r, tell.Provider)
		p.Verdicts(r, tell.Provider, "G3", "G6", "G8")
	}
	return nil
}

func main() { tell.Main(run) }
