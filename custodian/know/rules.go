package know

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"signet.example/signet/custodian/parcel"
)

// A Rule is one line of the rule book.
type Rule struct{ ID, Text string }

// Rules is the rule book (custody B2). The text of a rule says what its instances are; Replay makes
// them.
var Rules = []Rule{
	{"R1", "dh(x,y) <- private(x), seen(y)"},
	{"R1q", "dh(x,y) <- seen(x), seen(y), quantum"},
	{"R2", "kem-secret(s) <- kem-private(prekey of s), handshake(s)"},
	{"R3", "root(s,signed prekey), chain(s,signed prekey,0), pq-start(s) <- handshake(s), dh(initiator,signed prekey), dh(s,responder), dh(s,signed prekey), [dh(s,one-time prekey)], [kem-secret(s)]"},
	{"R4", "root(s,x), chain(s,x,0) <- root(s,y), dh(x,y), seen(x) where x turned against y"},
	{"R5a", "chain(s,x,i+1) <- chain(s,x,i)"},
	{"R5b", "seed(s,x,i) <- chain(s,x,i)"},
	{"R6", "pq-root(s,0), pq-chain(s,0,both,0) <- pq-start(s)"},
	{"R7a", "pq-chain(s,e,d,i+1) <- pq-chain(s,e,d,i)"},
	{"R7b", "pq-key(s,e,d,i+1) <- pq-chain(s,e,d,i)"},
	{"R8", "pq-root(s,e), pq-chain(s,e,both,0) <- pq-root(s,e-1), pq-secret(s,e)"},
	{"R9a", "pq-secret(s,e) <- pq-dk(s,e), object(ct1), object(ct2)"},
	{"R9b", "pq-secret(s,e) <- pq-es(s,e), object(hdr)"},
	{"R9o", "object(x) <- as many distinct chunks of x as rebuild it: hdr 3, ek 36, ct1 30, ct2 5"},
	{"R11", "message-key(m) <- seed of m, [pq-key of m]"},
	{"R12a", "opened(m) <- message-key(m), observed(m)"},
	{"R12b", "plaintext(m) <- opened(m)"},
	{"R12c", "plaintext(m) <- copy(m)"},
	{"R13a", "forge <- a seed that the receiver's chain still takes, [a pq-key that it takes, where it takes none without]"},
	{"R13b", "forge <- root of the receiver's turn, [a pq-key that it takes, where it takes none without]"},
	{"R13c", "forge <- dh(sender, a signed prekey that the receiver keeps)"},
}

// RulebookDigest is the SHA-256 of the rule book, in hexadecimal.
func RulebookDigest() string {
	h := sha256.New()
	for _, r := range Rules {
		h.Write([]byte(r.ID + " " + r.Text + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A Transcript is what is public about a conversation: which keys there were, which message used
// which, and what each receiver would have taken when.
type Transcript struct {
	Sessions []Session
	Turns    []Turn
	PQChains []PQChainOf
	PQEpochs []PQEpochOf
	Messages []Message
	Probes   []Probe
}

// A Session is one key agreement. Keys that do not take part are zero.
type Session struct {
	Base, Initiator, Responder               parcel.Key
	SignedPreKey, OneTimePreKey, KyberPreKey parcel.Key
}

// A Turn is a ratchet key, the peer's key that it was made against, and the last index of its chain
// that anything speaks of.
type Turn struct {
	Base, Key, Against parcel.Key
	Last               uint32
}

// A PQChainOf is a post-quantum chain and the last index that anything speaks of.
type PQChainOf struct {
	Base  parcel.Key
	Epoch uint64
	Dir   uint8
	Last  uint32
}

// A PQEpochOf is an epoch of the braid, from 1, and the chunks of it that were sent.
type PQEpochOf struct {
	Base   parcel.Key
	Epoch  uint64
	Chunks map[Object][]uint16
}

// A Message is a message's place in its chains.
type Message struct {
	Number    int
	Base, Key parcel.Key
	Counter   uint32
	PQ        *PQIndex // nil: no post-quantum key
}

// A PQIndex is a place in a post-quantum chain.
type PQIndex struct {
	Epoch uint64
	Dir   uint8
	Index uint32
}

// A Probe is a moment at which somebody may try to be believed. What its receiver would take is the
// conjunction of a way in and, for sessions with a post-quantum half whose receiver takes no
// message without, of a key of that half.
type Probe struct {
	Number int
	Takes  []Way
}

// A Way is one way to be believed: by one of the three rules R13.
type Way struct {
	Base, Key parcel.Key
	Root      bool     // R13b: the root that the turn of Key made
	Next      uint32   // R13a: the chain of Key from this index on
	Skipped   []uint32 // R13a: and these
	First     bool     // inside the public part of a first message

	Sender, PreKey parcel.Key // R13c: a new session, if PreKey is not zero

	PQ      bool // the session has a post-quantum half
	Keyless bool // of which a message takes no key to be accepted; Keys and Chains do not matter
	Keys    []PQIndex
	Chains  []PQIndex // from this index on
}

// Replay instantiates the rule book over a transcript. Clauses of the rule named without are left
// out; empty leaves out none.
func Replay(t *Transcript, without string) *Base {
	b := NewBase(without)
	for i := range t.Sessions {
		b.session(&t.Sessions[i])
	}
	for i := range t.Turns {
		b.turn(&t.Turns[i])
	}
	for i := range t.PQChains {
		b.pqChain(&t.PQChains[i])
	}
	for i := range t.PQEpochs {
		b.pqEpoch(&t.PQEpochs[i])
	}
	for i := range t.Messages {
		b.message(&t.Messages[i])
	}
	for i := range t.Probes {
		b.probe(&t.Probes[i])
	}
	return b
}

// dh adds the three ways to an agreement and returns its name.
func (b *Base) dh(x, y parcel.Key) string {
	name := DH(x, y)
	if _, known := b.ids[name]; known {
		return name
	}
	b.Atom(name)
	b.Add("R1", name, Private(x), Seen(y))
	b.Add("R1", name, Private(y), Seen(x))
	b.Add("R1q", name, Seen(x), Seen(y), Quantum)
	return name
}

var none parcel.Key

func (b *Base) session(s *Session) {
	body := []string{
		Handshake(s.Base), b.dh(s.Initiator, s.SignedPreKey), b.dh(s.Base, s.Responder), b.dh(s.Base, s.SignedPreKey),
	}
	if s.OneTimePreKey != none {
		body = append(body, b.dh(s.Base, s.OneTimePreKey))
	}
	if s.KyberPreKey != none {
		b.Add("R2", KEMSecret(s.Base), KEMPrivate(s.KyberPreKey), Handshake(s.Base))
		body = append(body, KEMSecret(s.Base))
	}
	b.Add("R3", Root(s.Base, s.SignedPreKey), body...)
	b.Add("R3", ChainKey(s.Base, s.SignedPreKey, 0), body...)
	if s.KyberPreKey != none {
		b.Add("R3", PQStart(s.Base), body...)
	}
}

func (b *Base) turn(t *Turn) {
	if t.Against != none {
		dh := b.dh(t.Key, t.Against)
		b.Add("R4", Root(t.Base, t.Key), Root(t.Base, t.Against), dh, Seen(t.Key))
		b.Add("R4", ChainKey(t.Base, t.Key, 0), Root(t.Base, t.Against), dh, Seen(t.Key))
	}
	for i := uint32(0); i <= t.Last; i++ {
		b.Add("R5b", Seed(t.Base, t.Key, i), ChainKey(t.Base, t.Key, i))
		b.Add("R13a", later(t.Base, t.Key, i), Seed(t.Base, t.Key, i))
		if i < t.Last {
			b.Add("R5a", ChainKey(t.Base, t.Key, i+1), ChainKey(t.Base, t.Key, i))
			b.Add("R13a", later(t.Base, t.Key, i), later(t.Base, t.Key, i+1))
		}
	}
}

func (b *Base) pqChain(c *PQChainOf) {
	if c.Epoch == 0 { // also of a session in which nothing was ever sent
		b.Add("R6", PQRoot(c.Base, 0), PQStart(c.Base))
		b.Add("R6", PQChain(c.Base, 0, c.Dir, 0), PQStart(c.Base))
	}
	for i := uint32(0); i <= c.Last; i++ {
		b.Add("R7b", PQKey(c.Base, c.Epoch, c.Dir, i+1), PQChain(c.Base, c.Epoch, c.Dir, i))
		b.Add("R13a", pqLater(c.Base, c.Epoch, c.Dir, i+1), PQKey(c.Base, c.Epoch, c.Dir, i+1))
		if i < c.Last {
			b.Add("R7a", PQChain(c.Base, c.Epoch, c.Dir, i+1), PQChain(c.Base, c.Epoch, c.Dir, i))
			b.Add("R13a", pqLater(c.Base, c.Epoch, c.Dir, i+1), pqLater(c.Base, c.Epoch, c.Dir, i+2))
		}
	}
}

func (b *Base) pqEpoch(e *PQEpochOf) {
	secret := PQSecret(e.Base, e.Epoch)
	for _, o := range []Object{Header, Ciphertext1, Ciphertext2} { // the vector is of no use to anybody
		var seen []string
		chunks := slices.Clone(e.Chunks[o])
		slices.Sort(chunks)
		for _, i := range slices.Compact(chunks) {
			seen = append(seen, Chunk(e.Base, e.Epoch, o, i))
		}
		if len(seen) >= needed[o] {
			b.AddSome("R9o", object(e.Base, e.Epoch, o), needed[o], seen...)
		}
	}
	b.Add("R9a", secret, PQDecapsulation(e.Base, e.Epoch), object(e.Base, e.Epoch, Ciphertext1), object(e.Base, e.Epoch, Ciphertext2))
	b.Add("R9b", secret, PQEncapsulation(e.Base, e.Epoch), object(e.Base, e.Epoch, Header))
	b.Add("R8", PQRoot(e.Base, e.Epoch), PQRoot(e.Base, e.Epoch-1), secret)
	for dir := uint8(0); dir < 2; dir++ {
		b.Add("R8", PQChain(e.Base, e.Epoch, dir, 0), PQRoot(e.Base, e.Epoch-1), secret)
	}
}

func (b *Base) message(m *Message) {
	body := []string{Seed(m.Base, m.Key, m.Counter)}
	if m.PQ != nil {
		body = append(body, PQKey(m.Base, m.PQ.Epoch, m.PQ.Dir, m.PQ.Index))
	}
	b.Add("R11", MessageKey(m.Number), body...)
	b.Add("R12a", Opened(m.Number), MessageKey(m.Number), Observed(m.Number))
	b.Add("R12b", Plain(m.Number), Opened(m.Number))
	b.Add("R12c", Plain(m.Number), Copy(m.Number))
}

func (b *Base) probe(p *Probe) {
	for i := range p.Takes {
		w := &p.Takes[i]
		var half []string
		if w.PQ && !w.Keyless {
			half = append(half, b.half(p, w))
		}
		if w.First {
			half = append(half, Handshake(w.Base))
		}
		with := func(a string) []string { return append([]string{a}, half...) }
		switch {
		case w.PreKey != none:
			b.Add("R13c", Forge(p.Number), b.dh(w.Sender, w.PreKey))
		case w.Root:
			b.Add("R13b", Forge(p.Number), with(Root(w.Base, w.Key))...)
		default:
			b.Add("R13a", Forge(p.Number), with(later(w.Base, w.Key, w.Next))...)
			for _, c := range w.Skipped {
				b.Add("R13a", Forge(p.Number), with(Seed(w.Base, w.Key, c))...)
			}
		}
	}
}

// half adds the ways to a post-quantum key that the receiver of a probe takes, and returns the name
// of having one.
func (b *Base) half(p *Probe, w *Way) string {
	name := "pq-taken(" + num(p.Number) + "," + key(w.Base) + ")"
	if _, known := b.ids[name]; known {
		return name
	}
	b.Atom(name)
	for _, k := range w.Keys {
		b.Add("R13a", name, PQKey(w.Base, k.Epoch, k.Dir, k.Index))
	}
	for _, k := range w.Chains {
		b.Add("R13a", name, pqLater(w.Base, k.Epoch, k.Dir, k.Index))
	}
	return name
}
