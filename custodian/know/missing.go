package know

import (
	"container/heap"
	"slices"
	"strings"
)

// handed are the kinds of atoms that come from outside: in a parcel, or by looking. All others are
// only ever derived.
var handed = map[string]bool{
	"private": true, "kem-private": true, "root": true, "chain": true, "seed": true, "dh": true, "copy": true,
	"pq-start": true, "pq-root": true, "pq-chain": true, "pq-key": true, "pq-auth": true, "pq-dk": true, "pq-es": true,
	"seen": true, "handshake": true, "observed": true, "chunk": true, Quantum: true,
}

// KindOf is the first word of an atom's name, such as "chain".
func KindOf(atom string) string {
	kind, _, _ := strings.Cut(atom, "(")
	return kind
}

// A Gap says what the closure lacks of an atom that does not follow by a time.
type Gap struct {
	// Near is the nearest atoms outside the closure: of each last step to the goal that can be
	// completed from outside, what it lacks.
	Near [][]string
	// Origins is a set of atoms that nothing derives and from which, with what is known, the goal
	// would follow; none of them can be left out. It is the cheapest in atoms that the search finds.
	Origins []string
}

// Missing says what is missing for goal to follow by the time at. Copies of texts are no answer:
// that a text can be given says nothing about why it cannot be derived. Missing takes time
// quasi-linear in the clauses, and for Origins as often as it has atoms.
func (c *Closure) Missing(goal string, at int) Gap {
	id, ok := c.base.ids[goal]
	known := func(a ID) bool { return c.at[a] != never && c.at[a] <= at }
	if !ok || known(id) {
		return Gap{}
	}
	near := c.search(known, func(a ID) bool { return handed[KindOf(c.base.names[a])] })
	origins := c.search(known, func(a ID) bool { return len(c.base.heads(a)) == 0 })
	var g Gap
	for _, n := range c.base.heads(id) {
		g.Near = append(g.Near, c.alternatives(near, known, n)...)
	}
	slices.SortFunc(g.Near, slices.Compare)
	g.Near = slices.CompactFunc(g.Near, slices.Equal)
	g.Origins = c.minimal(origins.collect(c.base, known, id), goal, at)
	return g
}

// heads returns the clauses that conclude an atom.
func (b *Base) heads(a ID) []int32 {
	if len(b.concluding) != len(b.names) || b.indexed != len(b.clauses) {
		b.concluding = make([][]int32, len(b.names))
		for i := range b.clauses {
			h := b.clauses[i].Head
			b.concluding[h] = append(b.concluding[h], int32(i))
		}
		b.indexed = len(b.clauses)
	}
	return b.concluding[a]
}

// alternatives returns what a clause lacks, unless it cannot be completed but by giving the text
// away.
func (c *Closure) alternatives(s *search, known func(ID) bool, n int32) [][]string {
	set := make(map[ID]bool)
	for _, p := range c.base.clauses[n].Body {
		if !known(p) && !s.gather(c.base, known, p, set) {
			return nil
		}
	}
	if len(set) == 0 {
		return nil
	}
	var list []string
	for a := range set {
		list = append(list, c.base.names[a])
	}
	slices.Sort(list)
	return [][]string{list}
}

// minimal drops what is not needed, and checks that the rest is enough.
func (c *Closure) minimal(list []string, goal string, at int) []string {
	enough := func(list []string) bool {
		var facts []Fact
		for _, f := range c.facts {
			if f.At <= at {
				facts = append(facts, f)
			}
		}
		for _, a := range list {
			facts = append(facts, Fact{Atom: c.base.ids[a]})
		}
		return c.base.Close(facts).Has(goal, at)
	}
	if len(list) == 0 || !enough(list) {
		return nil
	}
	for i := len(list) - 1; i >= 0 && len(list) > 1; i-- {
		if less := slices.Delete(slices.Clone(list), i, i+1); enough(less) {
			list = less
		}
	}
	return list
}

// A search is the cheapest way to every atom that does not follow, by how many atoms from outside
// it takes: Dijkstra's algorithm on clauses, after Knuth.
type search struct {
	cost []int
	by   []int32 // the clause, or -1 for an atom that comes from outside
}

const unreachable = int(^uint(0)>>1) / 4

type item struct {
	atom ID
	cost int
}

type queue []item

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].cost < q[j].cost || q[i].cost == q[j].cost && q[i].atom < q[j].atom
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(item)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// search settles atoms in the order of their cost. outside tells which atoms may come from outside,
// at the cost of one; copies of texts never do, and a quantum computer is dear.
func (c *Closure) search(known func(ID) bool, outside func(ID) bool) *search {
	s := &search{cost: make([]int, len(c.base.names)), by: make([]int32, len(c.base.names))}
	var q queue
	for i := range s.cost {
		a := ID(i)
		s.cost[i], s.by[i] = unreachable, -1
		switch kind := KindOf(c.base.names[a]); {
		case known(a):
			s.cost[i] = 0
		case kind == Quantum && outside(a):
			s.cost[i] = 1000
		case kind != "copy" && outside(a):
			s.cost[i] = 1
		default:
			continue
		}
		q = append(q, item{a, s.cost[i]})
	}
	heap.Init(&q)
	missing, sum := make([]int, len(c.base.clauses)), make([]int, len(c.base.clauses))
	for i := range c.base.clauses {
		missing[i] = c.base.clauses[i].Need
	}
	done := make([]bool, len(c.base.names))
	for q.Len() > 0 {
		x := heap.Pop(&q).(item)
		if done[x.atom] {
			continue
		}
		done[x.atom] = true
		for _, n := range c.base.uses[x.atom] {
			if missing[n]--; missing[n] < 0 {
				continue
			}
			sum[n] += x.cost
			if h := c.base.clauses[n].Head; missing[n] == 0 && sum[n] < s.cost[h] {
				s.cost[h], s.by[h] = sum[n], n
				heap.Push(&q, item{h, sum[n]})
			}
		}
	}
	return s
}

// collect returns the atoms from outside that the cheapest way to an atom takes, sorted.
func (s *search) collect(b *Base, known func(ID) bool, a ID) []string {
	set := make(map[ID]bool)
	if !s.gather(b, known, a, set) {
		return nil
	}
	var list []string
	for a := range set {
		list = append(list, b.names[a])
	}
	slices.Sort(list)
	return list
}

// gather adds them to a set; false if there is no way.
func (s *search) gather(b *Base, known func(ID) bool, a ID, set map[ID]bool) bool {
	done := make(map[ID]bool)
	stack := []ID{a}
	for len(stack) > 0 {
		a := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if done[a] || known(a) {
			continue
		}
		done[a] = true
		if s.cost[a] >= unreachable {
			return false
		}
		if s.by[a] < 0 {
			set[a] = true
			continue
		}
		clause := &b.clauses[s.by[a]]
		body := slices.Clone(clause.Body)
		if clause.Need < len(body) {
			slices.SortStableFunc(body, func(x, y ID) int { return s.cost[x] - s.cost[y] })
		}
		stack = append(stack, body[:clause.Need]...)
	}
	return true
}
