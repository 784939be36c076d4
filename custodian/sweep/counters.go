package sweep

import "signet.example/signet/internal/spqr"

// A side is an end of the conversation.
type side uint8

const (
	customer side = iota
	business
)

// What makes an object of the braid complete, in chunks (spqr §14).
const (
	chunksHeader = 3
	chunksVector = 36
	chunksFirst  = 30 // of the first part of the ciphertext
	chunksSecond = 5
)

// An end is what one party's session comes down to when only its progress matters.
//
// Ratchet keys are numbered through both ends: the customer's are odd, the business's even, and
// each is made against the one before it. Its number is the number of the root, and of the chain,
// that it made.
type end struct {
	chain   uint32     // of its newest ratchet key, on whose chain it sends
	phase   spqr.Phase // of the braid
	got     uint8      // chunks of what the phase decodes
	epoch   uint32     // of the braid
	sending uint32     // key epoch of its last message
	newest  uint32     // the last epoch whose secret it knows
}

// A letter is what a message says about where it stands.
type letter struct {
	chain uint32
	epoch uint32     // of the braid; its key is of the epoch before
	phase spqr.Phase // of its sender: tells what is in it
}

// keyEpoch is the epoch of the post-quantum chain that the message's key is of.
func (m *letter) keyEpoch() uint32 { return m.epoch - 1 }

// A conversation is both ends, from the moment at which the customer has the business's bundle.
type conversation [2]end

func newConversation() conversation {
	return conversation{
		customer: {chain: 1, phase: spqr.KeysUnsampled, epoch: 1},
		business: {chain: 0, phase: spqr.NoHeaderReceived, epoch: 1},
	}
}

// step sends a message, which arrives or is lost.
func (c *conversation) step(from side, arrives bool) letter {
	m := c[from&1].send()
	if arrives {
		c[(1-from)&1].receive(m)
	}
	return m
}

// send is spqr §11.2 and §12.3.
func (e *end) send() letter {
	switch e.phase {
	case spqr.KeysUnsampled:
		e.phase = spqr.KeysSampled
	case spqr.HeaderReceived:
		e.phase, e.got, e.newest = spqr.Ct1Sampled, 0, e.epoch
	}
	e.sending = e.epoch - 1
	return letter{e.chain, e.epoch, e.phase}
}

// receive turns the ratchet if the message is on a new chain, as the library does: the next key is
// drawn at once.
func (e *end) receive(m letter) {
	if m.chain > e.chain {
		e.chain = m.chain + 1
	}
	switch {
	case m.epoch == e.epoch:
		e.learn(m.phase)
	case m.epoch > e.epoch && e.phase == spqr.Ct2Sampled:
		e.phase, e.epoch, e.got = spqr.KeysUnsampled, e.epoch+1, 0
	}
}

// learn is spqr §11.3: what a chunk, known by the phase of its sender, does to the phase of its
// receiver.
func (e *end) learn(sender spqr.Phase) {
	switch e.phase {
	case spqr.KeysSampled:
		if first(sender) {
			e.phase, e.got = spqr.HeaderSent, 1
		}
	case spqr.HeaderSent:
		if first(sender) && e.more(chunksFirst) {
			e.phase = spqr.Ct1Received
		}
	case spqr.Ct1Received:
		if sender == spqr.Ct2Sampled {
			e.phase, e.got = spqr.EkSentCt1Received, 1
		}
	case spqr.EkSentCt1Received:
		if sender == spqr.Ct2Sampled && e.more(chunksSecond) {
			e.newest = e.epoch
			e.phase, e.epoch = spqr.NoHeaderReceived, e.epoch+1
		}
	case spqr.NoHeaderReceived:
		if sender == spqr.KeysSampled && e.more(chunksHeader) {
			e.phase = spqr.HeaderReceived
		}
	case spqr.Ct1Sampled, spqr.Ct1Acknowledged:
		e.vector(sender)
	case spqr.EkReceivedCt1Sampled:
		if sender == spqr.Ct1Received || sender == spqr.EkSentCt1Received {
			e.phase = spqr.Ct2Sampled
		}
	}
}

// vector takes a chunk of the key's vector. In phase Ct1Received the other end says with it that it
// has the first part of the ciphertext.
func (e *end) vector(sender spqr.Phase) {
	acknowledges := sender == spqr.Ct1Received
	if !acknowledges && sender != spqr.HeaderSent {
		return
	}
	acknowledged := acknowledges || e.phase == spqr.Ct1Acknowledged
	switch complete := e.more(chunksVector); {
	case complete && acknowledged:
		e.phase = spqr.Ct2Sampled
	case complete:
		e.phase = spqr.EkReceivedCt1Sampled
	case acknowledged:
		e.phase = spqr.Ct1Acknowledged
	}
}

// more counts a chunk and reports whether the object is complete.
func (e *end) more(needed uint8) bool {
	e.got++
	if e.got < needed {
		return false
	}
	e.got = 0
	return true
}

// first reports whether a sender in this phase sends the first part of the ciphertext.
func first(p spqr.Phase) bool { return p == spqr.Ct1Sampled || p == spqr.EkReceivedCt1Sampled }
