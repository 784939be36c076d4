package bench

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/internal/secret"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// README.md says what the implementations are and how to run this.

// A voice encrypts, an ear decrypts: one end of an established session with the other.
type (
	voice func(plaintext []byte) (session.Message, error)
	ear   func(m session.Message) ([]byte, error)
)

// A talker is one end of an established session.
type talker struct {
	encrypt voice
	decrypt ear
}

// An implementation makes the two ends of an established session in which each has heard from the
// other.
type implementation struct {
	name string
	open func(b *testing.B) (alice, bob talker)
}

var implementations = []implementation{
	{"signet", func(b *testing.B) (talker, talker) { return openSignet(b, x3dh.VersionPQXDH) }},
	{"signet-v3", func(b *testing.B) (talker, talker) { return openSignet(b, x3dh.VersionX3DH) }},
	{"ratchet-v3", openRatchet},
	{"gomau", func(b *testing.B) (talker, talker) { return openGomau(b, gomau.Live) }},
	{"gomau-stored", func(b *testing.B) (talker, talker) { return openGomau(b, gomau.Stored) }},
}

func openSignet(b *testing.B, version uint8) (talker, talker) {
	opts := &session.Options{AllowX3DH: true}
	alice := session.NewDevice(aliceAddr, signet.GenerateKey(), memory.New(), opts)
	bob := session.NewDevice(bobAddr, signet.GenerateKey(), memory.New(), opts)
	published, err := bob.PreKeys(ctx, 1)
	require.NoError(b, err)
	require.NoError(b, alice.Start(ctx, bobAddr, bundle(b, published, version)))
	return greet(b, onDevice(alice, bobAddr), onDevice(bob, aliceAddr))
}

func bundle(b *testing.B, p *x3dh.Published, version uint8) *x3dh.Bundle {
	f := fields(p, version)
	v, err := x3dh.NewBundle(f)
	require.NoError(b, err)
	return v
}

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

func openGomau(b *testing.B, keep gomau.Keep) (talker, talker) {
	alice, bob := newTheirs(b, aliceAddr, keep), newTheirs(b, bobAddr, keep)
	require.NoError(b, alice.start(bobAddr, bob.bundle(b, true)))
	return greet(b, onSession(alice.Session(bobAddr)), onSession(bob.Session(aliceAddr)))
}

func onSession(s *gomau.Session) talker {
	return talker{
		func(plaintext []byte) (session.Message, error) { return s.Encrypt(ctx, plaintext) },
		func(m session.Message) ([]byte, error) { return s.Decrypt(ctx, m) },
	}
}

// openRatchet makes two live States from a shared seed. Messages and plaintexts are appended to
// buffers that are used again, as its interface allows.
func openRatchet(b *testing.B) (talker, talker) {
	a, z, signed := signet.GenerateKey(), signet.GenerateKey(), signet.GenerateKey()
	h := ratchet.Handshake{Version: x3dh.VersionX3DH, BaseKey: signet.GenerateKey().PublicKey()}
	seed := ratchet.Seed{Root: secret.Key{1}, Chain: secret.Key{2}}
	h.Local, h.Remote = a.PublicKey(), z.PublicKey()
	alice, err := ratchet.NewInitiator(seed, &h, signed.PublicKey())
	require.NoError(b, err)
	h.Local, h.Remote = h.Remote, h.Local
	return greet(b, onState(alice), onState(ratchet.NewResponder(seed, &h, signed)))
}

func onState(s *ratchet.State) talker {
	var message, text []byte
	return talker{
		func(plaintext []byte) (m session.Message, err error) {
			m.Type = session.TypeSignal
			m.Body, err = s.Encrypt(message[:0], plaintext)
			message = m.Body
			return m, err
		},
		func(m session.Message) (plaintext []byte, err error) {
			plaintext, err = s.Decrypt(text[:0], m.Body)
			text = plaintext
			return plaintext, err
		},
	}
}

// greet carries two messages each way and returns the ends.
func greet(b *testing.B, alice, bob talker) (talker, talker) {
	for range 2 {
		carry(b, alice, bob, []byte("hello"))
		carry(b, bob, alice, []byte("hello yourself"))
	}
	return alice, bob
}

// carry encrypts at one end and decrypts at the other.
func carry(b *testing.B, from, to talker, text []byte) {
	m, err := from.encrypt(text)
	if err != nil {
		b.Fatal(err)
	}
	got, err := to.decrypt(m)
	if err != nil {
		b.Fatal(err)
	}
	if !bytes.Equal(got, text) {
		b.Fatal("another plaintext came out")
	}
}

func benchmarkOneWay(b *testing.B, size int) {
	for _, impl := range implementations {
		b.Run(impl.name, func(b *testing.B) {
			alice, bob := impl.open(b)
			text := bytes.Repeat([]byte{'x'}, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				carry(b, alice, bob, text)
			}
		})
	}
}

// One message encrypted and decrypted, always in the same direction: no Diffie-Hellman step.
func BenchmarkOneWay64(b *testing.B) { benchmarkOneWay(b, 64) }
func BenchmarkOneWay1k(b *testing.B) { benchmarkOneWay(b, 1<<10) }

// A message and its answer, 64 bytes each: both ends turn the ratchet, four X25519 agreements and two
// new key pairs.
func BenchmarkPingPong(b *testing.B) {
	for _, impl := range implementations {
		b.Run(impl.name, func(b *testing.B) {
			alice, bob := impl.open(b)
			text := bytes.Repeat([]byte{'x'}, 64)
			b.ReportAllocs()
			for b.Loop() {
				carry(b, alice, bob, text)
				carry(b, bob, alice, text)
			}
		})
	}
}

// A handshake is what one iteration of BenchmarkHandshake needs: prekeys published by bob, alice with
// an identity of her own.
type handshake struct {
	start      func() error
	alice, bob talker
}

// BenchmarkHandshake verifies a bundle, begins a session and carries the first message. Devices and
// prekeys are made with the timer stopped.
func BenchmarkHandshake(b *testing.B) {
	for _, impl := range []struct {
		name string
		make func(b *testing.B, n int) []handshake
	}{
		{"signet", func(b *testing.B, n int) []handshake { return makeSignet(b, n, x3dh.VersionPQXDH) }},
		{"signet-v3", func(b *testing.B, n int) []handshake { return makeSignet(b, n, x3dh.VersionX3DH) }},
		{"gomau", func(b *testing.B, n int) []handshake { return makeGomau(b, n, gomau.Live) }},
		{"gomau-stored", func(b *testing.B, n int) []handshake { return makeGomau(b, n, gomau.Stored) }},
	} {
		b.Run(impl.name, func(b *testing.B) {
			const batch = 64
			text := bytes.Repeat([]byte{'x'}, 64)
			var list []handshake
			b.ReportAllocs()
			for b.Loop() {
				if len(list) == 0 {
					b.StopTimer()
					list = impl.make(b, batch)
					b.StartTimer()
				}
				h := list[0]
				list = list[1:]
				if err := h.start(); err != nil {
					b.Fatal(err)
				}
				carry(b, h.alice, h.bob, text)
			}
		})
	}
}

// visitor is the address of the i-th initiator.
func visitor(i int) signet.Address { return signet.Address{Name: fmt.Sprint("visitor ", i), Device: 1} }

func makeSignet(b *testing.B, n int, version uint8) []handshake {
	opts := &session.Options{AllowX3DH: true}
	bob := session.NewDevice(bobAddr, signet.GenerateKey(), memory.New(), opts)
	published, err := bob.PreKeys(ctx, n)
	require.NoError(b, err)
	list := make([]handshake, n)
	for i := range list {
		f := fields(published, version)
		alice := session.NewDevice(visitor(i), signet.GenerateKey(), memory.New(), opts)
		alice.Identity() // derives the public key
		_, err := alice.RegistrationID(ctx)
		require.NoError(b, err)
		list[i] = handshake{
			start: func() error {
				v, err := x3dh.NewBundle(f)
				if err != nil {
					return err
				}
				return alice.Start(ctx, bobAddr, v)
			},
			alice: onDevice(alice, bobAddr), bob: onDevice(bob, visitor(i)),
		}
	}
	return list
}

func makeGomau(b *testing.B, n int, keep gomau.Keep) []handshake {
	bob := newTheirs(b, bobAddr, keep)
	list := make([]handshake, n)
	for i := range list {
		f := bob.bundle(b, true)
		to := newTheirs(b, visitor(i), keep).Session(bobAddr)
		list[i] = handshake{
			start: func() error { return to.Start(ctx, f) },
			alice: onSession(to), bob: onSession(bob.Session(visitor(i))),
		}
	}
	return list
}
