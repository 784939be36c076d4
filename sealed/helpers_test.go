package sealed

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// testdata/README.md says where the vectors come from.

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func (h hexBytes) public(t testing.TB) signet.PublicKey {
	k, err := signet.ParsePublicKey(h)
	require.NoError(t, err)
	return k
}

func (h hexBytes) private(t testing.TB) *signet.PrivateKey {
	k, err := signet.NewPrivateKey(h)
	require.NoError(t, err)
	return k
}

type party struct {
	Name         string   `json:"service_id"`
	Device       uint32   `json:"device_id"`
	Registration uint32   `json:"registration_id"`
	Private      hexBytes `json:"identity_private"`
	Public       hexBytes `json:"identity_public"`
}

func (p party) address() signet.Address { return signet.Address{Name: p.Name, Device: p.Device} }

func (p party) recipient(t testing.TB) Recipient {
	return Recipient{Address: p.address(), Identity: p.Public.public(t), RegistrationID: p.Registration}
}

type pair struct{ Private, Public hexBytes }

type failure struct{ Name, Code, Message string }

func load(t testing.TB, name string, into any) {
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, into))
}

// requireKind checks err against the official error's text.
func requireKind(t testing.TB, official string, err error) {
	t.Helper()
	var keyType signet.BadKeyTypeError
	var keyLength signet.BadKeyLengthError
	var registration *RegistrationIDError
	switch {
	case strings.HasPrefix(official, "protobuf encoding was invalid"):
		require.ErrorIs(t, err, errMalformed)
	case strings.HasPrefix(official, "bad key type"):
		require.ErrorAs(t, err, &keyType)
	case strings.HasPrefix(official, "bad key length"):
		require.ErrorAs(t, err, &keyLength)
	case strings.HasPrefix(official, "no key type"):
		require.ErrorIs(t, err, signet.ErrNoKeyType)
	case strings.HasPrefix(official, "invalid key agreement"):
		require.ErrorIs(t, err, signet.ErrInvalidAgreement)
	case strings.HasPrefix(official, "invalid argument"):
		require.ErrorIs(t, err, ErrInvalidArgument)
	case strings.HasPrefix(official, "invalid sealed sender message: sender certificate"),
		strings.HasPrefix(official, "invalid sealed sender message: trust root"):
		require.ErrorIs(t, err, ErrInvalidCertificate)
	case strings.HasPrefix(official, "invalid sealed sender message"):
		require.ErrorIs(t, err, session.ErrInvalidMessage)
		want := strings.TrimSuffix(official, ": aead::Error")
		require.ErrorContains(t, err, want)
	case strings.HasPrefix(official, "unknown sealed sender message version"):
		require.ErrorIs(t, err, session.ErrVersion)
		require.ErrorContains(t, err, official)
	case strings.HasPrefix(official, "unknown server certificate ID"):
		require.ErrorIs(t, err, ErrInvalidCertificate)
		require.ErrorContains(t, err, official)
	case strings.HasPrefix(official, "self send"):
		require.ErrorIs(t, err, ErrSelfSend)
	case strings.Contains(official, "has invalid registration ID"):
		require.ErrorAs(t, err, &registration)
		require.ErrorContains(t, err, official)
	case strings.HasPrefix(official, "invalid SenderKey message"), strings.HasPrefix(official, "invalid Plaintext message"):
		require.ErrorIs(t, err, session.ErrInvalidMessage)
	default:
		t.Fatalf("no kind for %q (%v)", official, err)
	}
}

// guarded gives f a copy of b with spare capacity and checks that f touched neither.
func guarded(t testing.TB, b []byte, f func([]byte)) {
	t.Helper()
	room := append(bytes.Clone(b), bytes.Repeat([]byte{0xaa}, 64)...)
	f(room[:len(b)])
	require.True(t, bytes.Equal(b, room[:len(b)]), "the input was modified")
	require.Equal(t, bytes.Repeat([]byte{0xaa}, 64), room[len(b):], "spare capacity was modified")
}
