package attack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"signet.example/signet"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/wire"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/ratchet"
	"signet.example/signet/x3dh"
)

// Accept is a receiver: it reports the plaintext of a message that it takes. It must be a copy of
// the real one, and forget what it was offered and refused.
type Accept func(preKey bool, body []byte) (plaintext []byte, ok bool)

// An Acceptance is a message of the adversary's own that a receiver took for the other end's. It
// exists only if the receiver did and read the text that the adversary wrote.
type Acceptance struct {
	strategy Strategy
	text     []byte
	body     []byte
	preKey   bool
	own      *parcel.Entry // S2: the ratchet key that the receiver took
	state    []byte        // S3, S4: the session that it took
	keys     MessageKeys
}

// Keys are the keys of the message that was accepted.
func (f *Acceptance) Keys() MessageKeys { return f.keys }

// A Strategy is a way to forge (custody B2).
type Strategy string

// The strategies that are tried, in this order.
const (
	ChainForge  Strategy = "S1" // the next message of a chain whose key is held
	Hijack      Strategy = "S2" // a ratchet step with a key of one's own
	NewSession  Strategy = "S3" // a new session with the sender's identity key
	Impersonate Strategy = "S4" // a new session with the receiver's own signed prekey

	Keyless Strategy = "S11" // S1 or S2 with a message that carries no post-quantum key
)

// Strategy tells how the message was forged.
func (f *Acceptance) Strategy() Strategy { return f.strategy }

// Text is what the receiver read. It must not be modified.
func (f *Acceptance) Text() []byte { return f.text }

// Message is what the receiver took. The slice must not be modified.
func (f *Acceptance) Message() (preKey bool, body []byte) { return f.preKey, f.body }

// Keeps returns what the adversary made for the forgery and would go on with: its own ratchet key,
// or the stored form of its own session. Both are nil for a message of somebody else's chain.
func (f *Acceptance) Keeps() (own *parcel.Entry, state []byte) { return f.own, f.state }

// Format redacts the acceptance under every verb.
func (Acceptance) Format(f fmt.State, _ rune) { io.WriteString(f, "attack.Acceptance(…)") }

// Format redacts the opening under every verb.
func (Opening) Format(f fmt.State, _ rune) { io.WriteString(f, "attack.Opening(…)") }

// Limits of the protocol that an adversary knows too: a receiver keeps five chains and three
// epochs.
const (
	tryChains = 7
	tryEpochs = 4
	tryRoots  = 3
	tryAhead  = 1000 // where to try too if not all was seen: the receiver may be further
)

// A forger is one attempt to be believed by one receiver.
type forger struct {
	a      *Adversary
	pq     map[parcel.Key][]pqKey // what messages of a session can be sent with
	src    *entropy.Source
	from   Side
	text   []byte
	accept Accept
	found  *Acceptance
}

// Forge tries to make the other end believe that text came from the end from. It returns nil if
// nothing that the adversary can build is accepted. Keys of its own come from src.
func (a *Adversary) Forge(src *entropy.Source, from Side, text []byte, accept Accept) *Acceptance {
	f := &forger{a: a, pq: make(map[parcel.Key][]pqKey), src: src, from: from, text: text, accept: accept}
	for _, base := range slices.Backward(a.sessions) {
		if f.chains(base) {
			return f.found
		}
	}
	for _, base := range slices.Backward(a.sessions) {
		if f.hijack(base) {
			return f.found
		}
	}
	if f.newSession() {
		return f.found
	}
	return nil
}

// Begin tries to make the other end accept a new session whose first message has text, as the end
// from: strategies S3 and S4 alone. It returns nil if none is accepted.
func (a *Adversary) Begin(src *entropy.Source, from Side, text []byte, accept Accept) *Acceptance {
	f := &forger{a: a, src: src, from: from, text: text, accept: accept}
	if f.newSession() {
		return f.found
	}
	return nil
}

func (f *forger) offer(s Strategy, preKey bool, body []byte) bool {
	text, ok := f.accept(preKey, body)
	if !ok || !bytes.Equal(text, f.text) {
		return false
	}
	f.found = &Acceptance{strategy: s, text: bytes.Clone(text), body: bytes.Clone(body), preKey: preKey}
	return true
}

// chains is strategy S1 on every chain of the sender's that a receiver may still keep.
func (f *forger) chains(base parcel.Key) bool {
	n := 0
	for _, t := range slices.Backward(f.a.turns[base]) {
		if t.side == f.from && n < tryChains {
			n++
			if f.chain(chainID{base, t.key}) {
				return true
			}
		}
	}
	// A responder's signed prekey is its first ratchet key, whose chain it never uses.
	for _, b := range f.a.bundles[f.from] {
		if f.chain(chainID{base, public(b.Fields().SignedPreKey.Public)}) {
			return true
		}
	}
	return false
}

func (f *forger) chain(id chainID) bool {
	next := f.a.highest[id]
	for _, c := range f.a.chains[id] {
		for _, i := range f.a.ahead(max(next, c.start)) {
			if f.message(ChainForge, id, i, c.key(i)) {
				return true
			}
		}
	}
	single := f.a.seeds[id]
	counters := make([]uint32, 0, len(single))
	for i := range single {
		counters = append(counters, i)
	}
	slices.Sort(counters)
	for _, i := range slices.Backward(counters) {
		for _, seed := range single[i] {
			if f.message(ChainForge, id, i, seed) {
				return true
			}
		}
	}
	return false
}

// hijack is strategy S2: the receiver is made to ratchet to a key of the adversary's.
func (f *forger) hijack(base parcel.Key) bool {
	n := 0
	for _, t := range slices.Backward(f.a.turns[base]) {
		if t.side == f.from || n >= tryRoots {
			continue
		}
		n++
		for _, root := range f.a.roots[chainID{base, t.key}] {
			var x, dh, u [32]byte
			f.src.Read(x[:])
			x25519.Clamp(&x)
			x25519.Base(&u, &x)
			if !x25519.Shared(&dh, &x, (*[32]byte)(t.key[1:])) {
				continue
			}
			_, chain := rootStep(root, dh)
			_, seed := chainStep(chain, 0)
			own := parcel.Key(signet.PublicKeyFromRaw(u).Bytes())
			if f.message(Hijack, chainID{base, own}, 0, seed) {
				f.found.own = &parcel.Entry{Kind: parcel.RatchetPrivate, Base: base, Key: own, Value: x[:]}
				return true
			}
		}
	}
	return false
}

// message builds the message of a seed and offers it: in a session without a post-quantum half, and
// in one with, with every key that the receiver may still take and without any. What messages of
// the session were seen to be like comes first: each refusal costs the receiver as much as if it
// had accepted.
func (f *forger) message(s Strategy, id chainID, counter uint32, seed secret) bool {
	if f.a.hybrid[id.base] {
		return f.keyed(s, id, counter, seed) || f.keyless(id, counter, seed) || f.bare(s, id, counter, seed)
	}
	return f.bare(s, id, counter, seed) || f.keyed(s, id, counter, seed) || f.keyless(id, counter, seed)
}

// keylessField says that a message has no post-quantum key: version 1, epoch 1, index 0 and no
// chunk. A receiver may take it in any epoch (spqr §6.4).
var keylessField = []byte{1, 1, 0, 0}

// keyless is strategy S11.
func (f *forger) keyless(id chainID, counter uint32, seed secret) bool {
	return f.either(id.base, func(offer offering) bool {
		return f.build(Keyless, wire.V4, id, counter, seed, nil, keylessField, offer)
	})
}

func (f *forger) bare(s Strategy, id chainID, counter uint32, seed secret) bool {
	return f.either(id.base, func(offer offering) bool {
		return f.build(s, wire.V3, id, counter, seed, nil, nil, offer) || f.build(s, wire.V4, id, counter, seed, nil, nil, offer)
	})
}

// An offering is a way to put a message before the receiver.
type offering func(s Strategy, body []byte) bool

// either tries messages of a session as they are, and then, for a receiver that has not got the
// session yet, inside the public part of its first message.
func (f *forger) either(base parcel.Key, try func(offering) bool) bool {
	if try(func(s Strategy, body []byte) bool { return f.offer(s, false, body) }) {
		return true
	}
	h := f.a.shakes[base]
	return h != nil && h.from == f.from && try(func(s Strategy, body []byte) bool {
		p := h.first
		p.Message = body
		return f.offer(s, true, wire.AppendPreKeyMessage(nil, &p))
	})
}

func (f *forger) keyed(s Strategy, id chainID, counter uint32, seed secret) bool {
	keys, known := f.pq[id.base]
	if !known {
		keys = f.a.outgoing(id.base, f.from)
		f.pq[id.base] = keys
	}
	return f.either(id.base, func(offer offering) bool {
		for i := range keys {
			if f.build(s, wire.V4, id, counter, seed, keys[i].value(), keys[i].field, offer) {
				return true
			}
		}
		return false
	})
}

func (f *forger) build(s Strategy, version uint8, id chainID, counter uint32, seed secret, pq *secret, field []byte, offer offering) bool {
	size := len(f.text) + 16 - len(f.text)%16
	b, at := wire.AppendSignalMessage(nil, &wire.SignalMessage{
		Version: version, RatchetKey: id.key[:], Counter: counter, PQRatchet: field,
	}, size)
	k := derive(seed, pq)
	k.seal(b[at:at+size], f.text)
	for _, sender := range slices.Backward(f.a.identities[f.from]) {
		for _, receiver := range slices.Backward(f.a.identities[f.from.other()]) {
			signed := append(slices.Clip(b), k.tag(sender, receiver, b)...)
			if offer(s, signed) {
				f.found.keys = k.between(sender, receiver)
				return true
			}
		}
	}
	return false
}

// A pqKey is a post-quantum key to send with, and the field that names it.
type pqKey struct {
	key   secret
	field []byte

	chain *cursor // of which the key is yet to be made; nil: it is there
	at    uint32
}

// value returns the key.
func (k *pqKey) value() *secret {
	if k.chain != nil {
		k.key, k.chain = k.chain.key(k.at), nil
	}
	return &k.key
}

// directions returns the directions of the post-quantum chains in which an end may send: one, if it
// was seen who began the session.
func (a *Adversary) directions(base parcel.Key, from Side) []uint8 {
	h := a.shakes[base]
	switch {
	case h == nil:
		return []uint8{0, 1}
	case h.from == from:
		return []uint8{0}
	}
	return []uint8{1}
}

// outgoing returns the keys that messages of a session can be sent with from an end, newest epoch
// first. Who began the session sends in direction 0 (spqr §12.1). If that was not seen, which way a
// chain goes is tried out: the receiver knows.
func (a *Adversary) outgoing(base parcel.Key, from Side) (list []pqKey) {
	b := &a.braid
	epochs := b.epochs[base]
	for n, epoch := range slices.Backward(epochs) {
		if len(epochs)-n > tryEpochs {
			break
		}
		for _, dir := range a.directions(base, from) {
			list = append(list, a.sendable(pqID{base, epoch, dir})...)
		}
	}
	return list
}

// ahead returns the indices to try: the next one, and unless all messages were seen one that is
// further on.
func (a *Adversary) ahead(next uint32) []uint32 {
	if !a.partial {
		return []uint32{next}
	}
	return []uint32{next, next + tryAhead}
}

func (a *Adversary) sendable(id pqID) (list []pqKey) {
	b := &a.braid
	field := func(i uint32) []byte {
		f := binary.AppendUvarint([]byte{1}, id.epoch+1)
		return append(binary.AppendUvarint(f, uint64(i)), 0)
	}
	for _, c := range b.chains[id] {
		for _, i := range a.ahead(max(b.highest[id], c.start) + 1) {
			list = append(list, pqKey{chain: c, at: i - 1, field: field(i)})
		}
	}
	indices := make([]uint32, 0, len(b.keys[id]))
	for i := range b.keys[id] {
		indices = append(indices, i)
	}
	slices.Sort(indices)
	for _, i := range slices.Backward(indices) {
		for _, k := range b.keys[id][i] {
			list = append(list, pqKey{key: k, field: field(i)})
		}
	}
	return list
}

// A borrowed identity answers for somebody else's identity key, with whatever gives the one
// agreement that a new session needs of it.
type borrowed struct {
	a      *Adversary
	public parcel.Key
}

func (i *borrowed) PublicKey() signet.PublicKey {
	return signet.PublicKeyFromRaw([32]byte(i.public[1:]))
}

func (i *borrowed) Agree(their signet.PublicKey) ([32]byte, error) {
	s, ok := i.a.agree(i.public, public(their))
	if !ok {
		return s, signet.ErrInvalidAgreement
	}
	return s, nil
}

func (i *borrowed) Sign([]byte) (sig [64]byte, err error) { return sig, nil }

// newSession is strategies S3 and S4: the agreement of the sender's identity with the receiver's
// signed prekey follows from the private half of either.
func (f *forger) newSession() bool {
	done := make(map[parcel.Key]bool)
	for _, b := range slices.Backward(f.a.bundles[f.from.other()]) {
		signed := public(b.Fields().SignedPreKey.Public)
		if done[signed] {
			continue
		}
		done[signed] = true
		for _, id := range slices.Backward(f.a.identities[f.from]) {
			s := NewSession
			if _, ok := f.a.private[signed]; ok {
				s = Impersonate
			}
			if _, ok := f.a.agree(id, signed); ok && f.start(s, &borrowed{f.a, id}, b) {
				return true
			}
		}
	}
	return false
}

// start opens a session in another's name and offers its first message. One-time prekeys are left
// to those who are entitled to them.
func (f *forger) start(s Strategy, id *borrowed, b *x3dh.Bundle) bool {
	fields := b.Fields()
	fields.PreKey = nil
	b, err := x3dh.NewBundle(fields)
	if err != nil {
		return false
	}
	in, secret, err := x3dh.InitiateFrom(f.src, id, b)
	if err != nil {
		return false
	}
	st, err := ratchet.NewInitiatorFrom(f.src, ratchet.Seed(secret), &ratchet.Handshake{
		Version: in.Version, Local: id.PublicKey(), Remote: fields.Identity, BaseKey: in.BaseKey,
		LocalRegistrationID: 1, RemoteRegistrationID: fields.RegistrationID,
		Pending: &ratchet.Pending{SignedPreKeyID: in.SignedPreKeyID, KEMPreKeyID: in.KEMPreKeyID, KEMCiphertext: in.KEMCiphertext},
	}, fields.SignedPreKey.Public)
	if err != nil {
		return false
	}
	fresh, err := st.AppendBinary(nil)
	if err != nil {
		return false
	}
	body, err := st.EncryptFrom(f.src, nil, f.text)
	if err != nil {
		return false
	}
	accepted := f.offer(s, true, wire.AppendPreKeyMessage(nil, &wire.PreKeyMessage{
		Version: in.Version, BaseKey: in.BaseKey.Bytes(), IdentityKey: id.public[:], Message: body,
		RegistrationID: 1, SignedPreKeyID: in.SignedPreKeyID,
		HasKEM: in.KEMCiphertext != nil, KEMPreKeyID: in.KEMPreKeyID, KEMCiphertext: in.KEMCiphertext,
	}))
	if accepted {
		f.found.keys = firstKeys(fresh, secret.PQ[:], body).between(id.public, public(fields.Identity))
		f.found.state, err = st.AppendBinary(nil)
	}
	return accepted && err == nil
}

// firstKeys are the keys of the first message of a session that was just begun, from its stored
// form and the key from which its post-quantum half begins.
func firstKeys(fresh, start, body []byte) *messageKeys {
	var none messageKeys
	s, err := wire.ParseSession(fresh)
	if err != nil || len(s.Sender.Key) != 32 {
		return &none
	}
	m, err := wire.ParseSignalMessage(body)
	if err != nil {
		return &none
	}
	_, seed := chainStep(secret(s.Sender.Key), 0)
	var pq *secret
	if parsePQ(m.PQRatchet) != nil {
		var okm [96]byte
		kdf.HKDF(okm[:], nil, start, []byte("Signal PQ Ratchet V1 Chain  Start"))
		_, out := pqStep(secret(okm[32:64]), 0)
		pq = &out
	}
	k := derive(seed, pq)
	return &k
}
