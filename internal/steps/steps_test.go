package steps

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMeter(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	m := New(1000, ctx)
	require.NoError(t, m.Walk(600))
	require.ErrorIs(t, m.Walk(401), ErrBudget)
	require.EqualValues(t, 600, m.Spent(), "what is refused is not begun")
	require.NoError(t, m.Walk(400))
	require.ErrorIs(t, m.Walk(Small+1), ErrBudget)
	for range 50 {
		require.NoError(t, m.Walk(Small), "a small walk always goes")
	}
	require.EqualValues(t, 1000+50*Small, m.Spent())
	require.ErrorIs(t, m.Walk(1<<64-1), ErrBudget)

	cancel()
	for i := range look - 1 {
		require.NoError(t, m.Step(), i)
	}
	require.ErrorIs(t, m.Step(), context.Canceled)
	require.ErrorIs(t, m.Walk(1), context.Canceled)
	require.ErrorIs(t, m.Look(), context.Canceled)

	var none *Meter
	require.NoError(t, none.Walk(1<<64-1))
	require.NoError(t, none.Allows(1<<64-1))
	require.NoError(t, none.Step())
	require.NoError(t, none.Look())
}
