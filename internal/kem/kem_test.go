package kem

import (
	"bytes"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha3"
	"encoding/json"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSizes(t *testing.T) {
	require.Equal(t, []int{1569, 3169, 1569, 32, 64, 32},
		[]int{PublicKeySize, PrivateKeySize, CiphertextSize, SecretSize, SeedSize, CoinsSize})
}

// s ‖ public ‖ SHA3-256(public) ‖ z: the layout of the private keys in official records.
func TestPrivateKeyLayout(t *testing.T) {
	seed := random(1)
	public, private := Generate(&seed)
	require.Equal(t, byte(Type), public[0])
	require.Equal(t, byte(Type), private[0])
	h := sha3.Sum256(public[1:])
	rest := private[1+1536:]
	require.Equal(t, public[1:], rest[:1568])
	require.Equal(t, h[:], rest[1568:1600])
	require.Equal(t, seed[32:], rest[1600:])

	again, _ := Generate(&seed)
	require.Equal(t, public, again)
	again[0] ^= 1
	fresh, _ := Generate(&seed)
	require.Equal(t, public, fresh, "every call returns memory of its own")
}

func random(i byte) (seed [SeedSize]byte) {
	rand.NewChaCha8([32]byte{i}).Read(seed[:])
	return seed
}

// ML-KEM-1024 encapsulates for our key: what we decapsulate is its secret, finished as in round 3.
func TestDecapsulateFromMLKEM(t *testing.T) {
	for i := range byte(50) {
		seed := random(i)
		public, private := Generate(&seed)
		ek, err := mlkem.NewEncapsulationKey1024(public[1:])
		require.NoError(t, err)
		k, ct := ek.Encapsulate()
		got, err := Decapsulate(private, append([]byte{Type}, ct...))
		require.NoError(t, err)
		require.Equal(t, finish(k, ct), got)
	}
}

// We encapsulate for a key of ML-KEM-1024, which decapsulates; and given the hash of our coins as
// its randomness it makes the same ciphertext byte by byte.
func TestEncapsulateToMLKEM(t *testing.T) {
	for i := range byte(50) {
		seed := random(i)
		dk, err := mlkem.NewDecapsulationKey1024(seed[:])
		require.NoError(t, err)
		coins := [CoinsSize]byte{i, 1}
		ct, got, err := Encapsulate(append([]byte{Type}, dk.EncapsulationKey().Bytes()...), &coins)
		require.NoError(t, err)
		k, err := dk.Decapsulate(ct[1:])
		require.NoError(t, err)
		require.Equal(t, finish(k, ct[1:]), got)

		m := sha3.Sum256(coins[:])
		_, same, err := mlkemtest.Encapsulate1024(dk.EncapsulationKey(), m[:])
		require.NoError(t, err)
		require.Equal(t, same, ct[1:])
	}
}

func TestRoundTrip(t *testing.T) {
	seen := map[[SecretSize]byte]bool{}
	for i := range byte(20) {
		seed := random(i)
		public, private := Generate(&seed)
		ct, secret, err := Encapsulate(public, &[CoinsSize]byte{i})
		require.NoError(t, err)
		got, err := Decapsulate(private, ct)
		require.NoError(t, err)
		require.Equal(t, secret, got)
		require.False(t, seen[secret])
		seen[secret] = true
	}
}

// A ciphertext that was tampered with gives SHAKE256(z ‖ SHA3-256(ciphertext)), and no error.
func TestImplicitRejection(t *testing.T) {
	seed := random(7)
	public, private := Generate(&seed)
	ct, secret, err := Encapsulate(public, &[CoinsSize]byte{3})
	require.NoError(t, err)
	for _, at := range []int{1, 700, CiphertextSize - 1} {
		bad := bytes.Clone(ct)
		bad[at] ^= 1
		got, err := Decapsulate(private, bad)
		require.NoError(t, err)
		require.NotEqual(t, secret, got)
		require.Equal(t, finish(seed[32:], bad[1:]), got)
	}
}

// FIPS 203 refuses coefficients that are not reduced; round 3 reduces them.
func TestUnreducedPublicKey(t *testing.T) {
	seed := random(9)
	public, private := Generate(&seed)
	copy(public[1:], []byte{0xff, 0xff, 0xff}) // two coefficients of 4095
	_, err := mlkem.NewEncapsulationKey1024(public[1:])
	require.Error(t, err)
	ct, _, err := Encapsulate(public, &[CoinsSize]byte{})
	require.NoError(t, err)
	_, err = Decapsulate(private, ct)
	require.NoError(t, err)
}

// The verdicts of the official client's parsers; testdata at the root of the module says how they
// were made.
func TestParserVectors(t *testing.T) {
	var v struct {
		Keys []struct {
			Name   string
			Result *struct {
				OK    bool
				Error struct{ Message string }
			}
		}
	}
	raw, err := os.ReadFile("../../testdata/xeddsa.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &v))
	name := regexp.MustCompile(`^KEM (public|secret) deserialise (?:type (\d+) len (\d+)|empty)$`)
	n := 0
	for _, c := range v.Keys {
		m := name.FindStringSubmatch(c.Name)
		if m == nil {
			continue
		}
		n++
		var b []byte
		if m[2] != "" {
			typ, _ := strconv.Atoi(m[2])
			length, _ := strconv.Atoi(m[3])
			b = append([]byte{byte(typ)}, make([]byte, length)...)
		}
		f := ParsePublic
		if m[1] == "secret" {
			f = ParsePrivate
		}
		got, err := f(b)
		if c.Result.OK {
			require.NoError(t, err, c.Name)
			require.Equal(t, b, got, c.Name)
			continue
		}
		require.Error(t, err, c.Name)
		require.Equal(t, c.Result.Error.Message, strings.TrimPrefix(err.Error(), "kem: "), c.Name)
	}
	require.Equal(t, 11, n)
}

func TestErrors(t *testing.T) {
	seed := random(1)
	public, private := Generate(&seed)
	ct, _, err := Encapsulate(public, &[CoinsSize]byte{})
	require.NoError(t, err)
	mlkem := bytes.Clone(ct)
	mlkem[0] = 0x0a
	for _, c := range []struct {
		name        string
		private, ct []byte
		want        error
	}{
		{"no private key", nil, ct, ErrNoKeyType},
		{"no ciphertext", private, nil, ErrNoKeyType},
		{"public key as private", public, ct, BadKeyLengthError(PublicKeySize)},
		{"ciphertext of another type", private, mlkem, BadKeyTypeError(0x0a)},
		{"short ciphertext", private, ct[:CiphertextSize-1], BadCiphertextLengthError(CiphertextSize - 1)},
		{"long ciphertext", private, append(bytes.Clone(ct), 0), BadCiphertextLengthError(CiphertextSize + 1)},
		{"type byte alone", private, ct[:1], BadCiphertextLengthError(1)},
	} {
		secret, err := Decapsulate(c.private, c.ct)
		require.ErrorIs(t, err, c.want, c.name)
		require.Zero(t, secret, c.name)
	}
	ct, secret, err := Encapsulate(public[:5], &[CoinsSize]byte{})
	require.ErrorIs(t, err, BadKeyLengthError(5))
	require.Nil(t, ct)
	require.Zero(t, secret)
	require.EqualError(t, BadCiphertextLengthError(1568),
		"kem: bad KEM ciphertext length <1568> for key with type <Kyber1024 key>")
}

// Inputs and their spare capacity stay as they were, and what a parser returns cannot grow into it.
func TestInputsUnchanged(t *testing.T) {
	seed := random(1)
	public, private := Generate(&seed)
	spare := func(b []byte) []byte { return append(bytes.Clone(b), bytes.Repeat([]byte{0xaa}, 64)...) }
	p, k := spare(public), spare(private)
	coins := [CoinsSize]byte{4}
	ct, _, err := Encapsulate(p[:PublicKeySize], &coins)
	require.NoError(t, err)
	c := spare(ct)
	_, err = Decapsulate(k[:PrivateKeySize], c[:CiphertextSize])
	require.NoError(t, err)
	require.Equal(t, spare(public), p)
	require.Equal(t, spare(private), k)
	require.Equal(t, spare(ct), c)
	require.Equal(t, random(1), seed)
	require.Equal(t, [CoinsSize]byte{4}, coins)
	got, err := ParsePublic(p[:PublicKeySize])
	require.NoError(t, err)
	require.Equal(t, PublicKeySize, cap(got))
}

// Any bytes of the right length are a key and a ciphertext, and any others an error.
func FuzzKEM(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{Type, 0xff, 0xff, 0xff}, uint8(1))
	f.Add([]byte{0x0a, 1}, uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, fill uint8) {
		_, errPublic := ParsePublic(b)
		_, errPrivate := ParsePrivate(b)
		require.False(t, errPublic == nil && errPrivate == nil)
		object := func(n int) []byte {
			o := bytes.Repeat([]byte{fill}, n)
			copy(o[1:], b)
			o[0] = Type
			return o
		}
		ct, _, err := Encapsulate(object(PublicKeySize), &[CoinsSize]byte{fill})
		require.NoError(t, err)
		_, err = Decapsulate(object(PrivateKeySize), ct)
		require.NoError(t, err)
		_, err = Decapsulate(object(PrivateKeySize), object(CiphertextSize))
		require.NoError(t, err)
	})
}
