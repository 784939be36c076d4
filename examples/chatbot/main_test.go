package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell/telltest"
)

// The same words travel both times; only the place of the bot differs.
func TestMeaning(t *testing.T) {
	for _, away := range []bool{false, true} {
		r, err := story(context.Background(), away)
		require.NoError(t, err)
		require.Len(t, r.Messages, 2*len(questions))
		want, notice, readers := custodian.Held, "e2ee", 0
		if away {
			want, notice, readers = custodian.Lost, "managed", 1
		}
		for _, id := range []string{"G2", "G5", "G6", "G7"} {
			require.Equal(t, want, r.Find(id, house).Result(), id)
		}
		for _, m := range r.Messages {
			require.Len(t, m.ReadableBy, readers)
		}
		require.Equal(t, notice, r.Notice.State)
	}
	telltest.Languages(t, run)
}
