package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/examples/internal/tell/telltest"
)

// What each claim is of each delegation, in the order of the program: own, vendor, platform, help
// desk, notices.
func TestMeaning(t *testing.T) {
	want := [][]answer{
		{right, wrong, wrong, wrong, wrong},
		{right, wrong, wrong, wrong, right},
		{silent, right, right, silent, wrong},
		{right, right, right, right, right},
	}
	require.Len(t, claims, len(want))
	for d := range delegations {
		r, err := story(context.Background(), &delegations[d])
		require.NoError(t, err)
		for i, c := range claims {
			a, evidence := c.holds(r)
			require.Equal(t, want[i][d], a, "%s: %s", c.text.EN, delegations[d].name.EN)
			require.NotEmpty(t, evidence)
		}
	}
	telltest.Languages(t, run)
}
