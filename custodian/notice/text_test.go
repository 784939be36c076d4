package notice

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var verb = regexp.MustCompile(`%\[\d\][a-z]`)

// Every text exists in every language, with the same arguments.
func TestEveryTextInEveryLanguage(t *testing.T) {
	require.Equal(t, []string{"en", "fr"}, Languages())
	for _, l := range languages {
		require.Len(t, l.sentences, len(english), l.tag)
		for key, text := range l.sentences {
			want, ok := english[key]
			require.True(t, ok, "%s: %s", l.tag, key)
			require.NotEmpty(t, text)
			a, b := verb.FindAllString(want, -1), verb.FindAllString(text, -1)
			sort.Strings(a)
			sort.Strings(b)
			require.Equal(t, a, b, "%s: %s", l.tag, key)
			require.Equal(t, strings.Count(text, "%"), len(b), "%s: every argument is numbered", key)
		}
	}
	for r := Reason(1); r <= 64; r++ {
		_, ok := english[reasonText(r)]
		require.Equal(t, r <= EarlierHidden || r >= Equivocated && r <= Hijacked, ok, "reason %d", r)
	}
}

// states is one state of every kind and of every way to say it.
func states() []State {
	who := []string{"Acme"}
	base := State{Business: "Boulangerie", Since: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)}
	var list []State
	add := func(f func(*State)) {
		s := base
		f(&s)
		list = append(list, s)
	}
	add(func(s *State) {})
	add(func(s *State) { s.Kind = Encrypted })
	add(func(s *State) { s.Kind = Expired })
	for r := NoStatement; r <= EarlierHidden; r++ {
		add(func(s *State) { s.Reason = r })
	}
	for r := Equivocated; r <= Hijacked; r++ {
		add(func(s *State) { s.Kind, s.Reason = Contradicted, r })
	}
	for v := Verbs(1); v <= allVerbs; v++ {
		for _, quota := range []uint64{0, 1, 3000} {
			if quota > 0 && v&Write == 0 {
				continue
			}
			h := []Holder{{who, Power{v, quota}, v&1 == 0}}
			add(func(s *State) { s.Kind, s.Holders = Managed, h })
			add(func(s *State) { s.Kind, s.Former, s.Chains = Revoked, h, int(v%5) })
		}
	}
	all := Power{Verbs: allVerbs}
	add(func(s *State) {
		s.Kind, s.Holders = Managed, []Holder{{[]string{"Acme", "Zenith", "Orion"}, all, true}}
		s.ForgeableBy = "Acme"
	})
	add(func(s *State) { s.Kind, s.Former, s.Barrier = Revoked, []Holder{{who, all, false}}, true })
	add(func(s *State) {
		s.Kind, s.Former, s.Barrier, s.NewIdentity = Revoked, []Holder{{who, all, false}}, true, true
	})
	add(func(s *State) { s.Kind, s.Path = Changed, [][]string{nil, who, {"Zenith", "Orion"}} })
	for m := range 12 {
		add(func(s *State) {
			s.Kind, s.Path, s.Since = Changed, [][]string{who, nil}, time.Date(2026, time.Month(m+1), 1+m, 0, 0, 0, 0, time.UTC)
			s.Former = []Holder{{who, all, false}}
		})
	}
	return list
}

// words returns the words of a text, in lower case.
func words(text string) []string {
	return regexp.MustCompile(`\p{L}+`).FindAllString(strings.ToLower(verb.ReplaceAllString(text, " ")), -1)
}

// The French has no English left: no word of it is a word of the English texts, but for those that
// are words of both languages.
func TestFrenchHasNoEnglish(t *testing.T) {
	both := []string{"a", "message", "messages", "public", "session"}
	english := map[string]bool{}
	for _, text := range languages[0].sentences {
		for _, w := range words(text) {
			english[w] = true
		}
	}
	for _, w := range strings.Fields("the is of to and in that it with for was this by not are be from or an but which") {
		english[w] = true
	}
	names := words("Acme Zenith Orion Boulangerie")
	check := func(text string) {
		for _, w := range words(text) {
			if english[w] && !slices.Contains(both, w) && !slices.Contains(names, w) {
				t.Errorf("%q in %q", w, text)
			}
		}
	}
	for _, text := range french {
		check(text)
	}
	for _, s := range states() {
		check(s.Text("fr"))
	}
}

func TestStatesInWords(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range states() {
		for _, lang := range Languages() {
			text := s.Text(lang)
			require.NotContains(t, text, "%", "%+v", s)
			require.NotContains(t, text, "reason", "%+v", s)
			require.NotContains(t, text, "month")
			require.NotContains(t, text, "  ")
			require.True(t, strings.HasSuffix(text, "."), text)
			seen[text] = true
			claims := strings.Contains(text, english[textEncrypted]) || strings.Contains(text, french[textEncrypted])
			require.Equal(t, s.Kind == Encrypted, claims, "only one state says so")
		}
	}
	require.Greater(t, len(seen), 100)

	hosted := State{Kind: Managed, Business: "Boulangerie", Holders: []Holder{{[]string{"Acme"}, Power{Verbs: allVerbs}, false}}}
	require.Equal(t, "This chat is managed by Acme, which can read and write messages. It is not end-to-end encrypted to Boulangerie.", hosted.Text("en"))
	require.Equal(t, "Cette discussion est gérée par Acme, qui peut lire et écrire des messages. Elle n'est pas chiffrée de bout en bout jusqu'à Boulangerie.", hosted.Text("fr"))
	for lang, want := range map[string]string{
		"fr-CA": "fr", "fr;q=0.9, en;q=0.1": "fr", "de": "en", "": "en", "tlh, fr": "fr", "not a language": "en", "en-GB": "en",
	} {
		require.Equal(t, hosted.Text(want), hosted.Text(lang), lang)
	}
	quota := State{Kind: Managed, Business: "Boulangerie", Holders: []Holder{{[]string{"Acme"}, Power{Write, 3}, true}}}
	require.Contains(t, quota.Text("en"), "can write at most 3 messages in the name of Boulangerie, but not read yours")
	require.Contains(t, quota.Text("en"), "Acme also carries the messages")
	quota.Holders[0].Power.Quota = 1
	require.Contains(t, quota.Text("fr"), "écrire un message au nom de Boulangerie")
	changed := State{Kind: Changed, Business: "Boulangerie", Path: [][]string{nil, {"Acme", "Zenith"}}, Since: time.Date(2026, 8, 1, 9, 0, 0, 0, time.UTC)}
	require.Equal(t, "On 1 August 2026 the management of this chat changed: Boulangerie itself → Acme and Zenith.", changed.Text("en"))
	require.Equal(t, "Le 1er août 2026, la gestion de cette discussion a changé : Boulangerie sans intermédiaire → Acme et Zenith.", changed.Text("fr"))
}

func TestNumberOfARoot(t *testing.T) {
	r := GenerateRootFrom(seeded("root")).Root()
	n := r.Number("Boulangerie")
	require.Regexp(t, `^\d{5}( \d{5}){5}$`, n)
	require.Equal(t, n, r.Number("Boulangerie"))
	require.NotEqual(t, n, r.Number("Boucherie"))
	require.NotEqual(t, n, GenerateRootFrom(seeded("other")).Root().Number("Boulangerie"))
}
