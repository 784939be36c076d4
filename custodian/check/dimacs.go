package check

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A formula is a question in propositional logic: variables in the order of atoms' names, clauses
// in the order of rules and variables, what is known, and what is asked, which is denied.
type formula struct {
	atoms   []string
	clauses []horn
	ruled   []int // how many clauses each rule has
	facts   []int
	denied  []int

	reason map[int]int // of what follows, the clause that gave it; -1 for what needs none
	order  []int       // what follows, as found
	found  int         // what was asked and follows first, or 0
}

// horn is a clause: if all of body, then head.
type horn struct {
	rule string
	body []int
	head int
}

// ruleNames are the rules in the order of the rule book.
var ruleNames = func() (list []string) {
	for line := range strings.Lines(rulebook) {
		name, _, _ := strings.Cut(line, " ")
		list = append(list, name)
	}
	return list
}()

// expanded is how many instances there are at most, counters included.
func (c *clauses) expanded() int {
	n := len(c.list)
	for i := range c.list {
		if x := &c.list[i]; x.need < len(x.body) {
			n += (1 + 2*x.need) * (1 + len(x.body))
		}
	}
	return n
}

// formula writes the clauses for a question and follows what is known.
func (c *clauses) formula(known, goals []string) *formula {
	named := c.instances()
	all := slices.Concat(known, goals)
	for i := range named {
		all = append(append(all, named[i].head), named[i].body...)
	}
	slices.Sort(all)
	f := &formula{atoms: slices.Compact(all), reason: make(map[int]int)}
	f.facts, f.denied = f.variables(known), f.variables(goals)
	byRule := make(map[string][]horn)
	for i := range named {
		n := &named[i]
		byRule[n.rule] = append(byRule[n.rule], horn{n.rule, f.variables(n.body), f.variable(n.head)})
	}
	for _, name := range ruleNames {
		list := byRule[name]
		sort.Slice(list, func(i, j int) bool { return list[i].compare(&list[j]) < 0 })
		list = slices.CompactFunc(list, func(a, b horn) bool { return a.compare(&b) == 0 })
		f.clauses = append(f.clauses, list...)
		f.ruled = append(f.ruled, len(list))
	}
	f.follow()
	return f
}

func (h *horn) compare(o *horn) int {
	return slices.Compare(append(slices.Clone(h.body), h.head), append(slices.Clone(o.body), o.head))
}

// instance is a clause by names.
type instance struct {
	rule, head string
	body       []string
}

// instances writes clauses that need a part of their body as counters.
func (c *clauses) instances() (list []instance) {
	for i := range c.list {
		x := &c.list[i]
		head, size := c.names[x.head], len(x.body)
		var body []string
		for _, a := range x.body {
			body = append(body, c.names[a])
		}
		if x.need == size {
			list = append(list, instance{x.rule, head, body})
			continue
		}
		at := func(i, j int) string { return of("count", head, num(i), num(j)) }
		for i := 0; i <= size; i++ {
			list = append(list, instance{x.rule, at(i, 0), nil})
		}
		for j := 1; j <= x.need; j++ { // j of the first i
			for i := j; i <= size; i++ {
				list = append(list, instance{x.rule, at(i, j), []string{at(i-1, j-1), body[i-1]}})
				if i > j {
					list = append(list, instance{x.rule, at(i, j), []string{at(i-1, j)}})
				}
			}
		}
		list = append(list, instance{x.rule, head, []string{at(size, x.need)}})
	}
	return list
}

func (f *formula) variable(atom string) int {
	i, _ := slices.BinarySearch(f.atoms, atom)
	return i + 1
}

func (f *formula) variables(atoms []string) []int {
	list := make([]int, len(atoms))
	for i, a := range atoms {
		list[i] = f.variable(a)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// follow propagates units, first found first followed.
func (f *formula) follow() {
	open := make([]int, len(f.clauses)) // atoms of each body that are still to come
	waits := make(map[int][]int)
	set := func(a, why int) {
		if _, known := f.reason[a]; !known {
			f.reason[a] = why
			f.order = append(f.order, a)
		}
	}
	for n := range f.clauses {
		h := &f.clauses[n]
		if open[n] = len(h.body); open[n] == 0 {
			set(h.head, -1)
		}
		for _, a := range h.body {
			waits[a] = append(waits[a], n)
		}
	}
	for _, a := range f.facts {
		set(a, -1)
	}
	for next := 0; next < len(f.order); next++ {
		a := f.order[next]
		if f.found == 0 && slices.Contains(f.denied, a) {
			f.found = a
		}
		for _, n := range waits[a] {
			if open[n]--; open[n] == 0 {
				set(f.clauses[n].head, n)
			}
		}
	}
}

// dimacs writes the question: comments first, since not all readers take them elsewhere.
func (f *formula) dimacs(rules, question string) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("c custody-question-v1")
	line("c rulebook %s", rules)
	line("c %s If so, no assignment satisfies the clauses.", question)
	line("c variables")
	for i, a := range f.atoms {
		line("c %d %s", i+1, a)
	}
	line("c clauses")
	last := 0
	part := func(n int, name string) {
		if n > 0 {
			line("c %d-%d %s", last+1, last+n, name)
			last += n
		}
	}
	for i, name := range ruleNames {
		part(f.ruled[i], name)
	}
	part(len(f.facts), "facts")
	part(len(f.denied), "denied")
	line("p cnf %d %d", len(f.atoms), last)
	for i := range f.clauses {
		for _, a := range f.clauses[i].body {
			b.WriteString("-" + num(a) + " ")
		}
		line("%d 0", f.clauses[i].head)
	}
	for _, a := range f.facts {
		line("%d 0", a)
	}
	for _, a := range f.denied {
		line("-%d 0", a)
	}
	return b.Bytes()
}

// proof lists what the answer rests on, each after what it follows from, and the empty clause.
func (f *formula) proof() []byte {
	wanted := map[int]bool{f.found: true}
	var lines []string
	for i := len(f.order) - 1; i >= 0; i-- { // what an atom follows from was found before it
		a := f.order[i]
		if n := f.reason[a]; wanted[a] && n >= 0 {
			for _, x := range f.clauses[n].body {
				wanted[x] = true
			}
			lines = append(lines, num(a)+" 0\n")
		}
	}
	slices.Reverse(lines)
	return []byte(strings.Join(lines, "") + "0\n")
}

// model is the least one, a variable a line.
func (f *formula) model() []byte {
	var b bytes.Buffer
	b.WriteString("s SATISFIABLE\n")
	for a := 1; a <= len(f.atoms); a++ {
		sign := "-"
		if _, follows := f.reason[a]; follows {
			sign = ""
		}
		b.WriteString("v " + sign + num(a) + "\n")
	}
	b.WriteString("v 0\n")
	return b.Bytes()
}
