package custodian

import (
	"fmt"
	"strings"

	"signet.example/signet/custodian/attack"
)

// The sentences of a headline (custody B4; docs/custody-bundle.md, Headline). Package check and the
// outsider's verifier make them again.

// joinTexts puts texts one behind the other.
func joinTexts(list []Text, between Text) (t Text) {
	for i, x := range list {
		if i > 0 {
			t = t.and(between)
		}
		t = t.and(x)
	}
	return t
}

// What stands between texts.
var (
	comma     = Text{", ", ", "}
	semicolon = Text{"; ", " ; "}
	space     = Text{" ", " "}
	full      = Text{".", "."}
)

// and is a text with another behind it.
func (t Text) and(x Text) Text { return Text{t.EN + x.EN, t.FR + x.FR} }

// one chooses between the forms for one message and for several.
func one(n int, single, several Text) Text {
	if n == 1 {
		return single
	}
	return several
}

// counted is a number of messages.
func counted(n int) string { return fmt.Sprintf("%d %s", n, plural(n)) }

// name is the principal, and who shares what it knows.
func (s *standing) name() Text {
	if len(s.ids) == 1 {
		return Text{s.ids[0], s.ids[0]}
	}
	others := strings.Join(s.ids[1:], ", ")
	return Text{s.ids[0] + " (with " + others + ")", s.ids[0] + " (avec " + others + ")"}
}

// could is a principal and what it could do.
func (s *standing) could(what ...Text) Text {
	return s.name().and(Text{" could ", " a pu "}).and(alsoTexts(what))
}

// alsoTexts puts "and" between texts.
func alsoTexts(what []Text) Text {
	t := what[0]
	for _, x := range what[1:] {
		t = t.and(Text{", and ", ", et "}).and(x)
	}
	return t
}

// history is what happened.
func (f *headlineFacts) history(state string) Text {
	switch state {
	case "nothing":
		return Text{"Nothing to judge: no message was sent.", "Rien à juger : aucun message n'a été envoyé."}
	case "private":
		return f.sayPrivate()
	}
	var list []Text
	if first := f.acts(); len(first) > 0 {
		list = append(list, joinTexts(first, semicolon).and(full))
	}
	if state == "written" && f.unread && !f.any(func(s *standing) bool { return len(s.reads)+len(s.quantum) > 0 || s.isOpen[0] || s.isOpen[1] }) {
		list = append(list, one(f.of,
			Text{"Nobody else could read it.", "Personne d'autre n'a pu le lire."},
			Text{"Nobody else could read them.", "Personne d'autre n'a pu les lire."}))
	}
	list = append(list, f.openings()...)
	var given []Text
	for _, s := range f.readers() {
		if !s.intrudes() && !s.writes && len(s.handed) > 0 {
			given = append(given, s.could(s.sayHanded(f.of)))
		}
	}
	if len(given) > 0 {
		list = append(list, joinTexts(given, semicolon).and(full))
	}
	if state == "handed-on" {
		list = append(list, conventions)
	}
	return joinTexts(append(list, f.recordings(state)...), space)
}

func (f *headlineFacts) any(is func(*standing) bool) bool {
	for _, s := range f.list {
		if is(s) {
			return true
		}
	}
	return false
}

// acts are the parts of the first sentence: who read, most first, and then who else could write.
func (f *headlineFacts) acts() (list []Text) {
	for _, s := range f.readers() {
		if !s.intrudes() {
			continue
		}
		what := []Text{s.sayReads(f.of)}
		if s.writes {
			what = append(what, s.sayWrites(f.of))
		}
		list = append(list, s.could(what...))
	}
	for _, s := range f.writers() {
		if s.intrudes() {
			continue
		}
		what := []Text{s.sayWrites(f.of)}
		if len(s.handed) > 0 {
			what = append(what, s.sayHanded(f.of))
		}
		list = append(list, s.could(what...))
	}
	return list
}

// sayReads is what it read, at least one message of which was not handed on.
func (s *standing) sayReads(of int) Text {
	n, h := len(s.reads), len(s.handed)
	t := both("read %[1]d of %[3]s", "lire %[2]s sur %[4]d", n, counted(n), counted(of), of)
	t = t.and(one(n, both(", number %d", ", le numéro %d", s.reads[0]), both(", between %d and %d", ", entre %d et %d", s.reads[0], s.reads[n-1])))
	if h == 0 {
		return t
	}
	return t.and(one(h,
		Text{", 1 of them as a text that it was given after it had arrived", ", dont 1 qu'il a reçu en texte après son arrivée"},
		both(", %[1]d of them as texts that it was given after they had arrived", ", dont %[1]d qu'il a reçus en texte après leur arrivée", h)))
}

// sayHanded is what it read, all of which was handed on.
func (s *standing) sayHanded(of int) Text {
	n := len(s.handed)
	return both("read %[1]d of %[3]s", "lire %[2]s sur %[4]d", n, counted(n), counted(of), of).and(one(n,
		Text{", as a text that it was given after it had arrived", ", dont il a reçu le texte après son arrivée"},
		Text{", as texts that it was given after they had arrived", ", dont il a reçu le texte après leur arrivée"}))
}

// asOther are the ways to write, by the end that is deceived.
var asOther = [...]Text{
	attack.Customer: {"to the customer as the business", "au client au nom de l'entreprise"},
	attack.Business: {"to the business as the customer", "à l'entreprise au nom du client"},
}

// deceiving names the ends that are deceived.
func deceiving(to [2]bool) Text {
	var list []Text
	for side, deceived := range to {
		if deceived {
			list = append(list, asOther[side])
		}
	}
	t := list[0]
	if len(list) > 1 {
		t = t.and(Text{" and ", " et "}).and(list[1])
	}
	return t
}

func (s *standing) sayWrites(of int) Text {
	k := len(s.forges)
	t := Text{"write ", "écrire "}.and(deceiving(s.to))
	if k == 0 {
		return t.and(one(of,
			Text{", at another moment than that of the message", ", à un autre moment que celui du message"},
			both(", at another moment than those of the %[1]d messages", ", à un autre moment que ceux des %[1]d messages", of)))
	}
	return t.and(both(", in place of %[1]d of %[3]s", ", à la place de %[2]s sur %[4]d", k, counted(k), counted(of), of))
}

// openings are what cannot be told.
func (f *headlineFacts) openings() (list []Text) {
	for _, s := range f.list {
		if !s.isOpen[0] && !s.isOpen[1] {
			continue
		}
		missing := Text{"it has means that were not tried", "il a des moyens qui n'ont pas été essayés"}
		if s.isOpen[0] && s.open[0] == Unknown || s.isOpen[1] && s.open[1] == Unknown {
			missing = Text{"the rule book and the adversary do not agree", "les règles et l'adversaire ne s'accordent pas"}
		}
		name, verbs := s.name(), s.openVerbs()
		list = append(list, Text{
			"Of " + counted(f.of) + " it cannot be told whether " + name.EN + " could " + verbs.EN + ": " + missing.EN + ".",
			"Sur " + counted(f.of) + ", on ne peut dire si " + name.FR + " a pu " + verbs.FR + " : " + missing.FR + ".",
		})
	}
	return list
}

func (s *standing) openVerbs() Text {
	switch {
	case !s.isOpen[1]:
		return Text{"read", "lire"}
	case !s.isOpen[0]:
		return Text{"write", "écrire"}
	}
	return Text{"read or write", "lire ou écrire"}
}

var conventions = Text{
	"By WhatsApp's convention, which looks at the journey alone, the chat is still end-to-end encrypted; by the strict one, which leaves the text to the two ends, it is not.",
	"Selon la convention de WhatsApp, qui ne regarde que le trajet, la discussion reste chiffrée de bout en bout ; selon la convention stricte, qui réserve le texte aux deux extrémités, elle ne l'est pas.",
}

// recordings are what a quantum computer adds.
func (f *headlineFacts) recordings(state string) (list []Text) {
	var parts []Text
	for _, s := range f.sorted(func(s *standing) int { return len(s.quantum) }) {
		n, name := len(s.quantum), s.name()
		if state == "recorded" {
			parts = append(parts, one(f.of,
				Text{name.EN + " recorded it, and could read it with a quantum computer", name.FR + " l'a enregistré et pourrait le lire avec un ordinateur quantique"},
				one(n,
					both("%[1]s recorded 1 of them, and could read it with a quantum computer", "%[2]s en a enregistré 1 et pourrait le lire avec un ordinateur quantique", name.EN, name.FR),
					Text{fmt.Sprintf("%s recorded %d of them, and could read them with a quantum computer", name.EN, n),
						fmt.Sprintf("%s en a enregistré %d et pourrait les lire avec un ordinateur quantique", name.FR, n)})))
			continue
		}
		parts = append(parts, one(n,
			Text{name.EN + " recorded 1 more, and could read it with a quantum computer", name.FR + " en a enregistré 1 de plus et pourrait le lire avec un ordinateur quantique"},
			Text{fmt.Sprintf("%s recorded %d more, and could read them with a quantum computer", name.EN, n),
				fmt.Sprintf("%s en a enregistré %d de plus et pourrait les lire avec un ordinateur quantique", name.FR, n)}))
	}
	if len(parts) == 0 {
		return nil
	}
	t := joinTexts(parts, semicolon).and(full)
	if state == "recorded" {
		t = one(f.of,
			Text{"With today's computers nobody but the two ends could read this message, but ", "Avec les ordinateurs d'aujourd'hui, personne en dehors des deux extrémités n'a pu lire ce message, mais "},
			both("With today's computers nobody but the two ends could read these %d messages, but ", "Avec les ordinateurs d'aujourd'hui, personne en dehors des deux extrémités n'a pu lire ces %d messages, mais ", f.of)).and(t)
	}
	return []Text{t}
}

func (f *headlineFacts) sayPrivate() Text {
	t := one(f.of,
		Text{"The message was end-to-end encrypted: nobody outside this chat could read it or write one.",
			"Le message était chiffré de bout en bout : personne en dehors de cette discussion n'a pu le lire ni en écrire."},
		both("All %d messages were end-to-end encrypted: nobody outside this chat could read or write one.",
			"Les %d messages étaient chiffrés de bout en bout : personne en dehors de cette discussion n'a pu en lire ni en écrire.", f.of))
	if !f.classical {
		return t
	}
	return t.and(one(f.of,
		Text{" This assumes that nobody who recorded it has a quantum computer, now or later.",
			" Cela suppose que personne qui l'a enregistré n'a d'ordinateur quantique, ni n'en aura."},
		Text{" This assumes that nobody who recorded them has a quantum computer, now or later.",
			" Cela suppose que personne qui les a enregistrés n'a d'ordinateur quantique, ni n'en aura."}))
}

// What holds at the end.

func (s *standing) sayReadsNow() Text {
	what := Text{" reads what is written now.", " lit ce qui s'écrit maintenant."}
	if !s.readsNow {
		what = Text{" is given what is written now.", " reçoit ce qui s'écrit maintenant."}
	}
	return s.name().and(what)
}

func (s *standing) sayWritesNow() Text {
	return s.name().and(Text{" can still write ", " peut encore écrire "}).and(deceiving(s.toNow)).and(full)
}

// handedOver is what a grant gives, by how it gives it.
var handedOver = map[string]Text{
	"copy": {"a copy", "une copie"}, "stream": {"a stream", "un flux"}, "quota": {"a quota", "un quota"}, "oracle": {"an oracle", "un oracle"},
}

func (s *standing) sayUntested() Text {
	name, what := s.name(), handedOver[s.last.Via]
	t := Text{"Since " + name.EN + " was given " + what.EN + ", ", "Depuis la remise d'" + what.FR + " à " + name.FR + ", "}
	if s.ended {
		t = Text{"Since the last grant to " + name.EN + " was revoked, ", "Depuis la révocation du dernier mandat confié à " + name.FR + ", "}
	}
	switch s.untested {
	case [2]bool{true, true}:
		t = t.and(Text{"nothing was sent", "rien n'a été envoyé"})
	case [2]bool{attack.Customer: true}:
		t = t.and(Text{"the customer has sent nothing", "le client n'a rien envoyé"})
	default:
		t = t.and(Text{"the business has sent nothing", "l'entreprise n'a rien envoyé"})
	}
	return t.and(Text{": whether " + name.EN + " reads what comes next was not tried.", " : rien ne montre si " + name.FR + " lit la suite."})
}

func (s *standing) sayUnknownNow() Text {
	name, verbs := s.name(), s.openVerbs()
	return Text{"Whether " + name.EN + " can " + verbs.EN + " now cannot be told.", "On ne peut dire si " + name.FR + " peut " + verbs.FR + " maintenant."}
}

func sayNobody(since, of int, quantum bool) Text {
	t := Text{"Now nobody else can read or write", "Maintenant, personne d'autre ne peut ni lire ni écrire"}
	if since > 0 && since < of {
		t = both("Since message %d nobody else can read or write", "Depuis le message %d, personne d'autre ne peut ni lire ni écrire", since)
	}
	if quantum {
		t = t.and(Text{" with today's computers", " avec les ordinateurs d'aujourd'hui"})
	}
	return t.and(full)
}
