package custodian

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sabotage is the variable of the environment that makes this test binary lie: "G2=held" replaces
// what judges G2 by a constant.
const sabotage = "CUSTODIAN_SABOTAGE"

// mutationSuite are the tests that must notice. Each guarantee is lost in one of them and held in
// another.
const mutationSuite = "^Test(LostAndHeld|Shipped|Past|Quantum|Notice.*|Statement.*)$"

func TestMain(m *testing.M) {
	if id, says, ok := strings.Cut(os.Getenv(sabotage), "="); ok {
		corrupt(id, says)
	}
	os.Exit(m.Run())
}

// corrupt makes a family return a fixed verdict, with evidence that looks right.
func corrupt(id, says string) {
	for k := range families {
		f := &families[k]
		if f.id != id {
			continue
		}
		honest := f.judge
		f.judge = func(w *writer, i int, s span) (Verdict, bool) {
			v, ok := honest(w, i, s)
			fixed := Verdict{g: f.guarantee, principal: v.principal, healing: v.healing, metadata: v.metadata, of: v.of, evidence: v.evidence}
			switch says {
			case "held":
				fixed.result = Held
			case "lost":
				fixed.result, fixed.messages = Lost, v.of
			}
			return fixed, ok
		}
	}
}

// TestFixedVerdicts: with any one guarantee judged by a constant, be it that it holds or that it is
// lost, the suite is red; without, it is green (B15.8, B15.12).
func TestFixedVerdicts(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the suite twice for each guarantee")
	}
	if os.Getenv(sabotage) != "" {
		t.Skip("this is the sabotaged suite")
	}
	run := func(value string) (output string, err error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", mutationSuite, "-test.failfast")
		cmd.Env = append(os.Environ(), sabotage+"="+value)
		b, err := cmd.CombinedOutput()
		return string(b), err
	}
	out, err := run("none=held")
	require.NoError(t, err, out)
	for _, f := range families {
		for _, says := range []string{"held", "lost"} {
			out, err := run(f.id + "=" + says)
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "nothing notices that %s is always %s", f.id, says)
			require.Contains(t, out, "--- FAIL", "%s always %s", f.id, says)
		}
	}
}
