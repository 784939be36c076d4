// Package memory is a sesame.Directory in the process's memory, for tests and for programs whose
// devices end with the process.
package memory

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/x3dh"
)

// A Directory is a sesame.Directory. It is safe for concurrent use; make one with New. It holds
// public keys alone.
type Directory struct {
	opts sesame.DirectoryOptions

	mu      sync.Mutex
	devices map[signet.Address]*device
	users   map[string][]sesame.Listing // in the order of ids
	buckets map[signet.Address]time.Time
}

// A device is a row of the directory.
type device struct {
	published x3dh.Published // what is left to hand out
	bucket    time.Time
	handed    map[oneTime]time.Time // when the prekeys that are gone were handed out
}

// A oneTime names a one-time prekey.
type oneTime struct {
	kem bool
	id  uint32
}

// New returns an empty Directory. Nil opts means the defaults.
func New(opts *sesame.DirectoryOptions) *Directory {
	return &Directory{
		opts:    opts.WithDefaults(),
		devices: make(map[signet.Address]*device),
		users:   make(map[string][]sesame.Listing),
		buckets: make(map[signet.Address]time.Time),
	}
}

// Devices implements sesame.Directory.
func (d *Directory) Devices(ctx context.Context, user string) ([]sesame.Listing, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.users[user]) == 0 {
		return nil, sesame.ErrUnknown
	}
	return slices.Clone(d.users[user]), nil
}

// Identities implements sesame.IdentityDirectory.
func (d *Directory) Identities(ctx context.Context, user string) (map[uint32]signet.PublicKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.users[user]) == 0 {
		return nil, sesame.ErrUnknown
	}
	keys := make(map[uint32]signet.PublicKey, len(d.users[user]))
	for _, l := range d.users[user] {
		keys[l.Device] = d.devices[signet.Address{Name: user, Device: l.Device}].published.Identity
	}
	return keys, nil
}

// Bundle implements sesame.Directory.
func (d *Directory) Bundle(ctx context.Context, from, to signet.Address) (*sesame.Handed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := d.opts.Now()
	f, last, err := d.next(from, to, now)
	if err != nil {
		return nil, err
	}
	b, err := x3dh.NewBundle(f) // outside the lock: it verifies signatures
	if err != nil {
		return nil, err
	}
	return &sesame.Handed{Bundle: b, LastResort: last}, nil
}

func (d *Directory) next(from, to signet.Address, now time.Time) (f x3dh.BundleFields, last bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	full, wait := d.opts.Requester.Take(d.buckets[from], now)
	if wait > 0 {
		return f, false, &sesame.LimitError{From: from, Wait: wait}
	}
	dev := d.devices[to]
	if dev == nil {
		return f, false, sesame.ErrUnknown
	}
	d.buckets[from] = full
	d.sweep(now)
	stock := dev.published
	if dev.bucket, wait = d.opts.Target.Take(dev.bucket, now); wait > 0 {
		stock.PreKeys, stock.KEMPreKeys = nil, nil
		return stock.Next(), true, nil
	}
	last = len(stock.KEMPreKeys) == 0
	f = dev.published.Next()
	if f.PreKey != nil {
		dev.handed[oneTime{false, f.PreKey.ID}] = now
	}
	if !last {
		dev.handed[oneTime{true, f.KEMPreKey.ID}] = now
	}
	if last { // Next points into the row
		resort := dev.published.LastResort
		f.KEMPreKey = &resort
	}
	return f, last, nil
}

// sweep forgets the buckets that are full, now and then.
func (d *Directory) sweep(now time.Time) {
	const many = 1 << 16
	if len(d.buckets) < many {
		return
	}
	for a, full := range d.buckets {
		if !full.After(now) {
			delete(d.buckets, a)
		}
	}
}

// Publish implements sesame.Directory.
func (d *Directory) Publish(ctx context.Context, to signet.Address, p *x3dh.Published) error {
	return d.publish(ctx, to, p, false)
}

// Replace implements sesame.Directory.
func (d *Directory) Replace(ctx context.Context, to signet.Address, p *x3dh.Published) error {
	return d.publish(ctx, to, p, true)
}

func (d *Directory) publish(ctx context.Context, to signet.Address, p *x3dh.Published, replace bool) error {
	if err := sesame.CheckPublished(to, p); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	row := d.devices[to]
	if row == nil {
		row = new(device)
	}
	next := *row // assigned last
	was := &row.published
	if !was.Identity.Equal(p.Identity) || was.RegistrationID != p.RegistrationID {
		next, replace = device{bucket: row.bucket, handed: make(map[oneTime]time.Time)}, true
	}
	next.published = clone(p)
	if !replace {
		next.published.PreKeys, next.published.KEMPreKeys = slices.Clip(was.PreKeys), slices.Clip(was.KEMPreKeys)
	}
	next.forget(d.opts.Now().Add(-sesame.Remembered))
	next.add(p)
	if n := d.opts.MaxStock; len(next.published.PreKeys) > n || len(next.published.KEMPreKeys) > n {
		return sesame.ErrStock
	}
	d.devices[to] = &next
	d.list(to, p.RegistrationID)
	return nil
}

// add adds the one-time prekeys that are not there, and were not handed out.
func (dev *device) add(p *x3dh.Published) {
	seen := make(map[oneTime]bool)
	for _, k := range dev.published.PreKeys {
		seen[oneTime{false, k.ID}] = true
	}
	for _, k := range dev.published.KEMPreKeys {
		seen[oneTime{true, k.ID}] = true
	}
	isNew := func(k oneTime) bool {
		_, handed := dev.handed[k]
		isNew := !handed && !seen[k]
		seen[k] = true
		return isNew
	}
	for _, k := range p.PreKeys {
		if isNew(oneTime{false, k.ID}) {
			dev.published.PreKeys = append(dev.published.PreKeys, k)
		}
	}
	for _, k := range p.KEMPreKeys {
		if isNew(oneTime{true, k.ID}) {
			dev.published.KEMPreKeys = append(dev.published.KEMPreKeys, kemClone(k))
		}
	}
}

// forget drops what was handed out before a time.
func (dev *device) forget(before time.Time) {
	for k, at := range dev.handed {
		if at.Before(before) {
			delete(dev.handed, k)
		}
	}
}

// clone copies what a caller may write to, but for the one-time prekeys.
func clone(p *x3dh.Published) x3dh.Published {
	c := *p
	c.PreKeys, c.KEMPreKeys = nil, nil
	c.SignedPreKey.Signature = bytes.Clone(p.SignedPreKey.Signature)
	c.LastResort = kemClone(p.LastResort)
	return c
}

func kemClone(k x3dh.KEMPreKey) x3dh.KEMPreKey {
	return x3dh.KEMPreKey{ID: k.ID, Public: bytes.Clone(k.Public), Signature: bytes.Clone(k.Signature)}
}

// list puts a device into its user's list. Lists are replaced, never written to.
func (d *Directory) list(a signet.Address, registration uint32) {
	d.unlist(a)
	list := append(slices.Clone(d.users[a.Name]), sesame.Listing{Device: a.Device, RegistrationID: registration})
	slices.SortFunc(list, func(x, y sesame.Listing) int { return int(x.Device) - int(y.Device) })
	d.users[a.Name] = list
}

func (d *Directory) unlist(a signet.Address) {
	list := slices.DeleteFunc(slices.Clone(d.users[a.Name]), func(l sesame.Listing) bool { return l.Device == a.Device })
	if d.users[a.Name] = list; len(list) == 0 {
		delete(d.users, a.Name)
	}
}

// Stock implements sesame.Directory.
func (d *Directory) Stock(ctx context.Context, of signet.Address) (sesame.Stock, error) {
	if err := ctx.Err(); err != nil {
		return sesame.Stock{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := d.devices[of]
	if dev == nil {
		return sesame.Stock{}, sesame.ErrUnknown
	}
	return sesame.Stock{PreKeys: len(dev.published.PreKeys), KEMPreKeys: len(dev.published.KEMPreKeys)}, nil
}

// Remove removes a device and its prekeys. Removing one that is not there does nothing.
func (d *Directory) Remove(ctx context.Context, device signet.Address) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.devices, device)
	d.unlist(device)
	return nil
}
