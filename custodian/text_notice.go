package custodian

import (
	"strings"

	"signet.example/signet/custodian/notice"
)

// The sentences about what the customer is told (custody B4, B6).

var noticeWording = map[string]sentences{
	"G10": {
		lost: Text{"A signed statement has {n} of the {of} {messages} that {who} saw for its words: that this was written can be proved to anybody.", "Une déclaration signée reprend {n} des {of} {messages} que {who} a vus : on peut prouver à quiconque que cela a été écrit."},
		held: Text{"Nothing proves to outsiders what was written; but {who} saw {of} {messages}.", "Rien ne prouve à un tiers ce qui a été écrit ; mais {who} a vu {of} {messages}."},
	},
	"G11": {
		lost: Text{"{who} can make such a notice itself, and the customer's client accepts it: the business can deny the notice.", "{who} peut fabriquer lui-même un tel avis, et l'application du client l'accepte : l'entreprise peut nier l'avis."},
		held: Text{"The business signed this notice and cannot say that {who} made it.", "L'entreprise a signé cet avis et ne peut dire que {who} l'a fabriqué."},
	},
	"G14": {
		lost: Text{"The notice does not match what we can prove: at {n} of {of} {messages} it said less about {who}.", "L'avis ne correspond pas à ce que nous pouvons prouver : pour {n} {nmessages} sur {of}, il en disait moins sur {who}."},
		held: Text{"The notice says no less about {who} than what we can prove.", "L'avis n'en dit pas moins sur {who} que ce que nous pouvons prouver."},
	},
	"G15": {
		lost: Text{"{n} of your {of} {messages} from before you were told were readable by {who}.", "Avant que vous en soyez averti, {n} de vos {of} {messages} étaient lisibles par {who}."},
		held: Text{"{who} can read nothing that you wrote before you were told.", "{who} ne peut rien lire de ce que vous avez écrit avant d'en être averti."},
	},
}

var (
	unseenMessages = Text{
		"Nothing proves to outsiders what was written, and {who} saw nothing of it.",
		"Rien ne prouve à un tiers ce qui a été écrit, et {who} n'en a rien vu.",
	}
	selfContradiction = Text{
		"The business contradicted itself, and this can be proved to anybody.",
		"L'entreprise s'est contredite, et on peut le prouver à quiconque.",
	}
	noStatement = Text{
		"No statement of the business reached the customer and was accepted: there is no notice that could be {who}'s.",
		"Aucune déclaration de l'entreprise n'est parvenue au client et n'a été acceptée : il n'y a pas d'avis qui puisse être de {who}.",
	}
	undetectable = Text{
		"Nothing verifiable was published: what the business gave {who}, the customer cannot detect.",
		"Rien de vérifiable n'a été publié : ce que l'entreprise a donné à {who}, le client ne peut pas le détecter.",
	}
)

// noticeSentence chooses the sentence of a verdict of this file.
func noticeSentence(v *Verdict) (t Text, ok bool) {
	s, ok := noticeWording[v.g.id]
	switch {
	case !ok:
		return t, false
	case v.g == g10 && v.result == Held && v.of == 0:
		return unseenMessages, true
	case v.g == g14 && v.result == Lost && v.messages == 0:
		return selfContradiction, true
	case v.result == Lost:
		return s.lost, true
	case v.result == Held:
		return s.held, true
	case v.g == g11:
		return noStatement, true
	case v.g == g14:
		return undetectable, true
	}
	return unknownVerdict, true
}

// shownNotice is what the customer's client shows at the end of a run with notices, or nil.
func (w *writer) shownNotice() *Notice {
	if w.notices.final == nil {
		return nil
	}
	s := *w.notices.final
	n := &Notice{State: s.Kind.String(), Shown: true}
	if s.Kind == notice.Encrypted {
		n.State = "e2ee"
	}
	holders := s.Holders
	if s.Kind == notice.Revoked {
		holders = s.Former
	}
	if asserts(&s) {
		var by []string
		for _, h := range holders {
			by = append(by, h.Names...)
		}
		n.By = strings.Join(distinct(by), ", ")
	}
	n.Text = Text{speak(s, "en", "the business", "The business"), speak(s, "fr", "l'entreprise", "L'entreprise")}
	return n
}

// speak puts a state in words that call the business what it is.
func speak(s notice.State, lang, name, first string) string {
	s.ForgeableBy = strings.Replace(s.ForgeableBy, s.Business, name, 1)
	s.Business = name
	text := s.Text(lang)
	if rest, ok := strings.CutPrefix(text, name); ok {
		text = first + rest
	}
	return strings.ReplaceAll(text, ". "+name, ". "+first)
}
