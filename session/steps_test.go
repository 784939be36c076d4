package session_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
)

// junk is a well-formed message of version 4 that nobody wrote, 76 bytes long.
func junk(ratchetKey signet.PublicKey, counter uint32, index uint64) session.Message {
	b, _ := wire.AppendSignalMessage(nil, &wire.SignalMessage{
		Version: 4, RatchetKey: ratchetKey.Bytes(), Counter: counter,
		PQRatchet: append(binary.AppendUvarint([]byte{1, 1}, index), 0),
	}, 16)
	return session.Message{Type: session.TypeSignal, Body: append(b, make([]byte, 8)...)}
}

// ahead is a message of from to to, so many messages later than the last one, made on a copy of the
// session without a transaction for each.
func ahead(t *testing.T, from, to *party, by int, text string) session.Message {
	t.Helper()
	b, _, err := wire.SplitRecord(rows(t, from.store, to.addr).Session)
	require.NoError(t, err)
	s := new(ratchet.State)
	require.NoError(t, s.UnmarshalBinary(bytes.Clone(b)))
	for range by {
		_, err := s.Encrypt(nil, nil)
		require.NoError(t, err)
	}
	body, err := s.Encrypt(nil, []byte(text))
	require.NoError(t, err)
	return session.Message{Type: session.TypeSignal, Body: body}
}

// TestStepsOverSessions: what a message costs that nobody has authenticated is a small multiple of
// what junk costs, however far ahead it says that it is and however many sessions it is tried on.
// What counts is steps, so the outcome does not depend on the machine.
func TestStepsOverSessions(t *testing.T) {
	const (
		sessions = 41
		each     = 250 // what one trial without a step costs, in steps: measured, decision 021
	)
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	b := bob.bundle(t, 0)
	for range sessions {
		require.NoError(t, alice.Start(ctx, bobAddr, b))
		deliver(t, alice, bob, "hello")
	}
	for _, c := range []struct {
		counter uint32
		index   uint64
		most    uint64
	}{
		{0, 2, 0},
		{100, 101, sessions * 200}, // small walks are free
		{25_000, 2, 50_000},        // two sessions
		{0, 25_001, 50_000},        // from index 1
		{25_000, 25_001, 50_000},   // both halves of one session
		{10_000, 10_001, 60_000},
		{100, 9_000, 54_000 + sessions*100},
		{25_001, 25_001, 0},
		{1<<32 - 1, 1<<32 - 1, 0},
	} {
		m := junk(signet.GenerateKey().PublicKey(), c.counter, c.index)
		require.Len(t, m.Body, 72+len(binary.AppendUvarint(nil, uint64(c.counter)))+len(binary.AppendUvarint(nil, c.index))-2)
		spent, err := bob.DecryptSteps(ctx, aliceAddr, m)
		require.ErrorIs(t, err, session.ErrInvalidMessage)
		require.LessOrEqual(t, spent, c.most, "%d, %d", c.counter, c.index)
		require.LessOrEqual(t, spent, uint64(6*sessions*each), "%d, %d", c.counter, c.index)
		refuse(t, aliceAddr, bob, m, session.ErrInvalidMessage)
	}
	// With more steps allowed it is what it was without a bound: 41 times both halves.
	bob.opts.MaxSteps = 1 << 40
	bob.restart()
	spent, err := bob.DecryptSteps(ctx, aliceAddr, junk(signet.GenerateKey().PublicKey(), 1000, 1001))
	require.ErrorIs(t, err, session.ErrInvalidMessage)
	require.NotErrorIs(t, err, ratchet.ErrSteps)
	require.EqualValues(t, sessions*2000, spent)
}

// TestStepsOfOwnDevices: between two devices of one account a message may be further ahead than 25
// 000, and not as far as it likes.
func TestStepsOfOwnDevices(t *testing.T) {
	const uuid = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	one := newParty(signet.Address{Name: uuid, Device: 1}, session.Options{})
	two := newParty(signet.Address{Name: uuid, Device: 2}, session.Options{})
	two.key = one.key
	two.restart()
	require.NoError(t, one.Start(ctx, two.addr, two.bundle(t, 1)))
	deliver(t, one, two, "hello")
	deliver(t, two, one, "hello yourself")
	m := deliver(t, one, two, "on")
	w, err := wire.ParseSignalMessage(m.Body)
	require.NoError(t, err)
	key, err := signet.ParsePublicKey(w.RatchetKey)
	require.NoError(t, err)
	for _, counter := range []uint32{60_002, 2_000_000, 1<<32 - 2} {
		spent, err := two.DecryptSteps(ctx, one.addr, junk(key, counter, uint64(counter)))
		require.ErrorIs(t, err, ratchet.ErrSteps)
		require.ErrorIs(t, err, session.ErrInvalidMessage)
		require.Zero(t, spent, "it is refused before the first step")
	}
	far := ahead(t, one, two, 30_500, "far")
	refuse(t, one.addr, two, far, ratchet.ErrSteps) // 30 500 steps in one half, and as many in the other
	two.opts.MaxSteps = 61_002
	two.restart()
	receive(t, one, two, far, "far")
}

// TestStepsOfHonestMessages: the bound is not in the way of messages that come late or after a
// loss.
func TestStepsOfHonestMessages(t *testing.T) {
	alice, bob := pair(t)
	deliver(t, alice, bob, "on a new chain")
	receive(t, alice, bob, ahead(t, alice, bob, 24_999, "after a great loss"), "after a great loss")

	// A previous session goes on, far along its chain, and each newer one would have to walk all the
	// way.
	alice, bob = pair(t)
	deliver(t, alice, bob, "on a new chain")
	receive(t, alice, bob, ahead(t, alice, bob, 20_000, "far along"), "far along")
	late := ahead(t, alice, bob, 20_080, "a little further")
	for range 5 {
		require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
		deliver(t, alice, bob, "hello")
	}
	bob.opts.MaxSteps = 40_200 // the newest session takes nearly all of it
	bob.restart()
	spent, err := bob.DecryptSteps(ctx, aliceAddr, late)
	require.NoError(t, err)
	require.Greater(t, spent, uint64(40_200))

	// One that comes after a loss, on a chain that is new to a previous session, needs steps in each
	// newer one.
	alice, bob = pair(t)
	lost := ahead(t, alice, bob, 9000, "after a loss")
	for range 5 {
		require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
		deliver(t, alice, bob, "hello")
	}
	refuse(t, aliceAddr, bob, lost, ratchet.ErrSteps)
	bob.opts.MaxSteps = 6 * 18_100
	bob.restart()
	receive(t, alice, bob, lost, "after a loss")
}

// An ending context ends after it was asked so many times. The store asks it as well.
type ending struct {
	context.Context
	left int
}

func (c *ending) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestContextOfSteps: a context that ends is noticed in the middle of a walk, and between sessions.
func TestContextOfSteps(t *testing.T) {
	alice, bob := pair(t)
	deliver(t, alice, bob, "on a new chain")
	far := ahead(t, alice, bob, 5000, "far")
	var last uint64
	for looks := 0; ; looks++ {
		before := rows(t, bob.store, aliceAddr)
		c := &ending{ctx, looks}
		spent, err := bob.DecryptSteps(c, aliceAddr, far)
		if err == nil {
			require.Greater(t, looks, 2*5000/256)
			require.EqualValues(t, 2*5001-1, spent)
			break
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, session.ErrInvalidMessage)
		require.GreaterOrEqual(t, c.left, -2, "it is asked once more, and no step is taken")
		require.Equal(t, before, rows(t, bob.store, aliceAddr))
		require.GreaterOrEqual(t, spent, last)
		last = spent
	}

	alice, bob = newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	b := bob.bundle(t, 0)
	for range 10 {
		require.NoError(t, alice.Start(ctx, bobAddr, b))
		deliver(t, alice, bob, "hello")
	}
	m := junk(signet.GenerateKey().PublicKey(), 0, 2)
	ended := 0
	for looks := range 40 {
		_, err := bob.Decrypt(&ending{ctx, looks}, aliceAddr, m)
		if matches(err, context.DeadlineExceeded) {
			ended++
			continue
		}
		require.ErrorIs(t, err, session.ErrInvalidMessage)
	}
	require.GreaterOrEqual(t, ended, 10, "between any two sessions")
}

// TestPreKeysAtOnce: how many prekeys are made at once is bounded, and a context ends it.
func TestPreKeysAtOnce(t *testing.T) {
	bob := newParty(bobAddr, session.Options{})
	bob.bundle(t, 1)
	before := rows(t, bob.store, bobAddr)
	for _, n := range []int{-1, 10_001, 1 << 20, 1<<31 - 1} {
		_, err := bob.PreKeys(ctx, n)
		require.ErrorContains(t, err, fmt.Sprint(n))
	}
	c := &ending{ctx, 20}
	_, err := bob.PreKeys(c, 10_000)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, before, rows(t, bob.store, bobAddr))
}
