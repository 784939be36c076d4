package sweep

// warm is how many messages begin every conversation, in turns and without loss: the customer's
// first and an answer. From then on both ends have the session.
const warm = 2

// A talk draws who speaks and what arrives, message by message.
type talk struct {
	pattern *Pattern
	lost    uint64 // thresholds
	drawn   uint64
	offset  int // where in its round a pattern with rounds begins
	i       int // the number of the next message
	last    side
	draws   stream
}

// newTalk begins a conversation. What it draws is a function of draws alone.
func newTalk(p *Pattern, loss float64, draws stream) talk {
	t := talk{pattern: p, lost: threshold(loss), draws: draws, last: customer}
	switch p.Kind {
	case Business, Customer:
		t.offset = t.draws.below(p.Ratio + 1)
	case Independent, Sticky:
		t.drawn = threshold(p.P)
	}
	return t
}

// next returns the sender of the next message and whether it arrives. handed tells that the
// delegation has begun, from when on a one-way conversation has one side.
func (t *talk) next(handed bool) (from side, arrives bool) {
	i := t.i
	t.i++
	if i < warm {
		t.last = side(i & 1)
		return t.last, true
	}
	word := t.draws.next()
	chance := word >> 32
	switch t.pattern.Kind {
	case Alternate:
		from = side(i & 1)
	case OneWay:
		if from = side(i & 1); handed {
			from = business
		}
	case Business, Customer:
		from = customer
		if ends := (i+t.offset)%(t.pattern.Ratio+1) == 0; ends == (t.pattern.Kind == Customer) {
			from = business
		}
	case Independent:
		if from = customer; chance < t.drawn {
			from = business
		}
	case Sticky:
		if from = t.last; chance >= t.drawn {
			from = 1 - t.last
		}
	}
	t.last = from
	return from, word&(1<<32-1) >= t.lost
}
