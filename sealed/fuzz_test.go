package sealed

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// typed reports whether err is one of those that a parser may return.
func typed(err error) bool {
	var keyType signet.BadKeyTypeError
	var keyLength signet.BadKeyLengthError
	return errors.Is(err, session.ErrInvalidMessage) || errors.Is(err, session.ErrVersion) ||
		errors.Is(err, ErrInvalidCertificate) || errors.Is(err, signet.ErrNoKeyType) ||
		errors.Is(err, signet.ErrInvalidAgreement) || errors.As(err, &keyType) || errors.As(err, &keyLength)
}

func FuzzCertificates(f *testing.F) {
	key := signet.GenerateKey()
	server, err := NewServerCertificate(key, 1, key.PublicKey())
	require.NoError(f, err)
	f.Add(server.Bytes())
	f.Add(byReference(f, key, 3, key.PublicKey()).Bytes())
	sender, err := NewSenderCertificate(server, key, Claim{Sender: signet.Address{Name: "alice", Device: 1}, Key: key.PublicKey()})
	require.NoError(f, err)
	f.Add(sender.Bytes())
	trust := Trust{Roots: []signet.PublicKey{key.PublicKey()}}
	f.Fuzz(func(t *testing.T, b []byte) {
		guarded(t, b, func(b []byte) {
			if c, err := ParseServerCertificate(b); err == nil {
				require.True(t, bytes.Equal(b, c.Bytes()))
				_ = trust.CheckServer(c)
			} else {
				require.True(t, typed(err), "%v", err)
			}
			if c, err := ParseSenderCertificate(b); err == nil {
				require.True(t, bytes.Equal(b, c.Bytes()))
				require.NoError(t, c.Sender().Check())
				// What it says can be said again, and says the same.
				server, _ := c.Server()
				if server == nil {
					server = known[3]
				}
				again, err := NewSenderCertificate(server, key, c.Claim())
				require.NoError(t, err)
				require.Equal(t, c.Sender(), again.Sender())
				require.Equal(t, c.Key(), again.Key())
				require.Equal(t, c.e164, again.e164)
			} else {
				require.True(t, typed(err), "%v", err)
			}
		})
	})
}

func FuzzContent(f *testing.F) {
	var v struct {
		Cases []struct{ Serialized hexBytes }
	}
	load(f, "sealed-usmc.json", &v)
	for _, c := range v.Cases {
		f.Add([]byte(c.Serialized))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		guarded(t, b, func(b []byte) {
			c, err := ParseContent(b)
			if err != nil {
				require.True(t, typed(err), "%v", err)
				return
			}
			require.True(t, bytes.Equal(b, c.Bytes()))
			again, err := NewContent(c.Message(), c.Certificate(), c.Hint(), c.GroupID())
			require.NoError(t, err)
			back, err := ParseContent(again.Bytes())
			require.NoError(t, err)
			require.Equal(t, c.Message(), back.Message())
			require.Equal(t, c.Hint(), back.Hint())
			require.True(t, bytes.Equal(c.GroupID(), back.GroupID()))
		})
	})
}

func FuzzEnvelope(f *testing.F) {
	var v1 struct {
		Recipient party
		Cases     []struct{ Sealed, USMC hexBytes }
	}
	load(f, "sealed-v1.json", &v1)
	self := v1.Recipient.Private.private(f)
	for _, c := range v1.Cases {
		f.Add([]byte(c.Sealed))
	}
	var v2 struct{ Cases []struct{ Received hexBytes } }
	load(f, "sealed-v2-received.json", &v2)
	for _, c := range v2.Cases {
		f.Add([]byte(c.Received))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		guarded(t, b, func(b []byte) {
			c, err := OpenContent(self, b)
			if err != nil {
				require.True(t, typed(err), "%v", err)
				return
			}
			require.NoError(t, c.Certificate().Sender().Check())
		})
	})
}

// The insides of both layers of version 1, which no fuzzer reaches through a MAC, and of version 2.
func FuzzInside(f *testing.F) {
	var v struct {
		Cases []struct{ Serialized hexBytes }
	}
	load(f, "sealed-usmc.json", &v)
	for _, c := range v.Cases {
		f.Add([]byte(c.Serialized))
	}
	self, sender := signet.GenerateKey(), signet.GenerateKey()
	f.Fuzz(func(t *testing.T, content []byte) {
		_, parse := ParseContent(content)
		one, err := sealV1(signet.GenerateKey(), sender, self.PublicKey(), content)
		require.NoError(t, err)
		two, err := (&Content{raw: content}).SealV2(sender, self.PublicKey())
		require.NoError(t, err)
		for _, b := range [][]byte{one, two} {
			_, err := OpenContent(self, b)
			require.Error(t, err) // the certificate is never of a fresh key
			if parse != nil {
				require.Equal(t, parse.Error(), err.Error())
				continue
			}
			require.True(t, typed(err))
		}
	})
}
