package ratchet

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/lost"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
	"signet.example/signet/internal/x25519"
)

// rootStep is KDF_RK of The Double Ratchet §5.2: a root key and a Diffie-Hellman output give the
// next root key and a chain key, 64 bytes in one slice.
func rootStep(root []byte, dh *[32]byte) (next, chain []byte) {
	okm := make([]byte, 64)
	kdf.HKDF(okm, root, dh[:], []byte("WhisperRatchet"))
	return okm[:32:32], okm[32:]
}

// A keyPair is a ratchet key pair.
type keyPair struct{ private, u [32]byte }

func draw(src *entropy.Source) (k keyPair) {
	src.Read(k.private[:])
	x25519.Clamp(&k.private)
	return k
}

// sender returns the sending chain with that ratchet key.
func (k *keyPair) sender(chain []byte) wire.Chain {
	return wire.Chain{
		RatchetKey: signet.PublicKeyFromRaw(k.u).Bytes(), RatchetPriv: bytes.Clone(k.private[:]), HasKey: true, Key: chain,
	}
}

// begin draws the initiator's first ratchet key pair and derives its sending chain toward theirs.
func begin(src *entropy.Source, root []byte, theirs [32]byte) (next []byte, sender wire.Chain, err error) {
	k := draw(src)
	var dh [32]byte
	products := [2]x25519.Product{
		{Scalar: &k.private, U: &theirs, Dst: &dh},
		{Scalar: &k.private, Dst: &k.u},
	}
	x25519.Multiply(products[:])
	if !products[0].OK {
		return nil, wire.Chain{}, signet.ErrInvalidAgreement
	}
	next, chain := rootStep(root, &dh)
	sender = k.sender(chain)
	clear(dh[:])
	clear(k.private[:])
	return next, sender, nil
}

// turn derives the receiving chain toward the peer's ratchet key theirs from our key old, draws a
// new ratchet key pair, and derives the sending chain from that.
func turn(src *entropy.Source, root, old []byte, theirs [32]byte) (next, receiving []byte, sender wire.Chain, err error) {
	k := draw(src)
	var dh [2][32]byte
	products := [3]x25519.Product{
		{Scalar: (*[32]byte)(old), U: &theirs, Dst: &dh[0]},
		{Scalar: &k.private, U: &theirs, Dst: &dh[1]},
		{Scalar: &k.private, Dst: &k.u},
	}
	x25519.Multiply(products[:])
	if !products[0].OK || !products[1].OK {
		return nil, nil, wire.Chain{}, signet.ErrInvalidAgreement
	}
	between, receiving := rootStep(root, &dh[0])
	next, chain := rootStep(between, &dh[1])
	sender = k.sender(chain)
	clear(between)
	clear(dh[:])
	clear(k.private[:])
	return next, receiving, sender, nil
}

// The two constants of the symmetric-key ratchet, The Double Ratchet §5.2.
var (
	messageConstant = []byte{1}
	chainConstant   = []byte{2}
)

func messageSeed(chain []byte) secret.Key { return kdf.HMAC(chain, messageConstant) }
func nextChain(chain []byte) secret.Key   { return kdf.HMAC(chain, chainConstant) }

// messageKeys are the three keys of one message (protocol §5.1).
type messageKeys struct {
	cipher, mac [32]byte
	iv          [16]byte
}

// derive computes the keys of a message from its seed. salt is the post-quantum key, which is zero
// if there is none: the same as no salt.
func derive(seed *secret.Key, salt pqKey) (k messageKeys) {
	var okm [80]byte
	kdf.HKDF(okm[:], salt.key[:], seed[:], []byte("WhisperMessageKeys"))
	copy(k.cipher[:], okm[:32])
	copy(k.mac[:], okm[32:64])
	copy(k.iv[:], okm[64:])
	clear(okm[:])
	return k
}

func (k *messageKeys) wipe() { *k = messageKeys{} }

// tag returns the first 8 bytes of the MAC over the two identity keys and the message, sender
// first (protocol §5.4).
func (k *messageKeys) tag(sender, receiver, signed []byte) [wire.MACSize]byte {
	sum := kdf.HMAC(k.mac[:], sender[:33], receiver[:33], signed)
	return [wire.MACSize]byte(sum[:wire.MACSize])
}

var errFuture = errors.New("ratchet: message from too far into the future")

// An entry is what a message's keys are derived from: its seed, or the keys themselves in records
// of older libraries.
type entry struct {
	seed   secret.Key
	next   secret.Key // the chain's key after it, if the chain has advanced; else zero
	legacy bool
	keys   messageKeys
}

// take finds the entry of message counter on the receiving chain c: a skipped one, or the chain's
// own after advancing it up to its key, which the entry has, within m. It changes c, which is part
// of a trial.
func take(m *steps.Meter, c *wire.Chain, counter uint32, limit uint64) (e entry, err error) {
	if !c.HasKey || len(c.Key) != 32 {
		return e, errors.New("ratchet: invalid receiver chain key")
	}
	if counter < c.Index {
		return takeSkipped(c, counter)
	}
	jump := uint64(counter) - uint64(c.Index)
	if jump > limit {
		return e, errFuture
	}
	if counter == math.MaxUint32 {
		return e, errors.New("ratchet: the chain's counter is used up")
	}
	key := secret.Key(c.Key)
	if jump > 0 {
		if err := m.Walk(jump); err != nil {
			return e, err
		}
		before := c.Skipped
		if c.Skipped, err = skip(m, before, &key, c.Index, jump); err != nil {
			return e, err
		}
		if err := giveUp(c, before, jump); err != nil {
			return e, err
		}
	}
	e.seed = messageSeed(key[:])
	e.next = nextChain(key[:])
	key.Wipe()
	c.Index = counter + 1
	return e, nil
}

// skip advances key by jump messages and puts their seeds in front of list, newest first. Of the
// seeds old and new the newest maxSkipped are kept, so the seeds of earlier ones are not even
// computed. The error is that of m's context.
func skip(m *steps.Meter, list []byte, key *secret.Key, index uint32, jump uint64) ([]byte, error) {
	for ; jump > maxSkipped; jump-- {
		if err := m.Step(); err != nil {
			return nil, err
		}
		*key = nextChain(key[:])
		index++
	}
	n := int(jump)
	seeds := make([]secret.Key, n)
	for i := range seeds {
		if err := m.Step(); err != nil {
			return nil, err
		}
		seeds[i] = messageSeed(key[:])
		*key = nextChain(key[:])
	}
	old := newest(list, maxSkipped-n)
	const entry = 44 // the encoded length of one entry, at most
	out := make([]byte, 0, n*entry+len(old))
	for i := n - 1; i >= 0; i-- {
		out = wire.AppendMessageKey(out, &wire.MessageKey{Index: index + uint32(i), Seed: seeds[i][:]})
	}
	clear(seeds)
	return append(out, old...), nil
}

// newest returns the first n entries of list.
func newest(list []byte, n int) []byte {
	const smallest = 2 + 2 + 32 // tag, length, tag and length of the seed, seed
	if len(list) < n*smallest {
		return list // not even n entries
	}
	rest := list
	for ; n > 0 && len(rest) > 0; n-- {
		var err error
		if _, _, rest, err = wire.NextMessageKey(rest); err != nil {
			return nil
		}
	}
	return list[:len(list)-len(rest)]
}

// takeSkipped removes the entry of message counter from the skipped ones of c.
func takeSkipped(c *wire.Chain, counter uint32) (e entry, err error) {
	for rest := c.Skipped; len(rest) > 0; {
		k, raw, after, err := wire.NextMessageKey(rest)
		if err != nil {
			return e, damaged("skipped message keys")
		}
		if k.Index == counter {
			before := len(c.Skipped) - len(rest)
			list := make([]byte, 0, len(c.Skipped)-len(raw))
			c.Skipped = append(append(list, c.Skipped[:before]...), after...)
			return stored(&k)
		}
		rest = after
	}
	if lost.Has(c.Lost, counter) {
		return e, fmt.Errorf("%w: message with old counter %d / %d", ErrForgotten, c.Index, counter)
	}
	return e, &DuplicateError{Index: c.Index, Counter: counter}
}

// giveUp remembers what skip has dropped of the seeds before, and those that it has not computed,
// when c.Index was not advanced yet.
func giveUp(c *wire.Chain, before []byte, jump uint64) error {
	n := maxSkipped - int(min(jump, maxSkipped))
	dropped := before[len(newest(before, n)):]
	if len(dropped) == 0 && jump <= maxSkipped {
		return nil
	}
	set := lost.Parse(c.Lost)
	for len(dropped) > 0 {
		k, _, rest, err := wire.NextMessageKey(dropped)
		if err != nil {
			return damaged("skipped message keys")
		}
		set.Add(k.Index, k.Index)
		dropped = rest
	}
	if jump > maxSkipped {
		set.Add(c.Index, c.Index+uint32(jump-maxSkipped)-1)
	}
	c.Lost = set.Bytes()
	return nil
}

// stored returns the entry that a record holds.
func stored(k *wire.MessageKey) (e entry, err error) {
	switch {
	case len(k.Seed) == len(e.seed):
		e.seed = secret.Key(k.Seed)
		return e, nil
	case len(k.Seed) != 0 || len(k.Cipher) != len(e.keys.cipher) || len(k.MAC) != len(e.keys.mac) || len(k.IV) != len(e.keys.iv):
		return e, damaged("invalid message key")
	}
	e.legacy = true
	copy(e.keys.cipher[:], k.Cipher)
	copy(e.keys.mac[:], k.MAC)
	copy(e.keys.iv[:], k.IV)
	return e, nil
}

// derive computes the keys of the entry's message. Keys of older libraries never meet a
// post-quantum key.
func (e *entry) derive(salt pqKey) (messageKeys, error) {
	switch {
	case !e.legacy:
		return derive(&e.seed, salt), nil
	case salt.ok:
		return messageKeys{}, damaged("invalid message key: no seed")
	}
	return e.keys, nil
}

func (e *entry) wipe() { *e = entry{} }
