package ratchet

import "signet.example/signet/internal/entropy"

// The post-quantum half. Its state is opaque bytes, empty when it is off; each message gives a key of
// 32 bytes or none, which is the salt of the message's keys (protocol §8).

type role uint8

const (
	initiator role = iota
	responder
)

func startPQ(r role, s *Seed, h *Handshake) []byte { return nil }

func sendPQ(src *entropy.Source, state []byte) (next, message, key []byte, err error) {
	return state, nil, nil, nil
}

func receivePQ(state, message []byte) (next, key []byte, err error) { return state, nil, nil }
