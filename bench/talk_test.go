package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
)

var errDuplicate = ratchet.ErrDuplicate

// bothKeeps are the two ways in which the peer keeps its sessions.
var bothKeeps = []gomau.Keep{gomau.Live, gomau.Stored}

// forEach runs f for signet as initiator and as responder, with a one-time prekey and without,
// against a peer that keeps its sessions in each of the ways given.
func forEach(t *testing.T, keeps []gomau.Keep, f func(t *testing.T, weBegin, oneTime bool, keep gomau.Keep)) {
	for _, weBegin := range []bool{true, false} {
		for _, oneTime := range []bool{true, false} {
			for _, keep := range keeps {
				name := fmt.Sprintf("signet begins %v/one-time %v/%v", weBegin, oneTime, keep)
				t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { f(t, weBegin, oneTime, keep) })
			}
		}
	}
}

func TestPingPong(t *testing.T) {
	forEach(t, bothKeeps, func(t *testing.T, weBegin, oneTime bool, keep gomau.Keep) {
		p, us, _ := newPair(t, weBegin, keep)
		p.establish(oneTime)
		for i := range 50 {
			p.say(p.alice, fmt.Sprint("ping ", i))
			p.say(p.bob, fmt.Sprint("pong ", i))
		}
		left, _, err := us.device().Stock(ctx)
		require.NoError(t, err)
		require.Zero(t, left, "the one-time prekey is gone, if there was one")
	})
}

func TestBursts(t *testing.T) {
	forEach(t, bothKeeps, func(t *testing.T, weBegin, oneTime bool, keep gomau.Keep) {
		p, _, _ := newPair(t, weBegin, keep)
		p.start(oneTime)
		for i := range 40 {
			require.Equal(t, session.TypePreKey, p.say(p.alice, fmt.Sprint("unanswered ", i)).Type)
		}
		for range 4 {
			for i := range 40 {
				p.say(p.bob, fmt.Sprint("one ", i))
			}
			for i := range 40 {
				p.say(p.alice, fmt.Sprint("other ", i))
			}
		}
	})
}

// The library pads in place and has no limit of its own; block boundaries matter most.
func TestSizes(t *testing.T) {
	sizes := []int{0, 1, 15, 16, 17, 31, 32, 255, 256, 257, 4096, 64 << 10}
	forEach(t, bothKeeps, func(t *testing.T, weBegin, oneTime bool, keep gomau.Keep) {
		p, _, _ := newPair(t, weBegin, keep)
		p.start(oneTime)
		for _, from := range []end{p.alice, p.bob, p.alice} {
			for _, n := range sizes {
				p.say(from, strings.Repeat("\xa5", n))
			}
		}
	})
}

// TestFirstByte pins what this peer insists on: 0x33, fields 1 to 4 and nothing else
// (protocol §11.1).
func TestFirstByte(t *testing.T) {
	p, us, _ := newPair(t, true, gomau.Live)
	p.start(true)
	first := p.say(us, "first")
	require.Equal(t, byte(0x33), first.Body[0])
	require.Equal(t, byte(0x33), signal(t, first).Signed[0])
	p.say(p.bob, "answer")
	m := p.say(us, "second")
	s := signal(t, m)
	require.Equal(t, byte(0x33), m.Body[0])
	require.Empty(t, s.PQRatchet)
	require.Nil(t, s.Addresses)
}

// The peer computes the last index of a chain that never sent as 0 − 1 (protocol §11.1,
// protocol trap 34).
func TestPreviousCounterUnderflow(t *testing.T) {
	p, _, them := newPair(t, true, gomau.Live)
	p.start(true)
	p.say(p.alice, "hello")
	m := p.say(them, "hello yourself")
	require.Equal(t, uint32(math.MaxUint32), signal(t, m).PreviousCounter)
	p.say(p.alice, "how nice")
}

// TestConversations is the random walk: both ends send in bursts over a link that loses, reorders
// and repeats, and each delivery is compared with what a model says of it.
func TestConversations(t *testing.T) {
	const seeds, steps = 4, 500
	total := make(map[verdict]int)
	forEach(t, bothKeeps, func(t *testing.T, weBegin, oneTime bool, keep gomau.Keep) {
		for seed := range uint64(seeds) {
			p, us, _ := newPair(t, weBegin, keep)
			p.start(oneTime)
			l := newLink(p, us, keep, rand.New(rand.NewPCG(seed, 0x5167)))
			for range steps {
				l.step()
			}
			for v, n := range l.seen {
				total[v] += n
			}
		}
	})
	t.Log(total)
	require.Greater(t, total[accepted], 5000)
	require.Greater(t, total[refusedDuplicate], 500)
	require.Positive(t, total[refusedOld], "no message of an evicted chain was delivered")
}

// A verdict is what the model expects of a delivery.
type verdict string

const (
	accepted         verdict = "accepted"
	refusedDuplicate verdict = "duplicate"
	refusedOld       verdict = "of an evicted chain"
)

// A parcel is a message under way.
type parcel struct {
	m         session.Message
	text      string
	chain     string // its ratchet key
	delivered bool
}

// A side is what the model knows of one end.
type side struct {
	end    end
	chains []string  // receiving chains that are kept, oldest first
	under  []*parcel // on their way to it
	past   []*parcel // delivered to it
	silent bool      // cannot send before it has received
}

// A link is the network and the model in one.
type link struct {
	*pair
	us    *ours
	keep  gomau.Keep
	rng   *rand.Rand
	sides [2]*side
	n     int
	seen  map[verdict]int
}

func newLink(p *pair, us *ours, keep gomau.Keep, rng *rand.Rand) *link {
	return &link{pair: p, us: us, keep: keep, rng: rng, seen: make(map[verdict]int), sides: [2]*side{
		{end: p.alice, chains: []string{"bob's signed prekey"}}, // protocol §3
		{end: p.bob, silent: true},
	}}
}

// step sends a burst from one end, or carries, loses or repeats some of what is under way.
func (l *link) step() {
	i := l.rng.IntN(2)
	from, to := l.sides[i], l.sides[1-i]
	switch what := l.rng.IntN(10); {
	case what < 3 && !from.silent:
		for range 1 + l.rng.IntN(8) {
			l.send(from, to)
		}
	case what < 4 && len(to.under) > 0:
		l.take(to) // lost
	case what < 5 && len(to.past) > 0:
		l.deliver(to, to.past[l.rng.IntN(len(to.past))])
	default:
		for range min(len(to.under), 1+l.rng.IntN(8)) {
			l.deliver(to, l.take(to))
		}
	}
}

func (l *link) send(from, to *side) {
	l.n++
	text := fmt.Sprint("message ", l.n)
	m := l.seal(from.end, text)
	to.under = append(to.under, &parcel{m: m, text: text, chain: string(signal(l.t, m).RatchetKey)})
}

// take takes a parcel off the link: mostly one of the first, so that not everything is out of
// order.
func (l *link) take(to *side) *parcel {
	at := 0
	if l.rng.IntN(3) == 0 {
		at = l.rng.IntN(len(to.under))
	}
	p := to.under[at]
	to.under = slices.Delete(to.under, at, at+1)
	return p
}

// judge says what has to happen to p. A chain that is not known is new, for as long as none of its
// messages was delivered: neither end turns its ratchet before the other has heard of the last
// turn.
func (l *link) judge(to *side, p *parcel) verdict {
	known := slices.Contains(to.chains, p.chain)
	switch {
	case known && p.delivered:
		return refusedDuplicate
	case known || !slices.ContainsFunc(to.past, func(o *parcel) bool { return o.chain == p.chain }):
		return accepted
	}
	return refusedOld
}

func (l *link) deliver(to *side, p *parcel) {
	t := l.t
	v := l.judge(to, p)
	_, theyKeepObjects := to.end.(*theirs)
	if v == refusedOld && theyKeepObjects && l.keep == gomau.Live {
		return // the refusal would leave the peer's live session damaged
	}
	l.seen[v]++
	_, peer := l.addresses(l.us)
	before := l.us.record(t, peer)
	text, err := l.open(to.end, p.m)
	if v != accepted {
		require.Error(t, err)
		require.Empty(t, text)
		require.Equal(t, v == refusedDuplicate, errors.Is(err, to.end.duplicate()), "%v", err)
		require.True(t, bytes.Equal(before, l.us.record(t, peer)), "a refused message changes nothing")
		return
	}
	require.NoError(t, err)
	require.Equal(t, p.text, text)
	p.delivered, to.silent = true, false
	to.past = append(to.past, p)
	if !slices.Contains(to.chains, p.chain) {
		to.chains = append(to.chains, p.chain)
		to.chains = to.chains[max(0, len(to.chains)-5):]
	}
}
