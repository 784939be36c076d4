package memory

import (
	"context"
	"slices"

	"signet.example/signet"
)

// A peer is what a store has of one peer: the rows that name it alone, and the turn, which is the
// right to run updates that name it. A store has it while there is a row or somebody wants the
// turn. All of it is guarded by data.mu.
type peer struct {
	addr  signet.Address
	rows  [peerKinds]row
	taken bool            // somebody has the turn
	queue []chan struct{} // those who wait for it, the first to come first; closed when it is theirs

	// user is the peer with device 0 of the same name, whose identity counts for all devices and is
	// read with every message; nil if it was not there. It is looked up again once it is gone.
	user *peer
	gone bool // the store has it no more: another may be at its address
}

// withUser looks up the peer whose identity is p's user's. The caller holds data.mu.
func (d *data) withUser(p *peer) {
	if p.addr.Device != 0 && (p.user == nil || p.user.gone) {
		p.user = d.peers[signet.Address{Name: p.addr.Name}]
	}
}

// present reports whether there is a row.
func (p *peer) present() bool {
	for i := range p.rows {
		if p.rows[i].present {
			return true
		}
	}
	return false
}

// take waits for the turn of the peer at a. If there is no wait it begins t, unless that is nil,
// with the turn.
func (d *data) take(ctx context.Context, a signet.Address, t *log) (*peer, error) {
	d.mu.Lock()
	p := d.peer(a)
	if !p.taken {
		p.taken = true
		if t != nil {
			t.begin(p, false)
		}
		d.mu.Unlock()
		return p, nil
	}
	mine := make(chan struct{})
	p.queue = append(p.queue, mine)
	d.mu.Unlock()
	select {
	case <-mine:
		return p, nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(p.queue, mine); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	} else {
		d.pass(p) // it came all the same
	}
	return nil, ctx.Err()
}

// giveBack ends the turn of p.
func (d *data) giveBack(p *peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pass(p)
}

// pass gives the turn of p to who has waited longest. The caller holds data.mu.
func (d *data) pass(p *peer) {
	if len(p.queue) > 0 {
		close(p.queue[0])
		p.queue[0] = nil
		p.queue = p.queue[1:]
		return
	}
	p.taken, p.queue = false, nil
	d.tidy(p)
}

// tidy forgets p if it is of no use, so that strangers' addresses do not pile up. The caller holds
// data.mu.
func (d *data) tidy(p *peer) {
	if !p.taken && !p.present() {
		p.gone = true
		delete(d.peers, p.addr)
	}
}

// peer returns the peer at a, a new one if need be. The caller holds data.mu.
func (d *data) peer(a signet.Address) *peer {
	p := d.peers[a]
	if p == nil {
		p = &peer{addr: a}
		d.peers[a] = p
	}
	return p
}
