package arch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/mutants"
)

// TestMutants: every row of docs/validation.md has a change of the code in docs/mutants.txt that
// makes it untrue, whose place is there, or is named as one that has none. That the row's test
// notices the change is what .ci/nightly shows.
func TestMutants(t *testing.T) {
	const without = 0 // at most; there is no row without a mutant now, and this number does not grow
	top := root(t)
	table, err := mutants.Load(top)
	require.NoError(t, err)
	rows, err := mutants.Rows(top)
	require.NoError(t, err)
	has := map[string]bool{}
	for _, m := range table.Mutants {
		_, err := m.Apply(top)
		if err != nil {
			t.Errorf("%v: write it anew, a change that the row’s test has to notice", err)
		}
		has[m.Row] = true
	}
	known := map[string]bool{}
	for _, r := range rows {
		known[r.ID] = true
		if has[r.ID] == (table.None[r.ID] != "") {
			t.Errorf("row %s wants a mutant in docs/mutants.txt (docs/nightly.md), or a reason there why it has none", r.ID)
		}
	}
	for id := range has {
		require.True(t, known[id], "docs/validation.md has no row %s", id)
	}
	for id := range table.None {
		require.True(t, known[id], "docs/validation.md has no row %s", id)
	}
	require.LessOrEqual(t, len(table.None), without)
}
