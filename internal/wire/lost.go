package wire

import "signet.example/signet/internal/lost"

// This file is what a chain remembers of messages that were never opened and cannot be opened any
// more (package lost). It is kept in fields that the official records do not have: an official
// reader passes over them, and what leaves a store as an official record is without.

const (
	lostField    = 1000 // of a Chain
	lostKeyField = 14   // of a SenderKeyStateStructure
)

// Official returns a RecordStructure, or a part of one, without what is not official in it. What
// does not decode stays as it is. The slice is not modified; without anything to leave out it is
// returned as it is.
func Official(record []byte) []byte {
	return eachSession(record, func(s *Session) (changed bool) {
		for i := range s.Receivers {
			changed = changed || s.Receivers[i].Lost != nil
			s.Receivers[i].Lost = nil
		}
		return changed
	})
}

// Foreign returns a RecordStructure that comes from elsewhere with a note of what may have been
// lost there: a chain gives a key up only when so many skipped ones and a message have come after
// it. Otherwise like Official.
func Foreign(record []byte, kept uint32) []byte {
	return eachSession(record, func(s *Session) (changed bool) {
		for i := range s.Receivers {
			c := &s.Receivers[i]
			if c.Lost == nil && c.Index > kept+1 {
				c.Lost, changed = lost.Before(c.Index-kept-1), true
			}
		}
		return changed
	})
}

// eachSession returns record with those sessions encoded anew that change has changed.
func eachSession(record []byte, change func(*Session) bool) []byte {
	var out []byte
	any := false
	for rest := record; len(rest) > 0; {
		f, after, err := next(rest)
		if err != nil {
			return record
		}
		rest = after
		if f.num == 1 || f.num == 2 {
			s, err := ParseSession(f.bytes)
			if err == nil && change(&s) {
				any = true
				if f.num == 1 {
					out = AppendCurrent(out, &s)
				} else {
					out = AppendPrevious(out, &s)
				}
				continue
			}
		}
		out = append(out, f.raw...)
	}
	if !any {
		return record
	}
	return out
}
