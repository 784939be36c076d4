package signet

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/x25519"
)

// data is a byte string that the vectors spell in hex.
type data []byte

func (d *data) UnmarshalText(text []byte) (err error) {
	*d, err = hex.AppendDecode(nil, text)
	return err
}

type verdict struct {
	OK    bool
	Value data
	Error struct{ Message string }
}

// load reads a file of testdata, whose README says how it was made.
func load(t *testing.T, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, v))
}

func public(t *testing.T, b []byte) PublicKey {
	t.Helper()
	k, err := ParsePublicKey(b)
	require.NoError(t, err)
	return k
}

func private(t *testing.T, b []byte) *PrivateKey {
	t.Helper()
	k, err := NewPrivateKey(b)
	require.NoError(t, err)
	return k
}

// checkError wants the text of the official client behind our prefix.
func checkError(t *testing.T, v verdict, err error, name string) {
	t.Helper()
	require.Error(t, err, name)
	require.Equal(t, v.Error.Message, strings.TrimPrefix(err.Error(), "signet: "), name)
}

func TestSignatureVectors(t *testing.T) {
	var v struct {
		Valid []struct {
			Private, Public, Message, Signature data
			Verify                              bool
		}
		Mutated []struct {
			Name                       string
			Public, Message, Signature data
			Verify                     bool
		}
	}
	load(t, "xeddsa.json", &v)
	require.Len(t, v.Valid, 24)
	require.Len(t, v.Mutated, 60)
	for i, c := range v.Valid {
		k := private(t, c.Private)
		require.Equal(t, []byte(c.Public), k.PublicKey().Bytes())
		require.Equal(t, c.Verify, k.PublicKey().Verify(c.Message, c.Signature), "vector %d", i)
		sig, err := k.Sign(c.Message)
		require.NoError(t, err)
		require.True(t, k.PublicKey().Verify(c.Message, sig[:]))
		require.Equal(t, c.Signature[63]>>7, sig[63]>>7)
	}
	for i, c := range v.Mutated {
		require.Equal(t, c.Verify, public(t, c.Public).Verify(c.Message, c.Signature), "%d: %s", i, c.Name)
	}
}

func TestKeyVectors(t *testing.T) {
	var v struct {
		Keys []struct {
			Name          string
			In, Public    data
			Out           data
			Result, Agree *verdict
		}
	}
	load(t, "xeddsa.json", &v)
	own := GenerateKey()
	parsed, agreed, imported := 0, 0, 0
	for _, c := range v.Keys {
		switch {
		case c.Agree != nil: // the private key is not recorded: only the verdict can be compared
			agreed++
			s, err := own.Agree(public(t, c.Public))
			if c.Agree.OK {
				require.NoError(t, err, c.Name)
				require.NotZero(t, s)
				continue
			}
			require.ErrorIs(t, err, ErrInvalidAgreement, c.Name)
			require.Zero(t, s)
			checkError(t, *c.Agree, err, c.Name)
		case strings.HasPrefix(c.Name, "public deserialise"):
			parsed++
			k, err := ParsePublicKey(c.In)
			if c.Result.OK {
				require.NoError(t, err, c.Name)
				require.Equal(t, []byte(c.Result.Value), k.Bytes(), c.Name)
				continue
			}
			require.Zero(t, k)
			checkError(t, *c.Result, err, c.Name)
		case strings.HasPrefix(c.Name, "private deserialise"):
			imported++
			var n int
			_, err := fmt.Sscanf(c.Name, "private deserialise %d bytes", &n)
			require.NoError(t, err)
			_, err = NewPrivateKey(make([]byte, n))
			checkError(t, *c.Result, err, c.Name)
		case c.Out != nil:
			require.Equal(t, []byte(c.Out), private(t, c.In).Bytes(), c.Name)
		}
	}
	require.Equal(t, []int{6, 5, 3}, []int{parsed, agreed, imported})
}

func TestParsePublicKeyErrors(t *testing.T) {
	long := append([]byte{5}, make([]byte, 40)...)
	for _, c := range []struct {
		in   []byte
		want error
	}{
		{nil, ErrNoKeyType},
		{[]byte{}, ErrNoKeyType},
		{[]byte{6}, BadKeyTypeError(6)},
		{append([]byte{4}, make([]byte, 32)...), BadKeyTypeError(4)},
		{long[:1], BadKeyLengthError(1)},
		{long[:32], BadKeyLengthError(32)},
		{long[:33], nil},
		{long, nil},
	} {
		_, err := ParsePublicKey(c.in)
		require.ErrorIs(t, err, c.want, "%x", c.in)
	}
}

func TestPublicKey(t *testing.T) {
	u := [32]byte{1, 2, 31: 0xff}
	k := PublicKeyFromRaw(u)
	require.Equal(t, append([]byte{5}, u[:]...), k.Bytes())
	require.Equal(t, u, k.Raw())
	require.Equal(t, k, public(t, k.Bytes()), "bit 255 is kept")
	require.Equal(t, hex.EncodeToString(k.Bytes()), k.String())
	b, err := k.AppendBinary([]byte("x"))
	require.NoError(t, err)
	require.Equal(t, append([]byte("x"), k.Bytes()...), b)

	u[31] &= 0x7f
	other := PublicKeyFromRaw(u)
	require.False(t, k.Equal(other), "two encodings of one point are two keys")
	require.True(t, k.Equal(PublicKeyFromRaw(k.Raw())))
	require.False(t, k.IsZero())
	require.True(t, PublicKey{}.IsZero())

	own := GenerateKey()
	a, err := own.Agree(k)
	require.NoError(t, err)
	c, err := own.Agree(other)
	require.NoError(t, err)
	require.Equal(t, a, c, "but they agree alike")
}

func TestAgree(t *testing.T) {
	for i := range byte(20) {
		src := entropy.Seeded([32]byte{i})
		a, b := GenerateKeyFrom(src), GenerateKeyFrom(src)
		require.NotEqual(t, a.PublicKey(), b.PublicKey())
		ab, err := a.Agree(b.PublicKey())
		require.NoError(t, err)
		ba, err := b.Agree(a.PublicKey())
		require.NoError(t, err)
		require.Equal(t, ab, ba)
	}
}

// A seeded source makes the same keys and signatures again; the system's does not.
func TestRandomness(t *testing.T) {
	one, two := entropy.Seeded([32]byte{1}), entropy.Seeded([32]byte{1})
	a, b := GenerateKeyFrom(one), GenerateKeyFrom(two)
	require.Equal(t, a.Bytes(), b.Bytes())
	s, err := a.SignFrom(one, []byte("mes"), []byte("sage"))
	require.NoError(t, err)
	same, err := b.SignFrom(two, []byte("message"))
	require.NoError(t, err)
	require.Equal(t, s, same)
	require.True(t, a.PublicKey().Verify([]byte("message"), s[:]))

	next, err := a.SignFrom(one, []byte("message"))
	require.NoError(t, err)
	require.NotEqual(t, s, next)
	x, err := a.Sign([]byte("message"))
	require.NoError(t, err)
	y, err := a.Sign([]byte("message"))
	require.NoError(t, err)
	require.NotEqual(t, x, y)
	require.NotEqual(t, GenerateKey().Bytes(), GenerateKey().Bytes())
}

func TestPrivateKeyIsACopy(t *testing.T) {
	in := make([]byte, 32, 64)
	in[5] = 9
	k := private(t, in)
	require.Equal(t, byte(0), in[31], "clamping leaves the input alone")
	in[5] = 0
	out := k.Bytes()
	require.Equal(t, byte(9), out[5])
	require.Equal(t, byte(0x40), out[31])
	clear(out)
	require.Equal(t, byte(9), k.Bytes()[5])
}

// A public key that was computed with other products is known, and nothing else is taken for it.
func TestLearn(t *testing.T) {
	a, b := GenerateKey(), GenerateKey()
	want, err := NewPrivateKey(a.Bytes())
	require.NoError(t, err)
	var dst [3][32]byte
	their := b.PublicKey()
	products := []x25519.Product{a.PublicProduct(&dst[0]), a.Product(&their, &dst[1]), b.PublicProduct(&dst[2])}
	for i := range products {
		a.Learn(&products[i]) // not computed yet
	}
	x25519.Multiply(products)
	for _, i := range []int{1, 2, 0} {
		a.Learn(&products[i])
	}
	require.Equal(t, want.PublicKey(), a.PublicKey())
	require.Equal(t, want.PublicKey(), PublicKeyFromRaw(dst[0]))
	sig, err := a.Sign([]byte("m"))
	require.NoError(t, err)
	require.True(t, want.PublicKey().Verify([]byte("m"), sig[:]))
	products[0].Dst = &[32]byte{1}
	a.Learn(&products[0])
	require.Equal(t, want.PublicKey(), a.PublicKey(), "a key learns once")
}

func TestConcurrentUse(t *testing.T) {
	k := GenerateKey()
	got := make(chan PublicKey)
	for range 8 {
		go func() {
			sig, _ := k.Sign([]byte("m"))
			p := k.PublicKey()
			if !p.Verify([]byte("m"), sig[:]) {
				p = PublicKey{}
			}
			got <- p
		}()
	}
	want := private(t, k.Bytes()).PublicKey()
	for range 8 {
		require.Equal(t, want, <-got)
	}
}

func TestAllocations(t *testing.T) {
	k, their := GenerateKey(), GenerateKey().PublicKey()
	msg, sig := make([]byte, 100), [64]byte{}
	require.Zero(t, testing.AllocsPerRun(10, func() { k.Agree(their) }))
	require.Zero(t, testing.AllocsPerRun(10, func() { their.Equal(k.PublicKey()) }))
	if raceEnabled {
		t.Skip("the race detector allocates, and a sync.Pool drops objects at random under it")
	}
	require.LessOrEqual(t, testing.AllocsPerRun(10, func() { GenerateKey() }), 1.0)
	require.Zero(t, testing.AllocsPerRun(10, func() { their.Verify(msg, sig[:]) }))
	require.LessOrEqual(t, testing.AllocsPerRun(10, func() { sig, _ = k.Sign(msg) }), 1.0)
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add([]byte{})
	f.Add(append([]byte{5}, make([]byte, 32)...))
	f.Add(append([]byte{5}, make([]byte, 40)...))
	f.Add([]byte{4, 1})
	own := GenerateKey()
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParsePublicKey(b)
		require.Equal(t, len(b) >= PublicKeySize && b[0] == keyType, err == nil)
		if err != nil {
			return
		}
		require.Equal(t, b[:PublicKeySize], k.Bytes())
		s, err := own.Agree(k)
		require.Equal(t, err == nil, s != [32]byte{})
		k.Verify(b, make([]byte, SignatureSize))
	})
}
