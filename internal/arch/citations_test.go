package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A source is a page that comments cite: by the number of a section, as in "protocol §5.6", or by
// the number of one of its traps.
type source struct {
	name, page string
	headings   map[string]bool
	traps      map[string]bool
}

var (
	heading  = regexp.MustCompile(`(?m)^#+ (?:§ ?)?([0-9]+(?:\.[0-9]+)*|[AB][0-9]+|Annex [0-9]+)[.:]? `)
	listed   = regexp.MustCompile(`(?m)^([0-9]+)\. `)
	citation = regexp.MustCompile(`\b(protocol|spqr|sealed-groups),? §([0-9]+(?:\.[0-9]+)*)((?:(?:,| and|, and|–| to) §[0-9]+(?:\.[0-9]+)*)*)`)
	more     = regexp.MustCompile(`§([0-9]+(?:\.[0-9]+)*)`)
	trap     = regexp.MustCompile(`\b(protocol|spqr|sealed-groups),? trap ([0-9]+)`)
	bareTrap = regexp.MustCompile(`\btrap [0-9]+`)
	model    = regexp.MustCompile(`\bcustody (B[0-9]+|Annex [0-9]+)`)
	oldModel = regexp.MustCompile(`\bcustody\.md\b`)
	page     = regexp.MustCompile(`\bdocs/[a-z0-9/_-]+\.md\b`)
)

func readSource(t *testing.T, top, name, file, traps string) source {
	b, err := os.ReadFile(filepath.Join(top, file))
	require.NoError(t, err)
	s := source{name: name, page: file, headings: map[string]bool{}, traps: map[string]bool{}}
	for _, m := range heading.FindAllStringSubmatch(string(b), -1) {
		s.headings[m[1]] = true
	}
	require.NotEmpty(t, s.headings, file)
	if traps == "" {
		return s
	}
	_, list, found := strings.Cut(string(b), "\n## "+traps)
	require.True(t, found, "%s has no section %q", file, traps)
	list, _, _ = strings.Cut(list, "\n## ")
	for _, m := range listed.FindAllStringSubmatch(list, -1) {
		s.traps[m[1]] = true
	}
	return s
}

// TestCitations: what a comment or a page cites is in this repository.
func TestCitations(t *testing.T) {
	top := root(t)
	sources := map[string]source{
		"protocol":      readSource(t, top, "protocol", "docs/protocol.md", "13. Traps"),
		"spqr":          readSource(t, top, "spqr", "docs/spqr.md", "19. Traps"),
		"sealed-groups": readSource(t, top, "sealed-groups", "docs/sealed-groups.md", "19. Traps"),
	}
	custody := readSource(t, top, "custody", "docs/custody-model.md", "")
	cited := 0
	for file, text := range texts(t, top) {
		for _, m := range citation.FindAllStringSubmatch(text, -1) {
			numbers := []string{m[2]}
			for _, n := range more.FindAllStringSubmatch(m[3], -1) {
				numbers = append(numbers, n[1])
			}
			for _, n := range numbers {
				cited++
				if !sources[m[1]].headings[n] {
					t.Errorf("%s: %q: %s has no section %s", file, m[0], sources[m[1]].page, n)
				}
			}
		}
		named := 0
		for _, m := range trap.FindAllStringSubmatch(text, -1) {
			cited, named = cited+1, named+1
			if !sources[m[1]].traps[m[2]] {
				t.Errorf("%s: %q: %s has no such trap", file, m[0], sources[m[1]].page)
			}
		}
		if n := len(bareTrap.FindAllString(text, -1)); n != named {
			t.Errorf("%s: a trap without the name of its page", file)
		}
		for _, m := range model.FindAllStringSubmatch(text, -1) {
			cited++
			if !custody.headings[m[1]] {
				t.Errorf("%s: %q: %s has no such section", file, m[0], custody.page)
			}
		}
		if m := oldModel.FindString(text); m != "" {
			t.Errorf("%s: %s is not in the repository; docs/custody-model.md is", file, m)
		}
		for _, m := range page.FindAllString(text, -1) {
			cited++
			if _, err := os.Stat(filepath.Join(top, m)); err != nil {
				t.Errorf("%s: %s is not there", file, m)
			}
		}
	}
	require.Greater(t, cited, 150)
}

// texts are the files whose citations count: the code, its tests and the pages that are not
// sources.
func texts(t *testing.T, top string) map[string]string {
	all := map[string]string{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		skip := strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"
		if d.IsDir() && skip && path != top {
			return filepath.SkipDir
		}
		ext := filepath.Ext(path)
		if d.IsDir() || ext != ".go" && ext != ".md" && ext != ".mjs" {
			return nil
		}
		rel, err := filepath.Rel(top, path)
		require.NoError(t, err)
		if strings.HasSuffix(rel, "citations_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		all[filepath.ToSlash(rel)] = string(b)
		return nil
	})
	require.NoError(t, err)
	return all
}

// TestMap: docs/README.md leads to every page.
func TestMap(t *testing.T) {
	top := root(t)
	index, err := os.ReadFile(filepath.Join(top, "docs", "README.md"))
	require.NoError(t, err)
	pages, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	require.NoError(t, err)
	for _, p := range pages {
		name := filepath.Base(p)
		if name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}
