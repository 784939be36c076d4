package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var row = regexp.MustCompile("(?m)^\\| ([A-Z]+[0-9]+) \\| .* \\| `([^`]*):([^`]*)` \\| `([^`]*):([^`]*)` \\|$")

// TestValidation: what docs/validation.md cites is there.
func TestValidation(t *testing.T) {
	top := root(t)
	b, err := os.ReadFile(filepath.Join(top, "docs", "validation.md"))
	require.NoError(t, err)
	rows := row.FindAllStringSubmatch(string(b), -1)
	require.Equal(t, strings.Count(string(b), "\n| "), len(rows)+strings.Count(string(b), "\n| id |"), "every row has the form of a row")
	seen := map[string]bool{}
	for _, r := range rows {
		id, file, name, dir, test := r[1], r[2], r[3], r[4], r[5]
		require.False(t, seen[id], "%s twice", id)
		seen[id] = true
		code, err := os.ReadFile(filepath.Join(top, file))
		require.NoError(t, err, id)
		declares := regexp.MustCompile(`(?m)(^(func|var|type|const) |^\t)(\([^)]*\) )?` + name + `\b`)
		if !declares.Match(code) {
			t.Errorf("%s: %s declares no %s", id, file, name)
		}
		if !declared(t, filepath.Join(top, dir), test) {
			t.Errorf("%s: %s has no %s", id, dir, test)
		}
	}
	require.Greater(t, len(rows), 80)
}
