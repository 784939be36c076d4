package ops

import (
	"bytes"
	"errors"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/internal/secret"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// A talker is one end of an established session.
type talker struct {
	encrypt func(plaintext []byte) (session.Message, error)
	decrypt func(m session.Message) ([]byte, error)
}

// A pair is the two ends of one session, in which each has heard from the other.
type pair struct{ alice, bob talker }

// An implementation makes pairs.
type implementation struct {
	name string
	open func() (*pair, error)
}

// implementations are those that live in this process.
var implementations = []implementation{
	{measure.Signet, func() (*pair, error) { return openDevices(x3dh.VersionPQXDH) }},
	{measure.SignetState, openStates},
	{measure.SignetV3, func() (*pair, error) { return openDevices(x3dh.VersionX3DH) }},
	{measure.Gomau, func() (*pair, error) { return openGomau(gomau.Live) }},
	{measure.GomauStored, func() (*pair, error) { return openGomau(gomau.Stored) }},
}

// cases makes one case of each implementation.
func cases(open func(i *implementation) (*measure.Subject, error)) (list []measure.Case) {
	for _, i := range implementations {
		list = append(list, measure.Case{
			Impl: i.name, Open: func() (*measure.Subject, error) { return open(&i) },
		})
	}
	return list
}

func newDevice(self signet.Address) (*session.Device, *memory.Store) {
	store := memory.New()
	return session.NewDevice(self, signet.GenerateKey(), store, &session.Options{AllowX3DH: true}), store
}

func openDevices(version uint8) (*pair, error) {
	alice, _ := newDevice(aliceAddr)
	bob, _ := newDevice(bobAddr)
	if err := meet(alice, bob, version); err != nil {
		return nil, err
	}
	return greet(&pair{onDevice(alice, bobAddr), onDevice(bob, aliceAddr)})
}

// meet begins a session from a to b.
func meet(a, b *session.Device, version uint8) error {
	published, err := b.PreKeys(ctx, 1)
	if err != nil {
		return err
	}
	v, err := x3dh.NewBundle(fields(published, version))
	if err != nil {
		return err
	}
	return a.Start(ctx, b.Address(), v)
}

// fields takes the next bundle of a stock.
func fields(p *x3dh.Published, version uint8) x3dh.BundleFields {
	f := p.Next()
	if version < x3dh.VersionPQXDH {
		f.KEMPreKey = nil
	}
	return f
}

func onDevice(d *session.Device, peer signet.Address) talker {
	return talker{
		func(plaintext []byte) (session.Message, error) { return d.Encrypt(ctx, peer, plaintext) },
		func(m session.Message) ([]byte, error) { return d.Decrypt(ctx, peer, m) },
	}
}

// openStates makes two live States from a shared seed.
func openStates() (*pair, error) {
	a, z, signed := signet.GenerateKey(), signet.GenerateKey(), signet.GenerateKey()
	h := ratchet.Handshake{Version: x3dh.VersionPQXDH, BaseKey: signet.GenerateKey().PublicKey()}
	seed := ratchet.Seed{Root: secret.Key{1}, Chain: secret.Key{2}, PQ: secret.Key{3}}
	h.Local, h.Remote = a.PublicKey(), z.PublicKey()
	alice, err := ratchet.NewInitiator(seed, &h, signed.PublicKey())
	if err != nil {
		return nil, err
	}
	h.Local, h.Remote = h.Remote, h.Local
	return greet(&pair{onState(alice), onState(ratchet.NewResponder(seed, &h, signed))})
}

func onState(s *ratchet.State) talker {
	return talker{
		func(plaintext []byte) (m session.Message, err error) {
			m.Type = session.TypeSignal
			m.Body, err = s.Encrypt(nil, plaintext)
			return m, err
		},
		func(m session.Message) ([]byte, error) { return s.Decrypt(nil, m.Body) },
	}
}

func openGomau(keep gomau.Keep) (*pair, error) {
	alice, err := gomau.New(aliceAddr, keep)
	if err != nil {
		return nil, err
	}
	bob, err := gomau.New(bobAddr, keep)
	if err != nil {
		return nil, err
	}
	f, err := gomauBundle(bob, 1)
	if err != nil {
		return nil, err
	}
	to := alice.Session(bobAddr)
	if err := to.Start(ctx, f); err != nil {
		return nil, err
	}
	return greet(&pair{onGomau(to), onGomau(bob.Session(aliceAddr))})
}

func gomauBundle(d *gomau.Device, id uint32) (*x3dh.BundleFields, error) {
	if err := d.AddPreKey(id); err != nil {
		return nil, err
	}
	f := d.Bundle(&id)
	return &f, nil
}

func onGomau(s *gomau.Session) talker {
	return talker{
		func(plaintext []byte) (session.Message, error) { return s.Encrypt(ctx, plaintext) },
		func(m session.Message) ([]byte, error) { return s.Decrypt(ctx, m) },
	}
}

// greet carries two messages each way.
func greet(p *pair) (*pair, error) {
	for range 2 {
		if err := p.roundTrip([]byte("hello")); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// roundTrip carries a message and its answer.
func (p *pair) roundTrip(text []byte) error {
	if err := carry(p.alice, p.bob, text); err != nil {
		return err
	}
	return carry(p.bob, p.alice, text)
}

// carry encrypts at one end and decrypts at the other.
func carry(from, to talker, text []byte) error {
	m, err := from.encrypt(text)
	if err != nil {
		return err
	}
	return hear(to, m, text)
}

var errOther = errors.New("ops: another plaintext came out")

func hear(to talker, m session.Message, text []byte) error {
	got, err := to.decrypt(m)
	if err == nil && !bytes.Equal(got, text) {
		return errOther
	}
	return err
}

// text returns n bytes to send.
func text(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }
