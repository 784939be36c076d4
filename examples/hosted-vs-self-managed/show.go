package main

import (
	"fmt"
	"strings"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

// words are the texts of this program that are not the report's own, English and French.
var words = map[string]custodian.Text{
	"title":    {EN: "The same conversation, twice: %d messages, %d of them delivered.", FR: "La même discussion, deux fois : %d messages, dont %d remis."},
	"self":     {EN: "SELF-MANAGED: the shop keeps its keys", FR: "AUTOGÉRÉ : la boutique garde ses clés"},
	"hosted":   {EN: "HOSTED: " + provider + " holds the shop's keys", FR: "HÉBERGÉ : " + provider + " détient les clés de la boutique"},
	"handover": {EN: "HANDED OVER: " + provider + " gets the keys midway", FR: "TRANSMIS : " + provider + " reçoit les clés en cours de route"},
	"archive":  {EN: "ARCHIVED: " + provider + " gets copies of the texts", FR: "ARCHIVÉ : " + provider + " reçoit des copies des textes"},
	"headline": {EN: "The reports begin:", FR: "Les rapports commencent ainsi :"},
	"notice":   {EN: "What the customer's app shows, after checking what the shop has signed:", FR: "Ce que l'application du client affiche, ayant vérifié ce que la boutique a signé :"},
	"reads":    {EN: provider + " reads", FR: provider + " lit"},
	"forges":   {EN: "could forge", FR: "pourrait imiter"},
	"platform": {EN: "platform reads", FR: "la plateforme lit"},
	"legend":   {EN: "> from the customer, < from the shop; # yes, . no", FR: "> du client, < de la boutique ; # oui, . non"},
	"reports":  {EN: "The two reports, on " + provider + ":", FR: "Les deux rapports, au sujet de " + provider + " :"},
	"more": {
		EN: "LOST means that it was done: the message was decrypted, the forgery was accepted by a copy of the receiver.\nHeld means that it does not follow from what " + provider + " was given, by a certificate that can be checked.",
		FR: "PERDU veut dire que cela a été fait : le message a été déchiffré, une copie du destinataire a accepté l'imitation.\nTenu veut dire que cela ne découle pas de ce que " + provider + " a reçu, selon un certificat vérifiable.",
	},
}

const columns = 116

// show prints both reports side by side.
func show(p *tell.Page, mode string, self, other *custodian.Report) error {
	lang := p.Lang()
	word := func(key string) string { return words[key].In(lang) }
	lane := func(label, marks string) string { return tell.Lane(words[label].In(lang), 20, marks) }
	both := func(left, right string) { p.Both(columns, left, right) }
	delivered := 0
	for _, m := range other.Messages {
		if m.Delivered {
			delivered++
		}
	}
	t := words["title"]
	p.Line(custodian.Text{EN: fmt.Sprintf(t.EN, len(other.Messages), delivered), FR: fmt.Sprintf(t.FR, len(other.Messages), delivered)})
	p.Line(custodian.Text{})
	both(word("self"), word(mode))
	rule := strings.Repeat("=", columns/2-2)
	both(rule, rule)
	p.Line(words["headline"])
	both(tell.Quote(tell.Headline(self), lang), tell.Quote(tell.Headline(other), lang))
	p.Line(custodian.Text{})
	p.Line(words["notice"])
	both(tell.Quote(self.Notice.Text, lang), tell.Quote(other.Notice.Text, lang))
	p.Line(custodian.Text{})
	both(lane("", tell.Directions(self)), lane("", tell.Directions(other)))
	both(lane("reads", tell.Reads(self, provider)), lane("reads", tell.Reads(other, provider)))
	both(lane("forges", tell.Forges(self, provider)), lane("forges", tell.Forges(other, provider)))
	both(lane("platform", tell.Reads(self, platform)), lane("platform", tell.Reads(other, platform)))
	p.Line(words["legend"])
	p.Line(custodian.Text{})
	p.Line(words["reports"])
	for _, v := range other.Verdicts {
		if mine := self.Find(v.ID(), provider); v.Principal() == provider && mine != nil {
			both(tell.Verdict(mine, lang), tell.Verdict(&v, lang))
		}
	}
	p.Line(custodian.Text{})
	p.Line(words["more"])
	return p.Err()
}
