package sesame_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
)

// TestDeviceZero: a user's phone is device 0. It is written to and read, on both sides and among
// the own devices, it can be added and removed, and another key for it is refused, whichever device
// was met first.
func TestDeviceZero(t *testing.T) {
	for _, perDevice := range []bool{false, true} {
		opts := &session.Options{DeviceIdentities: perDevice}
		w := newWorld(t)
		for _, user := range []string{"alice", "bob"} {
			for _, id := range []uint32{0, 12} {
				w.install(user, id)
				w.clients[addr(user, id)] = w.openWith(addr(user, id), opts)
			}
		}
		phone, tablet := w.clients[addr("alice", 0)], w.clients[addr("alice", 12)]
		w.say(phone, "bob", "from the phone")
		w.say(w.clients[addr("bob", 0)], "alice", "from the other phone")
		w.say(tablet, "bob", "from the tablet")
		w.say(w.clients[addr("bob", 12)], "alice", "to the phone")

		// The phone is replaced, under the same key and then under another.
		own := w.keys["bob"]
		w.install("bob", 0)
		w.clients[addr("bob", 0)] = w.openWith(addr("bob", 0), opts)
		w.say(phone, "bob", "to the new phone")
		w.keys["bob"] = signet.GenerateKey()
		w.install("bob", 0)
		err := tablet.Send(ctx, "bob", []byte("x"), w.deliver(tablet))
		u := untrusted(t, err)
		require.Equal(t, addr("bob", 0), u.Peer)
		require.True(t, u.Known.Equal(own.PublicKey()))
		w.keys["bob"] = own
		w.box = nil

		// It is gone for good.
		w.remove(addr("bob", 0))
		delete(w.clients, addr("bob", 0))
		require.NoError(t, phone.Remove(ctx, addr("bob", 0)))
		w.say(phone, "bob", "without the phone")
		key, ok, err := phone.Device().Trusted(ctx, addr("bob", 12))
		require.NoError(t, err)
		require.True(t, ok)
		require.True(t, key.Equal(own.PublicKey()))
	}
}

// TestOneRange: the ids that a list may have, a message may come from and a directory takes are the
// same.
func TestOneRange(t *testing.T) {
	w := newWorld(t)
	c := w.install("alice", 1)
	for id, fits := range map[uint32]bool{0: true, 1: true, 127: true, 128: false, 70_000: false} {
		a := addr("bob", id)
		key := signet.GenerateKey()
		err := sesame.CheckPublished(a, stock(t, a, key, 1))
		_, err2 := c.Decrypt(ctx, a, session.Message{Type: session.TypeSignal, Body: []byte{0x44}})
		if fits {
			require.NoError(t, err)
			require.NotErrorIs(t, err2, signet.ErrInvalidAddress)
			require.NoError(t, a.CheckListed())
			continue
		}
		require.ErrorIs(t, err, signet.ErrInvalidAddress)
		require.ErrorIs(t, err2, signet.ErrInvalidAddress)
		require.ErrorIs(t, a.CheckListed(), signet.ErrInvalidAddress)
	}
}
