package ops

import (
	"fmt"

	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/session"
)

// outOfOrder is a message that arrives with n others missing, and the first of these afterwards. Then,
// with the watch stopped, the rest arrives, so that each iteration begins with nothing skipped.
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
	list := make([]session.Message, n+1)
	return func(w *measure.Watch, times int) (err error) {
		for range times {
			for i := range list {
				if list[i], err = p.alice.encrypt(t); err != nil {
					return err
				}
			}
			w.Start()
			if err = hear(p.bob, list[n], t); err == nil {
				err = hear(p.bob, list[0], t)
			}
			w.Stop()
			for i := 1; i < n && err == nil; i++ {
				err = hear(p.bob, list[i], t)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
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
