package know

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is a question in the form that provers of propositional logic read (custody B17,
// docs/custody-proofs.md): one variable for each atom, one clause for each instance of a rule and
// each fact, and what is asked, denied. No assignment satisfies the clauses if and only if it
// follows.
type Problem struct {
	CNF     []byte // DIMACS
	Follows bool
	Answer  []byte // if it follows, a DRAT proof in text; else the least model, as solvers print one
}

// Problem asks whether one of goals follows from the facts that are known by a time. The bytes
// depend on what is asked alone, not on the order in which clauses and facts were added. Question
// is a sentence in one line for the comments.
func (b *Base) Problem(question string, facts []Fact, by int, goals []string) Problem {
	p := problem{number: make(map[string]int)}
	for i := range b.clauses {
		p.instance(b, &b.clauses[i])
	}
	for _, f := range facts {
		if f.At <= by {
			p.given = append(p.given, b.names[f.Atom])
		}
	}
	p.denied = goals
	p.enumerate()
	p.propagate()
	x := Problem{CNF: p.dimacs(question), Follows: p.goal > 0}
	if x.Follows {
		x.Answer = p.proof()
	} else {
		x.Answer = p.model()
	}
	return x
}

// Clauses returns how many clauses a Problem has at most, facts and denial apart.
func (b *Base) Clauses() int {
	n := len(b.clauses)
	for i := range b.clauses {
		if c := &b.clauses[i]; c.Need < len(c.Body) {
			n += (2*c.Need + 1) * (len(c.Body) + 1)
		}
	}
	return n
}

// A problem is one in the making: clauses over names, then over numbers.
type problem struct {
	rows          []row
	given, denied []string

	names  []string // sorted: variable i+1
	number map[string]int
	sorted [][]int // clauses of the rules: variables of the body, ascending, then the head
	ranges []stretch
	facts  []int
	goals  []int

	queue []int // what follows, in the order of propagation
	by    []int // of each variable, the clause that gave it; -1 is a fact, -2 is none
	goal  int   // the first goal that follows, or 0
}

type row struct {
	rule int
	head string
	body []string
}

type stretch struct{ rule, from, to int } // clauses from+1 to to

var places = func() map[string]int {
	m := make(map[string]int)
	for i, r := range Rules {
		m[r.ID] = i
	}
	return m
}()

// instance adds an instance of a rule. One that needs some of its body becomes a counter:
// count(x,i,j) says that j of the first i are known.
func (p *problem) instance(b *Base, c *Clause) {
	rule, head := places[c.Rule], b.names[c.Head]
	body := make([]string, len(c.Body))
	for i, a := range c.Body {
		body[i] = b.names[a]
	}
	if c.Need == len(body) {
		p.rows = append(p.rows, row{rule, head, body})
		return
	}
	count := func(i, j int) string { return "count(" + head + "," + num(i) + "," + num(j) + ")" }
	for i := range len(body) + 1 {
		p.rows = append(p.rows, row{rule, count(i, 0), nil})
		for j := 1; j <= min(i, c.Need); j++ {
			if j < i {
				p.rows = append(p.rows, row{rule, count(i, j), []string{count(i-1, j)}})
			}
			p.rows = append(p.rows, row{rule, count(i, j), []string{count(i-1, j-1), body[i-1]}})
		}
	}
	p.rows = append(p.rows, row{rule, head, []string{count(len(body), c.Need)}})
}

// enumerate numbers the atoms by name and sorts the clauses: by rule, then by their variables.
func (p *problem) enumerate() {
	note := func(list ...string) {
		for _, a := range list {
			if _, known := p.number[a]; !known {
				p.number[a] = 0
				p.names = append(p.names, a)
			}
		}
	}
	for i := range p.rows {
		note(p.rows[i].head)
		note(p.rows[i].body...)
	}
	note(p.given...)
	note(p.denied...)
	slices.Sort(p.names)
	for i, a := range p.names {
		p.number[a] = i + 1
	}
	type numbered struct {
		rule int
		vars []int
	}
	list := make([]numbered, len(p.rows))
	for i, r := range p.rows {
		list[i] = numbered{r.rule, append(p.numbers(r.body), p.number[r.head])}
	}
	slices.SortFunc(list, func(x, y numbered) int { return cmp.Or(x.rule-y.rule, slices.Compare(x.vars, y.vars)) })
	list = slices.CompactFunc(list, func(x, y numbered) bool { return x.rule == y.rule && slices.Equal(x.vars, y.vars) })
	for i, c := range list {
		if i == 0 || list[i-1].rule != c.rule {
			p.ranges = append(p.ranges, stretch{rule: c.rule, from: i})
		}
		p.ranges[len(p.ranges)-1].to = i + 1
		p.sorted = append(p.sorted, c.vars)
	}
	p.facts, p.goals = p.numbers(p.given), p.numbers(p.denied)
}

// numbers returns the variables of atoms, ascending, each once.
func (p *problem) numbers(atoms []string) []int {
	list := make([]int, 0, len(atoms)+1)
	for _, a := range atoms {
		list = append(list, p.number[a])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// propagate follows units: what is known comes first in, first out, and wakes clauses in the order
// of the file.
func (p *problem) propagate() {
	uses := make([][]int, len(p.names)+1)
	missing := make([]int, len(p.sorted))
	p.by = slices.Repeat([]int{-2}, len(p.names)+1)
	learn := func(a, by int) {
		if p.by[a] == -2 {
			p.by[a] = by
			p.queue = append(p.queue, a)
		}
	}
	for i, c := range p.sorted {
		missing[i] = len(c) - 1
		for _, a := range c[:len(c)-1] {
			uses[a] = append(uses[a], i)
		}
		if len(c) == 1 {
			learn(c[0], -1)
		}
	}
	for _, a := range p.facts {
		learn(a, -1)
	}
	for i := 0; i < len(p.queue); i++ {
		a := p.queue[i]
		if _, asked := slices.BinarySearch(p.goals, a); asked && p.goal == 0 {
			p.goal = a
		}
		for _, n := range uses[a] {
			if missing[n]--; missing[n] == 0 {
				learn(p.sorted[n][len(p.sorted[n])-1], n)
			}
		}
	}
}

func (p *problem) dimacs(question string) []byte {
	var s strings.Builder
	fmt.Fprintf(&s, "c custody-question-v1\nc rulebook sha256:%s\n", RulebookDigest())
	fmt.Fprintf(&s, "c %s If so, no assignment satisfies the clauses.\nc variables\n", question)
	for i, a := range p.names {
		fmt.Fprintf(&s, "c %d %s\n", i+1, a)
	}
	s.WriteString("c clauses\n")
	for _, r := range p.ranges {
		fmt.Fprintf(&s, "c %d-%d %s\n", r.from+1, r.to, Rules[r.rule].ID)
	}
	rules, facts := len(p.sorted), len(p.sorted)+len(p.facts)
	if facts > rules {
		fmt.Fprintf(&s, "c %d-%d facts\n", rules+1, facts)
	}
	if len(p.goals) > 0 {
		fmt.Fprintf(&s, "c %d-%d denied\n", facts+1, facts+len(p.goals))
	}
	fmt.Fprintf(&s, "p cnf %d %d\n", len(p.names), facts+len(p.goals))
	for _, c := range p.sorted {
		for _, a := range c[:len(c)-1] {
			s.WriteString("-" + num(a) + " ")
		}
		s.WriteString(num(c[len(c)-1]) + " 0\n")
	}
	for _, a := range p.facts {
		s.WriteString(num(a) + " 0\n")
	}
	for _, a := range p.goals {
		s.WriteString("-" + num(a) + " 0\n")
	}
	return []byte(s.String())
}

// proof is what the first goal rests on, atom after atom, and the empty clause.
func (p *problem) proof() []byte {
	needed := make(map[int]bool)
	for work := []int{p.goal}; len(work) > 0; {
		a := work[len(work)-1]
		work = work[:len(work)-1]
		if needed[a] || p.by[a] < 0 {
			continue
		}
		needed[a] = true
		c := p.sorted[p.by[a]]
		work = append(work, c[:len(c)-1]...)
	}
	var s strings.Builder
	for _, a := range p.queue {
		if needed[a] {
			s.WriteString(num(a) + " 0\n")
		}
	}
	s.WriteString("0\n")
	return []byte(s.String())
}

// model is the least one: what follows is true, everything else is false.
func (p *problem) model() []byte {
	var s strings.Builder
	s.WriteString("s SATISFIABLE\n")
	for a := 1; a < len(p.by); a++ {
		sign := "-"
		if p.by[a] != -2 {
			sign = ""
		}
		s.WriteString("v " + sign + num(a) + "\n")
	}
	s.WriteString("v 0\n")
	return []byte(s.String())
}
