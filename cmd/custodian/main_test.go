package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommand(t *testing.T) {
	const scenarios = "../../examples/scenarios/"
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"format":"custody-scenario-v1","protocol":4,"script":[{"send":"nobody"}]}`), 0o600))
	notice := filepath.Join(t.TempDir(), "notice.json")
	require.NoError(t, os.WriteFile(notice, []byte(`{"format":"custody-scenario-v1","protocol":4,"script":[{"notice":{"statement":{}}}]}`), 0o600))
	for _, c := range []struct {
		args []string
		code int
		out  string
		errs string
	}{
		{nil, 1, "", "usage"},
		{[]string{"dance"}, 1, "", "usage"},
		{[]string{"run"}, 1, "", "usage"},
		{[]string{"run", "-lang", "de", bad}, 1, "", "usage"},
		{[]string{"run", "-nonsense", bad}, 1, "", "nonsense"},
		{[]string{"run", "missing.json"}, 1, "", "missing.json"},
		{[]string{"run", "-json", bad}, 2, "", "script[0].send"},
		{[]string{"run", notice}, 0, "end-to-end encrypted", ""},
		{[]string{"run", scenarios + "self.json"}, 0, "end-to-end encrypted", ""},
		{[]string{"run", "-lang", "fr", scenarios + "hosted.json"}, 0, "PERDU", ""},
		{[]string{"run", scenarios + "hosted.json"}, 0, "acme-cloud could read 4 of 4 messages, between 0 and 3", ""},
		{[]string{"run", "-all", scenarios + "hosted.json"}, 0, "\nLimits\n", ""},
		{[]string{"run", "-json", scenarios + "hosted.json"}, 0, `"custody-report-v1"`, ""},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, c.code, command(c.args, &out, &errs), c.args)
		require.Contains(t, out.String(), c.out)
		require.Contains(t, errs.String(), c.errs)
		for _, line := range bytes.Split(out.Bytes(), []byte("\n")) {
			if len(c.args) > 1 && c.args[1] != "-json" {
				require.LessOrEqual(t, len([]rune(string(line))), 80, "%s", line)
			}
		}
	}
}

// TestFormat: the fields of a report are those of the fixed format, in its order.
func TestFormat(t *testing.T) {
	var out, errs bytes.Buffer
	require.Zero(t, command([]string{"run", "-json", "../../examples/scenarios/hosted.json"}, &out, &errs))
	d := json.NewDecoder(&out)
	var keys []string
	depth := 0
	for {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if s, ok := tok.(string); ok && depth == 1 && len(keys) < 20 {
			keys = append(keys, s)
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	for _, k := range []string{"format", "tool", "scenario", "assumptions", "messages", "injections", "verdicts", "notice", "evidence", "limits"} {
		require.Contains(t, keys, k)
	}
}

// TestVerify: a bundle that run wrote verifies; with a byte changed it does not.
func TestVerify(t *testing.T) {
	for _, flags := range [][]string{nil, {"-lab"}} {
		path := filepath.Join(t.TempDir(), "bundle.tar")
		var out, errs bytes.Buffer
		args := append([]string{"run", "-bundle", path}, flags...)
		require.Zero(t, command(append(args, "../../examples/scenarios/handover.json"), &out, &errs), errs.String())
		out.Reset()
		require.Zero(t, command([]string{"verify", path}, &out, &errs), errs.String())
		require.Contains(t, out.String(), "verified: ")
		require.Contains(t, out.String(), map[bool]string{false: "not to be played again", true: "the same bytes"}[flags != nil])
		require.Regexp(t, `(?m)^acme-cloud could read \d+ of \d+ messages, between \d+ and \d+, and write to the$`, out.String())
		require.Regexp(t, `G2 +lost +\d+/\d+ +`, out.String())
		require.Contains(t, out.String(), "It cannot show that nothing was\n  left out")
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, len(line), 102, line)
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		b[len(b)/2] ^= 1
		require.NoError(t, os.WriteFile(path, b, 0o600))
		require.Equal(t, 1, command([]string{"verify", path}, &out, &errs))
	}
	var out, errs bytes.Buffer
	require.Equal(t, 1, command([]string{"verify", "missing.tar"}, &out, &errs))
	require.Equal(t, 1, command([]string{"verify"}, &out, &errs))
	require.Equal(t, 1, command([]string{"run", "-lab", "x.json"}, &out, &errs))
}
