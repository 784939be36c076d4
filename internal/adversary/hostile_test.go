package adversary

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"signet.example/signet"
	"signet.example/signet/sealed"
	"signet.example/signet/sesame"
	"signet.example/signet/x3dh"
)

// A service is the adversary's own half: it decides what a directory says, issues certificates and
// has kept every bundle that it ever handed out.
type service struct {
	w            *world
	root, server *signet.PrivateKey
	certificate  *sealed.ServerCertificate
	listed       map[*machine]bool // machines of its own that it lists
	hidden       map[*machine]bool // machines of users that it does not
	stale        map[signet.Address][]x3dh.BundleFields
	honest       bool // for now
	mu           sync.Mutex
}

func newService(w *world) *service {
	s := &service{
		w: w, root: w.newKey(), server: w.newKey(),
		listed: make(map[*machine]bool), hidden: make(map[*machine]bool),
		stale: make(map[signet.Address][]x3dh.BundleFields),
	}
	s.certificate = got(sealed.NewServerCertificate(s.root, 7, s.server.PublicKey()))
	return s
}

func (s *service) trust() sealed.Trust {
	return sealed.Trust{Roots: []signet.PublicKey{s.root.PublicKey()}}
}

// certify issues a certificate for whatever the service likes.
func (s *service) certify(a signet.Address, key signet.PublicKey) *sealed.SenderCertificate {
	expires := s.w.clock.Add(10 * 365 * 24 * time.Hour)
	return got(sealed.NewSenderCertificate(s.certificate, s.server, sealed.Claim{Sender: a, Key: key, Expires: expires}))
}

// A view is the directory as one machine is shown it.
type view struct {
	*service
	of *machine
}

// Devices lists the user's devices, without those that are hidden and with the service's own.
func (v *view) Devices(_ context.Context, name string) (list []sesame.Listing, err error) {
	seen := make(map[uint32]bool)
	for _, m := range v.w.machines {
		shown := m.fate == live && !v.hidden[m] || m.fate != live && v.listed[m] && !v.honest
		if m.addr.Name != name || !shown || seen[m.addr.Device] {
			continue
		}
		seen[m.addr.Device] = true
		id := v.registration(v.answers(m.addr))
		if v.of.told[m.addr] == nil {
			v.of.told[m.addr] = make(map[uint32]bool)
		}
		v.of.told[m.addr][id] = true
		list = append(list, sesame.Listing{Device: m.addr.Device, RegistrationID: id})
	}
	if len(list) == 0 {
		return nil, sesame.ErrUnknown
	}
	slices.SortFunc(list, func(a, b sesame.Listing) int { return int(a.Device) - int(b.Device) })
	return list, nil
}

// registration is a machine's registration id, or what the service says in its place.
func (v *view) registration(m *machine) uint32 {
	if m == nil || !v.honest && v.w.n(16) == 0 {
		return 0
	}
	return m.stock.RegistrationID
}

// answers is the machine whose bundles are handed out for an address.
func (s *service) answers(a signet.Address) *machine {
	var of *machine
	for _, m := range s.w.machines {
		if m.addr != a {
			continue
		}
		if m.fate == live && (of == nil || s.honest || !s.listed[of]) {
			of = m
		} else if m.fate != live && !s.honest && s.listed[m] {
			of = m
		}
	}
	return of
}

// Bundle hands out a bundle of whatever machine the service likes: a new one, an old one again, or
// one without a one-time prekey or without the post-quantum half. A client asks for several at
// once, so the dice were cast before.
func (v *view) Bundle(_ context.Context, _, device signet.Address) (*sesame.Handed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	cast := v.w.cast(device)
	old := v.stale[device]
	if !v.honest && len(old) > 0 && cast(6) == 0 {
		return handed(old[cast(len(old))])
	}
	m := v.answers(device)
	if m == nil {
		return nil, sesame.ErrUnknown
	}
	f := m.stock.Next()
	if cast(3) == 0 {
		f.PreKey = nil
	}
	if v.w.x3dh && cast(2) == 0 {
		f.KEMPreKey = nil
	}
	if len(old) < 4 {
		v.stale[device] = append(old, f)
	} else {
		old[cast(4)] = f
	}
	return handed(f)
}

// cast returns dice for one device and one step, which do not depend on who asks first.
func (w *world) cast(device signet.Address) func(sides int) int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %v", w.mood, device)
	bits := h.Sum64()
	return func(sides int) int {
		bits = bits*6364136223846793005 + 1442695040888963407
		return int(bits>>33) % sides
	}
}

func handed(f x3dh.BundleFields) (*sesame.Handed, error) {
	b, err := x3dh.NewBundle(f)
	if err != nil {
		return nil, err
	}
	return &sesame.Handed{Bundle: b}, nil
}

// Publish keeps what the machine published.
func (v *view) Publish(_ context.Context, _ signet.Address, p *x3dh.Published) error {
	if v.of.stock != nil {
		p.PreKeys = append(v.of.stock.PreKeys, p.PreKeys...)
		p.KEMPreKeys = append(v.of.stock.KEMPreKeys, p.KEMPreKeys...)
	}
	v.of.stock = p
	return nil
}

func (v *view) Replace(ctx context.Context, device signet.Address, p *x3dh.Published) error {
	v.of.stock = nil
	return v.Publish(ctx, device, p)
}

func (v *view) Stock(context.Context, signet.Address) (sesame.Stock, error) {
	return sesame.Stock{PreKeys: len(v.of.stock.PreKeys), KEMPreKeys: len(v.of.stock.KEMPreKeys)}, nil
}
