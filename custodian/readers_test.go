package custodian

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// replaced changes the first place of a file that has old.
func replaced(file, name, old, put string) fraud {
	return fraud{file + ": " + name, func(t *testing.T, files, _ map[string][]byte) {
		require.True(t, bytes.Contains(files[file], []byte(old)), "%s: %s: there is no %s", file, name, old)
		files[file] = bytes.Replace(files[file], []byte(old), []byte(put), 1)
	}}
}

// twoReadings are documents that one reader of JSON takes for something else than another does.
func twoReadings() []fraud {
	const lost = `"verdict":"lost"`
	list := []fraud{
		replaced("report.json", "another case", lost, `"verdict":"held","Verdict":"lost"`),
		replaced("report.json", "only another case", lost, `"Verdict":"lost"`),
		replaced("report.json", "a letter of Unicode that folds to s", `"messages":[`, `"me`+"ſ"+`sages":[`),
		replaced("report.json", "twice", lost, `"verdict":"held","verdict":"lost"`),
		replaced("report.json", "twice, the second escaped", lost, `"verdict":"held","ver\u0064ict":"lost"`),
		replaced("report.json", "escaped", lost, `"ver\u0064ict":"lost"`),
		replaced("report.json", "verdicts before the verdicts", `"verdicts":[`, `"verdicts":[],"verdicts":[`),
		replaced("report.json", "messages before the messages", `"messages":[`, `"messages":[],"messages":[`),
		replaced("report.json", "a notice before the notice", `"notice":`, `"notice":{"state":"e2ee","text":{"en":"","fr":""}},"notice":`),
		replaced("report.json", "a second notice in another case", `"notice":`, `"Notice":{"state":"e2ee","text":{"en":"","fr":""}},"notice":`),
		replaced("report.json", "null", `"injections":[]`, `"injections":null`),
		replaced("report.json", "a negative zero", `"i":0,`, `"i":-0,`),
		replaced("report.json", "a fraction", `"i":5,`, `"i":5.0,`),
		replaced("report.json", "an exponent", `"i":5,`, `"i":5e0,`),
		replaced("report.json", "a zero before", `"i":5,`, `"i":05,`),
		replaced("report.json", "a space", `"i":5,`, `"i": 5,`),
		replaced("report.json", "an order", `"i":5,"from":"business",`, `"from":"business","i":5,`),
		replaced("report.json", "half of a pair", `"tool":{"version":"`, `"tool":{"version":"\ud800`),
		replaced("report.json", "a zero character", `"tool":{"version":"`, `"tool":{"version":"\u0000`),
		replaced("report.json", "bytes that are not UTF-8", `"tool":{"version":"`, `"tool":{"version":"`+"\xff"),
		replaced("report.json", "an escape that need not be", `"custody-report-v1"`, `"custody-report\u002dv1"`),
		replaced("report.json", "a slash", `"sha256:`, `"\/sha256:`),
		replaced("transcript.json", "a default that is left out", `"number":0,`, `"number":0,"by":"",`),
		replaced("transcript.json", "an empty list that is left out", `"takes":[{`, `"takes":[{"skipped":[],`),
		replaced("transcript.json", "null for a list", `"pq_chains":[`, `"pq_chains":null,"x":[`),
		replaced("transcript.json", "a field of another kind of event", `"kind":"probe",`, `"kind":"probe","delivered":false,`),
		replaced("transcript.json", "an end that is none", `"at":0,`, `"at":-1,`),
		replaced("transcript.json", "an id of 33 bits", `"signed_prekey":{"id":`, `"signed_prekey":{"id":4294967296`),
		replaced("evidence.json", "a number above 2^53", `"probe":4,`, `"probe":18446744073709551615,`),
		replaced("manifest.json", "another case", `"profile":`, `"Profile":`),
	}
	for _, name := range []string{"report.json", "transcript.json", "evidence.json", "manifest.json"} {
		list = append(list,
			replaced(name, "a byte order mark", "{", "\xef\xbb\xbf{"),
			replaced(name, "no line feed", "}\n", "}"),
			replaced(name, "a second value", "}\n", "}{}\n"),
			replaced(name, "white space behind", "}\n", "}\n\n"),
			replaced(name, "white space before", "{", " {"),
		)
	}
	return list
}

// allRefused: neither verifier accepts a product of these frauds; what they start from is good.
func allRefused(t *testing.T, sc *Scenario, profile Profile, list []fraud) {
	t.Helper()
	good := filesOf(t, bundleOf(t, sc, profile))
	shown := []shownBundle{{"untouched", repack(t, good, profile), true}}
	for _, f := range list {
		files := maps.Clone(good)
		for name, b := range files {
			files[name] = slices.Clone(b)
		}
		f.do(t, files, nil)
		shown = append(shown, shownBundle{f.name, pack(t, files, profile), false})
	}
	requireSame(t, shown)
}

// pack is repack, but leaves a manifest that a fraud has changed as it is.
func pack(t *testing.T, files map[string][]byte, profile Profile) []byte {
	t.Helper()
	b := repack(t, files, profile)
	if m := files["manifest.json"]; bytes.Contains(m, []byte(`"Profile"`)) {
		return bytes.Replace(b, []byte(`"profile"`), []byte(`"Profile"`), 1)
	}
	return b
}

// TestTwoReadings: what can be read in two ways is refused by both verifiers (B15.16).
func TestTwoReadings(t *testing.T) {
	list := slices.DeleteFunc(twoReadings(), func(f fraud) bool {
		return strings.HasPrefix(f.name, "manifest.json") && !strings.Contains(f.name, "case")
	})
	allRefused(t, twoPrincipals(1), Publishable, list)
	allRefused(t, twoPrincipals(1), Lab, []fraud{
		replaced("scenario.json", "white space", `{"format"`, `{ "format"`),
		replaced("scenario.json", "another case", `"grant":`, `"Grant":`),
	})
}

// TestNames: names that a terminal, a file system or a reader could take for others are refused.
func TestNames(t *testing.T) {
	var list []fraud
	for _, name := range []string{
		"", "p 2", "../p", "p/2", `p\2`, "p.2", "p\u202e2", "p\x1b[2J", "р2", "P", "Customer", "BUSINESS", "2", "-p", "p\n", strings.Repeat("p", 65),
	} {
		list = append(list, fraud{fmt.Sprintf("principal %q", name), func(t *testing.T, files, _ map[string][]byte) {
			renamePrincipal(t, files, "p2", name)
		}})
		if name != "P" && name != "" {
			list = append(list, inFile("transcript.json", fmt.Sprintf("grant %q", name), func(v map[string]any) { dict(items(v["grants"])[0])["name"] = name }))
		}
		if name == "P" {
			continue
		}
		sc := twoPrincipals(1)
		sc.Principals[1].ID = name
		require.ErrorContains(t, sc.Check(), "principals[1].id", name)
	}
	sc := twoPrincipals(1)
	sc.Principals[1].ID = "P"
	require.ErrorContains(t, sc.Check(), "taken")
	allRefused(t, twoPrincipals(1), Publishable, list)
}

// renamePrincipal changes an id wherever it occurs, certificates' claims included.
func renamePrincipal(t *testing.T, files map[string][]byte, from, to string) {
	t.Helper()
	var value func(v any) any
	value = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				delete(v, k)
				if k == from {
					k = to
				}
				v[k] = value(x)
			}
		case []any:
			for i := range v {
				v[i] = value(v[i])
			}
		case string:
			words := strings.Split(v, " ")
			for i, w := range words {
				if w == from {
					words[i] = to
				}
			}
			return strings.Join(words, " ")
		}
		return v
	}
	for _, name := range []string{"transcript.json", "evidence.json", "report.json"} {
		edit(t, files, name, func(v map[string]any) { value(v) })
	}
}

// TestBoundedWork: chains that a bundle only says are long cost nothing; what two jumps make is let
// pass.
func TestBoundedWork(t *testing.T) {
	files := filesOf(t, bundleOf(t, pingPong(4, 6, 3, "copy", "session"), Publishable))
	var list []shownBundle
	for _, name := range []string{"turns", "pq_chains"} {
		for _, last := range []int64{400_000, 4_000_000, 1<<32 - 1} {
			f := maps.Clone(files)
			edit(t, f, "transcript.json", func(v map[string]any) { dict(items(v[name])[0])["last"] = json.Number(fmt.Sprint(last)) })
			b := repack(t, f, Publishable)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := check.Verify(b)
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, "longer than a bundle of this size")
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(40*len(b)))
			list = append(list, shownBundle{fmt.Sprintf("%s to %d", name, last), b, false})
		}
	}
	requireSame(t, list)
	f := maps.Clone(files)
	edit(t, f, "transcript.json", func(v map[string]any) { dict(items(v["turns"])[0])["last"] = number(50_000) })
	_, err := check.Verify(repack(t, f, Publishable))
	require.ErrorContains(t, err, "certificate", "it is worked off, and comes to another closure")
}

// TestSentences: what is quoted is what was verified. Each sentence that a maker of bundles puts in
// the place of another is refused by both verifiers.
func TestSentences(t *testing.T) {
	sc := twoPrincipals(1)
	sc.Principals[1].SameAs = ""
	sc.Script = append(sc.Script, Step{Grant: &Grant{Name: "o", To: "p2", Via: "oracle"}}, Step{Send: &Send{From: Customer, Hold: true}})
	more := func(name string, sentence string) fraud {
		return inFile("report.json", name+": "+sentence, func(v map[string]any) { v[name] = append(items(v[name]), any(sentence)) })
	}
	say := func(lang string) fraud {
		return verdictOf("a verdict in other words, "+lang, "G2", "p", func(v map[string]any) { dict(v["text"])[lang] = "p reads nothing." })
	}
	allRefused(t, sc, Publishable, []fraud{
		say("en"), say("fr"),
		inFile("report.json", "a limit left out", func(v map[string]any) { v["limits"] = items(v["limits"])[1:] }),
		inFile("report.json", "an assumption left out", func(v map[string]any) { v["assumptions"] = items(v["assumptions"])[1:] }),
		inFile("report.json", "other limits", func(v map[string]any) { items(v["limits"])[0] = "This report has been audited." }),
		more("limits", "An auditor has confirmed this report."),
		more("limits", "Grant g: root did not exist at that moment and was granted empty."),
		more("limits", "Grant h: root did not exist at that moment and was granted empty."),
		more("limits", "Message 0 was handed over and its receiver refused it."),
		more("limits", "Message 010 was handed over and its receiver refused it."),
		more("limits", "The customer's client refused the statement of script[1]: check 3, the signature."),
		more("assumptions", "p and p2 share everything that they know."),
		replaced("report.json", "a log of an auditor", `{"id":"l-0001"`, `{"id":"l-0002","kind":"log","claim":"audited"},{"id":"l-0001"`),
		replaced("report.json", "a log with another count", ` asked for `, ` asked for 1`),
		replaced("report.json", "an absence of nothing", `{"id":"l-0001"`, `{"id":"a-0009","kind":"absence","claim":"nothing is known of p"},{"id":"l-0001"`),
		{"other templates", func(t *testing.T, files, _ map[string][]byte) {
			files["sentences.txt"] = bytes.Replace(files["sentences.txt"], []byte("can read"), []byte("can not read"), 1)
		}},
		{"no templates", func(_ *testing.T, files, _ map[string][]byte) { delete(files, "sentences.txt") }},
	})
	allRefused(t, sc, Publishable, []fraud{
		inFile("report.json", "a log left out", func(v map[string]any) {
			v["evidence"] = slices.DeleteFunc(items(v["evidence"]), func(e any) bool { return dict(e)["kind"] == "log" })
		}),
	})
}

// TestSentencesAreKnown: the two verifiers and the page name the templates that reports are made
// with. Who changes a sentence changes these.
func TestSentencesAreKnown(t *testing.T) {
	digest := strings.TrimPrefix(sentencesDigest(), "sha256:")
	for _, file := range []string{"check/sentences.go", "outsider/verify.mjs", "../docs/custody-bundle.md"} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(b), digest), "%s should name %s", file, digest)
	}
}
