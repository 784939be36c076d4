package picture

import (
	"fmt"

	"signet.example/signet/custodian"
)

// words are the words of the page, by key.
var words = map[string]custodian.Text{
	"report":       {EN: "Custody report", FR: "Rapport de garde"},
	"skip":         {EN: "Skip to the report", FR: "Aller au rapport"},
	"conversation": {EN: "The conversation", FR: "La discussion"},
	"conversation.intro": {
		EN: "Time runs from left to right, one column for each message. Below the two ends, one lane for each other party shows what it can read and what it could have forged.",
		FR: "Le temps va de gauche à droite, une colonne par message. Sous les deux extrémités, une ligne par autre partie montre ce qu'elle peut lire et ce qu'elle aurait pu imiter.",
	},
	"picture":     {EN: "Picture of the conversation, scrolls sideways", FR: "Image de la discussion, défile horizontalement"},
	"legend":      {EN: "Legend", FR: "Légende"},
	"happened":    {EN: "What happened", FR: "Ce qui s'est passé"},
	"parties":     {EN: "What each party can do", FR: "Ce que peut chaque partie"},
	"party":       {EN: "Party", FR: "Partie"},
	"role":        {EN: "Role", FR: "Rôle"},
	"sees":        {EN: "Sees ciphertexts", FR: "Voit les messages chiffrés"},
	"reads":       {EN: "Can read", FR: "Peut lire"},
	"forges":      {EN: "Could have forged", FR: "Aurait pu imiter"},
	"later":       {EN: "Later, by quantum computer", FR: "Plus tard, par ordinateur quantique"},
	"guarantees":  {EN: "Guarantees", FR: "Garanties"},
	"guarantee":   {EN: "Guarantee", FR: "Garantie"},
	"at a glance": {EN: "The guarantees at a glance", FR: "Les garanties en un coup d'œil"},
	"in words":    {EN: "The guarantees in words, with their evidence", FR: "Les garanties en toutes lettres, avec leurs preuves"},
	"verdict":     {EN: "Verdict", FR: "Verdict"},
	"finding":     {EN: "Finding", FR: "Constat"},
	"severity":    {EN: "Severity", FR: "Gravité"},
	"evidence":    {EN: "Evidence", FR: "Preuves"},
	"evidence.intro": {
		EN: "A witness is something that happened in this run: a message that was opened, or a forgery that a copy of its receiver accepted. Each unfolds to the steps that lead there. A certificate is a saturated set of facts: what is not in it does not follow.",
		FR: "Un témoin est un fait de cet essai : un message qui a été ouvert, ou une imitation qu'une copie du destinataire a acceptée. Chacun se déplie en ses étapes. Un certificat est un ensemble saturé de faits : ce qui n'y est pas ne s'en déduit pas.",
	},
	"messages":      {EN: "Messages", FR: "Messages"},
	"every message": {EN: "Every message: who can read it, who could have forged it", FR: "Chaque message : qui peut le lire, qui aurait pu l'imiter"},
	"message":       {EN: "Message", FR: "Message"},
	"from":          {EN: "From", FR: "De"},
	"delivered":     {EN: "Delivered", FR: "Remis"},
	"readable by":   {EN: "Readable by", FR: "Lisible par"},
	"forgeable by":  {EN: "Forgeable by", FR: "Imitable par"},
	"nobody":        {EN: "nobody else", FR: "personne d'autre"},
	"yes":           {EN: "yes", FR: "oui"},
	"no":            {EN: "no", FR: "non"},
	"lost-message":  {EN: "never", FR: "jamais"},
	"quantum":       {EN: "with a quantum computer", FR: "avec un ordinateur quantique"},
	"reading":       {EN: "How to read a derivation", FR: "Comment lire une dérivation"},
	"reading.intro": {
		EN: "Each line says which rule gives what from what. Public keys are called k1, k2 and so on; the first argument of an atom names its session by its base key.",
		FR: "Chaque ligne dit quelle règle donne quoi à partir de quoi. Les clés publiques s'appellent k1, k2 et ainsi de suite ; le premier argument d'un atome nomme sa session par sa clé de base.",
	},
	"rules":       {EN: "The rule book", FR: "Les règles"},
	"rule":        {EN: "Rule", FR: "Règle"},
	"rule.text":   {EN: "What it gives, from what", FR: "Ce qu'elle donne, à partir de quoi"},
	"keys":        {EN: "Public keys", FR: "Clés publiques"},
	"assumptions": {EN: "Assumptions", FR: "Hypothèses"},
	"limits":      {EN: "Limits", FR: "Limites"},
	"scenario":    {EN: "Scenario", FR: "Scénario"},
	"rulebook":    {EN: "Rule book", FR: "Règles"},
	"tool":        {EN: "Made by", FR: "Établi par"},
	"self":        {EN: "who is concerned", FR: "partie concernée"},
	"top":         {EN: "Back to the top", FR: "Retour en haut"},

	"lane.customer": {EN: "customer", FR: "client"},
	"lane.business": {EN: "business", FR: "entreprise"},
	"role.customer": {EN: "sees the notice", FR: "voit l'avis"},
	"role.business": {EN: "has the keys", FR: "a les clés"},
	"role.provider": {EN: "provider", FR: "prestataire"},
	"role.operator": {EN: "operator", FR: "opérateur"},
	"role.outsider": {EN: "outsider", FR: "tiers"},
	"lane.pq":       {EN: "SPQR epochs", FR: "époques SPQR"},
	"lane.axis":     {EN: "message", FR: "message"},

	"held":        {EN: "held", FR: "tenu"},
	"lost":        {EN: "lost", FR: "perdu"},
	"conditional": {EN: "conditional", FR: "conditionnel"},
	"unknown":     {EN: "unknown", FR: "inconnu"},

	"severity.info":     {EN: "severity: for information", FR: "gravité : pour information"},
	"severity.low":      {EN: "severity: low", FR: "gravité : faible"},
	"severity.medium":   {EN: "severity: medium", FR: "gravité : moyenne"},
	"severity.high":     {EN: "severity: high", FR: "gravité : élevée"},
	"severity.critical": {EN: "severity: critical", FR: "gravité : critique"},

	"witness":     {EN: "witness", FR: "témoin"},
	"certificate": {EN: "certificate", FR: "certificat"},
	"statement":   {EN: "statement", FR: "déclaration"},
	"log":         {EN: "log", FR: "journal"},
	"absence":     {EN: "absence", FR: "absence"},

	"legend.down":     {EN: "customer writes", FR: "le client écrit"},
	"legend.up":       {EN: "business writes", FR: "l'entreprise écrit"},
	"legend.lost":     {EN: "never delivered", FR: "jamais remis"},
	"legend.read":     {EN: "can be read (witness)", FR: "lisible (témoin)"},
	"legend.quantum":  {EN: "readable with a quantum computer only", FR: "lisible par ordinateur quantique seulement"},
	"legend.safe":     {EN: "not readable (certificate)", FR: "non lisible (certificat)"},
	"legend.disputed": {EN: "not settled", FR: "non tranché"},
	"legend.forge":    {EN: "could have been forged", FR: "aurait pu être imité"},
	"legend.band":     {EN: "custody: a grant in force", FR: "garde : un mandat en vigueur"},
	"legend.turn":     {EN: "new ratchet key; long: new session", FR: "nouvelle clé de cliquet ; long : nouvelle session"},
	"legend.pq":       {EN: "SPQR epoch, and chunks of the current object", FR: "époque SPQR, et morceaux de l'objet en cours"},
	"legend.mark":     {EN: "step of the list below", FR: "étape de la liste ci-dessous"},

	"flag.none":         {EN: "no signed notice reached the customer", FR: "aucun avis signé n'est parvenu au client"},
	"flag.encrypted":    {EN: "the customer saw: end-to-end encrypted", FR: "le client a vu : chiffré de bout en bout"},
	"flag.managed":      {EN: "the customer saw: managed by others", FR: "le client a vu : géré par d'autres"},
	"flag.changed":      {EN: "the customer saw: the custody has changed", FR: "le client a vu : la garde a changé"},
	"flag.revoked":      {EN: "the customer saw: the custody has ended", FR: "le client a vu : la garde a pris fin"},
	"flag.expired":      {EN: "the customer saw: the notice has expired", FR: "le client a vu : l'avis a expiré"},
	"flag.unknown":      {EN: "the customer saw: unknown", FR: "le client a vu : inconnu"},
	"flag.contradicted": {EN: "the customer saw: contradicted", FR: "le client a vu : contredit"},

	"from.grant":     {EN: "grant", FR: "mandat"},
	"from.wire":      {EN: "seen on its way", FR: "vu en chemin"},
	"from.directory": {EN: "directory", FR: "annuaire"},
	"from.own":       {EN: "made itself", FR: "fait soi-même"},
	"from.quantum":   {EN: "quantum computer", FR: "ordinateur quantique"},
	"then":           {EN: "hence", FR: "d'où"},
	"from.seen":      {EN: "as in", FR: "comme dans"},
}

// say returns the words of a key, with arguments put in, in the language of the page. A key that does
// not exist is a mistake of this package, and its tests find it.
func (p *document) say(key string, args ...any) string {
	t, ok := words[key]
	if !ok {
		t = sentences[key]
	}
	if len(args) == 0 {
		return t.In(p.Lang)
	}
	return fmt.Sprintf(t.In(p.Lang), args...)
}

// sentences are words with places for others in them.
var sentences = map[string]custodian.Text{
	"of":             {EN: "%d of %d", FR: "%d sur %d"},
	"epoch":          {EN: "epoch %d", FR: "époque %d"},
	"before":         {EN: "before message %d", FR: "avant le message %d"},
	"at the end":     {EN: "after the last message", FR: "après le dernier message"},
	"lane.reads":     {EN: "reads %d of %d", FR: "lit %d sur %d"},
	"lane.forges":    {EN: "could forge %d", FR: "imiterait %d"},
	"bins":           {EN: "×%d: each column is %d messages", FR: "×%d : chaque colonne vaut %d messages"},
	"one":            {EN: "Message %d", FR: "Message %d"},
	"many":           {EN: "Messages %d to %d", FR: "Messages %d à %d"},
	"is.read":        {EN: "%s: %s can read %d of %d", FR: "%s : %s peut en lire %d sur %d"},
	"is.quantum":     {EN: "%s: %s can read them with a quantum computer only", FR: "%s : %s ne peut les lire que par ordinateur quantique"},
	"is.safe":        {EN: "%s: %s cannot read them", FR: "%s : %s ne peut pas les lire"},
	"is.disputed":    {EN: "%s: not settled for %s", FR: "%s : non tranché pour %s"},
	"is.forged":      {EN: "%s: %s could have forged %d of %d", FR: "%s : %s aurait pu en imiter %d sur %d"},
	"is.customer":    {EN: "%s, from the customer", FR: "%s, du client"},
	"is.business":    {EN: "%s, from the business", FR: "%s, de l'entreprise"},
	"is.mixed":       {EN: "%s, in both directions", FR: "%s, dans les deux sens"},
	"is.late":        {EN: "delivered late", FR: "remis en retard"},
	"is.lost":        {EN: "never delivered", FR: "jamais remis"},
	"is.session":     {EN: "new session", FR: "nouvelle session"},
	"is.turn":        {EN: "new ratchet key", FR: "nouvelle clé de cliquet"},
	"is.epoch":       {EN: "SPQR epoch %d", FR: "époque SPQR %d"},
	"is.chunk":       {EN: "SPQR epoch %d, %s %d/%d", FR: "époque SPQR %d, %s %d/%d"},
	"grant.business": {EN: "The business hands over to %s, by %s:", FR: "L'entreprise confie à %s, par %s :"},
	"grant.customer": {EN: "The customer hands over to %s, by %s:", FR: "Le client confie à %s, par %s :"},
	"quota.business": {EN: "The business hands over to %s the keys of its next %d messages", FR: "L'entreprise confie à %s les clés de ses %d prochains messages"},
	"quota.customer": {EN: "The customer hands over to %s the keys of the next %d messages", FR: "Le client confie à %s les clés de ses %d prochains messages"},
	"grant.revoked":  {EN: "revoked", FR: "révoqué"},
	"revoke":         {EN: "The grant %s is revoked", FR: "Le mandat %s est révoqué"},
	"rotate":         {EN: "The business renews: %s", FR: "L'entreprise renouvelle : %s"},
	"rotate.session": {EN: "session", FR: "session"},
	"rotate.prekeys": {EN: "prekeys", FR: "préclés"},
	"rotate.identity": {
		EN: "identity, prekeys and session", FR: "identité, préclés et session",
	},
	"barrier":           {EN: "The customer raises a barrier: old chains and sessions are deleted", FR: "Le client dresse une barrière : les anciennes chaînes et sessions sont effacées"},
	"block":             {EN: "The customer ends the conversation", FR: "Le client met fin à la discussion"},
	"accepted.customer": {EN: "%s writes to the customer in the name of the business, and is believed", FR: "%s écrit au client au nom de l'entreprise, et le client le croit"},
	"refused.customer":  {EN: "%s tries to write to the customer in the name of the business, and is refused", FR: "%s essaie d'écrire au client au nom de l'entreprise, sans y parvenir"},
	"accepted.business": {EN: "%s writes to the business in the name of the customer, and is believed", FR: "%s écrit à l'entreprise au nom du client, et l'entreprise le croit"},
	"refused.business":  {EN: "%s tries to write to the business in the name of the customer, and is refused", FR: "%s essaie d'écrire à l'entreprise au nom du client, sans y parvenir"},
	"notice":            {EN: "The business publishes a signed notice", FR: "L'entreprise publie un avis signé"},
	"notice.by":         {EN: "%s publishes a notice in the name of the business", FR: "%s publie un avis au nom de l'entreprise"},
	"notice.private":    {EN: ": nobody else was given anything", FR: " : personne d'autre n'a rien reçu"},
	"notice.says":       {EN: ", which names:", FR: ", qui nomme :"},
	"notice.replay":     {EN: ": number %d again", FR: " : de nouveau le numéro %d"},
	"notice.withheld":   {EN: "it is lost on its way", FR: "il se perd en chemin"},
	"notice.twice":      {EN: "another customer is shown another one with this number", FR: "un autre client en voit un autre avec ce numéro"},
	"missing":           {EN: "did not exist then: %s", FR: "n'existait pas alors : %s"},
	"via.copy":          {EN: "copy", FR: "copie"},
	"via.stream":        {EN: "stream", FR: "flux"},
	"via.quota":         {EN: "quota", FR: "quota"},
	"via.oracle":        {EN: "oracle", FR: "oracle"},
	"unlisted":          {EN: "%d more, which this page has no room for; custodian run -json lists them, and custodian explain derives them:", FR: "%d autres, pour lesquelles cette page n'a pas de place ; custodian run -json en donne la liste, et custodian explain les dérive :"},
	"rest":              {EN: "The other %d rows are in the report as JSON.", FR: "Les %d autres lignes sont dans le rapport en JSON."},
	"same":              {EN: "shares what %s knows", FR: "partage ce que sait %s"},
	"summary":           {EN: "Messages: %d. Grants: %d. Parties other than the two ends: %d.", FR: "Messages : %d. Mandats : %d. Parties autres que les deux extrémités : %d."},
}
