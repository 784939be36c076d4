package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/bench/internal/ops"
)

// document is the JSON as its readers know it: no other fields.
type document struct {
	Rows []struct {
		Op     string `json:"op"`
		Impl   string `json:"impl"`
		Nanos  *int64 `json:"ns"`
		Allocs *int64 `json:"allocs"`
		Bytes  *int64 `json:"bytes"`
	} `json:"rows"`
}

func parseJSON(t *testing.T, b []byte) (d document) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&d))
	for _, r := range d.Rows {
		require.NotEmpty(t, r.Op)
		require.Contains(t, []string{measure.Signet, measure.Gomau, measure.Official, measure.Floor}, r.Impl)
		require.NotNil(t, r.Nanos)
		require.NotNil(t, r.Allocs)
		require.NotNil(t, r.Bytes)
		require.Positive(t, *r.Nanos)
	}
	return d
}

// TestQuick runs the program on the one-way messages, with every output.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	require.NoError(t, run([]string{
		"-quick", "-run", "^one-way-64$", "-rounds", "3", "-sample", "2ms", "-official", "no",
		"-json", filepath.Join(dir, "rows.json"), "-csv", filepath.Join(dir, "rows.csv"), "-plots", dir,
	}, &stdout, &stderr))
	require.Empty(t, stderr.String(), "no bar where there is no terminal")
	// The last is the reason for the row without figures.
	for _, text := range []string{"one-way-64", "signet-state", "floor", "debug lines", "-official=no"} {
		require.Contains(t, stdout.String(), text)
	}

	b, err := os.ReadFile(filepath.Join(dir, "rows.json"))
	require.NoError(t, err)
	d := parseJSON(t, b)
	require.Len(t, d.Rows, 3, "signet, go.mau.fi and the floor")
	for _, r := range d.Rows {
		require.Equal(t, "one-way-64", r.Op)
		require.Positive(t, *r.Allocs)
		require.Greater(t, *r.Bytes, *r.Allocs)
	}

	f, err := os.Open(filepath.Join(dir, "rows.csv"))
	require.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 1+7, "all implementations, also the one that was left out")

	for _, name := range []string{"headline.svg", "headline.png", "floor.svg", "floor.png"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Positive(t, info.Size())
	}
}

func TestJSONToStandardOutput(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.NoError(t, run([]string{
		"-run", "^(x25519|keygen)$", "-rounds", "3", "-sample", "1ms", "-official", "no", "-json", "-",
	}, &stdout, &stderr))
	d := parseJSON(t, stdout.Bytes())
	require.Len(t, d.Rows, 6)
}

// The names are an interface: others look for them.
func TestOperations(t *testing.T) {
	have := make(map[string]ops.Op)
	for _, op := range ops.All(nil, ops.Options{}) {
		require.NotContains(t, have, op.Name)
		require.NotEmpty(t, op.What)
		require.NotEmpty(t, op.Cases)
		for _, c := range op.Cases {
			require.Equal(t, op.Name, c.Op)
		}
		have[op.Name] = op
	}
	for _, name := range []string{
		"one-way-64", "one-way-1k", "one-way-64k", "ping-pong", "burst-10",
		"handshake", "handshake-initiator", "handshake-responder",
		"out-of-order-1", "out-of-order-100", "out-of-order-2000",
		"x25519", "keygen", "xeddsa-sign", "xeddsa-verify", "kem-encapsulate", "kem-decapsulate",
		"spqr-amortised", "record-decode", "record-encode", "group-64",
		"seal-1", "seal-10", "seal-100", "seal-1000",
		"custody-evaluation", "durable-encrypt-sqlite", "durable-encrypt-postgres",
		"after-10", "after-1000", "after-100000", "skipped-0", "skipped-100", "skipped-2000",
		"archived-1", "archived-40", "prekeys-100", "prekeys-1000000",
	} {
		require.Contains(t, have, name)
	}
}

func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{
		{"-run", "("}, {"-run", "no such operation"}, {"-clock", "sundial"}, {"superfluous"},
		{"-json", "-", "-csv", "-"}, {"-no-such-flag"},
	} {
		require.Error(t, run(args, new(bytes.Buffer), new(bytes.Buffer)), "%v", args)
	}
	var stdout bytes.Buffer
	require.NoError(t, run([]string{"-list", "-run", "seal"}, &stdout, new(bytes.Buffer)))
	require.Equal(t, 4, bytes.Count(stdout.Bytes(), []byte("\n")))
}
