package session_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// TestPreKeyIDs are never zero, never the greatest of 24 bits, and do not repeat.
func TestPreKeyIDs(t *testing.T) {
	const max = 1<<24 - 2
	next := func(p *party, id uint32) {
		update(t, p.store, func(tx session.Tx) {
			for _, name := range []string{"next-prekey", "next-signed-prekey", "next-kem-prekey"} {
				require.NoError(t, tx.PutValue(name, binary.BigEndian.AppendUint32(nil, id)))
			}
		})
	}
	for _, start := range []uint32{0, 1, max - 2, max - 1, max, max + 1, max + 2, 2*max - 1, 2 * max, 2*max + 1, 2*max + 2, 1 << 31, 1<<32 - 2, 1<<32 - 1} {
		bob := newParty(bobAddr, session.Options{})
		next(bob, start)
		ids := map[string]map[uint32]bool{"one": {}, "signed": {}, "kem": {}}
		note := func(kind string, id uint32) {
			require.GreaterOrEqual(t, id, uint32(1), "%s from %d", kind, start)
			require.LessOrEqual(t, id, uint32(max), "%s from %d", kind, start)
			require.False(t, ids[kind][id], "%s %d twice from %d", kind, id, start)
			ids[kind][id] = true
		}
		for range 3 {
			stock, err := bob.PreKeys(ctx, 2)
			require.NoError(t, err)
			for _, k := range stock.PreKeys {
				note("one", k.ID)
			}
			for _, k := range stock.KEMPreKeys {
				note("kem", k.ID)
			}
			stock, err = bob.Rotate(ctx)
			require.NoError(t, err)
			require.Empty(t, stock.PreKeys)
			note("signed", stock.SignedPreKey.ID)
			note("kem", stock.LastResort.ID)
		}
		next(bob, start) // gone round: ids in use are passed over
		stock, err := bob.PreKeys(ctx, 4)
		require.NoError(t, err)
		for _, k := range stock.PreKeys {
			note("one", k.ID)
		}
		for _, k := range stock.KEMPreKeys {
			note("kem", k.ID)
		}
	}
}

// TestPreKeyIDsStartAnywhere: two installations do not give out the same ids.
func TestPreKeyIDsStartAnywhere(t *testing.T) {
	seen := make(map[uint32]bool)
	for range 20 {
		seen[newParty(bobAddr, session.Options{}).bundle(t, 0).Fields().SignedPreKey.ID] = true
	}
	require.Greater(t, len(seen), 17)
}

func TestPublish(t *testing.T) {
	bob := newParty(bobAddr, session.Options{})
	_, err := bob.PreKeys(ctx, -1)
	require.Error(t, err)
	one, err := bob.PreKeys(ctx, 0)
	require.NoError(t, err)
	require.Empty(t, one.PreKeys)
	two, err := bob.PreKeys(ctx, 3)
	require.NoError(t, err)
	require.Len(t, two.PreKeys, 3)
	require.Len(t, two.KEMPreKeys, 3)
	require.Equal(t, one.SignedPreKey, two.SignedPreKey)
	require.Equal(t, one.LastResort, two.LastResort)
	id, err := bob.RegistrationID(ctx)
	require.NoError(t, err)
	require.Equal(t, id, two.RegistrationID)
	require.Equal(t, bobAddr.Device, two.DeviceID)
	a, b, err := bob.Stock(ctx)
	require.NoError(t, err)
	require.Equal(t, [2]int{3, 3}, [2]int{a, b})
	for range 5 {
		_, err := two.NextBundle()
		require.NoError(t, err, "everything is signed")
	}
}

// TestRotateAndRetire: a replaced prekey opens first messages until its grace is over.
func TestRotateAndRetire(t *testing.T) {
	const day = 24 * time.Hour
	bob := newParty(bobAddr, session.Options{SignedPreKeyGrace: 10 * day})
	first := func(b *x3dh.Bundle) (*party, session.Message) {
		p := newParty(signet.Address{Name: string(signet.GenerateKey().Bytes()[:8]), Device: 1}, session.Options{})
		require.NoError(t, p.Start(ctx, bobAddr, b))
		return p, send(t, p, bob, "x")
	}
	retire := func(want int) {
		t.Helper()
		n, err := bob.Retire(ctx)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	pass := func(days int) { // as they do for a device that looks at its prekeys every day
		for range days {
			bob.now = bob.now.Add(day)
			retire(0)
		}
	}
	old := bob.bundle(t, 0)
	pass(100) // the current ones have no end
	stock, err := bob.Rotate(ctx)
	require.NoError(t, err)
	require.NoError(t, bob.MarkPublished(ctx, stock))
	require.NotEqual(t, old.Fields().SignedPreKey.ID, stock.SignedPreKey.ID)
	require.NotEqual(t, old.Fields().KEMPreKey.ID, stock.LastResort.ID)
	fresh, err := stock.NextBundle()
	require.NoError(t, err)
	require.Equal(t, stock.SignedPreKey, bob.bundle(t, 0).Fields().SignedPreKey, "the new one is published from now on")

	p, m := first(old)
	receive(t, p, bob, m, "x")
	marks := m
	require.NoError(t, bob.SetRecord(ctx, p.addr, nil))
	refuse(t, p.addr, bob, marks, session.ErrReplay) // a replaced last resort still remembers
	pass(10)                                         // to the millisecond
	p, m = first(old)
	receive(t, p, bob, m, "x")
	bob.now = bob.now.Add(time.Millisecond)
	retire(2)
	p, m = first(old)
	refuse(t, p.addr, bob, m, session.ErrPreKeyID)
	refuse(t, p.addr, bob, marks, session.ErrPreKeyID)
	p, m = first(fresh)
	receive(t, p, bob, m, "x")
	retire(0)
	a, b, err := bob.Stock(ctx)
	require.NoError(t, err)
	require.Equal(t, [2]int{0, 0}, [2]int{a, b})
	require.False(t, marked(t, bob, marks.Body), "the marks of a prekey that is gone are forgotten")

	for range 3 { // several generations at once
		stock, err := bob.Rotate(ctx)
		require.NoError(t, err)
		require.NoError(t, bob.MarkPublished(ctx, stock))
		pass(1)
	}
	pass(7)
	bob.now = bob.now.Add(day + time.Millisecond) // 11, 10 and 9 days and a millisecond
	retire(4)
	retire(0)
}

// TestDefaultGrace is 30 days.
func TestDefaultGrace(t *testing.T) {
	bob := newParty(bobAddr, session.Options{})
	bob.bundle(t, 0)
	stock, err := bob.Rotate(ctx)
	require.NoError(t, err)
	require.NoError(t, bob.MarkPublished(ctx, stock))
	for day := range 31 {
		n, err := bob.Retire(ctx)
		require.NoError(t, err)
		require.Zero(t, n, "day %d", day)
		if day < 30 {
			bob.now = bob.now.Add(24 * time.Hour)
		}
	}
	bob.now = bob.now.Add(time.Millisecond)
	n, err := bob.Retire(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

// TestLowPreKeys is called outside of the transaction, after each first message that took one of
// few.
func TestLowPreKeys(t *testing.T) {
	for _, c := range []struct {
		water, stock int
		want         []int
	}{{0, 22, []int{19, 18}}, {2, 4, []int{1, 0}}, {100, 3, []int{2, 1, 0}}} {
		var calls []int
		bob := newParty(bobAddr, session.Options{LowWater: c.water})
		bob.opts.LowPreKeys = func(left int) {
			calls = append(calls, left)
			_, err := bob.PreKeys(ctx, 0) // would wait for itself inside
			require.NoError(t, err)
		}
		bob.restart()
		stock, err := bob.PreKeys(ctx, c.stock)
		require.NoError(t, err)
		for i := range min(c.stock, 4) {
			p := newParty(signet.Address{Name: fmt.Sprint("p", i), Device: 1}, session.Options{})
			b, err := stock.NextBundle()
			require.NoError(t, err)
			require.NoError(t, p.Start(ctx, bobAddr, b))
			m := send(t, p, bob, "one")
			receive(t, p, bob, m, "one")
			n := len(calls)
			receive(t, p, bob, send(t, p, bob, "two"), "two") // takes none
			_, err = bob.Decrypt(ctx, p.addr, m)
			require.Error(t, err)
			require.Len(t, calls, n)
		}
		require.Equal(t, c.want, calls)
	}
}

func TestRegistrationID(t *testing.T) {
	seen := make(map[uint32]bool)
	for range 50 {
		d := session.NewDevice(bobAddr, signet.GenerateKey(), memory.New(), nil)
		id, err := d.RegistrationID(ctx)
		require.NoError(t, err)
		require.True(t, id >= 1 && id <= 16380)
		again, err := d.RegistrationID(ctx)
		require.NoError(t, err)
		require.Equal(t, id, again)
		seen[id] = true
	}
	require.Greater(t, len(seen), 40)
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	for _, id := range []uint32{0, 1, 1<<14 - 1, 1<<32 - 1} {
		require.NoError(t, alice.SetRegistrationID(ctx, id))
		require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
		deliver(t, alice, bob, "x")
		require.Equal(t, id, current(t, bob.store, aliceAddr).RemoteRegistrationID)
		require.Equal(t, id, current(t, alice.store, bobAddr).LocalRegistrationID)
	}
}

// TestDamagedPreKeys: prekeys that do not parse are errors, not panics. For the lists of them see
// TestDamagedPreKeyRows.
func TestDamagedPreKeys(t *testing.T) {
	for name, damage := range map[string]func(tx session.Tx, f x3dh.BundleFields) error{
		"one-time":       func(tx session.Tx, f x3dh.BundleFields) error { return tx.PutPreKey(f.PreKey.ID, []byte{0xff}) },
		"one-time empty": func(tx session.Tx, f x3dh.BundleFields) error { return tx.PutPreKey(f.PreKey.ID, []byte{}) },
		"signed": func(tx session.Tx, f x3dh.BundleFields) error {
			return tx.PutSignedPreKey(f.SignedPreKey.ID, []byte{0xff})
		},
		"signed short": func(tx session.Tx, f x3dh.BundleFields) error {
			return tx.PutSignedPreKey(f.SignedPreKey.ID, []byte{0x1a, 1, 1})
		},
		"KEM": func(tx session.Tx, f x3dh.BundleFields) error { return tx.PutKEMPreKey(f.KEMPreKey.ID, []byte{0xff}) },
		"KEM short": func(tx session.Tx, f x3dh.BundleFields) error {
			return tx.PutKEMPreKey(f.KEMPreKey.ID, []byte{0x1a, 1, 8})
		},
	} {
		t.Run(name, func(t *testing.T) {
			alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
			b := bob.bundle(t, 1)
			require.NoError(t, alice.Start(ctx, bobAddr, b))
			m := send(t, alice, bob, "x")
			update(t, bob.store, func(tx session.Tx) { require.NoError(t, damage(tx, b.Fields())) })
			before := rows(t, bob.store, aliceAddr)
			_, err := bob.Decrypt(ctx, aliceAddr, m)
			require.Error(t, err)
			require.Equal(t, before, rows(t, bob.store, aliceAddr))
		})
	}
}

// A device whose one-time prekeys are all gone hears of it again with every session that begins.
func TestLowPreKeysAtZero(t *testing.T) {
	var heard []int
	bob := session.NewDevice(signet.Address{Name: "bob", Device: 1}, signet.GenerateKey(), memory.New(), &session.Options{
		LowPreKeys: func(left int) { heard = append(heard, left) },
	})
	published, err := bob.PreKeys(ctx, 0)
	require.NoError(t, err)
	for i := range 2 {
		b, err := published.NextBundle()
		require.NoError(t, err)
		require.Nil(t, b.Fields().PreKey)
		alice := session.NewDevice(signet.Address{Name: fmt.Sprint("alice", i), Device: 1}, signet.GenerateKey(), memory.New(), nil)
		require.NoError(t, alice.Start(ctx, bob.Address(), b))
		for range 2 { // the second message begins nothing
			m, err := alice.Encrypt(ctx, bob.Address(), []byte("hello"))
			require.NoError(t, err)
			_, err = bob.Decrypt(ctx, alice.Address(), m)
			require.NoError(t, err)
		}
	}
	require.Equal(t, []int{0, 0}, heard)
}
