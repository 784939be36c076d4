package session_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// TestRecordSizes publishes how large a stored session is over ten epochs of the post-quantum
// ratchet in ping-pong, nothing lost; docs/performance.md has the figures.
func TestRecordSizes(t *testing.T) {
	alice := session.NewDevice(signet.Address{Name: "alice", Device: 1}, signet.GenerateKey(), memory.New(), nil)
	bob := session.NewDevice(signet.Address{Name: "bob", Device: 1}, signet.GenerateKey(), memory.New(), nil)
	published, err := bob.PreKeys(ctx, 1)
	require.NoError(t, err)
	b, err := published.NextBundle()
	require.NoError(t, err)
	require.NoError(t, alice.Start(ctx, bob.Address(), b))
	var sizes []int
	for i := range 870 {
		from, to := alice, bob
		if i%2 == 1 {
			from, to = bob, alice
		}
		m, err := from.Encrypt(ctx, to.Address(), []byte("hello"))
		require.NoError(t, err)
		_, err = to.Decrypt(ctx, from.Address(), m)
		require.NoError(t, err)
		for _, d := range []struct{ own, peer *session.Device }{{alice, bob}, {bob, alice}} {
			r, err := d.own.Record(ctx, d.peer.Address())
			require.NoError(t, err)
			if i > 87 {
				sizes = append(sizes, len(r))
			}
		}
	}
	slices.Sort(sizes)
	median, largest := sizes[len(sizes)/2], sizes[len(sizes)-1]
	t.Logf("median %d bytes, largest %d", median, largest)
	require.InDelta(t, 5490, median, 150)
	require.InDelta(t, 6964, largest, 150)
}
