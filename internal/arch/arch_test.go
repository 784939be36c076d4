// Package arch keeps the shape of the house: imports point one way, the pure core has no way to do
// I/O, and third parties enter by one door each.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "signet.example/signet"

// floors lists the packages from the ground up. A package imports packages of lower floors and of
// its own tree, never of its own floor or above.
var floors = [][]string{
	{"internal"},
	{"."},
	{"x3dh", "ratchet", "fingerprint", "incmac"},
	{"session"},
	{"group", "sesame"},
	{"sealed"},
	{"custodian", "store"},
	{"cmd", "examples", "bench", "interop"},
}

// pure packages turn bytes and keys into bytes and keys. What they may not import is how one does
// anything else.
var (
	pure   = []string{"x3dh", "ratchet", "fingerprint"}
	impure = []string{"context", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2", "net", "os", "sync", "syscall", "time"}
)

// doors says where a third party may be imported, and by whom.
var doors = map[string][]string{
	"filippo.io/edwards25519":       {"internal"},
	"github.com/cloudflare/circl":   {"internal"},
	"google.golang.org/protobuf":    {"internal"},
	"golang.org/x/crypto":           {"internal", "store"},
	"golang.org/x/mod":              {"custodian"},
	"golang.org/x/sys":              {"internal"},
	"golang.org/x/text":             {"custodian"},
	"go.mau.fi/libsignal":           {"bench"},
	"modernc.org/sqlite":            {"store"},
	"github.com/ncruces/go-sqlite3": {"store"},
	"github.com/jackc/pgx/v5":       {"store"},
	"github.com/stretchr/testify":   {"store"}, // storetest is a test that others run
}

// An edge is one import in a file that is not a test.
type edge struct{ file, from, to string }

func root(t *testing.T) string {
	wd, err := os.Getwd()
	require.NoError(t, err)
	return filepath.Dir(filepath.Dir(wd))
}

func edges(t *testing.T) []edge {
	var all []edge
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") && path != top {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		rel, err := filepath.Rel(top, path)
		require.NoError(t, err)
		for _, spec := range f.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			all = append(all, edge{file: rel, from: filepath.ToSlash(filepath.Dir(rel)), to: to})
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// tree is the first element of a package's path within the module, or "." for package signet
// itself.
func tree(pkg string) string {
	first, _, _ := strings.Cut(pkg, "/")
	return first
}

func floor(pkg string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, tree(pkg)) })
}

// ours returns the path of an import within the module.
func ours(to string) (string, bool) {
	if to == module {
		return ".", true
	}
	return strings.CutPrefix(to, module+"/")
}

func TestImportsPointOneWay(t *testing.T) {
	for _, e := range edges(t) {
		from := floor(e.from)
		require.NotEqual(t, -1, from, "%s: package %s has no floor", e.file, e.from)
		to, ok := ours(e.to)
		if !ok || tree(to) == tree(e.from) {
			continue
		}
		require.NotEqual(t, -1, floor(to), "%s imports %s, which has no floor", e.file, to)
		require.Greater(t, from, floor(to), "%s imports %s, which is not below it", e.file, to)
	}
}

func TestPureCore(t *testing.T) {
	for _, e := range edges(t) {
		if slices.Contains(pure, tree(e.from)) {
			require.NotContains(t, impure, e.to, "%s is in the pure core", e.file)
		}
	}
}

func TestDoors(t *testing.T) {
	for _, e := range edges(t) {
		if _, own := ours(e.to); own || !strings.Contains(strings.Split(e.to, "/")[0], ".") {
			continue // ours, or the standard library
		}
		var allowed []string
		for path, who := range doors {
			if e.to == path || strings.HasPrefix(e.to, path+"/") {
				allowed = who
			}
		}
		if tree(e.from) == "bench" || tree(e.from) == "examples" {
			continue // modules of their own, which nothing of ours imports
		}
		require.Contains(t, allowed, tree(e.from), "%s imports %s", e.file, e.to)
	}
}

// The verifier of custody bundles is worth something because it shares nothing with what it checks,
// and the adversary because it does not know the model.
func TestIndependence(t *testing.T) {
	for _, e := range edges(t) {
		to, own := ours(e.to)
		if !own {
			continue
		}
		if strings.HasPrefix(e.from, "custodian/check") {
			t.Errorf("%s imports %s: custodian/check imports nothing of ours", e.file, to)
		}
		if strings.HasPrefix(e.from, "custodian/attack") {
			require.False(t, strings.HasPrefix(to, "custodian/know"), "%s imports the model", e.file)
		}
	}
}

func TestModulesOfTheWorkspace(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root(t), "go.work"))
	require.NoError(t, err)
	for _, dir := range []string{".", "./bench", "./examples", "./store"} {
		require.Contains(t, strings.Fields(string(b)), dir)
	}
}
