package notice

import (
	"crypto/sha256"
	"errors"
	"math"
	"slices"

	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/session"
)

// sightings is what was seen of the business's chains in one conversation: enough to tell what is
// missing, what is late and what cannot be (custody Annex 3). Positions in a chain count from 0.
type sightings struct {
	chains []sighted // oldest first: by sessions, and by their order in a session
	lost   bool      // a session began, or a chain was forgotten of which something was missing
}

// A sighted is one chain of the business.
type sighted struct {
	session, key [16]byte // digests of the session's base key and the chain's ratchet key
	next         uint64   // one past the greatest position that is known to exist
	end          uint64   // one past the last, as the chain after it says; 0: not known
	gaps         []span   // positions of which no message has come
	retired      bool     // it was there when a mandate ended
	open         bool     // it was the newest one when it was first seen: the next of its session follows it
}

// A span is the positions from a to before b.
type span struct{ a, b uint64 }

// Limits of what is remembered. A session keeps 5 receiving chains (retained), so a chain that has
// been forgotten here is not taken for a new one.
const (
	maxOfSession = retained + 3
	maxSighted   = 4 * maxOfSession
	maxSpans     = 16
)

// A sight is what one message adds.
type sight struct {
	at      int  // index of its chain
	turned  bool // the business went on to a new chain of a session
	late    bool // there is a newer chain in its session
	hijack  bool // two writers: a chain goes on behind its end
	revoked bool // the chain was there when a mandate ended
}

func short(b []byte) [16]byte {
	h := sha256.Sum256(b)
	return [16]byte(h[:16])
}

// see notes a message that was decrypted.
func (s *sightings) see(m *session.Received) sight {
	base, key := short(m.Base), short(m.RatchetKey)
	at := slices.IndexFunc(s.chains, func(c sighted) bool { return c.session == base && c.key == key })
	found := sight{late: !m.Newest}
	if at < 0 {
		c := sighted{session: base, key: key, open: m.Newest}
		last := s.newest(base)
		switch {
		case last < 0:
			s.lost = true // nobody knows where the session before ended
			c.open = c.open && !m.Revived
		case !c.open: // it is from before the first notice
			c.next, c.retired = uint64(m.Counter), s.chains[last].retired
		case s.chains[last].open:
			found.turned = true
			found.hijack = s.chains[last].ended(uint64(m.Previous) + 1)
		}
		at = s.add(c, m.Revived)
	}
	c := &s.chains[at]
	found.at, found.revoked = at, c.retired
	found.hijack = c.arrived(uint64(m.Counter)) || found.hijack
	c.skip(uint64(m.Next)) // messages that came before the first notice are not told from missing ones
	return found
}

// newest returns the index of the newest chain of a session, -1 if there is none.
func (s *sightings) newest(session [16]byte) int {
	for i := len(s.chains) - 1; i >= 0; i-- {
		if s.chains[i].session == session {
			return i
		}
	}
	return -1
}

// add adds a chain, in front of its session if it is not the newest, and forgets one if there are
// too many: of its own session, else of another. A session that is new here is the newest, unless
// it is old.
func (s *sightings) add(c sighted, old bool) int {
	of := func(o sighted) bool { return o.session == c.session }
	n := 0
	for _, o := range s.chains {
		if of(o) {
			n++
		}
	}
	out := -1
	switch {
	case n >= maxOfSession:
		out = slices.IndexFunc(s.chains, of)
	case len(s.chains) >= maxSighted:
		out = slices.IndexFunc(s.chains, func(o sighted) bool { return !of(o) })
	}
	if out >= 0 {
		s.lost = s.lost || len(s.chains[out].gaps) > 0
		s.chains = slices.Delete(s.chains, out, out+1)
	}
	at := s.newest(c.session) + 1
	switch {
	case at > 0 && c.open: // behind the others of its session
	case at > 0:
		at = slices.IndexFunc(s.chains, of)
	case !old:
		at = len(s.chains)
	}
	s.chains = slices.Insert(s.chains, at, c)
	return at
}

// ended notes where the chain ended, as its successor says. It reports whether it had gone on.
func (c *sighted) ended(end uint64) (hijack bool) {
	c.end = end
	if c.next > end {
		return true
	}
	c.skip(end)
	return false
}

// skip notes that the positions before n exist.
func (c *sighted) skip(n uint64) {
	if n <= c.next {
		return
	}
	if len(c.gaps) < maxSpans {
		c.gaps = append(c.gaps, span{c.next, n})
	} else {
		c.gaps[maxSpans-1].b = n // what was between is not told apart any more
	}
	c.next = n
}

// arrived notes the message at position n. It reports whether it stands behind the end of the
// chain.
func (c *sighted) arrived(n uint64) (hijack bool) {
	if n >= c.next {
		c.skip(n)
		c.next = n + 1
		return c.end != 0 && n >= c.end
	}
	for i, m := range c.gaps {
		if n < m.a || n >= m.b {
			continue
		}
		if len(c.gaps) < maxSpans || n == m.a || n == m.b-1 { // without room, a piece stays whole
			c.gaps = slices.Replace(c.gaps, i, i+1, span{m.a, n}, span{n + 1, m.b})
			c.gaps = slices.DeleteFunc(c.gaps, func(m span) bool { return m.a >= m.b })
		}
		return false
	}
	return false
}

// missing reports whether a message of the business is known to exist and has not come.
func (s *sightings) missing() bool {
	return s.lost || slices.ContainsFunc(s.chains, func(c sighted) bool { return len(c.gaps) > 0 })
}

// excuse is for the latest statement, which came at position n of chain at: no later one is among
// what is missing from before. What was sent behind it, on a newer chain or in a newer session, may
// be one.
func (s *sightings) excuse(at int, n uint64) {
	for i := range at {
		s.chains[i].gaps = nil
	}
	c := &s.chains[at]
	c.gaps = slices.DeleteFunc(c.gaps, func(m span) bool { return m.b <= n })
	s.lost = s.lost && (!c.open || at < len(s.chains)-1)
}

// forgive is for a log that shows no statement but those that came: none is among what is missing.
func (s *sightings) forgive() {
	s.lost = false
	for i := range s.chains {
		s.chains[i].gaps = nil
	}
}

// retire notes that a mandate has ended: its holder may have keys of every chain that there is.
func (s *sightings) retire() {
	for i := range s.chains {
		s.chains[i].retired = true
	}
}

// bytes returns the encoding of the sightings, for parseSightings.
func (s *sightings) bytes() []byte {
	var list []byte
	for i := range s.chains {
		list = tlv.AppendItem(list, s.chains[i].append(nil))
	}
	b := tlv.AppendUint(nil, 1, recordVersion)
	b = tlv.AppendUint(b, 2, bit(s.lost))
	return tlv.Append(b, 3, list)
}

func (c *sighted) append(b []byte) []byte {
	var missing []byte
	for _, m := range c.gaps {
		missing = tlv.AppendItem(missing, tlv.AppendUint(tlv.AppendUint(nil, 1, m.a), 2, m.b))
	}
	b = tlv.Append(b, 1, c.session[:])
	b = tlv.Append(b, 2, c.key[:])
	b = tlv.AppendUint(b, 3, c.next)
	b = tlv.AppendUint(b, 4, c.end)
	b = tlv.Append(b, 5, missing)
	b = tlv.AppendUint(b, 6, bit(c.retired))
	return tlv.AppendUint(b, 7, bit(c.open))
}

var errSightings = errors.New("notice: malformed record of what was seen of a conversation")

// parseSightings parses what bytes returns. It copies b.
func parseSightings(b []byte) (*sightings, error) {
	s := new(sightings)
	ok := record(b, 3, func(tag byte, v []byte) (ok bool) {
		switch tag {
		case 1:
			var version uint64
			return number(&version, v, recordVersion) && version == recordVersion
		case 2:
			return flag(&s.lost, v)
		default:
			s.chains, ok = parseList(v, maxSighted, parseSighted)
			return ok
		}
	})
	if !ok {
		return nil, errSightings
	}
	return s, nil
}

func parseSighted(b []byte) (c sighted, ok bool) {
	ok = record(b, 7, func(tag byte, v []byte) (ok bool) {
		switch tag {
		case 1, 2:
			if len(v) != len(c.key) {
				return false
			}
			if tag == 1 {
				c.session = [16]byte(v)
			} else {
				c.key = [16]byte(v)
			}
			return true
		case 3:
			return number(&c.next, v, math.MaxUint32+1)
		case 4:
			return number(&c.end, v, math.MaxUint32+1)
		case 5:
			c.gaps, ok = parseList(v, maxSpans, parseSpan)
			return ok
		case 6:
			return flag(&c.retired, v)
		default:
			return flag(&c.open, v)
		}
	})
	return c, ok
}

func parseSpan(b []byte) (m span, ok bool) {
	ok = record(b, 2, func(tag byte, v []byte) bool {
		if tag == 1 {
			return number(&m.a, v, math.MaxUint32+1)
		}
		return number(&m.b, v, math.MaxUint32+1)
	})
	return m, ok && m.a < m.b
}

func flag(f *bool, v []byte) bool {
	var n uint8
	ok := number(&n, v, 1)
	*f = n == 1
	return ok
}
