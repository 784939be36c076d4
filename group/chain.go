package group

import (
	"bytes"
	"errors"
	"fmt"

	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/lost"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
)

// This file is the sender key chain of sealed-groups §10.2: a hash ratchet whose keys encrypt one
// message each. Who wrote a message is the signature's business, not the chain's.

const (
	maxSkipped = 2_000     // keys kept for late messages, in each state
	lastUsable = 1<<32 - 2 // the chain could not be advanced past the one after it
)

// The two constants of the hash ratchet.
var (
	messageConstant = []byte{1}
	chainConstant   = []byte{2}
)

func messageSeed(chain []byte) secret.Key { return kdf.HMAC(chain, messageConstant) }
func nextChain(chain []byte) secret.Key   { return kdf.HMAC(chain, chainConstant) }

var (
	errFuture = invalid("message from too far into the future")
	errUsedUp = errors.New("group: the sender key is used up: its chain is too long")
)

// step returns the seed of the next message and advances the chain of s, which is part of a trial.
func step(s *wire.SenderKeyState) (seed secret.Key, err error) {
	if s.Iteration > lastUsable {
		return seed, errUsedUp
	}
	seed = messageSeed(s.ChainKey)
	next := nextChain(s.ChainKey)
	s.ChainKey, s.Encoded = next[:], nil
	s.Iteration++
	return seed, nil
}

// take finds the seed of message n: a skipped one, or the chain's own after advancing it. It
// changes s, which is part of a trial. The seed is the caller's, to wipe. The steps are taken
// within m.
func take(m *steps.Meter, s *wire.SenderKeyState, n uint32, maxJump uint64) (seed []byte, err error) {
	if n < s.Iteration {
		return takeSkipped(s, n)
	}
	if uint64(n)-uint64(s.Iteration) > maxJump {
		return nil, errFuture
	}
	if n > lastUsable {
		return nil, errUsedUp
	}
	if err := m.Walk(uint64(n - s.Iteration)); err != nil {
		return nil, err
	}
	if err := advance(m, s, int(n-s.Iteration)); err != nil {
		return nil, err
	}
	own, err := step(s)
	return own[:], err
}

// advance is skip that remembers which of the skipped messages cannot be opened any more.
func advance(m *steps.Meter, s *wire.SenderKeyState, n int) error {
	before, at := s.Skipped, s.Iteration
	if err := skip(m, s, n); err != nil || n == 0 {
		return err
	}
	dropped := before[:len(before)-len(newest(before, maxSkipped-min(n, maxSkipped)))]
	if len(dropped) == 0 && n <= maxSkipped {
		return nil
	}
	set := lost.Parse(s.Lost)
	for len(dropped) > 0 {
		iteration, _, _, rest, err := wire.NextSenderKey(dropped)
		if err != nil {
			return damaged(err)
		}
		set.Add(iteration, iteration)
		dropped = rest
	}
	if n > maxSkipped {
		set.Add(at, at+uint32(n-maxSkipped)-1)
	}
	s.Lost = set.Bytes()
	return nil
}

// skip advances the chain of s by n messages and appends their seeds to the skipped ones. The
// oldest beyond maxSkipped go, so those among the new ones are not even computed. The error is that
// of m's context, and leaves s in between.
func skip(m *steps.Meter, s *wire.SenderKeyState, n int) error {
	if n == 0 {
		return nil
	}
	ck := s.ChainKey
	for ; n > maxSkipped; n-- {
		if err := m.Step(); err != nil {
			return err
		}
		next := nextChain(ck)
		ck = next[:]
		s.Iteration++
	}
	const entry = 44 // the encoded length of one, at most
	old := newest(s.Skipped, maxSkipped-n)
	list := append(make([]byte, 0, len(old)+n*entry), old...)
	for range n {
		if err := m.Step(); err != nil {
			return err
		}
		seed, next := messageSeed(ck), nextChain(ck)
		list = wire.AppendSenderKey(list, s.Iteration, seed[:])
		seed.Wipe()
		ck = next[:]
		s.Iteration++
	}
	s.ChainKey, s.Skipped, s.Encoded = ck, list, nil
	return nil
}

// newest returns the last n entries of list.
func newest(list []byte, n int) []byte {
	const smallest = 2 + 2 + 32 // tag, length, tag and length of the seed, seed
	if len(list) <= n*smallest {
		return list // not even n entries
	}
	count := 0
	for rest := list; len(rest) > 0; count++ {
		var err error
		if _, _, _, rest, err = wire.NextSenderKey(rest); err != nil {
			return nil // it would be of no use later, either
		}
	}
	for ; count > n; count-- {
		_, _, _, list, _ = wire.NextSenderKey(list)
	}
	return list
}

// takeSkipped removes the first entry of message n from the skipped seeds of s.
func takeSkipped(s *wire.SenderKeyState, n uint32) ([]byte, error) {
	for rest := s.Skipped; len(rest) > 0; {
		iteration, seed, raw, after, err := wire.NextSenderKey(rest)
		if err != nil {
			return nil, damaged(err)
		}
		if iteration == n {
			before := s.Skipped[:len(s.Skipped)-len(rest)]
			list := make([]byte, 0, len(s.Skipped)-len(raw))
			s.Skipped, s.Encoded = append(append(list, before...), after...), nil
			return bytes.Clone(seed), nil
		}
		rest = after
	}
	if lost.Has(s.Lost, n) {
		return nil, fmt.Errorf("%w: message with old counter %d / %d", ratchet.ErrForgotten, s.Iteration, n)
	}
	return nil, &ratchet.DuplicateError{Index: s.Iteration, Counter: n}
}

// keys derives the keys of a message from its seed. Of the 48 bytes the IV comes first, unlike in a
// session.
func keys(seed []byte) (key [32]byte, iv [16]byte) {
	var okm [16 + 32]byte
	kdf.HKDF(okm[:], nil, seed, []byte("WhisperGroup"))
	copy(iv[:], okm[:])
	copy(key[:], okm[16:])
	clear(okm[:])
	return key, iv
}

// seal returns the ciphertext of plaintext.
func seal(seed, plaintext []byte) []byte {
	key, iv := keys(seed)
	defer clear(key[:])
	out := make([]byte, cbc.Size(len(plaintext)))
	cbc.Seal(out, &key, &iv, plaintext)
	return out
}

// open undoes seal.
func open(seed, ciphertext []byte) ([]byte, error) {
	key, iv := keys(seed)
	defer clear(key[:])
	plaintext, err := cbc.Open(&key, &iv, ciphertext)
	if err != nil {
		return nil, invalid("decryption failed: " + err.Error())
	}
	return plaintext, nil
}
