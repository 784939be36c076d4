package group

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// An answer to a group's message, to the group and to its sender, commits with the message; other
// operations on the same store fail at once inside it, of the channel as of the device.
func TestEncryptIn(t *testing.T) {
	a, b := newMember("a"), newMember("b")
	a.start(t, b)
	list, err := a.channel.Share(ctx, a.Device, []signet.Address{b.addr})
	require.NoError(t, err)
	b.accept(t, a, list[0])
	list, err = b.channel.Share(ctx, b.Device, []signet.Address{a.addr})
	require.NoError(t, err)
	a.accept(t, b, list[0])
	m := send(t, a.channel, "question")
	var answer []byte
	var private session.Message
	require.NoError(t, b.channel.DecryptTo(ctx, a.addr, m, func(tx session.Tx, _ []byte) (err error) {
		_, err = b.channel.Encrypt(ctx, nil)
		require.Equal(t, session.ErrInTransaction, err)
		_, err = b.channel.Decrypt(ctx, a.addr, m)
		require.Equal(t, session.ErrInTransaction, err)
		_, err = b.Device.Encrypt(ctx, a.addr, nil)
		require.Equal(t, session.ErrInTransaction, err)
		if answer, err = b.channel.EncryptIn(tx, []byte("answer")); err != nil {
			return err
		}
		private, err = b.Device.EncryptIn(tx, a.addr, []byte("between us"))
		return err
	}))
	receive(t, a.channel, b.addr, answer, "answer")
	text, err := a.Device.Decrypt(ctx, b.addr, private)
	require.NoError(t, err)
	require.Equal(t, "between us", string(text))

	// The device's transactions are the channel's, too.
	_, err = a.Device.EncryptTo(ctx, b.addr, nil, func(tx session.Tx, _ session.Message) error {
		_, err := a.channel.Encrypt(ctx, nil)
		require.Equal(t, session.ErrInTransaction, err)
		_, err = a.channel.EncryptIn(tx, []byte("along with it"))
		return err
	})
	require.NoError(t, err)
}
