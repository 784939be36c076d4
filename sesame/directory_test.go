package sesame_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/x3dh"
)

// The contract of a Directory is tested by storetest.RunDirectory in the store module.

// TestLimit: a bucket gives its burst at once and one more after each interval, whatever the pace.
func TestLimit(t *testing.T) {
	l := sesame.Limit{Burst: 3, Every: time.Minute}
	now := time.Unix(1_760_000_000, 0)
	full := time.Time{}
	take := func(want time.Duration) {
		t.Helper()
		then, wait := l.Take(full, now)
		require.Equal(t, want, wait)
		if wait > 0 {
			require.Equal(t, full, then, "a refusal costs nothing")
		}
		full = then
	}
	for range 3 {
		take(0)
	}
	take(time.Minute)
	now = now.Add(59 * time.Second)
	take(time.Second)
	now = now.Add(time.Second)
	take(0)
	take(time.Minute)
	now = now.Add(time.Hour)
	for range 3 {
		take(0)
	}
	take(time.Minute)
	l.Burst = -1
	for range 10 {
		take(0)
	}
}

// TestCheckPublished: whatever a signature does not cover or a wrong one covers is refused.
func TestCheckPublished(t *testing.T) {
	key, a := signet.GenerateKey(), addr("alice", 2)
	good := stock(t, a, key, 2)
	require.NoError(t, sesame.CheckPublished(a, good))
	for name, spoil := range map[string]struct {
		f    func(p *x3dh.Published)
		want error
	}{
		"signed prekey":   {func(p *x3dh.Published) { p.SignedPreKey.Public = key.PublicKey() }, x3dh.ErrSignature},
		"last resort":     {func(p *x3dh.Published) { p.LastResort = p.KEMPreKeys[0]; p.LastResort.Signature = nil }, x3dh.ErrSignature},
		"no last resort":  {func(p *x3dh.Published) { p.LastResort = x3dh.KEMPreKey{} }, x3dh.ErrKEM},
		"KEM prekey":      {func(p *x3dh.Published) { p.KEMPreKeys[1].Public = p.KEMPreKeys[0].Public }, x3dh.ErrSignature},
		"short KEM key":   {func(p *x3dh.Published) { p.KEMPreKeys[1].Public = p.KEMPreKeys[1].Public[:9] }, x3dh.ErrKEM},
		"identity":        {func(p *x3dh.Published) { p.Identity = signet.GenerateKey().PublicKey() }, x3dh.ErrSignature},
		"no identity":     {func(p *x3dh.Published) { p.Identity = signet.PublicKey{} }, x3dh.ErrSignature},
		"other device":    {func(p *x3dh.Published) { p.DeviceID = 1 }, sesame.ErrPublished},
		"wide prekey id":  {func(p *x3dh.Published) { p.PreKeys[1].ID = 1 << 24 }, sesame.ErrPublished},
		"wide KEM key id": {func(p *x3dh.Published) { p.KEMPreKeys[0].ID = 1 << 24 }, sesame.ErrPublished},
	} {
		p := *good
		p.PreKeys = append([]x3dh.PreKey{}, good.PreKeys...)
		p.KEMPreKeys = append([]x3dh.KEMPreKey{}, good.KEMPreKeys...)
		spoil.f(&p)
		err := sesame.CheckPublished(a, &p)
		require.ErrorIs(t, err, sesame.ErrPublished, name)
		require.ErrorIs(t, err, spoil.want, name)
	}
	require.ErrorIs(t, sesame.CheckPublished(addr("alice", 128), good), signet.ErrInvalidAddress)
}

// TestReplenish: the stock is topped up when less than half is left.
func TestReplenish(t *testing.T) {
	w := newWorld(t)
	alice := w.install("alice", 1)
	w.install("bob", 1)
	made, err := alice.Replenish(ctx, 10)
	require.NoError(t, err)
	require.Zero(t, made, "five of ten are there")
	w.say(w.clients[addr("bob", 1)], "alice", "x")
	made, err = alice.Replenish(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, 6, made)
	left, err := w.directory.Stock(ctx, addr("alice", 1))
	require.NoError(t, err)
	require.Equal(t, sesame.Stock{PreKeys: 10, KEMPreKeys: 10}, left)
	before, err := w.directory.Bundle(ctx, addr("bob", 1), addr("alice", 1))
	require.NoError(t, err)
	require.NoError(t, alice.Rotate(ctx))
	after, err := w.directory.Bundle(ctx, addr("bob", 1), addr("alice", 1))
	require.NoError(t, err)
	require.NotEqual(t, before.Bundle.Fields().SignedPreKey.ID, after.Bundle.Fields().SignedPreKey.ID)
	require.NoError(t, alice.Renew(ctx, 3))
	left, err = w.directory.Stock(ctx, addr("alice", 1))
	require.NoError(t, err)
	require.Equal(t, sesame.Stock{PreKeys: 3, KEMPreKeys: 3}, left)
	alice.Forget("bob")
	w.say(w.clients[addr("bob", 1)], "alice", "y")
}
