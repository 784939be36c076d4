// Package attack is the concrete half of the custodian: an adversary that is given bytes (parcels
// that were handed to it, messages that it saw, bundles from the directory) and opens and forges
// whatever it can by trial.
//
// It knows nothing of rules, atoms, scenarios or grants. What it opens it has decrypted, MAC and
// all, with keys that it computed from its bytes; what it forges counts only if a receiver takes
// it. So its findings are evidence for or against the symbolic half, package know, with which it
// shares nothing but the form of a parcel.
//
// An Adversary is used by one goroutine.
package attack

import (
	"fmt"
	"io"
	"log/slog"
	"slices"

	"signet.example/signet"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/wire"
	"signet.example/signet/x3dh"
)

// A Side is an end of the conversation.
type Side uint8

// The two ends.
const (
	Customer Side = iota
	Business
)

func (s Side) other() Side { return 1 - s }

// A Wire is a message as it travels. Session is the initiator's base key, which whoever follows a
// conversation from its first message knows; it need not be set in a message that names it. A
// message with a negative number is not one of the conversation's: it is learnt from and not read.
type Wire struct {
	Number  int
	From    Side
	PreKey  bool // the message carries a key agreement
	Session parcel.Key
	Body    []byte
}

// chainID names a chain.
type chainID struct{ base, key parcel.Key }

// pqID names a post-quantum chain.
type pqID struct {
	base  parcel.Key
	epoch uint64
	dir   uint8
}

// A seen is a message that was observed, parsed.
type seen struct {
	wire    Wire
	message wire.SignalMessage
	id      chainID
	pq      *pqMessage
}

// A shake is the public part of a key agreement, taken from a first message.
type shake struct {
	from     Side
	identity parcel.Key
	first    wire.PreKeyMessage
	ratchet  parcel.Key
	done     bool
}

// An Adversary is a principal with what it holds and saw so far. The zero Adversary is not usable.
type Adversary struct {
	oracle func(parcel.Key) ([32]byte, bool) // discrete logarithms, for who can compute them

	private    map[parcel.Key][32]byte
	kem        map[uint32][][]byte // KEM private keys by id
	identities [2][]parcel.Key     // newest last
	bundles    [2][]*x3dh.Bundle   // newest last
	ids        [2]map[uint32][]parcel.Key
	prekeys    map[parcel.Key]bool

	observed   []seen
	agreements map[[2]parcel.Key]secret // identity key, other key
	copies     map[int][]byte
	shakes     map[parcel.Key]*shake
	sessions   []parcel.Key                    // in the order of appearance
	turns      map[parcel.Key][]turn           // of each session, in the order of appearance
	roots      map[chainID][]secret            // made by the turn of the key
	chains     map[chainID][]*cursor           // chain keys
	seeds      map[chainID]map[uint32][]secret // of single messages
	given      map[chainID][]secret            // of roots, those that were handed over
	anchors    map[chainID][]anchor            // what else was handed over of a chain
	settled    map[chainID]bool                // the right guess was found
	tried      map[chainID]progress            // what there was when it was tried last
	guesses    map[chainID][]guess             // derived for it, right or wrong
	depth      map[secret]int                  // of roots, how doubtful they are: steps that nothing confirms
	rooted     map[parcel.Key]int              // roots of a session
	on         map[chainID][]int               // messages seen, by their place in observed
	turnAt     map[chainID]int                 // the place of a key in turns
	order      map[parcel.Key]int              // of sessions
	queue      queue
	parcels    int                 // learnt
	highest    map[chainID]uint32  // the greatest counter seen, plus one
	hybrid     map[parcel.Key]bool // sessions of which a message with a post-quantum key was seen
	partial    bool                // not all messages are in view
	cut        bool                // somebody other than the two ends has written

	braid braids
}

type secret = [32]byte

// A turn is a ratchet key that appeared, and whose.
type turn struct {
	key  parcel.Key
	side Side
}

// New returns an Adversary that knows nothing.
func New() *Adversary {
	return &Adversary{
		private: make(map[parcel.Key][32]byte), kem: make(map[uint32][][]byte),
		ids:     [2]map[uint32][]parcel.Key{make(map[uint32][]parcel.Key), make(map[uint32][]parcel.Key)},
		prekeys: make(map[parcel.Key]bool), agreements: make(map[[2]parcel.Key]secret),
		copies: make(map[int][]byte), shakes: make(map[parcel.Key]*shake),
		turns: make(map[parcel.Key][]turn), roots: make(map[chainID][]secret),
		chains: make(map[chainID][]*cursor), seeds: make(map[chainID]map[uint32][]secret),
		given: make(map[chainID][]secret), anchors: make(map[chainID][]anchor), settled: make(map[chainID]bool),
		tried: make(map[chainID]progress), depth: make(map[secret]int), rooted: make(map[parcel.Key]int), on: make(map[chainID][]int),
		turnAt: make(map[chainID]int), order: make(map[parcel.Key]int), queue: newQueue(),
		guesses: make(map[chainID][]guess), highest: make(map[chainID]uint32), hybrid: make(map[parcel.Key]bool), braid: newBraids(),
	}
}

// Break gives the adversary a means to compute the private keys of public keys that it sees: the
// stand-in for a quantum computer.
func (a *Adversary) Break(oracle func(parcel.Key) ([32]byte, bool)) { a.oracle = oracle }

// Partial says that the adversary is not shown all messages: in which order keys were made, and how
// far chains have come, is then to be found out.
func (a *Adversary) Partial() { a.partial = true }

// Directory shows the adversary a bundle that owner has published.
func (a *Adversary) Directory(owner Side, b *x3dh.Bundle) {
	f := b.Fields()
	id := public(f.Identity)
	if list := a.identities[owner]; len(list) == 0 || list[len(list)-1] != id {
		a.identities[owner] = append(list, id)
		a.queue.keys = true
	}
	a.bundles[owner] = append(a.bundles[owner], b)
	a.name(owner, f.SignedPreKey.ID, public(f.SignedPreKey.Public))
	if f.PreKey != nil {
		a.name(owner, f.PreKey.ID, public(f.PreKey.Public))
	}
}

func (a *Adversary) name(owner Side, id uint32, k parcel.Key) {
	for _, have := range a.ids[owner][id] {
		if have == k {
			return
		}
	}
	a.queue.keys = true
	a.ids[owner][id] = append(a.ids[owner][id], k)
	a.prekeys[k] = true
}

func public(k signet.PublicKey) parcel.Key { return parcel.Key(k.Bytes()) }

// Learn gives the adversary the bytes of a parcel that owner handed to it. The error says that they
// do not parse; then nothing was learnt.
func (a *Adversary) Learn(owner Side, b []byte) error {
	p, err := parcel.Parse(b)
	if err != nil {
		return fmt.Errorf("attack: %w", err)
	}
	entries := slices.Clone(p.Entries())
	slices.SortStableFunc(entries, func(x, y parcel.Entry) int { return age(x.Kind) - age(y.Kind) })
	for _, e := range entries {
		a.learn(owner, &e)
		a.noted(&e)
	}
	a.parcels++
	a.follow()
	return nil
}

// age orders the entries of a parcel as what they name came to be: prekeys, the ratchet keys of the
// other end, and then its owner's own, which was made against one of these.
func age(k parcel.Kind) int {
	switch {
	case k <= parcel.KyberPreKey:
		return 0
	case k == parcel.ReceivingChain, k == parcel.Skipped:
		return 1
	}
	return 2
}

func (a *Adversary) learn(owner Side, e *parcel.Entry) {
	id := chainID{e.Base, e.Key}
	switch e.Kind {
	case parcel.Identity:
		a.private[e.Key] = secret(e.Value)
	case parcel.SignedPreKey, parcel.OneTimePreKey:
		a.private[e.Key] = secret(e.Value)
		a.name(owner, e.Index, e.Key)
	case parcel.KyberPreKey:
		a.kem[e.Index] = append(a.kem[e.Index], e.Value)
	case parcel.RatchetPrivate:
		a.private[e.Key] = secret(e.Value)
		a.appear(e.Base, e.Key, owner)
	case parcel.Root:
		a.appear(e.Base, e.Key, owner)
		a.given[id] = append(a.given[id], secret(e.Value))
		delete(a.depth, secret(e.Value))
		a.addRoot(id, secret(e.Value))
	case parcel.SendingChain:
		a.appear(e.Base, e.Key, owner)
		a.addChain(id, e.Index, secret(e.Value))
		a.anchor(id, false, e)
	case parcel.ReceivingChain:
		a.appear(e.Base, e.Key, owner.other())
		a.addChain(id, e.Index, secret(e.Value))
		a.anchor(id, false, e)
	case parcel.Skipped:
		a.appear(e.Base, e.Key, owner.other())
		a.addSeed(id, e.Index, secret(e.Value))
		a.anchor(id, true, e)
	case parcel.SendingKey:
		a.appear(e.Base, e.Key, owner)
		a.addSeed(id, e.Index, secret(e.Value))
		a.anchor(id, true, e)
	case parcel.Agreement:
		a.agreements[[2]parcel.Key{e.Key, e.Base}] = secret(e.Value)
	case parcel.Plaintext:
		a.copies[int(e.Index)] = e.Value
	default:
		a.braid.learn(e)
	}
}

// appear notes a ratchet key the first time it is seen, in wire order or in a parcel. A prekey is
// none: it does not take part in the taking of turns.
func (a *Adversary) appear(base, key parcel.Key, side Side) {
	list, known := a.turns[base]
	if !known {
		a.order[base] = len(a.sessions)
		a.sessions = append(a.sessions, base)
		a.turns[base] = nil
	}
	id := chainID{base, key}
	if _, known := a.turnAt[id]; known || a.prekeys[key] {
		return
	}
	a.turnAt[id] = len(list)
	a.queue.due[id] = true
	a.turns[base] = append(list, turn{key, side})
}

// Observe shows the adversary a message on its way. One that does not parse is ignored.
func (a *Adversary) Observe(w Wire) {
	s := seen{wire: w}
	body := w.Body
	if w.PreKey {
		p, err := wire.ParsePreKeyMessage(body)
		if err != nil || len(p.BaseKey) < 33 || len(p.IdentityKey) < 33 {
			return
		}
		body = p.Message
		s.wire.Session = parcel.Key(p.BaseKey[:33])
		a.meet(w.From, parcel.Key(p.IdentityKey[:33]))
		if a.shakes[s.wire.Session] == nil {
			a.queue.keys = true
			a.shakes[s.wire.Session] = &shake{from: w.From, identity: parcel.Key(p.IdentityKey[:33]), first: p}
		}
	}
	m, err := wire.ParseSignalMessage(body)
	if err != nil || len(m.RatchetKey) < 33 {
		return
	}
	s.message = m
	s.id = chainID{s.wire.Session, parcel.Key(m.RatchetKey[:33])}
	a.cut = a.cut || w.Number < 0
	if s.pq = parsePQ(m.PQRatchet); s.pq != nil {
		a.hybrid[s.id.base] = true
	}
	if h := a.shakes[s.id.base]; w.PreKey && h.ratchet == (parcel.Key{}) {
		h.ratchet = s.id.key
	}
	a.appear(s.id.base, s.id.key, w.From)
	a.on[s.id] = append(a.on[s.id], len(a.observed))
	a.queue.due[s.id] = true
	a.highest[s.id] = max(a.highest[s.id], m.Counter+1)
	a.braid.observe(s.id.base, w.From, s.pq)
	a.observed = append(a.observed, s)
	a.follow()
}

func (a *Adversary) meet(side Side, id parcel.Key) {
	for _, k := range a.identities[side] {
		if k == id {
			return
		}
	}
	a.identities[side] = append(a.identities[side], id)
	a.queue.keys = true
}

const redacted = "attack.Adversary(…)"

// Format redacts the adversary under every verb: it holds what it was given.
func (Adversary) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue redacts the adversary in slog.
func (Adversary) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts the adversary in JSON and every other text encoding.
func (Adversary) MarshalText() ([]byte, error) { return []byte(redacted), nil }
