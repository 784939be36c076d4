package ratchet

import "signet.example/signet/internal/secret"

// Freeze ends the steps of s. It owns what it holds from here on (see Own), and may be forked, read
// and encoded by several goroutines at once.
func (s *State) Freeze() {
	s.Own()
	s.pq.Share()
}

// Fork makes next, which is overwritten, a State that begins where s is, which is frozen, and goes
// its own way: no step of next changes s. What steps replace as a whole, skipped keys for one, the
// two have in common. Next is Expendable.
func (s *State) Fork(next *State) {
	chains := append(next.rec.Receivers[:0], s.rec.Receivers...) // Decrypt changes them in their place
	*next = *s
	next.expendable = true
	next.rec.Receivers = chains
	if len(s.rec.Sender.Key) == len(next.sendingKey) {
		next.sendingKey = secret.Key(s.rec.Sender.Key)
		next.rec.Sender.Key = next.sendingKey[:]
	}
	for i := range chains {
		if s.holds(chains[i].Key) {
			chains[i].Key = next.receivingKey[:]
		}
	}
}

// Expendable says that s can be made again by whoever has it, from what it was forked or decoded
// from. Its operations are not tried on a copy any more: one that fails may leave s of no use, and
// then nothing is done with it but Release.
func (s *State) Expendable() { s.expendable = true }
