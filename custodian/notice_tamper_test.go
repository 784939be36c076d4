package custodian

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// changed returns a change of the transcript's first event with this kind and signal.
func changed(kind, signal string, change func(map[string]any)) func(*testing.T, map[string][]byte, map[string][]byte) {
	return func(t *testing.T, f, _ map[string][]byte) {
		edit(t, f, "transcript.json", func(v map[string]any) {
			for _, e := range events(v) {
				if d := dict(e); d["kind"] == kind && (signal == "" || d["signal"] == signal) {
					change(d)
					return
				}
			}
			t.Fatalf("no such event: %s %s", kind, signal)
		})
	}
}

// noticeFrauds are changes to a bundle of a conversation with notices.
func noticeFrauds() []fraud {
	statement := func(name string, change func([]byte) []byte) fraud {
		return fraud{name, func(_ *testing.T, f, _ map[string][]byte) {
			f["statements/0002.bin"] = change(bytes.Clone(f["statements/0002.bin"]))
		}}
	}
	evidence := func(name string, change func(map[string]any)) fraud {
		return inFile("evidence.json", name, change)
	}
	return []fraud{
		statement("a bit of the signature", func(b []byte) []byte { b[len(b)-60] ^= 1; return b }),
		statement("the words of the business", func(b []byte) []byte { return bytes.Replace(b, []byte("Acme"), []byte("Akme"), 1) }),
		statement("the provider", func(b []byte) []byte { return bytes.Replace(b, []byte("\x01p\x02"), []byte("\x01q\x02"), 1) }),
		statement("the label", func(b []byte) []byte { return bytes.Replace(b, []byte("managed:read"), []byte("managed:Read"), 1) }),
		statement("cut", func(b []byte) []byte { return b[:len(b)-1] }),
		statement("longer", func(b []byte) []byte { return append(b, 0) }),
		statement("no control message", func(b []byte) []byte { b[3] ^= 1; return b }),
		{"statement of another conversation", func(_ *testing.T, f, o map[string][]byte) { f["statements/0002.bin"] = o["statements/0002.bin"] }},
		{"statements swapped", func(_ *testing.T, f, _ map[string][]byte) {
			f["statements/0001.bin"], f["statements/0002.bin"] = f["statements/0002.bin"], f["statements/0001.bin"]
		}},
		{"statement gone", func(_ *testing.T, f, _ map[string][]byte) { delete(f, "statements/0002.bin") }},
		inFile("transcript.json", "another root key", func(v map[string]any) {
			c := dict(v["custody"])
			c["root"] = flip(c["root"].(string))
		}),
		inFile("transcript.json", "another profile", func(v map[string]any) {
			c := dict(v["custody"])
			c["profile"] = map[any]string{CustodyRoot: IdentitySigned, IdentitySigned: CustodyRoot}[c["profile"]]
		}),
		inFile("transcript.json", "another protocol", func(v map[string]any) { dict(v["custody"])["protocol"] = number(3) }),
		inFile("transcript.json", "no custody", func(v map[string]any) { delete(v, "custody") }),
		{"it never came", changed("client", "statement", func(e map[string]any) { e["signal"] = "complete"; delete(e, "statement") })},
		{"it came twice", changed("client", "asked", func(e map[string]any) {
			e["signal"], e["statement"] = "statement", number(0)
			delete(e, "identity")
		})},
		{"a collision that was not", changed("client", "asked", func(e map[string]any) { e["signal"] = "collision"; delete(e, "identity") })},
		{"a signal that does not exist", changed("client", "asked", func(e map[string]any) { e["signal"] = "wave" })},
		{"asked about another key", changed("client", "asked", func(e map[string]any) { e["identity"] = flip(e["identity"].(string)) })},
		{"the time of the client", changed("client", "asked", func(e map[string]any) { e["time"] = number(1) })},
		{"the time of a message", changed("message", "", func(e map[string]any) { e["time"] = number(1<<31 - 1) })},
		{"by the provider", changed("statement", "", func(e map[string]any) { e["by"] = "p" })},
		inFile("report.json", "what the client shows", func(v map[string]any) { n := dict(v["notice"]); n["state"] = "e2ee"; delete(n, "by") }),
		inFile("report.json", "who is shown", func(v map[string]any) { dict(v["notice"])["by"] = "o" }),
		inFile("report.json", "claim of a statement", func(v map[string]any) {
			for _, e := range items(v["evidence"]) {
				if d := dict(e); d["kind"] == "statement" {
					d["claim"] = strings.Replace(d["claim"].(string), "accepted", "refused", 1)
				}
			}
		}),
		inFile("report.json", "statement left out", func(v map[string]any) {
			for _, e := range items(v["evidence"]) {
				if d := dict(e); d["kind"] == "statement" {
					d["kind"] = "log"
				}
			}
		}),
		verdictOf("deniability", "G10", "p", func(v map[string]any) { v["verdict"] = "lost" }),
		verdictOf("whose notice", "G11", "p", func(v map[string]any) { v["verdict"] = "unknown" }),
		verdictOf("honesty", "G14", "p", func(v map[string]any) { v["of"] = number(99) }),
		verdictOf("honesty without statements", "G14", "p", func(v map[string]any) { v["evidence"] = items(v["evidence"])[:1] }),
		verdictOf("consent", "G15", "p", func(v map[string]any) { v["verdict"], v["messages"] = "held", number(0) }),
		evidence("a notice made up", func(v map[string]any) {
			v["notices"] = []any{map[string]any{"id": "w-0001", "principal": "p", "at": number(4), "body": hex.EncodeToString([]byte("trust me"))}}
		}),
		evidence("a contradiction made up", func(v map[string]any) {
			v["contradictions"] = []any{map[string]any{"id": "w-0001", "at": number(4)}}
		}),
	}
}

// TestTamperedNotices: each fraud about statements is refused although the manifest was made anew.
func TestTamperedNotices(t *testing.T) {
	const late = `{"notice":{"statement":{"grants":[{"to":"p","atoms":["session"],"via":"stream"}],"words":{"en":"Acme answers.","fr":"Acme répond."}}}}`
	conversation := func(seed uint64, script ...string) map[string][]byte {
		sc, err := ParseScenario([]byte(told(script...)))
		require.NoError(t, err)
		sc.Seed = seed
		return filesOf(t, bundleOf(t, sc, Publishable))
	}
	script := []string{hello, answer, noOne, handOver, hello, answer, late, hello, answer}
	good, other := conversation(1, script...), conversation(2, script...)
	_, err := check.Verify(repack(t, good, Publishable))
	require.NoError(t, err)
	for _, f := range noticeFrauds() {
		files := conversation(1, script...)
		f.do(t, files, other)
		tampered := repack(t, files, Publishable)
		require.NotEqual(t, repack(t, good, Publishable), tampered, f.name)
		_, err := check.Verify(tampered)
		require.Error(t, err, f.name)
		require.NotContains(t, err.Error(), "manifest", f.name)
		t.Logf("%-36s %v", f.name, err)
	}
	t.Run("a forged notice", func(t *testing.T) {
		files := conversation(1, allOfIt, byIdentity, hello, answer)
		_, err := check.Verify(repack(t, files, Publishable))
		require.NoError(t, err)
		for _, change := range []func(map[string]any){
			func(v map[string]any) { v["notices"] = items(v["notices"])[1:] },
			func(v map[string]any) { n := items(v["notices"]); n[0] = n[1] },
			func(v map[string]any) { dict(items(v["notices"])[0])["principal"] = "o" },
			func(v map[string]any) {
				n := dict(items(v["notices"])[0])
				body := n["body"].(string)
				n["body"] = body[:len(body)-200] + flip(body[len(body)-200:])
			},
			func(v map[string]any) {
				dict(items(v["notices"])[0])["body"] = hex.EncodeToString(files["statements/0001.bin"])
			},
		} {
			tampered := conversation(1, allOfIt, byIdentity, hello, answer)
			edit(t, tampered, "evidence.json", change)
			_, err := check.Verify(repack(t, tampered, Publishable))
			require.Error(t, err)
		}
	})
	t.Run("a contradiction", func(t *testing.T) {
		script := []string{hello, answer, noOne, `{"notice":{"statement":{"equivocate":true}}}`, hello}
		files := conversation(1, script...)
		_, err := check.Verify(repack(t, files, Publishable))
		require.NoError(t, err)
		twin := files["statements/0002.twin"]
		twin[len(twin)-80] ^= 1 // of the signature
		_, err = check.Verify(repack(t, files, Publishable))
		require.ErrorContains(t, err, "proves no contradiction")
	})
}
