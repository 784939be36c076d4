package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A text is a sentence in both languages.
type text struct{ en, fr string }

func (t text) in(lang string) string {
	if lang == "fr" {
		return t.fr
	}
	return t.en
}

var (
	title   = text{"The same conversation, twice. This is all that the relay wrote into its log.", "La même discussion, deux fois. Voici tout ce que le relais a noté dans son journal."}
	without = text{"WITHOUT SEALED SENDER", "SANS EXPÉDITEUR SCELLÉ"}
	with    = text{"WITH SEALED SENDER", "AVEC EXPÉDITEUR SCELLÉ"}
	columns = text{"time      from      to       type         bytes", "heure     de        à        type        octets"}
	kinds   = map[session.MessageType]text{
		session.TypeSignal:    {"ordinary", "ordinaire"},
		session.TypePreKey:    {"first", "premier"},
		session.TypeSenderKey: {"group", "groupe"},
	}
	oneUpload = text{
		"Of the %d bytes of the group's upload, %d are there once for all %d devices: the one ciphertext. The relay split it.",
		"Des %d octets envoyés au groupe, %d servent aux %d appareils à la fois : l'unique chiffré, réparti par le relais.",
	}
	facts    = text{"Who is in contact with whom, by the log:", "Qui est en contact avec qui, selon le journal :"}
	toPerson = text{"? -> %-6s %d messages, from nobody knows whom", "? -> %-6s %d messages, on ne sait de qui"}
	remains  = text{"What remains visible with sealed sender:", "Ce qui reste visible avec l'expéditeur scellé :"}
)

// visible says what sealed sender does not hide.
var visible = []text{
	{"Who receives, on which devices, at what time, and how many bytes: it is all in the log on the right.",
		"Qui reçoit, sur quels appareils, à quelle heure et combien d'octets : le journal de droite dit tout cela."},
	{"A group's upload names all its readers at once: they belong together. Whoever of them is missing has likely sent it.",
		"Un envoi au groupe nomme tous ses lecteurs : ils vont ensemble. Le membre qui manque l'a sans doute envoyé."},
	{"Answers: a message to alice, seconds after one to bob, and again the next day. A patient reader guesses well.",
		"Les réponses : un message à alice, peu après un message à bob, et encore le lendemain. La patience fait deviner."},
	{"The size of a text shows in the size of its message; a first message is longer, whatever envelope it is in.",
		"La taille d'un texte se lit dans celle du message ; un premier message est plus long, sous toute enveloppe."},
	{"And what this program leaves out: the network address of who sends, who fetches whose keys, who asks for certificates.",
		"Et ce que ce programme omet : l'adresse réseau de qui envoie, qui demande les clés de qui, qui se fait certifier."},
	{"Either way the relay sees no text. The receiver learns the sender: from the relay, or from a sealed certificate.",
		"Dans les deux cas, le relais ne voit aucun texte. L'expéditeur est nommé par le relais, ou par un certificat scellé."},
}

const half = 60 // columns of one log

// show prints both logs side by side, what follows from each, and what remains visible.
func show(w io.Writer, lang string, plain, hidden []sighting) error {
	p := &page{w: w}
	p.line(title.in(lang))
	p.line("")
	p.both([]string{without.in(lang), columns.in(lang)}, []string{with.in(lang), columns.in(lang)})
	p.both(rows(plain, lang), rows(hidden, lang))
	for _, s := range hidden {
		if s.once > 0 {
			p.line("")
			p.line(fmt.Sprintf(oneUpload.in(lang), len(s.body), s.once, len(s.to)))
		}
	}
	p.line("")
	p.line(facts.in(lang))
	p.both(contacts(plain, lang), contacts(hidden, lang))
	p.line("")
	p.line(remains.in(lang))
	for _, t := range visible {
		p.line("- " + t.in(lang))
	}
	return p.err
}

// A page remembers the first error.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(s string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(s, " "))
	}
}

// both prints two columns, of which one may be longer.
func (p *page) both(left, right []string) {
	at := func(lines []string, i int) string {
		if i < len(lines) {
			return lines[i]
		}
		return ""
	}
	for i := range max(len(left), len(right)) {
		l := at(left, i)
		p.line(l + strings.Repeat(" ", half-utf8.RuneCountInString(l)) + at(right, i))
	}
}

func who(a signet.Address) string {
	if a == (signet.Address{}) {
		return "?"
	}
	return fmt.Sprintf("%s.%d", names[a.Name], a.Device)
}

// rows is a log as a table: a line for each destination, and what it shares with others once.
func rows(log []sighting, lang string) (lines []string) {
	for _, s := range log {
		kind := "?"
		if s.kind != 0 {
			kind = kinds[s.kind].in(lang)
		}
		for i, to := range s.to {
			if i > 0 {
				lines = append(lines, fmt.Sprintf("%-20s%s", "", who(to)))
				continue
			}
			lines = append(lines, fmt.Sprintf("%s  %-8s  %-7s  %-9s %8d", s.at.Format("15:04:05"), who(s.from), who(to), kind, len(s.body)))
		}
	}
	return lines
}

// contacts counts the messages between accounts, as far as the log tells.
func contacts(log []sighting, lang string) (lines []string) {
	type pair struct{ from, to string }
	count := make(map[pair]int)
	for _, s := range log {
		for _, to := range s.to {
			count[pair{names[s.from.Name], names[to.Name]}]++
		}
	}
	pairs := slices.SortedFunc(maps.Keys(count), func(a, b pair) int {
		return strings.Compare(a.from+" "+a.to, b.from+" "+b.to)
	})
	for _, p := range pairs {
		if p.from == "" {
			lines = append(lines, fmt.Sprintf(toPerson.in(lang), p.to, count[p]))
			continue
		}
		lines = append(lines, fmt.Sprintf("%-5s -> %-6s %d messages", p.from, p.to, count[p]))
	}
	return lines
}
