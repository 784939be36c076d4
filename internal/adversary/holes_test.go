package adversary

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/mutants"
)

var holes = flag.Bool("holes", false, "put each hole of testdata/holes.txt back and see that the model finds it")

// patience is within how many steps a hole has to be found.
const patience = "100000"

// TestHolesAreFound puts the holes of testdata/holes.txt back, one at a time, and sees that
// TestService, or the matrix where the entry says so, finds each. Without -holes it only sees that
// every entry still names what is there.
func TestHolesAreFound(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "holes.txt"))
	require.NoError(t, err)
	defer f.Close()
	table, err := mutants.Parse(f)
	require.NoError(t, err)
	top, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.Greater(t, len(table.Mutants), 12)
	for _, m := range table.Mutants {
		changed, err := m.Apply(top)
		require.NoError(t, err)
		if !*holes {
			continue
		}
		t.Run(m.Row, func(t *testing.T) {
			out := opened(t, top, &m, changed)
			t.Log(found.FindString(out))
			if red := strings.Contains(out, "--- FAIL: TestService"); !red || found.FindString(out) == "" {
				t.Errorf("the model finds nothing:\n%s", tail(out))
			}
		})
	}
}

var found = regexp.MustCompile(`found after [0-9]+ steps: [^\n]*`)

// opened runs the model on a tree with the hole.
func opened(t *testing.T, top string, m *mutants.Mutant, changed []byte) string {
	dir := t.TempDir()
	file := filepath.Join(dir, "changed.go")
	require.NoError(t, os.WriteFile(file, changed, 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(top, filepath.FromSlash(m.File)): file}})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	args := append([]string{"test", "-overlay", list, "-count", "1", "-run", "^TestService$", ".", "-args", "-steps", patience}, m.Args...)
	out, _ := exec.Command("go", args...).CombinedOutput() // red is what is wanted
	return string(out)
}

func tail(out string) string {
	if len(out) > 2000 {
		return out[len(out)-2000:]
	}
	return out
}
