// Delivery-notices is the least that a shop can hand over for a provider to announce its parcels:
// three message keys, and no chain key. The provider writes its three notices to the customer. A
// fourth is not believed, and the customer's answer is not for it to read.
//
//	go run ./examples/delivery-notices [-lang fr]
package main

import (
	"context"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

// notices are what the provider writes; it holds keys for all but the last.
var notices = []string{
	"Your parcel has left our house.",
	"Your parcel is out for delivery.",
	"Your parcel was delivered.",
	"Open your account at this address to get a refund.",
}

func story(ctx context.Context) (*custodian.Report, error) {
	script := []custodian.Step{
		tell.Customer("One blue kettle, please, to 3 Mill Lane."),
		tell.Shop("Thank you. Our carrier will keep you informed."),
		{Grant: &custodian.Grant{Name: "notices", To: tell.Provider, Via: "quota", Count: len(notices) - 1}},
	}
	for _, text := range notices {
		script = append(script, tell.Inject(tell.Provider, text))
	}
	script = append(script,
		tell.Customer("It is here. My door code, for next time, is 4711."),
		tell.Shop("Noted. Enjoy your tea!"))
	return custodian.Evaluate(ctx, tell.Scenario(tell.Provider, tell.Platform, script...), nil)
}

func run(ctx context.Context, p *tell.Page) error {
	r, err := story(ctx)
	if err != nil {
		return err
	}
	p.Title("A mandate for three notices", "Un mandat pour trois avis")
	p.Say("The shop gives "+tell.Provider+" three message keys of its chain, and not the chain. What came of the notices:",
		"La boutique donne à "+tell.Provider+" trois clés de message de sa chaîne, et non la chaîne. Ce que les avis sont devenus :")
	for i, in := range r.Injections {
		if in.Accepted {
			p.Say("  "+ordinal[i].EN+" notice: the customer believes it ["+in.Evidence+"]", "  "+ordinal[i].FR+" avis : le client y croit ["+in.Evidence+"]")
		} else {
			p.Say("  "+ordinal[i].EN+" notice: refused ["+in.Evidence+"]", "  "+ordinal[i].FR+" avis : refusé ["+in.Evidence+"]")
		}
	}
	p.Lanes(r, tell.Provider)
	p.Verdicts(r, tell.Provider, "G2", "G6", "G7", "G16")
	return nil
}

var ordinal = []custodian.Text{{EN: "First", FR: "Premier"}, {EN: "Second", FR: "Deuxième"}, {EN: "Third", FR: "Troisième"}, {EN: "Fourth", FR: "Quatrième"}}

func main() { tell.Main(run) }
