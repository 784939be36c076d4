package know

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProblemCounts: a rule that needs some of its premises follows, as clauses, from every set of
// that many of them and from no smaller one (custody B17).
func TestProblemCounts(t *testing.T) {
	const size = 6
	var chunks []string
	for i := range size {
		chunks = append(chunks, fmt.Sprintf("chunk(s,1,ct2,%d)", i))
	}
	for need := 1; need <= size; need++ {
		b := NewBase("")
		b.AddSome("R9o", "object(s,1,ct2)", need, chunks...)
		for set := range 1 << size {
			var facts []Fact
			for i, c := range chunks {
				if set>>i&1 == 1 {
					facts = append(facts, Fact{b.Atom(c), i})
				}
			}
			p := b.Problem("Enough?", facts, size, []string{"object(s,1,ct2)"})
			require.Equal(t, bits.OnesCount(uint(set)) >= need, p.Follows, "%d of %b", need, set)
		}
	}
}

// TestProblemBytes: the form of a question, its proof and its model.
func TestProblemBytes(t *testing.T) {
	b := NewBase("")
	b.Add("R12b", "plaintext(0)", "opened(0)")
	b.Add("R12a", "opened(0)", "message-key(0)", "observed(0)")
	b.Add("R11", "message-key(0)", "seed(s,x,0)")
	facts := []Fact{{b.Atom("seed(s,x,0)"), 5}, {b.Atom("observed(0)"), 2}, {b.Atom("observed(0)"), 3}}
	const form = `c custody-question-v1
c rulebook sha256:%s
c Does p read message 0? If so, no assignment satisfies the clauses.
c variables
c 1 message-key(0)
c 2 observed(0)
c 3 opened(0)
c 4 plaintext(0)
c 5 seed(s,x,0)
c clauses
c 1-1 R11
c 2-2 R12a
c 3-3 R12b
c 4-%d facts
c %[3]d-%[3]d denied
p cnf 5 %[3]d
-5 1 0
-1 -2 3 0
-3 4 0
2 0
%s-4 0
`
	p := b.Problem("Does p read message 0?", facts, 5, []string{"plaintext(0)"})
	require.Equal(t, fmt.Sprintf(form, RulebookDigest(), 5, 6, "5 0\n"), string(p.CNF))
	require.Equal(t, "1 0\n3 0\n4 0\n0\n", string(p.Answer))
	p = b.Problem("Does p read message 0?", facts, 4, []string{"plaintext(0)"}) // before the seed
	require.Equal(t, fmt.Sprintf(form, RulebookDigest(), 4, 5, ""), string(p.CNF))
	require.Equal(t, strings.Fields("s SATISFIABLE v -1 v 2 v -3 v -4 v -5 v 0"), strings.Fields(string(p.Answer)))
}
