package custodian

import (
	"fmt"
	"strings"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// words says atoms in English and French. It knows whose key is whose.
type words struct {
	keys     map[string]parcel.Key // by how atoms name them
	names    map[string]Text       // likewise
	sessions map[string]int        // from 1, by the name of the base key
	starter  map[string]attack.Side
	counts   map[string]int
	last     int // how many messages there are
}

// newWords names the keys of a run in the order in which they appeared.
func newWords(r *run) *words {
	w := &words{
		keys: make(map[string]parcel.Key), names: make(map[string]Text), sessions: make(map[string]int),
		starter: make(map[string]attack.Side), counts: make(map[string]int), last: len(r.messages),
	}
	for i := range r.events {
		switch e := &r.events[i]; {
		case e.bundle != nil:
			f := e.bundle.bundle.Fields()
			w.name(parcel.Key(f.Identity.Bytes()), e.bundle.side, "identity key", "clé d'identité")
			w.name(parcel.Key(f.SignedPreKey.Public.Bytes()), e.bundle.side, "signed prekey", "préclé signée")
			if f.PreKey != nil {
				w.name(parcel.Key(f.PreKey.Public.Bytes()), e.bundle.side, "one-time prekey", "préclé à usage unique")
			}
			if f.KEMPreKey != nil {
				w.name(preKeyName(parcel.KyberPreKey, f.KEMPreKey.Public), e.bundle.side, "KEM prekey", "préclé KEM")
			}
		case e.sent != nil:
			m := e.sent
			base := arg(know.Handshake(m.base), 0)
			if w.sessions[base] == 0 {
				w.sessions[base] = len(w.sessions) + 1
				w.starter[base] = m.from
				w.name(m.base, m.from, "base key", "clé de base")
			}
			w.name(m.key, m.from, "ratchet key", "clé de cliquet")
		}
	}
	for _, t := range r.ledger.turns { // keys that no message has shown: of whoever they were not made against
		w.keys[arg(know.Seen(t.Key), 0)] = t.Key
		w.keys[arg(know.Seen(t.Base), 0)] = t.Base
	}
	return w
}

func (w *words) name(k parcel.Key, side attack.Side, en, fr string) {
	id := arg(know.Seen(k), 0)
	w.keys[id] = k
	if _, named := w.names[id]; named {
		return
	}
	kind := fmt.Sprint(side, en)
	w.counts[kind]++
	n := ""
	if c := w.counts[kind]; c > 1 || strings.HasPrefix(en, "ratchet") || strings.HasPrefix(en, "base") {
		n = fmt.Sprintf(" %d", c)
	}
	w.names[id] = Text{
		EN: "the " + endNames[side] + "'s " + en + n,
		FR: "la " + fr + n + " " + ofEnd(side).FR,
	}
}

func ofEnd(side attack.Side) Text {
	if side == attack.Business {
		return Text{"of the business", "de l'entreprise"}
	}
	return Text{"of the customer", "du client"}
}

// key is the key that an atom names; zero if it is of no session, bundle or ratchet.
func (w *words) key(id string) parcel.Key { return w.keys[id] }

func (w *words) keyText(id string) Text {
	if t, ok := w.names[id]; ok {
		return t
	}
	short := id[:min(8, len(id))]
	return Text{"the key " + short + "…", "la clé " + short + "…"}
}

func (w *words) session(base string) Text {
	n := w.sessions[base]
	if n == 0 {
		return Text{"a session that was never used", "une session jamais utilisée"}
	}
	return Text{fmt.Sprintf("session %d", n), fmt.Sprintf("la session %d", n)}
}

// among says which session, where there are several.
func (w *words) among(base string) Text {
	switch n := w.sessions[base]; {
	case n == 0:
		return Text{" (an unused session)", " (une session inutilisée)"}
	case len(w.sessions) == 1:
		return Text{}
	default:
		return Text{fmt.Sprintf(" (session %d)", n), fmt.Sprintf(" (session %d)", n)}
	}
}

// direction is who sends on a post-quantum chain.
func (w *words) direction(base, dir string) Text {
	side := w.starter[base]
	if dir == "1" {
		side = 1 - side
	}
	return ofEnd(side)
}

// phrases has how kinds of atoms are said: {0}, {1}, … are arguments as they are, {k0}, {k1} keys,
// {s} the session, {p} the session in brackets if there are several, {d} the direction of a
// post-quantum chain.
var phrases = map[string]Text{
	"private":     {"the private half of {k0}", "la moitié privée de {k0}"},
	"seen":        {"the public half of {k0}", "la moitié publique de {k0}"},
	"dh":          {"the agreement of {k0} and {k1}", "l'accord entre {k0} et {k1}"},
	"kem-private": {"the private half of {k0}", "la moitié privée de {k0}"},
	"kem-secret":  {"the KEM secret of {s}", "le secret KEM de {s}"},
	"handshake":   {"the public part of the first message of {s}", "la partie publique du premier message de {s}"},
	"root":        {"the root key that the turn of {k1} made{p}", "la clé racine née du tour de {k1}{p}"},
	"chain":       {"chain key {2} of {k1}{p}", "la clé de chaîne {2} de {k1}{p}"},
	"seed":        {"message seed {2} of {k1}{p}", "la graine de message {2} de {k1}{p}"},
	"seed-from":   {"a message seed of {k1} from {2} on{p}", "une graine de message de {k1} à partir de {2}{p}"},
	"pq-start":    {"the post-quantum starting key of {s}", "la clé de départ post-quantique de {s}"},
	"pq-root":     {"the post-quantum root of epoch {1}{p}", "la racine post-quantique de l'époque {1}{p}"},
	"pq-chain":    {"post-quantum chain key {3} {d} in epoch {1}{p}", "la clé de chaîne post-quantique {3} {d} à l'époque {1}{p}"},
	"pq-key":      {"post-quantum message key {3} {d} in epoch {1}{p}", "la clé de message post-quantique {3} {d} à l'époque {1}{p}"},
	"pq-key-from": {"a post-quantum message key {d} in epoch {1} from {3} on{p}", "une clé de message post-quantique {d} à l'époque {1} à partir de {3}{p}"},
	"pq-secret":   {"the shared secret of epoch {1}{p}", "le secret partagé de l'époque {1}{p}"},
	"pq-dk":       {"the decapsulation key of epoch {1}{p}", "la clé de décapsulation de l'époque {1}{p}"},
	"pq-es":       {"the encapsulation state of epoch {1}{p}", "l'état d'encapsulation de l'époque {1}{p}"},
	"pq-auth":     {"the authenticator of epoch {1}{p}", "l'authentificateur de l'époque {1}{p}"},
	"pq-taken":    {"a post-quantum key that the receiver takes in {s}", "une clé post-quantique que le destinataire accepte dans {s}"},
	"chunk":       {"chunk {3} of {2} of epoch {1}{p}", "le fragment {3} de {2} de l'époque {1}{p}"},
	"object":      {"{2} of epoch {1}{p}", "{2} de l'époque {1}{p}"},
	"observed":    {"the ciphertext of message {0}", "le texte chiffré du message {0}"},
	"copy":        {"a copy of the text of message {0}", "une copie du texte du message {0}"},
	"message-key": {"the key of message {0}", "la clé du message {0}"},
	"opened":      {"message {0}, decrypted", "le message {0}, déchiffré"},
	"plaintext":   {"the text of message {0}", "le texte du message {0}"},
	"forge":       {"a forged message that the receiver accepts", "un faux message que le destinataire accepte"},
	know.Quantum:  {"a quantum computer", "un ordinateur quantique"},
}

var objectNames = map[string]Text{
	string(know.Header): {"the header", "l'en-tête"}, string(know.Vector): {"the vector", "le vecteur"},
	string(know.Ciphertext1): {"the first ciphertext", "le premier texte chiffré"}, string(know.Ciphertext2): {"the second ciphertext", "le second texte chiffré"},
}

// atom says an atom.
func (w *words) atom(name string) Text {
	kind := know.KindOf(name)
	t, ok := phrases[kind]
	if !ok {
		return Text{name, name}
	}
	return Text{w.fill(t.EN, kind, name, Text.english), w.fill(t.FR, kind, name, Text.french)}
}

func (t Text) english() string { return t.EN }
func (t Text) french() string  { return t.FR }

func (w *words) fill(phrase, kind, name string, in func(Text) string) string {
	base := arg(name, 0)
	if kind == "pq-taken" {
		base = arg(name, 1)
	}
	list := []string{"{s}", in(w.session(base)), "{p}", in(w.among(base)), "{d}", in(w.direction(base, arg(name, 2)))}
	for i := range 4 {
		a := arg(name, i)
		if o, ok := objectNames[a]; ok && (kind == "chunk" || kind == "object") {
			a = in(o)
		}
		list = append(list, fmt.Sprintf("{%d}", i), a, fmt.Sprintf("{k%d}", i), in(w.keyText(arg(name, i))))
	}
	said := strings.NewReplacer(list...).Replace(phrase)
	return strings.NewReplacer("de le ", "du ").Replace(said)
}

// becauses says why a rule gives its head.
var becauses = map[string]Text{
	"R1":   {"a private key and a public one agree", "une clé privée et une clé publique s'accordent"},
	"R1q":  {"a quantum computer finds the agreement of two public keys", "un ordinateur quantique trouve l'accord de deux clés publiques"},
	"R2":   {"decapsulated from the first message", "décapsulé du premier message"},
	"R3":   {"the key agreement of the first message, done again", "l'accord de clés du premier message, refait"},
	"R4":   {"one turn of the ratchet", "un tour de cliquet"},
	"R5a":  {"the chain goes on by one", "la chaîne avance d'un pas"},
	"R5b":  {"the chain key gives its message's seed", "la clé de chaîne donne la graine de son message"},
	"R6":   {"the post-quantum chains begin", "les chaînes post-quantiques commencent"},
	"R7a":  {"the post-quantum chain goes on by one", "la chaîne post-quantique avance d'un pas"},
	"R7b":  {"the post-quantum chain gives its message's key", "la chaîne post-quantique donne la clé de son message"},
	"R8":   {"a new epoch begins", "une nouvelle époque commence"},
	"R9a":  {"decapsulated from both ciphertexts", "décapsulé des deux textes chiffrés"},
	"R9b":  {"encapsulated again for the header", "encapsulé à nouveau pour l'en-tête"},
	"R9o":  {"put together from its chunks", "reconstitué à partir de ses fragments"},
	"R11":  {"the message's key, from all its parts", "la clé du message, à partir de toutes ses parts"},
	"R12a": {"the key opens the ciphertext", "la clé ouvre le texte chiffré"},
	"R12b": {"what is decrypted is read", "ce qui est déchiffré est lu"},
	"R12c": {"the text was given", "le texte a été donné"},
	"R13a": {"the receiver's chain still takes it", "la chaîne du destinataire l'accepte encore"},
	"R13b": {"a ratchet key of one's own on the receiver's root", "une clé de cliquet à soi sur la racine du destinataire"},
	"R13c": {"a new session in the sender's name", "une nouvelle session au nom de l'expéditeur"},
}

// secretNames are the secrets of grants, as a reader of French knows them.
var secretNames = map[string]string{
	"identity": "identité", "signed-prekey": "préclé signée", "one-time-prekeys": "préclés à usage unique",
	"kyber-prekey": "préclé Kyber", "root": "racine", "ratchet-private": "clé privée de cliquet",
	"sending-chain": "chaîne d'envoi", "receiving-chains": "chaînes de réception", "skipped": "clés sautées",
	"archived": "sessions archivées", "pq-root": "racine post-quantique", "pq-sending-chain": "chaîne d'envoi post-quantique",
	"pq-receiving-chain": "chaîne de réception post-quantique", "pq-skipped": "clés sautées post-quantiques",
	"pq-auth": "authentificateur post-quantique", "pq-decapsulation": "décapsulation post-quantique",
	"pq-encapsulation": "encapsulation post-quantique", "pq-negotiation": "négociation post-quantique", "plaintext": "texte en clair",
}

// SecretName is the name of a secret that can be granted, in both languages.
func SecretName(atom string) Text {
	if fr, ok := secretNames[atom]; ok {
		return Text{atom, fr}
	}
	return Text{atom, atom}
}

// step says a step of a derivation: the atom, and why.
func (w *words) step(d *Derived) Text {
	t := w.atom(d.Atom)
	because := becauses[d.Rule]
	if d.Source != nil {
		because = w.source(d.Source)
	}
	return Text{t.EN + ": " + because.EN, t.FR + " : " + because.FR}
}

// source says where a leaf came from.
func (w *words) source(s *Source) Text {
	before := Text{fmt.Sprintf("before message %d", s.Before), fmt.Sprintf("avant le message %d", s.Before)}
	if s.Before >= w.last {
		before = Text{"after the last message", "après le dernier message"}
	}
	switch s.Kind {
	case "grant":
		name := SecretName(s.Secret)
		return Text{
			fmt.Sprintf("handed to %s by grant %s (%s) %s", s.Holder, s.Grant, name.EN, before.EN),
			fmt.Sprintf("remis à %s par le mandat %s (%s) %s", s.Holder, s.Grant, name.FR, before.FR),
		}
	case "message":
		if s.Message != nil {
			return Text{fmt.Sprintf("seen on message %d", *s.Message), fmt.Sprintf("vu sur le message %d", *s.Message)}
		}
	case "directory":
		return Text{"published in the directory", "publié dans l'annuaire"}
	case "quantum":
		return Text{"assumed", "supposé"}
	}
	return Text{"made by " + s.Holder + " itself", "fabriqué par " + s.Holder}
}

// answer is the sentence at the head of an explanation.
func (w *words) answer(v *view, q Question, follows bool) Text {
	who := Text{v.p.ID, v.p.ID}
	if q.Quantum {
		who = Text{v.p.ID + " with a quantum computer", v.p.ID + ", avec un ordinateur quantique,"}
	}
	switch {
	case q.Forge && follows:
		return Text{
			fmt.Sprintf("%s can put a message of its own in the place of message %d.", who.EN, q.Message),
			fmt.Sprintf("%s peut mettre un message à soi à la place du message %d.", who.FR, q.Message)}
	case q.Forge:
		return Text{
			fmt.Sprintf("%s cannot put a message of its own in the place of message %d, by any strategy tried.", who.EN, q.Message),
			fmt.Sprintf("%s ne peut pas mettre un message à soi à la place du message %d, par aucune des stratégies essayées.", who.FR, q.Message)}
	case follows:
		return Text{
			fmt.Sprintf("%s can read message %d.", who.EN, q.Message),
			fmt.Sprintf("%s peut lire le message %d.", who.FR, q.Message)}
	}
	return Text{
		fmt.Sprintf("%s cannot read message %d.", who.EN, q.Message),
		fmt.Sprintf("%s ne peut pas lire le message %d.", who.FR, q.Message)}
}
