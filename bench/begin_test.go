package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// TestPreKeyIDs begins sessions with the one-time prekey ids at the ends of the range. What the
// peer makes of the first and the last of them is why signet hands out neither (protocol §11.1).
func TestPreKeyIDs(t *testing.T) {
	for _, c := range []struct {
		id   uint32
		ok   bool // the peer opens what was sent to it
		kept bool // the peer keeps the prekey
	}{
		{id: 0, ok: false, kept: true}, // read as "no one-time prekey"
		{id: 1, ok: true},
		{id: 0xfffffe, ok: true},
		{id: 0xffffff, ok: true, kept: true}, // read as "last resort"
	} {
		t.Run(fmt.Sprintf("%#x", c.id), func(t *testing.T) {
			p, us, them := newPair(t, true, gomau.Stored)
			require.NoError(t, us.start(bobAddr, them.bundleWith(t, c.id)))
			m := p.seal(us, "hello")
			first, err := wire.ParsePreKeyMessage(m.Body)
			require.NoError(t, err)
			require.True(t, first.HasPreKey, "an id of 0 is an id")
			require.Equal(t, c.id, first.PreKeyID)
			text, err := p.open(them, m)
			require.Equal(t, c.ok, err == nil, "%v", err)
			require.Equal(t, c.kept, them.HasPreKey(c.id))
			if c.ok {
				require.Equal(t, "hello", text)
				p.say(them, "hello yourself")
				p.say(us, "how nice")
			}
		})
	}
}

// TestOurPreKeyIDs lets the peer begin with ids that signet gives out around the end of the range.
func TestOurPreKeyIDs(t *testing.T) {
	us := newOurs(aliceAddr)
	setNext(t, us, 0xfffffd)
	published, err := us.device().PreKeys(ctx, 4)
	require.NoError(t, err)
	ids := make(map[uint32]bool)
	for i := range 4 {
		f := published.Next()
		f.KEMPreKey = nil
		ids[f.PreKey.ID] = true
		addr := signet.Address{Name: fmt.Sprint("peer ", i), Device: 1}
		them := newTheirs(t, addr, gomau.Live)
		require.NoError(t, them.start(aliceAddr, &f))
		m, err := them.encrypt(aliceAddr, []byte("hello"))
		require.NoError(t, err)
		text, err := us.decrypt(addr, m)
		require.NoError(t, err)
		require.Equal(t, "hello", string(text))
	}
	require.Len(t, ids, 4)
	require.True(t, ids[0xfffffd] && ids[0xfffffe], "the last two ids are used")
	require.False(t, ids[0] || ids[0xffffff], "the two that peers misread are not")
	left, _, err := us.device().Stock(ctx)
	require.NoError(t, err)
	require.Zero(t, left)
}

// setNext sets the row that holds the next one-time prekey id.
func setNext(t *testing.T, us *ours, id uint32) {
	t.Helper()
	require.NoError(t, us.store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		return tx.PutValue("next-prekey", []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})
	}))
}

// A first message that arrives again finds its session; a one-time prekey opens one session.
func TestOneTimePreKeyOnce(t *testing.T) {
	p, us, them := newPair(t, false, gomau.Live)
	f := us.bundle(t, true)
	require.NoError(t, them.start(bobAddr, f))
	first, second := p.seal(them, "first"), p.seal(them, "second")
	p.opens(us, "second", second)
	p.opens(us, "first", first)
	_, err := p.open(us, first)
	require.ErrorIs(t, err, errDuplicate)

	thief := signet.Address{Name: "mallory", Device: 1}
	other := newTheirs(t, thief, gomau.Live)
	require.NoError(t, other.start(bobAddr, f))
	m, err := other.encrypt(bobAddr, []byte("me too"))
	require.NoError(t, err)
	_, err = us.decrypt(thief, m)
	require.ErrorIs(t, err, session.ErrPreKeyID)
	require.Nil(t, us.record(t, thief))
}

// storedOnly is how the peer keeps its sessions where there are two of them: as live objects they
// do not survive the trial of a message on the wrong one.
var storedOnly = []gomau.Keep{gomau.Stored}

// TestRenewed begins a second session over the first, from either side, and lets messages of the
// first arrive late.
func TestRenewed(t *testing.T) {
	forEach(t, storedOnly, func(t *testing.T, weBegin, oneTime bool, keep gomau.Keep) {
		p, _, _ := newPair(t, weBegin, keep)
		p.establish(oneTime)
		late, later := p.seal(p.alice, "late"), p.seal(p.alice, "later")
		for i := range 3 {
			p.start(oneTime)
			require.Equal(t, session.TypePreKey, p.say(p.alice, fmt.Sprint("again ", i)).Type)
			require.Equal(t, session.TypeSignal, p.say(p.bob, "as you like").Type)
			require.Equal(t, session.TypeSignal, p.say(p.alice, "thanks").Type)
		}
		p.opens(p.bob, "late", late)
		p.say(p.bob, "where does that come from?")
		p.opens(p.bob, "later", later)
		p.say(p.alice, "lost in the post")
		p.say(p.bob, "never mind")
	})
}

// TestArchived ends our session. The peer's next message makes it current again.
func TestArchived(t *testing.T) {
	p, us, them := newPair(t, true, gomau.Live)
	p.establish(true)
	require.NoError(t, us.device().Archive(ctx, bobAddr))
	_, err := us.encrypt(bobAddr, []byte("into the void"))
	require.ErrorIs(t, err, session.ErrNoSession)
	p.say(them, "are you there?")
	require.Equal(t, session.TypeSignal, p.say(us, "yes").Type)
	for i := range 45 { // more than the 40 that are kept
		p.start(i%2 == 0)
		p.say(us, "hello")
		p.say(them, "hello yourself")
	}
	p.say(us, "how nice")
}

// TestReinstalled gives the peer a new identity. Nothing changes until the new key is accepted;
// then the refused message opens.
func TestReinstalled(t *testing.T) {
	p, us, _ := newPair(t, false, gomau.Live)
	p.establish(true)
	anew := newTheirs(t, aliceAddr, gomau.Live)
	require.NoError(t, anew.start(bobAddr, us.bundle(t, true)))
	m, err := anew.encrypt(bobAddr, []byte("a new telephone"))
	require.NoError(t, err)
	before := us.record(t, aliceAddr)
	_, err = us.decrypt(aliceAddr, m)
	var untrusted *session.UntrustedIdentityError
	require.ErrorAs(t, err, &untrusted)
	require.Equal(t, before, us.record(t, aliceAddr))
	require.NoError(t, us.device().Trust(ctx, aliceAddr, untrusted.Offered))
	text, err := us.decrypt(aliceAddr, m)
	require.NoError(t, err)
	require.Equal(t, "a new telephone", string(text))
}

// TestBothBegin lets the two first messages cross. Each end then has two sessions; they agree on
// one as soon as one end is heard before it speaks (protocol trap 37).
func TestBothBegin(t *testing.T) {
	forEach(t, storedOnly, func(t *testing.T, weBegin, oneTime bool, keep gomau.Keep) {
		p, _, _ := newPair(t, weBegin, keep)
		p.start(oneTime)
		require.NoError(t, p.bob.start(aliceAddr, p.alice.bundle(t, oneTime)))
		a, b := p.seal(p.alice, "me first"), p.seal(p.bob, "no, me")
		p.opens(p.bob, "me first", a)
		p.opens(p.alice, "no, me", b)
		for i := range 10 {
			require.Equal(t, session.TypeSignal, p.say(p.alice, fmt.Sprint("after you ", i)).Type)
			require.Equal(t, session.TypeSignal, p.say(p.bob, fmt.Sprint("after you ", i)).Type)
		}
		_, err := p.open(p.bob, a)
		require.ErrorIs(t, err, p.bob.duplicate())
	})
}

// TestCrossing goes on crossing after that: each message meets the session that its receiver does
// not use at the moment. signet opens what it is sent for as long as the peer's sessions are sound.
// The peer turns the ratchet of the wrong session before it checks the MAC and keeps the damage;
// what comes of that is recorded, not asserted. A new session mends it.
func TestCrossing(t *testing.T) {
	for _, keep := range bothKeeps {
		t.Run(keep.String(), func(t *testing.T) {
			p, us, them := newPair(t, true, keep)
			p.start(true)
			require.NoError(t, them.start(aliceAddr, us.bundle(t, true)))
			sound := true
			for i := range 6 {
				a, b := p.seal(us, "ours"), p.seal(them, "theirs")
				_, theirErr := p.open(them, a)
				text, ourErr := p.open(us, b)
				t.Logf("round %d: the peer: %v; signet: %v", i, theirErr, ourErr)
				if sound {
					require.NoError(t, ourErr)
					require.Equal(t, "theirs", text)
				}
				sound = sound && theirErr == nil
			}
			p.establish(true)
		})
	}
}
