package main

import (
	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

// A claim is a sentence of the newspapers, what it comes to, and how a report decides it.
type claim struct {
	text, formal custodian.Text
	holds        func(r *custodian.Report) (a answer, evidence string)
}

// An answer is what a claim is of one delegation. A claim about keys that are held is silent where
// none are.
type answer uint8

const (
	wrong answer = iota
	right
	silent
)

var claims = []claim{
	{
		custodian.Text{EN: "Business chats stay encrypted.", FR: "Les discussions avec les entreprises restent chiffrées."},
		custodian.Text{
			EN: "nobody but the two ends reads a message or writes one in another's name.",
			FR: "hors des deux extrémités, personne ne lit de message ni n'en écrit au nom d'autrui.",
		},
		func(r *custodian.Report) (answer, string) { return all(r, "G1", "G2", "G3", "G6", "G7") },
	},
	{
		custodian.Text{EN: "Only employees of the business read the messages.", FR: "Seuls les employés de l'entreprise lisent les messages."},
		custodian.Text{
			EN: "no provider and no platform reads a message; whoever in the shop does is the shop.",
			FR: "ni prestataire ni plateforme ne lit de message ; quiconque le fait dans la boutique est la boutique.",
		},
		func(r *custodian.Report) (answer, string) { return all(r, "G1", "G2", "G3") },
	},
	{
		custodian.Text{EN: "Hosted chats are not end-to-end encrypted.", FR: "Les discussions hébergées ne sont pas chiffrées de bout en bout."},
		custodian.Text{
			EN: "if somebody else has keys of the shop, it reads what the customer writes.",
			FR: "si un tiers possède des clés de la boutique, il lit ce que le client écrit.",
		},
		hosted,
	},
	{
		custodian.Text{EN: "The platform can learn that you wrote to this shop.", FR: "La plateforme peut apprendre que vous avez écrit à cette boutique."},
		custodian.Text{
			EN: "it carries the envelopes, and sees from whom to whom, when and how much.",
			FR: "elle porte les enveloppes, et voit de qui à qui, quand et combien.",
		},
		contact,
	},
}

var principals = []string{vendor, tell.Platform, desk}

// all reports whether guarantees hold for everybody, with a certificate that says so or the first
// evidence against it.
func all(r *custodian.Report, ids ...string) (answer, string) {
	certificate := ""
	for _, who := range principals {
		for _, id := range ids {
			v := r.Find(id, who)
			if v.Result() != custodian.Held {
				return wrong, id + " " + who + " " + v.Evidence()[0]
			}
			certificate = v.Evidence()[0]
		}
	}
	return right, certificate
}

// hosted is an implication about those who hold keys, which shows in that they can forge.
func hosted(r *custodian.Report) (answer, string) {
	for _, who := range principals {
		forges, reads := r.Find("G6", who), r.Find("G2", who)
		if forges.Result() == custodian.Lost && reads.Result() != custodian.Lost {
			return wrong, "G6, G2 " + who + " " + reads.Evidence()[0]
		}
		if forges.Result() == custodian.Lost {
			return right, "G2 " + who + " " + reads.Evidence()[0]
		}
	}
	return silent, r.Find("G6", vendor).Evidence()[0]
}

// contact is the one claim that no delegation changes: who carries the envelopes sees them.
func contact(r *custodian.Report) (answer, string) {
	v := r.Find("G13", tell.Platform)
	if v.Result() != custodian.Lost {
		return wrong, "G13 " + tell.Platform
	}
	return right, "G13 " + tell.Platform + " " + v.Evidence()[0]
}
