package postgres

import (
	"context"
	"sync"

	"signet.example/signet"
)

// turns lets the updates of this process that name one peer queue here, where they hold no
// connection, rather than on the peer's row.
type turns struct {
	mu    sync.Mutex
	peers map[turn]*queue
}

// A turn names a peer of one device.
type turn struct {
	owner int64
	peer  signet.Address
}

type queue struct {
	token   chan struct{} // holds one token while the turn is free
	waiters int           // holder included; guarded by turns.mu
}

// take waits for a turn and returns the function that gives it back.
func (t *turns) take(ctx context.Context, id turn) (func(), error) {
	t.mu.Lock()
	q := t.peers[id]
	if q == nil {
		q = &queue{token: make(chan struct{}, 1)}
		q.token <- struct{}{}
		if t.peers == nil {
			t.peers = make(map[turn]*queue)
		}
		t.peers[id] = q
	}
	q.waiters++
	t.mu.Unlock()
	select {
	case <-q.token:
		return func() { q.token <- struct{}{}; t.leave(id, q) }, nil
	case <-ctx.Done():
		t.leave(id, q)
		return nil, ctx.Err()
	}
}

// leave forgets the queue when nobody is in it.
func (t *turns) leave(id turn, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.waiters--; q.waiters == 0 {
		delete(t.peers, id)
	}
}
