package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPage: -html writes the page, in the language of -lang, beside what run prints.
func TestPage(t *testing.T) {
	for lang, word := range map[string]string{"en": "Custody report", "fr": "Rapport de garde"} {
		path := filepath.Join(t.TempDir(), "page.html")
		var out, errs bytes.Buffer
		require.Zero(t, command([]string{"run", "-lang", lang, "-html", path, "../../examples/scenarios/picture.json"}, &out, &errs), errs.String())
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(b), `<html lang="`+lang+`">`)
		require.Contains(t, string(b), word)
		require.NotEmpty(t, out.String())
	}
	var out, errs bytes.Buffer
	missing := filepath.Join(t.TempDir(), "no such directory", "page.html")
	require.Equal(t, 1, command([]string{"run", "-html", missing, "../../examples/scenarios/self.json"}, &out, &errs))
	require.Contains(t, errs.String(), "page.html")
}
