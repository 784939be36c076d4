package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/backup"
	"signet.example/signet/store/postgres"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/seal"
	"signet.example/signet/store/sqlite"
	"signet.example/signet/x3dh"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ctx   = context.Background()
	alice = signet.Address{Name: "alice", Device: 1}
	bob   = signet.Address{Name: "bob", Device: 1}
	carol = signet.Address{Name: "carol", Device: 1}
)

func keyOf(t testing.TB, b byte) seal.KeyService {
	t.Helper()
	k, err := seal.Key(bytes.Repeat([]byte{b}, seal.KeySize))
	require.NoError(t, err)
	return k
}

// A store is what both engines are.
type store interface {
	session.Store
	backup.Source
	backup.Target
}

// engines open an empty store each.
var engines = []struct {
	name string
	open func(t *testing.T, sealed *seal.Options) store
}{
	{"sqlite", func(t *testing.T, sealed *seal.Options) store {
		s, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "db"), &sqlite.Options{Seal: sealed})
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}},
	{"postgres", func(t *testing.T, sealed *seal.Options) store {
		s, err := postgres.Open(ctx, pgtest.Shared(t).Database(t), &postgres.Options{Seal: sealed})
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}},
}

func show(r *backup.Row) string {
	return fmt.Sprintf("%d %q %d %d %q %q %q %q %q", r.Kind, r.Peer, r.ID, r.SignedID, r.Name, r.Value, r.Identity, r.Session, r.Archive)
}

// content is all rows of a store, in no order.
func content(t *testing.T, s backup.Source) map[string]bool {
	t.Helper()
	rows := make(map[string]bool)
	require.NoError(t, s.Export(ctx, func(r *backup.Row) error {
		rows[show(r)] = true
		return nil
	}))
	return rows
}

// TestRestore takes rows of every kind from each engine to each, plain and sealed.
func TestRestore(t *testing.T) {
	phrase, err := seal.Passphrase([]byte("correct horse"), &seal.Cost{Passes: 2, Memory: 19 << 10, Lanes: 1})
	require.NoError(t, err)
	for i, from := range engines {
		for j, to := range engines {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				options := func(b byte, on bool) *seal.Options {
					if !on {
						return nil
					}
					return &seal.Options{Keys: keyOf(t, b)}
				}
				source, target := from.open(t, options(1, i == j)), to.open(t, options(2, i != j || j == 1))
				require.NoError(t, source.Update(ctx, alice, func(tx session.Tx) error { return every(tx) }))
				var b bytes.Buffer
				sum, err := backup.Write(ctx, &b, source, phrase)
				require.NoError(t, err)
				require.Equal(t, backup.Summary{Peers: 3, Sessions: 2, PreKeys: 4, SenderKeys: 1, Values: 4}, sum)
				require.NotContains(t, b.String(), "planted")

				refused(t, b.Bytes(), phrase, target)
				sum, err = backup.Restore(ctx, &b, target, phrase)
				require.NoError(t, err)
				require.Equal(t, backup.Summary{Peers: 2, PreKeys: 2, Values: 3, Dropped: 6}, sum)
				var want []string
				require.NoError(t, source.Export(ctx, func(r *backup.Row) error {
					if strings.Contains(fmt.Sprintf("%s %s", r.Value, r.Identity), "stays") {
						r.Session, r.Archive = nil, nil
						want = append(want, show(r))
					}
					return nil
				}))
				got := content(t, target)
				for _, w := range want {
					require.Contains(t, got, w)
				}
				require.Len(t, got, len(want)+1, "and the list of last-resort prekeys")
				_, err = backup.Restore(ctx, bytes.NewReader(b.Bytes()), target, phrase)
				require.ErrorIs(t, err, backup.ErrDamaged, "nothing is left to read")
			})
		}
	}
}

// every writes rows of every kind; those that a restore keeps say so.
func every(tx session.Tx) error {
	last := []byte{0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0}
	return errors.Join(
		tx.PutValue("identity", []byte("planted, stays")), tx.PutValue("", []byte("stays, too")),
		tx.PutValue("last-resort-prekeys", last), tx.PutValue("next-prekey", []byte("planted")),
		tx.PutPreKey(1, []byte("planted")), tx.PutSignedPreKey(1<<32-1, []byte("stays")),
		tx.PutKEMPreKey(7, []byte("last resort, stays")), tx.PutKEMPreKey(8, []byte("planted")),
		tx.MarkKEMPreKey(7, 1, []byte("base, stays")), tx.MarkKEMPreKey(8, 1, []byte("base")),
		tx.PutIdentity(alice, []byte("alice's, stays")), tx.PutSession(alice, []byte("not a session")),
		tx.PutIdentity(bob, []byte("bob's, stays")), tx.PutArchive(carol, []byte("no archive")),
		tx.(group.Tx).PutSenderKey(alice, "g", nil), tx.(group.Tx).PutSenderKey(alice, "h", []byte{}),
		tx.(group.Tx).PutSenderKey(bob, "g", own()),
	)
}

// own is the record of a sender key of one's own.
func own() []byte {
	return wire.AppendSenderKeyState(nil, &wire.SenderKeyState{ChainID: 1, HasKey: true, Private: []byte("planted")})
}

// refused: what is damaged, or opened with a wrong key, changes nothing.
func refused(t *testing.T, b []byte, keys seal.KeyService, target store) {
	t.Helper()
	for name, c := range map[string]struct {
		b    []byte
		keys seal.KeyService
		want error
	}{
		"wrong key":   {b, keyOf(t, 9), nil},
		"empty":       {nil, keys, backup.ErrDamaged},
		"half":        {b[:len(b)/2], keys, backup.ErrDamaged},
		"a byte less": {b[:len(b)-1], keys, backup.ErrDamaged},
		"a byte more": {append(bytes.Clone(b), 0), keys, backup.ErrDamaged},
		"a bit":       {append(bytes.Clone(b[:len(b)-1]), b[len(b)-1]^1), keys, backup.ErrDamaged},
	} {
		_, err := backup.Restore(ctx, bytes.NewReader(c.b), target, c.keys)
		require.Error(t, err, name)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
		}
		require.Empty(t, content(t, target), name)
	}
}

// A party is a device with its store.
type party struct {
	*session.Device
	store session.Store
	key   *signet.PrivateKey
	addr  signet.Address
}

func newParty(t *testing.T, addr signet.Address, s session.Store) *party {
	t.Helper()
	key, err := session.Identity(ctx, s)
	require.NoError(t, err)
	return &party{session.NewDevice(addr, key, s, nil), s, key, addr}
}

// bundle is one that a directory would hand out: with one-time prekeys if any is left.
func (p *party) bundle(t *testing.T, n int) *x3dh.Bundle {
	t.Helper()
	published, err := p.PreKeys(ctx, n)
	require.NoError(t, err)
	b, err := published.NextBundle()
	require.NoError(t, err)
	return b
}

// A wiretap sees every message and fails for a chain and index that it has seen.
type wiretap struct {
	t    *testing.T
	used map[string]bool
}

func (w *wiretap) send(from, to *party, text string) session.Message {
	w.t.Helper()
	m, err := from.Encrypt(ctx, to.addr, []byte(text))
	require.NoError(w.t, err)
	body := m.Body
	if m.Type == session.TypePreKey {
		p, err := wire.ParsePreKeyMessage(body)
		require.NoError(w.t, err)
		body = p.Message
	}
	s, err := wire.ParseSignalMessage(body)
	require.NoError(w.t, err)
	w.see(fmt.Sprintf("%x %d", s.RatchetKey, s.Counter))
	return m
}

func (w *wiretap) see(point string) {
	w.t.Helper()
	require.False(w.t, w.used[point], "a chain and index twice")
	w.used[point] = true
}

func (w *wiretap) receive(to, from *party, m session.Message, text string) {
	w.t.Helper()
	b, err := to.Decrypt(ctx, from.addr, m)
	require.NoError(w.t, err)
	require.Equal(w.t, text, string(b))
}

func (w *wiretap) deliver(from, to *party, text string) {
	w.t.Helper()
	w.receive(to, from, w.send(from, to, text), text)
}

// TestTimeWentBack backs a device up, goes on talking, and restores it.
func TestTimeWentBack(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			w := &wiretap{t, make(map[string]bool)}
			a := newParty(t, alice, engine.open(t, nil))
			b, c := newParty(t, bob, memory.New()), newParty(t, carol, memory.New())
			require.NoError(t, a.Start(ctx, bob, b.bundle(t, 1)))
			w.deliver(a, b, "hello")
			w.deliver(b, a, "hello yourself")
			w.deliver(a, b, "on a chain of ours")
			aliceBundle := a.bundle(t, 5)
			id, err := group.ParseDistributionID("9d0652a3-dcc3-4d11-975f-74d61598733f")
			require.NoError(t, err)
			own := group.NewChannel(alice, id, a.store, nil)
			theirs := group.NewChannel(bob, id, b.store, nil)
			d, err := own.Distribution(ctx)
			require.NoError(t, err)
			require.NoError(t, theirs.Join(ctx, alice, d))
			d, err = theirs.Distribution(ctx)
			require.NoError(t, err)
			require.NoError(t, own.Join(ctx, bob, d))

			var stream bytes.Buffer
			_, err = backup.Write(ctx, &stream, a.store.(store), keyOf(t, 1))
			require.NoError(t, err)

			// What happens after the backup, and what is on its way when the device is lost.
			late := w.send(b, a, "on a chain that the backup knows")
			for i := range 3 {
				w.deliver(a, b, fmt.Sprint("after the backup ", i))
				w.deliver(b, a, fmt.Sprint("answer ", i))
			}
			require.NoError(t, c.Start(ctx, alice, aliceBundle))
			first := w.send(c, a, "a first message")
			w.receive(a, c, first, "a first message")
			sent, err := own.Encrypt(ctx, []byte("to the group"))
			require.NoError(t, err)
			_, err = theirs.Decrypt(ctx, alice, sent)
			require.NoError(t, err)
			fromBob, err := theirs.Encrypt(ctx, []byte("from bob"))
			require.NoError(t, err)

			_, err = backup.Restore(ctx, bytes.NewReader(stream.Bytes()), a.store.(store), keyOf(t, 1))
			require.ErrorIs(t, err, backup.ErrNotEmpty)
			s := engine.open(t, nil)
			_, err = backup.Restore(ctx, &stream, s, keyOf(t, 1))
			require.NoError(t, err)
			old := a
			a = newParty(t, alice, s)
			require.True(t, a.key.PublicKey().Equal(old.key.PublicKey()), "the identity stays")
			known, ok, err := a.Trusted(ctx, bob)
			require.NoError(t, err)
			require.True(t, ok && known.Equal(b.key.PublicKey()))

			// Nothing is sent before a new session.
			_, err = a.Encrypt(ctx, bob, []byte("x"))
			require.ErrorIs(t, err, session.ErrNoSession)
			w.receive(a, b, late, "on a chain that the backup knows")
			_, err = a.Encrypt(ctx, bob, []byte("x"))
			require.ErrorIs(t, err, session.ErrNoSession, "nor after an old session has decrypted")

			// The one-time prekey of the first message does not come back.
			one, kem, err := a.Stock(ctx)
			require.NoError(t, err)
			require.Equal(t, []int{0, 0}, []int{one, kem})
			_, err = a.Decrypt(ctx, carol, first)
			require.ErrorIs(t, err, session.ErrPreKeyID)

			// Both ways, with everybody.
			fresh := a.bundle(t, 5)
			for _, other := range []*party{b, c} {
				require.NoError(t, a.Start(ctx, other.addr, other.bundle(t, 1)))
				for i := range 4 {
					w.deliver(a, other, fmt.Sprint("back ", i))
					w.deliver(other, a, fmt.Sprint("welcome ", i))
				}
			}
			require.NoError(t, c.Start(ctx, alice, fresh))
			w.deliver(c, a, "with a new prekey")

			// The own sender key is another one; the other's still opens.
			own = group.NewChannel(alice, id, a.store, nil)
			_, err = own.Encrypt(ctx, []byte("x"))
			require.ErrorIs(t, err, group.ErrNoSenderKey)
			text, err := own.Decrypt(ctx, bob, fromBob)
			require.NoError(t, err)
			require.Equal(t, "from bob", string(text))
			d, err = own.Distribution(ctx)
			require.NoError(t, err)
			require.NoError(t, theirs.Join(ctx, alice, d))
			again, err := own.Encrypt(ctx, []byte("to the group again"))
			require.NoError(t, err)
			require.NotEqual(t, sent[:24], again[:24], "another chain")
			_, err = theirs.Decrypt(ctx, alice, again)
			require.NoError(t, err)
		})
	}
}

// TestFirstMessagesStayRead: what the marks of first messages of version 3 stop, they stop in a
// restored device, and over every store until then.
func TestFirstMessagesStayRead(t *testing.T) {
	opts := &session.Options{AllowX3DH: true}
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			s := engine.open(t, nil)
			key, err := session.Identity(ctx, s)
			require.NoError(t, err)
			b := session.NewDevice(bob, key, s, opts)
			a := session.NewDevice(alice, signet.GenerateKey(), memory.New(), opts)
			p, err := b.PreKeys(ctx, 0)
			require.NoError(t, err)
			f := p.Next()
			f.KEMPreKey = nil
			bundle, err := x3dh.NewBundle(f)
			require.NoError(t, err)
			require.NoError(t, a.Start(ctx, bob, bundle))
			m, err := a.Encrypt(ctx, bob, []byte("once"))
			require.NoError(t, err)
			_, err = b.Decrypt(ctx, alice, m)
			require.NoError(t, err)

			var stream bytes.Buffer
			_, err = backup.Write(ctx, &stream, s, keyOf(t, 1))
			require.NoError(t, err)
			restored := engine.open(t, nil)
			_, err = backup.Restore(ctx, &stream, restored, keyOf(t, 1))
			require.NoError(t, err)
			for _, d := range []*session.Device{b, session.NewDevice(bob, key, restored, opts)} {
				require.NoError(t, d.SetRecord(ctx, alice, nil))
				_, err = d.Decrypt(ctx, alice, m)
				require.ErrorIs(t, err, session.ErrReplay)
			}
		})
	}
}

// TestRestoredImpostor: a session with another key than its user's, which an older program has let
// in, comes back with the backup and is believed as little as before.
func TestRestoredImpostor(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			w := &wiretap{t, make(map[string]bool)}
			a, b := newParty(t, alice, engine.open(t, nil)), newParty(t, bob, memory.New())
			require.NoError(t, b.Start(ctx, alice, a.bundle(t, 1)))
			w.deliver(b, a, "hello")
			other := newParty(t, signet.Address{Name: bob.Name, Device: 9}, memory.New())
			require.NoError(t, other.Start(ctx, alice, a.bundle(t, 1)))
			credulous := session.NewDevice(alice, a.IdentityKey(), a.store, &session.Options{DeviceIdentities: true})
			_, err := credulous.Decrypt(ctx, other.addr, w.send(other, a, "psst"))
			require.NoError(t, err)

			var stream bytes.Buffer
			_, err = backup.Write(ctx, &stream, a.store.(store), keyOf(t, 1))
			require.NoError(t, err)
			s := engine.open(t, nil)
			_, err = backup.Restore(ctx, &stream, s, keyOf(t, 1))
			require.NoError(t, err)
			a = newParty(t, alice, s)
			_, err = a.Decrypt(ctx, other.addr, w.send(other, a, "it is me"))
			var u *session.UntrustedIdentityError
			require.ErrorAs(t, err, &u)
			require.Equal(t, b.Identity(), u.Known)
			w.deliver(b, a, "I am still here")
		})
	}
}
