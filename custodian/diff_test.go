package custodian

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// because compares two scenarios and returns the secrets behind a change, and whether there is one.
func because(t *testing.T, before, after *Scenario, id string) (list []Withheld, changed bool) {
	t.Helper()
	d, err := Compare(context.Background(), before, after, nil)
	require.NoError(t, err)
	for _, c := range d.Changes {
		if c.Guarantee == id {
			list, changed = c.Because, true
		}
		require.NotEmpty(t, c.Text.FR)
	}
	return list, changed
}

// TestDiff: the secret that makes the difference is named, on pairs made by hand.
func TestDiff(t *testing.T) {
	g := func(atoms ...string) (list []Withheld) {
		for _, a := range atoms {
			list = append(list, Withheld{"g", a})
		}
		return list
	}
	sc := func(via string, atoms ...string) *Scenario { return pingPong(4, 8, 3, via, atoms...) }
	for _, c := range []struct {
		name          string
		before, after *Scenario
		guarantee     string
		because       []Withheld // one of them, each a set
		or            []Withheld
	}{
		{"a copy of the texts", sc("copy", "identity"), sc("copy", "identity", "plaintext"), "G1", g("plaintext"), nil},
		{"one half, then both", sc("stream", "session-ec"), sc("stream", "session-ec", "pq-receiving-chain"), "G2", g("pq-receiving-chain"), nil},
		{"both halves, then one", sc("stream", "session-ec", "pq-receiving-chain"), sc("stream", "session-ec"), "G2", g("pq-receiving-chain"), nil},
		{"an identity key", sc("copy", "signed-prekey"), sc("copy", "signed-prekey", "identity"), "G6", g("identity"), nil},
		{"a signed prekey", sc("copy", "identity"), sc("copy", "identity", "signed-prekey"), "G7", g("signed-prekey"), nil},
		{"of two ways to the same, both", sc("copy", "root"), sc("copy", "root", "plaintext", "identity", "signed-prekey"), "G1", g("plaintext"), nil},
	} {
		list, changed := because(t, c.before, c.after, c.guarantee)
		require.True(t, changed, c.name)
		require.Equal(t, c.because, list, c.name)
	}

	_, changed := because(t, sc("copy", "session"), sc("copy", "session"), "G2")
	require.False(t, changed)

	// The talk differs, not what is handed over.
	longer := pingPong(4, 4, 4, "copy")
	longer.Script = append(longer.Script, Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "copy"}})
	silent := *longer
	silent.Script = append(append([]Step(nil), longer.Script...), Step{Send: &Send{From: Business, Count: 2}})
	longer.Script = append(longer.Script, Step{Send: &Send{From: Business, Count: 5}})
	list, changed := because(t, &silent, longer, "G2")
	require.True(t, changed)
	require.Empty(t, list)
}

// TestDiffPrincipal: a principal that is only in one of the two has lost nothing in the other.
func TestDiffPrincipal(t *testing.T) {
	d, err := Compare(context.Background(), parse(t, read(t, "self.json")), parse(t, read(t, "hosted.json")), nil)
	require.NoError(t, err)
	seen := make(map[string]bool)
	for _, c := range d.Changes {
		if c.Principal != "acme-cloud" {
			require.Empty(t, c.Because, "nothing was handed to %s", c.Principal)
			continue
		}
		seen[c.Guarantee] = len(c.Because) > 0
	}
	require.True(t, seen["G2"] && seen["G6"] && seen["G7"])
	for _, lang := range []string{"en", "fr"} {
		var out bytes.Buffer
		require.NoError(t, d.WriteText(&out, lang))
		require.Contains(t, out.String(), map[string]string{"en": "because of hosting:", "fr": "à cause de hosting:"}[lang])
		for _, l := range strings.Split(out.String(), "\n") {
			require.LessOrEqual(t, len([]rune(l)), 80)
		}
		if lang == "fr" {
			words := strings.NewReplacer("acme-cloud", "…", "hosting", "…").Replace(out.String())
			require.Empty(t, english.FindString(words), words)
		}
	}
	b, err := json.Marshal(d)
	require.NoError(t, err)
	require.Contains(t, string(b), `"because":[{"grant":"hosting"`)
}

// TestWithout: what is withheld is not in the scenario, and what is left still parses.
func TestWithout(t *testing.T) {
	sc := parse(t, read(t, "handover.json"))
	before := sc.name()
	less := sc.Without([]Withheld{{"handover", "root"}, {"nothing", "root"}})
	require.Equal(t, before, sc.name(), "the scenario is not modified")
	require.NotContains(t, less.granted(), Withheld{"handover", "root"})
	require.Len(t, less.granted(), len(sc.granted())-1)
	parse(t, []byte(less.name()))
	bare := sc.Without(sc.granted())
	require.Empty(t, bare.granted())
	parse(t, []byte(bare.name()))
	for _, u := range sc.granted() {
		again, err := ParseWithheld(u.String())
		require.NoError(t, err)
		require.Equal(t, u, again)
	}
	for _, s := range []string{"", "root", ":root", "g:rot", "g"} {
		_, err := ParseWithheld(s)
		require.Error(t, err, s)
	}
}
