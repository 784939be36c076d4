package ratchet

import (
	"errors"
	"fmt"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
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

// The state of the post-quantum half is a few kilobytes and changes with every message. A State that
// lives on turns two buffers over: the one that holds the present state, if it is its own, and one for
// the next.
type buffers struct {
	owned []byte // the buffer at whose end rec.PQ lies, or nil if rec.PQ is somebody else's
	spare []byte
}

// room is how much larger than the last one the next state usually is, at most: what a phase of the
// braid adds, and some skipped keys.
const room = 8 << 10

// next returns the buffer for the state after one of n bytes.
func (b *buffers) next(n int) []byte {
	if cap(b.spare) < n+room-1024 {
		b.spare = make([]byte, n+room)
	}
	return b.spare
}

// turn makes pq, the state after old, the present one.
func (b *buffers) turn(old, pq []byte) {
	spare := b.spare[:cap(b.spare)]
	if len(pq) == 0 || &spare[len(spare)-1] != &pq[len(pq)-1] {
		b.owned = nil // it did not fit
		return
	}
	if b.owned != nil {
		secret.Wipe(old)
	}
	b.owned, b.spare = spare, b.owned
}

func (s *State) sendPQ(src *entropy.Source) (next, message []byte, k pqKey, err error) {
	if len(s.rec.PQ) == 0 {
		return nil, nil, k, nil
	}
	next, message, k.key, k.ok, err = spqr.SendInto(s.pq.next(len(s.rec.PQ)), src, s.rec.PQ)
	switch {
	case errors.Is(err, spqr.ErrState):
		return nil, nil, pqKey{}, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return nil, nil, pqKey{}, fmt.Errorf("ratchet: post-quantum ratchet send error: %w", err)
	}
	return next, message, k, nil
}

func (s *State) receivePQ(message []byte) (next []byte, k pqKey, err error) {
	if len(s.rec.PQ) == 0 {
		return nil, k, nil
	}
	next, k.key, k.ok, err = spqr.RecvInto(s.pq.next(len(s.rec.PQ)), s.rec.PQ, message)
	switch {
	case errors.Is(err, spqr.ErrState):
		return nil, pqKey{}, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return nil, pqKey{}, fmt.Errorf("ratchet: post-quantum ratchet error: %w", err)
	}
	return next, k, nil
}
