package main

import (
	"testing"

	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/bench/internal/ops"
)

// BenchmarkOperation is every operation of the program that lives in this process, as
// operation/implementation: for profiles (-cpuprofile) and for a look at one figure. To compare
// implementations, run the program: it measures them in turns.
func BenchmarkOperation(b *testing.B) {
	all := ops.All(nil, ops.Options{Quick: true, Absent: "not in this process"})
	for _, op := range all {
		b.Run(op.Name, func(b *testing.B) {
			for _, c := range op.Cases {
				if c.Impl != measure.Official {
					b.Run(c.Impl, func(b *testing.B) { benchmark(b, c) })
				}
			}
		})
	}
}

// benchmark leaves iterations and time to the testing package, so what an operation prepares with
// the watch stopped is in the profile, too.
func benchmark(b *testing.B, c measure.Case) {
	s, err := c.Open()
	if err != nil {
		b.Skip(err)
	}
	if s.Close != nil {
		defer s.Close()
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.Run(new(measure.Watch), max(b.N, c.Quantum)); err != nil {
		b.Fatal(err)
	}
}
