package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrTooMuch is returned by Prove if what was chosen would fill more than about a gigabyte.
var ErrTooMuch = errors.New("check: so many questions about so many clauses at once are too much: choose some of them")

const mostClauses = 1 << 24

// Prove verifies a bundle and writes the questions that its certificates answer as problems for a
// standard prover (docs/custody-proofs.md), made from the transcript alone: who reads each message,
// who has a message of its own accepted at each probe, who begins a session. NAME.cnf is a question
// in DIMACS, NAME.drat a proof that it is so, NAME.model the model that shows that it is not; last,
// questions.txt lists them. File names have no path characters.
//
// Only says for each NAME whether it is wanted; nil is all. Write is called for one file after the
// other and keeps its slice. The errors are those of Verify and of write, and ErrTooMuch, before
// the first file; b is not modified or kept.
func Prove(b []byte, only func(name string) bool, write func(file string, data []byte) error) (*Outcome, error) {
	v, err := verified(b)
	if err != nil {
		return nil, err
	}
	list := v.questions()
	if only != nil {
		list = slices.DeleteFunc(list, func(q question) bool { return !only(q.name) })
	}
	if len(list) > 0 && v.rules.expanded() > mostClauses/len(list) {
		return nil, ErrTooMuch
	}
	var index strings.Builder
	for _, q := range list {
		f := v.rules.formula(until(q.facts, q.by), q.goals)
		follows := slices.ContainsFunc(q.goals, func(g string) bool { return v.has(q.closure, g, q.by) })
		if follows != (f.found != 0) {
			return nil, refuse("%s: the closure and the propagation of units differ", q.name)
		}
		if err := write(q.name+".cnf", f.dimacs(v.report.Tool.Rulebook, q.asks)); err != nil {
			return nil, err
		}
		exit, suffix, answer := 10, ".model", f.model
		if follows {
			exit, suffix, answer = 20, ".drat", f.proof
		}
		if err := write(q.name+suffix, answer()); err != nil {
			return nil, err
		}
		fmt.Fprintf(&index, "%d %s %s\n", exit, q.name, q.asks)
	}
	return v.outcome(), write("questions.txt", []byte(index.String()))
}

// A question asks whether one of goals follows from what somebody knows by an event.
type question struct {
	name, asks string
	goals      []string
	facts      []fact
	closure    *closure
	by         int
}

func (v *verifier) questions() (list []question) {
	for i, x := range v.views {
		id := v.text.Principals[i].ID
		facts := v.facts(x)
		for q, kind := range []string{"reads", "reads-quantum"} {
			known := facts
			if q == 1 {
				known = append([]fact{{"quantum", 0}}, facts...)
			}
			for n := range v.messages {
				list = append(list, question{
					fmt.Sprintf("%s-%04d.%s", kind, n, id), fmt.Sprintf("Does %s read message %d?", named(id, q == 1), n),
					[]string{ofMessage("plaintext", n)}, known, x.closure[q], never,
				})
			}
		}
		for _, p := range v.probes {
			if !x.reaches || p.Injection != nil && v.principal(p.Injection.By) != i {
				continue
			}
			when := fmt.Sprintf("at event %d", p.At)
			if p.Message >= 0 {
				when = fmt.Sprintf("in place of message %d", p.Message)
			}
			list = append(list, question{
				fmt.Sprintf("forges-%04d.%s", p.Number, id), fmt.Sprintf("Does the %s accept a message of %s %s?", p.To, id, when),
				[]string{ofMessage("forge", p.Number)}, facts, x.closure[0], p.At,
			})
			if !p.still() {
				continue
			}
			var goals []string
			for _, w := range p.Takes {
				if w.PreKey != "" {
					goals = append(goals, agreement(w.Sender, w.PreKey))
				}
			}
			list = append(list, question{
				fmt.Sprintf("opens-%04d.%s", p.Number, id), fmt.Sprintf("Does the %s accept a new session of %s %s?", p.To, id, when),
				goals, facts, x.closure[0], p.At,
			})
		}
	}
	return list
}

// until lists the atoms of facts that are known by an event.
func until(facts []fact, by int) (list []string) {
	for _, f := range facts {
		if f.at <= by {
			list = append(list, f.atom)
		}
	}
	return list
}
