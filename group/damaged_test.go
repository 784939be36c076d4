package group

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A damaged sender key is one that is missing: for its messages, for a distribution that takes its
// place, and for the own one. It is kept aside and reported.
func TestDamagedSenderKey(t *testing.T) {
	for name, how := range map[string]func([]byte) []byte{
		"torn":  func(row []byte) []byte { return bytes.Clone(row[:len(row)/2]) },
		"empty": func([]byte) []byte { return []byte{0x0a, 0} },
		"noise": func(row []byte) []byte { return bytes.Repeat([]byte{0xff}, len(row)) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newMember("a"), newMember("b")
			a.start(t, b)
			var reported []string
			device := session.NewDevice(b.addr, nil, b.store, &session.Options{Damaged: func(_ session.Tx, e *session.DamagedError) error {
				reported = append(reported, e.Row)
				return nil
			}})
			b.channel = NewChannel(b.addr, b.channel.id, b.store, &Options{Device: device, Wrap: wrap})
			share := func(from, to *member) {
				t.Helper()
				list, err := from.channel.Share(ctx, from.Device, []signet.Address{to.addr})
				require.NoError(t, err)
				to.accept(t, from, list[0])
			}
			share(a, b)
			share(b, a)
			receive(t, b.channel, a.addr, send(t, a.channel, "before"), "before")
			damage := func(of signet.Address) {
				err := b.store.Update(ctx, of, func(tx session.Tx) error {
					row, err := tx.(Tx).SenderKey(of, b.channel.name)
					require.NoError(t, err)
					return tx.(Tx).PutSenderKey(of, b.channel.name, how(row))
				})
				require.NoError(t, err)
			}
			damage(a.addr)
			damage(b.addr)
			m := send(t, a.channel, "meanwhile")
			_, err := b.channel.Decrypt(ctx, a.addr, m)
			require.ErrorIs(t, err, ErrNoSenderKey)
			_, err = b.channel.Encrypt(ctx, nil)
			require.ErrorIs(t, err, ErrNoSenderKey)
			require.Empty(t, reported)

			share(a, b)
			receive(t, b.channel, a.addr, send(t, a.channel, "after"), "after")
			share(b, a)
			receive(t, a.channel, b.addr, send(t, b.channel, "after"), "after")
			if name == "empty" { // it parses, and has nothing that is of use
				reported = append([]string{"sender key of " + b.channel.name}, reported...)
			}
			require.Equal(t, []string{"sender key of " + b.channel.name, "sender key of " + b.channel.name}, reported)
		})
	}
}
