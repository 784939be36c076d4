// Package entropy is where randomness enters. Every exported function of the library that needs
// random bytes draws them from a Source at its edge and computes with what it drew.
//
// A nil *Source is the operating system's generator and the only one that production code ever
// sees: the package is internal, so no caller of the library can pass another. Seeded exists for
// the custodian's lab, whose runs are a pure function of their scenario, and for tests.
package entropy

import (
	"context"
	"crypto/rand"
	mrand "math/rand/v2"
	"sync"
)

// A Source yields random bytes. It is safe for concurrent use. A nil *Source reads the operating
// system's generator.
type Source struct {
	mu  sync.Mutex
	gen *mrand.ChaCha8
}

// Seeded returns a Source whose bytes are a function of seed alone. It is for lab runs and tests.
func Seeded(seed [32]byte) *Source {
	return &Source{gen: mrand.NewChaCha8(seed)}
}

// Read fills b. It cannot fail: if the operating system's generator does, the program ends.
func (s *Source) Read(b []byte) {
	if s == nil {
		rand.Read(b)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen.Read(b)
}

type contextKey struct{}

// With returns a context that carries s, for code that receives its randomness with its context.
func With(ctx context.Context, s *Source) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

// From returns the Source that ctx carries, or nil, the operating system's.
func From(ctx context.Context) *Source {
	s, _ := ctx.Value(contextKey{}).(*Source)
	return s
}
