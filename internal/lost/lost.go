// Package lost is a set of counters: the messages of a chain that were never opened and cannot be
// opened any more, because their keys were given up. It is what tells such a message from one that
// comes twice.
//
// A set is bounded. What does not fit is told on the side of loss: two ranges become one, and what
// was opened between them counts as lost from then on, never the other way round.
package lost

import (
	"encoding/binary"
	"math"
	"slices"
)

// MaxRanges is how many ranges of counters a set has at most; its encoded form has at most 640
// bytes.
const MaxRanges = 64

type span struct{ first, last uint32 }

// A Set is a decoded set. The zero Set is empty.
type Set struct{ spans []span } // ascending, with a counter at least between two

// Parse decodes a set. What does not decode is the set of all counters.
func Parse(b []byte) (s Set) {
	next := uint64(0) // the least counter that may come
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 || gap > math.MaxUint32 {
			return all()
		}
		length, k := binary.Uvarint(b[n:])
		if k <= 0 || length > math.MaxUint32 || next+gap+length > math.MaxUint32 || len(s.spans) == MaxRanges {
			return all()
		}
		first := next + gap
		s.spans = append(s.spans, span{uint32(first), uint32(first + length)})
		next, b = first+length+1, b[n+k:]
	}
	return s
}

func all() Set { return Set{[]span{{0, math.MaxUint32}}} }

// Bytes encodes the set, nil if it is empty: for each range the counters left out before it and,
// less one, those in it.
func (s *Set) Bytes() []byte {
	var b []byte
	next := uint32(0)
	for _, r := range s.spans {
		b = binary.AppendUvarint(b, uint64(r.first-next))
		b = binary.AppendUvarint(b, uint64(r.last-r.first))
		next = r.last + 1
	}
	return b
}

// Has reports whether n is in the set.
func (s *Set) Has(n uint32) bool {
	for _, r := range s.spans {
		if n <= r.last {
			return n >= r.first
		}
	}
	return false
}

// Add puts the counters from first to last into the set.
func (s *Set) Add(first, last uint32) {
	at := 0
	for at < len(s.spans) && uint64(s.spans[at].last)+1 < uint64(first) {
		at++
	}
	end := at
	for end < len(s.spans) && uint64(s.spans[end].first) <= uint64(last)+1 {
		first, last = min(first, s.spans[end].first), max(last, s.spans[end].last)
		end++
	}
	s.spans = slices.Replace(s.spans, at, end, span{first, last})
	if len(s.spans) <= MaxRanges {
		return
	}
	closest := 1 // the range that is the least behind the one before it
	for i := 2; i < len(s.spans); i++ {
		if s.gap(i) < s.gap(closest) {
			closest = i
		}
	}
	s.spans[closest-1].last = s.spans[closest].last
	s.spans = slices.Delete(s.spans, closest, closest+1)
}

func (s *Set) gap(i int) uint32 { return s.spans[i].first - s.spans[i-1].last }

// Has reports whether n is in an encoded set.
func Has(b []byte, n uint32) bool {
	if len(b) == 0 {
		return false
	}
	s := Parse(b)
	return s.Has(n)
}

// Before is the encoded set of all counters below n.
func Before(n uint32) []byte {
	if n == 0 {
		return nil
	}
	return (&Set{[]span{{0, n - 1}}}).Bytes()
}
