package spqr

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
)

// TestSize: the estimate is an upper bound, and not a waste, in every phase; what is shared does not count.
func TestSize(t *testing.T) {
	a, b := newPair(t, 12)
	seen := map[Phase]bool{}
	for range 400 {
		for _, p := range []*party{a, b} {
			s := p.parsed()
			seen[s.braid.phase] = true
			require.GreaterOrEqual(t, s.size(), len(p.state))
			require.Less(t, s.size(), len(p.state)+256)

			var live State
			require.NoError(t, live.UnmarshalBinary(p.state))
			n := live.Size(true)
			w := wire.NewSharing(make([]byte, n))
			live.Write(&w)
			require.Equal(t, p.state, join(w.Pieces(nil)))
			require.LessOrEqual(t, len(w.Result()), n)
			require.Less(t, n, len(w.Result())+256)
		}
		b.recv(a.send())
		a.recv(b.send())
	}
	require.GreaterOrEqual(t, len(seen), 10, "all phases but the one that takes loss to see")
}

func join(pieces [][]byte) (b []byte) {
	for _, p := range pieces {
		b = append(b, p...)
	}
	return b
}
