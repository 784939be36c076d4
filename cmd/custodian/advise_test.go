package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDiffAndAdvise: both commands answer in both languages and as JSON, and refuse what is no
// question.
func TestDiffAndAdvise(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		out  string
		errs string
	}{
		{[]string{"diff"}, 1, "", "usage"},
		{[]string{"diff", shipped + "self.json"}, 1, "", "usage"},
		{[]string{"diff", shipped + "self.json", "missing.json"}, 1, "", "missing.json"},
		{[]string{"diff", "-without", "handover:rot", shipped + "handover.json"}, 1, "", "handover:rot"},
		{[]string{"diff", "-without", "handover:root", shipped + "handover.json"}, 0, "because of handover:root.", ""},
		{[]string{"diff", "-lang", "fr", "-without", "notices:sending-chain", shipped + "quota.json"}, 0, "à cause de notices:chaîne d'envoi.", ""},
		{[]string{"diff", shipped + "self.json", shipped + "self.json"}, 0, "No verdict differs.", ""},
		{[]string{"advise", shipped + "self.json"}, 1, "", "usage"},
		{[]string{"advise", "-want", "G99", shipped + "self.json"}, 1, "", "no verdict about G99"},
		{[]string{"advise", "-want", "G2", shipped + "self.json"}, 0, "it holds already", ""},
		{[]string{"advise", "-want", "G6", "-lang", "fr", shipped + "quota.json"}, 0, "notices: chaîne d'envoi", ""},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, c.code, command(c.args, &out, &errs), "%v: %s", c.args, errs.String())
		require.Contains(t, out.String(), c.out)
		require.Contains(t, errs.String(), c.errs)
	}
	for _, args := range [][]string{
		{"advise", "-json", "-want", "G2,G6", shipped + "handover.json"},
		{"diff", "-json", "-without", "handover:root", shipped + "handover.json"},
	} {
		var out, errs bytes.Buffer
		require.Zero(t, command(args, &out, &errs), errs.String())
		require.True(t, json.Valid(out.Bytes()))
	}
}
