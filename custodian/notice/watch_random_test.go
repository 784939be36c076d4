package notice

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/session"
)

// TestWatchIsNeverALie plays conversations whose messages are lost and late, whose sessions are
// replaced, and whose custody changes. As soon as a message has come that the bakery sent after it
// published a grant, "e2ee" is not shown; nor while what was granted may still work.
func TestWatchIsNeverALie(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 10
	}
	shown := make(map[session.CustodyState]int)
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &walk{line: newLine(t, -1), r: rand.New(rand.NewPCG(uint64(seed), 17)), shown: shown, ended: -1, granted: -1}
			w.turn(1)
			for range 60 {
				w.step()
				w.look()
			}
		})
	}
	require.Positive(t, shown[session.CustodyE2EE])
	require.Positive(t, shown[session.CustodyManaged])
	require.Positive(t, shown[session.CustodyUnknown])
	require.Positive(t, shown[session.CustodyRevoked])
	require.Zero(t, shown[session.CustodyContradicted], "the bakery is honest")
}

type walk struct {
	*line
	r       *rand.Rand
	shown   map[session.CustodyState]int
	flight  []flying
	sent    int // messages of the bakery, texts and notices
	granted int // the message with the statement that grants something now; -1: none does
	ended   int // the message with the statement that ended a grant; -1: nothing that was granted still works
	newest  int // of the messages that have come
}

type flying struct {
	n int
	m session.Message
}

// send puts a message of the bakery under way.
func (w *walk) send(text []byte) {
	m, err := w.bakery.Encrypt(ctx, w.aliceAddr, text)
	if err != nil {
		return // she has forgotten the session
	}
	w.sent++
	w.flight = append(w.flight, flying{w.sent, m})
}

// writes is a message of alice, which arrives.
func (w *walk) writes() {
	m, err := w.alice.Encrypt(ctx, w.shopAddr, []byte("hm"))
	require.NoError(w.t, err)
	_, err = w.bakery.Decrypt(ctx, w.aliceAddr, m)
	require.NoError(w.t, err)
}

// fresh is a session that takes the place of another. The bakery delivers its latest statement
// again.
func (w *walk) fresh(barrier bool) {
	start := w.alice.Start
	if barrier {
		start = w.alice.Barrier
	}
	require.NoError(w.t, start(ctx, w.shopAddr, w.bundle()))
	w.writes()
	if barrier && (w.granted < 0 || w.granted > w.newest) && w.ended >= 0 && w.ended <= w.newest {
		w.ended = -1
	}
	if w.latest != nil && w.r.IntN(2) == 0 {
		w.send(w.deliver(w.latest))
	}
}

func (w *walk) step() {
	switch k := w.r.IntN(20); {
	case k < 5:
		w.send([]byte("good morning"))
	case k < 9:
		w.writes()
	case k < 16 && len(w.flight) > 0:
		i := 0
		if w.r.IntN(4) == 0 {
			i = w.r.IntN(len(w.flight))
		}
		f := w.flight[i]
		w.flight = append(w.flight[:i:i], w.flight[i+1:]...)
		if w.r.IntN(8) == 0 {
			return // lost
		}
		if _, err := w.alice.Decrypt(ctx, w.shopAddr, f.m); err == nil || isNotice(err) {
			w.newest = max(w.newest, f.n)
		}
	case k == 16:
		w.send(w.deliver(w.issue(&Terms{})))
		if w.granted >= 0 {
			w.granted, w.ended = -1, w.sent
		}
	case k == 17:
		w.send(w.deliver(w.issue(hosted("Acme", Session, Stream))))
		w.granted = w.sent
	case k == 18:
		w.fresh(w.r.IntN(2) == 0)
	default:
		if show, err := w.alice.Custody(ctx, w.shopAddr); err == nil && show.Acknowledge {
			w.acknowledge(show)
		}
	}
}

func (w *walk) look() {
	show, err := w.alice.Custody(ctx, w.shopAddr)
	require.NoError(w.t, err)
	w.shown[show.State]++
	if w.r.IntN(8) == 0 {
		w.restart()
	}
	if show.State != session.CustodyE2EE {
		return
	}
	require.False(w.t, w.granted >= 0 && w.newest >= w.granted, "Acme was openly given her messages")
	require.False(w.t, w.ended >= 0 && w.newest >= w.ended, "what Acme was given still works")
}

func isNotice(err error) bool {
	var n *session.NoticeError
	return errors.As(err, &n)
}
