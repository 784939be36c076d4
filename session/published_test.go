package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

const week = 7 * 24 * time.Hour

// stranger is a new peer of p that begins with a bundle.
func stranger(t *testing.T, p *party, name string, b *x3dh.Bundle) (*party, session.Message) {
	t.Helper()
	s := newParty(signet.Address{Name: name, Device: 1}, session.Options{AllowX3DH: true})
	require.NoError(t, s.Start(ctx, p.addr, b))
	return s, send(t, s, p, "hello")
}

// retired lets six weeks pass for p, a week at a time, and returns how many prekeys were retired.
func retired(t *testing.T, p *party) (total int) {
	t.Helper()
	for range 6 {
		p.now = p.now.Add(week)
		n, err := p.Retire(ctx)
		require.NoError(t, err)
		total += n
	}
	return total
}

// TestUnpublishedRotations: while no rotation gets through, the directory hands out the old
// prekeys, and they open first messages however old they are. Their grace begins with a
// publication.
func TestUnpublishedRotations(t *testing.T) {
	bob := newParty(bobAddr, session.Options{})
	published := bob.bundle(t, 0) // what the directory has
	for range 30 {
		_, err := bob.Rotate(ctx)
		require.NoError(t, err)
		bob.now = bob.now.Add(week)
		n, err := bob.Retire(ctx)
		require.NoError(t, err)
		require.Zero(t, n)
	}
	alice, m := stranger(t, bob, "alice", published)
	receive(t, alice, bob, m, "hello")

	last, err := bob.Rotate(ctx)
	require.NoError(t, err)
	require.NoError(t, bob.MarkPublished(ctx, last))
	late, m := stranger(t, bob, "late", published)
	receive(t, late, bob, m, "hello")
	total := 0
	for i := range 5 {
		require.Zero(t, total, "week %d", i)
		bob.now = bob.now.Add(week)
		n, err := bob.Retire(ctx)
		require.NoError(t, err)
		total += n
	}
	require.Equal(t, 2*8, total, "the first and seven that were never used, of each kind")
	later, m := stranger(t, bob, "later", published)
	refuse(t, later.addr, bob, m, session.ErrPreKeyID)
}

// TestFirstMessageConfirms: a first message that names new prekeys shows that they are published,
// although nobody has said so.
func TestFirstMessageConfirms(t *testing.T) {
	bob := newParty(bobAddr, session.Options{})
	old := bob.bundle(t, 0)
	stock, err := bob.Rotate(ctx)
	require.NoError(t, err)
	alice, m := stranger(t, bob, "alice", old)
	receive(t, alice, bob, m, "hello")
	require.Zero(t, retired(t, bob), "one that names the old ones does not")
	fresh, err := stock.NextBundle()
	require.NoError(t, err)
	carol, m := stranger(t, bob, "carol", fresh)
	m.Body[len(m.Body)-20] ^= 1
	refuse(t, carol.addr, bob, m, session.ErrInvalidMessage)
	require.Zero(t, retired(t, bob), "nor does one that does not decrypt")
	m.Body[len(m.Body)-20] ^= 1
	receive(t, carol, bob, m, "hello")
	require.Equal(t, 2, retired(t, bob))
}

// TestClockSteps: no step of the clock removes a prekey that was replaced a moment ago.
func TestClockSteps(t *testing.T) {
	for name, steps := range map[string][]time.Duration{
		"a year ahead":          {365 * 24 * time.Hour},
		"a year ahead and back": {365 * 24 * time.Hour, -365 * 24 * time.Hour, time.Hour},
		"back to 1986":          {-40 * 365 * 24 * time.Hour, time.Second, 24 * time.Hour},
		"four times ahead":      {1000 * week, 1000 * week, 1000 * week, 1000 * week},
	} {
		t.Run(name, func(t *testing.T) {
			bob := newParty(bobAddr, session.Options{})
			old := bob.bundle(t, 0)
			stock, err := bob.Rotate(ctx)
			require.NoError(t, err)
			require.NoError(t, bob.MarkPublished(ctx, stock))
			for _, d := range steps {
				bob.now = bob.now.Add(d)
				n, err := bob.Retire(ctx)
				require.NoError(t, err)
				require.Zero(t, n)
			}
			alice := newParty(signet.Address{Name: "alice", Device: 1}, session.Options{})
			require.NoError(t, alice.Start(ctx, bobAddr, old))
			receive(t, alice, bob, send(t, alice, bob, "hello"), "hello")
			require.Equal(t, 2, retired(t, bob), "and a clock that runs removes it in the end")
		})
	}
}

// TestUnpublishedPreKeys: a publication that failed is repeated with the same prekeys; what was
// never published is bounded, and what was goes off the list.
func TestUnpublishedPreKeys(t *testing.T) {
	bob := newParty(bobAddr, session.Options{MaxUnpublished: 10})
	ids := func(p *x3dh.Published) (list []uint32) {
		for _, k := range p.PreKeys {
			list = append(list, k.ID)
		}
		return list
	}
	stock := func() [2]int {
		a, b, err := bob.Stock(ctx)
		require.NoError(t, err)
		return [2]int{a, b}
	}
	made, err := bob.PreKeys(ctx, 4)
	require.NoError(t, err)
	again, err := bob.Unpublished(ctx)
	require.NoError(t, err)
	require.Equal(t, made, again)

	b, err := again.NextBundle() // one is used although the answer to its publication got lost
	require.NoError(t, err)
	alice, m := stranger(t, bob, "alice", b)
	receive(t, alice, bob, m, "hello")
	left, err := bob.Unpublished(ctx)
	require.NoError(t, err)
	require.Equal(t, ids(made)[1:], ids(left))

	for range 20 {
		_, err := bob.PreKeys(ctx, 4)
		require.NoError(t, err)
	}
	require.Equal(t, [2]int{10, 10}, stock(), "the newest")
	all, err := bob.Unpublished(ctx)
	require.NoError(t, err)
	require.Len(t, all.PreKeys, 10)
	require.Len(t, all.KEMPreKeys, 10)
	for range 10 {
		_, err := all.NextBundle()
		require.NoError(t, err, "everything is signed")
	}

	require.NoError(t, bob.MarkPublished(ctx, left), "those that are gone do not matter")
	all, err = bob.Unpublished(ctx)
	require.NoError(t, err)
	require.NoError(t, bob.MarkPublished(ctx, all))
	none, err := bob.Unpublished(ctx)
	require.NoError(t, err)
	require.Empty(t, none.PreKeys)
	require.Empty(t, none.KEMPreKeys)
	require.Equal(t, made.SignedPreKey, none.SignedPreKey)
	require.Equal(t, made.LastResort, none.LastResort)
	for range 5 {
		_, err := bob.PreKeys(ctx, 4)
		require.NoError(t, err)
	}
	require.Equal(t, [2]int{20, 20}, stock(), "published ones stay")
	_, err = bob.PreKeys(ctx, 30) // more than the bound in one call
	require.NoError(t, err)
	require.Equal(t, [2]int{50, 50}, stock())
}

// TestCurvePreKeys are for a network that knows no KEM prekeys: there is none in the result or the
// store.
func TestCurvePreKeys(t *testing.T) {
	bob := newParty(bobAddr, session.Options{AllowX3DH: true})
	_, err := bob.CurvePreKeys(ctx, -1)
	require.Error(t, err)
	stock, err := bob.CurvePreKeys(ctx, 3)
	require.NoError(t, err)
	rotated, err := bob.Rotate(ctx)
	require.NoError(t, err)
	retry, err := bob.RetryPreKey(ctx)
	require.NoError(t, err)
	require.Len(t, stock.PreKeys, 3)
	require.Len(t, retry.PreKeys, 1)
	require.NotEqual(t, stock.SignedPreKey, rotated.SignedPreKey)
	require.Equal(t, rotated.SignedPreKey, retry.SignedPreKey)
	for _, p := range []*x3dh.Published{stock, rotated, retry} {
		require.Empty(t, p.KEMPreKeys)
		require.Empty(t, p.LastResort)
		b, err := p.AppendBinary(nil)
		require.NoError(t, err)
		parsed, err := x3dh.ParsePublished(b)
		require.NoError(t, err)
		require.Equal(t, p, parsed)
	}
	a, b, err := bob.Stock(ctx)
	require.NoError(t, err)
	require.Equal(t, [2]int{4, 0}, [2]int{a, b})
	list, err := bob.Unpublished(ctx)
	require.NoError(t, err)
	require.Equal(t, stock.PreKeys, list.PreKeys, "without the one that is on its way to a peer")
	for i, p := range []*x3dh.Published{stock, retry} {
		b, err := p.NextBundle()
		require.NoError(t, err)
		require.Equal(t, uint8(x3dh.VersionX3DH), b.Version())
		peer, m := stranger(t, bob, string(rune('a'+i)), b)
		receive(t, peer, bob, m, "hello")
	}
}

// TestImportKEMPreKey: a last resort that another program has published opens the first messages of
// all peers, and a one-time KEM prekey one.
func TestImportKEMPreKey(t *testing.T) {
	old := newParty(bobAddr, session.Options{})
	stock, err := old.PreKeys(ctx, 1)
	require.NoError(t, err)
	var last, once, signed []byte
	update(t, old.store, func(tx session.Tx) {
		last, err = tx.KEMPreKey(stock.LastResort.ID)
		require.NoError(t, err)
		once, err = tx.KEMPreKey(stock.KEMPreKeys[0].ID)
		require.NoError(t, err)
		signed, err = tx.SignedPreKey(stock.SignedPreKey.ID)
		require.NoError(t, err)
	})
	bob := newParty(bobAddr, session.Options{})
	bob.key = old.key
	bob.restart()
	update(t, bob.store, func(tx session.Tx) {
		require.NoError(t, tx.PutSignedPreKey(stock.SignedPreKey.ID, signed))
		require.NoError(t, bob.ImportKEMPreKey(tx, last, true))
		require.NoError(t, bob.ImportKEMPreKey(tx, last, true), "once more changes nothing")
		require.NoError(t, bob.ImportKEMPreKey(tx, once, false))
	})
	stock.PreKeys = nil // not brought along
	b, err := stock.NextBundle()
	require.NoError(t, err)
	one, m := stranger(t, bob, "one", b)
	receive(t, one, bob, m, "hello")
	two, m := stranger(t, bob, "two", b)
	refuse(t, two.addr, bob, m, session.ErrPreKeyID)
	for _, name := range []string{"x", "y", "z"} {
		b, err := stock.NextBundle()
		require.NoError(t, err)
		peer, m := stranger(t, bob, name, b)
		receive(t, peer, bob, m, "hello")
	}
	current, err := bob.PreKeys(ctx, 0)
	require.NoError(t, err)
	require.Equal(t, stock.LastResort, current.LastResort)

	other := newParty(bobAddr, session.Options{})
	update(t, other.store, func(tx session.Tx) {
		require.ErrorContains(t, other.ImportKEMPreKey(tx, last, true), "invalid signature")
		require.ErrorContains(t, bob.ImportKEMPreKey(tx, signed, true), "do not belong together")
		require.Error(t, bob.ImportKEMPreKey(tx, last[:40], true))
		require.Error(t, bob.ImportKEMPreKey(tx, nil, false))
		row, err := tx.KEMPreKey(stock.LastResort.ID)
		require.NoError(t, err)
		require.Nil(t, row)
	})
}
