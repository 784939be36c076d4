// Package telltest tests what examples write.
package telltest

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"signet.example/signet/examples/internal/tell"
)

// english finds words that no French sentence has.
var english = regexp.MustCompile(`(?i)\b(the|and|of|with|can|could|cannot|was|were|is|are|this|that|which|who|from|to|not|held|lost|unknown|evidence|reads?|read|write|writes|messages? (sent|of|that))\b`)

// Languages reads an example in both languages: it has something to say in each, in lines that fit,
// and its French has no English in it.
func Languages(t *testing.T, run tell.Program) {
	en, err := tell.Read(run, "en")
	require.NoError(t, err)
	fr, err := tell.Read(run, "fr")
	require.NoError(t, err)
	require.NotEmpty(t, en)
	require.NotEqual(t, en, fr)
	require.Equal(t, strings.Count(en, "[evidence:"), strings.Count(fr, "[preuves:"))
	for line := range strings.Lines(en + fr) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), tell.Width+1, line)
	}
	for line := range strings.Lines(fr) {
		require.Empty(t, english.FindString(line), line)
	}
	_, err = tell.Read(run, "xx")
	require.Error(t, err)
}
