package custodian

import (
	"errors"
	"maps"
	"runtime"
	"sync"

	"signet.example/signet/custodian/know"
)

// This file asks both halves about all principals at the same time. What they answer does not
// depend on how many processors there are: views share nothing that changes, and a forgery depends
// on its probe alone.

// longEnough is from how many events on a view's probes are shared out among several adversaries.
// Each has to learn everything that came before its own probes.
const longEnough = 500

// attempts closes what every view learnt and lets its adversaries try.
func (r *run) attempts(base *know.Base, views []*view) error {
	var jobs []func() error
	for i, v := range views {
		jobs = append(jobs, r.parts(i, v)...)
		jobs = append(jobs, func() error { return v.quantum.attempt(r, i, true, 0, len(r.events)) })
	}
	for _, v := range views {
		for _, x := range []*view{v, v.quantum} {
			jobs = append(jobs, func() error { x.closure = base.Close(x.facts); return nil })
		}
	}
	workers := runtime.GOMAXPROCS(0)
	if r.offered != nil {
		workers = 1 // it is told in order, by one goroutine
	}
	return spread(workers, jobs)
}

// parts are the jobs of a view without a quantum computer, the longest first.
func (r *run) parts(i int, v *view) (jobs []func() error) {
	n := min(runtime.GOMAXPROCS(0), 4)
	if r.offered != nil || len(r.events) < longEnough || !r.gave(v) {
		n = 1
	}
	var mu sync.Mutex
	for k := range n {
		end := len(r.events) * (n - k) / n
		start := len(r.events) * (n - k - 1) / n
		jobs = append(jobs, func() error {
			part := r.view(i, v.p)
			err := part.attempt(r, i, false, start, end)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(v.read, part.read)
			maps.Copy(v.forged, part.forged)
			maps.Copy(v.begun, part.begun)
			maps.Copy(v.noticed, part.noticed)
			return err
		})
	}
	return jobs
}

// gave reports whether anything was handed to a view.
func (r *run) gave(v *view) bool {
	for i := range r.events {
		if g := r.events[i].given; g != nil && v.members[g.to] {
			return true
		}
	}
	return false
}

// spread does jobs, as many at a time as there are workers, and joins their errors in the order of
// the jobs.
func spread(workers int, jobs []func() error) error {
	errs := make([]error, len(jobs))
	next := make(chan int, len(jobs))
	for i := range jobs {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(workers, len(jobs)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = jobs[i]()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
