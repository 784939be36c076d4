package sweep

import (
	"context"
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/spqr"
)

var runs = flag.Int("runs", 24, "how many conversations to compare with Evaluate")

// everyPattern are conversations of all kinds.
var everyPattern = []Pattern{
	{Name: "ping-pong", Kind: Alternate}, {Name: "business 3:1", Kind: Business, Ratio: 3},
	{Name: "business 10:1", Kind: Business, Ratio: 10}, {Name: "customer 3:1", Kind: Customer, Ratio: 3},
	{Name: "independent 0.5", Kind: Independent, P: 0.5}, {Name: "independent 0.9", Kind: Independent, P: 0.9},
	{Name: "sticky 0.8", Kind: Sticky, P: 0.8}, {Name: "one-way", Kind: OneWay},
}

// TestBraid plays long conversations on the real braid: the counters are in its phase and epoch,
// have as many chunks, and send in the same epoch, after every message.
func TestBraid(t *testing.T) {
	phases := make(map[spqr.Phase]int)
	for i, p := range everyPattern {
		for _, loss := range []float64{0, 0.2, 0.6} {
			key := [32]byte{byte(i)}
			src := entropy.Seeded(key)
			state := [2][]byte{customer: spqr.Init(spqr.A2B, &key, false), business: spqr.Init(spqr.B2A, &key, false)}
			c, talk := newConversation(), newTalk(&p, loss, fork(7, uint64(i)))
			for n := range 1200 {
				from, arrives := talk.next(n > 600)
				next, wire, _, _, err := spqr.Send(src, state[from])
				require.NoError(t, err)
				state[from] = next
				if arrives {
					state[1-from], _, _, err = spqr.Recv(state[1-from], wire)
					require.NoError(t, err)
				}
				c.step(from, arrives)
				for s := range side(2) {
					requireSamePhase(t, state[s], &c[s], "%s, loss %v, message %d, side %d", p.Name, loss, n, s)
					phases[c[s].phase]++
				}
			}
		}
	}
	require.Len(t, phases, 11, "every phase was visited")
}

func requireSamePhase(t *testing.T, state []byte, e *end, format string, args ...any) {
	t.Helper()
	info, err := spqr.Inspect(state)
	require.NoError(t, err)
	if info.Phase == e.phase && info.Epoch == uint64(e.epoch) && info.ChunksReceived == int(e.got) &&
		info.SendEpoch == uint64(e.sending) && info.ChainEpoch == uint64(e.newest) {
		return
	}
	require.Failf(t, "the counters left the braid", "%s: %+v, %+v", fmt.Sprintf(format, args...), info, *e)
}

// compared is a cell that both engines can play.
func compared(d Delegation, p *Pattern, loss float64, instants [2]int, during, after int) *cell {
	g := &Grid{Name: "compared", Engine: "evaluate", After: after, During: during, Repetitions: maxRepetitions}
	return &cell{grid: g, delegation: &d, instants: instants, pattern: p, loss: loss, revocation: &Revocation{}, key: keyOf(3, p.Name, formatLoss(loss))}
}

var wholeSession = Delegation{Name: "session", Grants: []Grant{{Atoms: []string{"session"}, Via: "copy"}}}

func evaluate(t *testing.T, sc *custodian.Scenario) *custodian.Report {
	t.Helper()
	r, err := custodian.Evaluate(context.Background(), sc, nil)
	require.NoError(t, err)
	for _, l := range r.Limits {
		require.NotContains(t, l, "do not agree")
	}
	return r
}

// requireSame plays a repetition both ways: the same messages are readable, to both computers, and
// the clocks agree.
func requireSame(t *testing.T, c *cell, n int) (lost int) {
	t.Helper()
	sc, _ := c.scenario(n)
	r := evaluate(t, sc)
	var tr trace
	counted := c.count(n, &tr)
	what := fmt.Sprintf("%s, loss %v, repetition %d, instant %d", c.pattern.Name, c.loss, n, c.instant(n))
	for i, m := range readings(r) {
		m.forgeable = false
		require.Equal(t, m, tr.messages[i], "%s, message %d: %+v", what, i, tr.letters[i])
		if m.classical && i < c.instant(n) {
			lost++
		}
	}
	if c.delegation.Every == 0 {
		h := r.Find("G5", delegate).Healing()
		require.Equal(t, clock(h.Classical), counted.classical, what)
		require.Equal(t, clock(h.Quantum), counted.quantum, what)
	}
	return lost
}

func clock(x *int) int {
	if x == nil {
		return never
	}
	return *x
}

// TestCountersAgainstEvaluate: on short runs, in every kind of conversation, with loss, at random
// instants, the counters say of every message what Evaluate says.
func TestCountersAgainstEvaluate(t *testing.T) {
	lost := 0
	for n := range *runs {
		p := &everyPattern[n%len(everyPattern)]
		loss := []float64{0, 0.15, 0.5}[n/len(everyPattern)%3]
		d := wholeSession
		if n%5 == 4 {
			d.Every = 6
		}
		lost += requireSame(t, compared(d, p, loss, [2]int{warm, 40}, 20, 30), n)
	}
	if *runs >= 24 {
		require.Positive(t, lost, "lost messages of before were readable")
	}
}

// TestCountersAgainstEvaluateForLong goes on until the post-quantum half has healed.
func TestCountersAgainstEvaluateForLong(t *testing.T) {
	if testing.Short() {
		t.Skip("conversations of some hundred messages")
	}
	for n, c := range []*cell{
		compared(wholeSession, &everyPattern[0], 0, [2]int{90, 180}, 0, 190),
		compared(wholeSession, &everyPattern[4], 0.1, [2]int{100, 200}, 0, 200),
	} {
		requireSame(t, c, 17+40*n)
	}
}
