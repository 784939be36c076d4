package ops

import (
	"errors"
	"fmt"

	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/session"
)

// outOfOrder is a message that arrives with n others missing, and the first of these afterwards.
// Then, with the watch stopped, the rest arrives, so that each iteration begins with nothing
// skipped.
func (b *builder) outOfOrder() {
	for _, n := range []int{1, 100, 2000} {
		all := cases(func(i *implementation) (*measure.Subject, error) {
			p, err := i.open()
			if err != nil {
				return nil, err
			}
			return &measure.Subject{Run: p.skipping(n)}, nil
		})
		name := fmt.Sprint("out-of-order-", n)
		all = append(all, b.official(name), floorCase(1, func(f *floor) { f.skipping(n) }))
		all = only(all, measure.Signet, measure.SignetState, measure.Gomau, measure.Official, measure.Floor)
		b.add(name, fmt.Sprintf("a message with %d missing before it, then the first of these, both decrypted", n), all...)
	}
}

func (p *pair) skipping(n int) func(w *measure.Watch, times int) error {
	t := text(64)
	sets := 1
	if n == 1 { // there is no rest, and the watch can run for longer
		sets = 64
	}
	list := make([][]session.Message, sets)
	return func(w *measure.Watch, times int) error {
		for times > 0 {
			list := list[:min(times, sets)]
			times -= len(list)
			for i := range list {
				var err error
				if list[i], err = p.alice.say(n+1, t); err != nil {
					return err
				}
			}
			w.Start()
			for _, set := range list {
				if err := errors.Join(hear(p.bob, set[n], t), hear(p.bob, set[0], t)); err != nil {
					return err
				}
			}
			w.Stop()
			for i := 1; i < n; i++ {
				if err := hear(p.bob, list[0][i], t); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// say encrypts text n times.
func (t talker) say(n int, text []byte) ([]session.Message, error) {
	list := make([]session.Message, n)
	for i := range list {
		var err error
		if list[i], err = t.encrypt(text); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// skipping is n steps of both chains, and two messages decrypted, of which one has its chain's keys
// already.
func (f *floor) skipping(n int) {
	for range n {
		f.step()
	}
	f.half(64, false)
	f.rest(64, false)
}
