package sealed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// A world is a service with a trust root, and devices with certificates of it.
type world struct {
	ctx    context.Context
	root   *signet.PrivateKey
	server *ServerCertificate
	issuer *signet.PrivateKey
	now    time.Time
}

func newWorld(t testing.TB) *world {
	w := &world{
		ctx:    entropy.With(context.Background(), entropy.Seeded([32]byte{7})),
		root:   signet.GenerateKey(),
		issuer: signet.GenerateKey(),
		now:    time.UnixMilli(1790000000000),
	}
	var err error
	w.server, err = NewServerCertificate(w.root, 1, w.issuer.PublicKey())
	require.NoError(t, err)
	return w
}

func (w *world) trust() Trust { return Trust{Roots: []signet.PublicKey{w.root.PublicKey()}} }

// A member is one device with everything it needs.
type member struct {
	*session.Device
	key     *signet.PrivateKey
	store   *memory.Store
	channel *group.Channel
	cert    *SenderCertificate
	out     *Sender
	in      *Receiver
}

var distributionID = group.DistributionID{0xd1, 0xd1, 15: 0x61}

func (w *world) certificate(t testing.TB, a signet.Address, key signet.PublicKey, e164 *string) *SenderCertificate {
	c, err := NewSenderCertificate(w.server, w.issuer, Claim{Sender: a, E164: e164, Key: key, Expires: w.now.Add(time.Hour)})
	require.NoError(t, err)
	return c
}

func (w *world) member(t testing.TB, uuid string, device uint32, key *signet.PrivateKey) *member {
	m := &member{key: key, store: memory.New()}
	a := signet.Address{Name: uuid, Device: device}
	clock := func() time.Time { return w.now }
	m.Device = session.NewDevice(a, m.key, m.store, &session.Options{Now: clock})
	m.channel = group.NewChannel(a, distributionID, m.store, nil)
	m.cert = w.certificate(t, a, m.key.PublicKey(), nil)
	var err error
	m.out, err = NewSender(m.Device, m.cert, m.channel)
	require.NoError(t, err)
	m.in = NewReceiver(m.Device, w.trust(), &Options{Now: clock})
	return m
}

// meet makes a session from a to b.
func (w *world) meet(t testing.TB, a, b *member) {
	published, err := b.PreKeys(w.ctx, 1)
	require.NoError(t, err)
	bundle, err := published.NextBundle()
	require.NoError(t, err)
	require.NoError(t, a.Start(w.ctx, b.Address(), bundle))
}

// state is everything that a device knows of some peers.
func (m *member) state(t testing.TB, w *world, peers ...*member) (all []string) {
	for _, p := range peers {
		record, err := m.Record(w.ctx, p.Address())
		require.NoError(t, err)
		identity, ok, err := m.Trusted(w.ctx, p.Address())
		require.NoError(t, err)
		chain, err := m.channel.Record(w.ctx, p.Address())
		require.NoError(t, err)
		all = append(all, fmt.Sprintf("%x %v %v %x", record, identity, ok, chain))
	}
	err := m.store.Update(w.ctx, signet.Address{}, func(tx session.Tx) error {
		n, err := tx.CountPreKeys()
		k, err2 := tx.CountKEMPreKeys()
		var rows []string
		for p := range tx.Peers() {
			rows = append(rows, p.String())
		}
		slices.Sort(rows)
		all = append(all, fmt.Sprint(n, k, rows))
		return errors.Join(err, err2)
	})
	require.NoError(t, err)
	return all
}

const (
	aliceID = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	bobID   = "796abedb-ca4e-4f18-8803-1fde5b921f9f"
	carolID = "PNI:38381c3b-2606-4ca7-9310-7cb927f2ab4a"
)
