// Newsroom reads the newspapers of 2017 to 2021 about businesses on WhatsApp. What they wrote about
// these chats can be put as claims about who reads, who writes and who notices; and a claim is true
// or false of a delegation, with evidence. No sentence is right everywhere, and none is wrong
// everywhere.
//
//	go run ./examples/newsroom [-lang fr]
package main

import (
	"context"
	"fmt"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

// The principals: a service provider, the platform's operator, an employee's help desk.
const (
	vendor = "vendor"
	desk   = "desk"
)

// A delegation is a way for a shop to look after its chats.
type delegation struct {
	name   custodian.Text
	grants []custodian.Step
	merged bool // the vendor is the operator of the platform
}

var delegations = []delegation{
	{custodian.Text{EN: "the shop's own phone or server", FR: "téléphone ou serveur de la boutique"}, nil, false},
	{custodian.Text{EN: "a vendor hosts the shop", FR: "un prestataire héberge la boutique"},
		[]custodian.Step{tell.Grant("hosting", vendor, "stream", "everything")}, false},
	{custodian.Text{EN: "the platform hosts the shop", FR: "la plateforme héberge la boutique"},
		[]custodian.Step{tell.Grant("hosting", vendor, "stream", "everything")}, true},
	{custodian.Text{EN: "own server, texts in a help desk", FR: "serveur propre, textes à l'assistance"},
		[]custodian.Step{tell.Grant("archive", desk, "stream", "plaintext")}, false},
	{custodian.Text{EN: "a vendor sends three notices", FR: "un prestataire envoie trois avis"},
		[]custodian.Step{{Grant: &custodian.Grant{Name: "notices", To: vendor, Via: "quota", Count: 3}}}, false},
}

func story(ctx context.Context, d *delegation) (*custodian.Report, error) {
	script := append(append([]custodian.Step{}, d.grants...),
		tell.Customer("Is my prescription ready?"),
		tell.Shop("From five o'clock."),
		tell.Customer("I will send my son."),
		tell.Shop("He should bring the paper."))
	if len(d.grants) > 0 && d.grants[0].Grant.Via == "quota" { // there is no chain before the first message
		script = append(script[1:2:2], append([]custodian.Step{script[2], d.grants[0]}, script[3:]...)...)
	}
	sc := tell.Scenario(vendor, tell.Platform, script...)
	sc.Principals = append(sc.Principals, custodian.Principal{ID: desk, Role: custodian.Provider, Sees: "none"})
	if d.merged {
		sc.Principals[1].SameAs = vendor
	}
	return custodian.Evaluate(ctx, sc, nil)
}

func run(ctx context.Context, p *tell.Page) error {
	reports := make([]*custodian.Report, len(delegations))
	for i := range delegations {
		var err error
		if reports[i], err = story(ctx, &delegations[i]); err != nil {
			return err
		}
	}
	for _, c := range claims {
		p.Title("“"+c.text.EN+"”", "« "+c.text.FR+" »")
		p.Say("That is: "+c.formal.EN, "C'est-à-dire : "+c.formal.FR)
		for i, r := range reports {
			a, evidence := c.holds(r)
			p.Text(line(&delegations[i], a, evidence))
		}
	}
	return nil
}

var answers = map[answer]custodian.Text{
	wrong: {EN: "FALSE", FR: "FAUX"}, right: {EN: "true", FR: "vrai"}, silent: {EN: "silent", FR: "muet"},
}

func line(d *delegation, a answer, evidence string) custodian.Text {
	return custodian.Text{
		EN: fmt.Sprintf("  %-38s%-8s[%s]", d.name.EN, answers[a].EN, evidence),
		FR: fmt.Sprintf("  %-38s%-8s[%s]", d.name.FR, answers[a].FR, evidence),
	}
}

func main() { tell.Main(run) }
