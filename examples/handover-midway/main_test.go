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

func past(t *testing.T, oneTime bool) (list []int) {
	r, err := story(context.Background(), oneTime)
	require.NoError(t, err)
	for _, m := range r.Messages {
		require.NotContains(t, m.ReadableBy, tell.Platform)
		if m.I >= before {
			require.Contains(t, m.ReadableBy, tell.Provider, "message %d", m.I)
		} else if slices.Contains(m.ReadableBy, tell.Provider) {
			list = append(list, m.I)
		}
	}
	require.Equal(t, custodian.Lost, r.Find("G1", tell.Provider).Result())
	require.Equal(t, len(list), r.Find("G1", tell.Provider).Messages())
	return list
}

// Of what was written before, the provider reads what was on its way, and the first flight where no
// one-time prekey protects it.
func TestMeaning(t *testing.T) {
	require.Equal(t, []int{late}, past(t, true))
	opened := past(t, false)
	require.Contains(t, opened, 0)
	require.Contains(t, opened, late)
	require.Less(t, len(opened), 4)
	telltest.Languages(t, run)
}
