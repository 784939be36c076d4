package spqr

import (
	"bytes"
	"fmt"
	"io"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/steps"
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

// Send is the function Send: it makes next the State after s and appends the message to b. Neither
// next nor b is of use after an error, and s is as it was in any case. Next may be s: then there is
// no copy, s is of no use after an error, and Replace is not needed.
func (s *State) Send(next *State, src *entropy.Source, b []byte) (message []byte, key [32]byte, ok bool, err error) {
	before := begin(next, s)
	if message, key, ok, err = next.s.send(live{src}, b); err == nil {
		next.finish(s, before)
	}
	return message, key, ok, err
}

// Recv is the function Recv: it makes next the State after s, or something of no use if it fails. s
// is as it was. Next may be s, as in Send.
func (s *State) Recv(next *State, message []byte) (key [32]byte, ok bool, err error) {
	return s.RecvWithin(nil, next, message)
}

// RecvWithin is Recv that takes its steps within m. The error of m, and of its context, is returned
// as it is.
func (s *State) RecvWithin(m *steps.Meter, next *State, message []byte) (key [32]byte, ok bool, err error) {
	before := begin(next, s)
	if key, ok, err = next.s.recv(m, message); err == nil {
		next.finish(s, before)
	}
	return key, ok, err
}

// A beginning is what a step has to know of the State that it began from.
type beginning struct {
	phase Phase
	made  []byte
}

// begin begins a step from s to next.
func begin(next, s *State) beginning {
	before := beginning{s.s.braid.phase, s.s.braid.made}
	if next != s {
		*next = *s
	}
	return before
}

// finish ends a step from s.
func (next *State) finish(s *State, before beginning) {
	if next.s.braid.phase != before.phase { // or there is nothing to settle
		next.settle()
	}
	if next == s {
		s.drop(before.made)
	}
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

// Replace makes next, which Send or Recv made of s, the State s. Of the private key or
// encapsulation state that s drew itself nothing is left if next has no use for it and nobody
// shares it.
func (s *State) Replace(next *State) {
	made := s.s.braid.made
	*s = *next
	s.drop(made)
}

// drop erases made, which the State before s drew, and forgets what s drew, if s has no use for it.
func (s *State) drop(made []byte) {
	b := &s.s.braid
	if len(made) > 0 && !s.shared && !b.holds(made) {
		secret.Wipe(made)
	}
	if len(b.made) > 0 && !b.holds(b.made) {
		b.made = nil
	}
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

// Share says that another State has the private key or encapsulation state that s drew: it is not
// erased with s, or its successors.
func (s *State) Share() { s.shared = true }

// Wipe erases the private key or encapsulation state that the State drew, unless it is shared. What
// else it holds its owner overwrites.
func (s *State) Wipe() {
	if !s.shared {
		secret.Wipe(s.s.braid.made)
	}
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

// Keyless reports whether Recv gives no key for a message that it accepts: one of index 0 in the
// first epoch, or of a version to come, or one that switches the ratchet off (§6.3, §6.4).
func (s *State) Keyless(wire []byte) bool {
	var m message
	version, _, err := m.preamble(wire)
	switch {
	case err != nil:
		return false
	case version < s.s.version:
		return true
	}
	return m.index == 0 && (m.epoch == 1 || version > s.s.version)
}

// Keyed reports whether a key was derived for a message that was received.
func (s *State) Keyed() bool {
	c := &s.s.chain
	if !s.s.chained {
		return false
	}
	for i := range c.n {
		if c.links[i].recv.ctr > 0 {
			return true
		}
	}
	return c.current >= uint64(c.n) // the first epoch is gone, and others need keys to come about
}

// Early returns how many keys were derived for messages of the session's initiator; ok is false at
// the initiator itself, and once there was a message of the second epoch.
func (s *State) Early() (keys uint32, ok bool) {
	c := &s.s.chain
	if !s.s.chained || c.dir != B2A || c.current >= uint64(c.n) {
		return 0, false
	}
	for i := 1; i < c.n; i++ {
		if c.links[i].recv.ctr > 0 {
			return 0, false
		}
	}
	return c.links[0].recv.ctr, true
}

// Direction is the one that Init was given; A2B if the ratchet is switched off.
func (s *State) Direction() Direction {
	if s.s.chained {
		return s.s.chain.dir
	}
	return s.s.negotiation.dir
}

// Epoch is the braid's, from 1.
func (s *State) Epoch() uint64 { return s.s.braid.epoch }
