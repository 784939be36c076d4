package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// The accounts, as the platform numbers them.
const (
	aliceID = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	bobID   = "796abedb-ca4e-4f18-8803-1fde5b921f9f"
	carolID = "38381c3b-2606-4ca7-9310-7cb927f2ab4a"
)

var (
	accounts = []string{aliceID, bobID, carolID}
	names    = map[string]string{aliceID: "alice", bobID: "bob", carolID: "carol"}
)

// A device is one end: sessions, the group, and an envelope to put their messages in.
type device struct {
	*session.Device
	channel *group.Channel
	out     *sealed.Sender
	in      *sealed.Receiver
	inbox   []string // "who: what"
}

// A world is a relay and the devices around it, which use sealed sender or do not.
type world struct {
	sealed  bool
	clock   time.Time
	relay   *relay
	devices []*device
}

// newWorld makes two devices for each account, which have one identity key, and their certificates.
func newWorld(useSealed bool) (*world, error) {
	w := &world{sealed: useSealed, clock: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}
	w.relay = &relay{now: w.now, boxes: make(map[signet.Address][]envelope)}
	root, service := signet.GenerateKey(), signet.GenerateKey()
	server, err := sealed.NewServerCertificate(root, 1, service.PublicKey())
	if err != nil {
		return nil, err
	}
	trust := sealed.Trust{Roots: []signet.PublicKey{root.PublicKey()}}
	id := group.NewDistributionID()
	for _, account := range accounts {
		key := signet.GenerateKey()
		for n := range 2 {
			a, store := signet.Address{Name: account, Device: uint32(n + 1)}, memory.New()
			d := &device{
				Device:  session.NewDevice(a, key, store, &session.Options{Now: w.now}),
				channel: group.NewChannel(a, id, store, nil),
			}
			// The service certifies each sender for a day. It sees who asks for a certificate, not where it
			// is used.
			c, err := sealed.NewSenderCertificate(server, service, sealed.Claim{Sender: a, Key: key.PublicKey(), Expires: w.clock.Add(24 * time.Hour)})
			if err != nil {
				return nil, err
			}
			if d.out, err = sealed.NewSender(d.Device, c, d.channel); err != nil {
				return nil, err
			}
			d.in = sealed.NewReceiver(d.Device, trust, &sealed.Options{Now: w.now})
			w.devices = append(w.devices, d)
		}
	}
	return w, nil
}

func (w *world) now() time.Time { return w.clock }

// person returns the devices of an account.
func (w *world) person(account string) (all []*device) {
	for _, d := range w.devices {
		if d.Address().Name == account {
			all = append(all, d)
		}
	}
	return all
}

// The first byte of a plaintext says what it is.
const (
	textFirst = 't'
	keyFirst  = 'k' // a distribution message of the group
)

// write sends a text to devices, over the session with each.
func (w *world) write(ctx context.Context, from *device, to []*device, text string) error {
	return w.send(ctx, from, to, append([]byte{textFirst}, text...))
}

// share hands the sender key of from to devices.
func (w *world) share(ctx context.Context, from *device, to []*device) error {
	distribution, err := from.channel.Distribution(ctx)
	if err != nil {
		return err
	}
	return w.send(ctx, from, to, append([]byte{keyFirst}, distribution...))
}

func (w *world) send(ctx context.Context, from *device, to []*device, plaintext []byte) error {
	for _, d := range to {
		if err := meet(ctx, from, d); err != nil {
			return err
		}
		if w.sealed {
			b, err := from.out.SealOne(ctx, d.Address(), plaintext)
			if err != nil {
				return err
			}
			w.relay.accept(d.Address(), signet.Address{}, 0, b)
			continue
		}
		m, err := from.Encrypt(ctx, d.Address(), plaintext)
		if err != nil {
			return err
		}
		w.relay.accept(d.Address(), from.Address(), m.Type, m.Body)
	}
	return nil
}

// meet makes a session if there is none. A bundle comes out of a directory, as a rule the
// platform's.
func meet(ctx context.Context, from, to *device) error {
	status, err := from.Status(ctx, to.Address())
	if err != nil || status.Exists {
		return err
	}
	published, err := to.PreKeys(ctx, 1)
	if err != nil {
		return err
	}
	bundle, err := published.NextBundle()
	if err != nil {
		return err
	}
	return from.Start(ctx, to.Address(), bundle)
}

// writeGroup sends a text to the group, encrypted once.
func (w *world) writeGroup(ctx context.Context, from *device, to []*device, text string) error {
	plaintext := append([]byte{textFirst}, text...)
	var addresses []signet.Address
	for _, d := range to {
		addresses = append(addresses, d.Address())
	}
	if w.sealed {
		b, err := from.out.Seal(ctx, addresses, plaintext)
		if err != nil {
			return err
		}
		return w.relay.upload(b)
	}
	m, err := from.channel.Encrypt(ctx, plaintext)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		w.relay.accept(a, from.Address(), session.TypeSenderKey, m)
	}
	return nil
}

// deliver lets every device fetch what has come for it.
func (w *world) deliver(ctx context.Context) error {
	for _, d := range w.devices {
		for _, e := range w.relay.fetch(d.Address()) {
			if err := w.receive(ctx, d, e); err != nil {
				return fmt.Errorf("%s: %w", d.Address(), err)
			}
		}
	}
	return nil
}

// receive decrypts an envelope, with the sender's name from the outside or from the inside of it.
func (w *world) receive(ctx context.Context, d *device, e envelope) error {
	body := bytes.Join(e.body, nil) // what arrives over a network is one piece again
	var text string
	read := func(tx session.Tx, from signet.Address, plaintext []byte) error {
		switch {
		case len(plaintext) == 0:
			return errors.New("an empty plaintext")
		case plaintext[0] == keyFirst:
			return d.channel.JoinIn(tx, from, plaintext[1:])
		}
		text = names[from.Name] + ": " + string(plaintext[1:])
		return nil
	}
	outside := func(tx session.Tx, plaintext []byte) error { return read(tx, e.from, plaintext) }
	var err error
	switch {
	case w.sealed:
		err = d.in.OpenTo(ctx, body, func(tx session.Tx, m *sealed.Opened) error { return read(tx, m.From, m.Plaintext) })
	case e.kind == session.TypeSenderKey:
		err = d.channel.DecryptTo(ctx, e.from, body, outside)
	default:
		err = d.DecryptTo(ctx, e.from, session.Message{Type: e.kind, Body: body}, outside)
	}
	if err == nil && text != "" {
		d.inbox = append(d.inbox, text)
	}
	return err
}
