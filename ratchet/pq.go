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

func sendPQ(src *entropy.Source, state []byte) (next, message, key []byte, err error) {
	if len(state) == 0 {
		return nil, nil, nil, nil
	}
	next, message, k, ok, err := spqr.Send(src, state)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("ratchet: post-quantum ratchet send error: %w", err)
	}
	return next, message, salt(&k, ok), nil
}

func receivePQ(state, message []byte) (next, key []byte, err error) {
	if len(state) == 0 {
		return nil, nil, nil
	}
	next, k, ok, err := spqr.Recv(state, message)
	switch {
	case errors.Is(err, spqr.ErrState):
		return nil, nil, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return nil, nil, fmt.Errorf("ratchet: post-quantum ratchet error: %w", err)
	}
	return next, salt(&k, ok), nil
}

func salt(k *[32]byte, ok bool) []byte {
	if !ok {
		return nil
	}
	return k[:]
}
