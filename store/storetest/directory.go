package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// A Directory is a sesame.Directory from which devices can be removed.
type Directory interface {
	sesame.Directory
	Remove(ctx context.Context, device signet.Address) error
}

// A DirectoryPlace opens a handle on one directory of a tenant; handles may be used at the same
// time. A directory without tenants ignores the name and is not tested for them.
type DirectoryPlace func(tenant string) Directory

// RunDirectory tests a directory against the contract of sesame.Directory. Each call of fresh
// prepares an empty place.
func RunDirectory(t *testing.T, tenants bool, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace)
	}{
		{"Bundles", testBundles},
		{"Repeated", testRepeated},
		{"Refused", testRefused},
		{"Installed", testInstalled},
		{"Limits", testLimits},
		{"Once", testOnce},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh) })
	}
	if tenants {
		t.Run("Tenants", func(t *testing.T) { testTenants(t, fresh) })
	}
}

// newDevice is a device that publishes.
func newDevice(a signet.Address) *session.Device {
	return session.NewDevice(a, signet.GenerateKey(), memory.New(), nil)
}

func published(t *testing.T, d *session.Device, n int) *x3dh.Published {
	t.Helper()
	p, err := d.PreKeys(context.Background(), n)
	require.NoError(t, err)
	return p
}

func hasStock(t *testing.T, d Directory, a signet.Address, preKeys, kem int) {
	t.Helper()
	s, err := d.Stock(context.Background(), a)
	require.NoError(t, err)
	require.Equal(t, sesame.Stock{PreKeys: preKeys, KEMPreKeys: kem}, s)
}

// testBundles hands out everything that was published, each one-time prekey once, and then the last
// resort.
func testBundles(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	ctx := context.Background()
	d := fresh(t, nil)("shop")
	for _, a := range []signet.Address{carol, alice2} {
		_, err := d.Bundle(ctx, bob, a)
		require.ErrorIs(t, err, sesame.ErrUnknown)
		_, err = d.Stock(ctx, a)
		require.ErrorIs(t, err, sesame.ErrUnknown)
		_, err = d.Devices(ctx, a.Name)
		require.ErrorIs(t, err, sesame.ErrUnknown)
		require.NoError(t, d.Remove(ctx, a))
	}
	p := published(t, newDevice(carol), 3)
	require.NoError(t, d.Publish(ctx, carol, p))
	require.NoError(t, d.Publish(ctx, alice2, published(t, newDevice(alice2), 0)))
	p1 := published(t, newDevice(alice), 0)
	require.NoError(t, d.Publish(ctx, alice, p1))
	list, err := d.Devices(ctx, alice.Name)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, sesame.Listing{Device: 1, RegistrationID: p1.RegistrationID}, list[0])
	if says, ok := d.(sesame.IdentityDirectory); ok {
		keys, err := says.Identities(ctx, alice.Name)
		require.NoError(t, err)
		require.Len(t, keys, 2)
		require.Equal(t, p1.Identity, keys[1])
		_, err = says.Identities(ctx, carolL.Name)
		require.ErrorIs(t, err, sesame.ErrUnknown)
	}
	_, err = d.Devices(ctx, carolL.Name)
	require.ErrorIs(t, err, sesame.ErrUnknown)

	hasStock(t, d, carol, 3, 3)
	preKeys, kems := make(map[x3dh.PreKey]bool), make(map[string]bool)
	for i := range 5 {
		h, err := d.Bundle(ctx, bob, carol)
		require.NoError(t, err)
		f := h.Bundle.Fields()
		require.Equal(t, p.Identity, f.Identity)
		require.Equal(t, p.RegistrationID, f.RegistrationID)
		require.Equal(t, uint32(127), f.DeviceID)
		require.Equal(t, p.SignedPreKey, f.SignedPreKey)
		require.Equal(t, i >= 3, h.LastResort)
		if h.LastResort {
			require.Nil(t, f.PreKey)
			require.Equal(t, p.LastResort, *f.KEMPreKey)
			continue
		}
		require.Contains(t, p.PreKeys, *f.PreKey)
		require.Contains(t, p.KEMPreKeys, *f.KEMPreKey)
		preKeys[*f.PreKey], kems[string(f.KEMPreKey.Public)] = true, true
	}
	require.Len(t, preKeys, 3)
	require.Len(t, kems, 3)
	hasStock(t, d, carol, 0, 0)

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = d.Bundle(ended, bob, carol)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, d.Publish(ended, carol, p), context.Canceled)
}

// testRepeated uploads what was uploaded before, in part handed out: nothing comes twice. What is
// new comes.
func testRepeated(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	ctx := context.Background()
	d := fresh(t, nil)("shop")
	device := newDevice(alice)
	p := published(t, device, 2)
	seen := make(map[uint32]bool)
	take := func(want bool) {
		t.Helper()
		h, err := d.Bundle(ctx, bob, alice)
		require.NoError(t, err)
		k := h.Bundle.Fields().PreKey
		require.Equal(t, want, k != nil)
		if want {
			require.False(t, seen[k.ID], "handed out twice")
			seen[k.ID] = true
		}
	}
	for range 3 {
		require.NoError(t, d.Publish(ctx, alice, p))
	}
	hasStock(t, d, alice, 2, 2)
	take(true)
	require.NoError(t, d.Publish(ctx, alice, p))
	hasStock(t, d, alice, 1, 1)
	more := published(t, device, 2)
	require.NoError(t, d.Publish(ctx, alice, more))
	require.NoError(t, d.Publish(ctx, alice, p))
	hasStock(t, d, alice, 3, 3)
	take(true)
	take(true)
	take(true)
	require.NoError(t, d.Publish(ctx, alice, more))
	take(false)

	// Ids that start somewhere else, as after a restored backup, and a stock that is lost.
	require.NoError(t, d.Publish(ctx, alice, published(t, device, 2)))
	restored := published(t, device, 2)
	for i := range restored.PreKeys {
		restored.PreKeys[i].ID = more.PreKeys[1].ID ^ (1<<23 + uint32(i))
		restored.KEMPreKeys[i].ID = more.KEMPreKeys[1].ID ^ (1<<23 + uint32(i))
	}
	require.NoError(t, d.Replace(ctx, alice, restored))
	hasStock(t, d, alice, 2, 2)
	take(true)
	require.NoError(t, d.Replace(ctx, alice, restored), "repeated, too")
	hasStock(t, d, alice, 1, 1)
	take(true)
	require.True(t, seen[restored.PreKeys[0].ID] && seen[restored.PreKeys[1].ID])
	take(false)

	rotated, err := device.Rotate(ctx)
	require.NoError(t, err)
	require.NoError(t, d.Publish(ctx, alice, rotated))
	h, err := d.Bundle(ctx, bob, alice)
	require.NoError(t, err)
	require.Equal(t, rotated.SignedPreKey, h.Bundle.Fields().SignedPreKey)
	require.Equal(t, rotated.LastResort, *h.Bundle.Fields().KEMPreKey)
}

// testRefused publishes what is not fit; what was there stays.
func testRefused(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	ctx := context.Background()
	d := fresh(t, &sesame.DirectoryOptions{MaxStock: 3})("shop")
	device := newDevice(alice)
	p := published(t, device, 2)
	bad := *p
	bad.SignedPreKey.Signature = fill("no signature", 64)
	require.ErrorIs(t, d.Publish(ctx, alice, &bad), x3dh.ErrSignature)
	require.ErrorIs(t, d.Publish(ctx, alice2, p), sesame.ErrPublished)
	_, err := d.Devices(ctx, alice.Name)
	require.ErrorIs(t, err, sesame.ErrUnknown)

	require.NoError(t, d.Publish(ctx, alice, p))
	require.ErrorIs(t, d.Publish(ctx, alice, &bad), sesame.ErrPublished)
	more := published(t, device, 2)
	require.ErrorIs(t, d.Publish(ctx, alice, more), sesame.ErrStock)
	hasStock(t, d, alice, 2, 2)
	h, err := d.Bundle(ctx, bob, alice)
	require.NoError(t, err)
	require.Contains(t, p.PreKeys, *h.Bundle.Fields().PreKey)
	require.NoError(t, d.Publish(ctx, alice, more), "there is room, and a refused upload was not noted")
	hasStock(t, d, alice, 3, 3)
}

// testInstalled replaces and removes devices: nothing of an earlier installation is handed out.
func testInstalled(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	ctx := context.Background()
	d := fresh(t, nil)("shop")
	key := signet.GenerateKey()
	install := func(key *signet.PrivateKey, n int) *x3dh.Published {
		return published(t, session.NewDevice(alice, key, memory.New(), nil), n)
	}
	for i, p := range []*x3dh.Published{install(key, 3), install(key, 2), install(signet.GenerateKey(), 1), install(key, 0)} {
		p.RegistrationID = uint32(100 + i) // drawn at random, they might be the same
		require.NoError(t, d.Publish(ctx, alice, p))
		hasStock(t, d, alice, len(p.PreKeys), len(p.PreKeys))
		list, err := d.Devices(ctx, alice.Name)
		require.NoError(t, err)
		require.Equal(t, []sesame.Listing{{Device: 1, RegistrationID: p.RegistrationID}}, list)
		for range 2 {
			h, err := d.Bundle(ctx, bob, alice)
			require.NoError(t, err)
			f := h.Bundle.Fields()
			require.Equal(t, p.Identity, f.Identity)
			if f.PreKey != nil {
				require.Contains(t, p.PreKeys, *f.PreKey)
			}
		}
	}
	p := install(key, 2)
	require.NoError(t, d.Publish(ctx, alice, p))
	require.NoError(t, d.Publish(ctx, alice2, published(t, newDevice(alice2), 1)))
	require.NoError(t, d.Remove(ctx, alice))
	_, err := d.Bundle(ctx, bob, alice)
	require.ErrorIs(t, err, sesame.ErrUnknown)
	list, err := d.Devices(ctx, alice.Name)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, uint32(2), list[0].Device)
	hasStock(t, d, alice2, 1, 1)
	require.NoError(t, d.Publish(ctx, alice, p))
	hasStock(t, d, alice, 2, 2)
}

// testLimits asks too much, with a clock of its own.
func testLimits(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	ctx := context.Background()
	var clock atomic.Int64
	clock.Store(1_760_000_000)
	place := fresh(t, &sesame.DirectoryOptions{
		Requester: sesame.Limit{Burst: 4, Every: 10 * time.Second},
		Target:    sesame.Limit{Burst: 6, Every: time.Minute},
		Now:       func() time.Time { return time.Unix(clock.Load(), 0) },
	})
	handles := []Directory{place("shop"), place("shop")}
	require.NoError(t, handles[0].Publish(ctx, carol, published(t, newDevice(carol), 20)))
	require.NoError(t, handles[1].Publish(ctx, alice, published(t, newDevice(alice), 2)))
	calls := 0
	ask := func(from, to signet.Address) (*sesame.Handed, error) {
		calls++
		return handles[calls%2].Bundle(ctx, from, to)
	}
	limited := func(from signet.Address, wait time.Duration) {
		t.Helper()
		_, err := ask(from, alice)
		var limit *sesame.LimitError
		require.ErrorAs(t, err, &limit)
		require.Equal(t, sesame.LimitError{From: from, Wait: wait}, *limit)
	}
	gets := func(from, to signet.Address, last bool) {
		t.Helper()
		h, err := ask(from, to)
		require.NoError(t, err)
		require.Equal(t, last, h.LastResort)
		require.Equal(t, last, h.Bundle.Fields().PreKey == nil)
	}
	requester := func(i int) signet.Address { return signet.Address{Name: fmt.Sprint("requester ", i), Device: 1} }
	for range 4 {
		gets(requester(0), carol, false)
	}
	_, err := ask(requester(0), none)
	require.Error(t, err)
	limited(requester(0), 10*time.Second)
	clock.Add(9)
	limited(requester(0), time.Second)
	clock.Add(1)
	gets(requester(0), alice, false)
	limited(requester(0), 10*time.Second)

	gets(requester(1), carol, false)
	gets(requester(1), carol, false)
	hasStock(t, handles[0], carol, 14, 14)
	gets(requester(2), carol, true) // six were handed out; the stock stays
	gets(requester(3), carol, true)
	gets(requester(3), alice, false)
	hasStock(t, handles[0], carol, 14, 14)
	clock.Add(60)
	gets(requester(4), carol, false)
	gets(requester(4), carol, true)
	hasStock(t, handles[0], carol, 13, 13)
	clock.Add(24 * 3600)
	for i := range 6 {
		gets(requester(5+i), carol, false)
	}
	gets(requester(11), carol, true)
}

// testOnce has many ask at once while the device uploads more, and repeats itself: every one-time
// prekey is handed out once, and all of them are.
func testOnce(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	ctx := context.Background()
	const workers, rounds, batches, size = 6, 12, 5, 8
	none := sesame.Limit{Burst: -1}
	place := fresh(t, &sesame.DirectoryOptions{Requester: none, Target: none})
	handles := []Directory{place("shop"), place("shop")}
	device := newDevice(alice)
	var uploads []*x3dh.Published
	for range batches {
		uploads = append(uploads, published(t, device, size))
	}
	require.NoError(t, handles[0].Publish(ctx, alice, uploads[0]))
	var mu sync.Mutex
	preKeys, kems := make(map[uint32]int), make(map[uint32]int)
	take := func(d Directory, from int) error {
		h, err := d.Bundle(ctx, signet.Address{Name: fmt.Sprint("requester ", from%3), Device: 1}, alice)
		if err != nil {
			return err
		}
		f := h.Bundle.Fields()
		mu.Lock()
		defer mu.Unlock()
		if f.PreKey != nil {
			preKeys[f.PreKey.ID]++
		}
		if !h.LastResort {
			kems[f.KEMPreKey.ID]++
		}
		return nil
	}
	together(workers+1, func(w int) {
		var err error
		if w == workers {
			for i := range uploads {
				err = errors.Join(err, handles[1].Publish(ctx, alice, uploads[i]), handles[0].Publish(ctx, alice, uploads[i/2]))
			}
		}
		for i := range rounds {
			err = errors.Join(err, take(handles[(w+i)%2], w))
		}
		if err != nil {
			t.Error(err)
		}
	})
	for s := (sesame.Stock{PreKeys: 1}); s.PreKeys+s.KEMPreKeys > 0; {
		require.NoError(t, take(handles[0], 0))
		var err error
		s, err = handles[1].Stock(ctx, alice)
		require.NoError(t, err)
	}
	for _, p := range uploads {
		for i := range p.PreKeys {
			require.Equal(t, 1, preKeys[p.PreKeys[i].ID], "prekey %d", i)
			require.Equal(t, 1, kems[p.KEMPreKeys[i].ID], "KEM prekey %d", i)
		}
	}
	require.Len(t, preKeys, batches*size)
	require.Len(t, kems, batches*size)
}

// testTenants has two tenants with the same names: neither sees the other's devices, stock or
// limits.
func testTenants(t *testing.T, fresh func(t *testing.T, opts *sesame.DirectoryOptions) DirectoryPlace) {
	ctx := context.Background()
	place := fresh(t, &sesame.DirectoryOptions{Requester: sesame.Limit{Burst: 1, Every: time.Hour}})
	one, two := place("shop \x00"), place("shop")
	p := published(t, newDevice(alice), 2)
	require.NoError(t, one.Publish(ctx, alice, p))
	_, err := two.Devices(ctx, alice.Name)
	require.ErrorIs(t, err, sesame.ErrUnknown)
	_, err = two.Bundle(ctx, bob, alice)
	require.ErrorIs(t, err, sesame.ErrUnknown)
	q := published(t, newDevice(alice), 1)
	require.NoError(t, two.Publish(ctx, alice, q))
	for d, want := range map[Directory]*x3dh.Published{one: p, two: q} {
		h, err := d.Bundle(ctx, bob, alice)
		require.NoError(t, err)
		require.Equal(t, want.Identity, h.Bundle.Identity())
		_, err = d.Bundle(ctx, bob, alice)
		require.Error(t, err)
	}
	require.NoError(t, two.Remove(ctx, alice))
	hasStock(t, one, alice, 1, 1)
}
