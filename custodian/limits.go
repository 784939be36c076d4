package custodian

import (
	"fmt"
	"slices"
)

// What a report says about itself, in both languages. Its JSON has the English alone
// (custody-format.md).

// limits is what every report says (custody B13, B14).
var limits = []Text{
	{"That nobody else holds a key cannot be proved: a verdict speaks about the secrets that this scenario hands over.",
		"Que personne d'autre ne détient de clé ne peut être prouvé : un verdict porte sur les secrets que ce scénario remet."},
	{"The rule book is symbolic: key derivation, agreement, KEM and MAC are taken as ideal, and the 2^-64 chance that a random MAC fits is neglected.",
		"Le livre de règles est symbolique : dérivation de clés, accord, KEM et MAC sont tenus pour idéaux, et la probabilité de 2^-64 qu'un MAC au hasard convienne est négligée."},
	{"Held against forgery means held against the strategies S1 (chain forge), S2 (ratchet hijack), S3 (new session with a stolen identity key), S4 (new session with the receiver's own prekey), S7 (archived sessions) and S11 (messages without a post-quantum key).",
		"Tenu contre l'imitation veut dire tenu contre les stratégies S1 (imitation sur une chaîne), S2 (détournement du cliquet), S3 (nouvelle session avec une clé d'identité volée), S4 (nouvelle session avec la préclé du destinataire), S7 (sessions archivées) et S11 (messages sans clé post-quantique)."},
	{"Forgeries are tried against a copy of the receiver, and the conversation goes on as if they had not happened. Only what an inject step gets accepted is part of it.",
		"Les imitations sont essayées sur une copie du destinataire, et la discussion continue comme si elles n'avaient pas eu lieu. Seul ce qu'une étape d'injection fait accepter en fait partie."},
	{"By one convention a chat stays end-to-end encrypted when its texts are handed on after receipt; here a text that reaches anybody but the two ends counts as read.",
		"Selon une convention, une discussion reste chiffrée de bout en bout quand ses textes sont transmis après réception ; ici, un texte qui parvient à un autre que les deux extrémités compte comme lu."},
	{"An oracle is asked for agreements. Signatures that it would give are not tried. A directory that hands out other prekeys (S5) needs the private identity key, with which S3 is tried.",
		"Un oracle répond à des demandes d'accord. Les signatures qu'il donnerait ne sont pas essayées. Un annuaire qui distribue d'autres préclés (S5) exige la clé d'identité privée, avec laquelle S3 est essayée."},
	{"Not tried are S6 (chunks of one's own in the post-quantum half), S8 (another linked device: there are no device lists here) and S9 (to drop, delay or reorder, beyond what the script does). Of these a verdict says neither that it is safe nor that it is not.",
		"Ne sont pas essayées S6 (des fragments de sa main dans la moitié post-quantique), S8 (un autre appareil lié : il n'y a pas ici de listes d'appareils) et S9 (perdre, retarder ou réordonner, au-delà de ce que fait le script). D'elles, un verdict ne dit ni qu'on en est protégé ni le contraire."},
	{"Envelopes name both ends: sealed sender, network addresses and patterns in time are not modelled, nor are side channels and what other software than this library does.",
		"Les enveloppes nomment les deux extrémités : l'expéditeur scellé, les adresses réseau et les régularités dans le temps ne sont pas modélisés, ni les canaux auxiliaires et ce que fait un autre logiciel que cette bibliothèque."},
	{"Whether somebody wrote beyond a mandate, or two wrote with one key, is said of this run: what could have been done and was not makes the verdict conditional.",
		"Qu'on ait écrit au-delà d'un mandat, ou à deux avec une clé, est dit de cet essai : ce qui aurait pu être fait et ne l'a pas été rend le verdict conditionnel."},
}

// taken is what every report takes for granted.
var taken = []Text{
	{"The two ends compared safety numbers: a first contact with another identity key is not counted as a forgery.",
		"Les deux extrémités ont comparé leurs numéros de sécurité : un premier contact avec une autre clé d'identité ne compte pas comme une imitation."},
	{"Everybody can read the directory of prekey bundles.",
		"Tout le monde peut lire l'annuaire des lots de préclés."},
	{"Ends keep what this library keeps: 5 receiving chains, 2000 skipped keys a chain, 40 archived sessions; a grant by copy leaves the giver's own copy in place.",
		"Les extrémités gardent ce que cette bibliothèque garde : 5 chaînes de réception, 2000 clés sautées par chaîne, 40 sessions archivées ; une remise par copie laisse en place la copie de qui la donne."},
	{"A provider or operator can put a message before a receiver; so can an outsider that sees ciphertexts.",
		"Un prestataire ou un opérateur peut présenter un message à un destinataire ; un tiers qui voit les messages chiffrés aussi."},
}

var sharing = Text{"{who} and {other} share everything that they know.", "{who} et {other} partagent tout ce qu'ils savent."}

// assumptions is what a report takes for granted.
func assumptions(sc *Scenario) []Text {
	list := slices.Clone(taken)
	for _, p := range sc.Principals {
		if p.SameAs != "" {
			list = append(list, sharing.fill("{who}", p.ID, "{other}", p.SameAs))
		}
	}
	return list
}

// both fills the same values into a sentence in each language.
func both(en, fr string, args ...any) Text {
	return Text{fmt.Sprintf(en, args...), fmt.Sprintf(fr, args...)}
}

// notes are what a report adds to its limits about a run.
var notes = withChecks(map[string]Text{
	"empty":   {"Grant {grant}: {atom} did not exist at that moment and was granted empty.", "Remise {grant} : {atom} n'existait pas à ce moment et a été remis vide."},
	"ended":   {"Message {n} was not taken: the customer had ended the conversation.", "Le message {n} n'a pas été reçu : le client avait mis fin à la discussion."},
	"refused": {"Message {n} was handed over and its receiver refused it.", "Le message {n} a été remis et son destinataire l'a refusé."},
	"statement": {"A statement was handed over and the customer's session refused it.",
		"Une déclaration a été remise et la session du client l'a refusée."},
	"keyless": {"The receivers meant here take messages without a post-quantum key at any time, as the official client does. Those that refuse them once one with a key has come, as this library's do, would have refused whatever is called S11 here from then on.",
		"Les destinataires dont il s'agit acceptent à tout moment des messages sans clé post-quantique, comme l'application officielle. Ceux qui les refusent dès qu'il en est venu un avec une clé, comme ceux de cette bibliothèque, auraient refusé dès lors tout ce qui est nommé S11 ici."},
	"strict": {"The receivers meant here refuse messages without a post-quantum key once one with a key has come. The official client takes them: it would believe whoever has the elliptic-curve half alone, too.",
		"Les destinataires dont il s'agit refusent les messages sans clé post-quantique dès qu'il en est venu un avec une clé. L'application officielle les accepte : elle croirait aussi qui n'a que la moitié à courbes elliptiques."},
	"idle": {"A barrier was raised while nothing was revoked, and changed nothing.", "Une barrière a été levée alors que rien n'était révoqué, et n'a rien changé."},
	"fresh": {"The barrier ended the current session of the customer: the next one to write begins a fresh one.",
		"La barrière a mis fin à la session en cours du client : le prochain à écrire en commence une nouvelle."},
	"uncounted": {"The customer's client does not count on the barrier: a session that it deleted can be begun again from its first message.",
		"L'application du client ne compte pas sur la barrière : une session qu'elle a supprimée peut être recommencée à partir de son premier message."},
})

// receivers says which receivers a report is about, where there are two kinds, and what the other
// would change.
func (r *run) receivers() []Text {
	switch {
	case r.sc.Protocol == 3:
		return nil
	case r.sc.Keyless == KeylessRefused:
		return []Text{notes["strict"]}
	}
	return []Text{notes["keyless"]}
}

// note adds a sentence about this run to the report's limits.
func (r *run) note(name string, pairs ...string) {
	r.notes = append(r.notes, notes[name].fill(pairs...))
}

// inEnglish returns the sentences in English, in a slice that is not nil.
func inEnglish(list []Text) []string {
	out := make([]string, 0, len(list))
	for _, t := range list {
		out = append(out, t.EN)
	}
	return out
}

// LimitsIn returns the report's limits in the language: "fr" is French, anything else English.
func (r *Report) LimitsIn(lang string) []string { return in(lang, r.limits, r.Limits) }

// AssumptionsIn returns the report's assumptions in the language, as LimitsIn does.
func (r *Report) AssumptionsIn(lang string) []string { return in(lang, r.assumptions, r.Assumptions) }

// in translates the English sentences that it knows; a caller may have changed them.
func in(lang string, known []Text, english []string) []string {
	french := make(map[string]string)
	for _, t := range known {
		french[t.EN] = t.FR
	}
	out := make([]string, 0, len(english))
	for _, s := range english {
		if fr := french[s]; lang == "fr" && fr != "" {
			s = fr
		}
		out = append(out, s)
	}
	return out
}
