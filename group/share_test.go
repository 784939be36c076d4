package group

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// A member is a device with its channel over one store.
type member struct {
	*session.Device
	addr    signet.Address
	channel *Channel
	store   *memory.Store
}

// wrap puts a byte in front of a distribution, as the application's format of this test.
func wrap(distribution []byte) []byte { return append([]byte{'K'}, distribution...) }

func newMember(name string) *member {
	m := &member{addr: signet.Address{Name: name, Device: 1}, store: memory.New()}
	m.Device = session.NewDevice(m.addr, signet.GenerateKey(), m.store, nil)
	m.channel = NewChannel(m.addr, testI, m.store, &Options{Wrap: wrap})
	return m
}

func (m *member) start(t testing.TB, with *member) {
	t.Helper()
	stock, err := with.PreKeys(ctx, 1)
	require.NoError(t, err)
	bundle, err := stock.NextBundle()
	require.NoError(t, err)
	require.NoError(t, m.Start(ctx, with.addr, bundle))
}

// accept decrypts a delivery and joins what it brings in the same transaction.
func (m *member) accept(t testing.TB, from *member, d Delivery) {
	t.Helper()
	require.NoError(t, d.Err)
	require.Equal(t, m.addr, d.To)
	require.NoError(t, m.DecryptTo(ctx, from.addr, d.Message, func(tx session.Tx, plaintext []byte) error {
		b, ok := bytes.CutPrefix(plaintext, []byte{'K'})
		require.True(t, ok)
		return m.channel.JoinIn(tx, from.addr, b)
	}))
}

func addresses(members ...*member) (list []signet.Address) {
	for _, m := range members {
		list = append(list, m.addr)
	}
	return list
}

// TestMembership goes through the life of a group: shared keys, a late joiner, one who leaves, one
// who could not be reached, one who asks again.
func TestMembership(t *testing.T) {
	a, b, c, d := newMember("a"), newMember("b"), newMember("c"), newMember("d")
	for _, m := range []*member{b, c, d} {
		a.start(t, m)
	}
	list, err := a.channel.Share(ctx, a.Device, addresses(a, b, c))
	require.NoError(t, err)
	require.Len(t, list, 2, "the own address is left out")
	b.accept(t, a, list[0])
	c.accept(t, a, list[1])
	one := send(t, a.channel, "one")
	receive(t, b.channel, a.addr, one, "one")
	receive(t, c.channel, a.addr, one, "one")

	list, err = a.channel.Share(ctx, a.Device, addresses(d)) // joins late
	require.NoError(t, err)
	d.accept(t, a, list[0])
	refuse(t, d.channel, a.addr, one, ratchet.ErrForgotten) // from before its time
	late := send(t, a.channel, "late")
	receive(t, d.channel, a.addr, late, "late")

	// c leaves, and takes its key along. b cannot be reached at first.
	require.NoError(t, a.Archive(ctx, b.addr))
	list, err = a.channel.Rotate(ctx, a.Device, addresses(b, d))
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.ErrorIs(t, list[0].Err, session.ErrNoSession)
	d.accept(t, a, list[1])
	two := send(t, a.channel, "two")
	refuse(t, c.channel, a.addr, two, ErrNoSenderKey)
	receive(t, d.channel, a.addr, two, "two")
	refuse(t, b.channel, a.addr, two, ErrNoSenderKey)
	receive(t, b.channel, a.addr, late, "late") // the old key still opens what it encrypted

	e, err := session.NewDecryptionErrorMessage(session.Message{Type: session.TypeSenderKey, Body: two}, 1, a.addr.Device)
	require.NoError(t, err)
	archived, err := a.ArchiveOnRetry(ctx, b.addr, e)
	require.NoError(t, err)
	require.False(t, archived, "it is about the sender key, not the session")
	a.start(t, b)
	list, err = a.channel.Share(ctx, a.Device, addresses(b))
	require.NoError(t, err)
	b.accept(t, a, list[0])
	refuse(t, b.channel, a.addr, two, ratchet.ErrForgotten)
	receive(t, b.channel, a.addr, send(t, a.channel, "two again"), "two again")
}

// A failing Join keeps the session where it was: the delivery can be tried again.
func TestJoinIn(t *testing.T) {
	a, b := newMember("a"), newMember("b")
	a.start(t, b)
	list, err := a.channel.Share(ctx, a.Device, addresses(b))
	require.NoError(t, err)
	other := NewChannel(b.addr, DistributionID{99}, b.store, nil)
	for _, join := range []func(tx session.Tx, from signet.Address, b []byte) error{
		other.JoinIn,
		func(session.Tx, signet.Address, []byte) error { return errors.New("mine") },
	} {
		require.Error(t, b.DecryptTo(ctx, a.addr, list[0].Message, func(tx session.Tx, plaintext []byte) error {
			return join(tx, a.addr, plaintext[1:])
		}))
	}
	b.accept(t, a, list[0])
	receive(t, b.channel, a.addr, send(t, a.channel, "x"), "x")
}

// Rotation is durable before the first delivery, whatever becomes of those.
func TestRotateCancelled(t *testing.T) {
	a, b := newMember("a"), newMember("b")
	a.start(t, b)
	list, err := a.channel.Share(ctx, a.Device, addresses(b))
	require.NoError(t, err)
	b.accept(t, a, list[0])
	cancelled, cancel := context.WithCancel(ctx)
	a.channel.opts.Wrap = func(b []byte) []byte { cancel(); return wrap(b) }
	list, err = a.channel.Rotate(cancelled, a.Device, addresses(b))
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, list)
	refuse(t, b.channel, a.addr, send(t, a.channel, "x"), ErrNoSenderKey)

	_, err = a.channel.Rotate(cancelled, a.Device, addresses(b))
	require.ErrorIs(t, err, context.Canceled)
	_, err = a.channel.Share(cancelled, a.Device, addresses(b))
	require.ErrorIs(t, err, context.Canceled)
}
