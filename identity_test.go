package signet

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

type alternateVector struct {
	Signer struct {
		Private data `json:"identity_private"`
		Public  data `json:"identity_public"`
	}
	Other struct {
		Public data `json:"identity_public"`
	}
	Signature data
	KeyPair   data `json:"identity_key_pair_serialized"`
}

func TestAlternateIdentity(t *testing.T) {
	var v alternateVector
	load(t, "altidentity.json", &v)
	k, other := private(t, v.Signer.Private), public(t, v.Other.Public)
	self := k.PublicKey()
	require.True(t, self.VerifyAlternateIdentity(other, v.Signature))
	require.False(t, other.VerifyAlternateIdentity(self, v.Signature), "swapped")
	require.False(t, self.VerifyAlternateIdentity(self, v.Signature))
	require.False(t, self.VerifyAlternateIdentity(other, v.Signature[:63]), "short")

	sig, err := k.SignAlternateIdentity(other)
	require.NoError(t, err)
	require.True(t, self.VerifyAlternateIdentity(other, sig[:]))
	require.False(t, self.Verify(other.Bytes(), sig[:]), "it is not a signature of the key itself")

	var set struct {
		Alternate []struct {
			Signer    data
			Other     data `json:"other_public"`
			Signature data
			Verify    bool
		} `json:"alternate_identity"`
	}
	load(t, "xeddsa.json", &set)
	require.Len(t, set.Alternate, 4)
	for i, c := range set.Alternate {
		k, err := ParseIdentityKeyPair(c.Signer)
		require.NoError(t, err)
		require.Equal(t, []byte(c.Signer), k.IdentityKeyPair())
		got := k.PublicKey().VerifyAlternateIdentity(public(t, c.Other), c.Signature)
		require.Equal(t, c.Verify, got, "vector %d", i)
	}
}

func TestIdentityKeyPair(t *testing.T) {
	var v alternateVector
	load(t, "altidentity.json", &v)
	k, err := ParseIdentityKeyPair(v.KeyPair)
	require.NoError(t, err)
	require.Equal(t, []byte(v.Signer.Public), k.PublicKey().Bytes())
	require.Equal(t, []byte(v.Signer.Private), k.Bytes())
	require.Equal(t, []byte(v.KeyPair), k.IdentityKeyPair())
}

func TestParseIdentityKeyPair(t *testing.T) {
	k := GenerateKey()
	ok := k.IdentityKeyPair()
	require.Len(t, ok, 69)
	pub, priv := ok[:35], ok[35:]
	stranger := GenerateKey().PublicKey().Bytes()
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	malformed := "signet: identity key pair: protobuf encoding was invalid"
	for _, c := range []struct {
		name string
		in   []byte
		want string // the error
	}{
		{"as written", ok, ""},
		{"other order", join(priv, pub), ""},
		{"the last of two", join([]byte{0x0a, 1, 7}, pub, priv), ""},
		{"unknown fields", join([]byte{0x18, 1}, pub, []byte{0x23, 0x18, 5, 0x24}, priv, []byte{0x2a, 0}), ""},
		{"empty", nil, "signet: identity key pair: signet: no key type identifier"},
		{"no private key", pub, "signet: identity key pair: signet: bad key length <0> for key with type <Djb>"},
		{"no public key", priv, "signet: identity key pair: signet: no key type identifier"},
		{"truncated", ok[:68], malformed},
		{"wire type", []byte{0x08, 1}, malformed},
		{"group left open", join(ok, []byte{0x23}), malformed},
		{"field 0", join(ok, []byte{0x02, 0}), malformed},
		{"stranger", join([]byte{0x0a, 33}, stranger, priv), "signet: identity key pair: the public key is not that of the private key"},
	} {
		got, err := ParseIdentityKeyPair(c.in)
		if c.want == "" {
			require.NoError(t, err, c.name)
			require.Equal(t, k.Bytes(), got.Bytes(), c.name)
			continue
		}
		require.EqualError(t, err, c.want, c.name)
		require.Nil(t, got)
	}
}

func FuzzParseIdentityKeyPair(f *testing.F) {
	k, err := NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.IdentityKeyPair())
	f.Add([]byte{0x0a, 0, 0x12, 0})
	f.Add([]byte{0x0b, 0x0c})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		k, err := ParseIdentityKeyPair(b)
		require.Equal(t, before, b)
		if err != nil {
			return
		}
		again, err := ParseIdentityKeyPair(k.IdentityKeyPair())
		require.NoError(t, err)
		require.Equal(t, k.Bytes(), again.Bytes())
	})
}
