package check

import (
	"strconv"
	"strings"
)

type lang int

const (
	english lang = iota
	french
)

// templates are the sentences of docs/custody-bundle.md, Headline: English and French. What ends
// with ".1" is said of one message.
var templates = map[string][2]string{
	"semicolon":     {"; ", " ; "},
	"with":          {"{a} (with {others})", "{a} (avec {others})"},
	"could":         {"{a} could {x}", "{a} a pu {x}"},
	"also":          {", and ", ", et "},
	"read":          {"read {n} of {N.}", "lire {n.} sur {N}"},
	"number":        {", number {t}", ", le numéro {t}"},
	"between":       {", between {t} and {u}", ", entre {t} et {u}"},
	"partly.1":      {", 1 of them as a text that it was given after it had arrived", ", dont 1 qu'il a reçu en texte après son arrivée"},
	"partly":        {", {n} of them as texts that it was given after they had arrived", ", dont {n} qu'il a reçus en texte après leur arrivée"},
	"handed.1":      {", as a text that it was given after it had arrived", ", dont il a reçu le texte après son arrivée"},
	"handed":        {", as texts that it was given after they had arrived", ", dont il a reçu le texte après leur arrivée"},
	"write":         {"write {to}", "écrire {to}"},
	"customer":      {"to the customer as the business", "au client au nom de l'entreprise"},
	"business":      {"to the business as the customer", "à l'entreprise au nom du client"},
	"both":          {" and ", " et "},
	"place":         {", in place of {n} of {N.}", ", à la place de {n.} sur {N}"},
	"elsewhere.1":   {", at another moment than that of the message", ", à un autre moment que celui du message"},
	"elsewhere":     {", at another moment than those of the {N} messages", ", à un autre moment que ceux des {N} messages"},
	"unread.1":      {"Nobody else could read it.", "Personne d'autre n'a pu le lire."},
	"unread":        {"Nobody else could read them.", "Personne d'autre n'a pu les lire."},
	"open":          {"Of {N.} it cannot be told whether {a} could {verbs}: {missing}.", "Sur {N.}, on ne peut dire si {a} a pu {verbs} : {missing}."},
	"verbs.read":    {"read", "lire"},
	"verbs.write":   {"write", "écrire"},
	"verbs.or":      {"read or write", "lire ou écrire"},
	"verbs.and":     {"read and write", "lire et écrire"},
	"untried":       {"it has means that were not tried", "il a des moyens qui n'ont pas été essayés"},
	"disagree":      {"the rule book and the adversary do not agree", "les règles et l'adversaire ne s'accordent pas"},
	"conventions":   {"By WhatsApp's convention, which looks at the journey alone, the chat is still end-to-end encrypted; by the strict one, which leaves the text to the two ends, it is not.", "Selon la convention de WhatsApp, qui ne regarde que le trajet, la discussion reste chiffrée de bout en bout ; selon la convention stricte, qui réserve le texte aux deux extrémités, elle ne l'est pas."},
	"today.1":       {"With today's computers nobody but the two ends could read this message, but ", "Avec les ordinateurs d'aujourd'hui, personne en dehors des deux extrémités n'a pu lire ce message, mais "},
	"today":         {"With today's computers nobody but the two ends could read these {N} messages, but ", "Avec les ordinateurs d'aujourd'hui, personne en dehors des deux extrémités n'a pu lire ces {N} messages, mais "},
	"recorded.only": {"{a} recorded it, and could read it with a quantum computer", "{a} l'a enregistré et pourrait le lire avec un ordinateur quantique"},
	"recorded.1":    {"{a} recorded 1 of them, and could read it with a quantum computer", "{a} en a enregistré 1 et pourrait le lire avec un ordinateur quantique"},
	"recorded":      {"{a} recorded {n} of them, and could read them with a quantum computer", "{a} en a enregistré {n} et pourrait les lire avec un ordinateur quantique"},
	"more.1":        {"{a} recorded 1 more, and could read it with a quantum computer", "{a} en a enregistré 1 de plus et pourrait le lire avec un ordinateur quantique"},
	"more":          {"{a} recorded {n} more, and could read them with a quantum computer", "{a} en a enregistré {n} de plus et pourrait les lire avec un ordinateur quantique"},
	"nothing":       {"Nothing to judge: no message was sent.", "Rien à juger : aucun message n'a été envoyé."},
	"private.1":     {"The message was end-to-end encrypted: nobody outside this chat could read it or write one.", "Le message était chiffré de bout en bout : personne en dehors de cette discussion n'a pu le lire ni en écrire."},
	"private":       {"All {N} messages were end-to-end encrypted: nobody outside this chat could read or write one.", "Les {N} messages étaient chiffrés de bout en bout : personne en dehors de cette discussion n'a pu en lire ni en écrire."},
	"assumed.1":     {" This assumes that nobody who recorded it has a quantum computer, now or later.", " Cela suppose que personne qui l'a enregistré n'a d'ordinateur quantique, ni n'en aura."},
	"assumed":       {" This assumes that nobody who recorded them has a quantum computer, now or later.", " Cela suppose que personne qui les a enregistrés n'a d'ordinateur quantique, ni n'en aura."},
	"reads":         {"{a} reads what is written now.", "{a} lit ce qui s'écrit maintenant."},
	"given":         {"{a} is given what is written now.", "{a} reçoit ce qui s'écrit maintenant."},
	"writes":        {"{a} can still write {to}.", "{a} peut encore écrire {to}."},
	"since.copy":    {"Since {a} was given a copy, ", "Depuis la remise d'une copie à {a}, "},
	"since.stream":  {"Since {a} was given a stream, ", "Depuis la remise d'un flux à {a}, "},
	"since.quota":   {"Since {a} was given a quota, ", "Depuis la remise d'un quota à {a}, "},
	"since.oracle":  {"Since {a} was given an oracle, ", "Depuis la remise d'un oracle à {a}, "},
	"since.revoked": {"Since the last grant to {a} was revoked, ", "Depuis la révocation du dernier mandat confié à {a}, "},
	"silent":        {"nothing was sent", "rien n'a été envoyé"},
	"silent.0":      {"the customer has sent nothing", "le client n'a rien envoyé"},
	"silent.1":      {"the business has sent nothing", "l'entreprise n'a rien envoyé"},
	"untested":      {": whether {a} reads what comes next was not tried.", " : rien ne montre si {a} lit la suite."},
	"untold":        {"Whether {a} can {verbs} now cannot be told.", "On ne peut dire si {a} peut {verbs} maintenant."},
	"nobody":        {"Now nobody else can read or write", "Maintenant, personne d'autre ne peut ni lire ni écrire"},
	"nobody.since":  {"Since message {t} nobody else can read or write", "Depuis le message {t}, personne d'autre ne peut ni lire ni écrire"},
	"nobody.today":  {" with today's computers", " avec les ordinateurs d'aujourd'hui"},
	"e2ee":          {"Messages are end-to-end encrypted. Nobody outside this chat, not even the platform, can read them.", "Les messages sont chiffrés de bout en bout. Personne en dehors de cette discussion, pas même la plateforme, ne peut les lire."},
	"unknown":       {"We cannot verify who holds the keys of this chat.", "Nous ne pouvons pas vérifier qui détient les clés de cette discussion."},
	"managed":       {"This chat is managed by {a}, which can {verbs} messages. It is not end-to-end encrypted to the business.", "Cette discussion est gérée par {a}, qui peut {verbs} des messages. Elle n'est pas chiffrée de bout en bout jusqu'à l'entreprise."},
	"past":          {"{a} could {verbs} until message {t}.", "{a} a pu {verbs} jusqu'au message {t}."},
	"past.first":    {"{a} could {verbs} before the first message.", "{a} a pu {verbs} avant le premier message."},
}

// fill puts values, each behind its name, into a template. A number n is {n}, and {n.} with its
// messages.
func (l lang) fill(key string, values ...any) string {
	var pairs []string
	for i := 0; i < len(values); i += 2 {
		name := values[i].(string)
		switch x := values[i+1].(type) {
		case int:
			pairs = append(pairs, "{"+name+"}", strconv.Itoa(x), "{"+name+".}", messages(x))
		case string:
			pairs = append(pairs, "{"+name+"}", x)
		}
	}
	return strings.NewReplacer(pairs...).Replace(templates[key][l])
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return strconv.Itoa(n) + " messages"
}

// form is the key for n messages.
func form(key string, n int) string {
	if n == 1 {
		return key + ".1"
	}
	return key
}

func (c *circle) name(l lang) string {
	if len(c.ids) == 1 {
		return c.ids[0]
	}
	return l.fill("with", "a", c.ids[0], "others", strings.Join(c.ids[1:], ", "))
}

func ways(to [2]bool, l lang) string {
	var list []string
	for k, end := range ends {
		if to[k] {
			list = append(list, l.fill(end))
		}
	}
	return strings.Join(list, l.fill("both"))
}

// can is the verbs of what a circle could do, or may have done.
func can(read, write bool, together string, l lang) string {
	switch {
	case read && write:
		return l.fill("verbs." + together)
	case read:
		return l.fill("verbs.read")
	}
	return l.fill("verbs.write")
}

// history is what happened.
func (h *head) history(l lang) string {
	switch h.want.State {
	case "nothing":
		return l.fill("nothing")
	case "private":
		s := l.fill(form("private", h.of), "N", h.of)
		if h.old {
			s += l.fill(form("assumed", h.of))
		}
		return s
	}
	var parts, given, out []string
	for _, c := range h.readers() {
		if c.opens() {
			parts = append(parts, h.could(c, l))
		} else if len(c.read) > 0 && !c.writes() {
			given = append(given, h.could(c, l))
		}
	}
	for _, c := range h.writers() {
		if !c.opens() {
			parts = append(parts, h.could(c, l))
		}
	}
	if len(parts) > 0 {
		out = append(out, strings.Join(parts, l.fill("semicolon"))+".")
	}
	alone := h.want.State == "written" && h.private && len(h.want.Readers) == 0
	for _, c := range h.circles {
		alone = alone && !c.open()
	}
	if alone {
		out = append(out, l.fill(form("unread", h.of)))
	}
	for _, c := range h.by((*circle).open, nil) {
		missing := "untried"
		if max(c.doubt[0], c.doubt[1]) == 2 {
			missing = "disagree"
		}
		out = append(out, l.fill("open", "N", h.of, "a", c.name(l), "verbs", can(c.doubt[0] > 0, c.doubt[1] > 0, "or", l), "missing", l.fill(missing)))
	}
	if len(given) > 0 {
		out = append(out, strings.Join(given, l.fill("semicolon"))+".")
	}
	if h.want.State == "handed-on" {
		out = append(out, l.fill("conventions"))
	}
	if s := h.recorded(l); s != "" {
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// could is a circle with all that it could do, reading first where it has more than texts.
func (h *head) could(c *circle, l lang) string {
	var what []string
	n, k := len(c.read), len(c.handed)
	if n > 0 {
		s := l.fill("read", "n", n, "N", h.of)
		switch {
		case n == k:
			s += l.fill(form("handed", n))
		case n == 1:
			s += l.fill("number", "t", c.read[0])
		default:
			s += l.fill("between", "t", c.read[0], "u", c.read[n-1])
		}
		if k > 0 && k < n {
			s += l.fill(form("partly", k), "n", k)
		}
		what = append(what, s)
	}
	if c.writes() {
		s := l.fill("write", "to", ways(c.deceived, l))
		if f := len(c.forged); f > 0 {
			s += l.fill("place", "n", f, "N", h.of)
		} else {
			s += l.fill(form("elsewhere", h.of), "N", h.of)
		}
		what = append(what, s)
	}
	if len(what) == 2 && !c.opens() {
		what[0], what[1] = what[1], what[0]
	}
	return l.fill("could", "a", c.name(l), "x", strings.Join(what, l.fill("also")))
}

// recorded is what a quantum computer adds.
func (h *head) recorded(l lang) string {
	list := h.by(func(c *circle) bool { return len(c.later) > 0 }, func(a, b *circle) int { return len(b.later) - len(a.later) })
	if len(list) == 0 {
		return ""
	}
	key, begin := "more", ""
	if h.want.State == "recorded" {
		key, begin = "recorded", l.fill(form("today", h.of), "N", h.of)
	}
	var parts []string
	for _, c := range list {
		k := form(key, len(c.later))
		if h.of == 1 && key == "recorded" {
			k = "recorded.only"
		}
		parts = append(parts, l.fill(k, "a", c.name(l), "n", len(c.later)))
	}
	return begin + strings.Join(parts, l.fill("semicolon")) + "."
}

// The sentences about the end of the run.

func (c *circle) reading(l lang) string {
	if c.readsNow {
		return l.fill("reads", "a", c.name(l))
	}
	return l.fill("given", "a", c.name(l))
}

func (c *circle) writing(l lang) string {
	return l.fill("writes", "a", c.name(l), "to", ways(c.deceivedNow, l))
}

func (c *circle) untried(l lang) string {
	since, silent := "since."+c.via, "silent"
	if c.revoked {
		since = "since.revoked"
	}
	if !c.silent[1] {
		silent = "silent.0"
	} else if !c.silent[0] {
		silent = "silent.1"
	}
	return l.fill(since, "a", c.name(l)) + l.fill(silent) + l.fill("untested", "a", c.name(l))
}

func (c *circle) untold(l lang) string {
	return l.fill("untold", "a", c.name(l), "verbs", can(c.doubt[0] > 0, c.doubt[1] > 0, "or", l))
}

func (h *head) nobody(since int, l lang) string {
	s := l.fill("nobody")
	if since > 0 && since < h.of {
		s = l.fill("nobody.since", "t", since)
	}
	for _, c := range h.circles {
		if len(c.later) > 0 {
			return s + l.fill("nobody.today") + "."
		}
	}
	return s + "."
}

func managed(list []*circle, l lang) string {
	var names []string
	read, write := false, false
	for _, c := range list {
		names, read, write = append(names, c.name(l)), read || len(c.read) > 0, write || c.writes()
	}
	return l.fill("managed", "a", strings.Join(names, ", "), "verbs", can(read, write, "and", l))
}

func over(list []*circle, l lang) string {
	var parts []string
	for _, c := range list {
		key := "past"
		if c.free == 0 {
			key = "past.first"
		}
		parts = append(parts, l.fill(key, "a", c.name(l), "verbs", can(len(c.read) > 0, c.writes(), "and", l), "t", c.free-1))
	}
	return strings.Join(parts, " ")
}
