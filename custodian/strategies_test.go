package custodian

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUntried: a verdict that is held and depends on a strategy that is not tried says so, of who
// has what it needs and of nobody else.
func TestUntried(t *testing.T) {
	says := func(r *Report, id, strategy string) bool {
		v := r.Find(id, "p")
		require.Equal(t, Held, v.Result(), id)
		en, fr := v.Text().EN, v.Text().FR
		require.Equal(t, strings.Contains(en, strategy), strings.Contains(fr, strategy))
		return strings.Contains(en, strategy)
	}
	heals := pingPong(4, 12, 4, "copy", "session")
	r := evaluate(t, heals)
	require.True(t, says(r, "G5", "(S6)"))
	require.True(t, says(r, "G5", "(S9)"))
	for _, atoms := range [][]string{{"session-ec"}, {"pq-auth"}} { // one half of what S6 needs
		require.False(t, says(evaluate(t, pingPong(4, 12, 4, "copy", atoms...)), "G5", "(S6)"))
	}
	require.True(t, says(evaluate(t, pingPong(4, 12, 4, "copy", "sending-chain", "pq-auth")), "G12", "(S6)"))

	oracle := pingPong(4, 4, 9, "copy")
	oracle.Script = append(oracle.Script, Step{Grant: &Grant{Name: "o", To: "p", From: Customer, Via: "oracle"}}, Step{Send: &Send{From: Customer}})
	r = evaluate(t, oracle)
	require.True(t, says(r, "G9", "(S5)"))
	require.False(t, says(evaluate(t, pingPong(4, 4, 2, "copy", "skipped")), "G9", "(S5)"))

	for id, want := range map[string][]string{"G6": forgeries, "G7": forgeries, "G16": forgeries, "G9": beginnings, "G2": nil, "G5": nil} {
		require.Equal(t, want, r.Find(id, "p").Tried(), id)
	}
}
