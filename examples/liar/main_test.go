package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell/telltest"
)

// What comes of each lie, in the order of the program. The provider reads every time; only one lie
// ends in a customer who is told that nobody does, and the report finds it out.
func TestMeaning(t *testing.T) {
	want := []outcome{
		{shown: "managed", honest: custodian.Held, forged: custodian.Held},
		{shown: "e2ee", fooled: true, honest: custodian.Lost, forged: custodian.Held},
		{shown: "", honest: custodian.Unknown, forged: custodian.Unknown},
		{shown: "contradicted", honest: custodian.Lost, forged: custodian.Held},
		{shown: "unknown", honest: custodian.Lost, forged: custodian.Held},
		{shown: "managed", honest: custodian.Held, forged: custodian.Held},
		{shown: "unknown", honest: custodian.Unknown, forged: custodian.Lost},
		{shown: "unknown", honest: custodian.Unknown, forged: custodian.Unknown},
	}
	require.Len(t, lies, len(want))
	for i := range lies {
		r, err := story(context.Background(), &lies[i])
		require.NoError(t, err)
		want[i].reads = true
		require.Equal(t, want[i], judge(&lies[i], r), lies[i].name.EN)
	}
	telltest.Languages(t, run)
}
