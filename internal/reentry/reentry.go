// Package reentry notices that a function which runs inside a transaction begins another one on the
// same store. It would wait for the transaction that it runs in, and that for the function.
//
// Only goroutines that run such a function are remembered. As long as there are none, asking costs
// one load.
package reentry

import (
	"bytes"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

var (
	active  atomic.Int64
	mu      sync.Mutex
	running = make(map[uint64][]any) // the stores whose transactions a goroutine is in
)

// Run runs f, which belongs to a transaction on store.
func Run(store any, f func() error) error {
	if !comparable(store) {
		return f()
	}
	id := goroutine()
	active.Add(1)
	mu.Lock()
	running[id] = append(running[id], store)
	mu.Unlock()
	defer func() { // also if f panics
		mu.Lock()
		if list := running[id]; len(list) > 1 {
			running[id] = list[:len(list)-1]
		} else {
			delete(running, id)
		}
		mu.Unlock()
		active.Add(-1)
	}()
	return f()
}

// Inside reports whether this goroutine is in a function that Run runs for store.
func Inside(store any) bool {
	if active.Load() == 0 || !comparable(store) {
		return false
	}
	id := goroutine()
	mu.Lock()
	defer mu.Unlock()
	for _, s := range running[id] {
		if s == store {
			return true
		}
	}
	return false
}

func comparable(store any) bool { return store != nil && reflect.ValueOf(store).Comparable() }

// goroutine is the number of this goroutine, from the first line of its stack: "goroutine 18
// [running]:".
func goroutine() uint64 {
	var room [64]byte
	b := room[:runtime.Stack(room[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		b = b[:i]
	}
	n, _ := strconv.ParseUint(string(b), 10, 64)
	return n
}
