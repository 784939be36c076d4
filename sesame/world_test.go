package sesame_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	directory "signet.example/signet/sesame/memory"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

var ctx = context.Background()

// A world is users with devices, their directory, and the server that carries messages.
type world struct {
	t         *testing.T
	directory *directory.Directory
	asked     askedDirectory // what the clients see
	keys      map[string]*signet.PrivateKey
	clients   map[signet.Address]*sesame.Client
	stores    map[signet.Address]*memory.Store
	box       []letter // on its way
}

type letter struct {
	from signet.Address
	m    sesame.Message
}

// An askedDirectory counts what is asked, and can be told to fail or wait.
type askedDirectory struct {
	sesame.Directory
	devices, bundles *atomic.Int64
	before           func(to signet.Address) error
}

func (d *askedDirectory) Devices(ctx context.Context, user string) ([]sesame.Listing, error) {
	d.devices.Add(1)
	return d.Directory.Devices(ctx, user)
}

func (d *askedDirectory) Bundle(ctx context.Context, from, to signet.Address) (*sesame.Handed, error) {
	d.bundles.Add(1)
	if d.before != nil {
		if err := d.before(to); err != nil {
			return nil, err
		}
	}
	return d.Directory.Bundle(ctx, from, to)
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, directory: directory.New(nil), keys: make(map[string]*signet.PrivateKey),
		clients: make(map[signet.Address]*sesame.Client), stores: make(map[signet.Address]*memory.Store),
	}
	w.asked = askedDirectory{w.directory, new(atomic.Int64), new(atomic.Int64), nil}
	return w
}

// install makes a device with an empty store: of a user's key, which is made the first time.
func (w *world) install(user string, id uint32) *sesame.Client {
	w.t.Helper()
	if w.keys[user] == nil {
		w.keys[user] = signet.GenerateKey()
	}
	a := signet.Address{Name: user, Device: id}
	w.stores[a] = memory.New()
	w.clients[a] = w.open(a, nil)
	require.NoError(w.t, w.clients[a].Publish(ctx, 5))
	return w.clients[a]
}

// open is the device as a process that starts has it.
func (w *world) open(a signet.Address, opts *sesame.Options) *sesame.Client {
	return sesame.NewClient(session.NewDevice(a, w.keys[a.Name], w.stores[a], nil), &w.asked, opts)
}

// openWith is open with options of the device.
func (w *world) openWith(a signet.Address, opts *session.Options) *sesame.Client {
	return sesame.NewClient(session.NewDevice(a, w.keys[a.Name], w.stores[a], opts), &w.asked, nil)
}

// restart is a new process of a device.
func (w *world) restart(a signet.Address) *sesame.Client {
	w.clients[a] = w.open(a, nil)
	return w.clients[a]
}

// deliver is the server: it refuses what does not fit.
func (w *world) deliver(from *sesame.Client) func(context.Context, string, []sesame.Message) error {
	return func(ctx context.Context, user string, messages []sesame.Message) error {
		active, err := w.directory.Devices(ctx, user)
		if err != nil {
			return err
		}
		if err := sesame.Check(user, active, from.Device().Address(), messages); err != nil {
			return err
		}
		for _, m := range messages {
			w.box = append(w.box, letter{from.Device().Address(), m})
		}
		return nil
	}
}

// say sends and has everything arrive at once.
func (w *world) say(from *sesame.Client, user, text string) {
	w.t.Helper()
	require.NoError(w.t, from.Send(ctx, user, []byte(text), w.deliver(from)))
	box := w.box
	w.box = nil
	self := from.Device().Address()
	want := make(map[signet.Address]bool)
	for a := range w.clients {
		if (a.Name == user || a.Name == self.Name) && a != self {
			want[a] = true
		}
	}
	for _, l := range box {
		require.True(w.t, want[l.m.Peer], l.m.Peer)
		delete(want, l.m.Peer)
		w.hear(l, text)
	}
	require.Empty(w.t, want, "devices that heard nothing")
}

func (w *world) hear(l letter, text string) {
	w.t.Helper()
	got, err := w.clients[l.m.Peer].Decrypt(ctx, l.from, l.m.Message)
	require.NoError(w.t, err)
	require.Equal(w.t, text, string(got))
}

// remove takes a device away.
func (w *world) remove(a signet.Address) {
	require.NoError(w.t, w.directory.Remove(ctx, a))
	delete(w.clients, a)
}

func addr(user string, id uint32) signet.Address { return signet.Address{Name: user, Device: id} }

func untrusted(t *testing.T, err error) *session.UntrustedIdentityError {
	t.Helper()
	var u *session.UntrustedIdentityError
	require.ErrorAs(t, err, &u)
	return u
}

// stock publishes for a device that no client here is.
func stock(t *testing.T, a signet.Address, key *signet.PrivateKey, n int) *x3dh.Published {
	t.Helper()
	p, err := session.NewDevice(a, key, memory.New(), nil).PreKeys(ctx, n)
	require.NoError(t, err)
	return p
}

var errDown = errors.New("the directory is down")

func two(t *testing.T) (w *world, alice, bob []*sesame.Client) {
	w = newWorld(t)
	for id := range uint32(3) {
		alice = append(alice, w.install("alice", id+1))
		bob = append(bob, w.install("bob", id+1))
	}
	return w, alice, bob
}

func text(n int) string { return fmt.Sprint("text ", n) }
