package interop

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	deliveries = flag.Int("deliveries", 400, "how many messages TestLive delivers, at least")
	seed       = flag.Uint64("seed", 1, "what the scripts are drawn from; 0 takes the clock")
	patience   = flag.Duration("request-timeout", 20*time.Second, "how long a peer may take to answer")
)

// The two implementations.
const (
	ours     = "signet"
	official = "official"
)

// buildOnce builds Signet's peer for all tests, in programs.
var (
	programs  string
	buildOnce = sync.OnceValues(func() (string, error) { return BuildSignet(".", programs) })
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
		fmt.Println("seed", *seed)
	}
	os.Exit(func() int {
		var err error
		if programs, err = os.MkdirTemp("", "interop"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(programs)
		return m.Run()
	}())
}

// A fleet starts peer processes and ends them with the test.
type fleet struct {
	t        testing.TB
	commands map[string]func() *exec.Cmd
	peers    map[string]*Peer // the current process of each implementation
	missing  error            // why there is no official client
	handles  int
}

func newFleet(t testing.TB) *fleet {
	f := &fleet{t: t, commands: make(map[string]func() *exec.Cmd), peers: make(map[string]*Peer)}
	program, err := buildOnce()
	require.NoError(t, err)
	f.commands[ours] = func() *exec.Cmd { return exec.Command(program) }
	node, script, err := FindOfficial(".")
	f.missing = err
	if err == nil {
		f.commands[official] = func() *exec.Cmd { return exec.Command(node, script) }
	} else if os.Getenv("CI") == "true" {
		require.NoError(t, err)
	}
	return f
}

// need skips the test unless the implementation is there.
func (f *fleet) need(t testing.TB, name string) {
	if f.commands[name] == nil {
		t.Skip(f.missing)
	}
}

// implementations are those that can be started.
func (f *fleet) implementations() []string {
	if f.missing != nil {
		return []string{ours}
	}
	return []string{ours, official}
}

// peer returns the current process of an implementation.
func (f *fleet) peer(name string) *Peer {
	if p := f.peers[name]; p != nil && p.dead == nil {
		return p
	}
	return f.fresh(name)
}

// fresh starts another process, which becomes the current one. The old one lives until the test
// ends.
func (f *fleet) fresh(name string) *Peer {
	p, err := Start(name, f.commands[name](), *patience)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { p.Close() })
	f.peers[name] = p
	return p
}

// device makes a device under a handle that was never used.
func (f *fleet) device(t testing.TB, p *Peer, params Params) *Device {
	f.handles++
	d, err := p.Device(fmt.Sprint("device ", f.handles), params)
	require.NoError(t, err)
	return d
}

var pairings = [][2]string{{ours, ours}, {ours, official}, {official, ours}, {official, official}}

// TestLive lets the implementations talk: random conversations in all pairings, over a network that
// loses, delays, repeats and damages messages, between devices that restart and move. Most of what
// is delivered is also given to both implementations in the receiver's state, and they must agree:
// on the plaintext, on the error, and on the state afterwards, byte for byte.
func TestLive(t *testing.T) {
	s, f := *seed, newFleet(t)
	var total tally
	for i, pair := range pairings {
		name := pair[0] + "-" + pair[1]
		t.Run(name, func(t *testing.T) {
			f.need(t, pair[0])
			f.need(t, pair[1])
			for j, length := range plan(s, i, *deliveries/len(pairings)) {
				t.Run(fmt.Sprint(j), func(t *testing.T) {
					again := fmt.Sprintf("go test ./interop -run 'TestLive/%s/%d$' -deliveries %d -seed %d", name, j, *deliveries, s)
					c := newConversation(t, f, pair, rand.New(rand.NewPCG(s, uint64(i)<<32|uint64(j))), again)
					defer func() { total.add(&c.tally) }()
					c.run(length)
				})
			}
		})
	}
	t.Logf("seed %d: %v", s, total)
}

// plan draws the lengths of the conversations of a pairing: most are short, for the many ways to
// begin, and a few are long, for the epochs of the post-quantum ratchet.
func plan(seed uint64, pairing, budget int) (lengths []int) {
	rng := rand.New(rand.NewPCG(seed, 1<<62|uint64(pairing)))
	for budget > 0 {
		n := 10 + rng.IntN(70)
		switch p := rng.IntN(100); {
		case p < 10:
			n = 600 + rng.IntN(900)
		case p < 30:
			n = 100 + rng.IntN(200)
		}
		n = min(n, budget)
		lengths = append(lengths, n)
		budget -= n
	}
	return lengths
}

// A tally is what TestLive reports.
type tally struct {
	sent, delivered, duplicates, late, refused int
	damaged, compared, differences             int
	restarts, processes, moves, sessions       int
	epoch                                      uint64 // the greatest of any conversation
	epochs                                     uint64 // of all conversations together
	words                                      map[string]int
}

func (a *tally) word(w string) {
	if a.words == nil {
		a.words = make(map[string]int)
	}
	if w == "" {
		w = "decrypted"
	}
	a.words[w]++
}

func (a *tally) add(b *tally) {
	a.sent += b.sent
	a.delivered += b.delivered
	a.duplicates += b.duplicates
	a.late += b.late
	a.refused += b.refused
	a.damaged += b.damaged
	a.compared += b.compared
	a.differences += b.differences
	a.restarts += b.restarts
	a.processes += b.processes
	a.moves += b.moves
	a.sessions += b.sessions
	a.epoch = max(a.epoch, b.epoch)
	a.epochs += b.epoch
	for w, n := range b.words {
		for range n {
			a.word(w)
		}
	}
}

func (a tally) String() string {
	return fmt.Sprintf("%d sent, %d deliveries (%d duplicates, %d too late, %d refused), %d sessions begun, "+
		"%d SPQR epochs (%d in one conversation), %d restarts, %d fresh processes, %d moves between implementations; "+
		"%d inputs compared (%d damaged), outcomes %v, %d differences",
		a.sent, a.delivered, a.duplicates, a.late, a.refused, a.sessions,
		a.epochs, a.epoch, a.restarts, a.processes, a.moves,
		a.compared, a.damaged, a.words, a.differences)
}
