package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/sweep"
)

func TestSweepCommand(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	tiny := file("tiny.json", `{"format":"custody-sweep-v1",
		"delegations":[{"name":"copy","grants":[{"atoms":["session"],"via":"copy"}]}],
		"patterns":[{"name":"turns","kind":"alternate"}], "revocations":[{"name":"never"}],
		"grids":[{"name":"g","engine":"evaluate","delegations":["copy"],"instants":[[4,6]],"patterns":["turns"],"loss":[0],"revocations":["never"],"after":6,"repetitions":2}]}`)
	bad := file("bad.json", `{"format":"custody-sweep-v1","surprise":1}`)
	result, rows := filepath.Join(dir, "result.json"), filepath.Join(dir, "rows.csv")
	for _, c := range []struct {
		args []string
		code int
		out  string
		errs string
	}{
		{[]string{"sweep"}, 1, "", "usage"},
		{[]string{"sweep", "-json", "-", "-csv", "-", tiny}, 1, "", "usage"},
		{[]string{"sweep", filepath.Join(dir, "missing.json")}, 1, "", "missing.json"},
		{[]string{"sweep", bad}, 2, "", "surprise"},
		{[]string{"sweep", "-workers", "2", "-json", result, "-csv", rows, tiny}, 0, "copy, turns, loss 0", ""},
		{[]string{"sweep", "-csv", "-", tiny}, 0, "grid,engine,delegation", ""},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, c.code, command(c.args, &out, &errs), "%v: %s", c.args, errs.String())
		require.Contains(t, out.String(), c.out)
		require.Contains(t, errs.String(), c.errs)
	}
	b, err := os.ReadFile(result)
	require.NoError(t, err)
	var r sweep.Result
	require.NoError(t, json.Unmarshal(b, &r))
	require.EqualValues(t, 2, r.Rows[0].Runs)
	require.Equal(t, 2, r.Rows[0].Classical.Max) // one repetition hands over after each end has spoken
	require.FileExists(t, rows)
}

// TestBar: nothing is drawn where there is no terminal.
func TestBar(t *testing.T) {
	var w bytes.Buffer
	b := newBar(&w)
	b.show(1, 2)
	b.remove()
	require.Empty(t, w.String())
	b = &bar{w: &w}
	b.show(1, 2)
	require.Contains(t, w.String(), " 50 %")
	b.show(1, 2)
	require.Equal(t, 1, bytes.Count(w.Bytes(), []byte("%")), "not more often than it can be read")
	b.show(2, 2)
	require.Contains(t, w.String(), "100 %")
}
