package sweep

import (
	"fmt"
	"math"
	"strconv"
)

// A cell is one combination of the axes of a grid.
type cell struct {
	grid       *Grid
	delegation *Delegation
	instants   [2]int
	pattern    *Pattern
	loss       float64
	revocation *Revocation
	key        uint64
}

// cells lists the combinations in the order of the plan.
func (p *Plan) cells() (list []cell) {
	for i := range p.Grids {
		g := &p.Grids[i]
		for _, d := range g.Delegations {
			for _, at := range g.Instants {
				for _, x := range g.Patterns {
					for _, loss := range g.Loss {
						for _, r := range g.Revocations {
							c := cell{grid: g, delegation: p.delegation(d), instants: at, pattern: p.pattern(x), loss: loss, revocation: p.revocation(r)}
							// What happens in the conversation does not depend on what is handed over.
							c.key = keyOf(p.Seed, "cell", x, formatLoss(loss), fmt.Sprint(at))
							list = append(list, c)
						}
					}
				}
			}
		}
	}
	return list
}

func formatLoss(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// instant is the message before which repetition n hands over: the instants are taken in turn,
// evenly spread if there are more of them than repetitions.
func (c *cell) instant(n int) int {
	width, runs := c.instants[1]-c.instants[0], c.grid.Repetitions
	if runs < width {
		return c.instants[0] + int(int64(n)*int64(width)/int64(max(runs, 1)))
	}
	return c.instants[0] + n%width
}

// talk begins the conversation of a repetition.
func (c *cell) talk(n int) talk { return newTalk(c.pattern, c.loss, fork(c.key, uint64(n))) }

// until is the number of messages after the instant at which the mandate ends.
func (c *cell) until() int {
	switch {
	case c.revocation.After > 0:
		return c.revocation.After
	case c.grid.During > 0:
		return c.grid.During
	}
	return c.grid.After
}

// lastHand is when, in messages after the instant, secrets change hands for the last time: where
// clocks begin. A mandate that is revoked hands over up to then.
func (c *cell) lastHand() int {
	every := c.delegation.Every
	switch {
	case c.revocation.After > 0:
		return c.revocation.After
	case every == 0:
		return 0
	}
	return (c.until() - 1) / every * every
}

// A Tally counts messages of one end.
type Tally struct {
	Sent      int64 `json:"sent"`
	Read      int64 `json:"read"`      // that the delegate reads
	Quantum   int64 `json:"quantum"`   // that it reads with a computer that breaks elliptic curves
	Forgeable int64 `json:"forgeable"` // in whose place it could have had another believed
}

func (t *Tally) add(o *Tally) {
	t.Sent += o.Sent
	t.Read += o.Read
	t.Quantum += o.Quantum
	t.Forgeable += o.Forgeable
}

// A Span counts the messages of both ends.
type Span struct {
	Business Tally `json:"business"`
	Customer Tally `json:"customer"`
}

func (s *Span) of(from side) *Tally {
	if from == business {
		return &s.Business
	}
	return &s.Customer
}

func (s *Span) add(o *Span) {
	s.Business.add(&o.Business)
	s.Customer.add(&o.Customer)
}

// never is a clock that did not stop in the run, none one that was not asked.
const (
	never = -1
	none  = math.MinInt
)

// A sample is what one repetition came to.
type sample struct {
	before, during, later Span
	refused               int64 // messages that arrived and were not taken
	unknown               int64 // verdicts that are unknown
	served                int64 // messages of the mandate that the delegate could have written in the business's place

	// Messages from the last hand-over to the first from which everything is unreadable, by both
	// clocks; to the first message of the business that arrives and is unreadable; and from the
	// revocation to the last message in whose place the customer takes a forgery.
	classical, quantum, recovered, late int

	// How long the second and the third epoch of the post-quantum half took together, one in each pair
	// of roles; only the counters see it.
	epochs int
}

// A reading is what a sample is made of: one message and who can do what with it.
type reading struct {
	from                          side
	arrived                       bool
	classical, quantum, forgeable bool
}

// gather makes a sample of the messages of a run that handed over at an instant.
func (c *cell) gather(messages []reading, instant int) sample {
	s := sample{classical: never, quantum: never, recovered: never, late: none, epochs: none}
	until, hand := instant+c.until(), instant+c.lastHand()
	classical, quantum, late, lastSent := hand-1, hand-1, until-1, until
	for i := range messages {
		m := &messages[i]
		where := &s.before
		if i >= instant {
			where = &s.during
		}
		if i >= until {
			where = &s.later
		}
		where.of(m.from).count(m)
		if i < hand {
			continue
		}
		if m.classical {
			classical = i
		}
		if m.quantum {
			quantum = i
		}
		if s.recovered == never && m.from == business && m.arrived && !m.classical {
			s.recovered = i - hand
		}
		if i >= until && m.from == business {
			if lastSent = i; m.forgeable {
				late = i
			}
		}
	}
	s.served = c.delegation.serves(s.during.Business.Forgeable)
	end := len(messages) - 1
	if classical < end {
		s.classical = classical + 1 - hand
	}
	if quantum < end {
		s.quantum = quantum + 1 - hand
	}
	if c.revocation.After > 0 {
		if s.late = never; late < lastSent {
			s.late = late + 1 - until
		}
	}
	return s
}

func (t *Tally) count(m *reading) {
	t.Sent++
	for _, x := range []struct {
		is  bool
		sum *int64
	}{{m.classical, &t.Read}, {m.quantum, &t.Quantum}, {m.forgeable, &t.Forgeable}} {
		if x.is {
			*x.sum++
		}
	}
}
