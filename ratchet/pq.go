package ratchet

import (
	"errors"
	"fmt"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/spqr"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
)

// The post-quantum half. Its state is opaque bytes, empty when it is off, until the first operation
// that needs it; each message gives a key of 32 bytes or none, which is the salt of the message's
// keys (protocol §8).

// startPQ returns the post-quantum state of a new session: off for X3DH. A session with another
// device of the own account is told so once, here.
func startPQ(d spqr.Direction, s *Seed, h *Handshake) []byte {
	if h.Version < wire.V4 {
		return nil
	}
	own := selfSession(h.Local.Bytes(), h.Remote.Bytes(), h.LocalAddress, h.RemoteAddress)
	return spqr.Init(d, (*[32]byte)(&s.PQ), own)
}

// Responder reports whether the peer began the session. Only a State with the post-quantum half
// knows; false for others, and for a damaged one.
func (s *State) Responder() bool {
	if !s.HasPQ() || s.decodePQ() != nil {
		return false
	}
	return s.pq.Direction() == spqr.B2A
}

// A pqKey is a message's post-quantum key; the zero pqKey is none.
type pqKey struct {
	key [32]byte
	ok  bool
}

// decodePQ makes s.pq what s.rec.PQ holds. The bytes stay until a step succeeds: what no step has
// changed is stored as it was.
func (s *State) decodePQ() error {
	if s.decoded {
		return nil
	}
	if err := s.pq.UnmarshalBinary(s.rec.PQ); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if s.own {
		s.pq.Own()
	}
	s.decoded = true
	return nil
}

// sendPQ is the step of sending, tried: next becomes the state after it, and the message is
// appended to b. Next may be s.pq, which is of no use if the step fails.
func (s *State) sendPQ(next *spqr.State, src *entropy.Source, b []byte) (message []byte, k pqKey, err error) {
	if !s.HasPQ() {
		return nil, k, nil
	}
	if err := s.decodePQ(); err != nil {
		return nil, k, err
	}
	message, k.key, k.ok, err = s.pq.Send(next, src, b)
	switch {
	case errors.Is(err, spqr.ErrState):
		return nil, pqKey{}, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return nil, pqKey{}, fmt.Errorf("ratchet: post-quantum ratchet send error: %w", err)
	}
	return message, k, nil
}

// receivePQ is the step of receiving a message on chain c, tried like that and within the steps of
// m.
func (s *State) receivePQ(m *steps.Meter, next *spqr.State, c *wire.Chain, message []byte) (k pqKey, err error) {
	if !s.HasPQ() {
		return k, nil
	}
	if err := s.decodePQ(); err != nil {
		return k, err
	}
	if !s.keyless && s.pq.Keyed() && s.pq.Keyless(message) && !s.firstFlight(c) {
		return k, errKeyless
	}
	k.key, k.ok, err = s.pq.RecvWithin(m, next, message)
	switch {
	case errors.Is(err, spqr.ErrState):
		return pqKey{}, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return pqKey{}, fmt.Errorf("ratchet: post-quantum ratchet error: %w", err)
	}
	return k, nil
}

var errKeyless = errors.New("ratchet: a message without a post-quantum key")

// AcceptKeyless says whether messages without a post-quantum key are accepted in every state, as
// the official client accepts them (spqr §6.4). Else one is refused once a message with a key was
// received, unless its sender may have written it before. It is not part of the stored State.
func (s *State) AcceptKeyless(accept bool) { s.keyless = accept }

// firstFlight reports whether a message on chain c may be one that was written without a key before
// its sender had heard from us, and is late. Only the initiator of a session writes such, before
// its first answer: all of them are on its first chain, and that chain has no others. So c has to
// be the first of all receiving chains, none of them forgotten; and if messages of the first chain
// had taken keys, there would be no fewer keys than places on the chains.
func (s *State) firstFlight(c *wire.Chain) bool {
	list := s.rec.Receivers
	keys, ok := s.pq.Early()
	if !ok || len(list) >= maxReceivers || c != &list[0] {
		return false
	}
	places := uint64(0)
	for i := range list {
		places += uint64(list[i].Index)
	}
	return uint64(keys) < places
}

// commitPQ makes next, which a step has made, the state.
func (s *State) commitPQ(next *spqr.State) {
	if !s.HasPQ() {
		return
	}
	if next != &s.pq {
		s.pq.Replace(next)
	}
	s.rec.PQ = nil
}
