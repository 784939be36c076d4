package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// testDevice is the promise of package session on the store: no message key is used twice, whatever
// fails and whenever the process dies.
func testDevice(t *testing.T, fresh func(t *testing.T) Place, stride int) {
	t.Run("Fail", func(t *testing.T) { lives(t, fresh, Fail, stride) })
	t.Run("Die", func(t *testing.T) { lives(t, fresh, Die, stride) })
	t.Run("Replay", func(t *testing.T) {
		place := fresh(t)
		l := newLife(t, func() session.Store { return Replaying(place()) }, 0, Fail)
		l.run()
		require.Zero(t, l.lost)
	})
	t.Run("AtOnce", func(t *testing.T) { encryptAtOnce(t, fresh(t)) })
}

// lives lets a device live the same few exchanges with a fault at the first, second, … call,
// stride calls apart.
func lives(t *testing.T, fresh func(t *testing.T) Place, mode Mode, stride int) {
	lost := 0
	for k := 1; ; k += stride {
		l := newLife(t, fresh(t), k, mode)
		l.run()
		lost += l.lost
		require.LessOrEqual(t, l.lost, 1, "call %d", k)
		if !l.faulty.Fired() {
			require.Greater(t, k, 30, "the exchanges did not reach the store")
			break
		}
	}
	// A death after the commit of a decryption loses its plaintext: if that never happened, the
	// test did not look there.
	if mode == Fail || stride == 1 {
		require.Equal(t, mode == Die, lost > 0)
	}
}

// A life is one device on the store under test, bob, talking to alice, whose store is sound.
type life struct {
	t      *testing.T
	place  Place
	store  session.Store // the place's current handle, without the fault
	faulty *FaultyStore
	key    *signet.PrivateKey
	bob    *session.Device
	alice  *session.Device

	said int
	used map[point]string // what each message key of bob's was used for
	lost int              // messages to bob that were decrypted in a transaction he did not survive
}

// A point is what makes a message key: a chain, by its ratchet key, and an index.
type point struct {
	chain string
	index uint32
}

func pointOf(t *testing.T, m session.Message) point {
	t.Helper()
	body := m.Body
	if m.Type == session.TypePreKey {
		p, err := wire.ParsePreKeyMessage(body)
		require.NoError(t, err)
		body = p.Message
	}
	s, err := wire.ParseSignalMessage(body)
	require.NoError(t, err)
	return point{string(s.RatchetKey), s.Counter}
}

func newLife(t *testing.T, place Place, k int, mode Mode) *life {
	l := &life{t: t, place: place, store: place(), key: signet.GenerateKey(), used: make(map[point]string)}
	l.faulty = Faulty(l.store, k, mode)
	l.bob = session.NewDevice(bob, l.key, l.faulty, nil)
	l.alice = session.NewDevice(alice, signet.GenerateKey(), memory.New(), nil)
	return l
}

// run is an initial message, traffic in both directions out of order, and a session that bob
// starts.
func (l *life) run() {
	ctx := context.Background()
	var published *x3dh.Published
	l.do(func() (err error) { published, err = l.bob.PreKeys(ctx, 1); return err })
	bundle, err := published.NextBundle()
	require.NoError(l.t, err)
	require.NoError(l.t, l.alice.Start(ctx, bob, bundle))

	a0, a1 := l.toBob(), l.toBob()
	l.hear(a0)
	l.hear(a1)
	b0, b1, b2 := l.say(), l.say(), l.say()
	l.arrive(b2, b0)
	a2, a3 := l.toBob(), l.toBob()
	l.hear(a3)
	l.hear(a2)
	l.arrive(l.say(), b1)

	published, err = l.alice.PreKeys(ctx, 1)
	require.NoError(l.t, err)
	bundle, err = published.NextBundle()
	require.NoError(l.t, err)
	l.do(func() error { return l.bob.Start(ctx, alice, bundle) })
	l.arrive(l.say(), l.say())
	l.hear(l.toBob())
	l.arrive(l.say())

	// What bob has heard he does not hear again.
	restarted := session.NewDevice(bob, l.key, l.store, nil)
	before := view(l.t, l.store)
	for _, m := range []letter{a0, a1, a2, a3} {
		_, err := restarted.Decrypt(ctx, alice, m.Message)
		require.Error(l.t, err, m.text)
	}
	require.Equal(l.t, before, view(l.t, l.store))
}

// do lets bob do something; after a fault he does it again. A failure has changed nothing. A death
// has, if it came after the commit.
func (l *life) do(op func() error) {
	l.t.Helper()
	require.NoError(l.t, l.try(op))
}

// reach is more than the calls of any one operation: further away from the fault, try does not look
// at the rows, which on a server is most of the test's time.
const reach = 32

// try is do for what may not be repeatable.
func (l *life) try(op func() error) error {
	l.t.Helper()
	var before map[string]string
	if next := l.faulty.at - l.faulty.calls.Load(); 0 < next && next <= reach {
		before = view(l.t, l.store)
	}
	var err error
	if Dies(func() { err = op() }) {
		require.NotNil(l.t, before, "reach is too short")
		l.store = l.place()
		l.bob = session.NewDevice(bob, l.key, l.store, nil)
		survived := !maps.Equal(before, view(l.t, l.store))
		if err = op(); err != nil {
			require.True(l.t, survived, "not repeatable though nothing was committed: %v", err)
		}
		return err
	}
	if errors.Is(err, ErrFault) {
		require.NotNil(l.t, before, "reach is too short")
		require.Equal(l.t, before, view(l.t, l.store), "a failed operation changed something")
		err = op()
	}
	return err
}

// A letter is a message and what it says.
type letter struct {
	session.Message
	text string
}

func (l *life) toBob() letter {
	l.t.Helper()
	l.said++
	text := fmt.Sprint("alice says ", l.said)
	m, err := l.alice.Encrypt(context.Background(), bob, []byte(text))
	require.NoError(l.t, err)
	return letter{m, text}
}

// say has bob encrypt. When he has to try again, he has something else to say.
func (l *life) say() (m letter) {
	l.t.Helper()
	l.do(func() (err error) {
		l.said++
		m.text = fmt.Sprint("bob says ", l.said)
		m.Message, err = l.bob.Encrypt(context.Background(), alice, []byte(m.text))
		if err != nil {
			require.Empty(l.t, m.Body, "a ciphertext without its commit")
		}
		return err
	})
	at := pointOf(l.t, m.Message)
	require.NotContains(l.t, l.used, at, "a message key used twice")
	l.used[at] = m.text
	return m
}

// arrive has alice decrypt.
func (l *life) arrive(letters ...letter) {
	l.t.Helper()
	for _, m := range letters {
		text, err := l.alice.Decrypt(context.Background(), bob, m.Message)
		require.NoError(l.t, err, m.text)
		require.Equal(l.t, m.text, string(text))
	}
}

// hear has bob decrypt. If he died after the commit, the message cannot be decrypted again.
func (l *life) hear(m letter) {
	l.t.Helper()
	var text []byte
	err := l.try(func() (err error) {
		text, err = l.bob.Decrypt(context.Background(), alice, m.Message)
		return err
	})
	if l.faulty.mode == Die && errors.Is(err, ratchet.ErrDuplicate) {
		l.lost++
		return
	}
	require.NoError(l.t, err, m.text)
	require.Equal(l.t, m.text, string(text))
}

// encryptAtOnce encrypts to one peer from many goroutines over two handles.
func encryptAtOnce(t *testing.T, place Place) {
	const workers, rounds = 4, 10
	l := newLife(t, place, 0, Fail)
	published, err := l.alice.PreKeys(context.Background(), 1)
	require.NoError(t, err)
	bundle, err := published.NextBundle()
	require.NoError(t, err)
	require.NoError(t, l.bob.Start(context.Background(), alice, bundle))
	devices := []*session.Device{l.bob, session.NewDevice(bob, l.key, place(), nil)}
	var mu sync.Mutex
	var letters []letter
	together(workers, func(w int) {
		for i := range rounds {
			text := fmt.Sprint(w, " says ", i)
			m, err := devices[w%2].Encrypt(context.Background(), alice, []byte(text))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			letters = append(letters, letter{m, text})
			mu.Unlock()
		}
	})
	require.Len(t, letters, workers*rounds)
	for _, m := range letters {
		at := pointOf(t, m.Message)
		require.NotContains(t, l.used, at, "a message key used twice")
		l.used[at] = m.text
	}
	l.arrive(letters...)
}
