package custodian

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// lateFrauds are those about severity and metadata, which every bundle has.
func lateFrauds() []fraud {
	severity := func(name, field string, value any) fraud {
		return verdictOf("severity: "+name, "G2", "p", func(v map[string]any) {
			s := dict(v["severity"])
			if _, ok := s[field]; !ok {
				s = dict(s["inputs"])
			}
			s[field] = value
		})
	}
	metadata := func(field string, value any) fraud {
		return verdictOf("metadata: "+field, "G13", "p", func(v map[string]any) { dict(v["metadata"])[field] = value })
	}
	return []fraud{
		severity("class", "class", "low"), severity("base", "base", number(0)), severity("exposure", "exposure", number(1)),
		severity("persistence", "persistence", number(3)), severity("active", "active", number(1)),
		metadata("contact", false), metadata("timing", false), metadata("messages", number(1)), metadata("bytes", number(1)),
		verdictOf("metadata gone", "G13", "p", func(v map[string]any) { delete(v, "metadata") }),
		verdictOf("metadata of no matter", "G2", "p", func(v map[string]any) {
			v["metadata"] = map[string]any{"contact": true, "timing": true, "messages": number(1), "bytes": number(1)}
		}),
		verdictOf("nobody saw anything", "G13", "p", func(v map[string]any) { v["verdict"] = "held"; v["evidence"] = []any{"c-0001"} }),
		verdictOf("no new session", "G9", "p", func(v map[string]any) { v["verdict"] = "lost" }),
		inFile("evidence.json", "observation gone", func(v map[string]any) { v["observations"] = items(v["observations"])[1:] }),
		inFile("evidence.json", "observation of another", func(v map[string]any) { dict(items(v["observations"])[0])["principal"] = "p2" }),
		inFile("evidence.json", "observation twice", func(v map[string]any) { l := items(v["observations"]); v["observations"] = append(l, l[0]) }),
	}
}

// TestTamperedLate: frauds about what a former provider did, each in a conversation in which it did
// it.
func TestTamperedLate(t *testing.T) {
	revoke := Step{Revoke: "g"}
	identity := grantStep("i", "p", "copy", "identity")
	chain := grantStep("g", "p", "copy", "sending-chain", "pq-sending-chain")
	quota := Step{Grant: &Grant{Name: "g", To: "p", Via: "quota", Count: 1}}
	as := injectStep(Business, Customer)
	grant := func(name, field string, value any) fraud {
		return inFile("transcript.json", name, func(v map[string]any) { dict(items(v["grants"])[0])[field] = value })
	}
	verdict := func(name, id, field string, value any) fraud {
		return verdictOf(name, id, "p", func(v map[string]any) { v[field] = value })
	}
	for _, c := range []struct {
		steps  []Step
		frauds []fraud
	}{
		{[]Step{chain, revoke, {Send: &Send{From: Business}}, as}, []fraud{
			verdict("the window is shorter", "G8", "messages", number(0)),
			verdict("nobody wrote late", "G8", "verdict", "held"),
			verdict("it kept to its mandate", "G16", "verdict", "held"),
			verdict("as long as it writes nothing", "G16", "verdict", "conditional"),
			grant("never revoked", "ended", number(-1)),
			grant("revoked earlier", "ended", number(0)),
			grant("revoked later", "ended", number(1000)),
			grant("of the other end", "from", "customer"),
			grant("a quota", "via", "quota"),
			inFile("report.json", "late verdict gone", func(v map[string]any) {
				l := items(v["verdicts"])
				v["verdicts"] = append(append([]any{}, l[:7]...), l[8:]...)
			}),
		}},
		{[]Step{identity}, []fraud{
			verdict("no session was begun", "G9", "verdict", "held"),
			verdict("fewer moments", "G9", "of", number(1)),
			inFile("evidence.json", "session gone", func(v map[string]any) { v["sessions"] = items(v["sessions"])[1:] }),
			inFile("evidence.json", "session of another", func(v map[string]any) { dict(items(v["sessions"])[0])["principal"] = "x" }),
			inFile("evidence.json", "session twice", func(v map[string]any) { l := items(v["sessions"]); l[0] = l[1] }),
			inFile("evidence.json", "session by a chain", func(v map[string]any) { dict(items(v["sessions"])[0])["strategy"] = "S1" }),
			inFile("evidence.json", "session altered", func(v map[string]any) {
				s := dict(items(v["sessions"])[0])
				k := dict(s["keys"])
				k["mac"] = flip(k["mac"].(string))
			}),
		}},
		{[]Step{chain, as, {Send: &Send{From: Business}}}, []fraud{
			verdict("one writer", "G17", "verdict", "held"),
			verdict("one writer, as long as", "G17", "verdict", "conditional"),
			inFile("evidence.json", "collision gone", func(v map[string]any) { v["collisions"] = []any{} }),
			inFile("evidence.json", "collision elsewhere", func(v map[string]any) { dict(items(v["collisions"])[0])["message"] = number(0) }),
			inFile("evidence.json", "collision of another", func(v map[string]any) { dict(items(v["collisions"])[0])["principal"] = "x" }),
		}},
		{[]Step{quota, as}, []fraud{
			grant("a larger quota", "count", number(0)),
			grant("not a quota", "via", "copy"),
			verdict("beyond the quota", "G16", "verdict", "lost"),
		}},
	} {
		_, good, err := EvaluateBundle(context.Background(), then(4, c.steps...), nil, Publishable)
		require.NoError(t, err)
		_, err = check.Verify(good)
		require.NoError(t, err)
		for _, f := range c.frauds {
			files := filesOf(t, good)
			f.do(t, files, nil)
			tampered := repack(t, files, Publishable)
			require.NotEqual(t, good, tampered, f.name)
			_, err := check.Verify(tampered)
			require.Error(t, err, f.name)
			t.Logf("%-40s %v", f.name, err)
		}
	}
}
