package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/groups/state/record"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/group"
	"signet.example/signet/session/memory"
)

// senderKeyRows keeps records as whatsmeow's table does.
type senderKeyRows struct {
	s *serialize.Serializer
	m map[string][]byte
}

func (r senderKeyRows) StoreSenderKey(_ context.Context, n *protocol.SenderKeyName, k *record.SenderKey) error {
	r.m[n.Sender().String()] = k.Serialize()
	return nil
}

func (r senderKeyRows) LoadSenderKey(_ context.Context, n *protocol.SenderKeyName) (*record.SenderKey, error) {
	if b := r.m[n.Sender().String()]; b != nil {
		return record.NewSenderKeyFromBytes(b, r.s.SenderKeyRecord, r.s.SenderKeyState)
	}
	return record.NewSenderKey(r.s.SenderKeyRecord, r.s.SenderKeyState), nil
}

// moved is a member with the row that the peer's library keeps of a sender.
func moved(t *testing.T, self, sender signet.Address, row []byte) *group.Channel {
	t.Helper()
	c := group.NewWhatsAppChannel(self, groupName, memory.New(), nil)
	b, err := group.ImportSenderKey(row)
	require.NoError(t, err)
	require.NoError(t, c.SetRecord(ctx, sender, b))
	return c
}

// TestMovedSenderKeys moves a member of a group from the peer's library: what it has received of
// others goes on, late messages too, and so does its own sender key.
func TestMovedSenderKeys(t *testing.T) {
	r := senderKeyRows{serialize.NewProtoBufSerializer(), map[string][]byte{}}
	builder := groups.NewGroupSessionBuilder(r, r.s)
	name := protocol.NewSenderKeyName(groupName, protocol.NewSignalAddress(aliceAddr.Name, aliceAddr.Device))
	var late []byte
	var member *gomau.Member
	for range 3 { // the sender has changed its key since
		member = gomau.NewMember(aliceAddr, groupName, gomau.Stored)
		b, err := member.Distribution(ctx)
		require.NoError(t, err)
		d, err := protocol.NewSenderKeyDistributionMessageFromBytes(b, r.s.SenderKeyDistributionMessage)
		require.NoError(t, err)
		require.NoError(t, builder.Process(ctx, name, d))
		late = groupSay(t, member, "late")
		m, err := protocol.NewSenderKeyMessageFromBytes(groupSay(t, member, "second"), r.s.SenderKeyMessage)
		require.NoError(t, err)
		_, err = groups.NewGroupCipher(builder, name, r).Decrypt(ctx, m)
		require.NoError(t, err)
	}
	c := moved(t, bobAddr, aliceAddr, r.m[name.Sender().String()])
	groupHear(t, c, groupSay(t, member, "after the move"), "after the move")
	groupHear(t, c, late, "late")
	_, err := c.Decrypt(ctx, aliceAddr, late)
	require.Error(t, err)

	own := protocol.NewSenderKeyName(groupName, protocol.NewSignalAddress(bobAddr.Name, bobAddr.Device))
	d, err := builder.Create(ctx, own)
	require.NoError(t, err)
	listener := gomau.NewMember(aliceAddr, groupName, gomau.Stored)
	require.NoError(t, listener.Join(ctx, bobAddr, d.Serialize()))
	b := moved(t, bobAddr, bobAddr, r.m[own.Sender().String()])
	got, err := listener.Decrypt(ctx, bobAddr, groupSay(t, b, "from the new program"))
	require.NoError(t, err)
	require.Equal(t, "from the new program", string(got))
}
