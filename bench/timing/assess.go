package main

import (
	"crypto/rand"
	"math"
	randv2 "math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// A target is an operation on a secret. Its inputs are made in advance, in slots.
type target struct {
	name string
	what string // the two classes
	// control marks one that leaks.
	control bool
	// repeat is how many times the operation runs in a sample, where once is too short for the clock.
	repeat int
	// size is the length of a slot in bytes. Slots of both classes look alike to the caches.
	size int
	// fill makes the input of a class.
	fill func(r *randv2.Rand, class int, slot []byte)
	// run does the operation.
	run func(slot []byte)
}

// batch is how many samples are taken between two collections of garbage.
const batch = 2000

// crops are the percentiles below which times are tested apart.
var crops = []float64{0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.999}

// assess measures a target so many times. The first batches are a warm-up and tell where to crop.
func assess(t target, samples int) result {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // it never fails
	m := newMeasurer(t, randv2.New(randv2.NewChaCha8(seed)))
	var warm []float64
	for range 4 {
		m.measure()
		warm = append(warm, m.times[:]...)
	}
	slices.Sort(warm)
	limits := make([]float64, len(crops)+1)
	for i, c := range crops {
		limits[i] = warm[int(c*float64(len(warm)-1))]
	}
	limits[len(crops)] = math.Inf(1)
	tests := make([]welch, len(limits))
	taken := 0
	for ; taken < samples; taken += batch {
		m.measure()
		for i, x := range m.times {
			for j := range tests {
				if x <= limits[j] {
					tests[j].class[m.classes[i]].add(x)
				}
			}
		}
	}
	return conclude(t, taken, tests)
}

// conclude reports the test that found most.
func conclude(t target, samples int, tests []welch) result {
	at := 0
	for i := range tests {
		if math.Abs(tests[i].t()) > math.Abs(tests[at].t()) {
			at = i
		}
	}
	w := &tests[at]
	below := 1.0
	if at < len(crops) {
		below = crops[at]
	}
	repeat := float64(max(1, t.repeat))
	found := math.Abs(w.t()) > threshold
	return result{
		Name: t.name, Samples: samples, T: w.t(), Below: below, Threshold: threshold, Control: t.control,
		Nanos: w.class[0].mean / repeat, Diff: (w.class[1].mean - w.class[0].mean) / repeat,
		OK: found == t.control, what: t.what,
	}
}

// A measurer has the inputs of a batch and what was measured.
type measurer struct {
	t       target
	r       *randv2.Rand
	slots   []byte
	classes [batch]int
	times   [batch]float64
}

func newMeasurer(t target, r *randv2.Rand) *measurer {
	return &measurer{t: t, r: r, slots: make([]byte, batch*t.size)}
}

func (m *measurer) slot(i int) []byte {
	return m.slots[i*m.t.size : (i+1)*m.t.size : (i+1)*m.t.size]
}

// measure makes the inputs of a batch, then takes the times without doing anything else.
func (m *measurer) measure() {
	for i := range m.classes {
		m.classes[i] = int(m.r.Uint32() & 1)
		m.t.fill(m.r, m.classes[i], m.slot(i))
	}
	runtime.GC()
	repeat := max(1, m.t.repeat)
	began := time.Now()
	for i := range m.times {
		s := m.slot(i)
		before := time.Since(began)
		for range repeat {
			m.t.run(s)
		}
		m.times[i] = float64(time.Since(began) - before)
	}
	runtime.KeepAlive(Sink) // somebody reads what the targets compute
}
