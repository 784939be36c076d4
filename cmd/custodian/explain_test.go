package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const shipped = "../../examples/scenarios/"

// TestExplain: the command answers both ways, in both languages and as JSON.
func TestExplain(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"format":"custody-scenario-v1","protocol":4,"script":[{"send":"nobody"}]}`), 0o600))
	for _, c := range []struct {
		args []string
		code int
		out  string
		errs string
	}{
		{[]string{}, 1, "", "usage"},
		{[]string{"-lang", "de", shipped + "handover.json"}, 1, "", "usage"},
		{[]string{"-nonsense"}, 1, "", "nonsense"},
		{[]string{bad}, 2, "", "script[0].send"},
		{[]string{"-message", "99", shipped + "handover.json"}, 1, "", "no message 99"},
		{[]string{"-principal", "nobody", shipped + "handover.json"}, 1, "", `no principal "nobody"`},
		{[]string{shipped + "handover.json"}, 0, "acme-cloud can read message 4.", ""},
		{[]string{"-forge", "-message", "5", shipped + "handover.json"}, 0, "R13", ""},
		{[]string{"-message", "9", "-lang", "fr", shipped + "handover.json"}, 0, "Ce qui manque au plus près", ""},
		{[]string{"-quantum", "-message", "1", shipped + "self.json"}, 0, "platform with a quantum computer cannot read message 1.", ""},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, c.code, command(append([]string{"explain"}, c.args...), &out, &errs), "%v: %s", c.args, errs.String())
		require.Contains(t, out.String(), c.out)
		require.Contains(t, errs.String(), c.errs)
	}
	var out, errs bytes.Buffer
	require.Zero(t, command([]string{"explain", "-json", shipped + "handover.json"}, &out, &errs))
	var x struct {
		Goal    string
		Follows bool
		Steps   []struct{ Rule string }
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &x))
	require.True(t, x.Follows)
	require.Equal(t, "plaintext(4)", x.Goal)
	require.Greater(t, len(x.Steps), 5)
}
