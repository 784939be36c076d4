package ops

import (
	"fmt"
	"slices"

	"signet.example/signet/bench/internal/measure"
)

// One-way messages, round trips and bursts. The post-quantum ratchet does most of its work once in
// an epoch, so what turns ratchets runs in multiples of whole epochs.
const (
	pingPongEpoch = 87 // messages of a ping-pong in an epoch
	burst         = 10 // messages one way, in a burst
	burstEpoch    = 11 // bursts in an epoch
)

func (b *builder) messages() {
	for _, size := range []struct {
		name string
		n    int
	}{{"64", 64}, {"1k", 1 << 10}, {"64k", 64 << 10}} {
		name := "one-way-" + size.name
		all := cases(func(i *implementation) (*measure.Subject, error) { return oneWay(i, size.n) })
		all = append(all, b.official(name), floorCase(1, func(f *floor) { f.message(size.n) }))
		b.add(name, fmt.Sprintf("a message of %d bytes, encrypted and decrypted, always the same way", size.n), all...)
	}
	b.pingPong()
	b.bursts()
}

func oneWay(i *implementation, size int) (*measure.Subject, error) {
	p, err := i.open()
	if err != nil {
		return nil, err
	}
	t := text(size)
	return measure.Loop(func() error { return carry(p.alice, p.bob, t) }), nil
}

// A round trip is two messages: as many round trips as an epoch has messages are two epochs.
func (b *builder) pingPong() {
	all := cases(func(i *implementation) (*measure.Subject, error) {
		p, err := i.open()
		if err != nil {
			return nil, err
		}
		t := text(64)
		return measure.Loop(func() error { return p.roundTrip(t) }), nil
	})
	all = append(all, b.official("ping-pong"), amortised(pingPongEpoch, 2, func(f *floor) {
		for range 2 {
			f.turn()
			f.message(64)
		}
	}))
	for i := range all {
		all[i] = with(pingPongEpoch, all[i])
	}
	b.add("ping-pong", "a message of 64 bytes and its answer, amortised over epochs", all...)
}

func (b *builder) bursts() {
	all := cases(func(i *implementation) (*measure.Subject, error) {
		p, err := i.open()
		if err != nil {
			return nil, err
		}
		return measure.Loop(bursts(p)), nil
	})
	all = append(all, b.official("burst-10"), amortised(2*burstEpoch, 2, func(f *floor) {
		f.turn()
		for range burst {
			f.message(64)
		}
	}))
	for i := range all {
		all[i] = with(2*burstEpoch, all[i])
	}
	b.add("burst-10", "ten messages of 64 bytes, each ten the other way, amortised over epochs", all...)
}

// bursts returns a function that sends a burst, in turns from both ends.
func bursts(p *pair) func() error {
	from, to, t := p.alice, p.bob, text(64)
	return func() error {
		for range burst {
			if err := carry(from, to, t); err != nil {
				return err
			}
		}
		from, to = to, from
		return nil
	}
}

// only keeps the cases of some implementations.
func only(list []measure.Case, impls ...string) []measure.Case {
	return slices.DeleteFunc(list, func(c measure.Case) bool { return !slices.Contains(impls, c.Impl) })
}
