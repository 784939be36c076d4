package spqr

import (
	"testing"

	"signet.example/signet/internal/entropy"
)

// A step is one message of a recorded ping-pong: what was sent in which state, and what received
// it.
type step struct{ sender, receiver, wire []byte }

// record is two whole epochs of ping-pong, one in each role, with the states in between.
func record(b *testing.B) (steps []step) {
	x, y := newPair(b, 14)
	pingPong(x, y, func() bool { return x.inspect().Epoch == 3 })
	for x.inspect().Epoch < 5 {
		for range 2 {
			s := step{sender: x.state, receiver: y.state}
			l := x.send()
			s.wire = l.wire
			y.recv(l)
			steps = append(steps, s)
			x, y = y, x
		}
	}
	return steps
}

// BenchmarkSend and BenchmarkRecv are amortised over whole epochs, key generation and all.
func BenchmarkSend(b *testing.B) {
	steps, src := record(b), entropy.Seeded([32]byte{})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_, _, _, _, _ = Send(src, steps[i%len(steps)].sender)
		i++
	}
}

func BenchmarkRecv(b *testing.B) {
	steps := record(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_, _, _, _ = Recv(steps[i%len(steps)].receiver, steps[i%len(steps)].wire)
		i++
	}
}

// BenchmarkPhases is one send from, and one message of no use to, each phase: the cost without KEM
// but for the two sampling sends.
func BenchmarkPhases(b *testing.B) {
	var byPhase [Ct2Sampled + 1]*step
	for _, s := range record(b) {
		if info, _ := Inspect(s.sender); byPhase[info.Phase] == nil {
			byPhase[info.Phase] = &s
		}
	}
	src := entropy.Seeded([32]byte{})
	for phase, s := range byPhase {
		if s == nil {
			continue
		}
		b.Run("send/"+Phase(phase).String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _, _, _ = Send(src, s.sender)
			}
		})
	}
}

// BenchmarkStep is one step of a chain, the floor of every message.
func BenchmarkStep(b *testing.B) {
	var h half
	var key [32]byte
	for b.Loop() {
		h.step(&key)
	}
}
