package group

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync/atomic"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/lost"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// This file is the operations of sealed-groups §10.5 on a stored record: bytes in, bytes out. A
// record is the sender key of one sender in one group and its predecessors, an official
// SenderKeyRecordStructure; nil means that there is none. A failed operation returns no record.

const maxStates = 5 // kept in a record, newest first

// parseRecord parses a record. Keys are not checked before they are used.
func parseRecord(row []byte) ([]wire.SenderKeyState, error) {
	states, err := wire.ParseSenderKeyRecord(row)
	if err != nil {
		return nil, damaged(err)
	}
	return states, nil
}

func damaged(err error) error { return fmt.Errorf("%w: %w", ErrRecord, err) }

func appendRecord(states []wire.SenderKeyState) []byte {
	n := 0
	for i := range states {
		n += wire.SizeSenderKeyState(&states[i])
	}
	b := make([]byte, 0, n)
	for i := range states {
		b = wire.AppendSenderKeyState(b, &states[i])
	}
	return b
}

// stateVersion is the version of the messages of a state. Only one that fits a byte can be written,
// though no other than 3 will be read.
func stateVersion(s *wire.SenderKeyState) (uint8, error) {
	switch {
	case s.Version == 0:
		return version, nil
	case s.Version > 0xff:
		return 0, damaged(errors.New("version"))
	}
	return uint8(s.Version), nil
}

// newRecord makes a sender key: a random chain id of 31 bits, chain key and signing key.
func newRecord(src *entropy.Source) []byte {
	var b [36]byte
	src.Read(b[:])
	id := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	key := signet.GenerateKeyFrom(src)
	private := key.Bytes()
	s := wire.SenderKeyState{
		ChainID:  id >> 1,
		HasChain: true, ChainKey: b[4:],
		HasKey: true, Public: key.PublicKey().Bytes(), Private: private,
		Version: version,
	}
	row := appendRecord([]wire.SenderKeyState{s})
	secret.Wipe(b[:])
	secret.Wipe(private)
	return row
}

// describe returns what tells others the sender key of a record as it is now: members who learn it
// cannot read older messages.
func describe(row []byte, id DistributionID) (d distribution, err error) {
	states, err := parseRecord(row)
	if err != nil {
		return d, err
	}
	if len(states) == 0 {
		return d, damaged(errors.New("no states"))
	}
	s := &states[0]
	d = distribution{id: id, chainID: s.ChainID, iteration: s.Iteration, chainKey: s.ChainKey}
	if d.version, err = stateVersion(s); err != nil {
		return d, err
	}
	if !s.HasChain {
		return d, damaged(errors.New("no chain key"))
	}
	if d.key, err = signet.ParsePublicKey(s.Public); err != nil {
		return d, damaged(err)
	}
	return d, nil
}

// join returns the record after a distribution message that this identity has delivered, nil if it
// is not known. A state with its chain id and signing key stays, moves forward if the message is
// ahead of it, and becomes the first: an old one must not rewind the chain. States with its chain
// id and another key go.
func join(row []byte, d *distribution, identity []byte) ([]byte, error) {
	states, err := parseRecord(row)
	if err != nil {
		return nil, err
	}
	key := d.key.Bytes()
	list := make([]wire.SenderKeyState, 1, len(states)+1)
	found := false
	for i := range states {
		s := &states[i]
		switch {
		case s.ChainID != d.chainID:
			list = append(list, *s)
		case !found && sameKey(s.Public, d.key):
			list[0], found = *s, true
		}
	}
	if !found {
		if len(list) > maxStates {
			list = list[:maxStates]
		}
		list[0] = wire.SenderKeyState{
			ChainID:  d.chainID,
			HasChain: true, Iteration: d.iteration, ChainKey: d.chainKey,
			HasKey: true, Public: key, Version: uint32(d.version),
			Lost: lost.Before(d.iteration),
		}
	}
	if found {
		if err := catchUp(&list[0], d); err != nil {
			return nil, err
		}
	}
	deliveredBy(&list[0], identity)
	return appendRecord(list), nil
}

// walked is how far ahead a distribution may be for the chain to be advanced to it, step by step.
const walked = 25_000

// catchUp moves the chain of s, a part of a trial, forward to a distribution of the same key. As
// far as that can be walked, the keys of the last messages in between are kept, and the chain has
// to come to the key that the message says; else the chain stays as it is. One that is further ahead
// is believed, as a new one would be.
func catchUp(s *wire.SenderKeyState, d *distribution) error {
	broken := !s.HasChain || len(s.ChainKey) != 32
	switch {
	case d.iteration < s.Iteration, d.iteration == s.Iteration && !broken:
		return nil
	case d.iteration == s.Iteration:
		s.HasChain, s.ChainKey, s.Encoded = true, d.chainKey, nil
		return nil
	}
	if n := d.iteration - s.Iteration; n <= walked && !broken {
		before := *s
		if err := advance(nil, s, int(n)); err != nil {
			return err
		}
		if subtle.ConstantTimeCompare(s.ChainKey, d.chainKey) != 1 {
			*s = before // the key that is known stays, as the official client keeps it
		}
		return nil
	}
	set := lost.Parse(s.Lost)
	set.Add(s.Iteration, d.iteration-1)
	s.HasChain, s.Iteration, s.ChainKey = true, d.iteration, d.chainKey
	s.Lost, s.Encoded = set.Bytes(), nil
	return nil
}

// deliveredBy notes in a state whose it is.
func deliveredBy(s *wire.SenderKeyState, identity []byte) {
	if !bytes.Equal(s.Identity, identity) {
		s.Identity, s.Encoded = identity, nil
	}
}

// exported returns a record without what only this package puts in a row.
func exported(row []byte) ([]byte, error) {
	states, err := parseRecord(row)
	if err != nil {
		return nil, err
	}
	for i := range states {
		deliveredBy(&states[i], nil)
		if s := &states[i]; s.Lost != nil {
			s.Lost, s.Encoded = nil, nil
		}
	}
	return appendRecord(states), nil
}

// imported returns a record from elsewhere with this identity in all of its states. What was lost
// there is not known; only what 2000 skipped keys and a message came after can have been.
func imported(b, identity []byte) ([]byte, error) {
	states, err := parseRecord(b)
	if err != nil {
		return nil, err
	}
	for i := range states {
		s := &states[i]
		deliveredBy(s, identity)
		if len(s.Private) == 0 && s.Iteration > maxSkipped+1 {
			s.Lost, s.Encoded = lost.Before(s.Iteration-maxSkipped-1), nil
		}
	}
	return appendRecord(states), nil
}

// sameKey reports whether a stored key is key. A damaged one is no key.
func sameKey(stored []byte, key signet.PublicKey) bool {
	k, err := signet.ParsePublicKey(stored)
	return err == nil && k.Equal(key)
}

// A signer remembers the last signing key: deriving what a signature needs from a stored key takes
// as long as signing. It is nothing but that: the stored key decides. A nil signer remembers
// nothing.
type signer struct {
	last atomic.Pointer[signet.PrivateKey]
}

func (s *signer) key(private []byte) (*signet.PrivateKey, error) {
	if s == nil {
		return signet.NewPrivateKey(private)
	}
	if k := s.last.Load(); k != nil {
		own := k.Bytes()
		defer secret.Wipe(own)
		if subtle.ConstantTimeCompare(own, private) == 1 {
			return k, nil
		}
	}
	k, err := signet.NewPrivateKey(private)
	if err == nil {
		s.last.Store(k)
	}
	return k, err
}

// encrypt returns a message and the record after it.
func (f *format) encrypt(src *entropy.Source, with *signer, row []byte, id DistributionID, plaintext []byte) (b, next []byte, err error) {
	states, err := parseRecord(row)
	if err != nil {
		return nil, nil, err
	}
	if len(states) == 0 {
		return nil, nil, damaged(errors.New("no states"))
	}
	s := &states[0]
	v, err := stateVersion(s)
	if err != nil {
		return nil, nil, err
	}
	if !s.HasChain {
		return nil, nil, damaged(errors.New("no chain key"))
	}
	key, err := with.key(s.Private)
	if err != nil {
		return nil, nil, damaged(errors.New("no private signing key: it is another's"))
	}
	n := s.Iteration
	seed, err := step(s)
	if err != nil {
		return nil, nil, err
	}
	m := message{version: v, id: id, chainID: s.ChainID, iteration: n, ciphertext: seal(seed[:], plaintext)}
	seed.Wipe()
	b = f.appendMessage(make([]byte, 0, len(m.ciphertext)+64+signatureSize), &m)
	signature, err := key.SignFrom(src, b)
	if err != nil {
		return nil, nil, err
	}
	return append(b, signature[:]...), appendRecord(states), nil
}

// decrypt returns the plaintext of m and the record after it. The signature comes before any step
// of the chain.
func (f *format) decrypt(within *steps.Meter, row []byte, m *message) (plaintext, next []byte, err error) {
	states, err := parseRecord(row)
	if err != nil {
		return nil, nil, err
	}
	s := find(states, m.chainID)
	if s == nil {
		return nil, nil, ErrNoSenderKey
	}
	if v, err := stateVersion(s); err != nil || v != m.version {
		return nil, nil, fmt.Errorf("%w: unrecognized message version <%d>", session.ErrVersion, m.version)
	}
	key, err := signet.ParsePublicKey(s.Public)
	if err != nil {
		return nil, nil, damaged(err)
	}
	if !key.Verify(m.signed, m.signature) {
		return nil, nil, ErrSignature
	}
	if !s.HasChain {
		return nil, nil, damaged(errors.New("no chain key"))
	}
	m.deliverer = s.Identity
	seed, err := take(within, s, m.iteration, f.maxJump)
	if err != nil {
		return nil, nil, err
	}
	plaintext, err = open(seed, m.ciphertext)
	secret.Wipe(seed)
	if err != nil {
		return nil, nil, err
	}
	return plaintext, appendRecord(states), nil
}

func find(states []wire.SenderKeyState, chainID uint32) *wire.SenderKeyState {
	for i := range states {
		if states[i].ChainID == chainID {
			return &states[i]
		}
	}
	return nil
}
