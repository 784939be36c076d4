package ops

import (
	"fmt"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/xeddsa"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// A meeting is one handshake that is about to happen: the prekeys are published, the initiator has
// an identity of its own and what it read of the bundle is not verified yet.
type meeting struct {
	initiate func() (session.Message, error) // verify the bundle, begin, encrypt 64 bytes
	respond  func(m session.Message) error   // decrypt them, which makes the session
}

// meetings makes n of them for one responder.
type meetings func(n int) ([]meeting, error)

// A side is which part of a handshake counts.
type side uint8

const (
	bothSides side = iota
	initiator
	responder
)

func (b *builder) handshakes() {
	for s, name := range []string{"handshake", "handshake-initiator", "handshake-responder"} {
		s := side(s)
		b.add(name, []string{
			"the bundle verified, the agreement on both sides, the first message of 64 bytes sent and opened",
			"its initiator: bundle, agreement, first message encrypted",
			"its responder: first message decrypted, which makes the session",
		}[s],
			meetingCase(measure.Signet, s, func() (meetings, error) { return deviceMeetings(x3dh.VersionPQXDH) }),
			meetingCase(measure.SignetState, s, stateMeetings),
			meetingCase(measure.SignetV3, s, func() (meetings, error) { return deviceMeetings(x3dh.VersionX3DH) }),
			meetingCase(measure.Gomau, s, func() (meetings, error) { return gomauMeetings(gomau.Live) }),
			meetingCase(measure.GomauStored, s, func() (meetings, error) { return gomauMeetings(gomau.Stored) }),
			b.official(name),
			floorCase(1, func(f *floor) {
				if s != responder {
					f.initiator()
				}
				if s != initiator {
					f.responder()
				}
			}))
	}
}

func meetingCase(impl string, s side, open func() (meetings, error)) measure.Case {
	return measure.Case{Impl: impl, Open: func() (*measure.Subject, error) {
		m, err := open()
		if err != nil {
			return nil, err
		}
		return &measure.Subject{Run: func(w *measure.Watch, n int) error { return m.run(w, n, s) }}, nil
	}}
}

// run does n handshakes in batches. Devices and prekeys are made, and the other side acts, with the
// watch stopped.
func (m meetings) run(w *measure.Watch, n int, s side) error {
	const batch = 32
	messages := make([]session.Message, batch)
	for n > 0 {
		list, err := m(min(n, batch))
		if err != nil {
			return err
		}
		n -= len(list)
		timed := func(on bool, f func(i int) error) error {
			if on {
				w.Start()
				defer w.Stop()
			}
			for i := range list {
				if err := f(i); err != nil {
					return err
				}
			}
			return nil
		}
		err = timed(s != responder, func(i int) (err error) {
			messages[i], err = list[i].initiate()
			return err
		})
		if err != nil {
			return err
		}
		err = timed(s != initiator, func(i int) error { return list[i].respond(messages[i]) })
		if err != nil {
			return err
		}
	}
	return nil
}

// visitor is the address of the i-th initiator.
func visitor(i int) signet.Address { return signet.Address{Name: fmt.Sprint("visitor ", i), Device: 1} }

func deviceMeetings(version uint8) (meetings, error) {
	bob, _ := newDevice(bobAddr)
	return visits(bob, version), nil
}

// visits makes initiators for bob.
func visits(bob *session.Device, version uint8) meetings {
	t, visitors := text(64), 0
	return func(n int) ([]meeting, error) {
		published, err := bob.PreKeys(ctx, n)
		if err != nil {
			return nil, err
		}
		list := make([]meeting, n)
		for i := range list {
			f := fields(published, version)
			visitors++
			alice, _ := newDevice(visitor(visitors))
			alice.Identity() // derives the public key, which a program does once
			if _, err := alice.RegistrationID(ctx); err != nil {
				return nil, err
			}
			list[i].initiate = func() (m session.Message, err error) {
				v, err := x3dh.NewBundle(f)
				if err != nil {
					return m, err
				}
				if err := alice.Start(ctx, bobAddr, v); err != nil {
					return m, err
				}
				return alice.Encrypt(ctx, bobAddr, t)
			}
			from := onDevice(bob, alice.Address())
			list[i].respond = func(m session.Message) error { return hear(from, m, t) }
		}
		return list, nil
	}
}

// stateMeetings has no records: the responder's prekeys are live keys.
func stateMeetings() (meetings, error) {
	t := text(64)
	bob, signed := signet.GenerateKey(), signet.GenerateKey()
	public, private := kem.Generate(new([kem.SeedSize]byte))
	f := x3dh.BundleFields{Identity: bob.PublicKey(), SignedPreKey: x3dh.SignedPreKey{Public: signed.PublicKey()}}
	signature, _ := bob.Sign(signed.PublicKey().Bytes())
	f.SignedPreKey.Signature = signature[:]
	kemSignature, _ := bob.Sign(public)
	f.KEMPreKey = &x3dh.KEMPreKey{Public: public, Signature: kemSignature[:]}
	return func(n int) ([]meeting, error) {
		list := make([]meeting, n)
		for i := range list {
			alice, oneTime := signet.GenerateKey(), signet.GenerateKey()
			f := f
			f.PreKey = &x3dh.PreKey{Public: oneTime.PublicKey()}
			h := ratchet.Handshake{Version: x3dh.VersionPQXDH, Local: alice.PublicKey(), Remote: bob.PublicKey()}
			var in *x3dh.Initial
			list[i].initiate = func() (m session.Message, err error) {
				v, err := x3dh.NewBundle(f)
				if err != nil {
					return m, err
				}
				var secret x3dh.Secret
				if in, secret, err = x3dh.Initiate(alice, v); err != nil {
					return m, err
				}
				h := h
				h.BaseKey = in.BaseKey
				s, err := ratchet.NewInitiator(ratchet.Seed(secret), &h, f.SignedPreKey.Public)
				if err != nil {
					return m, err
				}
				m.Body, err = s.Encrypt(nil, t)
				return m, err
			}
			list[i].respond = func(m session.Message) error {
				keys := &x3dh.PreKeys{SignedPreKey: signed, PreKey: oneTime, KEMPreKey: private}
				secret, err := x3dh.Accept(bob, keys, in)
				if err != nil {
					return err
				}
				h := ratchet.Handshake{Version: h.Version, Local: h.Remote, Remote: h.Local, BaseKey: in.BaseKey}
				return hear(onState(ratchet.NewResponder(ratchet.Seed(secret), &h, signed)), m, t)
			}
		}
		return list, nil
	}, nil
}

func gomauMeetings(keep gomau.Keep) (meetings, error) {
	bob, err := gomau.New(bobAddr, keep)
	if err != nil {
		return nil, err
	}
	t, visitors := text(64), 0
	return func(n int) ([]meeting, error) {
		list := make([]meeting, n)
		for i := range list {
			visitors++
			f, err := gomauBundle(bob, uint32(visitors))
			if err != nil {
				return nil, err
			}
			alice, err := gomau.New(visitor(visitors), keep)
			if err != nil {
				return nil, err
			}
			to := alice.Session(bobAddr)
			list[i].initiate = func() (session.Message, error) {
				if err := to.Start(ctx, f); err != nil {
					return session.Message{}, err
				}
				return to.Encrypt(ctx, t)
			}
			from := onGomau(bob.Session(visitor(visitors)))
			list[i].respond = func(m session.Message) error { return hear(from, m, t) }
		}
		return list, nil
	}, nil
}

// initiator is PQXDH and the first message at the initiator's end: the bundle's two signatures, the
// base key and the first ratchet key, five agreements, the encapsulation, the first key pair of the
// post-quantum ratchet, the message (protocol §4.1, §4.3).
func (f *floor) initiator() {
	xeddsa.VerifyBoth(&f.public, &[2][]byte{f.sig[:], f.kemSig[:]}, &[2][]byte{f.public[:], f.kemPublic})
	f.multiply(5, 2, 0)
	var coins [kem.CoinsSize]byte
	f.src.Read(coins[:])
	_, _, _ = kem.Encapsulate(f.kemPublic, &coins)
	f.masterSecret()
	f.roots(1)
	f.authenticator()
	f.pqKeys()
	f.chain()
	f.half(64, true)
}

// responder is the other end: the base key checked, four agreements and the two of a turn of the
// ratchet with its new key, the decapsulation, the message.
func (f *floor) responder() {
	f.multiply(6, 1, 1)
	_, _ = kem.Decapsulate(f.kemPrivate, f.kemCiphertext)
	f.masterSecret()
	f.authenticator()
	f.roots(2)
	f.chain()
	f.half(64, false)
}

// masterSecret derives the keys of a session from 32 bytes of 0xFF and five shared secrets.
func (f *floor) masterSecret() {
	var ikm [6 * 32]byte
	kdf.HKDF(f.okm[:], nil, ikm[:], f.info[:47])
}
