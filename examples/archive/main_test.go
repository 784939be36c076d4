package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/examples/internal/tell/telltest"
)

// The desk has all that was said until its mandate ended, the past included, by copies alone; it
// derives nothing and forges nothing.
func TestMeaning(t *testing.T) {
	r, err := story(context.Background())
	require.NoError(t, err)
	for _, m := range r.Messages {
		if m.I < 4 {
			require.Equal(t, []string{desk}, m.ReadableBy, "message %d", m.I)
		} else {
			require.Empty(t, m.ReadableBy, "message %d", m.I)
		}
		require.Empty(t, m.ForgeableBy)
	}
	given := 0
	for _, e := range r.Evidence {
		if e.Kind == "witness" && strings.HasPrefix(e.Claim, desk) {
			require.NotContains(t, e.Claim, "reads", e.ID)
			if strings.Contains(e.Claim, "was given message") {
				given++
			}
		}
	}
	require.Equal(t, 4, given)
	require.True(t, wire(r))
	require.False(t, ends(r))
	telltest.Languages(t, run)
}
