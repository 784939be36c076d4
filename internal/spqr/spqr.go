// Package spqr is the Sparse Post-Quantum Ratchet, protocol version 1: the ML-KEM Braid, an
// erasure-coded continuous key agreement, and the symmetric chains that its secrets seed. It runs
// beside the Double Ratchet, gives each message a key of its own to mix in, and travels in a small
// message inside each message. Section numbers refer to the protocol facts (spqr §n).
//
// The package is functions over bytes: a stored state and a message in, the next state and a key
// out. The stored form is that of the official clients, byte for byte, and is the only form there
// is: one call parses what it needs, copies the rest, and keeps nothing. On any error the caller
// keeps the state that it had. That a message is genuine is for the caller to verify, with the key,
// before the next state replaces the last one.
//
// # Compatibility
//
// The behaviour is that of spqr 1.6 as found in the official client 0.103.0, also where versions
// are negotiated (§6.1). New states ask for version 1 at least, so that no peer can talk them out
// of the ratchet; states that were stored with a lower minimum still can be. An empty state is
// version 0: switched off, for good.
//
// States which that client does not write may be refused where it would go on: a chain of more than
// four epochs, lists of a decoder with different points, limits above 2^24 skipped keys.
//
// # Secrets
//
// States hold private keys. A private key that Send makes is wiped once it is in the state, and
// chain keys live in arrays on the stack; wiping states that were replaced is left to their owner.
//
// All functions are pure, up to the randomness that Send draws twice in an epoch, and safe for
// concurrent use.
package spqr

import (
	"errors"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/steps"
)

// A Direction is a party's role in the session, and the way its messages go.
type Direction uint8

const (
	A2B Direction = iota // the initiator of the session
	B2A                  // the responder
)

var (
	errMinimum  = errors.New("spqr: minimum version")
	errMismatch = errors.New("spqr: version mismatch after negotiation")
)

// selfJump is the limit on jumps in a session with an account's own devices (§12.5).
const selfJump = 1<<32 - 1

// Init returns the state of a new session, in a fresh slice of some 120 bytes. authKey is the key
// that the handshake made for the ratchet (§4.1) and is not kept. A self session, one with another
// device of the own account, lets the peer skip any number of messages.
func Init(d Direction, authKey *[32]byte, selfSession bool) []byte {
	s := state{
		negotiating: true,
		negotiation: negotiation{authKey: *authKey, dir: d, minVersion: version1},
		version:     version1,
		braid:       braid{phase: KeysUnsampled, epoch: 1, auth: newAuthenticator(authKey)},
	}
	if selfSession {
		s.negotiation.limits.maxJump = selfJump
	}
	if d == B2A {
		s.braid.phase = NoHeaderReceived
		_ = s.braid.dec.start(sealedHdr) // the size is a constant, and a good one
	}
	return s.marshal()
}

// Send returns the next state, the message for the wire (at most 52 bytes) and the key to mix into
// the message key. ok is false if there is no key: with an empty state, whose message is empty too,
// and while a state that may fall back to version 0 has heard nothing (§6.3). Next and message are
// fresh slices; state is left as it is.
//
// Bytes are drawn from src only when the braid makes a key pair (64) or a ciphertext (32).
func Send(src *entropy.Source, state []byte) (next, message []byte, key [32]byte, ok bool, err error) {
	return send(live{src}, state)
}

func send(r sampler, stored []byte) (next, wire []byte, key [32]byte, ok bool, err error) {
	var s state
	if err := s.parse(stored); err != nil {
		return nil, nil, key, false, err
	}
	defer func() { secret.Wipe(s.braid.made) }()
	if wire, key, ok, err = s.send(r, make([]byte, 0, MaxMessage)); err != nil {
		return nil, nil, [32]byte{}, false, err
	}
	return s.marshal(), wire, key, ok, nil
}

// send advances s, which is of no use after an error, and appends the message to b.
func (s *state) send(r sampler, b []byte) (wire []byte, key [32]byte, ok bool, err error) {
	if s.version == 0 {
		return b, key, false, nil
	}
	var m message
	fresh, isFresh, err := s.braid.send(r, &m)
	if err != nil {
		return nil, key, false, err
	}
	willing := s.negotiating && s.negotiation.minVersion < version1 // to do without: no key yet
	if !s.chained && !willing {
		err = s.begin()
	}
	if err == nil && isFresh {
		err = s.chain.add(m.epoch, &fresh)
	}
	if err == nil && s.chained {
		m.index, key, err = s.chain.sendKey(m.epoch - 1)
	}
	clear(fresh[:])
	if err != nil {
		return nil, [32]byte{}, false, err
	}
	return m.append(b), key, s.chained, nil
}

// Recv takes a message, empty if there was none, and returns the next state and the key that the
// sender mixed in. ok is false if there was none: with an empty state, and with messages of peers
// that may yet fall back to version 0 (§6.3). Next is a fresh slice, and nil on error; state and
// message are left as they are.
//
// It derives as many as 25 000 keys if the message says that it is that far ahead, in a self
// session any number (§17), before anybody knows that it is genuine. State.RecvWithin has a bound.
func Recv(state, message []byte) (next []byte, key [32]byte, ok bool, err error) {
	return recv(state, message)
}

func recv(stored, wire []byte) (next []byte, key [32]byte, ok bool, err error) {
	var s state
	if err := s.parse(stored); err != nil {
		return nil, key, false, err
	}
	if key, ok, err = s.recv(nil, wire); err != nil {
		return nil, [32]byte{}, false, err
	}
	return s.marshal(), key, ok, nil
}

// recv advances s, which is of no use after an error. How far is bounded by within.
func (s *state) recv(within *steps.Meter, wire []byte) (key [32]byte, ok bool, err error) {
	var m message
	version, payload, err := m.preamble(wire)
	if err != nil {
		return key, false, err
	}
	if err := s.admit(version); err != nil {
		return key, false, err
	}
	if s.version == 0 || version < s.version { // off, or now it will be
		*s = state{}
		return key, false, nil
	}
	var fresh [32]byte
	var isFresh bool
	if version == s.version {
		fresh, isFresh, err = s.heed(&m, payload)
	} else {
		m.epoch = 1 // a version to come, and the first chain is all that is shared with it
	}
	if err == nil && !s.chained {
		err = s.begin()
	}
	if err == nil && isFresh {
		err = s.chain.add(s.braid.epoch-1, &fresh) // the braid is in the next epoch by now
	}
	clear(fresh[:])
	if err != nil {
		return key, false, err
	}
	if key, ok, err = s.chain.recvKey(within, m.epoch-1, m.index); err != nil {
		return [32]byte{}, false, err
	}
	if version == s.version {
		s.negotiating = false
	}
	return key, ok, nil
}

// heed gives the braid what a message of version 1 has after its preamble.
func (s *state) heed(m *message, payload []byte) (fresh [32]byte, isFresh bool, err error) {
	if err := m.payload(payload); err != nil {
		return fresh, false, err
	}
	return s.braid.recv(m)
}

// admit applies the rules of §6.1 to the version of a message.
func (s *state) admit(version byte) error {
	least, negotiating := s.version, s.version == 0
	if s.negotiating {
		least, negotiating = s.negotiation.minVersion, true
	}
	switch {
	case version < least:
		return errMinimum
	case version != s.version && !negotiating:
		return errMismatch
	}
	return nil
}

// begin creates the chain from what the negotiation keeps.
func (s *state) begin() error {
	if !s.negotiating {
		return errNoChain
	}
	s.chain = newChain(s.negotiation.dir, &s.negotiation.authKey, s.negotiation.limits)
	s.chained = true
	return nil
}
