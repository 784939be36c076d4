package ops

import (
	"errors"
	"fmt"
	"slices"

	"signet.example/signet"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// growth shows how cost grows with what a device has behind it.
func (b *builder) growth() {
	for _, family := range []struct {
		name string
		add  func()
	}{
		{"messages", b.afterMessages}, {"skipped", b.besideSkipped},
		{"archived", b.besideArchived}, {"prekeys", b.amongPreKeys},
	} {
		at := len(b.list)
		family.add()
		for i := at; i < len(b.list); i++ {
			b.list[i].Grow = family.name
		}
	}
}

// afterMessages measures whole bursts, because the size of the record changes with the phase of the
// epoch that a conversation happens to be in.
func (b *builder) afterMessages() {
	for _, n := range []int{10, 1000, 100_000} {
		all := cases(func(i *implementation) (*measure.Subject, error) {
			p, err := i.open()
			if err != nil {
				return nil, err
			}
			f := bursts(p)
			for range n / burst {
				if err := f(); err != nil {
					return nil, err
				}
			}
			return measure.Loop(f), nil
		})
		impls := []string{measure.Signet, measure.SignetState, measure.Gomau}
		if b.Quick && n > 1000 {
			impls = impls[:1]
		}
		all = only(all, impls...)
		for i := range all {
			all[i] = with(2*burstEpoch, all[i])
		}
		b.add(fmt.Sprint("after-", n), fmt.Sprintf("burst-10 in a conversation of %d messages", n), all...)
	}
}

// besideSkipped is one-way-64 on a chain of which n messages are missing.
func (b *builder) besideSkipped() {
	for _, n := range []int{0, 100, 2000} {
		all := cases(func(i *implementation) (*measure.Subject, error) {
			p, err := i.open()
			if err != nil {
				return nil, err
			}
			t := text(64)
			for range n {
				if _, err := p.alice.encrypt(t); err != nil {
					return nil, err
				}
			}
			return measure.Loop(func() error { return carry(p.alice, p.bob, t) }), nil
		})
		all = only(all, measure.Signet, measure.SignetState, measure.Gomau)
		b.add(fmt.Sprint("skipped-", n), fmt.Sprintf("one-way-64 with %d keys of missing messages kept", n), all...)
	}
}

// besideArchived is one-way-64 with n sessions of before at both ends.
func (b *builder) besideArchived() {
	for _, n := range []int{0, 1, 40} {
		b.add(fmt.Sprint("archived-", n), fmt.Sprintf("one-way-64 with %d archived sessions", n),
			looped(measure.Signet, func() (func() error, error) {
				alice, _ := newDevice(aliceAddr)
				bob, _ := newDevice(bobAddr)
				p := &pair{onDevice(alice, bobAddr), onDevice(bob, aliceAddr)}
				for range 1 + n {
					if err := meet(alice, bob, x3dh.VersionPQXDH); err != nil {
						return nil, err
					}
					if _, err := greet(p); err != nil {
						return nil, err
					}
				}
				t := text(64)
				return func() error { return carry(p.alice, p.bob, t) }, nil
			}))
	}
}

// amongPreKeys is handshake-responder with n one-time prekeys of each kind in the store.
func (b *builder) amongPreKeys() {
	many := 1_000_000
	if b.Quick {
		many = 10_000
	}
	for _, n := range []int{100, many} {
		b.add(fmt.Sprint("prekeys-", n), fmt.Sprintf("handshake-responder with %d more one-time prekeys of each kind", n),
			meetingCase(measure.Signet, responder, func() (meetings, error) {
				bob, store := newDevice(bobAddr)
				if err := fill(store, n); err != nil {
					return nil, err
				}
				return visits(bob, x3dh.VersionPQXDH), nil
			}))
	}
}

// fill adds n prekeys of each kind. They share two records, which nobody asks for, and are spread
// over the ids.
func fill(store session.Store, n int) error {
	record := make([]byte, 80)
	large := make([]byte, 4800)
	const idSpace = 1<<24 - 2
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = 1 + uint32(uint64(i)*idSpace/uint64(n))
	}
	for part := range slices.Chunk(ids, 10_000) {
		err := store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
			for _, id := range part {
				if err := errors.Join(tx.PutPreKey(id, record), tx.PutKEMPreKey(id, large)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
