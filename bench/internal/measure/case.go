// Package measure runs operations of several implementations in turns and says how long they take.
//
// # Method
//
// All implementations of an operation are opened, then measured round after round, one short sample
// each, and the order is drawn anew for every round: whatever else the machine does meets all of
// them alike, and none always follows the same other one. A sample is the mean of as many
// iterations as fill its time, with a collection of garbage before it and none of its neighbours'
// garbage in it. A row is the median of the samples, with the quartiles beside it.
//
// # Concurrency
//
// Nothing here is safe for concurrent use: a measurement wants the machine to itself.
package measure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// The names of the implementations, as they are printed.
const (
	Signet      = "signet"           // the library as a program uses it: a session.Device over session/memory
	SignetState = "signet-state"     // its protocol state alone, live in memory: no store, no encoded record
	SignetV3    = "signet-v3"        // signet over version 3 (X3DH, no post-quantum ratchet): what the peer does
	Gomau       = "go.mau.fi"        // the peer with its session objects live in a map
	GomauStored = "go.mau.fi-stored" // the peer with its sessions encoded after each operation
	Official    = "official-node"    // the official client through Node, timed inside of Node
	Floor       = "floor"            // signet's own primitives called back to back, no protocol
)

// A Case is one implementation of one operation.
type Case struct {
	Op, Impl string
	// Quantum is the number of iterations that belong together, such as those of whole epochs: a
	// sample has a multiple of it. Zero means 1.
	Quantum int
	// Most is how many iterations a sample has at most. Zero means no limit.
	Most int
	// Wall makes the time that passes count whatever the plan's clock is: for what waits for a disk or
	// another process.
	Wall bool
	// Open makes ready what is measured. An error that is a Skip leaves the case out.
	Open func() (*Subject, error)
}

// A Subject is an implementation that is ready.
type Subject struct {
	// Run does n iterations. What lies between the watch's Start and Stop counts.
	Run func(w *Watch, n int) error
	// Close, if not nil, ends it.
	Close func() error
}

// A Skip is why a case cannot be measured here.
type Skip string

func (s Skip) Error() string { return "not measured: " + string(s) }

// Loop returns the Subject whose iteration is f.
func Loop(f func() error) *Subject {
	return &Subject{Run: func(w *Watch, n int) error {
		w.Start()
		defer w.Stop()
		for range n {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}}
}

// A Row is what was measured of a case, per iteration.
type Row struct {
	Op, Impl   string
	Nanos      Spread
	Allocs     float64 // median
	Bytes      float64 // median
	Remote     bool    // timed elsewhere: there are no Allocs and Bytes
	Iterations int     // in one sample
	Skipped    string  // why there is nothing else; empty if there is
}

// A Plan says how long to measure.
type Plan struct {
	Rounds int           // samples of each case
	Sample time.Duration // how long one is to take
	Clock  Clock
	// Patience is how long a case may take altogether, beyond the third sample. Zero means for ever.
	Patience time.Duration
}

// Run measures cases that are to be compared: those of one operation, or of several. A case that
// cannot be measured has a Row that says why. The error is that of an operation that failed.
func (p Plan) Run(cases []Case, tick func()) ([]Row, error) {
	var all []*entry
	defer func() {
		for _, e := range all {
			e.close()
		}
	}()
	var rows []Row
	for _, c := range cases {
		e, err := p.open(c)
		var skip Skip
		switch {
		case errors.As(err, &skip):
			rows = append(rows, Row{Op: c.Op, Impl: c.Impl, Skipped: string(skip)})
			for range p.Rounds {
				tick()
			}
			continue
		case err != nil:
			return nil, fmt.Errorf("%s of %s: %w", c.Op, c.Impl, err)
		}
		all = append(all, e)
	}
	order := rand.New(rand.NewPCG(1, uint64(len(all))))
	for round := range p.Rounds {
		order.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, e := range all {
			tick()
			if p.Patience > 0 && round >= 3 && e.spent > p.Patience {
				continue
			}
			if err := e.sample(); err != nil {
				return nil, fmt.Errorf("%s of %s: %w", e.Op, e.Impl, err)
			}
		}
	}
	for _, e := range all {
		rows = append(rows, e.row())
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return place(cases, a) - place(cases, b) })
	return rows, nil
}

// place is where the case of a row stands.
func place(cases []Case, r Row) int {
	return slices.IndexFunc(cases, func(c Case) bool { return c.Op == r.Op && c.Impl == r.Impl })
}

// An entry is a Case under measurement.
type entry struct {
	Case
	s                    *Subject
	clock                Clock
	n                    int
	spent                time.Duration
	remote               bool
	nanos, allocs, bytes []float64
}

// open opens a case and finds out how many iterations make a sample, which warms it up, too.
func (p Plan) open(c Case) (*entry, error) {
	s, err := c.Open()
	if err != nil {
		return nil, err
	}
	e := &entry{Case: c, s: s, clock: p.Clock}
	if c.Wall {
		e.clock = Wall
	}
	quantum := max(1, c.Quantum)
	for n := quantum; ; {
		took, err := e.try(n)
		if err == nil && took >= p.Sample/4 { // once more: one interruption must not make all samples short
			var again time.Duration
			again, err = e.try(n)
			took = min(took, again)
		}
		if err != nil {
			e.close()
			return nil, err
		}
		fit := int(float64(n) * float64(p.Sample) / float64(max(took, time.Microsecond)))
		full := took >= p.Sample/4
		if c.Most > 0 && fit > c.Most {
			fit, full = c.Most, full || n >= c.Most
		}
		fit = max(quantum, fit/quantum*quantum)
		if full || fit <= n {
			e.n = fit
			return e, nil
		}
		n = min(fit, 16*n)
	}
}

// try does n iterations and returns what they cost. What an operation prepares with the watch
// stopped is paid for, too: a quarter of it counts.
func (e *entry) try(n int) (time.Duration, error) {
	w := Watch{clock: e.clock}
	began := time.Now()
	err := e.s.Run(&w, n)
	return max(w.elapsed, time.Since(began)/4), err
}

func (e *entry) close() {
	if e.s.Close != nil {
		_ = e.s.Close() // nothing that is left could be wrong with the figures
	}
}

func (e *entry) sample() error {
	w := Watch{clock: e.clock}
	collect()
	began := time.Now()
	if err := e.s.Run(&w, e.n); err != nil {
		return err
	}
	e.spent += time.Since(began)
	n := float64(e.n)
	e.remote = w.remote
	e.nanos = append(e.nanos, float64(w.elapsed)/n)
	e.allocs = append(e.allocs, float64(w.allocs)/n)
	e.bytes = append(e.bytes, float64(w.bytes)/n)
	return nil
}

func (e *entry) row() Row {
	return Row{
		Op: e.Op, Impl: e.Impl, Iterations: e.n, Remote: e.remote,
		Nanos: SpreadOf(e.nanos), Allocs: SpreadOf(e.allocs).Median, Bytes: SpreadOf(e.bytes).Median,
	}
}
