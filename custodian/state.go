package custodian

import (
	"context"
	"encoding/binary"
	"errors"

	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/wire"
)

// A state is one session of a stored record.
type state struct {
	wire.Session
	base     parcel.Key
	archived bool
	pq       *pqState // nil: no post-quantum half
}

var errRecord = errors.New("custodian: a stored session does not parse")

// states returns the sessions of a party, the current one first.
func (p *party) states(ctx context.Context) ([]state, error) {
	record, err := p.device.Record(ctx, p.peer)
	if err != nil {
		return nil, err
	}
	current, rest, err := wire.SplitRecord(record)
	if err != nil {
		return nil, errRecord
	}
	var list []state
	if current != nil {
		s, err := parseState(current)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	for len(rest) > 0 {
		b, _, after, err := wire.NextPrevious(rest)
		if err != nil {
			return nil, errRecord
		}
		s, err := parseState(b)
		if err != nil {
			return nil, err
		}
		s.archived = true
		list = append(list, s)
		rest = after
	}
	return list, nil
}

func parseState(b []byte) (s state, err error) {
	if s.Session, err = wire.ParseSession(b); err != nil || len(s.BaseKey) != 33 {
		return s, errRecord
	}
	s.base = parcel.Key(s.BaseKey)
	if len(s.PQ) > 0 {
		s.pq, err = parsePQState(s.PQ)
	}
	return s, err
}

// against is the peer's ratchet key that the own one was made against: the newest receiving
// chain's.
func (s *state) against() (k parcel.Key) {
	if n := len(s.Receivers); n > 0 {
		copy(k[:], s.Receivers[n-1].RatchetKey)
	}
	return k
}

// skipped calls f with each skipped seed of a chain.
func skipped(c *wire.Chain, f func(counter uint32, seed []byte)) error {
	for rest := c.Skipped; len(rest) > 0; {
		k, _, after, err := wire.NextMessageKey(rest)
		if err != nil || len(k.Seed) != 32 {
			return errRecord
		}
		f(k.Index, k.Seed)
		rest = after
	}
	return nil
}

// The post-quantum state, read from its stored form by a reader of this package's own (spqr §14).

type pqState struct {
	start   []byte // the key of the handshake, until something was received
	dir     uint8  // of what the party sends
	chained bool
	root    []byte
	epoch   uint64 // of the newest chain
	links   []pqLink
	phase   int    // the state number of spqr §11.1
	braid   uint64 // the epoch of the braid
	auth    []byte
	dk, es  []byte
}

type pqLink struct {
	epoch      uint64
	send, recv pqHalf
}

type pqHalf struct {
	ctr  uint32
	next []byte
	prev []byte // 36 bytes each: index, key
}

func (h *pqHalf) skipped(f func(index uint32, key []byte)) {
	for b := h.prev; len(b) >= 36; b = b[36:] {
		f(binary.BigEndian.Uint32(b), b[4:36:36])
	}
}

const phaseCt2Sampled = 11

// keyed reports whether a key was derived for a message that the party received: from then on a
// strict receiver takes no message without (spqr §6.4).
func (s *pqState) keyed() bool {
	for i := range s.links {
		if s.links[i].recv.ctr > 0 {
			return true
		}
	}
	return len(s.links) > 0 && s.links[0].epoch > 0
}

// firstFlight reports whether a strict receiver takes a message of receiving chain i for a late one
// of a peer that wrote it without a key before it had heard anything.
func (s *state) firstFlight(i int) bool {
	if i > 0 || len(s.Receivers) >= 5 || s.pq.dir != 1 || len(s.pq.links) == 0 || s.pq.links[0].epoch > 0 {
		return false
	}
	for _, l := range s.pq.links[1:] {
		if l.recv.ctr > 0 {
			return false
		}
	}
	places := uint64(0)
	for j := range s.Receivers {
		places += uint64(s.Receivers[j].Index)
	}
	return uint64(s.pq.links[0].recv.ctr) < places
}

func parsePQState(b []byte) (*pqState, error) {
	s := new(pqState)
	var negotiation, chain, v1 []byte
	if !fields(b, func(n int, _ uint64, v []byte) {
		switch n {
		case 1:
			negotiation = v
		case 2:
			chain = v
		case 3:
			v1 = v
		}
	}) {
		return nil, errRecord
	}
	ok := fields(negotiation, func(n int, u uint64, v []byte) {
		switch n {
		case 1:
			s.start = v
		case 2:
			s.dir = uint8(u)
		}
	})
	if chain != nil {
		s.chained = true
		ok = s.parseChain(chain) && ok
	}
	if !ok || !s.parseBraid(v1) {
		return nil, errRecord
	}
	return s, nil
}

func (s *pqState) parseChain(b []byte) bool {
	good := true
	ok := fields(b, func(n int, u uint64, v []byte) {
		switch n {
		case 1:
			s.dir = uint8(u)
		case 2:
			s.epoch = u
		case 3:
			var l pqLink
			good = fields(v, func(n int, _ uint64, v []byte) {
				half := map[int]*pqHalf{1: &l.send, 2: &l.recv}[n]
				good = half != nil && fields(v, func(n int, u uint64, v []byte) {
					switch n {
					case 1:
						half.ctr = uint32(u)
					case 2:
						half.next = v
					case 3:
						half.prev = v
					}
				}) && good
			}) && good
			s.links = append(s.links, l)
		case 4:
			s.root = v
		}
	})
	for i := range s.links {
		s.links[i].epoch = s.epoch - uint64(len(s.links)-1-i)
	}
	return ok && good && len(s.root) == 32
}

// parseBraid finds what a phase holds: the table of spqr §14.
func (s *pqState) parseBraid(v1 []byte) bool {
	var outer, inner []byte
	ok := fields(v1, func(n int, _ uint64, v []byte) { s.phase, outer = n, v })
	ok = fields(outer, func(n int, _ uint64, v []byte) {
		if n == 1 {
			inner = v
		}
	}) && ok
	return ok && fields(inner, func(n int, u uint64, v []byte) {
		switch {
		case n == 1:
			s.braid = u
		case n == 2:
			fields(v, func(_ int, _ uint64, v []byte) { s.auth = append(s.auth, v...) })
		case len(v) == 2400:
			s.dk = v
		case len(v) == 2080:
			s.es = v
		}
	})
}

// fields calls f with each field of a protobuf message that holds varints and bytes alone.
func fields(b []byte, f func(n int, u uint64, v []byte)) bool {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		b = b[n:]
		u, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		b = b[n:]
		switch tag & 7 {
		case 0:
			f(int(tag>>3), u, nil)
		case 2:
			if u > uint64(len(b)) {
				return false
			}
			f(int(tag>>3), 0, b[:u:u])
			b = b[u:]
		default:
			return false
		}
	}
	return true
}

// A pqHeader is what a message says about its post-quantum key, and its chunk.
type pqHeader struct {
	epoch uint64 // of the wire
	index uint32
	kind  byte
	chunk uint16
}

// parsePQHeader parses the post-quantum field of a message; nil if there is none.
func parsePQHeader(b []byte) *pqHeader {
	if len(b) < 4 || b[0] != 1 {
		return nil
	}
	epoch, n := binary.Uvarint(b[1:])
	if n <= 0 || epoch == 0 {
		return nil
	}
	b = b[1+n:]
	index, n := binary.Uvarint(b)
	if n <= 0 || len(b) <= n {
		return nil
	}
	h := &pqHeader{epoch: epoch, index: uint32(index), kind: b[n]}
	if chunk, m := binary.Uvarint(b[n+1:]); m > 0 {
		h.chunk = uint16(chunk)
	}
	return h
}
