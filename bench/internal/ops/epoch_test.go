package ops

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/internal/spqr"
)

// The floor does so many epochs in so many messages. That is what the ratchet really does.
func TestEpochs(t *testing.T) {
	for _, c := range []struct{ burst, turns, epochs int }{
		{1, 2 * pingPongEpoch, 2},
		{burst, 2 * burstEpoch, 2},
	} {
		key := [32]byte{1}
		from, to := spqr.Init(spqr.A2B, &key, false), spqr.Init(spqr.B2A, &key, false)
		turn := func() {
			for range c.burst {
				next, message, _, _, err := spqr.Send(nil, from)
				require.NoError(t, err)
				from = next
				to, _, _, err = spqr.Recv(to, message)
				require.NoError(t, err)
			}
			from, to = to, from
		}
		for range 100 {
			turn()
		}
		before, err := spqr.Inspect(from)
		require.NoError(t, err)
		for range 10 * c.turns {
			turn()
		}
		after, err := spqr.Inspect(from)
		require.NoError(t, err)
		require.InDelta(t, 10*c.epochs, after.Epoch-before.Epoch, 1, "bursts of %d", c.burst)
	}
}

// Every case of an operation that needs no other process and no database runs twice, so that what
// it prepares is there again the second time.
func TestCases(t *testing.T) {
	for _, op := range All(nil, Options{Quick: true, Absent: "not here"}) {
		if testing.Short() && (op.Grow != "" || op.Name == "out-of-order-2000" || op.Name == "seal-1000") {
			continue
		}
		if op.Name == "durable-encrypt-postgres" || op.Name == "after-100000" {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			for _, c := range op.Cases {
				s, err := c.Open()
				if c.Impl == measure.Official {
					require.Equal(t, measure.Skip("not here"), err)
					continue
				}
				require.NoError(t, err, c.Impl)
				for range 2 {
					require.NoError(t, s.Run(new(measure.Watch), max(1, c.Quantum)), c.Impl)
				}
				if s.Close != nil {
					require.NoError(t, s.Close(), c.Impl)
				}
			}
		})
	}
}
