package custodian

import (
	"errors"
	"fmt"
	"strings"

	"signet.example/signet/custodian/know"
)

// ErrTooMuch is returned by Evaluation.Prove if what was chosen would fill more than about a
// gigabyte.
var ErrTooMuch = errors.New("custodian: so many questions about so many clauses at once are too much: choose some of them")

// mostClauses bounds the clauses of one call of Prove, over all questions.
const mostClauses = 1 << 24

// A question asks whether somebody can do something, by the rule book. Several goals are one
// question: it is enough that one of them follows.
type question struct {
	name  string // of its files
	asks  string
	view  *view
	goals []string
	by    int // the event by which it follows, or does not
}

// Prove writes the questions that the report's certificates answer as problems for a standard
// prover (custody B17, docs/custody-proofs.md): who reads each message, who has a message of its
// own accepted at each probe, who begins a session. For the question NAME there is NAME.cnf, in
// DIMACS, and NAME.drat, a proof that it is so, or NAME.model, the model that shows that it is not;
// last, questions.txt lists them. File names are letters, digits, dots, "_" and "-". check.Prove
// writes the same bytes from the bundle.
//
// Only says for each NAME whether it is wanted; nil is all. Write is called for one file after the
// other and keeps its slice. ErrTooMuch is returned before the first; an error of write ends the
// call and is returned. An evaluation of which rule book and adversary do not agree is refused, as
// by Bundle. The files hold names of atoms, as certificates do, and no key and no text. Safe for
// concurrent use.
func (e *Evaluation) Prove(only func(name string) bool, write func(file string, data []byte) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.w.agree() {
		return errDisagree
	}
	var list []question
	for _, q := range e.w.questions() {
		if only == nil || only(q.name) {
			list = append(list, q)
		}
	}
	if len(list) > 0 && e.w.base.Clauses() > mostClauses/len(list) {
		return ErrTooMuch
	}
	var index strings.Builder
	for _, q := range list {
		p := e.w.base.Problem(q.asks, q.view.facts, q.by, q.goals)
		if p.Follows != q.follows() {
			return errDisagree
		}
		if err := write(q.name+".cnf", p.CNF); err != nil {
			return err
		}
		suffix, exit := ".model", 10
		if p.Follows {
			suffix, exit = ".drat", 20
		}
		if err := write(q.name+suffix, p.Answer); err != nil {
			return err
		}
		fmt.Fprintf(&index, "%d %s %s\n", exit, q.name, q.asks)
	}
	return write("questions.txt", []byte(index.String()))
}

// follows is what the closure says, from which the report was made.
func (q *question) follows() bool {
	for _, g := range q.goals {
		if q.view.closure.Has(g, q.by) {
			return true
		}
	}
	return false
}

// questions lists them by principal: what it reads, with a quantum computer too, then what is
// accepted of it. Who cannot put a message before a receiver is asked nothing of the latter.
func (w *writer) questions() (list []question) {
	end := len(w.run.events)
	for i, v := range w.views {
		for _, x := range []*view{v, v.quantum} {
			name, who := "reads", v.p.ID
			if x == v.quantum {
				name, who = "reads-quantum", who+" with a quantum computer"
			}
			for _, m := range w.run.messages {
				list = append(list, question{
					name: fmt.Sprintf("%s-%04d.%s", name, m.number, v.p.ID), asks: fmt.Sprintf("Does %s read message %d?", who, m.number),
					view: x, goals: []string{know.Plain(m.number)}, by: end,
				})
			}
		}
		for _, p := range w.run.probes {
			if !v.reaches || p.inject != nil && p.inject.by != i {
				continue
			}
			when := fmt.Sprintf("at event %d", p.at)
			if p.message >= 0 {
				when = fmt.Sprintf("in place of message %d", p.message)
			}
			to := endNames[p.to]
			list = append(list, question{
				name: fmt.Sprintf("forges-%04d.%s", p.number, v.p.ID), asks: fmt.Sprintf("Does the %s accept a message of %s %s?", to, v.p.ID, when),
				view: v, goals: []string{know.Forge(p.number)}, by: p.at,
			})
			if p.still() {
				list = append(list, question{
					name: fmt.Sprintf("opens-%04d.%s", p.number, v.p.ID), asks: fmt.Sprintf("Does the %s accept a new session of %s %s?", to, v.p.ID, when),
					view: v, goals: p.agreements(), by: p.at,
				})
			}
		}
	}
	return list
}
