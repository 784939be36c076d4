package sweep

import "context"

// Windows asks how long a forgery is taken on a chain of the business that was handed over when it
// was born: the sending chains alone, as many as the customer keeps deciding.
type Windows struct {
	Patterns    []string  `json:"patterns"`
	Loss        []float64 `json:"loss"`
	Chains      []int     `json:"chains"` // receiving chains that the customer keeps; the library's is 5
	Before      int       `json:"before"` // messages before the first chain that is looked at
	Messages    int       `json:"messages"`
	Repetitions int       `json:"repetitions"`
}

// A Window is how many messages were sent between the birth of a chain and the one whose arrival
// ends it.
type Window struct {
	Pattern  string   `json:"pattern"`
	Loss     float64  `json:"loss"`
	Chains   int      `json:"chains"`
	Messages *Clock   `json:"messages"`
	Closed   *float64 `json:"closed,omitempty"` // its expectation, where there is one
}

// windowCell is one combination.
type windowCell struct {
	pattern *Pattern
	loss    float64
	chains  int
	clocks  clocks
}

func (c *windowCell) result() Window {
	w := Window{Pattern: c.pattern.Name, Loss: c.loss, Chains: c.chains, Messages: c.clocks.clock()}
	if c.pattern.Kind == Independent {
		x := window(c.pattern.P, c.loss, c.chains)
		w.Closed = &x
	}
	return w
}

func (w *work) windows(p *Plan) (list []*windowCell) {
	x := p.Windows
	if x == nil {
		return nil
	}
	for _, name := range x.Patterns {
		for _, loss := range x.Loss {
			for _, chains := range x.Chains {
				c := &windowCell{pattern: p.pattern(name), loss: loss, chains: chains}
				key := keyOf(p.Seed, "window", name, formatLoss(loss))
				list = append(list, c)
				for n := 0; n < x.Repetitions; n += block {
					to := min(n+block, x.Repetitions)
					w.tasks = append(w.tasks, task{int64(x.Before+x.Messages) * int64(to-n), func(context.Context) (func(), error) {
						var part clocks
						for i := n; i < to; i++ {
							part.add(c.play(x, newTalk(c.pattern, loss, fork(key, uint64(i)))), 1)
						}
						return func() { c.clocks.merge(&part) }, nil
					}})
				}
			}
		}
	}
	return list
}

// play waits for the birth of a chain, and counts.
func (c *windowCell) play(x *Windows, t talk) int {
	conv := newConversation()
	var l leak
	born := -1
	for i := range x.Before + x.Messages {
		if born >= 0 && !l.forges(&conv[customer], uint32(c.chains)) {
			return i - 1 - born // without the message that ended it
		}
		chain := conv[business].chain
		conv.step(t.next(false))
		if born < 0 && i >= x.Before && conv[business].chain != chain {
			l, born = conv[business].leak(), i+1
		}
	}
	return never
}
