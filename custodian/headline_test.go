package custodian

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// Tests of the headline (custody B4): what it says, and that it never says "nobody" where somebody
// could.

// reported plays steps, each as JSON, and returns the report.
func reported(t *testing.T, protocol int, principals string, steps ...string) *Report {
	t.Helper()
	return evaluate(t, parse(t, fmt.Appendf(nil, `{"format":"custody-scenario-v1","protocol":%d,"seed":11,"principals":[%s],"script":[%s]}`,
		protocol, principals, strings.Join(steps, ","))))
}

const (
	acmeAndPlatform = `{"id":"acme","role":"provider"},{"id":"platform","role":"operator"}`
	quantumPlatform = `{"id":"platform","role":"operator","quantum":true}`

	fromCustomer = `{"send":"customer"}`
	fromBusiness = `{"send":"business"}`
	both4        = fromCustomer + "," + fromBusiness + "," + fromCustomer + "," + fromBusiness
	noticeOfNone = `{"notice":{"statement":{}}}`
)

// gives is a grant to acme.
func gives(via string, atoms ...string) string {
	return `{"grant":{"name":"g","to":"acme","atoms":["` + strings.Join(atoms, `","`) + `"],"via":"` + via + `"}}`
}

const byConvention = " By WhatsApp's convention, which looks at the journey alone, the chat is still end-to-end encrypted; by the strict one, which leaves the text to the two ends, it is not."

// TestHeadlineSays: the sentences of each state, among them cases whose headline was once false.
func TestHeadlineSays(t *testing.T) {
	for _, c := range []struct {
		name            string
		report          *Report
		state, history  string
		now, nowSays    string
		notice, noticed string
	}{
		{"nothing sent", reported(t, 4, acmeAndPlatform),
			"nothing", "Nothing to judge: no message was sent.", "", "", "nothing", "Nothing to judge: no message was sent."},
		{"nothing handed over", reported(t, 4, acmeAndPlatform, both4),
			"private", "All 4 messages were end-to-end encrypted: nobody outside this chat could read or write one.", "", "",
			"e2ee", privateNotice.EN},
		{"one message", reported(t, 4, acmeAndPlatform, fromCustomer),
			"private", "The message was end-to-end encrypted: nobody outside this chat could read it or write one.", "", "", "e2ee", privateNotice.EN},
		{"version 3 assumes that there is no quantum computer", reported(t, 3, acmeAndPlatform, both4),
			"private", "All 4 messages were end-to-end encrypted: nobody outside this chat could read or write one. This assumes that nobody who recorded them has a quantum computer, now or later.", "", "", "e2ee", privateNotice.EN},
		{"texts copied in the middle", reported(t, 4, acmeAndPlatform, both4, gives("copy", "plaintext"), fromCustomer, fromBusiness),
			"handed-on", "acme could read 4 of 6 messages, as texts that it was given after they had arrived." + byConvention,
			"nobody", "Since message 4 nobody else can read or write.", "handed-on", "acme could read 4 of 6 messages, as texts that it was given after they had arrived." + byConvention},
		{"texts copied after the end", reported(t, 4, acmeAndPlatform, both4, fromCustomer, gives("copy", "plaintext")),
			"handed-on", "acme could read 5 of 5 messages, as texts that it was given after they had arrived." + byConvention,
			"untested", "Since acme was given a copy, nothing was sent: whether acme reads what comes next was not tried.", "handed-on", ""},
		{"texts passed on as they come", reported(t, 4, acmeAndPlatform, gives("stream", "plaintext"), both4),
			"handed-on", "acme could read 4 of 4 messages, as texts that it was given after they had arrived." + byConvention,
			"reads", "acme is given what is written now.", "handed-on", ""},
		{"keys of a message that comes late", reported(t, 4, acmeAndPlatform, fromCustomer, fromBusiness, `{"send":"customer","deliver":false}`, fromCustomer, fromBusiness, gives("copy", "skipped", "pq-skipped"), `{"deliver":[2]}`),
			"read", "acme could read 1 of 5 messages, number 2, and write to the business as the customer, at another moment than those of the 5 messages.",
			"untested", "Since acme was given a copy, nothing was sent: whether acme reads what comes next was not tried.", "unknown", unknownNotice.EN},
		{"a quantum computer", reported(t, 3, quantumPlatform, fromCustomer, fromBusiness, fromCustomer),
			"recorded", "With today's computers nobody but the two ends could read these 3 messages, but platform recorded 3 of them, and could read them with a quantum computer.",
			"nobody", "Now nobody else can read or write with today's computers.", "recorded", ""},
		{"hosted throughout", reported(t, 4, acmeAndPlatform, gives("stream", "everything"), both4),
			"read", "acme could read 4 of 4 messages, between 0 and 3, and write to the customer as the business and to the business as the customer, in place of 4 of 4 messages.",
			"reads", "acme reads what is written now. acme can still write to the customer as the business and to the business as the customer.",
			"managed", "This chat is managed by acme, which can read and write messages. It is not end-to-end encrypted to the business."},
		{"opened, and given as well", reported(t, 4, acmeAndPlatform, gives("stream", "everything", "plaintext"), fromCustomer, fromBusiness),
			"read", "acme could read 2 of 2 messages, between 0 and 1, and write to the customer as the business and to the business as the customer, in place of 2 of 2 messages.",
			"reads", "acme reads what is written now. acme can still write to the customer as the business and to the business as the customer.", "managed", ""},
		{"the identity alone", reported(t, 4, acmeAndPlatform, gives("copy", "identity"), both4),
			"written", "acme could write to the customer as the business, in place of 2 of 4 messages. Nobody else could read them.",
			"writes", "acme can still write to the customer as the business.",
			"managed", "This chat is managed by acme, which can write messages. It is not end-to-end encrypted to the business."},
		{"a quota that is over", reported(t, 4, acmeAndPlatform, fromCustomer, fromBusiness, `{"grant":{"name":"q","to":"acme","via":"quota","count":1}}`, `{"revoke":{"name":"q"}}`, `{"barrier":true}`, fromCustomer, fromBusiness, fromCustomer),
			"written", "acme could write to the customer as the business, at another moment than those of the 5 messages. Nobody else could read them.",
			"nobody", "Since message 2 nobody else can read or write.", "past", "acme could write until message 1."},
	} {
		h, n := c.report.Headline, c.report.Notice
		require.Equal(t, c.state, h.State, c.name)
		require.Equal(t, c.history, h.History.EN, c.name)
		if c.now == "" {
			require.Nil(t, h.Now, c.name)
		} else {
			require.Equal(t, c.now, h.Now.State, c.name)
			require.Equal(t, c.nowSays, h.Now.Text.EN, c.name)
		}
		require.Equal(t, c.notice, n.State, c.name)
		if c.noticed != "" {
			require.Equal(t, c.noticed, n.Text.EN, c.name)
		}
		requireHeadline(t, c.report, nil, c.name)
	}
}

// TestNobody: no principal is called by a word that would turn the headline into its contrary, in a
// scenario or in a bundle that is consistent otherwise.
func TestNobody(t *testing.T) {
	for id, good := range map[string]bool{
		"nobody": false, "Nobody": false, "NOBODY-else": false, "no-one": false, "No_one": false, "noone2": false, "none": false, "personne": false,
		"aucun": false, "aucune-partie": false, "nothing-to-see": true, "nonesuch": true, "nobodys": true, "personnel": true, "aucuneau": true, "someone": true,
	} {
		_, err := ParseScenario(fmt.Appendf(nil, `{"format":"custody-scenario-v1","protocol":4,"seed":1,"principals":[{"id":%q,"role":"provider"}],"script":[]}`, id))
		require.Equal(t, good, err == nil, "%s: %v", id, err)
		if !good {
			require.ErrorContains(t, err, "principals[0].id")
		}
	}
	for _, b := range namedAnew(t) {
		_, err := check.Verify(b.bundle)
		require.Equal(t, b.good, err == nil, "%s: %v", b.name, err)
	}
}

// namedAnew are bundles in which somebody has renamed a host throughout.
func namedAnew(t *testing.T) (list []shownBundle) {
	t.Helper()
	sc := pingPong(4, 4, 1, "stream", "session")
	sc.Principals[0].ID = "shadow"
	for i := range sc.Script {
		if g := sc.Script[i].Grant; g != nil {
			g.To = "shadow"
		}
	}
	for id, good := range map[string]bool{"SHADOW": true, "nobody": false, "Noone-": false, "none12": false} {
		files := filesOf(t, bundleOf(t, sc, Publishable))
		for name, b := range files {
			files[name] = []byte(strings.ReplaceAll(string(b), "shadow", id))
		}
		list = append(list, shownBundle{"a host called " + id, repack(t, files, Publishable), good})
	}
	return list
}

// TestHeadlineOverNotice: what the customer's app says at the end stands beneath the headline,
// never in its place.
func TestHeadlineOverNotice(t *testing.T) {
	r := reported(t, 4, acmeAndPlatform, noticeOfNone, both4, gives("copy", "plaintext"), both4)
	require.True(t, r.Notice.Shown)
	require.Equal(t, "e2ee", r.Notice.State)
	require.Equal(t, "handed-on", r.Headline.State)
	for lang, says := range map[string]string{"en": "The customer's app says: “Messages are", "fr": "L'application du client dit : « Les messages sont"} {
		var b strings.Builder
		require.NoError(t, r.WriteTable(&b, lang))
		table := strings.Join(strings.Fields(b.String()), " ")
		headline := r.Headline.History.In(lang) + " " + r.Headline.Now.Text.In(lang)
		require.Contains(t, table, headline+" "+says)
	}
}

// TestWords: no line of French begins or ends where a space must not be broken.
func TestWords(t *testing.T) {
	require.Equal(t, []string{"dit :", "« Les", "clés »", "ou", "« rien »,", "soit"}, wordsOf("dit : « Les clés » ou « rien », soit"))
}

// TestHeadlineInEveryRendering: table and JSON begin with the same sentences, before any verdict.
func TestHeadlineInEveryRendering(t *testing.T) {
	for n := range uint64(10) {
		r := evaluate(t, randomScenario(n))
		say := r.Headline.History.EN
		if r.Headline.Now != nil {
			say += " " + r.Headline.Now.Text.EN
		}
		var b strings.Builder
		require.NoError(t, r.WriteTable(&b, "en"))
		_, table, _ := strings.Cut(b.String(), "\n")
		require.True(t, strings.HasPrefix(strings.Join(strings.Fields(table), " "), say), "%s", table)
		j := string(jsonOf(t, r))
		require.Less(t, strings.Index(j, `"headline"`), strings.Index(j, `"assumptions"`))
	}
}

// TestHeadlineForms: numbers of one, several principals, and principals that share what they know.
func TestHeadlineForms(t *testing.T) {
	for _, c := range []struct {
		facts       headlineFacts
		en, fr, now string
	}{
		{headlineFacts{of: 1, classical: true, unread: true},
			"The message was end-to-end encrypted: nobody outside this chat could read it or write one. This assumes that nobody who recorded it has a quantum computer, now or later.",
			"Le message était chiffré de bout en bout : personne en dehors de cette discussion n'a pu le lire ni en écrire. Cela suppose que personne qui l'a enregistré n'a d'ordinateur quantique, ni n'en aura.", "nobody"},
		{headlineFacts{of: 1, list: []*standing{{ids: []string{"o"}, quantum: []int{0}}}},
			"With today's computers nobody but the two ends could read this message, but o recorded it, and could read it with a quantum computer.",
			"Avec les ordinateurs d'aujourd'hui, personne en dehors des deux extrémités n'a pu lire ce message, mais o l'a enregistré et pourrait le lire avec un ordinateur quantique.", "nobody"},
		{headlineFacts{of: 9, list: []*standing{{ids: []string{"o"}, quantum: []int{7}}, {ids: []string{"p"}, quantum: []int{1, 2}}}},
			"With today's computers nobody but the two ends could read these 9 messages, but p recorded 2 of them, and could read them with a quantum computer; o recorded 1 of them, and could read it with a quantum computer.",
			"Avec les ordinateurs d'aujourd'hui, personne en dehors des deux extrémités n'a pu lire ces 9 messages, mais p en a enregistré 2 et pourrait les lire avec un ordinateur quantique ; o en a enregistré 1 et pourrait le lire avec un ordinateur quantique.", "nobody"},
		{headlineFacts{of: 1, unread: true, list: []*standing{{ids: []string{"p"}, writes: true, to: [2]bool{true, false}, toNow: [2]bool{true, false}}}},
			"p could write to the customer as the business, at another moment than that of the message. Nobody else could read it.",
			"p a pu écrire au client au nom de l'entreprise, à un autre moment que celui du message. Personne d'autre n'a pu le lire.", "writes"},
		{headlineFacts{of: 7, list: []*standing{
			{ids: []string{"a"}, reads: []int{3}, handed: []int{3}},
			{ids: []string{"b", "c"}, reads: []int{1, 2, 5}, handed: []int{2}, quantum: []int{6}, writes: true, to: [2]bool{false, true}, forges: []int{1}},
			{ids: []string{"d"}, reads: []int{0, 1}, handed: []int{0, 1}, writes: true, to: [2]bool{true, true}, forges: []int{4, 5}},
		}},
			"b (with c) could read 3 of 7 messages, between 1 and 5, 1 of them as a text that it was given after it had arrived, and write to the business as the customer, in place of 1 of 7 messages; " +
				"d could write to the customer as the business and to the business as the customer, in place of 2 of 7 messages, and read 2 of 7 messages, as texts that it was given after they had arrived. " +
				"a could read 1 of 7 messages, as a text that it was given after it had arrived. b (with c) recorded 1 more, and could read it with a quantum computer.",
			"b (avec c) a pu lire 3 messages sur 7, entre 1 et 5, dont 1 qu'il a reçu en texte après son arrivée, et écrire à l'entreprise au nom du client, à la place de 1 message sur 7 ; " +
				"d a pu écrire au client au nom de l'entreprise et à l'entreprise au nom du client, à la place de 2 messages sur 7, et lire 2 messages sur 7, dont il a reçu le texte après leur arrivée. " +
				"a a pu lire 1 message sur 7, dont il a reçu le texte après son arrivée. b (avec c) en a enregistré 1 de plus et pourrait le lire avec un ordinateur quantique.", "nobody"},
		{headlineFacts{of: 2, list: []*standing{{ids: []string{"p"}, isOpen: [2]bool{true, false}, open: [2]Result{Unknown, Unknown}}, {ids: []string{"q"}, isOpen: [2]bool{false, true}, open: [2]Result{Unknown, Conditional}}}},
			"Of 2 messages it cannot be told whether p could read: the rule book and the adversary do not agree. Of 2 messages it cannot be told whether q could write: it has means that were not tried.",
			"Sur 2 messages, on ne peut dire si p a pu lire : les règles et l'adversaire ne s'accordent pas. Sur 2 messages, on ne peut dire si q a pu écrire : il a des moyens qui n'ont pas été essayés.", "unknown"},
	} {
		h := c.facts.headline()
		require.Equal(t, c.en, h.History.EN)
		require.Equal(t, c.fr, h.History.FR)
		require.Equal(t, c.now, c.facts.now().State)
	}
	since := func(f headlineFacts) string { return f.now().Text.EN }
	g := &active{Grant: &Grant{Via: "oracle"}}
	require.Equal(t, "Since p was given an oracle, the business has sent nothing: whether p reads what comes next was not tried.",
		since(headlineFacts{of: 3, list: []*standing{{ids: []string{"p"}, last: g, untested: [2]bool{false, true}}}}))
	require.Equal(t, "Since the last grant to p was revoked, the customer has sent nothing: whether p reads what comes next was not tried.",
		since(headlineFacts{of: 3, list: []*standing{{ids: []string{"p"}, last: g, ended: true, untested: [2]bool{true, false}}}}))
	require.Equal(t, "Now nobody else can read or write.", since(headlineFacts{of: 3, list: []*standing{{ids: []string{"p"}, forges: []int{2}, after: 3}}}))
}

// requireHeadline holds a headline against the rest of its report: its numbers, and what it must
// not say. What principals share is in sc, which may be nil.
func requireHeadline(t *testing.T, r *Report, sc *Scenario, name string) {
	t.Helper()
	h, n := r.Headline, len(r.Messages)
	require.Equal(t, n, h.Of, name)
	one := func(id string) string { // the first of those who share what they know
		if sc == nil {
			return id
		}
		for i := range sc.Principals {
			if sc.sharing(i)[sc.principal(id)] {
				return sc.Principals[i].ID
			}
		}
		return id
	}
	reads, later, forges := make(map[string]int), make(map[string]int), make(map[string]int)
	count := func(to map[string]int, ids []string, not []string) {
		seen := make(map[string]bool)
		for _, id := range ids {
			if g := one(id); !seen[g] && !slices.ContainsFunc(not, func(x string) bool { return one(x) == g }) {
				seen[g] = true
				to[g]++
			}
		}
	}
	for _, m := range r.Messages {
		count(reads, m.ReadableBy, nil)
		count(later, m.QuantumReadable, m.ReadableBy)
		count(forges, m.ForgeableBy, nil)
	}
	writers := make(map[string]bool)
	open := false
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		switch id := v.ID(); id {
		case "G6", "G7", "G8", "G9":
			if v.Result() == Lost {
				writers[one(v.Principal())] = true
			}
			fallthrough
		case "G1", "G2", "G3":
			open = open || v.Result() == Unknown || v.Result() == Conditional
		}
	}
	for _, x := range h.Readers {
		require.Equal(t, reads[x.Principal], x.Messages, "%s: reader %s", name, x.Principal)
		require.Equal(t, later[x.Principal], x.Quantum, "%s: reader %s", name, x.Principal)
		delete(reads, x.Principal)
		delete(later, x.Principal)
		if x.Messages > 0 {
			require.Contains(t, h.History.EN, fmt.Sprintf("read %d of %s", x.Messages, counted(n)), name)
			require.Contains(t, h.History.FR, fmt.Sprintf("lire %s sur %d", counted(x.Messages), n), name)
		}
		if x.Quantum > 0 {
			require.Contains(t, h.History.EN, "with a quantum computer", name)
		}
	}
	require.Empty(t, reads, name)
	require.Empty(t, later, name)
	for _, x := range h.Writers {
		require.True(t, writers[x.Principal], "%s: writer %s", name, x.Principal)
		delete(writers, x.Principal)
		require.Equal(t, forges[x.Principal], x.Messages, "%s: writer %s", name, x.Principal)
		require.NotEmpty(t, x.To)
		if n > 0 {
			require.Contains(t, h.History.EN, "write to the "+x.To[0], name)
		}
	}
	require.Empty(t, writers, name)
	accepted := slices.ContainsFunc(r.Injections, func(x InjectionReport) bool { return x.Accepted })
	clear := n > 0 && len(h.Readers) == 0 && len(h.Writers) == 0 && !open
	require.Equal(t, clear, h.State == "private", "%s: %s", name, h.History.EN)
	require.False(t, clear && accepted, name)
	if !r.Notice.Shown {
		require.Equal(t, clear, r.Notice.State == "e2ee", name)
		require.NotEmpty(t, r.Notice.Text.FR, name)
	}
	requireWords(t, h, name)
}

// requireWords: "nobody" and "end-to-end encrypted" occur only where they may.
func requireWords(t *testing.T, h *Headline, name string) {
	t.Helper()
	all := strings.ToLower(h.History.EN)
	require.Equal(t, h.State == "private" || h.State == "recorded", strings.Contains(strings.ReplaceAll(all, "nobody else could read", ""), "nobody"), "%s: %s", name, all)
	require.Equal(t, h.State == "private" || h.State == "handed-on", strings.Contains(all, "end-to-end encrypted"), "%s: %s", name, all)
	if strings.Contains(all, "nobody else could read") {
		require.Equal(t, "written", h.State, name)
		require.Empty(t, h.Readers, name)
	}
	if h.Now != nil {
		require.Equal(t, h.Now.State == "nobody", strings.Contains(strings.ToLower(h.Now.Text.EN), "nobody"), name)
		require.Equal(t, h.Now.State == "nobody", h.Now.Since != nil, name)
		require.Equal(t, h.Now.State == "nobody", len(h.Now.By) == 0, name)
		require.NotContains(t, h.Now.Text.EN+h.Now.Text.FR, "{", name)
	}
	require.NotContains(t, h.History.EN+h.History.FR, "%!", name)
}
