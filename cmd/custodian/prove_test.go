package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProve: the questions of a scenario and of its bundle are the same files, by each of the
// commands.
func TestProve(t *testing.T) {
	const scenario = "../../examples/scenarios/handover.json"
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ok := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		require.Zero(t, command(args, &out, &errs), errs.String())
		return out.String()
	}
	require.Contains(t, ok("prove", at("a"), scenario), "each with a proof")
	ok("run", "-dimacs", at("b"), "-bundle", at("bundle.tar"), scenario)
	require.Contains(t, ok("verify", "-dimacs", at("c"), at("bundle.tar")), "verified: publishable bundle")
	require.Contains(t, ok("prove", at("d"), at("bundle.tar")), "each with a model")
	files, err := os.ReadDir(at("a"))
	require.NoError(t, err)
	require.Greater(t, len(files), 20)
	for _, other := range []string{"b", "c", "d"} {
		list, err := os.ReadDir(at(other))
		require.NoError(t, err)
		require.Len(t, list, len(files), other)
		for _, f := range files {
			one, err := os.ReadFile(filepath.Join(at("a"), f.Name()))
			require.NoError(t, err)
			two, err := os.ReadFile(filepath.Join(at(other), f.Name()))
			require.NoError(t, err)
			require.Equal(t, string(one), string(two), "%s/%s", other, f.Name())
		}
	}

	require.Contains(t, ok("prove", "-only", "reads-000?.acme-cloud", at("e"), scenario), "10 questions: ")
	for _, wrong := range [][]string{
		{"prove", at("a"), scenario}, // not empty
		{"prove", at("f")},
		{"prove", "-only", "[", at("f"), scenario},
		{"prove", at("f"), at("none.json")},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, 1, command(wrong, &out, &errs), wrong)
		require.NoDirExists(t, at("f"))
	}
	b, err := os.ReadFile(at("bundle.tar"))
	require.NoError(t, err)
	b[len(b)/2] ^= 1
	require.NoError(t, os.WriteFile(at("other.tar"), b, 0o600))
	var out, errs bytes.Buffer
	require.Equal(t, 1, command([]string{"prove", at("f"), at("other.tar")}, &out, &errs))
	require.NoDirExists(t, at("f"))
}
