package sealed

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/session"
)

func benchContent(b *testing.B, self *signet.PrivateKey) *Content {
	server, err := NewServerCertificate(self, 1, self.PublicKey())
	require.NoError(b, err)
	certificate, err := NewSenderCertificate(server, self, Claim{Sender: signet.Address{Name: aliceID, Device: 1}, Key: self.PublicKey()})
	require.NoError(b, err)
	c, err := NewContent(session.Message{Type: session.TypeSenderKey, Body: make([]byte, 300)}, certificate, HintDefault, nil)
	require.NoError(b, err)
	return c
}

// The floor of an upload is two agreements for each recipient, on one processor: divide by the
// number of processors to compare.
func BenchmarkFloor(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			to, _ := crowd(n)
			var scalar, shared [32]byte
			scalar[0] = 8
			for b.Loop() {
				for i := range to {
					u := to[i].Identity.Raw()
					x25519.Shared(&shared, &scalar, &u)
					x25519.Shared(&shared, &scalar, &u)
				}
			}
		})
	}
}

func BenchmarkSealMany(b *testing.B) {
	self := signet.GenerateKey()
	c := benchContent(b, self)
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			to, _ := crowd(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.SealMany(self, to, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	self, to := signet.GenerateKey(), signet.GenerateKey().PublicKey()
	c := benchContent(b, self)
	for i, seal := range []func(Identity, signet.PublicKey) ([]byte, error){c.Seal, c.SealV2} {
		b.Run(fmt.Sprintf("v%d", i+1), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := seal(self, to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	self := signet.GenerateKey()
	c := benchContent(b, self)
	for i, seal := range []func(Identity, signet.PublicKey) ([]byte, error){c.Seal, c.SealV2} {
		b.Run(fmt.Sprintf("v%d", i+1), func(b *testing.B) {
			envelope, err := seal(self, self.PublicKey())
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := OpenContent(self, envelope); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	self := signet.GenerateKey()
	c := benchContent(b, self).Certificate()
	trust := Trust{Roots: []signet.PublicKey{self.PublicKey()}}
	for b.Loop() {
		if err := trust.Check(c, c.Claim().Expires); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	self := signet.GenerateKey()
	c := benchContent(b, self)
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			to, _ := crowd(n)
			upload, err := c.SealMany(self, to, nil)
			require.NoError(b, err)
			var out bytes.Buffer
			b.ReportAllocs()
			for b.Loop() {
				u, err := ParseUpload(upload)
				if err != nil {
					b.Fatal(err)
				}
				for i := range u.Recipients() {
					out.Reset()
					for _, part := range u.Received(&u.Recipients()[i]) {
						out.Write(part)
					}
				}
			}
		})
	}
}
