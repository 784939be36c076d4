package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/mutants"
)

var testCited = regexp.MustCompile("`([a-z0-9./]+):((?:Test|Fuzz|Example)[A-Za-z0-9_]*)`")

// TestThreatModel: every test that docs/threat-model.md cites is there, and every claim cites one
// or says with a dash that none can show it.
func TestThreatModel(t *testing.T) {
	top := root(t)
	b, err := os.ReadFile(filepath.Join(top, "docs", "threat-model.md"))
	require.NoError(t, err)
	cited := testCited.FindAllStringSubmatch(string(b), -1)
	require.Greater(t, len(cited), 50)
	for _, c := range cited {
		if !declared(t, filepath.Join(top, filepath.FromSlash(c[1])), c[2]) {
			t.Errorf("docs/threat-model.md: %s has no %s", c[1], c[2])
		}
	}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) == 3 && cells[2] == "test" {
			continue
		}
		require.Len(t, cells, 3, line)
		if !testCited.MatchString(cells[2]) && cells[2] != "–" {
			t.Errorf("docs/threat-model.md: a claim without a test: %s", line)
		}
	}
}

// declared reports whether a test of this name is in one of the directory's test files.
func declared(t *testing.T, dir, name string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, f := range files {
		code, err := os.ReadFile(f)
		require.NoError(t, err)
		if strings.Contains(string(code), "func "+name+"(") {
			return true
		}
	}
	return false
}

// TestHoles: what internal/adversary puts back is found once where it is looked for, so that who
// moves the code moves the hole.
func TestHoles(t *testing.T) {
	top := root(t)
	f, err := os.Open(filepath.Join(top, "internal", "adversary", "testdata", "holes.txt"))
	require.NoError(t, err)
	defer f.Close()
	table, err := mutants.Parse(f)
	require.NoError(t, err)
	require.NotEmpty(t, table.Mutants)
	for _, m := range table.Mutants {
		if _, err := m.Apply(top); err != nil {
			t.Errorf("internal/adversary/testdata/holes.txt: %v", err)
		}
	}
}
