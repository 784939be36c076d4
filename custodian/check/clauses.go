package check

import "slices"

// A clause is one instance of a rule: head follows once need atoms of body are known.
type clause struct {
	rule string
	head int
	body []int
	need int
}

// clauses are the instances of the rule book over a transcript.
type clauses struct {
	names []string
	ids   map[string]int
	list  []clause
	uses  [][]int

	missing []int // of each clause, the atoms that are still to be known
}

func (c *clauses) id(name string) int {
	id, ok := c.ids[name]
	if !ok {
		id = len(c.names)
		c.ids[name] = id
		c.names = append(c.names, name)
		c.uses = append(c.uses, nil)
	}
	return id
}

func (c *clauses) add(rule, head string, body ...string) { c.some(rule, head, len(body), body...) }

func (c *clauses) some(rule, head string, need int, body ...string) {
	x := clause{rule: rule, head: c.id(head), need: need}
	for _, name := range body {
		id := c.id(name)
		x.body = append(x.body, id)
		c.uses[id] = append(c.uses[id], len(c.list))
	}
	c.list = append(c.list, x)
}

// A fact is an atom that is known from a time on.
type fact struct {
	atom string
	at   int
}

// A closure is what follows from facts: for each atom the earliest time, and the clause that gave
// it.
type closure struct {
	at map[int]int
	by map[int]int // -1: a fact
}

// close follows facts, which come in the order of time, each to its end before the next. It gives
// up when more than limit atoms follow: a certificate lists them all, so that the work is bounded
// by its size.
func (c *clauses) close(facts []fact, limit int) *closure {
	out := &closure{at: make(map[int]int, limit), by: make(map[int]int, limit)}
	if c.missing == nil {
		c.missing = make([]int, len(c.list))
		for i := range c.list {
			c.missing[i] = c.list[i].need
		}
	}
	for _, f := range facts {
		work := []int{c.id(f.atom)}
		by := []int{-1}
		for len(work) > 0 && len(out.at) <= limit {
			a, why := work[len(work)-1], by[len(by)-1]
			work, by = work[:len(work)-1], by[:len(by)-1]
			if _, known := out.at[a]; known {
				continue
			}
			out.at[a], out.by[a] = f.at, why
			for _, n := range c.uses[a] {
				if c.missing[n]--; c.missing[n] == 0 {
					work, by = append(work, c.list[n].head), append(by, n)
				}
			}
		}
	}
	for a := range out.at { // for the next one
		for _, n := range c.uses[a] {
			c.missing[n]++
		}
	}
	return out
}

// instantiate makes the clauses of a transcript.
func (v *verifier) instantiate() {
	c := &clauses{ids: make(map[string]int)}
	v.rules = c
	for _, s := range v.agreements() {
		c.session(&s)
	}
	for i := range v.text.Turns {
		c.turn(&v.text.Turns[i])
	}
	for i := range v.text.PQChains {
		c.pqChain(&v.text.PQChains[i])
	}
	for _, e := range v.epochs() {
		c.epoch(e)
	}
	for _, m := range v.messages {
		c.message(m)
	}
	for _, p := range v.probes {
		for i := range p.Takes {
			c.take(p.Number, &p.Takes[i])
		}
	}
}

func (c *clauses) dh(x, y string) string {
	name := agreement(x, y)
	if _, known := c.ids[name]; !known {
		c.id(name)
		c.add("R1", name, private(x), seen(y))
		c.add("R1", name, private(y), seen(x))
		c.add("R1q", name, seen(x), seen(y), "quantum")
	}
	return name
}

// A session is the keys of an agreement; those that take no part are empty.
type session struct{ base, initiator, responder, signed, oneTime, kem string }

func (c *clauses) session(s *session) {
	base := short(s.base)
	body := []string{of("handshake", base), c.dh(s.initiator, s.signed), c.dh(s.base, s.responder), c.dh(s.base, s.signed)}
	if s.oneTime != "" {
		body = append(body, c.dh(s.base, s.oneTime))
	}
	if s.kem != "" {
		c.add("R2", of("kem-secret", base), of("kem-private", short(s.kem)), of("handshake", base))
		body = append(body, of("kem-secret", base))
	}
	c.add("R3", of("root", base, short(s.signed)), body...)
	c.add("R3", onChain("chain", s.base, s.signed, 0), body...)
	if s.kem != "" {
		c.add("R3", of("pq-start", base), body...)
	}
}

func (c *clauses) turn(t *turn) {
	chain := func(name string, i uint32) string { return onChain(name, t.Session, t.Key, i) }
	if t.Against != "" {
		before, dh := of("root", short(t.Session), short(t.Against)), c.dh(t.Key, t.Against)
		c.add("R4", of("root", short(t.Session), short(t.Key)), before, dh, seen(t.Key))
		c.add("R4", chain("chain", 0), before, dh, seen(t.Key))
	}
	for i := uint32(0); i <= t.Last; i++ {
		c.add("R5b", chain("seed", i), chain("chain", i))
		c.add("R13a", chain("seed-from", i), chain("seed", i))
		if i < t.Last {
			c.add("R5a", chain("chain", i+1), chain("chain", i))
			c.add("R13a", chain("seed-from", i), chain("seed-from", i+1))
		}
	}
}

func (c *clauses) pqChain(k *pqChain) {
	link := func(name string, i uint32) string { return onPQ(name, k.Session, k.Epoch, k.Dir, i) }
	if k.Epoch == 0 {
		start := of("pq-start", short(k.Session))
		c.add("R6", ofEpoch("pq-root", k.Session, 0), start)
		c.add("R6", link("pq-chain", 0), start)
	}
	for i := uint32(0); i <= k.Last; i++ {
		c.add("R7b", link("pq-key", i+1), link("pq-chain", i))
		c.add("R13a", link("pq-key-from", i+1), link("pq-key", i+1))
		if i < k.Last {
			c.add("R7a", link("pq-chain", i+1), link("pq-chain", i))
			c.add("R13a", link("pq-key-from", i+1), link("pq-key-from", i+2))
		}
	}
}

// An epoch is one of the braid, from 1, and the chunks of it that were sent.
type epoch struct {
	session string
	number  uint64
	chunks  map[string][]uint16
}

func (c *clauses) epoch(e *epoch) {
	session, n := short(e.session), num(e.number)
	object := func(o string) string { return of("object", session, n, o) }
	for _, o := range []string{"hdr", "ct1", "ct2"} {
		chunks := slices.Clone(e.chunks[o])
		slices.Sort(chunks)
		var body []string
		for _, i := range slices.Compact(chunks) {
			body = append(body, of("chunk", session, n, o, num(i)))
		}
		if len(body) >= needed[o] {
			c.some("R9o", object(o), needed[o], body...)
		}
	}
	secret, before := of("pq-secret", session, n), ofEpoch("pq-root", e.session, e.number-1)
	c.add("R9a", secret, of("pq-dk", session, n), object("ct1"), object("ct2"))
	c.add("R9b", secret, of("pq-es", session, n), object("hdr"))
	c.add("R8", of("pq-root", session, n), before, secret)
	for dir := range uint8(2) {
		c.add("R8", onPQ("pq-chain", e.session, e.number, dir, 0), before, secret)
	}
}

func (c *clauses) message(m *message) {
	body := []string{onChain("seed", m.Session, m.key, m.counter)}
	if m.pq != nil && m.pq.index > 0 {
		body = append(body, onPQ("pq-key", m.Session, m.pq.epoch-1, m.dir, m.pq.index))
	}
	c.add("R11", ofMessage("message-key", m.Number), body...)
	c.add("R12a", ofMessage("opened", m.Number), ofMessage("message-key", m.Number), ofMessage("observed", m.Number))
	c.add("R12b", ofMessage("plaintext", m.Number), ofMessage("opened", m.Number))
	c.add("R12c", ofMessage("plaintext", m.Number), ofMessage("copy", m.Number))
}

// take makes the clauses of one way in that the receiver of a probe leaves open.
func (c *clauses) take(probe int, w *way) {
	forge := ofMessage("forge", probe)
	var with []string
	if w.PQ && !w.Keyless {
		with = append(with, c.taken(probe, w))
	}
	if w.First {
		with = append(with, of("handshake", short(w.Session)))
	}
	body := func(a string) []string { return append([]string{a}, with...) }
	switch {
	case w.PreKey != "":
		c.add("R13c", forge, c.dh(w.Sender, w.PreKey))
	case w.Root:
		c.add("R13b", forge, body(of("root", short(w.Session), short(w.Key)))...)
	default:
		c.add("R13a", forge, body(onChain("seed-from", w.Session, w.Key, w.Next))...)
		for _, i := range w.Skipped {
			c.add("R13a", forge, body(onChain("seed", w.Session, w.Key, i))...)
		}
	}
}

func (c *clauses) taken(probe int, w *way) string {
	name := of("pq-taken", num(probe), short(w.Session))
	if _, known := c.ids[name]; known {
		return name
	}
	c.id(name)
	for _, k := range w.PQKeys {
		c.add("R13a", name, onPQ("pq-key", w.Session, k.Epoch, k.Dir, k.Index))
	}
	for _, k := range w.PQChains {
		c.add("R13a", name, onPQ("pq-key-from", w.Session, k.Epoch, k.Dir, k.Index))
	}
	return name
}
