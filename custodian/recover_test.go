package custodian

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// turns adds n messages in turns, the customer's first.
func turns(sc *Scenario, n int) {
	for i := range n {
		sc.Script = append(sc.Script, Step{Send: &Send{From: []string{Customer, Business}[i%2]}})
	}
}

// TestBarrier: after a revocation the provider can slip messages in, from a kept chain and from an
// archived session; with the barrier it cannot (B15.10, T12).
func TestBarrier(t *testing.T) {
	try := Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "One more thing."}}
	for _, protocol := range []int{3, 4} {
		for _, c := range []struct {
			name    string
			healing int    // messages between the revocation and the barrier
			rotate  string // what else the business does
		}{
			{"at once", 0, ""},
			{"after healing", 4, ""},
			{"from an archived session", 0, "session"},
			{"from an archived session, later", 3, "session"},
		} {
			for _, barrier := range []bool{false, true} {
				sc := pingPong(protocol, 4, 4, "copy")
				sc.Script = append(sc.Script, Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "copy"}}, Step{Revoke: "g"})
				if c.rotate != "" {
					sc.Script = append(sc.Script, Step{Rotate: c.rotate})
				}
				turns(sc, c.healing)
				if barrier {
					sc.Script = append(sc.Script, Step{Barrier: true})
				}
				sc.Script = append(sc.Script, try)
				turns(sc, 2)
				r := evaluate(t, sc)
				require.Equal(t, !barrier, r.Injections[0].Accepted, "protocol %d, %s, barrier %v", protocol, c.name, barrier)
				if barrier {
					for _, m := range r.Messages[4+c.healing:] {
						if m.From == Business {
							require.Empty(t, m.ForgeableBy, "%s: message %d", c.name, m.I)
						}
						require.True(t, m.Delivered, "%s: the conversation goes on", c.name)
					}
				}
			}
		}
	}
}

// TestBlock: after it nothing reaches the customer.
func TestBlock(t *testing.T) {
	sc := pingPong(4, 4, 2, "stream", "everything")
	sc.Script = append(sc.Script, Step{Block: Customer},
		Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "Come back."}},
		Step{Send: &Send{From: Business}})
	r := evaluate(t, sc)
	require.False(t, r.Injections[0].Accepted)
	require.False(t, r.Messages[4].Delivered)
	require.Empty(t, r.Messages[4].ForgeableBy)
	require.Contains(t, r.Messages[4].ReadableBy, "p", "what the business still writes, its provider reads")
	sc.Script = append(sc.Script, Step{Send: &Send{From: Customer}})
	require.ErrorContains(t, sc.Check(), "script[8].send")
}

// TestOracle: who may ask for agreements opens sessions in the business's name, reads nothing
// without the prekeys, and keeps what was answered (docs/custody-model.md, finding 9).
func TestOracle(t *testing.T) {
	try := Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "It is us."}}
	for _, protocol := range []int{3, 4} {
		sc := pingPong(protocol, 4, 4, "copy")
		sc.Script = append(sc.Script, try, Step{Grant: &Grant{Name: "hsm", To: "p", Via: "oracle"}}, Step{Revoke: "hsm"}, try)
		r := evaluate(t, sc)
		require.False(t, r.Injections[0].Accepted)
		require.True(t, r.Injections[1].Accepted, "an answer outlives the mandate")
		require.Equal(t, Held, r.Find("G2", "p").Result())
		require.Equal(t, Held, r.Find("G1", "p").Result())
		logs := 0
		for _, e := range r.Evidence {
			if e.Kind == "log" {
				logs++
				require.Contains(t, e.Claim, "grant hsm: p asked for")
			}
		}
		require.Equal(t, 1, logs)

		// With the prekeys and answers of the oracle it redoes handshakes.
		sc = pingPong(protocol, 4, 0, "copy", "prekeys")
		sc.Script = append([]Step{{Grant: &Grant{Name: "hsm", To: "p", Via: "oracle"}}}, sc.Script...)
		r = evaluate(t, sc)
		require.Contains(t, r.Messages[0].ReadableBy, "p")
	}
}

// TestTable: the table says what was refused and accepted, in both languages, in 80 columns.
func TestTable(t *testing.T) {
	sc := parse(t, read(t, "handover.json"))
	sc.Script = append(sc.Script, Step{Inject: &Inject{By: "acme-cloud", As: Customer, To: Business, Text: "x"}})
	r := evaluate(t, sc)
	for lang, words := range map[string][]string{
		"en": {"custody report", "HELD", "LOST", "injection at step", "accepted", "Limits", "acme-cloud can read"},
		"fr": {"rapport de garde", "TENU", "PERDU", "injection à l'étape", "accepté", "Limites", "acme-cloud a pu lire"},
	} {
		var b strings.Builder
		require.NoError(t, r.WriteTable(&b, lang))
		flat := strings.Join(strings.Fields(b.String()), " ")
		for _, w := range words {
			require.Contains(t, flat, w)
		}
		require.NotContains(t, b.String(), "{")
		for _, line := range strings.Split(b.String(), "\n") {
			require.LessOrEqual(t, len([]rune(line)), 80, line)
		}
	}
}
