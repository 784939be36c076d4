package custodian

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSeparation: the two halves share the form of a parcel and nothing else. Were the adversary to
// use the rule book, or the rule book values, their agreement would be worth nothing.
func TestSeparation(t *testing.T) {
	const module = "signet.example/signet/"
	for dir, allowed := range map[string][]string{
		"parcel": {},
		"know":   {"custodian/parcel"},
		"attack": {"custodian/parcel"},
	} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, i := range f.Imports {
				path := strings.Trim(i.Path.Value, `"`)
				if rest, ours := strings.CutPrefix(path, module); ours && strings.HasPrefix(rest, "custodian") {
					require.Contains(t, allowed, rest, name)
				}
				if dir == "know" {
					require.False(t, strings.HasPrefix(path, module+"internal") || strings.HasPrefix(path, "crypto/aes"), "%s computes nothing", name)
				}
			}
		}
	}
}

// TestNoTable: no verdict is written down anywhere. Results are named in verdict.go, where they
// come with evidence, and read elsewhere; and nothing branches on how a grant is called.
func TestNoTable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if id, ok := n.Type.(*ast.Ident); ok && id.Name == "Verdict" {
					for _, e := range n.Elts {
						kv, ok := e.(*ast.KeyValueExpr)
						require.True(t, ok, "%s: a Verdict with all of its fields", name)
						require.NotEqual(t, "result", kv.Key.(*ast.Ident).Name, "%s: a result without evidence", name)
					}
				}
			case *ast.AssignStmt:
				for i, l := range n.Lhs {
					if s, ok := l.(*ast.SelectorExpr); ok && s.Sel.Name == "result" && name != "verdict.go" {
						id, ok := n.Rhs[min(i, len(n.Rhs)-1)].(*ast.Ident)
						require.True(t, ok && id.Name == "Unknown", "%s sets a result", name)
					}
				}
			case *ast.SwitchStmt:
				if s, ok := n.Tag.(*ast.SelectorExpr); ok {
					require.NotEqual(t, "Name", s.Sel.Name, "%s switches on a name", name)
				}
			}
			return true
		})
	}
}
