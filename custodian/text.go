package custodian

import (
	"fmt"
	"strconv"
	"strings"
)

// The sentences of custody.md B4 and B6.

// sentences has what a verdict says in words: {who} is the principal, {n} the number of messages, of {of}.
type sentences struct{ lost, held Text }

var wording = map[string]sentences{
	"G1": {
		Text{"{who} can read {n} of the {of} messages sent before the change.", "{who} peut lire {n} des {of} messages envoyés avant le changement."},
		Text{"{who} can read none of the {of} messages sent before the change.", "{who} ne peut lire aucun des {of} messages envoyés avant le changement."},
	},
	"G2": {
		Text{"While {who} manages this chat it can read {n} of {of} messages.", "Tant que {who} gère cette discussion, il peut lire {n} messages sur {of}."},
		Text{"{who} can read none of these {of} messages.", "{who} ne peut lire aucun de ces {of} messages."},
	},
	"G3": {
		Text{"After the end of the mandate, {n} of {of} messages stay readable to {who}.", "Après la fin du mandat, {n} messages sur {of} restent lisibles par {who}."},
		Text{"After the end of the mandate, {who} can read none of the {of} messages.", "Après la fin du mandat, {who} ne peut lire aucun des {of} messages."},
	},
	"G4": {
		Text{"What {who} was given opens {n} of {of} messages that both ends had done with.", "Ce que {who} a reçu ouvre {n} des {of} messages que les deux extrémités avaient déjà traités."},
		Text{"What {who} was given opens none of the {of} messages that both ends had done with.", "Ce que {who} a reçu n'ouvre aucun des {of} messages que les deux extrémités avaient déjà traités."},
	},
	"G5": {
		Text{"In this conversation, protection against {who} never comes back.", "Dans cette discussion, la protection contre {who} ne revient jamais."},
		Text{"At the end of this conversation, {who} reads nothing any more.", "À la fin de cette discussion, {who} ne lit plus rien."},
	},
	"G6": {
		Text{"{who} can write to the customer in the name of the business.", "{who} peut écrire au client au nom de l'entreprise."},
		Text{"{who} cannot write to the customer in the name of the business, by any strategy tried.", "{who} ne peut pas écrire au client au nom de l'entreprise, par aucune des stratégies essayées."},
	},
	"G7": {
		Text{"{who} can make the business believe that the customer wrote something.", "{who} peut faire croire à l'entreprise que le client a écrit quelque chose."},
		Text{"{who} cannot make the business believe that the customer wrote something, by any strategy tried.", "{who} ne peut pas faire croire à l'entreprise que le client a écrit quelque chose, par aucune des stratégies essayées."},
	},
	"G12": {
		Text{"Recorded today, readable later by a quantum computer of {who}: {n} of {of} messages.", "Enregistrés aujourd'hui, lisibles plus tard par un ordinateur quantique de {who} : {n} messages sur {of}."},
		Text{"Even with a quantum computer, {who} reads none of the {of} messages.", "Même avec un ordinateur quantique, {who} ne lit aucun des {of} messages."},
	},
}

var unknownVerdict = Text{
	"Nothing here shows whether this holds for {who}.",
	"Rien ici ne montre si cela vaut pour {who}.",
}

// say puts a verdict in words.
func say(v *Verdict) Text {
	t := unknownVerdict
	switch v.result {
	case Lost:
		t = wording[v.g.id].lost
	case Held:
		t = wording[v.g.id].held
	}
	out := Text{
		EN: fill(t.EN, v),
		FR: fill(t.FR, v),
	}
	if v.g == g5 && v.result == Held && v.healing != nil {
		out.EN += " " + back("Protection comes back after %s (today's computers); after %s against a future quantum computer.", v.healing, "%d messages", "never in this run")
		out.FR += " " + back("La protection revient après %s (ordinateurs actuels) ; après %s face à un futur ordinateur quantique.", v.healing, "%d messages", "jamais dans cet essai")
	}
	return out
}

// fill puts a verdict's numbers into a sentence.
func fill(sentence string, v *Verdict) string {
	return strings.NewReplacer(
		"{who}", v.principal, "{n}", strconv.Itoa(v.messages), "{of}", strconv.Itoa(v.of),
	).Replace(sentence)
}

func back(format string, h *Healing, some, never string) string {
	clock := func(n *int) string {
		if n == nil {
			return never
		}
		return fmt.Sprintf(some, *n)
	}
	return fmt.Sprintf(format, clock(h.Classical), clock(h.Quantum))
}

var (
	privateNotice = Text{
		"Messages are end-to-end encrypted. Nobody outside this chat, not even the platform, can read them.",
		"Les messages sont chiffrés de bout en bout. Personne en dehors de cette discussion, pas même la plateforme, ne peut les lire.",
	}
	unknownNotice = Text{
		"We cannot verify who holds the keys of this chat.",
		"Nous ne pouvons pas vérifier qui détient les clés de cette discussion.",
	}
)

// managed is the notice about those who read or write; its verbs are what they were seen to do.
func managed(by string, reads, writes bool) *Notice {
	en, fr := "read and write", "lire et écrire"
	switch {
	case !writes:
		en, fr = "read", "lire"
	case !reads:
		en, fr = "write", "écrire"
	}
	return &Notice{State: "managed", By: by, Text: Text{
		EN: "This chat is managed by " + by + ", which can " + en + " messages. It is not end-to-end encrypted to the business.",
		FR: "Cette discussion est gérée par " + by + ", qui peut " + fr + " des messages. Elle n'est pas chiffrée de bout en bout jusqu'à l'entreprise.",
	}}
}

// limits is what every report says about itself (custody.md B13, B14).
var limits = []string{
	"That nobody else holds a key cannot be proved: a verdict speaks about the secrets that this scenario hands over.",
	"The rule book is symbolic: key derivation, agreement, KEM and MAC are taken as ideal, and the 2^-64 chance that a random MAC fits is neglected.",
	"Held against forgery means held against the strategies S1 (chain forge), S2 (ratchet hijack), S3 (new session with a stolen identity key), S4 (new session with the receiver's own prekey) and S7 (archived sessions).",
	"Forgeries are tried against a copy of the receiver, and the conversation goes on as if they had not happened. Only what an inject step gets accepted is part of it.",
	"By one convention a chat stays end-to-end encrypted when its texts are handed on after receipt; here a text that reaches anybody but the two ends counts as read.",
	"An oracle is asked for agreements. Signatures that it would give, and a directory that hands out other prekeys (S5), are not tried.",
	"Side channels, metadata, and what software does that is not this library are not modelled.",
}

// assumptions is what a report takes for granted.
func assumptions(sc *Scenario) []string {
	list := []string{
		"The two ends compared safety numbers: a first contact with another identity key is not counted as a forgery.",
		"Everybody can read the directory of prekey bundles.",
		"Ends keep what this library keeps: 5 receiving chains, 2000 skipped keys a chain, 40 archived sessions; a grant by copy leaves the giver's own copy in place.",
		"A provider or operator can put a message before a receiver; so can an outsider that sees ciphertexts.",
	}
	for _, p := range sc.Principals {
		if p.SameAs != "" {
			list = append(list, p.ID+" and "+p.SameAs+" share everything that they know.")
		}
	}
	return list
}
