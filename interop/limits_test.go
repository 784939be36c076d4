package interop

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// scripted is a conversation that a test leads itself.
func scripted(t *testing.T, f *fleet, pair [2]string, params [2]Params) *conversation {
	c := &conversation{t: t, f: f, rng: rand.New(rand.NewPCG(*seed, 5)), again: t.Name()}
	c.gather(pair, params)
	return c
}

// The fortieth session from the end is kept, and the one before it is not (protocol §7.2).
func TestManySessions(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	const begun, kept = 45, 1 + 40
	for _, pair := range [][2]string{{ours, official}, {official, ours}} {
		c := scripted(t, f, pair, [2]Params{{Address: Address{"alice", 1}}, {Address: Address{"bob", 1}}})
		alice, bob := c.ends[0], c.ends[1]
		var answers []*letter
		for range begun {
			c.begin(alice)
			c.send(alice)
			c.deliver(bob, c.take(bob, 0))
			c.send(bob)
			answers = append(answers, c.take(alice, 0))
		}
		for i, l := range answers {
			if i > 6 && i < 42 {
				continue
			}
			want := ""
			if i < begun-kept {
				want = "invalid-message"
			}
			require.Equal(t, want, c.compare(alice, l.message).word, "answer %d", i)
		}
		for _, l := range answers[begun-kept:] { // the oldest first: each makes its session the current one
			c.deliver(alice, l)
		}
		require.Equal(t, "invalid-message", c.compare(alice, answers[0].message).word)
	}
}

// The greatest jump of a chain is 25 000 messages, one less with the post-quantum ratchet's own
// counter, and none between devices of one account (protocol §5.6).
func TestJumps(t *testing.T) {
	if *deliveries < 10_000 {
		t.Skip("sends some 50 000 messages: with -deliveries 10000 or more")
	}
	f := newFleet(t)
	f.need(t, official)
	const uuid = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	for _, c := range []struct {
		name   string
		pair   [2]string
		names  [2]string
		beyond string
	}{
		{"two accounts", [2]string{ours, official}, [2]string{uuid, "+14155550123"}, "invalid-message"},
		{"one account", [2]string{official, ours}, [2]string{uuid, uuid}, ""},
		{"one key, two telephone numbers", [2]string{ours, ours}, [2]string{"+14155550123", "+14155550123"}, "invalid-message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := [2]Params{{Address: Address{c.names[0], 1}, Identity: bundleIdentity}, {Address: Address{c.names[1], 2}, Identity: bundleIdentity}}
			if c.names[0] != c.names[1] {
				p[1].Identity = nil
			}
			testJump(t, scripted(t, f, c.pair, p), c.beyond)
		})
	}
}

func testJump(t *testing.T, c *conversation, beyond string) {
	alice, bob := c.ends[0], c.ends[1]
	c.send(alice)
	c.deliver(bob, c.take(bob, 0)) // counter 0
	kept := make(map[int]Message)
	const limit = 25_000
	for n := 1; n <= limit+1; n++ {
		m, err := alice.dev.Encrypt(bob.address(), []byte{byte(n)})
		require.NoError(t, err)
		kept[n%4] = m
	}
	require.Empty(t, c.compare(bob, kept[(limit-1)%4]).word)
	require.Empty(t, c.compare(bob, kept[limit%4]).word)
	require.Equal(t, beyond, c.compare(bob, kept[(limit+1)%4]).word)
}
