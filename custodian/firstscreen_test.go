package custodian

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// screen is the first screen of a report.
func screen(t *testing.T, r *Report, lang string) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.WriteSummary(&b, lang))
	return b.String()
}

// requireScreen: it fits, begins with the headline, and a code stands behind its words.
func requireScreen(t *testing.T, r *Report, name string) {
	t.Helper()
	for _, lang := range []string{"en", "fr"} {
		s := screen(t, r, lang)
		lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
		require.LessOrEqual(t, len(lines), maxScreen, "%s:\n%s", name, s)
		for _, l := range lines {
			require.LessOrEqual(t, len([]rune(l)), 80, name)
		}
		_, rest, _ := strings.Cut(s, "\n")
		say := r.Headline.History.In(lang)
		if r.Headline.Now != nil {
			say += " " + r.Headline.Now.Text.In(lang)
		}
		require.True(t, strings.HasPrefix(strings.Join(strings.Fields(rest), " "), strings.Join(strings.Fields(say), " ")), "%s:\n%s", name, s)
		for _, code := range regexp.MustCompile(`\bG\d+`).FindAllStringIndex(s, -1) {
			require.Equal(t, "(", s[code[0]-1:code[0]], "%s: a code without words:\n%s", name, s)
		}
		require.Contains(t, s, "-all", name)
	}
}

// TestFirstScreen: whatever the report, what is printed first is at most 40 lines of 80 columns.
func TestFirstScreen(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.json"))
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		r := evaluate(t, parse(t, b))
		requireScreen(t, r, f)
		for i := range r.Verdicts { // these are short enough for every guarantee that was lost
			if v := &r.Verdicts[i]; v.Result() == Lost {
				require.Contains(t, screen(t, r, "en"), v.Title().EN+" ("+v.ID()+")", f)
			}
		}
	}
	for n := range uint64(25) {
		requireScreen(t, evaluate(t, randomScenario(n)), fmt.Sprint("random ", n))
		requireScreen(t, evaluate(t, randomCustody(n).Scenario), fmt.Sprint("custody ", n))
	}
	sc := pingPong(4, 60, 2, "stream", "everything") // more than fits: parts are counted
	for i := range 30 {
		sc.Script = append(sc.Script, Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "again"}})
		if i < 12 {
			sc.Principals = append(sc.Principals, Principal{ID: fmt.Sprintf("principal-with-a-long-name-%d", i), Role: Provider, SameAs: "p"})
		}
	}
	r := evaluate(t, sc)
	requireScreen(t, r, "crowded")
	require.Contains(t, screen(t, r, "en"), "more lines")
}

// TestFirstScreenSays: who could read what, until when, and what is left is on it.
func TestFirstScreenSays(t *testing.T) {
	r := evaluate(t, parse(t, read(t, "picture.json")))
	s := screen(t, r, "en")
	for _, line := range []string{
		"acme-cloud          could read 6 of 15; could write in place of 10\nplatform, burglar: could read 0, could write 0\n",
		"acme-cloud          ....######ffff.\n",
		"before message 4    acme-cloud is given session, by stream\n",
		"before message 9    the grant hosting is revoked\n",
		"before message 11   acme-cloud writes as the business, and is believed\n",
		"before message 13   acme-cloud tries to write as the business, and is refused\n",
		"LOST         confidentiality while managed (G2): acme-cloud 5 of 5\n",
		"HELD         36 of 45 verdicts\n",
	} {
		require.Contains(t, s, line)
	}
	require.NotContains(t, s, "Limits")
	require.NotContains(t, s, "w-0001")
	s = screen(t, r, "fr")
	require.Contains(t, s, "avant le message 4  acme-cloud reçoit session, par flux\n")
	for _, word := range []string{" the ", " is ", "could", "HELD", "LOST", " of "} {
		require.NotContains(t, s, word)
	}
	quota := screen(t, evaluate(t, parse(t, read(t, "quota.json"))), "en")
	require.Contains(t, quota, "could read 0 of 4; could write at other moments\n")
	empty := screen(t, reported(t, 4, acmeAndPlatform), "fr")
	require.Contains(t, empty, "Rien à juger : aucun message n'a été envoyé.\n")
}
