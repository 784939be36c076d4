package custodian

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/check"
	"signet.example/signet/custodian/notice"
)

var noticeRuns = flag.Int("notices", 60, "how many random scenarios with notices to play")

// A guarded is a random scenario about custody, with what its author knows.
type guarded struct {
	*Scenario
	silent      bool // something was granted that no statement spoke of
	equivocated bool
	statements  int
}

// A custodyScript writes a scenario in which custody changes at random: grants, revocations, a
// change of hosts, new keys, statements that are forged, withheld, replayed or contradicted. An
// honest business says what it is about to do and waits until the customer knows.
type custodyScript struct {
	*guarded
	g      *rand.Rand
	force  []Mandate // by grant
	names  []string
	hidden map[string]bool // grants that no statement speaks of
	stated int
	next   int
}

func randomCustody(n uint64) *guarded {
	g := rand.New(rand.NewPCG(n, 29))
	s := &custodyScript{g: g, hidden: make(map[string]bool), guarded: &guarded{Scenario: &Scenario{
		Protocol: 3 + g.IntN(2), Seed: n, NoOneTimePreKey: g.IntN(3) == 0,
		Principals: []Principal{{ID: "p", Role: Provider}, {ID: "q", Role: Provider}, {ID: "o", Role: Operator}},
	}}}
	liar := g.IntN(4) == 0
	mute := g.IntN(8) == 0 // publishes nothing at all
	profile := ""
	if g.IntN(6) == 0 {
		profile = IdentitySigned
	}
	if !mute && (liar || g.IntN(4) > 0) {
		s.say(&Statement{Profile: profile})
	}
	for range 8 + g.IntN(10) {
		switch k := g.IntN(22); {
		case k < 10:
			s.step(Step{Send: &Send{From: []string{Customer, Business}[g.IntN(2)], Count: 1 + g.IntN(3)}})
		case k < 14:
			s.change(profile, mute || liar && g.IntN(2) == 0)
		case k < 16 && len(s.names) > 0:
			s.revoke(profile, mute)
		case k < 17:
			s.step(Step{Rotate: []string{"session", "prekeys", "identity"}[g.IntN(3)]})
			if !mute && g.IntN(2) == 0 {
				s.say(&Statement{Profile: profile, Grants: s.open()})
			}
		case k < 18:
			s.step(Step{Inject: &Inject{By: []string{"p", "q"}[g.IntN(2)], As: Business, To: Customer, Text: "not by me"}})
		case mute:
		case k < 19:
			s.say(&Statement{Profile: profile, By: []string{"p", "q"}[g.IntN(2)]})
		case k < 20 && s.stated > 0:
			s.say(&Statement{Profile: profile, Replay: 1 + g.IntN(s.stated)})
		case k < 21:
			s.say(&Statement{Profile: profile, Grants: s.open(), Withhold: true})
		case g.IntN(3) == 0:
			s.equivocated = true
			s.say(&Statement{Profile: profile, Grants: s.open(), Equivocate: true})
		}
	}
	return s.guarded
}

func (s *custodyScript) step(x Step) { s.Script = append(s.Script, x) }

func (s *custodyScript) say(x *Statement) {
	if x.Replay == 0 && x.By == "" {
		s.stated++
	}
	if x.By == "" {
		s.statements++
	}
	s.step(Step{Notice: x})
}

// open is what an honest statement says.
func (s *custodyScript) open() (list []Mandate) {
	for i, m := range s.force {
		if !s.hidden[s.names[i]] {
			list = append(list, m)
		}
	}
	return list
}

// change grants something, announced or not.
func (s *custodyScript) change(profile string, silently bool) {
	m := Mandate{To: []string{"p", "q", "o"}[s.g.IntN(3)], Via: []string{"copy", "stream", "stream", "quota"}[s.g.IntN(4)]}
	if m.Via == "quota" {
		m.Count = 1 + s.g.IntN(3)
	} else {
		m.Atoms = randomAtoms(s.g)
		if s.g.IntN(2) == 0 {
			m.Atoms = append(m.Atoms, "session")
		}
	}
	name := fmt.Sprintf("g%d", s.next)
	s.next++
	s.force, s.names = append(s.force, m), append(s.names, name)
	if silently {
		s.silent, s.hidden[name] = true, true
	} else {
		s.say(&Statement{Profile: profile, Grants: s.open()})
	}
	s.step(Step{Grant: &Grant{Name: name, To: m.To, Atoms: m.Atoms, Via: m.Via, Count: m.Count}})
}

// revoke ends a grant, and perhaps gives the same to another host at once.
func (s *custodyScript) revoke(profile string, mute bool) {
	i := s.g.IntN(len(s.names))
	s.step(Step{Revoke: s.names[i]})
	s.force, s.names = slices.Delete(s.force, i, i+1), slices.Delete(s.names, i, i+1)
	if !mute {
		s.say(&Statement{Profile: profile, Grants: s.open()})
	}
	if s.g.IntN(2) == 0 {
		s.step(Step{Barrier: true})
	}
}

// undelivered reports whether a statement of the business that was sent was not accepted: it went
// on without an acknowledgement.
func undelivered(r *run) bool {
	return slices.ContainsFunc(r.custody.chain, func(st *stated) bool { return !st.taken && !r.sc.Script[st.step].Notice.Withhold })
}

// wentOn reports whether the business went on in a session after a barrier had deleted it at the
// customer's: former holders read on, and her client, which refuses these messages, does not tell
// of them any more.
func wentOn(r *run) bool {
	barrier := slices.ContainsFunc(r.sc.Script, func(s Step) bool { return s.Barrier })
	return barrier && slices.ContainsFunc(r.messages, func(m *sent) bool { return m.from == attack.Business && m.refused != nil })
}

// TestRandomCustody: over whole conversations, the customer's client never says that a chat is
// end-to-end encrypted while somebody was openly given its messages; where the business was silent
// about what it gave, the report says that the notice is dishonest, or, if it published nothing at
// all, that this cannot be detected.
func TestRandomCustody(t *testing.T) {
	kinds := make(map[string]int)
	lies, blind, forgeable, silent := 0, 0, 0, 0
	for n := range uint64(*noticeRuns) {
		sc := randomCustody(n)
		require.NoError(t, sc.Check())
		r, err := play(context.Background(), sc.Scenario, nil)
		require.NoError(t, err, "scenario %d", n)
		w, err := r.judge("")
		require.NoError(t, err, "scenario %d", n)
		report := w.write("")
		requireAgreement(t, report, "scenario %d", n)
		kinds[report.Notice.State]++
		for i, p := range sc.Principals {
			encrypted := slices.ContainsFunc(r.messages, func(m *sent) bool {
				_, reads := w.reads[i][m.number]
				return reads && m.shown != nil && w.owed(w.views[i], m, w.views[i].names(sc.Scenario)).Kind == notice.Encrypted
			})
			g11, g14 := report.Find("G11", p.ID), report.Find("G14", p.ID)
			if g11 != nil && g11.Result() == Lost {
				forgeable++
			}
			if encrypted {
				silent++
				require.True(t, sc.silent, "scenario %d: encrypted, and %s reads", n, p.ID)
				require.Equal(t, Lost, g14.Result(), "scenario %d", n)
			}
			switch {
			case g14 == nil:
			case sc.statements == 0:
				require.Equal(t, Unknown, g14.Result(), "scenario %d", n)
				require.Contains(t, g14.Text().EN, "cannot detect")
				blind++
			case g14.Result() == Lost:
				require.True(t, sc.silent || sc.equivocated || undelivered(r) || wentOn(r), "scenario %d: %s: %s (%s)", n, p.ID, g14.Text().EN, g14.Evidence())
				lies++
			}
		}
	}
	t.Logf("%v; %d times a lie said encrypted, %d lies found, %d principals undetectable, %d notices forgeable", kinds, silent, lies, blind, forgeable)
	if *noticeRuns < 60 {
		return
	}
	require.Greater(t, silent, 0)
	require.Greater(t, lies, 0)
	require.Greater(t, blind, 0)
	require.Greater(t, forgeable, 0)
}

// TestNoticeBundles: the verifier, which shares nothing with what it checks, comes to the same
// about notices.
func TestNoticeBundles(t *testing.T) {
	for n := range uint64(*noticeRuns / 3) {
		profile := []Profile{Publishable, Lab}[n%2]
		_, bundle, err := EvaluateBundle(context.Background(), randomCustody(1000+n).Scenario, nil, profile)
		require.NoError(t, err, "scenario %d", 1000+n)
		_, err = check.Verify(bundle)
		require.NoError(t, err, "scenario %d", 1000+n)
	}
}
