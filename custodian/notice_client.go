package custodian

import (
	"crypto/sha256"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/custodian/parcel"
)

// This file is what the customer's client is told of the conversation, and what it shows.

// observe adds an event of the client.
func (r *run) observe(e *clientEvent) int {
	e.time = r.now
	return r.add(event{client: e})
}

// askClient notes the client as it is, for principals to try to deceive.
func (r *run) askClient() error {
	c := r.custody
	e := &clientEvent{signal: signalAsked, identity: parcel.Key(r.parties[attack.Business].device.Identity().Bytes())}
	var err error
	if e.record, err = c.client.AppendBinary(nil); err != nil {
		return err
	}
	shown := c.state(r.now)
	e.shown, e.deaf = &shown, shown.Kind == notice.Contradicted
	e.chain, err = c.after.AppendBinary(nil)
	r.observe(e)
	return err
}

// heard tells the client where in the session a message of the business stood that was taken.
func (r *run) heard(s *sent) {
	c := r.custody
	if c == nil || s.from != attack.Business {
		return
	}
	at := place{s.base, s.key}
	if c.session == (parcel.Key{}) {
		c.session = s.base
	}
	c.several = c.several || s.base != c.session
	chain := c.texts[at]
	if chain == nil {
		chain = make(map[uint32][32]byte)
		c.texts[at] = chain
		if last, ok := c.newest[s.base]; ok {
			c.need[last] = max(c.need[last], int(s.previous)+1) // on the wire it is the last index
			if !c.several {
				c.signal(r, signalChain, notice.SignalChain)
			}
		}
		c.newest[s.base] = at
	}
	chain[s.counter] = sha256.Sum256(s.message.Body)
	c.need[at] = max(c.need[at], int(s.counter)+1)
	r.settleGaps()
}

// refusedBy tells the client of a message of the business that its session refused. If another one
// has its place, there are two writers. Else it is lost, and may have been a statement.
func (r *run) refusedBy(s *sent) {
	c := r.custody
	if c == nil || s.from != attack.Business {
		return
	}
	if have, ok := c.texts[place{s.base, s.key}][s.counter]; ok && have != sha256.Sum256(s.message.Body) {
		c.signal(r, signalCollision, notice.SignalCollision)
		return
	}
	c.lost++
	r.settleGaps()
}

func (c *custody) signal(r *run, name string, s notice.Signal) {
	r.observe(&clientEvent{signal: name})
	c.client.Observe(s)
}

// gaps counts the messages of the business that are known to exist and have not come.
func (c *custody) gaps() int {
	n := c.lost
	for at, need := range c.need {
		n += max(0, need-len(c.texts[at]))
	}
	return n
}

// settleGaps notes that messages began to be missing, or are there again.
func (r *run) settleGaps() {
	c := r.custody
	gaps := c.gaps()
	c.excused = min(c.excused, gaps) // one that came late excuses no other
	missing := gaps > c.excused
	if missing == c.missing {
		return
	}
	c.missing = missing
	r.observe(&clientEvent{signal: map[bool]string{true: signalMissing, false: signalComplete}[missing]})
}

// barred tells the client that it has raised a barrier. It does not count while a session that was
// deleted can be begun again from its first message, as where neither a one-time nor a KEM prekey
// took part.
func (r *run) barred() error {
	c := r.custody
	if c == nil {
		return nil
	}
	p := r.parties[attack.Customer]
	ways, err := r.takes(p, parcel.Key(r.parties[attack.Business].device.Identity().Bytes()))
	if err != nil {
		return err
	}
	for i := range ways {
		if ways[i].First && r.oldSession(ways[i].Base) {
			r.note("uncounted")
			return nil
		}
	}
	c.session, c.several = parcel.Key{}, false
	c.signal(r, signalBarrier, notice.SignalBarrier)
	return nil
}

// renamed tells the client that the business has another identity key.
func (r *run) renamed() {
	if c := r.custody; c != nil {
		key := r.parties[attack.Business].device.Identity()
		r.observe(&clientEvent{signal: signalIdentity, identity: parcel.Key(key.Bytes())})
		c.client.SetIdentity(key)
	}
}

// show notes what the client shows when a message is sent. By writing on, the customer acknowledges
// what she was shown.
func (r *run) show(s *sent) {
	c := r.custody
	if c == nil {
		return
	}
	state := c.state(r.now)
	s.shown, s.time = &state, r.now
	if s.from == attack.Customer {
		c.client.Acknowledge(state.Statement)
	}
}
