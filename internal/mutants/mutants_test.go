package mutants

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	table, err := Parse(strings.NewReader("# why\n\nA1 a.go -short\n-\tone\n-two\n+\tONE\nB2 none it is long\nA1 b/c.go\n-x\n+\n"))
	require.NoError(t, err)
	require.Equal(t, []Mutant{
		{Row: "A1", File: "a.go", Args: []string{"-short"}, Old: "\tone\ntwo", New: "\tONE"},
		{Row: "A1", File: "b/c.go", Args: []string{}, Old: "x"},
	}, table.Mutants)
	require.Equal(t, map[string]string{"B2": "it is long"}, table.None)
	for _, bad := range []string{
		"A1\n", "A1 a\n", "A1 none\n", "-x\n", "+x\n", "A1 a.go\n", "A1 a.go\n+x\n", "A1 a.go\n-x\n", "A1 a.go\n-x\n+x\n", "A1 a.go\n-x\n+y\n-z\n",
	} {
		_, err := Parse(strings.NewReader(bad))
		if bad == "A1 a.go\n-x\n" { // what is there goes
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, "%q", bad)
	}
}

func TestApply(t *testing.T) {
	top := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(top, "a.go"), []byte("one two two"), 0o600))
	b, err := (&Mutant{File: "a.go", Old: "one", New: "1"}).Apply(top)
	require.NoError(t, err)
	require.Equal(t, "1 two two", string(b))
	for _, m := range []Mutant{{File: "a.go", Old: "two"}, {File: "a.go", Old: "three"}, {File: "b.go", Old: "one"}} {
		_, err := m.Apply(top)
		require.Error(t, err)
	}
}
