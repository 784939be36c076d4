package sweep

import "signet.example/signet/internal/spqr"

// A leak is what a copy of the business's whole session is worth, to somebody who sees every
// message.
type leak struct {
	chain  uint32 // the chain on which it then sent
	secret uint32 // the last epoch whose secret follows from what was held, and from what was sent later
	oldest uint32 // the oldest epoch of which it had keys to receive with
	from   uint32 // the first epoch of which it had a chain to send with
	to     uint32 // and the last
}

// leak copies the session.
func (e *end) leak() leak {
	l := leak{chain: e.chain, secret: e.newest, from: e.sending, to: e.newest}
	if e.sending > 0 {
		l.oldest = e.sending - 1
	}
	switch e.phase { // it holds the private key of the epoch
	case spqr.KeysSampled, spqr.HeaderSent, spqr.Ct1Received, spqr.EkSentCt1Received:
		l.secret = e.epoch
	}
	return l
}

// opens reports whether the leak opens a message that was sent after it: with today's computers,
// and with one that breaks elliptic curves. The first opens the rest of the current chains and the
// chain that answers the business's key, and needs the post-quantum key as well; to the second all
// later roots are open (custody B3, T1 to T3).
func (l *leak) opens(m letter) (classical, quantum bool) {
	quantum = m.keyEpoch() <= l.secret
	return quantum && m.chain <= l.chain+1, quantum
}

// opensLost reports whether the leak opens a message of the customer that was sent before it and
// did not arrive: if its chain was still kept, or never seen, and its epoch still kept.
func (l *leak) opensLost(m letter, chains uint32) bool {
	return m.chain+2*chains > l.chain && m.keyEpoch() >= l.oldest && m.keyEpoch() <= l.secret
}

// forges reports whether the customer still takes a message made with the leak's sending chains, if
// she keeps so many receiving chains.
func (l *leak) forges(c *end, chains uint32) bool {
	if l.chain+2*chains < c.chain { // newer chains have pushed it out
		return false
	}
	oldest := uint32(0)
	if c.sending > 0 {
		oldest = c.sending - 1
	}
	newest := c.epoch - 1 // of the keys that she expects
	if c.phase == spqr.Ct2Sampled {
		newest++
	}
	return l.from <= newest && l.to >= oldest
}
