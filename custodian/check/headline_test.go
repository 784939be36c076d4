package check

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTemplates: the page from which another verifier is written has all templates, in both
// languages, and no other.
func TestTemplates(t *testing.T) {
	b, err := os.ReadFile("../../docs/custody-headline.md")
	require.NoError(t, err)
	page := string(b)
	for key, x := range templates {
		require.Contains(t, page, fmt.Sprintf("| `%s` | `%s` | `%s` |\n", key, x[english], x[french]))
		require.Equal(t, strings.Count(x[english], "{"), strings.Count(x[french], "{"), key)
	}
	_, table, ok := strings.Cut(page, "| | English | French |")
	require.True(t, ok)
	require.Equal(t, len(templates)+1, strings.Count(table, "\n|"))
}
