package crash

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// handle takes note of an event.
func (d *director) handle(e event) {
	if e.result == nil {
		d.buried(e.worker)
		return
	}
	t := e.worker.tasks[e.result.ID]
	delete(e.worker.tasks, e.result.ID)
	require.NotNil(d.t, t)
	require.Empty(d.t, e.result.Error)
	if e.result.Unsure {
		d.count.unsure++
		d.again(t)
		return
	}
	switch t.Op {
	case opStock:
		d.stocks--
		d.bundles = append(d.bundles, e.result.Bundles...)
	case opStart:
		d.started(t)
	case opSend:
		d.acknowledged(t, e.result)
	case opHear:
		d.delivered(t, e.result)
	case opSwap:
		for _, s := range d.swaps {
			if s.value == t.Text {
				s.known, s.back, s.found = true, time.Since(d.begun), e.result.Text
			}
		}
		d.count.swaps++
	}
}

// buried replaces a process that is dead and has its work done again.
func (d *director) buried(w *process) {
	require.True(d.t, w.dying, "a process died of itself")
	w.cmd.Wait()
	if len(w.tasks) > 0 {
		d.count.killedAtWork++
	}
	for _, t := range w.tasks {
		d.again(t)
	}
	for i := range d.workers {
		if d.workers[i] == w {
			d.workers[i] = d.spawn()
		}
	}
}

// again repeats a task of which nobody knows whether it was done. A message that was not
// acknowledged is given up: the application would say it anew.
func (d *director) again(t *task) {
	switch {
	case t.Op == opSwap:
		d.count.unknown++
		return
	case t.Op == opSend && d.pairOf(t) != nil:
		d.count.lost++
		delete(d.pairOf(t).open, t.ID)
		return
	}
	repeated := *t
	d.nextID++
	repeated.ID = d.nextID
	d.queue = append(d.queue, &repeated)
}

func (d *director) started(t *task) {
	d.count.sessions++
	if p := d.pairOf(t); p != nil {
		p.starting, p.total = false, 1
		return
	}
	if d.contest.started++; d.contest.started == 2 {
		for i := range int64(2) {
			m := d.task(opSend, rivals+i, shop)
			m.Text = fmt.Sprintf("rival %d, number %d", i, m.ID)
			d.queue = append(d.queue, m)
		}
	}
}

// acknowledged has a message on the network.
func (d *director) acknowledged(t *task, r *result) {
	at := pointOf(d.t, t.Device, r)
	before, twice := d.used[at]
	require.False(d.t, twice, "a message key used twice: %q and %q", before, t.Text)
	d.used[at] = t.Text
	hear := d.task(opHear, t.Peer, t.Device)
	hear.Message, hear.Type, hear.Body = t.ID, r.Type, r.Body
	if d.pairOf(t) == nil {
		i := t.Device - rivals
		d.contest.messages[i] = hear
		if d.contest.messages[1-i] != nil { // both are sent: they race
			d.queue = append(d.queue, d.contest.messages[0], d.contest.messages[1])
		}
		return
	}
	d.sent[t.ID] = t.Text
	d.count.sent++
	d.queue = append(d.queue, hear)
}

func pointOf(t *testing.T, device int64, r *result) point {
	body := r.Body
	if r.Type == session.TypePreKey {
		m, err := wire.ParsePreKeyMessage(body)
		require.NoError(t, err)
		body = m.Message
	}
	m, err := wire.ParseSignalMessage(body)
	require.NoError(t, err)
	return point{device, string(m.RatchetKey), m.Counter}
}

// delivered notes that a message was decrypted, now or in a transaction whose process died.
func (d *director) delivered(t *task, r *result) {
	p := d.pairOf(t)
	if p == nil {
		d.contested(r)
		return
	}
	if d.heard[t.Message] { // a repetition; one that comes very late finds its chain gone
		require.True(d.t, r.Heard || r.Refused || r.Invalid != "", "%q was decrypted twice", d.sent[t.Message])
		d.count.repeated++
		if !r.Heard {
			d.count.late++
		}
		return
	}
	require.False(d.t, r.Refused, "%q was refused", d.sent[t.Message])
	if r.Invalid != "" {
		d.t.Log(d.positions(t))
	}
	require.Empty(d.t, r.Invalid, "%q (type %v), %d messages behind", d.sent[t.Message], t.Type, p.next-p.open[t.Message])
	d.heard[t.Message] = true
	d.count.heard++
	p.known = true
	delete(p.open, t.Message)
	if rand.IntN(30) == 0 { // the network repeats itself
		d.again(t)
	}
}

// contested notes the end of one of two rivals.
func (d *director) contested(r *result) {
	c := d.contest
	require.Empty(d.t, r.Invalid)
	if r.Refused {
		c.refused++
	} else {
		c.accepted++
	}
	if c.done++; c.done == 2 {
		require.Equal(d.t, 1, c.accepted, "rivals for one prekey that were accepted")
		d.count.won++
		d.contest = nil
	}
}
