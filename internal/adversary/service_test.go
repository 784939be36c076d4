package adversary

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	steps = flag.Int("steps", 0, "how many steps the model takes; 0 means 20000, or 2000 with -short")
	seed  = flag.Uint64("seed", 1, "of the model's dice")
	// survey is for looking at code with a known hole: after how many steps it is found, and by which
	// rule.
	survey = flag.Bool("survey", false, "go on after a rule is broken, and only list what was")
	ignore = flag.String("ignore", "", "parts of the names of rules that a survey is not about, with commas between them")
)

// perWorld is how many steps a world lives.
const perWorld = 1500

// seeded dice are a long test's.
type seeded struct{ *rand.Rand }

func (d seeded) n(sides int) int { return d.IntN(sides) }
func (d seeded) left() bool      { return true }

// written dice are a fuzz test's: a byte for each decision.
type written struct{ b []byte }

func (d *written) n(sides int) int {
	if len(d.b) == 0 {
		return 0
	}
	v := int(d.b[0])
	d.b = d.b[1:]
	if sides > 256 && len(d.b) > 0 {
		v, d.b = v<<8|int(d.b[0]), d.b[1:]
	}
	return v % sides
}

func (d *written) left() bool { return len(d.b) > 0 }

// run takes a world's steps until a rule is broken or the dice are spent, and returns how many it
// took. There were others before.
func (w *world) run(t testing.TB, before, most int) (taken int) {
	t.Helper()
	for taken < most && w.left() && w.broken == "" {
		w.step()
		taken++
	}
	if w.broken != "" && *survey {
		t.Logf("%s\n\t%s", w.broken, strings.Join(w.trace[max(0, len(w.trace)-6):], "\n\t"))
	} else if w.broken != "" {
		t.Fatalf("found after %d steps: %s\n%s", before+taken, w.broken, strings.Join(w.trace, "\n"))
	}
	return taken
}

// TestService lets a hostile service run directory, certificates, delivery and clock against honest
// devices, and holds every plaintext against the identity that was accepted for its user.
func TestService(t *testing.T) {
	most := *steps
	if most == 0 {
		most = 20_000
		if testing.Short() {
			most = 2_000
		}
	}
	counts := make(map[string]int)
	for taken, s := 0, *seed; taken < most; s++ {
		w := newWorld(seeded{rand.New(rand.NewPCG(s, 8))}, s)
		w.log("seed %d, x3dh %v, free-form %v", s, w.x3dh, w.freeForm)
		before := taken
		taken += w.run(t, taken, min(perWorld, most-taken))
		if w.broken != "" {
			t.Logf("after %d steps", taken)
		}
		require.Greater(t, taken, before)
		for k, v := range w.counts {
			counts[k] += v
		}
	}
	var names []string
	for k := range counts {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		t.Logf("%8d %s", counts[k], k)
	}
	for _, k := range []string{"opened", "refused", "thefts tried", "joined", "talks", "shared"} {
		require.Greater(t, counts[k], most/400, k) // or the model shows nothing
	}
}

// FuzzService is TestService with steps that a fuzzer chooses.
func FuzzService(f *testing.F) {
	for s := range uint64(8) {
		r := rand.New(rand.NewPCG(s, 1))
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		newWorld(&written{b}, 0).run(t, 0, 120)
	})
}
