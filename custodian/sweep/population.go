package sweep

import "context"

// A PopulationResult is what one leak in each of many conversations is worth.
type PopulationResult struct {
	Conversations int64  `json:"conversations"`
	Messages      int64  `json:"messages"` // played in all of them
	After         int64  `json:"after"`    // sent after the leaks
	Read          int64  `json:"read"`     // of them: readable to today's computers
	Quantum       int64  `json:"quantum"`  // of them: readable to quantum computers
	Classical     *Clock `json:"classical"`
	Healing       *Clock `json:"quantum_clock"`
	Exposed       *Clock `json:"exposed"` // readable messages of a conversation, by today's computers
}

// crowd adds up conversations.
type crowd struct {
	plan                   *Plan
	key                    uint64
	shares                 []Share // weights summed up
	patterns               []*Pattern
	conversations          int64
	messages, read, opened int64
	classical, quantum     []int64 // by value; the last is never
	exposed                []int64
}

func (w *work) population(p *Plan) *crowd {
	x := p.Population
	if x == nil {
		return nil
	}
	all := p.crowd()
	const part = 1 << 14
	for n := 0; n < x.Conversations; n += part {
		to := min(n+part, x.Conversations)
		w.tasks = append(w.tasks, task{int64(to-n) * int64(x.Before+x.After), func(context.Context) (func(), error) {
			c := p.crowd()
			for i := n; i < to; i++ {
				c.play(uint64(i))
			}
			return func() { all.merge(c) }, nil
		}})
	}
	return all
}

func (p *Plan) crowd() *crowd {
	n := p.Population.After + 2
	c := &crowd{plan: p, key: keyOf(p.Seed, "population"), classical: make([]int64, n), quantum: make([]int64, n), exposed: make([]int64, n)}
	sum := 0
	for _, s := range p.Population.Mix {
		sum += s.Weight
		c.shares = append(c.shares, Share{s.Pattern, s.Loss, sum})
		c.patterns = append(c.patterns, p.pattern(s.Pattern))
	}
	return c
}

// play plays conversation n: the leak comes before one of the first messages, each as likely.
func (c *crowd) play(n uint64) {
	x := c.plan.Population
	draws := fork(c.key, n)
	i, pick := 0, draws.below(c.shares[len(c.shares)-1].Weight)
	for c.shares[i].Weight <= pick {
		i++
	}
	instant := warm + draws.below(x.Before)
	t := newTalk(c.patterns[i], c.shares[i].Loss, draws)
	conv := newConversation()
	for range instant {
		conv.step(t.next(false))
	}
	l := conv[business].leak()
	classical, quantum, read := 0, 0, 0
	for i := 1; i <= x.After; i++ {
		m := conv.step(t.next(true))
		now, later := l.opens(m)
		if now {
			read++
			classical = i
		}
		if later {
			quantum = i
			c.opened++
		}
	}
	if classical == x.After {
		classical++
	}
	if quantum == x.After {
		quantum++
	}
	c.conversations++
	c.messages += int64(instant + x.After)
	c.read += int64(read)
	c.classical[classical]++
	c.quantum[quantum]++
	c.exposed[read]++
}

func (c *crowd) merge(o *crowd) {
	c.conversations += o.conversations
	c.messages += o.messages
	c.read += o.read
	c.opened += o.opened
	for _, x := range [][2][]int64{{c.classical, o.classical}, {c.quantum, o.quantum}, {c.exposed, o.exposed}} {
		for i, n := range x[1] {
			x[0][i] += n
		}
	}
}

func (c *crowd) result() *PopulationResult {
	clock := func(counts []int64, endless bool) *Clock {
		var k clocks
		for v, n := range counts {
			if endless && v == len(counts)-1 {
				v = never
			}
			k.add(v, n)
		}
		return k.clock()
	}
	return &PopulationResult{
		Conversations: c.conversations, Messages: c.messages, After: c.conversations * int64(c.plan.Population.After),
		Read: c.read, Quantum: c.opened,
		Classical: clock(c.classical, true), Healing: clock(c.quantum, true), Exposed: clock(c.exposed, false),
	}
}
