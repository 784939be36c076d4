package spqr

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"signet.example/signet/internal/wire"
)

// ErrState is a stored state that cannot be decoded. To callers every other error of Recv is an
// invalid message (§4.3).
var ErrState = errors.New("spqr: state decode failed")

// A negotiation is what a state keeps until the first message arrives (spqr §6).
type negotiation struct {
	authKey    [32]byte
	dir        Direction
	minVersion uint8 // 0 or 1
	limits     params
}

// A state is a PqRatchetState in parts (spqr §14). Parsing copies keys of 32 bytes and aliases the
// rest.
type state struct {
	negotiating bool
	negotiation negotiation
	chained     bool
	chain       chain
	version     uint8 // 1 if there is a braid, else 0
	braid       braid
}

// parse reads a stored state. What the phase may not need (encoder, decoder) is looked at when it
// is.
func (s *state) parse(b []byte) error {
	f := scanner{rest: b}
	var neg, ch, v1 []byte
	for f.next() {
		switch f.num {
		case 1:
			f.toBytes(&neg)
		case 2:
			f.toBytes(&ch)
		case 3:
			f.toBytes(&v1)
		}
	}
	if f.err == nil && neg != nil {
		s.negotiating = true
		f.err = s.negotiation.parse(neg)
	}
	if f.err == nil && ch != nil {
		s.chained = true
		f.err = s.chain.parse(ch)
	}
	if f.err == nil && v1 != nil {
		s.version = version1
		f.err = s.braid.parse(v1)
	}
	return f.err
}

// marshal writes the state in a fresh slice, as the official writer does; nothing for version 0.
func (s *state) marshal() []byte {
	if s.version == 0 {
		return []byte{}
	}
	w := wire.NewWriter(make([]byte, s.size()))
	s.write(&w)
	return w.Result()
}

func (s *state) write(w *wire.Writer) {
	if s.version == version1 {
		s.braid.write(w)
	}
	if s.chained {
		s.chain.write(w)
	}
	if s.negotiating {
		s.negotiation.write(w)
	}
}

// size is no less than the length of the encoded state, or else the Writer grows its buffer.
func (s *state) size() int {
	n := 170 // root, authenticator, limits, numbers, and the tags of all these
	if s.negotiating {
		n += 64
	}
	for i := range s.chain.n {
		n += 8 + s.chain.links[i].send.size() + s.chain.links[i].recv.size()
	}
	row := &phases[s.braid.phase]
	for _, p := range row.holds {
		n += 3 + partSizes[p]
	}
	if row.encodes.size != 0 {
		n += s.braid.enc.size()
	}
	if row.decodes.size != 0 {
		n += s.braid.dec.size()
	}
	return n
}

func (v *negotiation) parse(b []byte) error {
	f := scanner{rest: b}
	var key, limits []byte
	var dir, version uint64
	for f.next() {
		switch f.num {
		case 1:
			f.toBytes(&key)
		case 2:
			f.toUint(&dir)
		case 3:
			f.toUint(&version)
		case 4:
			f.toBytes(&limits)
		}
	}
	if f.err != nil {
		return f.err
	}
	if len(key) != 32 || limits == nil || dir > uint64(B2A) || version > version1 {
		return ErrState
	}
	v.authKey, v.dir, v.minVersion = [32]byte(key), Direction(dir), uint8(version)
	return v.limits.parse(limits)
}

func (v *negotiation) write(w *wire.Writer) {
	mark := w.Written()
	v.limits.write(w, 4)
	w.Uint(3, uint64(v.minVersion))
	w.Uint(2, uint64(v.dir))
	w.Bytes(1, v.authKey[:])
	w.Message(1, mark)
}

func (p *params) parse(b []byte) error {
	f := scanner{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			f.toUint32(&p.maxJump)
		case 2:
			f.toUint32(&p.maxKept)
		}
	}
	if f.err == nil && p.maxKept > maxKept {
		return ErrState
	}
	return f.err
}

func (p *params) write(w *wire.Writer, field int) {
	mark := w.Written()
	w.Uint(2, uint64(p.maxKept))
	w.Uint(1, uint64(p.maxJump))
	w.Message(protowire.Number(field), mark)
}
