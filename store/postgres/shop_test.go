package postgres

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// A shop is a device in the database that talks to customers whose own stores lose nothing.
type shop struct {
	*session.Device
	customers []*session.Device

	mu    sync.Mutex
	used  map[string]bool
	twice atomic.Int64 // message keys
	taken atomic.Int64 // new messages that were taken for repetitions
	ended atomic.Int64 // sessions that were begun anew
	sent  atomic.Int64
}

var shopAddress = signet.Address{Name: "shop", Device: 1}

func newShop(s *Store, customers int) *shop {
	o := &shop{Device: session.NewDevice(shopAddress, signet.GenerateKey(), s, nil), used: make(map[string]bool)}
	for i := range customers {
		o.customers = append(o.customers, session.NewDevice(signet.Address{Name: fmt.Sprint("customer ", i), Device: 1},
			signet.GenerateKey(), memory.New(), nil))
	}
	return o
}

// restarted is the shop as another process has it.
func (o *shop) restarted(s *Store) *shop {
	return &shop{Device: session.NewDevice(shopAddress, o.IdentityKey(), s, nil), customers: o.customers, used: o.used}
}

func bundleOf(d *session.Device) (*x3dh.Bundle, error) {
	p, err := d.PreKeys(ctx, 1)
	if err != nil {
		return nil, err
	}
	return p.NextBundle()
}

// say sends to a customer, and begins the session where there is none, as package sesame does.
func (o *shop) say(c *session.Device) error {
	m, err := o.Encrypt(ctx, c.Address(), []byte("hello"))
	if errors.Is(err, session.ErrNoSession) {
		o.ended.Add(1)
		b, err := bundleOf(c)
		if err == nil {
			err = o.Start(ctx, c.Address(), b)
		}
		if err != nil {
			return err
		}
		return o.say(c)
	}
	if err != nil {
		return err
	}
	if err := o.note(m); err != nil {
		return err
	}
	o.sent.Add(1)
	_, err = c.Decrypt(ctx, shopAddress, m)
	if errors.Is(err, ratchet.ErrDuplicate) {
		o.taken.Add(1)
		return nil
	}
	return err
}

// note counts the message keys that were used before.
func (o *shop) note(m session.Message) error {
	body := m.Body
	if m.Type == session.TypePreKey {
		p, err := wire.ParsePreKeyMessage(body)
		if err != nil {
			return err
		}
		body = p.Message
	}
	s, err := wire.ParseSignalMessage(body)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	at := fmt.Sprintf("%x %d", s.RatchetKey, s.Counter)
	if o.used[at] {
		o.twice.Add(1)
	}
	o.used[at] = true
	return nil
}

// answer has a customer write to the shop. What the shop has lost, it asks for by beginning anew.
func (o *shop) answer(c *session.Device) error {
	m, err := c.Encrypt(ctx, shopAddress, []byte("hello yourself"))
	if err != nil {
		return err
	}
	_, err = o.Decrypt(ctx, c.Address(), m)
	return err
}

// work has everybody talk until stop is closed. Errors while the server is away are passed over: an
// uncertain message is not sent.
func (o *shop) work(stop <-chan struct{}) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, c := range o.customers {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if o.say(c) == nil && i%3 == 0 {
					o.answer(c)
				}
			}
		})
	}
	return &wg
}

// requireAlive has every conversation go both ways.
func (o *shop) requireAlive(t *testing.T) {
	t.Helper()
	for _, c := range o.customers {
		for range 2 {
			require.NoError(t, o.say(c))
			require.NoError(t, o.answer(c))
		}
	}
	require.Zero(t, o.twice.Load(), "message keys used twice")
	require.Zero(t, o.taken.Load(), "new messages taken for repetitions")
}
