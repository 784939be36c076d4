// Package know is the symbolic half of the custodian: what follows from what (custody B2).
//
// An atom is a statement about a principal's knowledge, such as "has the chain key of this ratchet
// key at index 3". The rule book, instantiated over the public facts of a conversation, gives Horn
// clauses: a head follows once enough of its premises are known. Close computes all that follows
// from given facts, and when, in time linear in the size of the clauses. Each derived atom
// remembers the clause that gave it, so a derivation can be printed.
//
// What does not follow has a certificate: the closed set itself, which anyone can check in linear
// time to contain the facts, to be closed under the clauses, and not to contain the atom in
// question.
//
// The package sees no secret, no key and no ciphertext: names alone.
package know

import "slices"

// An ID numbers an atom of a Base.
type ID int32

// A Clause is one instance of a rule: Head follows once Need of the atoms in Body are known.
type Clause struct {
	Rule string
	Head ID
	Body []ID
	Need int
}

// A Base is the atoms and clauses of one conversation. It is built by one goroutine, then read.
type Base struct {
	names   []string
	ids     map[string]ID
	clauses []Clause
	uses    [][]int32 // for each atom, the clauses that it is a premise of
	without string    // a rule that is left out, for tests of the rule book

	concluding [][]int32 // for each atom, the clauses that it is the head of; made by heads
	indexed    int       // how many clauses that list knows
}

// NewBase returns an empty Base. Clauses of the rule named without are left out; an empty string
// leaves out none.
func NewBase(without string) *Base {
	return &Base{ids: make(map[string]ID), without: without}
}

// Atom returns the ID of the atom with this name, new or not.
func (b *Base) Atom(name string) ID {
	id, ok := b.ids[name]
	if !ok {
		id = ID(len(b.names))
		b.ids[name] = id
		b.names = append(b.names, name)
		b.uses = append(b.uses, nil)
	}
	return id
}

// Lookup returns the ID of the atom with this name; ok is false if no clause speaks of it.
func (b *Base) Lookup(name string) (id ID, ok bool) {
	id, ok = b.ids[name]
	return id, ok
}

// Name returns the name of an atom.
func (b *Base) Name(id ID) string { return b.names[id] }

// Size returns the number of clauses.
func (b *Base) Size() int { return len(b.clauses) }

// Add adds a clause that needs all of body.
func (b *Base) Add(rule, head string, body ...string) { b.AddSome(rule, head, len(body), body...) }

// AddSome adds a clause that needs only so many of body, which names no atom twice.
func (b *Base) AddSome(rule, head string, need int, body ...string) {
	if rule == b.without {
		return
	}
	c := Clause{Rule: rule, Head: b.Atom(head), Need: need}
	n := int32(len(b.clauses))
	for _, name := range body {
		id := b.Atom(name)
		c.Body = append(c.Body, id)
		b.uses[id] = append(b.uses[id], n)
	}
	b.clauses = append(b.clauses, c)
}

// A Fact is an atom that is known from a time on without any rule.
type Fact struct {
	Atom ID
	At   int
}

const never = int(^uint(0) >> 1)

// A Closure is everything that follows from a list of facts, and from when on.
type Closure struct {
	base  *Base
	facts []Fact
	at    []int   // for each atom, the earliest time; never if it does not follow
	by    []int32 // for each atom, the clause that gave it first; -1 for a fact
}

// Close computes the closure of facts, which it sorts by time.
func (b *Base) Close(facts []Fact) *Closure {
	facts = slices.Clone(facts)
	slices.SortStableFunc(facts, func(x, y Fact) int { return x.At - y.At })
	c := &Closure{base: b, facts: facts, at: make([]int, len(b.names)), by: make([]int32, len(b.names))}
	for i := range c.at {
		c.at[i] = never
	}
	missing := make([]int, len(b.clauses))
	for i := range b.clauses {
		missing[i] = b.clauses[i].Need
	}
	var work []ID
	learn := func(a ID, at int, by int32) {
		if c.at[a] == never {
			c.at[a], c.by[a] = at, by
			work = append(work, a)
		}
	}
	for i := range b.clauses { // what follows from nothing is known from the start
		if missing[i] == 0 {
			learn(b.clauses[i].Head, 0, int32(i))
		}
	}
	// Facts come in the order of time and each is followed to its end before the next: so the first
	// derivation found is an earliest one.
	for _, f := range append([]Fact{{Atom: -1}}, facts...) {
		if f.Atom >= 0 {
			learn(f.Atom, f.At, -1)
		}
		for len(work) > 0 {
			a := work[len(work)-1]
			work = work[:len(work)-1]
			for _, n := range b.uses[a] {
				if missing[n]--; missing[n] == 0 {
					learn(b.clauses[n].Head, f.At, n)
				}
			}
		}
	}
	return c
}

// At returns the time from which the atom of this name is known; ok is false if it never is.
func (c *Closure) At(name string) (at int, ok bool) {
	id, ok := c.base.ids[name]
	if !ok || c.at[id] == never {
		return 0, false
	}
	return c.at[id], true
}

// Has reports whether the atom of this name is known at the time at.
func (c *Closure) Has(name string, at int) bool {
	t, ok := c.At(name)
	return ok && t <= at
}

// A Step is one edge of a derivation.
type Step struct {
	Rule string // empty for a fact
	Atom string
	From []string
	At   int
}

// Derive returns a derivation of the atom, premises before what follows from them, or nil.
func (c *Closure) Derive(name string) []Step {
	if _, ok := c.At(name); !ok {
		return nil
	}
	var steps []Step
	done := make(map[ID]bool)
	// An explicit stack: a chain of 25 000 messages is a derivation as deep.
	type frame struct {
		atom ID
		next int
	}
	stack := []frame{{atom: c.base.ids[name]}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		body := c.premises(f.atom)
		if f.next < len(body) {
			a := body[f.next]
			f.next++
			if !done[a] {
				stack = append(stack, frame{atom: a})
			}
			continue
		}
		if !done[f.atom] {
			done[f.atom] = true
			steps = append(steps, c.step(f.atom, body))
		}
		stack = stack[:len(stack)-1]
	}
	return steps
}

// premises returns the atoms that the derivation of a uses: those that were known in time.
func (c *Closure) premises(a ID) []ID {
	if c.by[a] < 0 {
		return nil
	}
	clause := &c.base.clauses[c.by[a]]
	if clause.Need == len(clause.Body) {
		return clause.Body
	}
	known := slices.Clone(clause.Body)
	slices.SortStableFunc(known, func(x, y ID) int {
		if c.at[x] < c.at[y] {
			return -1
		} else if c.at[x] > c.at[y] {
			return 1
		}
		return 0
	})
	return known[:clause.Need]
}

func (c *Closure) step(a ID, body []ID) Step {
	s := Step{Atom: c.base.names[a], At: c.at[a]}
	if c.by[a] >= 0 {
		s.Rule = c.base.clauses[c.by[a]].Rule
	}
	for _, p := range body {
		s.From = append(s.From, c.base.names[p])
	}
	return s
}
