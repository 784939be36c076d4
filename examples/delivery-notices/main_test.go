package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
	"signet.example/signet/examples/internal/tell/telltest"
)

// Three notices are believed, the fourth is not, and nothing that others wrote is read.
func TestMeaning(t *testing.T) {
	r, err := story(context.Background())
	require.NoError(t, err)
	require.Len(t, r.Injections, len(notices))
	for i, in := range r.Injections {
		require.Equal(t, i < 3, in.Accepted, "notice %d", i)
		require.NotEmpty(t, in.Evidence)
	}
	for _, m := range r.Messages {
		require.Empty(t, m.ReadableBy, "message %d", m.I)
		require.True(t, m.Delivered)
	}
	require.Equal(t, custodian.Held, r.Find("G2", tell.Provider).Result())
	require.Equal(t, custodian.Lost, r.Find("G6", tell.Provider).Result())
	require.Equal(t, custodian.Held, r.Find("G7", tell.Provider).Result())
	telltest.Languages(t, run)
}
