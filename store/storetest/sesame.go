package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/ratchet"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
)

// RunSesame lets two users with three devices each talk at random over a store and a directory, for
// each of the seeds: messages are lost, repeated and reordered, processes die and start again,
// devices are installed anew and removed, users change their identity keys. No message key is used
// twice, whoever sends reaches every device, and what arrives decrypts.
func RunSesame(t *testing.T, seeds, steps int, fresh func(t *testing.T) Place, directory func(t *testing.T) Directory) {
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &users{
				t: t, random: rand.New(rand.NewPCG(uint64(seed), 5)), fresh: fresh, directory: directory(t),
				keys: make(map[string]*signet.PrivateKey), devices: make(map[signet.Address]*installed),
				used: make(map[point]bool), did: make(map[string]int),
			}
			for _, user := range []string{"alice", "bob"} {
				w.keys[user] = signet.GenerateKey()
				for id := range uint32(3) {
					w.install(signet.Address{Name: user, Device: id + 1})
				}
			}
			for range steps {
				w.step()
			}
			w.settle()
			t.Log(w.did)
		})
	}
}

// users is the world of RunSesame.
type users struct {
	t         *testing.T
	random    *rand.Rand
	fresh     func(t *testing.T) Place
	directory Directory
	keys      map[string]*signet.PrivateKey
	devices   map[signet.Address]*installed
	box       []posted
	used      map[point]bool
	said      int
	did       map[string]int // what happened, to see that it did
}

// installed is a device and the place of its rows.
type installed struct {
	*sesame.Client
	addr         signet.Address
	place        Place
	registration uint32
}

// posted is a message on its way to an installation.
type posted struct {
	from  signet.Address
	m     sesame.Message
	text  string
	heard bool
}

func (w *users) client(d *installed, store session.Store) *sesame.Client {
	return sesame.NewClient(session.NewDevice(d.addr, w.keys[d.addr.Name], store, nil), w.directory, nil)
}

func (w *users) install(a signet.Address) {
	ctx := context.Background()
	d := &installed{addr: a, place: w.fresh(w.t)}
	d.Client = w.client(d, d.place())
	w.did["installed"]++
	d.registration = uint32(w.did["installed"]) // drawn at random, two might be the same
	require.NoError(w.t, d.Device().SetRegistrationID(ctx, d.registration))
	require.NoError(w.t, d.Publish(ctx, 2))
	w.devices[a] = d
}

// someone is a device of any user.
func (w *users) someone() *installed {
	list := make([]*installed, 0, len(w.devices))
	for _, d := range w.devices {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *installed) int {
		if a.addr.Name != b.addr.Name {
			return len(a.addr.Name) - len(b.addr.Name)
		}
		return int(a.addr.Device) - int(b.addr.Device)
	})
	return list[w.random.IntN(len(list))]
}

func (w *users) step() {
	switch n := w.random.IntN(100); {
	case n < 35:
		w.send(w.someone(), []string{"alice", "bob"}[w.random.IntN(2)], false)
	case n < 40:
		w.send(w.someone(), []string{"alice", "bob"}[w.random.IntN(2)], true)
	case n < 85 && len(w.box) > 0:
		w.arrive(w.random.IntN(len(w.box)))
	case n < 88 && len(w.box) > 0:
		w.did["lost"]++
		i := w.random.IntN(len(w.box))
		w.box = slices.Delete(w.box, i, i+1)
	case n < 93: // another process
		d := w.someone()
		d.Client = w.client(d, d.place())
		w.did["restarted"]++
	case n < 96:
		w.install(w.someone().addr)
	case n < 98:
		d := w.someone()
		if d.addr.Device != 1 { // somebody has to be there
			require.NoError(w.t, w.directory.Remove(context.Background(), d.addr))
			delete(w.devices, d.addr)
			w.did["removed"]++
		}
	case n < 99:
		w.install(signet.Address{Name: w.someone().addr.Name, Device: uint32(w.random.IntN(3) + 1)})
	default:
		w.newIdentity([]string{"alice", "bob"}[w.random.IntN(2)])
	}
}

// send sends to a user, and to the own devices. A crash is a store that dies on the way; what was
// posted by then is on its way.
func (w *users) send(d *installed, to string, crash bool) {
	ctx := context.Background()
	w.said++
	text := fmt.Sprint("text ", w.said)
	reached := make(map[signet.Address]bool)
	deliver := func(ctx context.Context, user string, messages []sesame.Message) error {
		active, err := w.directory.Devices(ctx, user)
		if err != nil {
			return err
		}
		for _, m := range messages { // whatever becomes of it, its key is used
			at := pointOf(w.t, m.Message)
			require.False(w.t, w.used[at], "a message key used twice")
			w.used[at] = true
		}
		if err := sesame.Check(user, active, d.addr, messages); err != nil {
			w.did["refused"]++
			return err
		}
		for _, m := range messages {
			require.False(w.t, reached[m.Peer], "two messages of one text")
			reached[m.Peer] = true
			w.box = append(w.box, posted{from: d.addr, m: m, text: text})
		}
		return nil
	}
	if !crash {
		require.NoError(w.t, d.Send(ctx, to, []byte(text), deliver), "%s to %s", d.addr, to)
		want := 0
		for a := range w.devices {
			if a != d.addr && (a.Name == to || a.Name == d.addr.Name) {
				want++
				require.True(w.t, reached[a], "nothing for %s", a)
			}
		}
		require.Len(w.t, reached, want)
		w.did["sent"]++
		return
	}
	var store session.Store = Faulty(d.place(), w.random.IntN(60)+1, Die)
	if many, ok := d.place().(session.ManyStore); ok && w.random.IntN(4) > 0 {
		store = FaultyAll(many, w.random.IntN(60)+1, Die)
	}
	if Dies(func() { require.NoError(w.t, w.client(d, store).Send(ctx, to, []byte(text), deliver)) }) {
		w.did["died"]++
	}
	d.Client = w.client(d, d.place())
}

// arrive delivers a message, or repeats one.
func (w *users) arrive(i int) {
	l := &w.box[i]
	d := w.devices[l.m.Peer]
	if d == nil || d.registration != l.m.RegistrationID { // the server drops what is for nobody
		w.box = slices.Delete(w.box, i, i+1)
		w.did["dropped"]++
		return
	}
	text, err := d.Decrypt(context.Background(), l.from, l.m.Message)
	if l.heard {
		require.Error(w.t, err)
		if !errors.Is(err, ratchet.ErrDuplicate) {
			require.True(w.t, errors.Is(err, session.ErrInvalidMessage) || errors.Is(err, session.ErrPreKeyID), err)
		}
		w.box = slices.Delete(w.box, i, i+1)
		w.did["repeated"]++
		return
	}
	require.NoError(w.t, err, "%s from %s to %s", l.text, l.from, l.m.Peer)
	require.Equal(w.t, l.text, string(text))
	w.did["heard"]++
	if l.heard = w.random.IntN(8) == 0; !l.heard {
		w.box = slices.Delete(w.box, i, i+1)
	}
}

// newIdentity installs all devices of a user anew with another identity key. Nobody sends to the
// user, or hears from it, before the key is trusted.
func (w *users) newIdentity(user string) {
	ctx := context.Background()
	w.settle()
	w.keys[user] = signet.GenerateKey()
	for id := range uint32(3) {
		w.install(signet.Address{Name: user, Device: id + 1})
	}
	for a, d := range w.devices {
		if a.Name == user {
			continue
		}
		_, met, err := d.Device().Trusted(ctx, signet.Address{Name: user})
		require.NoError(w.t, err)
		err = d.Send(ctx, user, []byte("x"), func(_ context.Context, to string, messages []sesame.Message) error {
			for _, m := range messages {
				w.used[pointOf(w.t, m.Message)] = true
				there := w.devices[m.Peer]
				require.False(w.t, met && to == user && there != nil && there.registration == m.RegistrationID,
					"a message to an identity that is not trusted")
			}
			if met && to == user {
				return &sesame.MismatchError{User: to, Stale: []uint32{1, 2, 3}}
			}
			return nil
		})
		if met {
			var u *session.UntrustedIdentityError
			require.ErrorAs(w.t, err, &u)
			require.Equal(w.t, user, u.Peer.Name)
			require.Equal(w.t, w.keys[user].PublicKey(), u.Offered)
		} else {
			require.NoError(w.t, err)
		}
		require.NoError(w.t, d.Trust(ctx, user, w.keys[user].PublicKey()))
	}
	w.did["new identity"]++
}

// settle has everything arrive that is on its way, in an order of its own.
func (w *users) settle() {
	for len(w.box) > 0 {
		w.arrive(w.random.IntN(len(w.box)))
	}
}
