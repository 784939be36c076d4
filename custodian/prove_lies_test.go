package custodian

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// TestProveFacts: one fact less changes the answers whose derivations all use it, and no others:
// what the rule book says without the fact is what the clauses say, and a fact that a proof does
// not use is not needed.
func TestProveFacts(t *testing.T) {
	prover := newProver(t)
	for name, sc := range map[string]*Scenario{"hosted": twoPrincipals(3), "partial": randomScenario(oldScenarios + 5)} {
		e, err := Play(context.Background(), sc, nil)
		require.NoError(t, err)
		files := proofsOf(t, e)
		tried, turned := 0, 0
		for i, q := range e.w.questions() {
			proof := files[q.name+".drat"]
			if proof == nil || i%3 != 0 {
				continue
			}
			f := parseCNF(t, files[q.name+".cnf"])
			used, ok := f.derives(t, proof)
			require.True(t, ok)
			for n, c := range f.clauses[:f.denied] {
				if len(c) != 1 || strings.HasPrefix(f.atoms[c[0]], "count(") {
					continue
				}
				less := f.without(n)
				follows := conflict(less.clauses, len(less.atoms))
				facts := slices.Clone(q.view.facts)
				for j := len(facts) - 1; j >= 0; j-- {
					if e.w.base.Name(facts[j].Atom) == f.atoms[c[0]] {
						facts = slices.Delete(facts, j, j+1)
					}
				}
				closure := e.w.base.Close(facts)
				require.Equal(t, slices.ContainsFunc(q.goals, func(g string) bool { return closure.Has(g, q.by) }), follows, "%s, %s without %s", name, q.name, f.atoms[c[0]])
				require.True(t, follows || used[c[0]], "%s, %s does not use %s", name, q.name, f.atoms[c[0]])
				tried++
				if !follows {
					turned++
				}
				if prover.asked < 60 && (!follows || tried%20 == 0) {
					prover.requireAnswer(t, follows, []byte(less.String()), nil)
				}
			}
		}
		t.Logf("%s: %d facts taken away, %d of them turned an answer", name, tried, turned)
		require.Greater(t, turned, 0)
		require.Less(t, turned, tried)
	}
}

// TestProveLies: an atom that does not follow in a proof, a sign in a clause that a proof rests on,
// or a sign in a model is refused by who has the files alone.
func TestProveLies(t *testing.T) {
	e, err := Play(context.Background(), twoPrincipals(4), nil)
	require.NoError(t, err)
	files := proofsOf(t, e)
	proofs, models := 0, 0
	for _, q := range e.w.questions() {
		f := parseCNF(t, files[q.name+".cnf"])
		if proof := files[q.name+".drat"]; proof != nil && proofs < 4 {
			proofs++
			liesInProof(t, f, string(proof))
		} else if proof == nil && models < 2 {
			models++
			model := string(files[q.name+".model"])
			for a := 1; a < len(f.atoms); a++ {
				lie := strings.Replace(model, fmt.Sprintf("v %d\n", a), fmt.Sprintf("v -%d\n", a), 1)
				if lie == model {
					lie = strings.Replace(model, fmt.Sprintf("v -%d\n", a), fmt.Sprintf("v %d\n", a), 1)
				}
				require.False(t, f.isLeast(t, []byte(lie)), "%s: %s", q.name, f.atoms[a])
			}
		}
	}
	require.Equal(t, 4, proofs)
	require.Equal(t, 2, models)
}

func liesInProof(t *testing.T, f *cnf, proof string) {
	t.Helper()
	lines := strings.SplitAfter(proof, "\n")
	follows := &cnf{atoms: f.atoms, clauses: f.clauses[:f.denied]}
	for i, line := range lines[:len(lines)-2] {
		a := literals(t, strings.Fields(line))[0]
		// Another atom, which does not follow: to say that it is false is no contradiction.
		for wrong := 1; wrong < len(f.atoms); wrong += 7 {
			if conflict(append(slices.Clone(follows.clauses), []int{-wrong}), len(f.atoms)) {
				continue
			}
			lie := slices.Clone(lines)
			lie[i] = fmt.Sprintf("%d 0\n", wrong)
			_, ok := f.derives(t, []byte(strings.Join(lie, "")))
			require.False(t, ok, "%s for %s", f.atoms[wrong], f.atoms[a])
		}
		// The only clause that gives an atom, with a sign turned.
		var giving []int
		for n, c := range f.clauses[:f.denied] {
			if c[len(c)-1] == a {
				giving = append(giving, n)
			}
		}
		if len(giving) > 1 {
			continue
		}
		for j := range f.clauses[giving[0]] {
			lie := &cnf{atoms: f.atoms, clauses: slices.Clone(f.clauses), denied: f.denied}
			lie.clauses[giving[0]] = slices.Clone(f.clauses[giving[0]])
			lie.clauses[giving[0]][j] *= -1
			_, ok := lie.derives(t, []byte(proof))
			require.False(t, ok, "%s by a wrong clause", f.atoms[a])
		}
	}
	_, ok := f.derives(t, []byte(strings.TrimSuffix(proof, "0\n")))
	require.False(t, ok, "a proof without its end")
}

// TestProveChosen: only what is asked for is written, an error of the writer ends it, and nothing
// is written of a bad bundle.
func TestProveChosen(t *testing.T) {
	e, err := Play(context.Background(), twoPrincipals(5), nil)
	require.NoError(t, err)
	var names []string
	one := func(name string) bool { return name == "reads-0004.p2" }
	require.NoError(t, e.Prove(one, func(name string, _ []byte) error { names = append(names, name); return nil }))
	require.Len(t, names, 3)
	require.Equal(t, []string{"reads-0004.p2.cnf", "questions.txt"}, []string{names[0], names[2]})
	require.ErrorIs(t, e.Prove(nil, func(string, []byte) error { return os.ErrClosed }), os.ErrClosed)
	b, err := e.Bundle(Publishable)
	require.NoError(t, err)
	_, err = check.Prove(b, one, func(string, []byte) error { return os.ErrClosed })
	require.ErrorIs(t, err, os.ErrClosed)
	b[len(b)/2] ^= 1
	_, err = check.Prove(b, nil, func(string, []byte) error { t.Fatal("a bundle that does not verify"); return nil })
	require.Error(t, err)
}

// TestQuestionsOutside: who verifies bundles without our code writes the same questions and the
// same answers.
func TestQuestionsOutside(t *testing.T) {
	node := nodeOf(t)
	dir := t.TempDir()
	var want []map[string][]byte
	args := []string{"outsider/verify.mjs", "prove", dir}
	for name, sc := range proved(t) {
		e, err := Play(context.Background(), sc, nil)
		require.NoError(t, err, name)
		b, err := e.Bundle([]Profile{Publishable, Lab}[len(want)%2])
		require.NoError(t, err)
		file := filepath.Join(dir, fmt.Sprintf("%d.tar", len(want)))
		require.NoError(t, os.WriteFile(file, b, 0o600))
		args = append(args, file)
		want = append(want, proofsOf(t, e))
	}
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Run())
	for n, files := range want {
		list, err := os.ReadDir(filepath.Join(dir, fmt.Sprint(n)))
		require.NoError(t, err)
		require.Len(t, list, len(files))
		for name, b := range files {
			other, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(n), name))
			require.NoError(t, err)
			require.Equal(t, string(b), string(other), name)
		}
	}
}

// nodeOf is the path of Node.js.
func nodeOf(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "node is missing, and what is the outsider's is to run here")
		t.Skip("node is not installed: what is the outsider's cannot run")
	}
	return node
}

// TestProofsOutside: the checker of proofs that knows the files alone accepts all answers, and
// refuses each that was changed.
func TestProofsOutside(t *testing.T) {
	node := nodeOf(t)
	e, err := Play(context.Background(), twoPrincipals(6), nil)
	require.NoError(t, err)
	dir := t.TempDir()
	files := proofsOf(t, e)
	for name, b := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	checked := func() (string, bool) {
		out, err := exec.CommandContext(t.Context(), node, "outsider/proofs.mjs", dir).Output()
		return string(out), err == nil
	}
	out, ok := checked()
	require.True(t, ok, out)
	require.Equal(t, fmt.Sprintf("%d yes, %d no, 0 wrong\n", strings.Count(string(files["questions.txt"]), "\n20 "),
		strings.Count("\n"+string(files["questions.txt"]), "\n10 ")), out)
	var proof, model string
	for _, q := range e.w.questions() {
		if b := files[q.name+".drat"]; strings.Count(string(b), "\n") > 2 {
			proof = q.name
		} else if files[q.name+".model"] != nil {
			model = q.name
		}
	}
	for _, lie := range []struct{ file, old, put string }{
		{proof + ".drat", "0\n", "-0\n"},
		{proof + ".drat", "\n0\n", "\n"},
		{proof + ".drat", string(files[proof+".drat"]), strings.SplitAfterN(string(files[proof+".drat"]), "\n", 2)[1]}, // a lemma less
		{model + ".model", "v -", "v "},
		{model + ".model", "v 0\n", "v 0\nv 0\n"},
		{model + ".cnf", " 0\n-", " 0\n"}, // a sign of the second clause
		{"questions.txt", "10 ", "20 "},
		{"another.cnf", "", "p cnf 0 0\n"},
	} {
		name := filepath.Join(dir, lie.file)
		changed := strings.Replace(string(files[lie.file]), lie.old, lie.put, 1)
		require.NotEqual(t, string(files[lie.file]), changed, lie)
		require.NoError(t, os.WriteFile(name, []byte(changed), 0o600))
		out, ok := checked()
		require.False(t, ok, lie)
		require.Regexp(t, `, [12] wrong\n$`, out, "%v", lie)
		if files[lie.file] == nil {
			require.NoError(t, os.Remove(name))
		} else {
			require.NoError(t, os.WriteFile(name, files[lie.file], 0o600))
		}
	}
}

// TestProveCounts: in a long conversation, more chunks of an object travel than rebuild it, and the
// questions count them: the two programs write the same bytes, and the prover answers the same.
func TestProveCounts(t *testing.T) {
	prover := newProver(t)
	sc := pingPong(4, 60, 10, "copy", "session")
	for i := range sc.Script {
		if s := sc.Script[i].Send; s != nil {
			s.Count = 4
		}
	}
	sc.Principals[0].Sees, sc.Principals[0].Part = "", &Part{Percent: 70}
	e, err := Play(context.Background(), sc, nil)
	require.NoError(t, err)
	b, err := e.Bundle(Publishable)
	require.NoError(t, err)
	id := sc.Principals[0].ID
	only := func(name string) bool {
		return strings.HasPrefix(name, "reads-0") && strings.HasSuffix(name, "09."+id) || name == "reads-quantum-0099."+id
	}
	files, counted := make(map[string][]byte), 0
	require.NoError(t, e.Prove(only, func(name string, b []byte) error { files[name] = b; return nil }))
	_, err = check.Prove(b, only, func(name string, b []byte) error {
		require.Equal(t, string(files[name]), string(b), name)
		return nil
	})
	require.NoError(t, err)
	for _, q := range e.w.questions() {
		if only(q.name) {
			requireAnswered(t, prover, e, &q, files)
			counted += strings.Count(string(files[q.name+".cnf"]), " count(")
		}
	}
	require.Greater(t, counted, 100)
}

// TestProveTooMuch: what would fill a disk is refused before anything is written, with a run and
// with its bundle.
func TestProveTooMuch(t *testing.T) {
	sc := pingPong(4, 2, 1, "copy", "session")
	for i := range sc.Script {
		if s := sc.Script[i].Send; s != nil {
			s.Count = 500
		}
	}
	for _, id := range []string{"q", "r", "s"} {
		sc.Principals = append(sc.Principals, Principal{ID: id, Role: Operator})
	}
	e, err := Play(context.Background(), sc, nil)
	require.NoError(t, err)
	nothing := func(string, []byte) error { t.Fatal("something is written"); return nil }
	require.ErrorIs(t, e.Prove(nil, nothing), ErrTooMuch)
	b, err := e.Bundle(Publishable)
	require.NoError(t, err)
	_, err = check.Prove(b, nil, nothing)
	require.ErrorIs(t, err, check.ErrTooMuch)
}
