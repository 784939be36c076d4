package custodian

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// withWitness adds a principal that is handed everything from the first day by both ends, and is
// asked nothing: its parcels say what every secret really was.
func withWitness(sc *Scenario) *Scenario {
	out := *sc
	out.Principals = append(append([]Principal(nil), sc.Principals...), Principal{ID: "truth", Role: Outsider})
	out.Script = nil
	for _, from := range []string{Customer, Business} {
		out.Script = append(out.Script, Step{Grant: &Grant{Name: "truth-of-the-" + from, To: "truth", From: from, Atoms: []string{"everything"}, Via: "stream"}})
	}
	out.Script = append(out.Script, sc.Script...)
	return &out
}

// truth maps atoms to the values that the witness was handed.
func truth(t *testing.T, r *run) map[string][]byte {
	values := make(map[string][]byte)
	for i := range r.events {
		g := r.events[i].given
		if g == nil || r.sc.Principals[g.to].ID != "truth" {
			continue
		}
		p, err := parcel.Parse(g.bytes)
		require.NoError(t, err)
		for _, e := range p.Entries() {
			atom := know.FromParcel(parcel.New([]parcel.Entry{e}))[0]
			if _, twice := values[atom]; !twice {
				values[atom] = e.Value
			}
		}
	}
	return values
}

// TestExplanations: every step of every explanation re-derives. Each edge, evaluated with the
// concrete values, gives the atom's value: the one that its owner had, where the owner still had it
// when it was handed to the witness, and in the end the very text. Leaves are in the parcels. What
// does not follow does with what is said to be missing, and with nothing less.
func TestExplanations(t *testing.T) {
	edges, compared, missing := 0, 0, 0
	for n := range uint64(16) {
		sc := withWitness(randomScenario(n))
		e, err := Play(context.Background(), sc, nil)
		require.NoError(t, err)
		real := truth(t, e.w.run)
		for _, m := range e.report.Messages {
			for i, p := range sc.Principals {
				for _, q := range []Question{{p.ID, m.I, false, false}, {p.ID, m.I, true, false}, {p.ID, m.I, false, true}} {
					x, err := e.Explain(q)
					require.NoError(t, err)
					require.NotEmpty(t, x.Text.EN)
					v := e.w.views[i]
					if q.Quantum {
						v = v.quantum
					}
					if !x.Follows {
						requireGap(t, e, v, x, q)
						missing++
						continue
					}
					require.True(t, x.Shown != "" || q.Quantum && !p.Quantum)
					where := fmt.Sprintf("scenario %d, %+v", n, q)
					edges += len(x.Steps)
					compared += requireDerivation(t, e.w.run, x, real, where)
				}
			}
		}
	}
	t.Logf("%d steps, %d compared with the owner's secret, %d gaps", edges, compared, missing)
	require.Greater(t, edges, 10000)
	require.Greater(t, compared, 2000)
	require.Greater(t, missing, 500)
}

func requireDerivation(t *testing.T, r *run, x *Explanation, real map[string][]byte, where string) (compared int) {
	for i, d := range x.Steps {
		here := fmt.Sprintf("%s: step %d: %s %s", where, i, d.Rule, d.Atom)
		for _, f := range d.From {
			require.Less(t, f, i, here)
		}
		require.Equal(t, d.Rule == "", d.Source != nil, here)
		if d.Source != nil && d.Source.Kind == "grant" && know.KindOf(d.Atom) != "seen" {
			require.NotEmpty(t, d.Source.Secret, here)
			entry := entryOf(r.events[d.Source.Event].given, d.Atom)
			require.Equal(t, entry.Value, d.value, here)
		}
		switch kind := know.KindOf(d.Atom); kind {
		case "forge", know.Quantum:
		default:
			require.NotNil(t, d.value, here)
		}
		if have, ok := real[d.Atom]; ok {
			require.Equal(t, have, d.value, here)
			compared++
		}
	}
	last := x.Steps[len(x.Steps)-1]
	require.Equal(t, x.Goal, last.Atom)
	if !x.Forge {
		require.Equal(t, string(r.messages[x.Message].text), string(last.value), where)
	}
	return compared
}

// requireGap closes the facts with what is missing, and without each part of it.
func requireGap(t *testing.T, e *Evaluation, v *view, x *Explanation, q Question) {
	if x.Missing.Reach {
		require.False(t, v.reaches)
		return
	}
	at := never
	if q.Forge {
		at = e.w.probeOf(q.Message).at
	}
	base := e.w.base
	follows := func(list []Lacking, without int) bool {
		var facts []know.Fact
		for _, f := range v.facts {
			if f.At <= at {
				facts = append(facts, f)
			}
		}
		for i, l := range list {
			require.False(t, v.closure.Has(l.Atom, at), "%s is known", l.Atom)
			if i != without {
				facts = append(facts, know.Fact{Atom: base.Atom(l.Atom)})
			}
		}
		return base.Close(facts).Has(x.Goal, at)
	}
	for _, set := range x.Missing.Near {
		require.True(t, follows(set, -1), "%v", set)
	}
	require.Equal(t, len(x.Missing.Near) > 0, len(x.Missing.Origins) > 0)
	if len(x.Missing.Origins) > 0 {
		require.True(t, follows(x.Missing.Origins, -1))
		for i := range x.Missing.Origins {
			require.False(t, follows(x.Missing.Origins, i))
		}
	}
	if !q.Forge {
		require.NotEmpty(t, x.Missing.Origins, "%+v", q)
	}
}

// english has words that French does not.
var english = regexp.MustCompile(`(?i)\b(the|of|key|chain|seed|message seed|ratchet|before|after|handed|grant|by|read|reads|held|lost|with|what|half|business|customer|it|from|for|and|or|none|epoch|root)\b`)

// TestExplanationWords: explanations of the shipped scenarios fit the terminal, in two languages,
// and the French has no English left.
func TestExplanationWords(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		sc := parse(t, b)
		e, err := Play(context.Background(), sc, nil)
		require.NoError(t, err)
		for m := range e.report.Messages {
			for _, p := range sc.Principals {
				for _, q := range []Question{{p.ID, m, false, false}, {p.ID, m, true, false}, {p.ID, m, false, true}} {
					x, err := e.Explain(q)
					require.NoError(t, err)
					for _, lang := range []string{"en", "fr"} {
						var out bytes.Buffer
						require.NoError(t, x.WriteText(&out, lang))
						for _, l := range strings.Split(out.String(), "\n") {
							require.LessOrEqual(t, len([]rune(l)), 80, "%s", l)
						}
						if lang == "fr" {
							words := out.String()
							for _, g := range sc.Script {
								if g.Grant != nil {
									words = strings.ReplaceAll(words, g.Grant.Name, "…")
								}
							}
							for _, p := range sc.Principals {
								words = strings.ReplaceAll(words, p.ID, "…")
							}
							require.Empty(t, english.FindString(words), "%s: %s", f, words)
						}
					}
					one, err := json.Marshal(x)
					require.NoError(t, err)
					again, err := e.Explain(q)
					require.NoError(t, err)
					two, err := json.Marshal(again)
					require.NoError(t, err)
					require.Equal(t, string(one), string(two))
				}
			}
		}
	}
	for kind := range phrases {
		require.NotEmpty(t, phrases[kind].FR)
	}
	for _, r := range know.Rules {
		require.NotEmpty(t, becauses[r.ID].FR, "rule %s is not said in French", r.ID)
	}
	for _, a := range Atoms() {
		require.NotEmpty(t, secretNames[a], "%s has no French name", a)
	}
}

// TestQuestions: a question that does not fit is refused.
func TestQuestions(t *testing.T) {
	e, err := Play(context.Background(), parse(t, read(t, "handover.json")), nil)
	require.NoError(t, err)
	for _, q := range []Question{{Principal: "nobody"}, {Principal: "acme-cloud", Message: -1}, {Principal: "acme-cloud", Message: 11}, {Principal: "acme-cloud", Forge: true, Quantum: true}} {
		_, err := e.Explain(q)
		var bad *QuestionError
		require.ErrorAs(t, err, &bad)
	}
	require.Equal(t, Question{Principal: "acme-cloud", Message: 4}, e.First(""))
}

// TestPlay: an Evaluation has the report and bundle of the functions that give no more.
func TestPlay(t *testing.T) {
	sc := parse(t, read(t, "handover.json"))
	e, err := Play(context.Background(), sc, nil)
	require.NoError(t, err)
	require.Equal(t, jsonOf(t, evaluate(t, sc)), jsonOf(t, e.Report()))
	for _, profile := range []Profile{Publishable, Lab} {
		_, want, err := EvaluateBundle(context.Background(), sc, nil, profile)
		require.NoError(t, err)
		got, err := e.Bundle(profile)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err = e.Bundle("everything")
	require.Error(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), "[")
}
