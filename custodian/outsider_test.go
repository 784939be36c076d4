package custodian

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

var outsiderRuns = flag.Uint64("outsider.runs", 30, "random scenarios that the outsider's verifier is asked about")

// A shown bundle is put before both verifiers.
type shownBundle struct {
	name   string
	bundle []byte
	good   bool
}

// outsider asks custodian/outsider/verify.mjs, started once, about all bundles: its answers, in
// order.
func outsider(t *testing.T, list []shownBundle) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is missing, and the outsider's verifier is to run here")
		}
		t.Skip("node is not installed: the outsider's verifier cannot run")
	}
	var names bytes.Buffer
	dir := t.TempDir()
	for i, b := range list {
		name := filepath.Join(dir, fmt.Sprintf("%04d.tar", i))
		require.NoError(t, os.WriteFile(name, b.bundle, 0o600))
		fmt.Fprintln(&names, name)
	}
	cmd := exec.CommandContext(t.Context(), node, "outsider/verify.mjs")
	cmd.Stdin, cmd.Stderr = &names, os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var answers []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		answers = append(answers, s.Text())
	}
	require.Len(t, answers, len(list))
	return answers
}

// requireSame: custodian/check and the outsider's verifier accept the good bundles, and refuse the
// others.
func requireSame(t *testing.T, list []shownBundle) {
	t.Helper()
	wrong := 0
	for i, answer := range outsider(t, list) {
		b := list[i]
		out, err := check.Verify(b.bundle)
		want := "accepted"
		if out != nil && out.Author != "" {
			want = "accepted, signed by " + out.Author
		}
		if (err == nil) != b.good || (answer == want) != b.good {
			wrong++
			t.Errorf("%s: good %t; check: %v; outsider: %s", b.name, b.good, err, answer)
		}
	}
	t.Logf("%d bundles, %d wrong answers", len(list), wrong)
}

// TestOutsiderAccepts: who wrote a verifier from docs/custody-bundle.md alone accepts what is good
// (B15.12).
func TestOutsiderAccepts(t *testing.T) {
	var list []shownBundle
	add := func(name string, sc *Scenario, profiles ...Profile) {
		for _, p := range profiles {
			list = append(list, shownBundle{fmt.Sprintf("%s, %s", name, p), bundleOf(t, sc, p), true})
		}
	}
	files, err := filepath.Glob("../examples/scenarios/*.json")
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		add(filepath.Base(f), parse(t, b), Publishable, Lab)
	}
	for n := range *outsiderRuns {
		profile := []Profile{Publishable, Lab}[n%2]
		add(fmt.Sprintf("random %d", n), randomScenario(n), profile)
		add(fmt.Sprintf("partial %d", n), randomScenario(oldScenarios+n), profile)
		add(fmt.Sprintf("custody %d", n), randomCustody(n).Scenario, profile)
	}
	for _, n := range []uint64{111, 129, 174} { // these, and those below, once were refused
		add(fmt.Sprintf("random %d", n), randomScenario(n), Publishable)
	}
	for _, n := range []uint64{44, 166} {
		add(fmt.Sprintf("partial %d", n), randomScenario(oldScenarios+n), Publishable)
	}
	for _, n := range []uint64{63, 118, 184, 200} {
		add(fmt.Sprintf("custody %d", n), randomCustody(n).Scenario, Publishable)
	}
	for name, sc := range everyTemplate(t) {
		add(name, sc, Publishable)
	}
	require.GreaterOrEqual(t, len(list), 50)
	requireSame(t, list)
}

// TestOutsiderRefuses: it refuses what custodian/check refuses, each fraud with a manifest made
// anew (B15.12).
func TestOutsiderRefuses(t *testing.T) {
	var list []shownBundle
	try := func(good, other map[string][]byte, profile Profile, frauds []fraud) {
		for _, f := range frauds {
			files := maps.Clone(good)
			for name, b := range files {
				files[name] = slices.Clone(b)
			}
			f.do(t, files, other)
			list = append(list, shownBundle{f.name, repack(t, files, profile), false})
		}
	}
	list = append(list, namedAnew(t)...)
	good, other := bundleOf(t, twoPrincipals(1), Publishable), bundleOf(t, twoPrincipals(2), Publishable)
	try(filesOf(t, good), filesOf(t, other), Publishable, frauds())
	list = append(list, shownBundle{"untouched", repack(t, filesOf(t, good), Publishable), true},
		shownBundle{"another profile", repack(t, filesOf(t, good), Lab), false})
	for i := 0; i < len(good); i += len(good)/40 + 1 {
		b := slices.Clone(good)
		b[i] ^= 1 << (i % 8)
		list = append(list, shownBundle{fmt.Sprintf("byte %d", i), b, false}, shownBundle{fmt.Sprintf("cut at %d", i), good[:i], false})
	}
	talk := func(seed uint64) map[string][]byte {
		const late = `{"notice":{"statement":{"grants":[{"to":"p","atoms":["session"],"via":"stream"}],"words":{"en":"Acme answers.","fr":"Acme répond."}}}}`
		sc, err := ParseScenario([]byte(told(hello, answer, noOne, handOver, hello, answer, late, hello, answer)))
		require.NoError(t, err)
		sc.Seed = seed
		return filesOf(t, bundleOf(t, sc, Publishable))
	}
	try(talk(1), talk(2), Publishable, noticeFrauds())
	try(filesOf(t, good), filesOf(t, other), Publishable, []fraud{
		inFile("report.json", "evidence of an unknown kind", func(v map[string]any) {
			v["evidence"] = append(items(v["evidence"]), map[string]any{"id": "w-9999", "kind": "proof", "claim": "p2 reads everything"})
		}),
		inFile("transcript.json", "a version that there is not", func(v map[string]any) {
			m := dict(first(events(v), "message"))
			m["body"] = "54" + m["body"].(string)[2:]
		}),
		inFile("evidence.json", "a key of another type", func(v map[string]any) {
			f := dict(items(v["forgeries"])[0])
			f["body"] = strings.Replace(f["body"].(string), "0a2105", "0a2115", 1)
		}),
	})
	require.GreaterOrEqual(t, len(list), 100)
	requireSame(t, list)
}

// TestOutsiderAgrees: whatever single value of a bundle is changed, the two verifiers answer alike.
func TestOutsiderAgrees(t *testing.T) {
	var list []shownBundle
	g := rand.New(rand.NewPCG(15, 12))
	for n := range *outsiderRuns / 4 {
		good := bundleOf(t, randomCustody(n).Scenario, Publishable)
		if n%2 == 1 {
			good = bundleOf(t, randomScenario(n), Publishable)
		}
		for range 20 {
			files := filesOf(t, good)
			name := []string{"transcript.json", "evidence.json", "report.json"}[g.IntN(3)]
			where := ""
			edit(t, files, name, func(v map[string]any) { where = changeOne(g, v) })
			bundle := repack(t, files, Publishable)
			_, err := check.Verify(bundle)
			list = append(list, shownBundle{fmt.Sprintf("scenario %d: %s%s (%v)", n, name, where, err), bundle, err == nil})
		}
	}
	requireSame(t, list)
}

// changeOne changes one value below v, that is no sentence, and says where.
func changeOne(g *rand.Rand, v any) string {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range keysAtRandom(g, v) {
			if k == "text" || k == "assumptions" || k == "limits" || k == "version" {
				continue
			}
			if s := changeOne(g, v[k]); s != "" {
				return "." + k + s
			}
			if x := other(g, v[k]); x != nil {
				v[k] = x
				return fmt.Sprintf(".%s = %v", k, x)
			}
		}
	case []any:
		for _, i := range g.Perm(len(v)) {
			if s := changeOne(g, v[i]); s != "" {
				return fmt.Sprintf("[%d]%s", i, s)
			}
			if x := other(g, v[i]); x != nil {
				v[i] = x
				return fmt.Sprintf("[%d] = %v", i, x)
			}
		}
	}
	return ""
}

func keysAtRandom(g *rand.Rand, v map[string]any) []string {
	keys := slices.Sorted(maps.Keys(v))
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// other is another value of the same kind, or nil for what holds others.
func other(g *rand.Rand, v any) any {
	switch v := v.(type) {
	case bool:
		return !v
	case json.Number:
		n, _ := v.Int64()
		return number(int(n) + 1 - 2*g.IntN(2))
	case string:
		if len(v) < 16 {
			return v + "x"
		}
		i := g.IntN(len(v))
		return v[:i] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", v[i])+1)%16]) + v[i+1:]
	}
	return nil
}

// TestOutsiderComputes: in a lab bundle it comes to the same about each value that was handed over.
func TestOutsiderComputes(t *testing.T) {
	files := filesOf(t, bundleOf(t, twoPrincipals(1), Lab))
	list := []shownBundle{{"untouched", repack(t, files, Lab), true}}
	b := files["parcels/0001.bin"]
	for at, i := len("custody-parcel-v1\x00"), 0; at < len(b); i++ {
		n := int(b[at+80])<<24 | int(b[at+81])<<16 | int(b[at+82])<<8 | int(b[at+83])
		b[at+84+n/2] ^= 4
		bundle := repack(t, files, Lab)
		_, err := check.Verify(bundle)
		list = append(list, shownBundle{fmt.Sprintf("value %d", i), bundle, err == nil})
		b[at+84+n/2] ^= 4
		at += 84 + n
	}
	require.True(t, slices.ContainsFunc(list, func(b shownBundle) bool { return !b.good }))
	requireSame(t, list)
	files["scenario.json"] = []byte(strings.Replace(string(files["scenario.json"]), "1", "2", 1))
	requireSame(t, []shownBundle{{"another scenario", repack(t, files, Lab), false}})
}
