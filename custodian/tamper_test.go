package custodian

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// filesOf unpacks a bundle.
func filesOf(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		files[h.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

// repack makes a bundle of files, with a manifest to match: what a forger can do too.
func repack(t *testing.T, files map[string][]byte, profile Profile) []byte {
	t.Helper()
	b := &bundle{profile: profile}
	for name, data := range files {
		if name != "manifest.json" {
			b.add(name, data)
		}
	}
	out, err := b.archive()
	require.NoError(t, err)
	return out
}

func items(v any) []any         { return v.([]any) }
func dict(v any) map[string]any { return v.(map[string]any) }
func flip(s string) string {
	return string("0123456789abcdef"[15-strings.IndexByte("0123456789abcdef", s[0])]) + s[1:]
}
func number(n int) any              { return json.Number(fmt.Sprint(n)) }
func events(v map[string]any) []any { return items(v["events"]) }
func kind(e any, k string) bool     { return dict(e)["kind"] == k }
func first(list []any, k string) any {
	return list[slices.IndexFunc(list, func(e any) bool { return kind(e, k) })]
}

// A fraud is a change that a forger makes before re-making the manifest.
type fraud struct {
	name string
	do   func(t *testing.T, files, other map[string][]byte)
}

func inFile(file, name string, change func(map[string]any)) fraud {
	return fraud{name, func(t *testing.T, files, _ map[string][]byte) { edit(t, files, file, change) }}
}

func reading(name string, change func(readings []any)) fraud {
	return inFile("evidence.json", name, func(v map[string]any) { change(items(v["readings"])) })
}

func verdictOf(name, id, principal string, change func(map[string]any)) fraud {
	return inFile("report.json", name, func(v map[string]any) {
		for _, x := range items(v["verdicts"]) {
			if m := dict(x); m["id"] == id && m["principal"] == principal {
				change(m)
			}
		}
	})
}

// headlineOf changes what a report begins with.
func headlineOf(name string, change func(report, headline map[string]any)) fraud {
	return inFile("report.json", "headline: "+name, func(v map[string]any) { change(v, dict(v["headline"])) })
}

// frauds are what the four of custody B15.9 grow into.
func frauds() []fraud {
	cert := func(name string, change func(lines []string) []string) fraud {
		return fraud{"certificate: " + name, func(t *testing.T, files, _ map[string][]byte) {
			lines := strings.SplitAfter(strings.TrimSuffix(string(files["certificates/c-0001.txt"]), "\n"), "\n")
			lines[len(lines)-1] += "\n"
			forged := []byte(strings.Join(change(lines), ""))
			old := sha256.Sum256(files["certificates/c-0001.txt"])
			sum := sha256.Sum256(forged)
			files["certificates/c-0001.txt"] = forged
			// The forger makes the report's claim match too.
			claim := fmt.Sprintf("is %d atoms (sha256:", strings.Count(string(forged), "\n"))
			files["report.json"] = bytes.ReplaceAll(files["report.json"], []byte(hex.EncodeToString(old[:])), []byte(hex.EncodeToString(sum[:])))
			files["report.json"] = bytes.ReplaceAll(files["report.json"], fmt.Appendf(nil, "is %d atoms (sha256:", len(lines)), []byte(claim))
		}}
	}
	list := []fraud{
		cert("atom deleted", func(l []string) []string { return l[1:] }),
		cert("last atom deleted", func(l []string) []string { return l[:len(l)-1] }),
		cert("a plaintext deleted", func(l []string) []string {
			return slices.DeleteFunc(l, func(s string) bool { return strings.HasPrefix(s, "plaintext(") })
		}),
		cert("atom added", func(l []string) []string { return append(l, "zebra(1) @0\n") }),
		cert("later", func(l []string) []string { l[3] = strings.TrimSuffix(l[3], "\n") + "9\n"; return l }),
		cert("unsorted", func(l []string) []string { l[0], l[1] = l[1], l[0]; return l }),
		cert("empty", func([]string) []string { return nil }),
		{"certificates swapped", func(_ *testing.T, f, _ map[string][]byte) {
			f["certificates/c-0001.txt"], f["certificates/c-0003.txt"] = f["certificates/c-0003.txt"], f["certificates/c-0001.txt"]
		}},
		{"certificate of another conversation", func(_ *testing.T, f, o map[string][]byte) {
			f["certificates/c-0001.txt"] = o["certificates/c-0001.txt"]
		}},
		{"witnesses of another conversation", func(_ *testing.T, f, o map[string][]byte) { f["evidence.json"] = o["evidence.json"] }},
		{"transcript of another conversation", func(_ *testing.T, f, o map[string][]byte) { f["transcript.json"] = o["transcript.json"] }},
		{"report of another conversation", func(_ *testing.T, f, o map[string][]byte) { f["report.json"] = o["report.json"] }},
		{"parcel of another conversation", func(_ *testing.T, f, o map[string][]byte) { f["parcels/0001.names"] = o["parcels/0001.names"] }},
		{"parcel cut", func(_ *testing.T, f, _ map[string][]byte) {
			f["parcels/0001.names"] = f["parcels/0001.names"][:len(f["parcels/0001.names"])-80]
		}},
		{"parcel gone", func(_ *testing.T, f, _ map[string][]byte) { delete(f, "parcels/0001.names") }},
		{"a file too many", func(_ *testing.T, f, _ map[string][]byte) { f["note.txt"] = []byte("trust me") }},
		{"rule gone", func(_ *testing.T, f, _ map[string][]byte) { f["rulebook.txt"] = f["rulebook.txt"][40:] }},
		{"rule book and its hash", func(t *testing.T, f, _ map[string][]byte) {
			f["rulebook.txt"] = append(f["rulebook.txt"], "R99 plaintext(m) <- nothing\n"...)
			sum := sha256.Sum256(f["rulebook.txt"])
			edit(t, f, "report.json", func(v map[string]any) { dict(v["tool"])["rulebook"] = "sha256:" + hex.EncodeToString(sum[:]) })
		}},
		reading("keys swapped", func(r []any) { a, b := dict(r[0]), dict(r[1]); a["keys"], b["keys"] = b["keys"], a["keys"] }),
		reading("messages swapped", func(r []any) {
			a, b := dict(r[0]), dict(r[1])
			a["message"], b["message"] = b["message"], a["message"]
		}),
		reading("texts swapped", func(r []any) {
			a, b := dict(r[0]), dict(r[1])
			a["text_sha256"], b["text_sha256"] = b["text_sha256"], a["text_sha256"]
		}),
		reading("principal", func(r []any) { dict(r[0])["principal"] = "p2" }),
		reading("id", func(r []any) { dict(r[0])["id"] = "w-9999" }),
		reading("twice", func(r []any) { r[0] = r[1] }),
		reading("given, not read", func(r []any) { delete(dict(r[0]), "keys") }),
		inFile("evidence.json", "reading gone", func(v map[string]any) { v["readings"] = items(v["readings"])[1:] }),
		inFile("evidence.json", "forgery gone", func(v map[string]any) { v["forgeries"] = items(v["forgeries"])[1:] }),
		inFile("evidence.json", "forgeries swapped", func(v map[string]any) {
			f := items(v["forgeries"])
			a, b := dict(f[0]), dict(f[1])
			a["body"], b["body"] = b["body"], a["body"]
		}),
		inFile("evidence.json", "forgery of a real message", func(v map[string]any) {
			r, f := dict(items(v["readings"])[0]), dict(items(v["forgeries"])[0])
			f["keys"], f["text_sha256"] = r["keys"], r["text_sha256"]
		}),
		inFile("evidence.json", "strategy", func(v map[string]any) { dict(items(v["forgeries"])[0])["strategy"] = "S9" }),
		inFile("evidence.json", "certificate gone", func(v map[string]any) { v["certificates"] = items(v["certificates"])[1:] }),
		inFile("transcript.json", "truncated by one", func(v map[string]any) { v["events"] = events(v)[:len(events(v))-1] }),
		inFile("transcript.json", "truncated by half", func(v map[string]any) { v["events"] = events(v)[:len(events(v))/2] }),
		inFile("transcript.json", "beginning gone", func(v map[string]any) { v["events"] = events(v)[1:] }),
		{"message altered", func(t *testing.T, files, _ map[string][]byte) {
			var read any
			edit(t, files, "evidence.json", func(v map[string]any) { read = dict(items(v["readings"])[0])["message"] })
			edit(t, files, "transcript.json", func(v map[string]any) {
				for _, e := range events(v) {
					if m := dict(e); kind(e, "message") && m["number"] == read {
						s := m["body"].(string)
						m["body"] = s[:len(s)-40] + flip(s[len(s)-40:])
					}
				}
			})
		}},
		inFile("transcript.json", "message from the other end", func(v map[string]any) { dict(first(events(v), "message"))["from"] = "business" }),
		inFile("transcript.json", "not delivered", func(v map[string]any) { dict(first(events(v), "message"))["delivered"] = false }),
		inFile("transcript.json", "receiver takes nothing", func(v map[string]any) {
			for _, e := range events(v) {
				if kind(e, "probe") {
					dict(e)["takes"] = []any{}
				}
			}
		}),
		inFile("transcript.json", "chains gone", func(v map[string]any) { v["turns"] = items(v["turns"])[1:] }),
		inFile("transcript.json", "turn against nothing", func(v map[string]any) { delete(dict(items(v["turns"])[2]), "against") }),
		inFile("transcript.json", "grant later", func(v map[string]any) { dict(items(v["grants"])[0])["since"] = number(5) }),
		inFile("transcript.json", "grant to another", func(v map[string]any) { dict(items(v["grants"])[0])["to"] = "p2" }),
		inFile("transcript.json", "principal sees nothing", func(v map[string]any) { dict(items(v["principals"])[0])["sees"] = "none" }),
		inFile("transcript.json", "unknown field", func(v map[string]any) { v["extra"] = true }),
		inFile("report.json", "reader left out", func(v map[string]any) {
			for _, m := range items(v["messages"]) {
				dict(m)["readable_by"] = []any{}
			}
		}),
		inFile("report.json", "no limits", func(v map[string]any) { v["limits"] = []any{} }),
		headlineOf("gone", func(v, _ map[string]any) { delete(v, "headline") }),
		headlineOf("state", func(_, h map[string]any) { h["state"] = "private" }),
		headlineOf("history in English", func(_, h map[string]any) {
			dict(h["history"])["en"] = "All messages were end-to-end encrypted: nobody outside this chat could read or write one."
		}),
		headlineOf("history in French", func(_, h map[string]any) {
			dict(h["history"])["fr"] = strings.Replace(dict(h["history"])["fr"].(string), "lire", "voir", 1)
		}),
		headlineOf("messages", func(_, h map[string]any) { dict(items(h["readers"])[0])["messages"] = number(7) }),
		headlineOf("handed on", func(_, h map[string]any) { r := dict(items(h["readers"])[0]); r["handed_on"] = r["messages"] }),
		headlineOf("last", func(_, h map[string]any) { dict(items(h["readers"])[0])["last"] = number(99) }),
		headlineOf("reader gone", func(_, h map[string]any) { h["readers"] = items(h["readers"])[1:] }),
		headlineOf("another reader", func(_, h map[string]any) { dict(items(h["readers"])[0])["principal"] = "nobody" }),
		headlineOf("writer gone", func(_, h map[string]any) { h["writers"] = items(h["writers"])[1:] }),
		headlineOf("of", func(_, h map[string]any) { h["of"] = number(1) }),
		headlineOf("now gone", func(_, h map[string]any) { delete(h, "now") }),
		headlineOf("now nobody", func(_, h map[string]any) {
			h["now"] = map[string]any{"state": "nobody", "since": number(2), "by": []any{}, "text": dict(h["now"])["text"]}
		}),
		headlineOf("words of now", func(_, h map[string]any) {
			dict(dict(h["now"])["text"])["en"] = "Since message 2 nobody else can read or write."
		}),
		inFile("report.json", "words of the notice", func(v map[string]any) { dict(dict(v["notice"])["text"])["fr"] = "Rien à signaler." }),
		inFile("report.json", "notice", func(v map[string]any) { n := dict(v["notice"]); n["state"] = "e2ee"; delete(n, "by") }),
		inFile("report.json", "claim", func(v map[string]any) { dict(items(v["evidence"])[0])["claim"] = "nobody reads anything" }),
		inFile("report.json", "verdict gone", func(v map[string]any) { v["verdicts"] = items(v["verdicts"])[1:] }),
		inFile("report.json", "verdicts swapped", func(v map[string]any) { l := items(v["verdicts"]); l[0], l[1] = l[1], l[0] }),
		verdictOf("lost called held", "G2", "p", func(v map[string]any) { v["verdict"] = "held"; v["evidence"] = []any{"c-0001"} }),
		verdictOf("held called lost", "G2", "p2", func(v map[string]any) { v["verdict"] = "lost"; v["evidence"] = []any{"w-0001"} }),
		verdictOf("unknown", "G2", "p", func(v map[string]any) { v["verdict"] = "unknown" }),
		verdictOf("no evidence", "G2", "p", func(v map[string]any) { v["evidence"] = []any{} }),
		verdictOf("another's certificate", "G2", "p2", func(v map[string]any) { v["evidence"] = []any{"c-0001"} }),
		verdictOf("count", "G2", "p", func(v map[string]any) { v["messages"] = number(0) }),
		verdictOf("healing", "G5", "p", func(v map[string]any) { dict(v["healing"])["quantum"] = number(1) }),
	}
	return append(list, lateFrauds()...)
}

// twoPrincipals is a conversation of which one principal is given the session, and another nothing.
func twoPrincipals(seed uint64) *Scenario {
	sc := pingPong(4, 10, 4, "copy", "session")
	sc.Seed = seed
	sc.Principals = append(sc.Principals, Principal{ID: "p2", Role: Outsider})
	return sc
}

// TestTamperedBundles: each fraud is refused although the manifest was made anew (B15.9, B15.12).
func TestTamperedBundles(t *testing.T) {
	good, other := bundleOf(t, twoPrincipals(1), Publishable), bundleOf(t, twoPrincipals(2), Publishable)
	_, err := check.Verify(repack(t, filesOf(t, good), Publishable))
	require.NoError(t, err)
	list := frauds()
	require.GreaterOrEqual(t, len(list), 50)
	for _, f := range list {
		files := filesOf(t, good)
		f.do(t, files, filesOf(t, other))
		tampered := repack(t, files, Publishable)
		require.NotEqual(t, good, tampered, f.name)
		_, err := check.Verify(tampered)
		require.Error(t, err, f.name)
		require.True(t, strings.HasPrefix(err.Error(), "check: ") || strings.HasPrefix(err.Error(), "witness "), err.Error())
		t.Logf("%-40s %v", f.name, err)
	}
	_, err = check.Verify(repack(t, filesOf(t, good), Lab))
	require.Error(t, err, "another profile")
}

// TestEveryByte: no byte of a bundle can be changed, headers and padding included.
func TestEveryByte(t *testing.T) {
	sc := pingPong(3, 1, 1, "copy", "sending-chain")
	b := bundleOf(t, sc, Publishable)
	_, err := check.Verify(b)
	require.NoError(t, err)
	for i := range b {
		b[i] ^= 1 << (i % 8)
		_, err := check.Verify(b)
		require.Error(t, err, "byte %d", i)
		b[i] ^= 1 << (i % 8)
	}
	for _, n := range []int{0, 1, 511, 512, len(b) / 2, len(b) - 512, len(b) - 1} {
		_, err := check.Verify(b[:n])
		require.Error(t, err, "cut to %d", n)
	}
	_, err = check.Verify(append(bytes.Clone(b), 0))
	require.Error(t, err)
}

// TestSameBundle: the same scenario is the same bytes, in each profile.
func TestSameBundle(t *testing.T) {
	for _, profile := range []Profile{Publishable, Lab} {
		require.Equal(t, bundleOf(t, twoPrincipals(1), profile), bundleOf(t, twoPrincipals(1), profile))
	}
	require.NotEqual(t, bundleOf(t, twoPrincipals(1), Publishable), bundleOf(t, twoPrincipals(2), Publishable))
}

// TestLabValues: in a lab bundle a value of a parcel that a witness rests on cannot be changed.
func TestLabValues(t *testing.T) {
	files := filesOf(t, bundleOf(t, twoPrincipals(1), Lab))
	_, err := check.Verify(repack(t, files, Lab))
	require.NoError(t, err)
	b := files["parcels/0001.bin"]
	refused, values := 0, 0
	for at := len("custody-parcel-v1\x00"); at < len(b); values++ {
		n := int(b[at+80])<<24 | int(b[at+81])<<16 | int(b[at+82])<<8 | int(b[at+83])
		b[at+84+n/2] ^= 4
		if _, err := check.Verify(repack(t, files, Lab)); err != nil {
			require.ErrorContains(t, err, "derivation")
			refused++
		}
		b[at+84+n/2] ^= 4
		at += 84 + n
	}
	t.Logf("%d of %d values are used by a witness", refused, values)
	require.Greater(t, refused, 1)
	files["scenario.json"] = append(files["scenario.json"], ' ')
	_, err = check.Verify(repack(t, files, Lab))
	require.ErrorContains(t, err, "scenario.json")
}
