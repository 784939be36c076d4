package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/examples/internal/tell"
	"signet.example/signet/examples/internal/tell/telltest"
)

// Without a reply every announcement is read and neither clock ends; with one the classical clock
// ends with it, and the quantum clock does not.
func TestMeaning(t *testing.T) {
	for _, reply := range []int{0, 1, 10, 29} {
		r, err := story(context.Background(), reply)
		require.NoError(t, err)
		h := r.Find("G5", tell.Provider).Healing()
		require.Nil(t, h.Quantum, "reply %d", reply)
		if reply == 0 {
			require.Nil(t, h.Classical)
		} else {
			require.NotNil(t, h.Classical, "reply %d", reply)
			require.Equal(t, reply+1, *h.Classical, "what was announced before the reply, and the reply")
		}
		for _, m := range r.Messages[2:] {
			open := reply == 0 || m.I <= 2+reply
			if open {
				require.Equal(t, []string{tell.Provider}, m.ReadableBy, "reply %d, message %d", reply, m.I)
			} else {
				require.Empty(t, m.ReadableBy, "reply %d, message %d", reply, m.I)
			}
		}
	}
	telltest.Languages(t, run)
}
