package custodian

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"signet.example/signet/custodian/check"
)

var outsiderMutants = flag.Int("outsider.mutants", 240, "random changes of bundles about which the two verifiers are asked")

// TestOutsiderDiffers: however a document of a bundle is changed, byte by byte, token by token or
// value by value, the two verifiers answer alike (B15.16).
func TestOutsiderDiffers(t *testing.T) {
	g := rand.New(rand.NewPCG(16, uint64(*outsiderMutants)))
	talk := pingPong(4, 4, 2, "copy", "session", "plaintext")
	talk.Principals = append(talk.Principals, Principal{ID: "p2", Role: Outsider, SameAs: "p"})
	var goods []map[string][]byte
	var profiles []Profile
	for i, sc := range []*Scenario{talk, pingPong(3, 3, 1, "stream", "everything"), randomCustody(3).Scenario, randomScenario(8)} {
		profiles = append(profiles, []Profile{Publishable, Lab}[i%2])
		goods = append(goods, filesOf(t, bundleOf(t, sc, profiles[i])))
	}
	const batch = 2000 // of which each is a file while node reads it
	for done := 0; done < *outsiderMutants; done += batch {
		var list []shownBundle
		accepted := 0
		for n := range min(batch, *outsiderMutants-done) {
			i := g.IntN(len(goods))
			files := maps.Clone(goods[i])
			names := []string{"transcript.json", "evidence.json", "report.json"}
			if profiles[i] == Lab {
				names = append(names, "scenario.json")
			}
			name := names[g.IntN(len(names))]
			files[name] = slices.Clone(files[name])
			how := mutate(t, g, files, name)
			b := repack(t, files, profiles[i])
			_, err := check.Verify(b)
			if err == nil {
				accepted++
			}
			list = append(list, shownBundle{fmt.Sprintf("mutant %d: %s: %s (%v)", done+n, name, how, err), b, err == nil})
		}
		requireSame(t, list)
		t.Logf("%d of %d accepted", accepted, len(list))
	}
}

// mutate changes a document in one place.
func mutate(t *testing.T, g *rand.Rand, files map[string][]byte, name string) string {
	t.Helper()
	switch g.IntN(4) {
	case 0:
		where := ""
		edit(t, files, name, func(v map[string]any) { where = changeOne(g, v) })
		return "value" + where
	case 1:
		b := files[name]
		i := g.IntN(len(b))
		b[i] ^= 1 << g.IntN(8)
		return fmt.Sprintf("byte %d", i)
	case 2:
		return swapToken(g, files, name)
	}
	where := ""
	edit(t, files, name, func(v map[string]any) { where = replaceOne(g, v) })
	return "kind" + where
}

// swapToken puts something strange in the place of a token, or beside it.
func swapToken(g *rand.Rand, files map[string][]byte, name string) string {
	tokens := [][2]string{
		{":0,", ":-0,"}, {":1,", ":1.0,"}, {":2,", ":2e0,"}, {":0,", ":null,"}, {":false", ":null"}, {"[]", "null"}, {`"at":`, `"At":`}, {":1,", ":-1,"},
		{`,"`, `, "`}, {`":`, `" :`}, {`{"`, `{"a":1,"`}, {`"id":`, `"id":"x","id":`}, {"true", "false"}, {"false", "true"}, {`"p`, `"\u0070`}, {`"05`, `"06`},
		{`"05`, `"0"`}, {`"p"`, `"p\u200d"`}, {`"p"`, `"../p"`}, {`"p"`, `"P"`}, {`"en":"`, `"en":"\ud83d`}, {`"`, "\"\x00"}, {`"`, "\"\xc3"}, {":3", ":03"},
		{":1,", ":4294967296,"}, {":1,", ":9007199254740992,"}, {":1,", ":9007199254740991,"}, {"c-00", "c-0"}, {"w-000", "w-00000"}, {`"by":`, `"grant":`},
		{`":""`, `":" "`}, {`[{`, `[{},{`}, {`"delivered":true`, `"delivered":1`}, {`"0`, `"A`}, {"parcels/0001", "parcels/../parcels/0001"},
	}
	x := tokens[g.IntN(len(tokens))]
	b := files[name]
	n := bytes.Count(b, []byte(x[0]))
	if n == 0 {
		return "nothing"
	}
	k, at := g.IntN(n), 0
	for range k {
		at += bytes.Index(b[at:], []byte(x[0])) + len(x[0])
	}
	at += bytes.Index(b[at:], []byte(x[0]))
	files[name] = slices.Concat(b[:at], []byte(x[1]), b[at+len(x[0]):])
	return fmt.Sprintf("%q for %q, number %d", x[1], x[0], k)
}

// replaceOne puts a value of any kind in the place of one below v, or takes one away.
func replaceOne(g *rand.Rand, v any) string {
	values := []any{"", "x", "customer", json.Number("0"), json.Number("7"), json.Number("-1"), true, false, []any{}, map[string]any{}, []any{json.Number("1")}}
	switch v := v.(type) {
	case map[string]any:
		keys := keysAtRandom(g, v)
		if len(keys) == 0 {
			return ""
		}
		k := keys[0]
		if g.IntN(3) > 0 {
			if s := replaceOne(g, v[k]); s != "" {
				return "." + k + s
			}
		}
		if g.IntN(4) == 0 {
			delete(v, k)
			return "." + k + " gone"
		}
		v[k] = values[g.IntN(len(values))]
		return fmt.Sprintf(".%s = %v", k, v[k])
	case []any:
		if len(v) == 0 {
			return ""
		}
		i := g.IntN(len(v))
		if s := replaceOne(g, v[i]); s != "" {
			return fmt.Sprintf("[%d]%s", i, s)
		}
		v[i] = values[g.IntN(len(values))]
		return fmt.Sprintf("[%d] = %v", i, v[i])
	}
	return ""
}
