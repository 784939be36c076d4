package sweep

// chainsKept is how many receiving chains the library keeps, as the official client does.
const chainsKept = 5

// A trace is what the counters say about a conversation that is played to its end.
type trace struct {
	messages []reading
	letters  []letter
}

// count plays repetition n by counters, up to the end or to where nothing can change any more.
func (c *cell) count(n int, t *trace) sample {
	conv, talk, instant := newConversation(), c.talk(n), c.instant(n)
	t.messages, t.letters = t.messages[:0], t.letters[:0]
	hand, end := instant+c.lastHand(), instant+c.grid.After
	var l leak
	var began epochs
	for i := range end {
		if after := i - instant; after >= 0 && i <= hand && (after == 0 || c.delegation.Every > 0 && after%c.delegation.Every == 0) {
			next := conv[business].leak()
			if after > 0 {
				t.join(&l, &next)
			}
			t.lost(&next)
			l = next
		}
		from, arrives := talk.next(i >= instant)
		m := conv.step(from, arrives)
		began.note(i, &conv)
		r := reading{from: from, arrived: arrives}
		if i >= instant {
			r.classical, r.quantum = l.opens(m)
		}
		t.messages, t.letters = append(t.messages, r), append(t.letters, m)
	}
	s := c.gather(t.messages, instant)
	s.epochs = began.both()
	return s
}

// epochs notes when the second, third and fourth epoch began: an end entered them.
type epochs struct {
	newest uint32
	began  [5]int
}

func (e *epochs) note(i int, c *conversation) {
	if n := max(c[customer].epoch, c[business].epoch); n > e.newest {
		if e.newest = n; int(n) < len(e.began) {
			e.began[n] = i
		}
	}
}

func (e *epochs) both() int {
	if int(e.newest) < len(e.began)-1 {
		return never
	}
	return e.began[4] - e.began[2]
}

// join marks the messages that two leaks open together: the root of the first and the private key
// in the second give the whole chain that the business began between them.
func (t *trace) join(l, next *leak) {
	if next.chain > l.chain+2 {
		return
	}
	for i := range t.messages {
		if m := &t.messages[i]; m.from == business && t.letters[i].chain == next.chain {
			m.classical = m.quantum
		}
	}
}

// lost marks the messages that a leak opens although they came before it.
func (t *trace) lost(l *leak) {
	for i := range t.messages {
		if m := &t.messages[i]; m.from == customer && !m.arrived && l.opensLost(t.letters[i], chainsKept) {
			m.classical, m.quantum = true, true
		}
	}
}
