package custodian

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

var provedRuns = flag.Uint64("proved", 3, "of how many random scenarios of each kind every question is put to a prover")

// A cnf is a question as somebody reads it who has the file alone.
type cnf struct {
	atoms   []string // from 1
	clauses [][]int
	denied  int // the first clause that denies what is asked
}

func parseCNF(t *testing.T, b []byte) *cnf {
	t.Helper()
	f := &cnf{atoms: []string{""}, denied: -1}
	variables, clauses := 0, 0
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		switch {
		case words[0] == "c" && len(words) == 3 && words[1] == strconv.Itoa(len(f.atoms)):
			f.atoms = append(f.atoms, words[2])
		case words[0] == "c" && len(words) == 3 && words[2] == "denied":
			first, _, _ := strings.Cut(words[1], "-")
			n, err := strconv.Atoi(first)
			require.NoError(t, err)
			f.denied = n - 1
		case words[0] == "c":
		case words[0] == "p":
			_, err := fmt.Sscanf(line, "p cnf %d %d", &variables, &clauses)
			require.NoError(t, err)
		default:
			f.clauses = append(f.clauses, literals(t, words))
		}
	}
	require.Len(t, f.atoms, variables+1)
	require.Len(t, f.clauses, clauses)
	return f
}

func literals(t *testing.T, words []string) (list []int) {
	t.Helper()
	require.Equal(t, "0", words[len(words)-1])
	for _, w := range words[:len(words)-1] {
		n, err := strconv.Atoi(w)
		require.NoError(t, err)
		list = append(list, n)
	}
	return list
}

// String writes a question again, without comments.
func (f *cnf) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "p cnf %d %d\n", len(f.atoms)-1, len(f.clauses))
	for _, c := range f.clauses {
		for _, l := range c {
			fmt.Fprintf(&s, "%d ", l)
		}
		s.WriteString("0\n")
	}
	return s.String()
}

// without is the question with one clause taken away.
func (f *cnf) without(n int) *cnf {
	return &cnf{atoms: f.atoms, clauses: slices.Delete(slices.Clone(f.clauses), n, n+1), denied: f.denied - 1}
}

// conflict propagates units, and says whether a clause has all of its literals false.
func conflict(clauses [][]int, variables int) bool {
	value := make([]int, variables+1)
	for again := true; again; {
		again = false
		for _, c := range clauses {
			free, open := 0, 0
			for _, l := range c {
				switch v := value[max(l, -l)]; {
				case v == 0:
					free++
					open = l
				case v*l > 0:
					free = -1 << 30
				}
			}
			if free == 0 {
				return true
			}
			if free == 1 {
				value[max(open, -open)] = open
				again = true
			}
		}
	}
	return false
}

// derives is a checker of proofs that is stricter than DRAT asks: each lemma is one atom that one
// clause gives from facts and lemmas before it, and nothing may rest on the denial but the empty
// clause at the end. It returns the facts that were used.
func (f *cnf) derives(t *testing.T, proof []byte) (facts map[int]bool, ok bool) {
	t.Helper()
	giving := make(map[int][]int) // by head: clauses
	unit := make(map[int]bool)
	facts = make(map[int]bool)
	for n, c := range f.clauses[:f.denied] {
		head := c[len(c)-1]
		giving[head] = append(giving[head], n)
		if len(c) == 1 {
			unit[head] = true
		}
	}
	known := func(body []int) bool {
		for _, l := range body {
			if l > 0 || !unit[-l] {
				return false
			}
		}
		return true
	}
	use := func(a int) {
		if len(giving[a]) > 0 && len(f.clauses[giving[a][len(giving[a])-1]]) == 1 {
			facts[a] = true
		}
	}
	lines := strings.Split(strings.TrimSuffix(string(proof), "\n"), "\n")
	for i, line := range lines {
		lemma := literals(t, strings.Fields(line))
		if i == len(lines)-1 {
			at := slices.IndexFunc(f.clauses[f.denied:], func(c []int) bool { return len(c) == 1 && unit[-c[0]] })
			if at >= 0 {
				use(-f.clauses[f.denied+at][0])
			}
			return facts, len(lemma) == 0 && at >= 0
		}
		if len(lemma) != 1 || lemma[0] < 0 {
			return nil, false
		}
		at := slices.IndexFunc(giving[lemma[0]], func(n int) bool { return known(f.clauses[n][:len(f.clauses[n])-1]) })
		if at < 0 {
			return nil, false
		}
		for _, l := range f.clauses[giving[lemma[0]][at]] {
			if l < 0 {
				use(-l)
			}
		}
		unit[lemma[0]] = true
	}
	return nil, false
}

// isLeast checks a model: every clause has a true literal, and what is true follows, in the order
// of rounds.
func (f *cnf) isLeast(t *testing.T, model []byte) bool {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(string(model), "s SATISFIABLE\n"), "v ", ""))
	all := literals(t, words)
	require.Len(t, all, len(f.atoms)-1)
	for i, l := range all {
		require.Equal(t, i+1, max(l, -l))
	}
	left := 0
	for _, l := range all {
		if l > 0 {
			left++
		}
	}
	follows := make(map[int]bool)
	for again := true; again; {
		again = false
		for _, c := range f.clauses {
			head := c[len(c)-1]
			if !slices.ContainsFunc(c, func(l int) bool { return all[max(l, -l)-1] == l }) {
				return false
			}
			if head > 0 && !follows[head] && !slices.ContainsFunc(c[:len(c)-1], func(l int) bool { return !follows[-l] }) {
				follows[head] = true
				again = true
				left--
			}
		}
	}
	return left == 0
}

// A prover asks cadical, and has proofs checked by drat-trim if that is installed.
type prover struct {
	dir, cadical, trim string
	asked              int
}

func newProver(t *testing.T) *prover {
	t.Helper()
	p := &prover{dir: t.TempDir()}
	p.trim, _ = exec.LookPath("drat-trim") // no package: whoever has built it
	var err error
	if p.cadical, err = exec.LookPath("cadical"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("cadical is missing, and the questions are to be put to it here")
		}
		t.Log("cadical is not installed: the questions are put to no prover")
	}
	return p
}

// requireAnswer: the prover exits with 20 for what follows and 10 for what does not.
func (p *prover) requireAnswer(t *testing.T, follows bool, question, proof []byte) {
	t.Helper()
	if p.cadical == "" || testing.Short() && p.asked > 100 {
		return
	}
	p.asked++
	file, lemmas := filepath.Join(p.dir, "q.cnf"), filepath.Join(p.dir, "q.drat")
	require.NoError(t, os.WriteFile(file, question, 0o600))
	cmd := exec.CommandContext(t.Context(), p.cadical, "-q", file)
	out, _ := cmd.CombinedOutput()
	require.Equal(t, map[bool]int{true: 20, false: 10}[follows], cmd.ProcessState.ExitCode(), "%s", out)
	if p.trim != "" && proof != nil {
		require.NoError(t, os.WriteFile(lemmas, proof, 0o600))
		out, err := exec.CommandContext(t.Context(), p.trim, file, lemmas).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "s VERIFIED")
	}
}

// proofsOf is what Prove writes.
func proofsOf(t *testing.T, e *Evaluation) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	require.NoError(t, e.Prove(nil, func(name string, b []byte) error {
		require.NotContains(t, files, name)
		files[name] = b
		return nil
	}))
	return files
}

// proved are scenarios by name: all that are shipped, and random ones of each kind.
func proved(t *testing.T) map[string]*Scenario {
	t.Helper()
	list := make(map[string]*Scenario)
	files, err := filepath.Glob("../examples/scenarios/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		list[filepath.Base(f)] = parse(t, b)
	}
	list["an outsider who shares with a provider"] = parse(t, []byte(`{"format":"custody-scenario-v1","protocol":4,"seed":3,
		"principals":[{"id":"q","role":"provider","sees":"none"},{"id":"x","role":"outsider","same_as":"q"}],
		"script":[{"send":"customer"},{"send":"business"},{"grant":{"name":"g","to":"q","atoms":["session"],"via":"copy"}},{"send":"customer"},{"send":"business"}]}`))
	for n := range *provedRuns {
		list[fmt.Sprintf("random %d", n)] = randomScenario(n)
		list[fmt.Sprintf("partial %d", n)] = randomScenario(oldScenarios + n)
		list[fmt.Sprintf("custody %d", n)] = randomCustody(n).Scenario
	}
	return list
}

// TestProve: a standard prover and two checkers of proofs that know no rule say of every question
// what the report says; the model of what does not follow is the certificate; and a bundle gives
// the same files as the run (custody B17).
func TestProve(t *testing.T) {
	prover, questions, yes := newProver(t), 0, 0
	for name, sc := range proved(t) {
		e, err := Play(context.Background(), sc, nil)
		require.NoError(t, err, name)
		files := proofsOf(t, e)
		for _, profile := range []Profile{Publishable, Lab} {
			b, err := e.Bundle(profile)
			require.NoError(t, err)
			again := make(map[string][]byte)
			o, err := check.Prove(b, nil, func(name string, b []byte) error { again[name] = b; return nil })
			require.NoError(t, err, name)
			require.Equal(t, len(e.report.Messages), o.Messages)
			require.Equal(t, len(files), len(again))
			for file := range files {
				require.Equal(t, string(files[file]), string(again[file]), "%s: %s", name, file)
			}
		}
		for _, q := range e.w.questions() {
			requireAnswered(t, prover, e, &q, files)
			questions++
			if files[q.name+".drat"] != nil {
				yes++
			}
		}
		requireReported(t, e, files)
	}
	t.Logf("%d questions, %d of them answered with yes; cadical was asked %d times", questions, yes, prover.asked)
	require.Greater(t, yes, 0)
}

// requireAnswered: question, proof and model hold for who has the files alone, and for a prover.
func requireAnswered(t *testing.T, prover *prover, e *Evaluation, q *question, files map[string][]byte) {
	t.Helper()
	f := parseCNF(t, files[q.name+".cnf"])
	proof, model := files[q.name+".drat"], files[q.name+".model"]
	require.True(t, (proof == nil) != (model == nil), q.name)
	require.Contains(t, string(files["questions.txt"]), fmt.Sprintf("%d %s %s\n", map[bool]int{true: 20, false: 10}[proof != nil], q.name, q.asks))
	prover.requireAnswer(t, proof != nil, files[q.name+".cnf"], proof)
	require.Equal(t, proof != nil, conflict(f.clauses, len(f.atoms)), q.name)
	if proof != nil {
		_, ok := f.derives(t, proof)
		require.True(t, ok, q.name)
		return
	}
	require.True(t, f.isLeast(t, model), q.name)
	var positive, certified []string
	for i, l := range strings.Fields(strings.ReplaceAll(string(model), "v ", ""))[2:] {
		if i < len(f.atoms)-1 && !strings.HasPrefix(l, "-") && !strings.HasPrefix(f.atoms[i+1], "count(") {
			positive = append(positive, f.atoms[i+1])
		}
	}
	for _, k := range q.view.cert.set.Known() {
		if k.At <= q.by {
			certified = append(certified, k.Atom)
		}
	}
	require.Equal(t, certified, positive, "%s: %s", e.report.Scenario, q.name)
}

// requireReported: the answers are those of the report.
func requireReported(t *testing.T, e *Evaluation, files map[string][]byte) {
	t.Helper()
	for i, v := range e.w.views {
		id := v.p.ID
		said := func(kind string, n int) bool { return files[fmt.Sprintf("%s-%04d.%s.drat", kind, n, id)] != nil }
		for _, m := range e.report.Messages {
			require.Equal(t, slices.Contains(m.ReadableBy, id), said("reads", m.I))
			require.Equal(t, v.p.Quantum && said("reads-quantum", m.I), slices.Contains(m.QuantumReadable, id))
		}
		for _, p := range e.w.run.probes {
			_, forged := e.w.forged[i][p.number]
			_, begun := e.w.begun[i][p.number]
			require.Equal(t, forged, said("forges", p.number))
			require.Equal(t, begun, said("opens", p.number))
		}
	}
}
