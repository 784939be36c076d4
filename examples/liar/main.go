// Liar asks what comes of a shop, or of its provider, that does not tell the truth about who holds
// the keys. Each lie is played: what the customer's app shows in the end, whether the customer
// could have caught it, and what the report says, which knows what was really handed over.
//
// Most lies are caught by whoever checks signatures and keeps what was said before. Two are not: a
// shop that hands over its keys and says that nobody has them, and one that says nothing at all. No
// cryptography shows the absence of a copy.
//
//	go run ./examples/liar [-lang fr]
package main

import (
	"context"
	"fmt"
	"slices"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

// A lie is what is done and said between two exchanges of messages.
type lie struct {
	name   custodian.Text
	script []custodian.Step
}

var handOver = tell.Grant("hosting", tell.Provider, "stream", "everything")

// nobody is the statement that nobody else holds anything; hosted is that the provider holds
// everything.
func nobody() custodian.Statement { return custodian.Statement{} }

func hosted() custodian.Statement {
	return custodian.Statement{Grants: []custodian.Mandate{{To: tell.Provider, Atoms: []string{"everything"}, Via: "stream"}}}
}

// forged is the provider's own denial. Under one profile the identity key signs, which it was
// handed, under the other a key that no provider ever has.
func forged(profile string) custodian.Step {
	return tell.Say(custodian.Statement{By: tell.Provider, Profile: profile})
}

var (
	truth  = tell.Say(hosted())
	denial = tell.Say(nobody())
	lost   = tell.Say(custodian.Statement{Grants: hosted().Grants, Withhold: true})
	double = tell.Say(custodian.Statement{Equivocate: true})
	replay = tell.Say(custodian.Statement{Replay: 1})
)

var lies = []lie{
	{custodian.Text{EN: "No lie: the shop says who hosts it", FR: "Aucun mensonge : la boutique dit qui l'héberge"},
		[]custodian.Step{denial, truth, handOver}},
	{custodian.Text{EN: "The shop says that nobody does", FR: "La boutique dit que personne ne l'héberge"},
		[]custodian.Step{denial, handOver}},
	{custodian.Text{EN: "The shop says nothing at all", FR: "La boutique ne dit rien du tout"},
		[]custodian.Step{handOver}},
	{custodian.Text{EN: "It says one thing here, another there", FR: "Elle dit ceci ici, et cela ailleurs"},
		[]custodian.Step{denial, handOver, double}},
	{custodian.Text{EN: "Its statement is lost on the way", FR: "Sa déclaration se perd en chemin"},
		[]custodian.Step{denial, lost, handOver}},
	{custodian.Text{EN: "An old statement is shown again", FR: "Une vieille déclaration ressert"},
		[]custodian.Step{denial, truth, handOver, replay}},
	{custodian.Text{EN: "The provider denies, with the identity key", FR: "Le prestataire nie, avec la clé d'identité"},
		[]custodian.Step{handOver, forged(custodian.IdentitySigned)}},
	{custodian.Text{EN: "The same, against a custody root key", FR: "De même, contre une clé racine de garde"},
		[]custodian.Step{handOver, forged(custodian.CustodyRoot)}},
}

func story(ctx context.Context, l *lie) (*custodian.Report, error) {
	script := []custodian.Step{tell.Customer("Hello!"), tell.Shop("Good morning.")}
	script = append(script, l.script...)
	script = append(script,
		tell.Customer("My account number has changed. Shall I write it here?"),
		tell.Shop("Please do."),
		tell.Customer("It is 4711 0815."))
	return custodian.Evaluate(ctx, tell.Scenario(tell.Provider, tell.Platform, script...), nil)
}

// An outcome is what comes of a lie.
type outcome struct {
	shown  string // the state that the customer's app shows; "" if nobody ever told it anything
	reads  bool   // the provider reads the account number
	fooled bool   // it does, and the app says that nobody does
	honest custodian.Result
	forged custodian.Result // whether a statement could be forged: G11
}

func judge(l *lie, r *custodian.Report) outcome {
	o := outcome{shown: r.Notice.State, honest: r.Find("G14", tell.Provider).Result(), forged: r.Find("G11", tell.Provider).Result()}
	if !slices.ContainsFunc(l.script, func(s custodian.Step) bool { return s.Notice != nil }) {
		o.shown = "" // the report's notice is what an app would show that knew as much as the report
	}
	o.reads = slices.Contains(r.Messages[len(r.Messages)-1].ReadableBy, tell.Provider)
	o.fooled = o.reads && o.shown == "e2ee"
	return o
}

func run(ctx context.Context, p *tell.Page) error {
	for i := range lies {
		r, err := story(ctx, &lies[i])
		if err != nil {
			return err
		}
		o := judge(&lies[i], r)
		p.Title(fmt.Sprintf("%d. %s", i, lies[i].name.EN), fmt.Sprintf("%d. %s", i, lies[i].name.FR))
		if o.shown == "" {
			p.Say("The customer's app has nothing to go by. If it knew what the report knows, it would show:", "L'application du client n'a rien à quoi se fier. Si elle savait ce que sait le rapport, elle afficherait :")
		} else {
			p.Say("The customer's app shows:", "L'application du client affiche :")
		}
		p.Notice(r)
		if o.fooled {
			p.Say("The provider reads the account number, and the app does not know.", "Le prestataire lit le numéro de compte, et l'application l'ignore.")
		}
		p.Verdicts(r, tell.Provider, "G11", "G14", "G15")
	}
	return nil
}

func main() { tell.Main(run) }
