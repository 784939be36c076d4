package main

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
)

// The limits of protocol §5.6 and §11.2. A message that skips n arrives when the receiver expects
// the one n before it.
const (
	theirJump  = 2_000
	ourJump    = 25_000
	maxSkipped = 2_000 // seeds or keys that either end keeps for one chain
)

// sealMany returns n messages of one chain.
func sealMany(p *pair, from end, n int) []session.Message {
	list := make([]session.Message, n)
	for i := range list {
		list[i] = p.seal(from, fmt.Sprint("message ", i))
	}
	return list
}

func opensNumber(p *pair, to end, i int, list []session.Message) {
	p.t.Helper()
	p.opens(to, fmt.Sprint("message ", i), list[i])
}

// TestSkip lets each end skip as many messages as both accept, and then receive them all in any
// order.
func TestSkip(t *testing.T) {
	for _, keep := range bothKeeps {
		for _, weReceive := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v/signet-receives-%v", keep, weReceive), func(t *testing.T) {
				n := maxSkipped
				if keep == gomau.Stored && !weReceive {
					n = 300 // decoding 2000 keys for each of 2000 messages takes the peer a minute
				}
				p, _, _ := newPair(t, !weReceive, keep)
				p.establish(true)
				list := sealMany(p, p.alice, n+1)
				opensNumber(p, p.bob, n, list)
				for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
					opensNumber(p, p.bob, i, list)
				}
				for _, i := range []int{0, n / 2, n} {
					_, err := p.open(p.bob, list[i])
					require.ErrorIs(t, err, p.bob.duplicate())
				}
				p.say(p.bob, "thanks")
				p.say(p.alice, "welcome")
			})
		}
	}
}

// TestPeerRefusesBeyond pins the peer's limit: a sender that loses more in a row than this has to
// begin a new session.
func TestPeerRefusesBeyond(t *testing.T) {
	p, us, them := newPair(t, true, gomau.Stored)
	p.establish(true)
	list := sealMany(p, us, theirJump+2)
	_, err := p.open(them, list[theirJump+1])
	require.Error(t, err)
	t.Logf("the peer on a jump of %d: %v", theirJump+1, err)
	opensNumber(p, them, theirJump, list)
	opensNumber(p, them, theirJump+1, list)
}

// TestOurJump goes to our own limit, of which the newest seeds are kept.
func TestOurJump(t *testing.T) {
	for _, c := range []struct {
		jump int
		ok   bool
	}{{theirJump + 1, true}, {ourJump, true}, {ourJump + 1, false}} {
		t.Run(fmt.Sprint(c.jump), func(t *testing.T) {
			p, us, _ := newPair(t, false, gomau.Live)
			p.establish(true)
			list := sealMany(p, p.alice, c.jump+1)
			if !c.ok {
				before := us.record(t, aliceAddr)
				_, err := p.open(us, list[c.jump])
				require.ErrorIs(t, err, session.ErrInvalidMessage)
				require.Equal(t, before, us.record(t, aliceAddr))
				opensNumber(p, us, 0, list)
				return
			}
			opensNumber(p, us, c.jump, list)
			oldest := c.jump - maxSkipped
			for _, i := range []int{oldest, c.jump - 1, oldest + 1} {
				opensNumber(p, us, i, list)
			}
			_, err := p.open(us, list[oldest-1])
			require.ErrorIs(t, err, ratchet.ErrForgotten)
			require.NotErrorIs(t, err, ratchet.ErrDuplicate)
			require.ErrorContains(t, err, fmt.Sprintf("/ %d", oldest)) // one message went before the burst
			p.say(us, "thanks")
		})
	}
}
