package sesame_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
)

// TestIdentityChanged: nothing is sent to a user whose identity key has changed until the new one
// is trusted, to no device.
func TestIdentityChanged(t *testing.T) {
	w, alice, _ := two(t)
	w.say(alice[0], "bob", "hello")
	old := w.keys["bob"]
	w.keys["bob"] = signet.GenerateKey()
	w.remove(addr("bob", 3))
	for id := range uint32(2) {
		w.install("bob", id+1)
	}
	deliver := w.deliver(alice[0])
	for range 2 {
		err := alice[0].Send(ctx, "bob", []byte("x"), deliver)
		u := untrusted(t, err)
		require.Equal(t, "bob", u.Peer.Name)
		require.Equal(t, old.PublicKey(), u.Known)
		require.Equal(t, w.keys["bob"].PublicKey(), u.Offered)
		sent := messagesOf(w.box, "bob")
		require.Empty(t, sent, "nothing is sent")
		w.box = nil
	}
	messages, err := w.clients[addr("bob", 1)].Encrypt(ctx, "alice", []byte("it is me"))
	require.NoError(t, err)
	for _, m := range messages {
		if m.Peer != addr("alice", 1) {
			continue
		}
		_, err := alice[0].Decrypt(ctx, addr("bob", 1), m.Message)
		untrusted(t, err)
		require.NoError(t, alice[0].Trust(ctx, "bob", w.keys["bob"].PublicKey()))
		w.hear(letter{addr("bob", 1), m}, "it is me")
	}
	w.say(alice[0], "bob", "so it is")
	w.say(w.clients[addr("bob", 2)], "alice", "well")
	require.NoError(t, alice[0].Trust(ctx, "nobody", old.PublicKey()), "no directory is asked")
}

func messagesOf(box []letter, user string) (list []letter) {
	for _, l := range box {
		if l.m.Peer.Name == user {
			list = append(list, l)
		}
	}
	return list
}

// TestStrangerInTheList: a directory adds a device with a key of its own to a user who is known.
// Neither a message for it nor one from it is accepted.
func TestStrangerInTheList(t *testing.T) {
	for _, user := range []string{"bob", "alice"} {
		for _, perDevice := range []bool{false, true} {
			w, _, _ := two(t)
			alice := w.openWith(addr("alice", 1), &session.Options{DeviceIdentities: perDevice})
			w.clients[addr("alice", 1)] = alice
			w.say(alice, "bob", "hello")
			own := w.keys[user]
			w.keys[user] = signet.GenerateKey()
			w.install(user, 9)
			stranger := w.openWith(addr(user, 9), &session.Options{DeviceIdentities: true})
			strange := w.keys[user]
			w.keys[user] = own

			err := alice.Send(ctx, "bob", []byte("x"), w.deliver(alice))
			heard := func() error {
				out, err := stranger.Device().EncryptAll(ctx, []session.Outgoing{{Peer: addr("alice", 1), Plaintext: []byte("psst")}}, nil)
				if err != nil {
					h, err := w.directory.Bundle(ctx, addr(user, 9), addr("alice", 1))
					require.NoError(t, err)
					require.NoError(t, stranger.Device().Start(ctx, addr("alice", 1), h.Bundle))
					out, err = stranger.Device().EncryptAll(ctx, []session.Outgoing{{Peer: addr("alice", 1), Plaintext: []byte("psst")}}, nil)
					require.NoError(t, err)
				}
				_, err = alice.Decrypt(ctx, addr(user, 9), out[0].Message)
				return err
			}
			if perDevice {
				require.NoError(t, err)
				require.NoError(t, heard())
				continue
			}
			u := untrusted(t, err)
			require.Equal(t, &session.UntrustedIdentityError{Peer: addr(user, 9), Known: own.PublicKey(), Offered: strange.PublicKey()}, u)
			require.Equal(t, u, untrusted(t, heard()))
			key, _, err := alice.Device().Trusted(ctx, addr(user, 9))
			require.NoError(t, err)
			require.Equal(t, own.PublicKey(), key, "the refused message left a key behind")
		}
	}
}

// TestEarlierContact: a store that was used without this package has no key of the user, but of the
// user's devices.
func TestEarlierContact(t *testing.T) {
	for _, listed := range []bool{false, true} {
		w, alice, bob := two(t)
		h, err := w.directory.Bundle(ctx, addr("alice", 1), addr("bob", 1))
		require.NoError(t, err)
		require.NoError(t, alice[0].Device().Start(ctx, addr("bob", 1), h.Bundle))
		own := w.keys["bob"]
		w.keys["bob"] = signet.GenerateKey()
		stranger := w.install("bob", 9)
		if listed {
			_, err := alice[0].Encrypt(ctx, "bob", nil)
			require.Equal(t, own.PublicKey(), untrusted(t, err).Known)
		}
		messages, err := stranger.EncryptAll(ctx, []sesame.Draft{{User: "alice"}}, nil)
		require.NoError(t, err)
		for _, m := range messages {
			if m.Peer == addr("alice", 1) {
				_, err := alice[0].Decrypt(ctx, addr("bob", 9), m.Message)
				require.Equal(t, own.PublicKey(), untrusted(t, err).Known)
			}
		}
		w.keys["bob"] = own
		w.remove(addr("bob", 9))
		alice[0].Forget("bob")
		w.say(alice[0], "bob", "hello")
		w.say(bob[2], "alice", "hello")
	}
}

// TestFormat: what is to be sent is not printed.
func TestFormat(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%q"} {
		for _, v := range []any{
			sesame.Draft{User: "bob", Plaintext: []byte("planted")}, []sesame.Draft{{User: "bob", Plaintext: []byte("planted")}},
			session.Outgoing{Plaintext: []byte("planted")}, &session.Outgoing{Plaintext: []byte("planted")},
		} {
			out := fmt.Sprintf(verb, v)
			for _, leak := range []string{"planted", fmt.Sprintf("%x", "planted"), fmt.Sprintf("%v", []byte("planted"))} {
				require.NotContains(t, out, leak, verb)
			}
		}
	}
	require.Equal(t, "sesame.Draft(bob, 3 bytes)", fmt.Sprint(sesame.Draft{User: "bob", Plaintext: []byte("abc")}))
}

// TestTrustEndsSessions: a trusted key ends the sessions of the key before, also if nothing else
// tells that the device is another one.
func TestTrustEndsSessions(t *testing.T) {
	w, alice, bob := two(t)
	w.say(alice[0], "bob", "x")
	id, err := bob[0].Device().RegistrationID(ctx)
	require.NoError(t, err)
	w.remove(addr("bob", 2))
	w.remove(addr("bob", 3))
	w.keys["bob"] = signet.GenerateKey()
	again := w.install("bob", 1)
	require.NoError(t, again.Device().SetRegistrationID(ctx, id))
	require.NoError(t, again.Publish(ctx, 1))
	require.NoError(t, alice[0].Trust(ctx, "bob", w.keys["bob"].PublicKey()))
	w.say(alice[0], "bob", "y")
}

// TestTranscriptOfNothing: the own devices are told of a message once the user's have been given
// it, and of none that was not delivered.
func TestTranscriptOfNothing(t *testing.T) {
	w, alice, _ := two(t)
	w.say(alice[0], "bob", "x")
	honest := w.deliver(alice[0])
	var order []string
	deliver := func(ctx context.Context, user string, messages []sesame.Message) error {
		order = append(order, user)
		return honest(ctx, user, messages)
	}
	require.NoError(t, alice[0].Send(ctx, "bob", []byte("y"), deliver))
	require.Equal(t, []string{"bob", "alice"}, order)

	w.keys["bob"] = signet.GenerateKey() // Bob's devices are installed anew
	w.install("bob", 1)
	w.box, order = nil, nil
	untrusted(t, alice[0].Send(ctx, "bob", []byte("pay 100"), deliver))
	require.NotContains(t, order, "alice")
	require.Empty(t, messagesOf(w.box, "alice"), "a transcript of a message that nobody got")

	// The other way round is told apart: the message is out.
	require.NoError(t, alice[0].Trust(ctx, "bob", w.keys["bob"].PublicKey()))
	w.remove(addr("bob", 2))
	w.remove(addr("bob", 3))
	away := errors.New("the server is away")
	err := alice[0].Send(ctx, "bob", []byte("z"), func(ctx context.Context, user string, messages []sesame.Message) error {
		if user == "alice" {
			return away
		}
		return honest(ctx, user, messages)
	})
	require.ErrorAs(t, err, new(*sesame.TranscriptError))
	require.ErrorIs(t, err, away)
	require.NotEmpty(t, messagesOf(w.box, "bob"))
}

// TestHiddenDevice: whatever a directory lists while a new key is trusted, nothing goes to a device
// of the old key afterwards, and nothing comes from it.
func TestHiddenDevice(t *testing.T) {
	w, alice, bob := two(t)
	w.say(alice[0], "bob", "x")
	w.say(bob[1], "alice", "hi")
	laptop := bob[1]
	for _, id := range []uint32{1, 2, 3} {
		w.remove(addr("bob", id))
	}
	w.keys["bob"] = signet.GenerateKey()
	w.install("bob", 1)
	require.NoError(t, alice[0].Trust(ctx, "bob", w.keys["bob"].PublicKey()))
	m, err := laptop.Device().Encrypt(ctx, addr("alice", 1), []byte("it is Bob, send the money here"))
	require.NoError(t, err)
	_, err = alice[0].Decrypt(ctx, laptop.Device().Address(), m)
	require.Equal(t, w.keys["bob"].PublicKey(), untrusted(t, err).Known)

	require.NoError(t, laptop.Publish(ctx, 1)) // and it is listed again
	alice[0].Forget("bob")
	_, err = alice[0].Encrypt(ctx, "bob", []byte("the secret"))
	require.Equal(t, laptop.Device().Address(), untrusted(t, err).Peer)
}
