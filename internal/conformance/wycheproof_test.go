package conformance

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math/big"
	"slices"
	"testing"

	"filippo.io/edwards25519"
	"github.com/c2sp/wycheproof"
	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/gcmsiv"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/internal/xeddsa"
)

// data is a byte string that the vectors spell in hex.
type data []byte

func (d *data) UnmarshalText(text []byte) (err error) {
	*d, err = hex.AppendDecode(nil, text)
	return err
}

// A vector is a test of any of the files used here.
type vector struct {
	ID      int `json:"tcId"`
	Comment string
	Flags   []string
	Result  string

	Key, IV, AAD, Msg, CT, Tag data // ciphers and MACs
	Public, Private, Shared    data // X25519
	IKM, Salt, Info, OKM       data // HKDF
	Size                       int
	Sig                        data          // Ed25519
	Seed, EK, DK, C, M         data          // ML-KEM
	K                          data          `json:"K"`
	Group                      *vectorsOfOne `json:"-"`
}

type vectorsOfOne struct {
	KeySize, TagSize int
	PublicKey        struct{ PK data }
	Tests            []*vector
}

func (v *vector) valid() bool { return v.Result == "valid" }

func (v *vector) is(flag string) bool { return slices.Contains(v.Flags, flag) }

// each runs f for the tests of a file, of which there have to be as many as it says.
func each(t *testing.T, file string, f func(t *testing.T, v *vector)) {
	t.Helper()
	b, err := fs.ReadFile(wycheproof.TestVectors, file)
	require.NoError(t, err)
	var all struct {
		NumberOfTests int
		TestGroups    []*vectorsOfOne
	}
	require.NoError(t, json.Unmarshal(b, &all))
	n := 0
	for _, g := range all.TestGroups {
		for _, v := range g.Tests {
			n++
			v.Group = g
			f(t, v)
			if t.Failed() {
				t.Fatalf("%s, test %d: %s", file, v.ID, v.Comment)
			}
		}
	}
	require.Equal(t, all.NumberOfTests, n)
}

func TestX25519(t *testing.T) {
	zero := 0
	each(t, "x25519_test.json", func(t *testing.T, v *vector) {
		k, u := [32]byte(v.Private), [32]byte(v.Public)
		var alone, both [32]byte
		ok := x25519.Shared(&alone, &k, &u)
		require.Equal(t, [32]byte(v.Shared), alone)
		require.Equal(t, alone != [32]byte{}, ok, "a zero secret is refused, and nothing else")
		products := []x25519.Product{{Scalar: &k, Dst: new([32]byte)}, {Scalar: &k, U: &u, Dst: &both}}
		x25519.Multiply(products)
		require.Equal(t, alone, both)
		require.Equal(t, ok, products[1].OK)
		if !ok {
			zero++
			require.True(t, v.is("ZeroSharedSecret"))
		}
	})
	require.Positive(t, zero)
}

func TestHKDF(t *testing.T) {
	each(t, "hkdf_sha256_test.json", func(t *testing.T, v *vector) {
		if v.is("SizeTooLarge") {
			return // no caller asks for more than 96 bytes, and the lengths are constants
		}
		require.True(t, v.valid())
		out := make([]byte, v.Size)
		kdf.HKDF(out, v.Salt, v.IKM, v.Info)
		require.Equal(t, []byte(v.OKM), out)
	})
}

func TestHMAC(t *testing.T) {
	each(t, "hmac_sha256_test.json", func(t *testing.T, v *vector) {
		cut := len(v.Msg) / 3
		sum := kdf.HMAC(v.Key, v.Msg[:cut], v.Msg[cut:])
		require.Equal(t, v.valid(), string(v.Tag) == string(sum[:v.Group.TagSize/8]))
	})
}

func TestCBC(t *testing.T) {
	n := 0
	each(t, "aes_cbc_pkcs5_test.json", func(t *testing.T, v *vector) {
		if v.Group.KeySize != 256 {
			return
		}
		n++
		k, iv := [32]byte(v.Key), [16]byte(v.IV)
		text, err := cbc.Open(&k, &iv, v.CT)
		if !v.valid() {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, string(v.Msg), string(text))
		sealed := make([]byte, cbc.Size(len(v.Msg)))
		cbc.Seal(sealed, &k, &iv, v.Msg)
		require.Equal(t, []byte(v.CT), sealed)
	})
	require.Greater(t, n, 50)
}

func TestGCMSIV(t *testing.T) {
	n := 0
	each(t, "aes_gcm_siv_test.json", func(t *testing.T, v *vector) {
		if v.Group.KeySize != 256 || len(v.IV) != gcmsiv.NonceSize {
			return
		}
		n++
		k, nonce := [32]byte(v.Key), [gcmsiv.NonceSize]byte(v.IV)
		text, err := gcmsiv.Open(&k, &nonce, append(slices.Clone(v.CT), v.Tag...), v.AAD)
		if !v.valid() {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, string(v.Msg), string(text))
		sealed, err := gcmsiv.Seal(nil, &k, &nonce, v.Msg, v.AAD)
		require.NoError(t, err)
		require.Equal(t, append(slices.Clone(v.CT), v.Tag...), data(sealed))
	})
	require.Greater(t, n, 80)
}

// TestEd25519: an Ed25519 signature is one of XEdDSA if the sign bit of the key is put into it. The
// deployed verification accepts more than Ed25519 does in one point: an s that is not reduced,
// below 2^253.
func TestEd25519(t *testing.T) {
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.SetBit(order, 252, 1)
	verdicts := map[bool]int{}
	more := 0
	each(t, "ed25519_test.json", func(t *testing.T, v *vector) {
		pk := v.Group.PublicKey.PK
		p, err := new(edwards25519.Point).SetBytes(pk)
		require.NoError(t, err)
		u := [32]byte(p.BytesMontgomery())
		sig := slices.Clone(v.Sig)
		want := v.valid()
		if len(sig) == 64 {
			s := slices.Clone(sig[32:])
			slices.Reverse(s)
			number := new(big.Int).SetBytes(s)
			if number.BitLen() == 256 {
				return // there is no room for the sign bit
			}
			sig[63] |= pk[31] & 0x80
			if number.Cmp(order) >= 0 && number.BitLen() <= 253 {
				require.False(t, want)
				reduced := new(big.Int).Mod(number, order).FillBytes(make([]byte, 32))
				slices.Reverse(reduced)
				again := append(slices.Clone(sig[:32]), reduced...)
				again[63] |= pk[31] & 0x80
				want = xeddsa.Verify(&u, again, v.Msg)
				more++
			}
		}
		require.Equal(t, want, xeddsa.Verify(&u, sig, v.Msg))
		verdicts[want]++
	})
	require.Greater(t, verdicts[true], 50)
	require.Greater(t, verdicts[false], 30)
	require.Positive(t, more)
}
