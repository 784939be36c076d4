package sesame_test

import (
	"context"
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
)

// TestTwoUsers: every device of both users hears every text once, whoever says it.
func TestTwoUsers(t *testing.T) {
	w, alice, bob := two(t)
	for i := range 3 {
		w.say(alice[i], "bob", text(i))
		w.say(bob[(i+1)%3], "alice", text(i))
		w.say(bob[i], "bob", "a note to myself")
	}
	require.Equal(t, int64(12), w.asked.devices.Load(), "each asks once for each user")
	bundles := w.asked.bundles.Load()
	for i := range 3 {
		w.say(alice[i], "bob", "no bundle is needed any more")
		w.say(bob[i], "alice", "no bundle is needed any more")
	}
	require.Equal(t, bundles, w.asked.bundles.Load())
	again := w.open(addr("alice", 1), nil)
	w.say(again, "bob", "a process that was started again asks for the lists alone")
	require.Equal(t, bundles, w.asked.bundles.Load())
	_, err := alice[0].Encrypt(ctx, "nobody", []byte("x"))
	require.ErrorIs(t, err, sesame.ErrUnknown)
	require.NotContains(t, fmt.Sprintf("%+v %#v", alice[0], alice[0]), "key")
}

// TestTranscript: the own devices are told what the application says.
func TestTranscript(t *testing.T) {
	w, _, _ := two(t)
	c := w.open(addr("alice", 1), &sesame.Options{Transcript: func(user string, plaintext []byte) []byte {
		return fmt.Appendf(nil, "to %s: %s", user, plaintext)
	}})
	messages, err := c.Encrypt(ctx, "bob", []byte("hello"))
	require.NoError(t, err)
	require.Len(t, messages, 5)
	for _, m := range messages {
		want := "hello"
		if m.Peer.Name == "alice" {
			want = "to bob: hello"
		}
		w.hear(letter{addr("alice", 1), m}, want)
	}
}

// TestDevicesChange: a device is added, one is removed, one is installed anew, and the sender finds
// out from the server's answer alone.
func TestDevicesChange(t *testing.T) {
	w, alice, bob := two(t)
	w.say(alice[0], "bob", "hello")
	w.say(bob[1], "alice", "hello")

	w.install("bob", 4)
	w.say(alice[0], "bob", "to the new one, too")
	w.install("alice", 4)
	w.say(alice[0], "bob", "an own device is new")

	gone, late := w.clients[addr("bob", 2)], letter{}
	messages, err := gone.Encrypt(ctx, "alice", []byte("on its way"))
	require.NoError(t, err)
	for _, m := range messages {
		if m.Peer == addr("alice", 1) {
			late = letter{addr("bob", 2), m}
		}
	}
	w.remove(addr("bob", 2))
	w.say(alice[0], "bob", "without the one that was removed")
	missing, err := alice[0].Device().Missing(ctx, []session.Outgoing{{Peer: addr("bob", 2)}})
	require.NoError(t, err)
	require.Len(t, missing, 1, "its session is archived")
	w.hear(late, "on its way")
	require.NoError(t, alice[0].Remove(ctx, addr("bob", 2)))
	record, err := alice[0].Device().Record(ctx, addr("bob", 2))
	require.NoError(t, err)
	require.Nil(t, record)

	w.install("bob", 1)
	w.say(alice[0], "bob", "to the new installation")
	w.say(w.clients[addr("bob", 1)], "alice", "from it")
	w.install("bob", 3)
	w.say(w.clients[addr("bob", 3)], "alice", "a new installation that speaks first")
	bundles := w.asked.bundles.Load()
	w.say(alice[0], "bob", "is answered on its session")
	require.Equal(t, bundles, w.asked.bundles.Load())
}

// TestMismatch: what the server says, and that a sender who is always refused gives up.
func TestMismatch(t *testing.T) {
	active := []sesame.Listing{{1, 10}, {2, 20}, {3, 30}, {4, 0}}
	message := func(user string, device, registration uint32) sesame.Message {
		return sesame.Message{Peer: addr(user, device), RegistrationID: registration}
	}
	for _, c := range []struct {
		name     string
		from     signet.Address
		messages []sesame.Message
		want     *sesame.MismatchError
	}{
		{"fits", addr("alice", 1), []sesame.Message{message("bob", 1, 10), message("bob", 2, 20), message("bob", 3, 30), message("bob", 4, 7), message("carol", 9, 9)}, nil},
		{"own", addr("bob", 2), []sesame.Message{message("bob", 1, 10), message("bob", 3, 30), message("bob", 4, 7)}, nil},
		{"to itself", addr("bob", 2), []sesame.Message{message("bob", 1, 10), message("bob", 2, 20), message("bob", 3, 30), message("bob", 4, 7)}, &sesame.MismatchError{User: "bob", Extra: []uint32{2}}},
		{"nothing", addr("alice", 1), nil, &sesame.MismatchError{User: "bob", Missing: []uint32{1, 2, 3, 4}}},
		{"all", addr("alice", 1), []sesame.Message{message("bob", 1, 10), message("bob", 1, 10), message("bob", 3, 31), message("bob", 4, 0), message("bob", 5, 5)},
			&sesame.MismatchError{User: "bob", Missing: []uint32{2}, Extra: []uint32{1, 5}, Stale: []uint32{3}}},
	} {
		err := sesame.Check("bob", active, c.from, c.messages)
		if c.want == nil {
			require.NoError(t, err, c.name)
			continue
		}
		require.Equal(t, error(c.want), err, c.name)
	}

	_, alice, _ := two(t)
	calls := 0
	err := alice[0].Send(ctx, "bob", []byte("x"), func(_ context.Context, user string, m []sesame.Message) error {
		if user == "alice" {
			require.Len(t, m, 2)
			return nil
		}
		calls++
		return &sesame.MismatchError{User: "bob", Stale: []uint32{1}}
	})
	var mismatch *sesame.MismatchError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, 5, calls)
	require.ErrorIs(t, alice[0].Send(ctx, "bob", nil, func(context.Context, string, []sesame.Message) error { return errDown }), errDown)
}

// TestCoalesced: many goroutines that need the same bundles fetch each of them once.
func TestCoalesced(t *testing.T) {
	w, alice, _ := two(t)
	const n = 16
	var waiting atomic.Int64
	w.asked.before = func(signet.Address) error {
		waiting.Add(1)
		time.Sleep(20 * time.Millisecond)
		return nil
	}
	all := make([][]sesame.Message, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			messages, err := alice[0].Encrypt(ctx, "bob", []byte(text(i)))
			if err != nil {
				t.Error(err)
			}
			all[i] = messages
		})
	}
	wg.Wait()
	require.Equal(t, int64(5), waiting.Load(), "three of bob's, two own")
	for i, messages := range all {
		require.Len(t, messages, 5)
		for _, m := range messages {
			w.hear(letter{addr("alice", 1), m}, text(i))
		}
	}
}

// TestCrossed: goroutines that lead for one peer and follow for another do not wait for each other.
func TestCrossed(t *testing.T) {
	w := newWorld(t)
	alice := w.install("alice", 1)
	for i := range 6 {
		w.install(fmt.Sprint("peer ", i), 1)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			var drafts []sesame.Draft
			for j := range 6 {
				drafts = append(drafts, sesame.Draft{User: fmt.Sprint("peer ", (i+j*(1+i%5*2))%6), Plaintext: []byte("x")})
			}
			if _, err := alice.EncryptAll(ctx, drafts, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(6), w.asked.bundles.Load())
}

// TestDirectoryFails: nothing is sent, and what is needed is fetched the next time; a leader that
// gives up does not take its followers with it.
func TestDirectoryFails(t *testing.T) {
	w, alice, _ := two(t)
	w.asked.before = func(to signet.Address) error {
		if to == addr("bob", 2) {
			return errDown
		}
		return nil
	}
	messages, err := alice[0].Encrypt(ctx, "bob", []byte("x"))
	require.ErrorIs(t, err, errDown)
	require.Nil(t, messages)
	require.Equal(t, int64(5), w.asked.bundles.Load())
	w.asked.before = nil
	w.say(alice[0], "bob", "x")
	require.Equal(t, int64(6), w.asked.bundles.Load(), "what was fetched is not fetched again")

	// The device vanishes between the list and the bundle.
	w.asked.before = func(to signet.Address) error {
		if to == addr("bob", 3) {
			w.remove(to)
		}
		return nil
	}
	w.say(alice[1], "bob", "y")
	w.asked.before = func(to signet.Address) error { return sesame.ErrUnknown }
	_, err = alice[2].Encrypt(ctx, "bob", []byte("x"))
	require.ErrorIs(t, err, sesame.ErrUnknown)

	w, alice, _ = two(t)
	short, cancel := context.WithCancel(ctx)
	inside := make(chan struct{})
	var once sync.Once
	w.asked.before = func(signet.Address) (err error) {
		once.Do(func() { close(inside); <-short.Done(); err = short.Err() })
		return err
	}
	led := make(chan error)
	go func() { _, err := alice[0].Encrypt(short, "bob", nil); led <- err }()
	<-inside
	followed := make(chan error)
	go func() { _, err := alice[0].Encrypt(ctx, "bob", nil); followed <- err }()
	cancel()
	require.ErrorIs(t, <-led, context.Canceled)
	require.NoError(t, <-followed)
}

// TestCrash: a process that dies between the bundle and the message leaves a store from which the
// next one goes on.
func TestCrash(t *testing.T) {
	w, alice, bob := two(t)
	a := addr("alice", 1)
	before := w.stores[a].Clone()
	_, err := alice[0].Encrypt(ctx, "bob", []byte("never sent"))
	require.NoError(t, err)
	w.stores[a] = before // dead before the sessions were there: the bundles are lost
	alice[0] = w.restart(a)
	w.say(alice[0], "bob", "with other bundles")
	w.say(bob[0], "alice", "fine")
	_, err = alice[0].Encrypt(ctx, "bob", []byte("never sent"))
	require.NoError(t, err)
	alice[0] = w.restart(a) // dead after the sessions, and the ratchets, were durable
	w.say(alice[0], "bob", "behind the lost ones")
}

// TestOutbox: the caller's own rows are there if the messages are.
func TestOutbox(t *testing.T) {
	w, alice, _ := two(t)
	kept := 0
	messages, err := alice[0].EncryptAll(ctx, []sesame.Draft{{"bob", []byte("b")}, {"alice", []byte("a")}},
		func(tx session.Tx, m []sesame.Message) error {
			kept = len(m)
			return tx.PutValue("outbox", []byte("b"))
		})
	require.NoError(t, err)
	require.Equal(t, kept, len(messages))
	_, err = alice[0].EncryptAll(ctx, []sesame.Draft{{"bob", nil}}, func(session.Tx, []sesame.Message) error { return errDown })
	require.ErrorIs(t, err, errDown)
	for _, m := range messages {
		w.hear(letter{addr("alice", 1), m}, m.Peer.Name[:1])
	}
}

// TestLists: few lists are kept if so asked, and a wrong device is not accepted.
func TestLists(t *testing.T) {
	w, _, _ := two(t)
	c := w.open(addr("alice", 1), &sesame.Options{MaxLists: 1})
	for range 3 {
		w.say(c, "bob", "x")
	}
	require.GreaterOrEqual(t, w.asked.devices.Load(), int64(4))
	forged := forgingDirectory{w.directory}
	c = sesame.NewClient(session.NewDevice(addr("carol", 1), signet.GenerateKey(), memory.New(), nil), forged, nil)
	_, err := c.Encrypt(ctx, "bob", []byte("x"))
	require.ErrorContains(t, err, "it is device")
	_, err = c.Encrypt(ctx, "wrong", []byte("x"))
	require.ErrorIs(t, err, signet.ErrInvalidAddress)
	_, err = c.Decrypt(ctx, addr("bob", 128), session.Message{})
	require.ErrorIs(t, err, signet.ErrInvalidAddress)
}

// forgingDirectory hands out another device's bundle.
type forgingDirectory struct{ sesame.Directory }

func (d forgingDirectory) Bundle(ctx context.Context, from, to signet.Address) (*sesame.Handed, error) {
	to.Device = to.Device%3 + 1
	return d.Directory.Bundle(ctx, from, to)
}

func (d forgingDirectory) Devices(ctx context.Context, user string) ([]sesame.Listing, error) {
	if user == "wrong" {
		return []sesame.Listing{{Device: 128}}, nil
	}
	return d.Directory.Devices(ctx, user)
}

// A hookedStore calls after with the outcome of every UpdateAll.
type hookedStore struct {
	session.ManyStore
	after func(error)
}

func (s hookedStore) UpdateAll(ctx context.Context, peers []signet.Address, f func(session.Tx) error) error {
	err := s.ManyStore.UpdateAll(ctx, peers, f)
	s.after(err)
	return err
}

// TestLanded: another goroutine begins the sessions after they were found missing and before
// anybody leads; they are not begun again.
func TestLanded(t *testing.T) {
	w, _, _ := two(t)
	a := addr("alice", 1)
	var c *sesame.Client
	var calls atomic.Int64
	store := hookedStore{w.stores[a], func(err error) {
		if calls.Add(1) == 1 {
			require.ErrorIs(t, err, session.ErrNoSession)
			_, err := c.Encrypt(ctx, "bob", []byte("x"))
			require.NoError(t, err)
		}
	}}
	c = sesame.NewClient(session.NewDevice(a, w.keys["alice"], store, nil), &w.asked, nil)
	w.say(c, "bob", "y")
	require.Equal(t, int64(5), w.asked.bundles.Load())
}

// TestFreshList: a session with an earlier installation of a device is not used once the list says
// so.
func TestFreshList(t *testing.T) {
	w, alice, _ := two(t)
	w.say(alice[0], "bob", "x")
	w.install("bob", 1)
	alice[0].Forget("bob")
	messages, err := alice[0].Encrypt(ctx, "bob", []byte("y"))
	require.NoError(t, err)
	for _, m := range messages {
		w.hear(letter{addr("alice", 1), m}, "y")
	}
}
