package custodian

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// told is a scenario with a provider that is given the session, and what is said about it.
func told(script ...string) string {
	return `{"format":"custody-scenario-v1","protocol":4,"seed":7,"principals":[{"id":"p","role":"provider"},{"id":"o","role":"operator"}],"script":[` +
		strings.Join(script, ",") + `]}`
}

// Steps of such scenarios.
const (
	hello      = `{"send":"customer"}`
	answer     = `{"send":"business"}`
	kept       = `{"send":"business","deliver":false}`
	noOne      = `{"notice":{"statement":{}}}`
	hosted     = `{"notice":{"statement":{"grants":[{"to":"p","atoms":["session"],"via":"stream"}]}}}`
	handOver   = `{"grant":{"name":"g","to":"p","atoms":["session"],"via":"stream"}}`
	takeBack   = `{"revoke":{"name":"g"}}`
	byIdentity = `{"notice":{"statement":{"profile":"identity-signed","grants":[{"to":"p","atoms":["everything"],"via":"stream"}]}}}`
	allOfIt    = `{"grant":{"name":"g","to":"p","atoms":["everything"],"via":"stream"}}`
)

// A verdictOf says what is expected of a guarantee for principal p.
type expected struct {
	g            string
	result       Result
	messages, of int
}

// TestNotices: what a customer is told, what she is shown, and what the report makes of it.
func TestNotices(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []string
		state  string
		by     string
		want   []expected
	}{
		{"honest, nobody", []string{hello, answer, noOne, hello, answer}, "e2ee", "", []expected{
			{"G10", Held, 0, 0}, {"G11", Held, 0, 2}, {"G14", Held, 0, 2}, {"G15", Held, 0, 2},
		}},
		{"beside the bundle, before the first message", []string{hosted, handOver, hello, answer}, "managed", "p", []expected{
			{"G10", Held, 0, 1}, {"G14", Held, 0, 2}, {"G15", Held, 0, 0},
		}},
		{"told in time", []string{noOne, hello, answer, hosted, handOver, hello, answer}, "managed", "p", []expected{
			{"G14", Held, 0, 4}, {"G15", Held, 0, 1},
		}},
		{"told too late", []string{noOne, hello, answer, handOver, hello, answer, hello, hosted}, "changed", "p", []expected{
			{"G14", Lost, 3, 5}, {"G15", Lost, 2, 3},
		}},
		{"never told", []string{noOne, hello, answer, handOver, hello, answer}, "e2ee", "", []expected{
			{"G11", Held, 0, 2}, {"G14", Lost, 2, 4}, {"G15", Lost, 1, 2},
		}},
		{"nothing published", []string{hello, answer, handOver, hello, answer}, "managed", "p", []expected{
			{"G11", Unknown, 0, 0}, {"G14", Unknown, 0, 0}, {"G15", Lost, 1, 2},
		}},
		{"withheld: the customer misses it with the next message", []string{noOne, hello, answer, `{"notice":{"statement":{"grants":[{"to":"p","atoms":["session"],"via":"stream"}],"withhold":true}}}`, hello, answer}, "unknown", "", []expected{
			{"G14", Held, 0, 4},
		}},
		{"missed, and excused by a statement that followed", []string{noOne, hello, kept, answer, noOne, hello}, "e2ee", "", nil},
		{"missed, excused, and come late", []string{noOne, hello, kept, answer, noOne, `{"deliver":[1]}`, hello}, "e2ee", "", nil},
		{"missed after one that was excused has come", []string{noOne, hello, kept, answer, noOne, `{"deliver":[1]}`, kept, answer, hello}, "unknown", "", nil},
		{"replayed", []string{noOne, hello, answer, hosted, handOver, hello, `{"notice":{"statement":{"replay":1}}}`, hello}, "managed", "p", []expected{
			{"G14", Held, 0, 4}, {"G11", Held, 0, 4},
		}},
		{"equivocation", []string{hello, answer, noOne, `{"notice":{"statement":{"equivocate":true}}}`, hello}, "contradicted", "", []expected{
			{"G11", Held, 0, 3}, {"G14", Lost, 0, 0},
		}},
		{"forged by who has the session, refused", []string{noOne, hello, answer, hosted, handOver, hello, answer, `{"notice":{"statement":{"by":"p"}}}`, hello}, "managed", "p", []expected{
			{"G11", Held, 0, 4}, {"G14", Held, 0, 5},
		}},
		{"identity-signed, the provider has the key", []string{byIdentity, allOfIt, hello, answer}, "managed", "p", []expected{
			{"G11", Lost, 1, 2}, {"G14", Held, 0, 2},
		}},
		{"identity-signed, and the provider has not", []string{hello, answer, strings.Replace(byIdentity, "everything", "session", 1), handOver, hello}, "managed", "p", []expected{
			{"G11", Held, 0, 2},
		}},
		{"identity-signed is never encrypted", []string{hello, answer, `{"notice":{"statement":{"profile":"identity-signed"}}}`, hello}, "unknown", "", []expected{
			{"G11", Held, 0, 2}, {"G14", Unknown, 0, 0},
		}},
		{"of another profile than the client's", []string{hello, answer, noOne, byIdentity, hello}, "unknown", "", []expected{
			{"G14", Unknown, 0, 0},
		}},
		{"a label that is wrong", []string{hello, answer, noOne, `{"notice":{"statement":{"grants":[{"to":"p","atoms":["session"],"via":"stream"}],"label":"self-managed"}}}`, hello}, "unknown", "", nil},
		{"revoked without a barrier", []string{hosted, handOver, hello, answer, takeBack, noOne, hello, answer, hello}, "revoked", "p", []expected{
			{"G14", Held, 0, 5},
		}},
		{"revoked with a barrier", []string{hosted, handOver, hello, answer, takeBack, noOne, hello, `{"barrier":true}`, hello, answer, hello}, "e2ee", "", []expected{
			{"G14", Held, 0, 6},
		}},
		{"expired", []string{hello, answer, `{"notice":{"statement":{"minutes":5}}}`, `{"send":"customer","count":8}`}, "expired", "", []expected{
			{"G14", Held, 0, 2},
		}},
		{"its words are a message", []string{`{"send":"customer","text":"I owe you ten"}`, answer, hosted, `{"grant":{"name":"g","to":"p","atoms":["plaintext"],"via":"copy"}}`,
			`{"notice":{"statement":{"grants":[{"to":"p","atoms":["session"],"via":"stream"}],"words":{"en":"I owe you ten","fr":"Je vous dois dix"}}}}`, hello}, "managed", "p", []expected{
			{"G10", Lost, 1, 2},
		}},
		{"two writers", []string{noOne, hello, answer, hosted, handOver, hello, answer, `{"inject":{"by":"p","as":"business","to":"customer","text":"mine"}}`, answer}, "contradicted", "", nil},
		{"a new identity key that no statement is bound to", []string{hello, answer, noOne, `{"rotate":"identity"}`, hello}, "unknown", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc, err := ParseScenario([]byte(told(c.script...)))
			require.NoError(t, err)
			for _, profile := range []Profile{Publishable, Lab} {
				r, b, err := EvaluateBundle(context.Background(), sc, nil, profile)
				require.NoError(t, err)
				requireAgreement(t, r, "%s", c.name)
				require.Equal(t, c.state, r.Notice.State)
				require.Equal(t, c.by, r.Notice.By)
				for _, w := range c.want {
					v := r.Find(w.g, "p")
					require.NotNil(t, v, w.g)
					require.Equal(t, w, expected{w.g, v.Result(), v.Messages(), v.Of()}, v.Text().EN)
					require.NotEmpty(t, v.Evidence())
					for _, text := range []string{v.Text().EN, v.Text().FR, r.Notice.Text.EN, r.Notice.Text.FR} {
						require.NotContains(t, text, "{")
						require.NotEmpty(t, text)
					}
				}
				out, err := check.Verify(b)
				require.NoError(t, err)
				require.Equal(t, strings.Count(told(c.script...), `"statement"`), out.Statements)
				_, same, err := EvaluateBundle(context.Background(), sc, nil, profile)
				require.NoError(t, err)
				require.Equal(t, b, same, "another run, another bundle")
			}
		})
	}
}

// TestNoticeIsNoMessage: a statement has no number, so that one more does not move what others
// speak of.
func TestNoticeIsNoMessage(t *testing.T) {
	sc, err := ParseScenario([]byte(told(hello, answer, noOne, `{"send":"customer","deliver":false}`, hosted, `{"deliver":[2]}`, answer)))
	require.NoError(t, err)
	r, err := Evaluate(context.Background(), sc, nil)
	require.NoError(t, err)
	require.Len(t, r.Messages, 4)
	for _, m := range r.Messages {
		require.True(t, m.Delivered)
	}
	statements := 0
	for _, e := range r.Evidence {
		if e.Kind == "statement" {
			statements++
		}
	}
	require.Equal(t, 2, statements)
}
