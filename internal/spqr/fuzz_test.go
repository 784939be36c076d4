package spqr

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/entropy"
)

// FuzzState gives stored states of any content to everything that reads one: an error or a state,
// never a panic, and never a change of the input.
func FuzzState(f *testing.F) {
	var records struct {
		Records map[string]struct {
			State hexData `json:"pq_state"`
		} `json:"records"`
	}
	load(f, "spqr-session-records.json", &records)
	message := append([]byte{1, 1, 60, 5, 3}, make([]byte, 32)...)
	for _, r := range records.Records {
		f.Add([]byte(r.State), message)
	}
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, stored, wire []byte) {
		b, check := guarded(t, stored)
		defer check()
		var s, again state
		if s.parse(b) != nil {
			_, _, _, err := Recv(b, wire)
			require.Error(t, err)
			return
		}
		canonical := s.marshal()
		require.NoError(t, again.parse(canonical))
		require.Equal(t, canonical, again.marshal())
		if next, _, _, _, err := Send(entropy.Seeded([32]byte{}), b); err == nil {
			require.NoError(t, new(state).parse(next))
		}
		if s.chain.limits.jump() > 1<<16 || s.negotiation.limits.jump() > 1<<16 {
			return // as many derivations as the message asks for would be right, and slow
		}
		if next, _, _, err := Recv(b, wire); err == nil {
			require.NoError(t, new(state).parse(next))
		}
		_, _ = Inspect(b)
	})
}

// FuzzRecv gives any message to both ends of a session, in a phase that the script chooses.
func FuzzRecv(f *testing.F) {
	f.Add(uint8(0), []byte{1, 1, 1, 0})
	f.Add(uint8(9), append([]byte{1, 1, 9, 5, 2}, make([]byte, 32)...))
	f.Add(uint8(90), []byte{1, 2, 1, 0})
	f.Fuzz(func(t *testing.T, steps uint8, wire []byte) {
		a, b := newPair(t, 12)
		for range steps % 100 {
			b.recv(a.send())
			a.recv(b.send())
		}
		for _, p := range []*party{a, b} {
			before := bytes.Clone(p.state)
			if _, _, err := p.try(wire); err != nil {
				require.Equal(t, before, p.state)
				continue
			}
			p.inspect()
		}
	})
}

// FuzzConversation lets the bytes choose who sends, and what is lost, reordered and repeated. The
// model is the set of keys that were used.
func FuzzConversation(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3})
	f.Add(bytes.Repeat([]byte{0, 2, 1, 3}, 200))
	f.Add(bytes.Repeat([]byte{0, 0, 6, 1, 3, 7, 4, 1, 0, 2, 10, 1, 3, 5}, 60))
	f.Fuzz(func(t *testing.T, script []byte) {
		a, b := newPair(t, 13)
		ends := [2]*party{a, b}
		var flying [2][]letter
		used := [2]map[[32]byte]bool{{}, {}}
		for _, c := range script[:min(len(script), 800)] {
			who, arg := int(c&1), int(c>>2)
			if c&2 == 0 { // send; some are lost
				l := ends[who].send()
				require.True(t, l.ok)
				if arg%16 != 15 {
					flying[1-who] = append(flying[1-who], l)
				}
				continue
			}
			n := len(flying[who])
			if n == 0 {
				continue
			}
			i := arg % min(n, 8)
			l := flying[who][i]
			if arg < 56 { // else it stays, and comes again
				flying[who] = append(flying[who][:i:i], flying[who][i+1:]...)
			}
			key, ok, err := ends[who].try(l.wire)
			if used[who][l.key] {
				require.Error(t, err)
				continue
			}
			if err != nil { // too late for its epoch
				require.ErrorContains(t, err, "epoch not in valid range")
				require.Less(t, uint64(l.wire[1])+1, ends[who].inspect().Epoch)
				continue
			}
			require.True(t, ok)
			require.Equal(t, l.key, key)
			used[who][key] = true
		}
	})
}
