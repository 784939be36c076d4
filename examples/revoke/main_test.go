package main

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
	"signet.example/signet/examples/internal/tell/telltest"
)

// Without a barrier the former provider is believed, and may be for some messages more; with it
// never again in the shop's name, and the late message is its price.
func TestMeaning(t *testing.T) {
	for _, barrier := range []bool{false, true} {
		r, err := story(context.Background(), barrier)
		require.NoError(t, err)
		require.Equal(t, !barrier, r.Injections[0].Accepted)
		require.Equal(t, !barrier, r.Messages[late].Delivered)
		forgeable := slices.ContainsFunc(r.Messages[late+1:], func(m custodian.MessageReport) bool {
			return m.From == custodian.Business && slices.Contains(m.ForgeableBy, tell.Provider)
		})
		require.Equal(t, !barrier, forgeable)
	}
	telltest.Languages(t, run)
}
