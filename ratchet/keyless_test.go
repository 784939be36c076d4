package ratchet

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/spqr"
	"signet.example/signet/internal/wire"
)

// keylessFields are what a message without a post-quantum key can say: of our version, with a kind
// that is known, or of a version to come while versions are negotiated.
var keylessFields = [][]byte{{1, 1, 0, 0}, {1, 1, 0, 4}, {1, 0x81, 0, 0x80, 0, 0}, {2, 1, 0, 0}, {9, 40, 0}}

// forgeKeyless is the next message of the chain of s, from its elliptic-curve half alone.
func forgeKeyless(t testing.TB, s *State, field []byte, text string) []byte {
	t.Helper()
	seed := messageSeed(s.rec.Sender.Key)
	k := derive(&seed, pqKey{})
	m, at := s.frame(nil, len(text), field)
	cbc.Seal(m[at:at+cbc.Size(len(text))], &k.cipher, &k.iv, []byte(text))
	tag := k.tag(s.rec.LocalIdentity, s.rec.RemoteIdentity, m)
	return append(m, tag[:]...)
}

// willing makes a fresh State one that would do without the post-quantum half: one of a client of
// 2025.
func willing(t testing.TB, s *State) {
	t.Helper()
	least := []byte{0x18, 1} // of the negotiation: the minimum version
	at := bytes.Index(s.rec.PQ, least)
	require.Positive(t, at)
	s.rec.PQ = bytes.Clone(s.rec.PQ)
	s.rec.PQ[at+1] = 0
	s.pq, s.decoded = spqr.State{}, false
}

// TestKeylessRefused: once a message with a post-quantum key was received, one without is refused
// on every chain, and accepted if that was asked for.
func TestKeylessRefused(t *testing.T) {
	for rounds := range 7 {
		a, b := pair(t, wire.V4)
		var first *State // of the initiator, on its first chain
		for range rounds {
			exchange(t, a, b, []byte("x"))
			if first == nil {
				first = clone(t, a)
			}
			exchange(t, b, a, []byte("y"))
		}
		exchange(t, a, b, []byte("z"))
		if first == nil {
			first = clone(t, a)
		}
		for _, x := range []struct {
			name     string
			from, to *State
			heard    bool
		}{{"to the responder", a, b, true}, {"on the first chain", first, b, true}, {"to the initiator", b, a, rounds > 0}} {
			for _, field := range keylessFields {
				m := forgeKeyless(t, x.from, field, "not mine")
				if field[0] == 1 && x.to.rec.FindReceiver(x.from.rec.Sender.RatchetKey) != nil || x.from != first {
					lax := clone(t, x.to)
					lax.AcceptKeyless(true)
					if field[0] == 1 {
						mustDecrypt(t, lax, m, "not mine")
					}
				}
				if x.heard {
					mustRefuse(t, x.to, m)
				} else if field[0] == 1 { // nothing was received yet
					mustDecrypt(t, clone(t, x.to), m, "not mine")
				}
			}
		}
	}
}

// TestKeylessRestart: what a State refuses follows from its stored form.
func TestKeylessRestart(t *testing.T) {
	a, b := pair(t, wire.V4)
	exchange(t, a, b, []byte("x"))
	mustRefuse(t, clone(t, b), forgeKeyless(t, a, keylessFields[0], "not mine"))
}

// TestKeylessEpochs: also when the first epoch is gone, and nothing was received in those that are
// left.
func TestKeylessEpochs(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred messages")
	}
	a, b := pair(t, wire.V4)
	for i := range 400 {
		exchange(t, a, b, []byte("x"))
		exchange(t, b, a, []byte("y"))
		if i%20 == 0 {
			mustRefuse(t, a, forgeKeyless(t, b, keylessFields[0], "not mine"))
			mustRefuse(t, b, forgeKeyless(t, a, keylessFields[0], "not mine"))
		}
	}
	_, early := b.pq.Early()
	require.False(t, early)
}

// TestKeylessFirstFlight: a client that may yet do without writes without a key until it has heard
// from us. Its messages open whenever they arrive, also after later ones that have keys.
func TestKeylessFirstFlight(t *testing.T) {
	for flight := 1; flight <= 3; flight++ {
		for turns := range 6 {
			a, b := pair(t, wire.V4)
			willing(t, a)
			late := batch(t, a, flight+1)
			mustDecrypt(t, b, late[0], "0")
			for i := range turns {
				exchange(t, b, a, fmt.Append(nil, "answer ", i))
				exchange(t, a, b, fmt.Append(nil, "with a key ", i))
				exchange(t, a, b, []byte("another"))
			}
			require.Equal(t, turns > 0, b.pq.Keyed())
			if turns > 0 { // the chain is told from others
				mustRefuse(t, b, forgeKeyless(t, a, keylessFields[0], "not mine"))
			}
			for i := flight; i > 0; i-- {
				if turns < maxReceivers-1 {
					mustDecrypt(t, b, late[i], fmt.Sprint(i))
				} else { // whether it is the first chain cannot be told any more
					mustRefuse(t, b, late[i])
				}
			}
		}
	}
}
