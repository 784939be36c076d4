package gomau

import (
	"context"

	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/groups/state/record"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"

	"signet.example/signet"
)

// This file links go.mau.fi/libsignal, which is under the GPL; see the package's documentation.

// A Member is one end of a group of the library: its group ciphers over one store of sender keys.
type Member struct {
	store   *senderKeys
	group   string
	builder *groups.SessionBuilder
	self    *groups.GroupCipher
	name    *protocol.SenderKeyName
	others  map[signet.Address]*groups.GroupCipher
}

// NewMember returns a member of the group that keeps its sender keys as keep says.
func NewMember(self signet.Address, group string, keep Keep) *Member {
	s := &senderKeys{keep: keep, serializer: serialize.NewProtoBufSerializer(),
		live: make(map[senderName]*record.SenderKey), stored: make(map[senderName][]byte)}
	m := &Member{store: s, group: group, others: make(map[signet.Address]*groups.GroupCipher)}
	m.builder = groups.NewGroupSessionBuilder(s, s.serializer)
	m.name = m.sender(self)
	m.self = groups.NewGroupCipher(m.builder, m.name, s)
	return m
}

func (m *Member) sender(a signet.Address) *protocol.SenderKeyName {
	return protocol.NewSenderKeyName(m.group, protocol.NewSignalAddress(a.Name, a.Device))
}

// Distribution returns the member's distribution message.
func (m *Member) Distribution(ctx context.Context) ([]byte, error) {
	d, err := m.builder.Create(ctx, m.name)
	if err != nil {
		return nil, err
	}
	return d.Serialize(), nil
}

// Join processes another's distribution message.
func (m *Member) Join(ctx context.Context, from signet.Address, b []byte) error {
	d, err := protocol.NewSenderKeyDistributionMessageFromBytes(b, m.store.serializer.SenderKeyDistributionMessage)
	if err != nil {
		return err
	}
	return m.builder.Process(ctx, m.sender(from), d)
}

// Encrypt encrypts for the group.
func (m *Member) Encrypt(ctx context.Context, plaintext []byte) ([]byte, error) {
	c, err := m.self.Encrypt(ctx, plaintext)
	if err != nil {
		return nil, err
	}
	return c.SignedSerialize(), nil
}

// Decrypt decrypts a message of another.
func (m *Member) Decrypt(ctx context.Context, from signet.Address, b []byte) ([]byte, error) {
	k, err := protocol.NewSenderKeyMessageFromBytes(b, m.store.serializer.SenderKeyMessage)
	if err != nil {
		return nil, err
	}
	c := m.others[from]
	if c == nil {
		c = groups.NewGroupCipher(m.builder, m.sender(from), m.store)
		m.others[from] = c
	}
	return c.Decrypt(ctx, k)
}

// senderKeys implements the library's store of sender keys over maps, of live objects or of bytes.
type senderKeys struct {
	keep       Keep
	serializer *serialize.Serializer
	live       map[senderName]*record.SenderKey
	stored     map[senderName][]byte
}

type senderName struct {
	group  string
	sender address
}

func nameOf(n *protocol.SenderKeyName) senderName { return senderName{n.GroupID(), keyOf(n.Sender())} }

func (s *senderKeys) fresh() *record.SenderKey {
	return record.NewSenderKey(s.serializer.SenderKeyRecord, s.serializer.SenderKeyState)
}

func (s *senderKeys) LoadSenderKey(_ context.Context, n *protocol.SenderKeyName) (*record.SenderKey, error) {
	if s.keep == Live {
		if r := s.live[nameOf(n)]; r != nil {
			return r, nil
		}
		return s.fresh(), nil
	}
	if b := s.stored[nameOf(n)]; b != nil {
		return record.NewSenderKeyFromBytes(b, s.serializer.SenderKeyRecord, s.serializer.SenderKeyState)
	}
	return s.fresh(), nil
}

func (s *senderKeys) StoreSenderKey(_ context.Context, n *protocol.SenderKeyName, r *record.SenderKey) error {
	if s.keep == Live {
		s.live[nameOf(n)] = r
	} else {
		s.stored[nameOf(n)] = r.Serialize()
	}
	return nil
}
