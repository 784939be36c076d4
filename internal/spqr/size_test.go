package spqr

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSize: the estimate is an upper bound, and not a waste, in every phase.
func TestSize(t *testing.T) {
	a, b := newPair(t, 12)
	seen := map[Phase]bool{}
	for range 400 {
		for _, p := range []*party{a, b} {
			s := p.parsed()
			seen[s.braid.phase] = true
			require.GreaterOrEqual(t, s.size(), len(p.state))
			require.Less(t, s.size(), len(p.state)+256)
		}
		b.recv(a.send())
		a.recv(b.send())
	}
	require.GreaterOrEqual(t, len(seen), 10, "all phases but the one that takes loss to see")
}
