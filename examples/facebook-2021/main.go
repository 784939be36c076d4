// Facebook-2021 is the hosting that was announced for 2021: the provider that keeps a shop's keys
// is the operator of the platform that carries the messages. To the cryptography it is a provider
// like any other. But what two strangers knew apart meets in one place: the operator always knew
// that a customer wrote to the shop, when and how much; now it reads the words, too.
//
//	go run ./examples/facebook-2021 [-lang fr]
package main

import (
	"context"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

const host = "host"

func story(ctx context.Context, merged bool) (*custodian.Report, error) {
	sc := tell.Scenario(host, tell.Platform,
		tell.Grant("hosting", host, "stream", "everything"),
		tell.Customer("Do you have something against a headache that goes with my tablets?"),
		tell.Shop("We do. Which tablets are they?"),
		tell.Customer("I would rather not say."),
		tell.Shop("Then ask your doctor first, please."))
	sc.Principals[0].Sees = "all"
	if merged {
		sc.Principals[1].SameAs = host
	}
	return custodian.Evaluate(ctx, sc, nil)
}

func run(ctx context.Context, p *tell.Page) error {
	for _, merged := range []bool{false, true} {
		r, err := story(ctx, merged)
		if err != nil {
			return err
		}
		if merged {
			p.Title("Hosted by the operator of the platform", "Hébergé par l'opérateur de la plateforme")
		} else {
			p.Title("Hosted by a third party", "Hébergé par un tiers")
		}
		p.Lanes(r, host, tell.Platform)
		p.Verdicts(r, tell.Platform, "G2", "G6", "G13")
		p.Headline(r)
	}
	return nil
}

func main() { tell.Main(run) }
