package ratchet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/spqr"
	"signet.example/signet/internal/wire"
)

// needPQ skips a test until the post-quantum half is there.
func needPQ(t testing.TB) {
	t.Helper()
	if a, _ := pair(t, wire.V4); !a.HasPQ() {
		t.Skip("the post-quantum half is not there yet")
	}
}

// withoutPQ switches the post-quantum half off.
func withoutPQ(s *State) { s.rec.PQ, s.pq, s.decoded = nil, spqr.State{}, false }

var versions = []uint8{wire.V3, wire.V4}

// bothVersions runs f for version 3 and 4.
func bothVersions(t *testing.T, f func(t *testing.T, version uint8)) {
	for _, v := range versions {
		t.Run(fmt.Sprintf("v%d", v), func(t *testing.T) { f(t, v) })
	}
}

// stateOf is the State as bytes.
func stateOf(t testing.TB, s *State) []byte {
	t.Helper()
	b, err := s.AppendBinary(nil)
	require.NoError(t, err)
	return b
}

// clone is a State of its own with the same contents.
func clone(t testing.TB, s *State) *State {
	t.Helper()
	c := new(State)
	require.NoError(t, c.UnmarshalBinary(stateOf(t, s)))
	c.SetAddresses(s.local, s.remote)
	return c
}

func mustEncrypt(t testing.TB, s *State, text string) []byte {
	t.Helper()
	m, err := s.Encrypt(nil, []byte(text))
	require.NoError(t, err)
	return m
}

func mustDecrypt(t testing.TB, s *State, m []byte, text string) {
	t.Helper()
	got, err := s.Decrypt(nil, m)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

// mustRefuse decrypts m and wants an error, the State as it was, and no byte written to m, its
// spare capacity, dst or its spare capacity.
func mustRefuse(t testing.TB, s *State, m []byte) error {
	t.Helper()
	before := stateOf(t, s)
	in := append(bytes.Clone(m), bytes.Repeat([]byte{0xaa}, 32)...)
	out := bytes.Repeat([]byte{0xaa}, len(m)+32)
	whole, spare := bytes.Clone(in), bytes.Clone(out)
	got, err := s.Decrypt(out[:3], in[:len(m)])
	require.Error(t, err)
	require.Nil(t, got)
	require.Equal(t, before, stateOf(t, s))
	require.Equal(t, whole, in)
	require.Equal(t, spare, out)
	return err
}

// acknowledged is pair after a message each way.
func acknowledged(t testing.TB, version uint8) (a, b *State) {
	a, b = pair(t, version)
	exchange(t, a, b, []byte("hello"))
	exchange(t, b, a, []byte("hello yourself"))
	return a, b
}

// batch is n messages, "0" to "n-1".
func batch(t testing.TB, s *State, n int) (list [][]byte) {
	t.Helper()
	for i := range n {
		list = append(list, mustEncrypt(t, s, fmt.Sprint(i)))
	}
	return list
}

func hmacOf(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// A forger has the keys of one message: it can make what only the sender can.
type forger struct {
	cipherKey, macKey, iv []byte
	sender, receiver      []byte
}

// forgerOf has the keys of the next message that s would send, by the standard library. It is for
// States without the post-quantum half.
func forgerOf(t testing.TB, s *State) *forger {
	t.Helper()
	require.False(t, s.HasPQ())
	okm, err := hkdf.Key(sha256.New, hmacOf(s.rec.Sender.Key, []byte{1}), make([]byte, 32), "WhisperMessageKeys", 80)
	require.NoError(t, err)
	return &forger{okm[:32], okm[32:64], okm[64:], s.rec.LocalIdentity, s.rec.RemoteIdentity}
}

// seal is AES-256-CBC of text, which has whole blocks.
func (f *forger) seal(t testing.TB, text []byte) []byte {
	t.Helper()
	b, err := aes.NewCipher(f.cipherKey)
	require.NoError(t, err)
	out := make([]byte, len(text))
	if len(text) > 0 {
		cipher.NewCBCEncrypter(b, f.iv).CryptBlocks(out, text)
	}
	return out
}

func (f *forger) sign(m []byte) []byte {
	return append(bytes.Clone(m), hmacOf(f.macKey, f.sender, f.receiver, m)[:8]...)
}

var (
	aci1 = signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: 1}
	aci2 = signet.Address{Name: "796abedb-ca4e-4f18-8803-1fde5b921f9f", Device: 2}
)
