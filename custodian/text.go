package custodian

import (
	"strconv"
	"strings"
)

// The sentences of custody B4 and B6.

// sentences has what a verdict says in words: {who} is the principal, {n} the number of messages,
// of {of}; {messages} is the word for {of} of them, {nmessages} that for {n}. What is empty is not
// said.
type sentences struct {
	lost, held  Text
	conditional Text // names the assumption
	none        Text // instead, if there is no message to speak of
}

var wording = map[string]sentences{
	"G1": {
		lost: Text{"{who} can read {n} of the {of} {messages} sent before the change.", "{who} peut lire {n} des {of} {messages} envoyés avant le changement."},
		held: Text{"{who} can read none of the {of} {messages} sent before the change.", "{who} ne peut lire aucun des {of} {messages} envoyés avant le changement."},
		none: Text{"There is no message from before a mandate of {who}.", "Il n'y a aucun message d'avant un mandat de {who}."},
	},
	"G2": {
		lost: Text{"While {who} manages this chat it can read {n} of {of} {messages}.", "Tant que {who} gère cette discussion, il peut lire {n} {nmessages} sur {of}."},
		held: Text{"{who} can read none of these {of} {messages}.", "{who} ne peut lire aucun de ces {of} {messages}."},
		none: Text{"No message was sent under a mandate of {who}.", "Aucun message n'a été envoyé sous un mandat de {who}."},
	},
	"G3": {
		lost: Text{"After the end of the mandate, {n} of {of} {messages} stay readable to {who}.", "Après la fin du mandat, {n} {nmessages} sur {of} restent lisibles par {who}."},
		held: Text{"After the end of the mandate, {who} can read none of the {of} {messages}.", "Après la fin du mandat, {who} ne peut lire aucun des {of} {messages}."},
		none: Text{"No message was sent after the end of a mandate of {who}.", "Aucun message n'a été envoyé après la fin d'un mandat de {who}."},
	},
	"G4": {
		lost: Text{"What {who} was given opens {n} of {of} {messages} that both ends had done with.", "Ce que {who} a reçu ouvre {n} des {of} {messages} que les deux extrémités avaient déjà traités."},
		held: Text{"What {who} was given opens none of the {of} {messages} that both ends had done with.", "Ce que {who} a reçu n'ouvre aucun des {of} {messages} que les deux extrémités avaient déjà traités."},
		none: Text{"There is no message that both ends had done with when {who} was first given anything.", "Il n'y a aucun message que les deux extrémités avaient déjà traité quand {who} a d'abord reçu quelque chose."},
	},
	"G5": {
		lost: Text{"In this conversation, protection against {who} never comes back.", "Dans cette discussion, la protection contre {who} ne revient jamais."},
		held: Text{"At the end of this conversation, {who} reads nothing any more.", "À la fin de cette discussion, {who} ne lit plus rien."},
		none: Text{"There is no message that {who} could read.", "Il n'y a aucun message que {who} pourrait lire."},
	},
	"G6": {
		lost: Text{"{who} can write to the customer in the name of the business.", "{who} peut écrire au client au nom de l'entreprise."},
		held: Text{"{who} cannot write to the customer in the name of the business, by any strategy tried.", "{who} ne peut pas écrire au client au nom de l'entreprise, par aucune des stratégies essayées."},
	},
	"G7": {
		lost: Text{"{who} can make the business believe that the customer wrote something.", "{who} peut faire croire à l'entreprise que le client a écrit quelque chose."},
		held: Text{"{who} cannot make the business believe that the customer wrote something, by any strategy tried.", "{who} ne peut pas faire croire à l'entreprise que le client a écrit quelque chose, par aucune des stratégies essayées."},
	},
	"G8": {
		lost: Text{"For {n} more {nmessages} after the end of its mandate, {who} could still slip in a message in the name of who gave it.", "Pendant encore {n} {nmessages} après la fin de son mandat, {who} pourrait glisser un message au nom de qui le lui a donné."},
		held: Text{"After the end of its mandate, {who} can slip in no message in the name of who gave it, by any strategy tried.", "Après la fin de son mandat, {who} ne peut glisser aucun message au nom de qui le lui a donné, par aucune des stratégies essayées."},
	},
	"G9": {
		lost: Text{"{who} can open a new chat with the customer as the business.", "{who} peut ouvrir une nouvelle discussion avec le client au nom de l'entreprise."},
		held: Text{"{who} cannot open a new chat with the customer as the business.", "{who} ne peut pas ouvrir de nouvelle discussion avec le client au nom de l'entreprise."},
	},
	"G12": {
		lost: Text{"Recorded today, readable later by a quantum computer of {who}: {n} of {of} {messages}.", "Enregistrés aujourd'hui, lisibles plus tard par un ordinateur quantique de {who} : {n} {nmessages} sur {of}."},
		held: Text{"Even with a quantum computer, {who} reads none of the {of} {messages}.", "Même avec un ordinateur quantique, {who} ne lit aucun des {of} {messages}."},
		none: Text{"There is no message for a quantum computer of {who}.", "Il n'y a aucun message pour un ordinateur quantique de {who}."},
	},
	"G13": {
		lost: Text{"{who} knows that the customer and the business write to each other, and of {n} of {of} {messages}: not necessarily what they say.", "{who} sait que le client et l'entreprise s'écrivent, et connaît {n} {nmessages} sur {of} : pas forcément ce qu'ils disent."},
		held: Text{"{who} saw none of the {of} {messages} on their way, and was given none.", "{who} n'a vu passer aucun des {of} {messages}, et n'en a reçu aucun."},
		none: Text{"There is no message that {who} could know of.", "Il n'y a aucun message que {who} pourrait connaître."},
	},
	"G16": {
		lost:        Text{"{who} went beyond its mandate with {n} of the {of} {messages} that it wrote.", "{who} a dépassé son mandat avec {n} des {of} {messages} qu'il a écrits."},
		held:        Text{"{who} kept to its mandate, and could write nothing beyond it by any strategy tried.", "{who} s'en est tenu à son mandat, et ne pouvait rien écrire au-delà par aucune des stratégies essayées."},
		conditional: Text{"{who} kept to its mandate in this run; that it does so elsewhere is an assumption, since it could write beyond it.", "{who} s'en est tenu à son mandat dans cet essai ; qu'il le fasse ailleurs est une hypothèse, puisqu'il pourrait écrire au-delà."},
	},
	"G17": {
		lost:        Text{"Two writers used the same key: {who} wrote at {n} of the places that an end used too.", "Deux rédacteurs ont utilisé la même clé : {who} a écrit à {n} des places qu'une extrémité a utilisées aussi."},
		held:        Text{"{who} has no key that an end has used: no key has two writers.", "{who} n'a aucune clé qu'une extrémité a utilisée : aucune clé n'a deux rédacteurs."},
		conditional: Text{"In this run no key had two writers; that it stays so is an assumption, since {who} has keys that an end has used too.", "Dans cet essai, aucune clé n'a eu deux rédacteurs ; que cela reste ainsi est une hypothèse, puisque {who} a des clés qu'une extrémité a utilisées aussi."},
	},
}

var unknownVerdict = Text{
	"Nothing here shows whether this holds for {who}.",
	"Rien ici ne montre si cela vaut pour {who}.",
}

// say puts a verdict in words.
func say(v *Verdict) Text {
	t, words := unknownVerdict, wording[v.g.id]
	switch {
	case v.result == Lost:
		t = words.lost
	case v.result == Conditional:
		t = words.conditional
	case v.result == Held && v.of == 0 && words.none.EN != "":
		t = words.none
	case v.result == Held:
		t = words.held
	}
	if n, ok := noticeSentence(v); ok {
		t = n
	}
	out := Text{
		EN: fill(t.EN, v),
		FR: fill(t.FR, v),
	}
	switch {
	case v.g == g5 && v.result == Held && v.healing != nil:
		out = out.then(suffixes["G5.back"].fill("{c}", clockEN(v.healing.Classical), "{q}", clockEN(v.healing.Quantum)).EN,
			suffixes["G5.back"].fill("{c}", clockFR(v.healing.Classical), "{q}", clockFR(v.healing.Quantum)).FR)
	case v.g == g8 && v.result == Lost && v.messages >= v.of:
		out = out.then(suffixes["G8.still"].EN, suffixes["G8.still"].FR)
	case v.g == g13 && v.result == Lost && v.metadata.Timing:
		t := suffixes["G13.timing"].fill("{bytes}", strconv.Itoa(v.metadata.Bytes))
		out = out.then(t.EN, t.FR)
	case v.g == g13 && v.result == Lost:
		out = out.then(suffixes["G13.texts"].EN, suffixes["G13.texts"].FR)
	}
	return out
}

// fill puts a verdict's numbers into a sentence.
func fill(sentence string, v *Verdict) string {
	return strings.NewReplacer(
		"{who}", v.principal, "{n}", strconv.Itoa(v.messages), "{of}", strconv.Itoa(v.of),
		"{messages}", plural(v.of), "{nmessages}", plural(v.messages),
	).Replace(sentence)
}

// plural is the word for n messages, which is the same in both languages.
func plural(n int) string {
	if n == 1 {
		return "message"
	}
	return "messages"
}

// suffixes are what some verdicts add.
var suffixes = map[string]Text{
	"G5.back": {"Protection comes back {c} (today's computers); {q} against a future quantum computer.",
		"La protection revient {c} (ordinateurs actuels) ; {q} face à un futur ordinateur quantique."},
	"G5.after":   {"after {k} {kmessages}", "après {k} {kmessages}"},
	"G5.never":   {"never in this run", "jamais dans cet essai"},
	"G8.still":   {"It still can at the end of this run.", "Il le peut encore à la fin de cet essai."},
	"G13.timing": {"It knows when, and the sizes: {bytes} bytes in all.", "Il sait quand, et connaît les tailles : {bytes} octets en tout."},
	"G13.texts":  {"It was given texts, and saw no envelope.", "Il a reçu des textes, et n'a vu aucune enveloppe."},
}

// fill puts values in the place of names, in both languages.
func (t Text) fill(pairs ...string) Text {
	r := strings.NewReplacer(pairs...)
	return Text{r.Replace(t.EN), r.Replace(t.FR)}
}

// then adds a sentence.
func (t Text) then(en, fr string) Text { return Text{t.EN + " " + en, t.FR + " " + fr} }

func clockEN(n *int) string { return clock(n).EN }
func clockFR(n *int) string { return clock(n).FR }

// clock says after how many messages nothing is readable any more.
func clock(n *int) Text {
	if n == nil {
		return suffixes["G5.never"]
	}
	return suffixes["G5.after"].fill("{k}", strconv.Itoa(*n), "{kmessages}", plural(*n))
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
