package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/sweep"
)

// result plays the small plan with few repetitions and writes the result.
func result(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "examples", "plans", "small.json"))
	require.NoError(t, err)
	plan, err := sweep.ParsePlan(b)
	require.NoError(t, err)
	for i := range plan.Grids {
		plan.Grids[i].Repetitions = min(plan.Grids[i].Repetitions, 20)
	}
	g := &plan.Grids[0]
	g.Delegations, g.Patterns, g.Loss, g.Revocations, g.Repetitions = g.Delegations[:2], g.Patterns[:1], []float64{0}, g.Revocations[:1], 1
	plan.Windows.Repetitions, plan.Population.Conversations = 20, 100
	r, err := sweep.Run(context.Background(), plan, nil)
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "result.json")
	var out bytes.Buffer
	require.NoError(t, r.WriteJSON(&out))
	require.NoError(t, os.WriteFile(name, out.Bytes(), 0o600))
	return name
}

// TestFigures: every figure is drawn from the small plan, in both forms, and is small.
func TestFigures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "figures")
	var out bytes.Buffer
	require.NoError(t, run([]string{"-out", dir, result(t)}, &out, io.Discard))
	for _, x := range figures {
		require.Contains(t, out.String(), x.name+": ")
		for _, kind := range []string{".svg", ".png"} {
			info, err := os.Stat(filepath.Join(dir, x.name+kind))
			require.NoError(t, err)
			require.Greater(t, info.Size(), int64(2000), x.name+kind)
			require.Less(t, info.Size(), int64(300_000), x.name+kind)
		}
	}
}

// TestNothingToDraw: what a result does not have is not drawn.
func TestNothingToDraw(t *testing.T) {
	name := filepath.Join(t.TempDir(), "empty.json")
	b, err := json.Marshal(sweep.Result{Format: "custody-sweep-result-v1"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, b, 0o600))
	var out bytes.Buffer
	require.NoError(t, run([]string{"-out", t.TempDir(), name}, &out, io.Discard))
	require.Empty(t, out.String())

	require.NoError(t, os.WriteFile(name, []byte(`{"format":"something else"}`), 0o600))
	require.ErrorContains(t, run([]string{name}, io.Discard, io.Discard), "is not what")
	require.ErrorContains(t, run(nil, io.Discard, io.Discard), "usage")
}
