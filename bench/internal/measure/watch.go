package measure

import (
	"runtime"
	"time"
)

// A Clock is what time is read from.
type Clock uint8

const (
	// Wall is the time that passes.
	Wall Clock = iota
	// CPU is the processor time of the process, on all processors. It is the one to use on a machine
	// that does other things at the same time; what runs in parallel has no gain from it.
	CPU
)

func (c Clock) now() time.Duration {
	if c == CPU {
		return cpuTime()
	}
	return time.Since(epoch)
}

var epoch = time.Now()

// A Watch measures the time, the allocations and the allocated bytes between Start and Stop.
type Watch struct {
	clock         Clock
	elapsed       time.Duration
	allocs, bytes uint64
	remote        bool

	began  time.Duration
	before runtime.MemStats
}

// Start starts the watch.
func (w *Watch) Start() {
	runtime.ReadMemStats(&w.before)
	w.began = w.clock.now()
}

// Stop stops it. It can be started again, and adds up.
func (w *Watch) Stop() {
	w.elapsed += w.clock.now() - w.began
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	w.allocs += after.Mallocs - w.before.Mallocs
	w.bytes += after.TotalAlloc - w.before.TotalAlloc
}

// Add adds what was measured in another process, whose allocations nobody counts.
func (w *Watch) Add(d time.Duration) {
	w.elapsed += d
	w.remote = true
}

// OnCPU reports whether the watch reads processor time, for whoever measures in another process.
func (w *Watch) OnCPU() bool { return w.clock == CPU }

// collect leaves no garbage of one sample to the next.
func collect() { runtime.GC() }
