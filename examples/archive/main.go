// Archive is a shop that keeps its keys and gives every text, once it has been read, to a help desk
// in the cloud. No key moves. By one convention the chat is still end-to-end encrypted, as what
// happens after receipt is the receiver's own affair; by the other it is not, as a third party has
// the texts. The report does not choose: it says who has what.
//
//	go run ./examples/archive [-lang fr]
package main

import (
	"context"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

const desk = "Helpdesk"

func story(ctx context.Context) (*custodian.Report, error) {
	return custodian.Evaluate(ctx, tell.Scenario(desk, tell.Platform,
		tell.Customer("Do you sell kettles?"),
		tell.Shop("We do."),
		tell.Grant("archive", desk, "stream", "plaintext"),
		tell.Customer("A blue one, please."),
		tell.Shop("It leaves tomorrow."),
		custodian.Step{Revoke: "archive"},
		tell.Customer("Thank you!"),
		tell.Shop("You are welcome.")), nil)
}

func run(ctx context.Context, p *tell.Page) error {
	r, err := story(ctx)
	if err != nil {
		return err
	}
	p.Title("Copies of the texts, and no keys", "Des copies des textes, et aucune clé")
	p.Lanes(r, desk)
	p.Verdicts(r, desk, "G1", "G2", "G3", "G6", "G7")
	p.Title("Is this end-to-end encrypted?", "Est-ce chiffré de bout en bout ?")
	if wire(r) {
		p.Say("By the convention of the line: yes. Nobody derives a key, nobody can write in another's name; the shop passes on what it has received.",
			"Selon la convention de la ligne : oui. Personne ne dérive de clé, personne ne peut écrire au nom d'autrui ; la boutique transmet ce qu'elle a reçu.")
	}
	if ends(r) {
		p.Say("By the convention of the ends: yes.", "Selon la convention des extrémités : oui.")
	} else {
		p.Say("By the convention of the ends: no. "+desk+" has texts, and keeps them after its mandate.",
			"Selon la convention des extrémités : non. "+desk+" possède des textes, et les garde après son mandat.")
	}
	p.Headline(r)
	return nil
}

// wire is the convention of the line: nobody between the ends reads or writes. What was handed over
// is shown by the evidence: "was given" and not "reads".
func wire(r *custodian.Report) bool {
	return r.Find("G6", desk).Result() == custodian.Held && r.Find("G7", desk).Result() == custodian.Held
}

// ends is the convention of the ends: nobody but the two has the texts.
func ends(r *custodian.Report) bool {
	for _, m := range r.Messages {
		if len(m.ReadableBy) > 0 {
			return false
		}
	}
	return true
}

func main() { tell.Main(run) }
