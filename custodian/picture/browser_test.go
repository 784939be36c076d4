package picture

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var shots = flag.String("shots", "", "keep pictures of the pages, and what is printed, in this directory")

// browser returns a command that looks at pages, or skips the test if a part of it is missing.
// Where everything is checked, nothing may be missing.
func browser(t *testing.T) func(args ...string) *exec.Cmd {
	skip := t.Skip
	if os.Getenv("CI") == "true" {
		skip = t.Fatal
	}
	node, err := exec.LookPath("node")
	if err != nil {
		skip("node is not installed: the pages are not looked at")
	}
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = path
		}
	}
	if chromium == "" {
		skip("chromium is not installed: the pages are not looked at")
	}
	if _, err := os.Stat("browser/node_modules/playwright-core"); err != nil {
		skip("run npm ci in custodian/picture/browser: the pages are not looked at")
	}
	return func(args ...string) *exec.Cmd {
		return exec.Command(node, append([]string{"browser/look.mjs", chromium}, args...)...)
	}
}

// TestInABrowser opens pages in a real browser, wide and narrow, light and dark, folded and
// unfolded, and prints them: no texts meet, nothing leaves its box or the screen, nothing is
// fetched, and axe-core finds no violation.
func TestInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	look := browser(t)
	dir := t.TempDir()
	args := []string{}
	if *shots != "" {
		args = append(args, "-shots", *shots)
	}
	for name, page := range map[string]string{
		"picture": draw(t, read(t, "picture"), "en"),
		"crowded": draw(t, crowded(70), "fr"),
	} {
		path := filepath.Join(dir, name+".html")
		require.NoError(t, os.WriteFile(path, []byte(page), 0o600))
		args = append(args, path)
	}
	cmd := look(args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var seen struct {
		Texts, Rules int
		Wrong        []string
		Pages        []struct {
			Name   string
			Pages  int
			Sheets []string
		}
	}
	require.NoError(t, json.Unmarshal(out, &seen))
	require.Empty(t, seen.Wrong)
	require.Greater(t, seen.Texts, 5000, "texts were looked at")
	require.Greater(t, seen.Rules, 100, "rules of axe-core that something passed")
	require.Len(t, seen.Pages, 2)
	for _, p := range seen.Pages {
		require.Len(t, p.Sheets, 1, "all sheets are alike: %s", p.Name)
		require.Contains(t, p.Sheets[0], "841", "A4, across")
		require.Positive(t, p.Pages)
		if p.Name == "picture.html" {
			require.LessOrEqual(t, p.Pages, 14, "sheets of the short one")
		}
	}
}
