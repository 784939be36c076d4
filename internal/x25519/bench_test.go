package x25519

import (
	"crypto/ecdh"
	"testing"

	"filippo.io/edwards25519"
	circl "github.com/cloudflare/circl/dh/x25519"
)

// The alternatives stay beside what the package chose, so that the choice can be measured again.
func BenchmarkShared(b *testing.B) {
	var k, u, out [Size]byte
	k[0], u[0] = 8, 9
	b.Run("circl", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			circl.Shared((*circl.Key)(&out), (*circl.Key)(&k), (*circl.Key)(&u))
		}
	})
	b.Run("crypto-ecdh", func(b *testing.B) {
		b.ReportAllocs()
		priv, _ := ecdh.X25519().NewPrivateKey(k[:]) // it computes the public key: not counted here
		pub, _ := ecdh.X25519().NewPublicKey(u[:])
		for b.Loop() {
			priv.ECDH(pub)
		}
	})
}

func BenchmarkBase(b *testing.B) {
	var k, out [Size]byte
	k[0] = 8
	b.Run("circl", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			circl.KeyGen((*circl.Key)(&out), (*circl.Key)(&k))
		}
	})
	b.Run("edwards", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s, _ := edwards25519.NewScalar().SetBytesWithClamping(k[:])
			copy(out[:], new(edwards25519.Point).ScalarBaseMult(s).BytesMontgomery())
		}
	})
	b.Run("crypto-ecdh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			priv, _ := ecdh.X25519().NewPrivateKey(k[:])
			priv.PublicKey()
		}
	})
}
