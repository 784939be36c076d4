package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
	"signet.example/signet/examples/internal/tell/telltest"
)

// The operator reads nothing while the host is somebody else, and everything when the two are one.
func TestMeaning(t *testing.T) {
	for _, merged := range []bool{false, true} {
		r, err := story(context.Background(), merged)
		require.NoError(t, err)
		want := custodian.Held
		if merged {
			want = custodian.Lost
		}
		for _, id := range []string{"G2", "G6", "G7"} {
			require.Equal(t, custodian.Lost, r.Find(id, host).Result(), id)
			require.Equal(t, want, r.Find(id, tell.Platform).Result(), id)
		}
		for _, m := range r.Messages {
			require.Contains(t, m.ReadableBy, host)
			if merged {
				require.Contains(t, m.ReadableBy, tell.Platform)
			} else {
				require.NotContains(t, m.ReadableBy, tell.Platform)
			}
		}
	}
	telltest.Languages(t, run)
}
