package spqr

import (
	"bytes"
	"fmt"
	"io"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
)

// A State is a stored state that is decoded, for whoever lives through many messages: an operation
// on it neither parses nor copies what it does not touch. The zero State is switched off.
//
// Its slices are immutable, so a copy of a State is a State of its own: that is how a step is tried
// and taken back. Wiping is the exception, see Replace.
type State struct {
	s state

	shared bool // see Share
}

// UnmarshalBinary replaces s by the state that stored holds. It aliases stored until Own. On error,
// ErrState, s is of no use.
func (s *State) UnmarshalBinary(stored []byte) error {
	*s = State{}
	return s.s.parse(stored)
}

// Own ends that s aliases what it was decoded from, so that the memory of a stored state, with the
// keys of its time, goes with it.
func (s *State) Own() {
	b, c := &s.s.braid, &s.s.chain
	for i := range b.parts {
		b.parts[i] = bytes.Clone(b.parts[i])
	}
	b.made = nil
	b.enc.own()
	b.dec.own()
	for i := range c.n {
		c.links[i].send.prev = bytes.Clone(c.links[i].send.prev)
		c.links[i].recv.prev = bytes.Clone(c.links[i].recv.prev)
	}
}

// Send is the function Send: it makes next the State after s and appends the message to b. Neither next
// nor b is of use after an error, and s is as it was in any case.
func (s *State) Send(next *State, src *entropy.Source, b []byte) (message []byte, key [32]byte, ok bool, err error) {
	*next = *s
	if message, key, ok, err = next.s.send(live{src}, b); err == nil {
		next.settle()
	}
	return message, key, ok, err
}

// Recv is the function Recv: it makes next the State after s, or something of no use if it fails. s is
// as it was.
func (s *State) Recv(next *State, message []byte) (key [32]byte, ok bool, err error) {
	*next = *s
	if key, ok, err = next.s.recv(message); err == nil {
		next.settle()
	}
	return key, ok, err
}

// settle erases what the phase has no place for, as storing and loading does.
func (s *State) settle() {
	b := &s.s.braid
	row := &phases[b.phase]
	var held [parts]bool
	for _, p := range row.holds {
		held[p] = true
	}
	for p := range b.parts {
		if !held[p] {
			b.parts[p] = nil
		}
	}
	if row.encodes.size == 0 {
		b.enc = encoder{}
	}
	if row.decodes.size == 0 {
		b.dec = decoder{}
	}
}

// Replace makes next, which Send or Recv made of s, the State s. Of the private key or encapsulation state
// that s drew itself nothing is left if next has no use for it and nobody shares it.
func (s *State) Replace(next *State) {
	if made := s.s.braid.made; len(made) > 0 && !s.shared && !next.s.braid.holds(made) {
		secret.Wipe(made)
	}
	if made := next.s.braid.made; len(made) > 0 && !next.s.braid.holds(made) {
		next.s.braid.made = nil
	}
	*s = *next
}

// holds reports whether one of the parts is b itself.
func (b *braid) holds(part []byte) bool {
	for _, p := range b.parts {
		if len(p) > 0 && &p[0] == &part[0] {
			return true
		}
	}
	return false
}

// Share says that another State has the private key or encapsulation state that s drew: it is not erased with
// s, or its successors.
func (s *State) Share() { s.shared = true }

// Wipe forgets the State, and erases the private key or encapsulation state that it drew, unless it
// is shared.
func (s *State) Wipe() {
	if !s.shared {
		secret.Wipe(s.s.braid.made)
	}
	*s = State{}
}

// Write writes the stored state, which is empty if it is switched off.
func (s *State) Write(w *wire.Writer) {
	if s.s.version == version1 {
		s.s.write(w)
	}
}

// On reports whether the ratchet is switched on.
func (s *State) On() bool { return s.s.version == version1 }

// Size is an upper bound of what Write writes, in bytes, as a rule.
func (s *State) Size() int { return s.s.size() }

// Format redacts the State under every verb.
func (State) Format(f fmt.State, _ rune) { io.WriteString(f, "spqr.State(…)") }

// Epoch is the braid's, from 1.
func (s *State) Epoch() uint64 { return s.s.braid.epoch }
