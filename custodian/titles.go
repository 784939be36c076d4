package custodian

import (
	"fmt"
	"strings"

	"signet.example/signet/custodian/attack"
)

// titles are the names of the guarantees of custody B4 in French; the English ones are part of the
// report's format.
var titles = map[string]string{
	"G1": "confidentialité avant le mandat", "G2": "confidentialité pendant le mandat",
	"G3": "confidentialité après le mandat", "G4": "confidentialité persistante", "G5": "guérison",
	"G6": "authenticité pour le client", "G7": "authenticité pour l'entreprise",
	"G8": "persistance de l'imitation après révocation", "G9": "usurpation dans une nouvelle session",
	"G10": "possibilité de nier", "G11": "non-répudiation de l'avis", "G12": "confidentialité post-quantique",
	"G13": "métadonnées", "G14": "sincérité de l'avis", "G15": "ordre du consentement",
	"G16": "respect du mandat", "G17": "intégrité de l'historique",
}

// Title is the name of the guarantee.
func (v *Verdict) Title() Text {
	t := Text{EN: v.g.name, FR: titles[v.g.id]}
	if t.FR == "" {
		t.FR = t.EN
	}
	return t
}

// Text is the claim in both languages.
func (e Evidence) Text() Text {
	if e.french == "" {
		return Text{e.Claim, e.Claim}
	}
	return Text{e.Claim, e.french}
}

// addText is add, in both languages.
func (l *evidence) addText(kind string, t Text) string {
	id := l.add(kind, t.EN)
	l.list[len(l.list)-1].french = t.FR
	return id
}

const withQuantum = " with a quantum computer"

// inFrench is a principal, perhaps with a quantum computer.
func inFrench(who string) string {
	if name, ok := strings.CutSuffix(who, withQuantum); ok {
		return name + " avec un ordinateur quantique"
	}
	return who
}

// opens is the claim of a reading.
func opens(who string, copied bool, message int) Text {
	if copied {
		return Text{fmt.Sprintf("%s was given message %d", who, message), fmt.Sprintf("%s a reçu le message %d", inFrench(who), message)}
	}
	return Text{fmt.Sprintf("%s reads message %d", who, message), fmt.Sprintf("%s lit le message %d", inFrench(who), message)}
}

// deceives is the claim of a forgery.
func deceives(who string, p *probe, s attack.Strategy) Text {
	names := [...]string{Customer, Business}
	t := Text{
		EN: fmt.Sprintf("a copy of the %s accepts a message of %s as the %s's", names[p.to], who, names[1-p.to]),
		FR: "une copie du client accepte un message de " + who + " comme venant de l'entreprise",
	}
	if p.to == attack.Business {
		t.FR = "une copie de l'entreprise accepte un message de " + who + " comme venant du client"
	}
	if p.message >= 0 {
		t.EN += fmt.Sprintf(" in place of message %d", p.message)
		t.FR += fmt.Sprintf(" à la place du message %d", p.message)
	} else {
		t.EN += fmt.Sprintf(" at event %d", p.at)
		t.FR += fmt.Sprintf(" à l'événement %d", p.at)
	}
	t.EN += " (" + string(s) + ")"
	t.FR += " (" + string(s) + ")"
	return t
}
