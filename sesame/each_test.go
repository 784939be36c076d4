package sesame_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// broken makes the bundles of some devices unusable.
func (w *world) broken(why map[signet.Address]error) {
	w.asked.before = func(to signet.Address) error { return why[to] }
}

func peersOf(messages []sesame.Message) (list []signet.Address) {
	for _, m := range messages {
		list = append(list, m.Peer)
	}
	return list
}

// TestResultForEach: devices that cannot be reached are named with their reasons, and all others
// get the message.
func TestResultForEach(t *testing.T) {
	w, alice, _ := two(t)
	c, bad := alice[0], errors.New("invalid signature of the signed prekey")
	limit := &sesame.LimitError{From: c.Device().Address()}
	w.broken(map[signet.Address]error{addr("bob", 2): bad, addr("alice", 2): limit})
	drafts := []sesame.Draft{{"bob", []byte("b")}, {"alice", []byte("a")}, {"nobody", []byte("n")}}
	ran := 0
	messages, left, err := c.EncryptEach(ctx, drafts, func(_ session.Tx, m []sesame.Message) error { ran = len(m); return nil })
	require.NoError(t, err)
	require.ElementsMatch(t, []signet.Address{addr("bob", 1), addr("bob", 3), addr("alice", 3)}, peersOf(messages))
	require.Equal(t, 3, ran)
	for _, m := range messages {
		w.hear(letter{addr("alice", 1), m}, m.Peer.Name[:1])
	}
	require.Len(t, left, 3)
	reasons := make(map[signet.Address]sesame.Unreached)
	for _, u := range left {
		reasons[u.Peer] = u
	}
	require.ErrorIs(t, reasons[addr("bob", 2)].Err, bad)
	require.ErrorIs(t, reasons[addr("alice", 2)].Err, limit)
	require.True(t, reasons[addr("nobody", 0)].All)
	require.ErrorIs(t, reasons[addr("nobody", 0)].Err, sesame.ErrUnknown)

	messages, err = c.EncryptAll(ctx, drafts[:2], nil)
	require.Error(t, err)
	require.Nil(t, messages)

	// The caller's own row is not kept: nothing is sent.
	_, _, err = c.EncryptEach(ctx, drafts, func(session.Tx, []sesame.Message) error { return errDown })
	require.ErrorIs(t, err, errDown)

	// What was broken is tried again.
	w.asked.before = nil
	messages, left, err = c.EncryptEach(ctx, drafts[:2], nil)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Len(t, messages, 5)
}

// TestSendLeavesOut: Send gives the others the message, tells the own devices, and names who is
// left out.
func TestSendLeavesOut(t *testing.T) {
	w, alice, _ := two(t)
	c, bad := alice[0], errors.New("unfit bundle")
	w.broken(map[signet.Address]error{addr("bob", 2): bad})
	var got []signet.Address
	lenient := func(_ context.Context, _ string, m []sesame.Message) error {
		got = append(got, peersOf(m)...)
		return nil
	}
	var left *sesame.UnreachedError
	require.ErrorAs(t, c.Send(ctx, "bob", []byte("x"), lenient), &left)
	require.Equal(t, []sesame.Unreached{{Peer: addr("bob", 2), Err: left.Left[0].Err}}, left.Left)
	require.ErrorIs(t, left, bad)
	require.False(t, left.None)
	require.Nil(t, left.Refused)
	require.ElementsMatch(t, []signet.Address{addr("bob", 1), addr("bob", 3), addr("alice", 2), addr("alice", 3)}, got)

	// A server that wants messages for all devices is asked once, and the own devices are told of
	// nothing.
	got = nil
	calls := 0
	err := c.Send(ctx, "bob", []byte("x"), func(ctx context.Context, user string, m []sesame.Message) error {
		calls++
		return w.deliver(c)(ctx, user, m)
	})
	require.ErrorAs(t, err, &left)
	require.Equal(t, []uint32{2}, left.Refused.Missing)
	require.Equal(t, 1, calls)
	require.Empty(t, w.box)

	// As a whole, if so asked.
	whole := w.open(addr("alice", 1), &sesame.Options{AllOrNone: true})
	require.ErrorIs(t, whole.Send(ctx, "bob", []byte("x"), lenient), bad)
	require.Empty(t, got)

	// Nobody is left.
	w.broken(map[signet.Address]error{addr("bob", 1): bad, addr("bob", 2): bad, addr("bob", 3): bad})
	require.ErrorAs(t, alice[1].Send(ctx, "bob", []byte("x"), lenient), &left)
	require.True(t, left.None)
	require.Empty(t, got)

	// The same for the own devices: the message was delivered.
	w.broken(map[signet.Address]error{addr("alice", 2): bad})
	var told *sesame.TranscriptError
	err = alice[2].Send(ctx, "bob", []byte("x"), lenient)
	require.ErrorAs(t, err, &told)
	require.ErrorAs(t, err, &left)
	require.Equal(t, "alice", left.User)
	require.Contains(t, got, addr("alice", 1))
}

// TestChangedIsLeftOut: a device with another key is left out of EncryptEach; Send sends nothing;
// and no prekey is spent on it if the directory says its key beforehand.
func TestChangedIsLeftOut(t *testing.T) {
	w, alice, _ := two(t)
	c := alice[0]
	w.say(c, "bob", "hello")
	own := w.keys["bob"]
	w.keys["bob"] = signet.GenerateKey()
	w.install("bob", 9)
	strange := w.keys["bob"].PublicKey()
	w.keys["bob"] = own
	c.Forget("bob")
	want := &session.UntrustedIdentityError{Peer: addr("bob", 9), Known: own.PublicKey(), Offered: strange}

	direct := sesame.NewClient(c.Device(), w.directory, nil)
	messages, left, err := direct.EncryptEach(ctx, []sesame.Draft{{"bob", []byte("x")}}, nil)
	require.NoError(t, err)
	require.Len(t, messages, 3)
	require.Len(t, left, 1)
	require.Equal(t, want, untrusted(t, left[0].Err))
	stock, err := w.directory.Stock(ctx, addr("bob", 9))
	require.NoError(t, err)
	require.Equal(t, sesame.Stock{PreKeys: 5, KEMPreKeys: 5}, stock, "prekeys were taken for nothing")

	_, left, err = c.EncryptEach(ctx, []sesame.Draft{{"bob", []byte("x")}}, nil) // a directory that says nothing
	require.NoError(t, err)
	require.Equal(t, want, untrusted(t, left[0].Err))

	sent := 0
	err = direct.Send(ctx, "bob", []byte("x"), func(context.Context, string, []sesame.Message) error { sent++; return nil })
	require.Equal(t, want, untrusted(t, err))
	require.Zero(t, sent)

	// A policy that accepts changes is asked as well.
	follows := sesame.NewClient(session.NewDevice(addr("carol", 1), signet.GenerateKey(), memory.New(),
		&session.Options{IdentityChanges: session.AcceptChanges}), w.directory, nil)
	require.NoError(t, follows.Trust(ctx, "bob", signet.GenerateKey().PublicKey()))
	w.remove(addr("bob", 9))
	messages, left, err = follows.EncryptEach(ctx, []sesame.Draft{{"bob", []byte("x")}}, nil)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Len(t, messages, 3)
}

// TestEachEnds: the context and the store are no recipient's fault.
func TestEachEnds(t *testing.T) {
	w, alice, _ := two(t)
	ended, cancel := context.WithCancel(ctx)
	w.asked.before = func(signet.Address) error { cancel(); return ended.Err() }
	messages, left, err := alice[0].EncryptEach(ended, []sesame.Draft{{"bob", nil}}, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, messages)
	require.Nil(t, left)
}
