package ratchet

import "math"

// EndSending makes s a State that only decrypts, for good: the steps of its sending chain may have
// been taken elsewhere, by the device that s is an old copy of. The chain key goes and the counter
// is set to its end, so that every implementation that reads the record refuses to encrypt. A
// decryption that ratchets makes a new sending chain; for an old copy the post-quantum half behind
// it is stale, too, so the caller ends that as well.
func (s *State) EndSending() {
	if s.rec.HasSender {
		s.rec.Sender.Key = make([]byte, 32) // not wiped: what s was decoded from belongs to the caller
		s.rec.Sender.Index = math.MaxUint32
	}
	s.ClearPending()
}

// MaySend reports whether there is a chain to send with that has not come to its end.
func (s *State) MaySend() bool { return s.rec.HasSender && s.rec.Sender.Index != math.MaxUint32 }
