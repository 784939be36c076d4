package ratchet

import (
	"errors"
	"fmt"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/spqr"
	"signet.example/signet/internal/wire"
)

// The post-quantum half. Its state is opaque bytes, empty when it is off; each message gives a key of
// 32 bytes or none, which is the salt of the message's keys (protocol §8).

// startPQ returns the post-quantum state of a new session: off for X3DH. A session with another
// device of the own account is told so once, here.
func startPQ(d spqr.Direction, s *Seed, h *Handshake) []byte {
	if h.Version < wire.V4 {
		return nil
	}
	own := selfSession(h.Local.Bytes(), h.Remote.Bytes(), h.LocalAddress, h.RemoteAddress)
	return spqr.Init(d, (*[32]byte)(&s.PQ), own)
}

// A pqKey is a message's post-quantum key; the zero pqKey is none.
type pqKey struct {
	key [32]byte
	ok  bool
}

func sendPQ(src *entropy.Source, state []byte) (next, message []byte, k pqKey, err error) {
	if len(state) == 0 {
		return nil, nil, k, nil
	}
	next, message, k.key, k.ok, err = spqr.Send(src, state)
	switch {
	case errors.Is(err, spqr.ErrState):
		return nil, nil, pqKey{}, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return nil, nil, pqKey{}, fmt.Errorf("ratchet: post-quantum ratchet send error: %w", err)
	}
	return next, message, k, nil
}

func receivePQ(state, message []byte) (next []byte, k pqKey, err error) {
	if len(state) == 0 {
		return nil, k, nil
	}
	next, k.key, k.ok, err = spqr.Recv(state, message)
	switch {
	case errors.Is(err, spqr.ErrState):
		return nil, pqKey{}, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return nil, pqKey{}, fmt.Errorf("ratchet: post-quantum ratchet error: %w", err)
	}
	return next, k, nil
}
