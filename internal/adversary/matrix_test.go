package adversary

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A row says what of the attacks goes for an entry point, or why none does.
type row struct {
	// receive has m open a post. It is attacked with what the adversary writes in the row's medium.
	receive func(s *stage, m *machine, p *post) error
	in      medium
	// send has Alice write to addresses. Nothing that comes of it may be readable for the adversary.
	send func(s *stage, to []signet.Address) ([]*post, error)
	// admit has Alice take up the adversary's identity. It is refused with nothing kept.
	admit func(s *stage) error
	// report says whether Alice counts the adversary as somebody that she has a session with.
	report func(s *stage) (bool, error)
	none   string
}

// A disguise is a way to have a name whose identity one has not.
type disguise struct {
	name string
	wear func(s *stage)
}

var disguises = []disguise{
	{"a ghost device", func(s *stage) { s.ghosts(s.bob[0].addr.Name) }},
	{"a planted session", (*stage).plants},
	{"a replaced identity", func(s *stage) { s.replaces(false) }},
	{"a device hidden and listed again", func(s *stage) { s.replaces(true) }},
	{"a ghost under the own name", func(s *stage) { s.ghosts(s.alice.addr.Name) }},
}

// TestMatrix attacks every entry point with everything that goes for it.
func TestMatrix(t *testing.T) {
	cells := 0
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			for _, d := range disguises {
				cells += r.attack(t, d, false)
			}
			cells += r.tamper(t)
			t.Run("verified", func(t *testing.T) {
				for _, d := range disguises {
					cells += r.attack(t, d, true)
				}
			})
		})
	}
	t.Logf("%d entry points, %d cells", len(rows), cells)
	require.Greater(t, cells, 400)
}

// attack has an adversary in a disguise try a row. If checked, Alice follows changes of identity by
// herself, but not Bob's.
func (r *row) attack(t *testing.T, d disguise, checked bool) (cells int) {
	on := func(s *stage) *stage { d.wear(s); return s }
	if r.receive != nil {
		cells++
		t.Run("receive/"+d.name, func(t *testing.T) {
			s := on(newStage(t, checked))
			posts := s.posts(s.evil, r.in)
			require.NotEmpty(t, posts)
			for _, p := range posts {
				s.refuses(r, p)
			}
		})
		t.Run("notice/"+d.name, func(t *testing.T) {
			s := on(newStage(t, checked))
			s.withNotices()
			for _, p := range s.noticeLike(r.in) {
				s.refuses(r, p)
			}
		})
		cells++
	}
	if r.send != nil {
		cells++
		t.Run("send/"+d.name, func(t *testing.T) { on(newStage(t, checked)).keepsSecret(r) })
	}
	if r.admit != nil {
		cells++
		t.Run("admit/"+d.name, func(t *testing.T) {
			s := on(newStage(t, checked))
			before := s.alice.store.changes
			err := r.admit(s)
			_, ok := untrusted(err)
			require.True(t, ok, "%v", err)
			require.Equal(t, before, s.alice.store.changes, "something is kept")
		})
	}
	if r.report != nil {
		cells++
		t.Run("report/"+d.name, func(t *testing.T) {
			s := on(newStage(t, checked))
			counts, err := r.report(s)
			require.NoError(t, err)
			require.False(t, counts, "the adversary counts")
		})
	}
	return cells
}

// refuses: the post is not opened, and nothing is kept. Where a session brings it the error is
// about the identity; sender keys may be gone with the identity that delivered them.
func (s *stage) refuses(r *row, p *post) {
	s.t.Helper()
	before := s.alice.store.changes
	err := r.receive(s, s.alice, p)
	require.Error(s.t, err, "%q of %v is opened", p.text, p.author)
	require.Equal(s.t, before, s.alice.store.changes, "something is kept: %v", err)
	if _, ok := untrusted(err); p.kind == direct {
		require.True(s.t, ok, "%v", err)
	}
	var n *session.NoticeError
	require.False(s.t, errors.As(err, &n), "%v", err)
}

// keepsSecret: whatever Alice writes to Bob and to the address of the adversary, the adversary
// reads nothing of it.
func (s *stage) keepsSecret(r *row) {
	s.t.Helper()
	to := []signet.Address{s.evil.addr}
	for _, m := range s.bob {
		if m.addr != s.evil.addr {
			to = append(to, m.addr)
		}
	}
	for range 2 { // a second time, after whatever the first has taught
		posts, err := r.send(s, to)
		if err != nil {
			s.t.Log(err)
		}
		for _, p := range posts {
			for range 6 { // the ways in that there are
				b, err := s.open(s.evil, p, &claim{from: s.alice.addr})
				require.Error(s.t, err, "the adversary reads %q", b)
			}
		}
	}
}

// exported lists the exported functions of a package, and the exported methods of its exported
// types.
func exported(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(dir), "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || plain[fn.Name.Name] {
				continue
			}
			name := dir + "." + fn.Name.Name
			if fn.Recv != nil {
				of := strings.TrimPrefix(types.ExprString(fn.Recv.List[0].Type), "*")
				if !ast.IsExported(of) {
					continue
				}
				name = dir + "." + of + "." + fn.Name.Name
			}
			names = append(names, name)
		}
	}
	require.NotEmpty(t, names)
	return names
}

// plain methods print or compare.
var plain = map[string]bool{
	"String": true, "GoString": true, "Format": true, "LogValue": true, "Error": true, "Unwrap": true, "Is": true,
	"MarshalText": true, "MarshalJSON": true, "AppendText": true, "UnmarshalText": true,
}

// covered are the packages of which every entry point has a row.
var covered = []string{"session", "sesame", "sealed", "group", "store/backup"}

// TestMatrixIsComplete: an entry point without a row fails, and so does a row without an entry
// point.
func TestMatrixIsComplete(t *testing.T) {
	there := make(map[string]bool)
	for _, dir := range covered {
		for _, name := range exported(t, dir) {
			there[name] = true
			r, ok := rows[name]
			if !ok {
				t.Errorf("%s has no row: say in entries_test.go which attacks go for it, or why none does", name)
				continue
			}
			attacked := r.receive != nil || r.send != nil || r.admit != nil || r.report != nil
			require.NotEqual(t, attacked, r.none != "", "%s: attacks, or a reason why there are none", name)
		}
	}
	for name := range rows {
		require.True(t, there[name], "%s is no entry point any more", name)
	}
}
