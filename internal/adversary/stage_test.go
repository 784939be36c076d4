package adversary

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/internal/wire"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
)

// Calm dice decide for the last of what there is: a service that does nothing of its own accord.
type calm struct{}

func (calm) n(sides int) int { return sides - 1 }
func (calm) left() bool      { return true }

// A stage is a world in which Alice's first device has met both of Bob's, in sessions and in a
// group, and an adversary who is about to try something.
type stage struct {
	*world
	t     *testing.T
	alice *machine
	bob   []*machine // his two devices
	evil  *machine   // who must not be taken for the user whose name it has
	// checked: Alice follows changes of identity by herself, but for those whom she has verified, as
	// Bob.
	checked bool
}

func newStage(t *testing.T, checked bool) *stage {
	t.Helper()
	s := &stage{world: newWorld(calm{}, 1), t: t, checked: checked}
	s.alice, s.bob = s.users[0].live[0], s.users[1].live
	for _, m := range s.machines {
		m.opts.IdentityChanges = session.RefuseChanges
		m.wire(s.world)
	}
	s.meet(s.alice, s.bob[0])
	s.meet(s.alice, s.bob[1])
	if checked {
		s.alice.opts.IdentityChanges = session.AcceptUnverified
		s.alice.wire(s.world)
		require.NoError(t, s.alice.device.Verify(s.ctx, s.bob[0].addr, s.bob[0].public()))
	}
	for _, m := range s.bob {
		s.share(m, s.alice)
		s.share(s.alice, m)
	}
	return s
}

// meet has two devices exchange a message each way.
func (s *stage) meet(a, b *machine) {
	s.t.Helper()
	require.NoError(s.t, a.device.Start(s.ctx, b.addr, got(handed(b.stock.Next())).Bundle))
	s.say(a, b, "hello")
	s.say(b, a, "hello yourself")
}

func (s *stage) say(from, to *machine, text string) {
	s.t.Helper()
	m, err := from.device.Encrypt(s.ctx, to.addr, []byte(text))
	require.NoError(s.t, err)
	b, err := to.device.Decrypt(s.ctx, from.addr, m)
	require.NoError(s.t, err)
	require.Equal(s.t, text, string(b))
}

// share hands the sender key of one device to another.
func (s *stage) share(from, to *machine) {
	s.t.Helper()
	d, err := from.channels[0].Share(s.ctx, from.device, []signet.Address{to.addr})
	require.NoError(s.t, err)
	require.NoError(s.t, d[0].Err)
	require.NoError(s.t, to.device.DecryptTo(s.ctx, from.addr, d[0].Message, func(tx session.Tx, b []byte) error {
		distribution, ok := unwrap(b)
		require.True(s.t, ok)
		return to.channels[0].JoinIn(tx, from.addr, distribution)
	}))
}

// The ways in which a device comes to have a name whose identity it has not.

// ghosts: the service adds a device with a key of its own to Bob.
func (s *stage) ghosts(name string) {
	s.evil = s.install(ghost, signet.Address{Name: name, Device: 9}, s.newKey())
	s.service.listed[s.evil] = true
	s.alice.client.Forget(name)
}

// plants: a ghost's session is in Alice's store, as a program that did not compare would have left
// it.
func (s *stage) plants() {
	s.ghosts(s.bob[0].addr.Name)
	e := s.evil
	copied := session.NewDevice(s.alice.addr, s.alice.key, newLedger(false), &session.Options{Now: s.now, DeviceIdentities: true})
	require.NoError(s.t, copied.Start(s.ctx, e.addr, got(handed(e.stock.Next())).Bundle))
	m := got(copied.Encrypt(s.ctx, e.addr, []byte("hello")))
	got(e.device.Decrypt(s.ctx, s.alice.addr, m))
	got(copied.Decrypt(s.ctx, e.addr, got(e.device.Encrypt(s.ctx, s.alice.addr, []byte("hello yourself")))))
	record := got(copied.Record(s.ctx, e.addr))
	require.NoError(s.t, s.alice.store.Update(s.ctx, e.addr, func(tx session.Tx) error {
		if err := tx.PutSession(e.addr, record); err != nil {
			return err
		}
		got(e.channels[0].Distribution(s.ctx))
		return errors.Join(tx.PutIdentity(e.addr, e.public().Bytes()), s.plantKeys(tx, e))
	}))
}

// replaces: Bob has a new identity, which Alice trusts; his second device, with the old one, was
// stolen. If it is hidden, the directory leaves it out until Alice has trusted.
func (s *stage) replaces(hidden bool) {
	u := s.users[1]
	old := u.live
	for _, m := range old {
		m.falls(s.world, stolen)
	}
	s.evil = old[1]
	u.key, u.live, u.next = s.newKey(), nil, 1
	s.addDevice(u)
	s.service.listed[s.evil] = !hidden
	s.alice.client.Forget(u.name)
	require.NoError(s.t, s.alice.client.Trust(s.ctx, u.name, u.key.PublicKey()))
	if s.checked {
		require.NoError(s.t, s.alice.device.Verify(s.ctx, u.live[0].addr, u.key.PublicKey()))
	}
	s.service.listed[s.evil] = true
	s.alice.client.Forget(u.name)
	s.bob = u.live
}

// A medium is how something comes to Alice.
type medium int

const (
	inSession medium = iota
	inEnvelope
	inGroup
)

// posts are what the machine e can write to Alice, in a medium: in the session that it has, and in
// one that it begins.
func (s *stage) posts(e *machine, in medium) (list []*post) {
	text := []byte("it is me, Bob")
	if e.device == nil {
		return nil
	}
	add := func() {
		switch in {
		case inSession:
			m, err := e.device.Encrypt(s.ctx, s.alice.addr, text)
			if err == nil {
				list = append(list, &post{author: e, to: s.alice.addr, message: m, text: text})
			}
		case inEnvelope:
			b, err := e.sender.SealOne(s.ctx, s.alice.addr, text)
			if err == nil {
				list = append(list, &post{author: e, to: s.alice.addr, envelope: b, text: text})
			}
		}
	}
	add() // in the session that there is
	b := got(handed(s.alice.stock.Next())).Bundle
	require.NoError(s.t, e.device.Start(s.ctx, s.alice.addr, b))
	add()
	if in == inSession {
		return list
	}
	return append(list, s.groupPosts(e, in)...)
}

func (s *stage) groupPosts(e *machine, in medium) []*post {
	text := []byte("it is me, Bob, in the group")
	got(e.channels[0].Distribution(s.ctx))
	m := got(e.channels[0].Encrypt(s.ctx, text))
	p := &post{author: e, kind: grouped, text: text, message: session.Message{Type: session.TypeSenderKey, Body: m}}
	if in == inEnvelope {
		c := got(sealed.NewContent(p.message, s.service.certify(e.addr, e.public()), sealed.HintDefault, nil))
		p.envelope = got(c.SealV2(e.key, s.alice.public()))
	}
	return []*post{p}
}

// withNotices makes Alice's device one that looks at notices, over the same store.
func (s *stage) withNotices() {
	s.alice.opts.Custody = &notice.Watch{}
	s.alice.wire(s.world)
}

// wrapped is m inside a first message of the given version with a one-time prekey of Alice's.
func (s *stage) wrapped(m session.Message, author *machine, version uint8) session.Message {
	p := &wire.PreKeyMessage{
		Version: version, HasPreKey: true, PreKeyID: s.alice.stock.PreKeys[0].ID,
		BaseKey: s.newKey().PublicKey().Bytes(), IdentityKey: author.public().Bytes(), Message: m.Body,
		RegistrationID: author.stock.RegistrationID, SignedPreKeyID: s.alice.stock.SignedPreKey.ID,
	}
	if version == 4 {
		p.HasKEM, p.KEMPreKeyID = true, s.alice.stock.LastResort.ID
		p.KEMCiphertext = make([]byte, 1569)
		p.KEMCiphertext[0] = 8
	}
	return session.Message{Type: session.TypePreKey, Body: wire.AppendPreKeyMessage(nil, p)}
}
