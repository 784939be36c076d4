package custodian

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// everyTemplate are scenarios whose headlines and notices have, together, every sentence of
// docs/custody-headline.md that a bundle can have.
func everyTemplate(t *testing.T) map[string]*Scenario {
	t.Helper()
	const (
		twoHosts = `{"id":"acme","role":"provider"},{"id":"bakery","role":"provider"}`
		shared   = `{"id":"acme","role":"provider"},{"id":"sister","role":"provider","same_as":"acme"}`
		recorder = `{"id":"acme","role":"provider"},{"id":"platform","role":"operator","quantum":true}`
		two      = fromCustomer + "," + fromBusiness
		stop     = `{"revoke":{"name":"g"}}`
		quota    = `{"grant":{"name":"g","to":"acme","via":"quota","count":1}}`
		oracle   = `{"grant":{"name":"g","to":"acme","via":"oracle"}}`
	)
	grant := func(name, to, via string, atoms ...string) string {
		return strings.NewReplacer(`"g"`, `"`+name+`"`, `"acme"`, `"`+to+`"`).Replace(gives(via, atoms...))
	}
	list := make(map[string]*Scenario)
	add := func(name string, protocol, principals string, steps ...string) {
		list[name] = parse(t, []byte(`{"format":"custody-scenario-v1","protocol":`+protocol+`,"seed":21,"principals":[`+principals+`],"script":[`+strings.Join(steps, ",")+`]}`))
	}
	add("nothing", "4", twoHosts)
	add("private, one", "3", twoHosts, fromCustomer)
	add("private", "3", twoHosts, two)
	add("recorded, one", "3", recorder, fromCustomer)
	add("recorded", "3", recorder, two)
	add("recorded one of two", "3", `{"id":"platform","role":"operator","quantum":true,"sees":{"messages":[0]}}`, two)
	add("more, one", "3", recorder, grant("g", "platform", "copy", "everything"), two)
	add("more", "3", recorder, grant("g", "platform", "copy", "plaintext"), fromCustomer, grant("h", "platform", "stream", "plaintext"), stop, `{"revoke":{"name":"h"}}`, two, fromCustomer)
	add("handed on, one", "4", twoHosts, fromCustomer, grant("g", "acme", "copy", "plaintext"), grant("h", "bakery", "stream", "plaintext"), fromBusiness)
	add("partly, one", "4", twoHosts, two, fromCustomer, grant("g", "acme", "copy", "plaintext", "session"), two)
	add("partly", "4", shared, fromCustomer, grant("g", "acme", "copy", "plaintext"), stop, grant("h", "sister", "stream", "everything"), two)
	add("number", "4", twoHosts, fromCustomer, fromBusiness, `{"send":"customer","deliver":false}`, two, grant("g", "acme", "copy", "skipped", "pq-skipped"), `{"deliver":[2]}`)
	add("elsewhere, one", "4", twoHosts, fromCustomer, quota)
	add("elsewhere", "4", twoHosts, two, quota, stop, `{"barrier":true}`, two)
	add("oracle", "4", twoHosts, two, oracle)
	add("revoked", "4", twoHosts, two, grant("g", "acme", "stream", "session"), two, stop, fromCustomer)
	add("stream", "4", twoHosts, two, grant("g", "acme", "stream", "session"))
	add("over before it began", "4", twoHosts, grant("g", "acme", "copy", "identity"), `{"rotate":"identity"}`, two)
	add("over", "4", twoHosts, two, grant("g", "acme", "stream", "everything"), two, stop, `{"rotate":"identity"}`, `{"barrier":true}`, two, two)
	return list
}

// TestHeadlineTemplates: every template is said by some bundle that both verifiers are asked about,
// but for those of what cannot be told, of which there is no bundle; and what a verifier makes
// again is the headline.
func TestHeadlineTemplates(t *testing.T) {
	said := ""
	for name, sc := range everyTemplate(t) {
		r, b, err := EvaluateBundle(t.Context(), sc, nil, Publishable)
		require.NoError(t, err, name)
		o, err := check.Verify(b)
		require.NoError(t, err, name)
		found := []string{r.Headline.History.EN}
		said += r.Headline.History.EN + r.Headline.History.FR + r.Notice.Text.EN + r.Notice.Text.FR
		if now := r.Headline.Now; now != nil {
			found = append(found, now.Text.EN)
			said += now.Text.EN + now.Text.FR
		}
		require.Equal(t, found, o.Found, name)
	}
	page, err := os.ReadFile("../docs/custody-headline.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([a-z0-9.]+)` \\| `(.*)` \\| `(.*)` \\|$").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(rows), 60)
	value := regexp.MustCompile(`\{[a-zN]+\.?\}`)
	for _, row := range rows {
		key := row[1]
		if slices.Contains([]string{"open", "verbs.or", "untried", "disagree", "untold"}, key) {
			continue
		}
		for _, template := range row[2:] {
			pattern := ""
			for i, piece := range value.Split(template, -1) {
				if i > 0 {
					pattern += ".+"
				}
				pattern += regexp.QuoteMeta(piece)
			}
			if !regexp.MustCompile(pattern).MatchString(said) {
				t.Errorf("nothing says %q: %s", key, template)
			}
		}
	}
}
