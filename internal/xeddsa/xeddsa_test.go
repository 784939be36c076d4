package xeddsa

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"filippo.io/edwards25519"
	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/x25519"
)

// data is a byte string that the vectors spell in hex.
type data []byte

func (d *data) UnmarshalText(text []byte) (err error) {
	*d, err = hex.AppendDecode(nil, text)
	return err
}

// The vectors of the official client; the README beside the file says how they were made.
type vectors struct {
	Valid []struct {
		Private, Public, Message, Signature data
		SignBit                             byte `json:"sign_bit"`
		Verify                              bool
	}
	Mutated []struct {
		Name                       string
		Public, Message, Signature data
		Verify                     bool
	}
	Keys []struct {
		Name          string
		Public        data
		VerifyZeroSig *bool `json:"verify_zero_sig"`
	}
}

func load(t *testing.T) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/xeddsa.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func raw(t *testing.T, public data) *[32]byte {
	t.Helper()
	require.Len(t, public, 33)
	return (*[32]byte)(public[1:])
}

func TestVectorsValid(t *testing.T) {
	bits := map[byte]int{}
	for i, v := range load(t).Valid {
		u := raw(t, v.Public)
		require.Equal(t, v.Verify, Verify(u, v.Signature, v.Message), "vector %d", i)
		require.Equal(t, v.SignBit, v.Signature[63]>>7)
		require.True(t, x25519.Canonical(u))
		bits[v.SignBit]++

		k := (*[32]byte)(v.Private)
		var base [32]byte
		x25519.Base(&base, k)
		require.Equal(t, u, &base)
		var sig [SignatureSize]byte
		Sign(&sig, k, &[64]byte{byte(i)}, v.Message)
		require.True(t, Verify(u, sig[:], v.Message), "signed anew, vector %d", i)
		require.Equal(t, v.SignBit, sig[63]>>7)
	}
	require.Positive(t, bits[0])
	require.Positive(t, bits[1])
}

func TestVectorsMutated(t *testing.T) {
	accepted := 0
	for i, v := range load(t).Mutated {
		require.Equal(t, v.Verify, Verify(raw(t, v.Public), v.Signature, v.Message), "%d: %s", i, v.Name)
		if v.Verify {
			accepted++
		}
	}
	require.Positive(t, accepted, "some mutations leave a signature valid")
}

func TestVectorsOddKeys(t *testing.T) {
	n := 0
	for _, v := range load(t).Keys {
		if v.VerifyZeroSig == nil {
			continue
		}
		n++
		u := raw(t, v.Public)
		got := false
		// The message is not recorded; for a key of low order one in a few is accepted.
		for i := range 64 {
			got = got || Verify(u, make([]byte, SignatureSize), fmt.Append(nil, "m", i))
		}
		require.Equal(t, *v.VerifyZeroSig, got, v.Name)
		require.False(t, x25519.Canonical(u), v.Name)
	}
	require.Positive(t, n)
}

// The standard library's Ed25519 is the oracle: a signature verifies there under the Edwards key
// once the sign bit is taken out of it, and the two agree about each single flipped bit.
func TestAgainstEd25519(t *testing.T) {
	r := rand.NewChaCha8([32]byte{2})
	for range 50 {
		var k, u [32]byte
		var z [64]byte
		r.Read(k[:])
		r.Read(z[:])
		x25519.Clamp(&k)
		x25519.Base(&u, &k)
		msg := make([]byte, r.Uint64()%5000)
		r.Read(msg)
		cut := int(r.Uint64() % uint64(len(msg)+1))

		var sig, whole [SignatureSize]byte
		Sign(&sig, &k, &z, msg[:cut], msg[cut:])
		Sign(&whole, &k, &z, msg)
		require.Equal(t, whole, sig, "parts are hashed back to back")
		require.True(t, Verify(&u, sig[:], msg))
		require.True(t, Verify(&u, sig[:], nil, msg[:cut], msg[cut:]))

		a, err := edwards25519.NewScalar().SetBytesWithClamping(k[:])
		require.NoError(t, err)
		public := new(edwards25519.Point).ScalarBaseMult(a).Bytes()
		require.Equal(t, public[31]>>7, sig[63]>>7)
		plain := sig
		plain[63] &= 0x7f
		require.True(t, ed25519.Verify(public, msg, plain[:]))

		bit := r.Uint64() % 511 // bit 511 is the sign
		sig[bit/8] ^= 1 << (bit % 8)
		plain[bit/8] ^= 1 << (bit % 8)
		require.False(t, ed25519.Verify(public, msg, plain[:]))
		require.False(t, Verify(&u, sig[:], msg), "bit %d", bit)
	}
}

// Derive takes one inversion for two encodings; edwards25519 and x25519 are its oracles.
func TestDerive(t *testing.T) {
	r := rand.NewChaCha8([32]byte{4})
	signs := map[byte]int{}
	for range 100 {
		var k, public, u, base [32]byte
		r.Read(k[:])
		x25519.Clamp(&k)
		Derive(&public, &u, &k)
		a, err := edwards25519.NewScalar().SetBytesWithClamping(k[:])
		require.NoError(t, err)
		require.Equal(t, new(edwards25519.Point).ScalarBaseMult(a).Bytes(), public[:])
		x25519.Base(&base, &k)
		require.Equal(t, base, u)
		signs[public[31]>>7]++
	}
	require.Len(t, signs, 2)
}

// A message of every length around the hash's block and the digest's buffer.
func TestLengths(t *testing.T) {
	k := [32]byte{31: 0x40}
	var u [32]byte
	x25519.Base(&u, &k)
	msg := make([]byte, 5000)
	for i := range msg {
		msg[i] = byte(i)
	}
	for _, n := range []int{0, 1, 63, 64, 127, 128, 129, 1569, 1919, 1920, 1921, 1983, 1984, 1985, 2048, 4096, 4999} {
		var sig [SignatureSize]byte
		Sign(&sig, &k, &[64]byte{1}, msg[:n])
		require.True(t, Verify(&u, sig[:], msg[:n]), "%d bytes", n)
		require.False(t, Verify(&u, sig[:], msg[:n+1]), "%d bytes", n)
	}
}

// Inputs and their spare capacity stay as they were.
func TestInputsUnchanged(t *testing.T) {
	k, z := [32]byte{31: 0x40}, [64]byte{5}
	u := [32]byte{31: 0x80}
	msg := append([]byte("message"), make([]byte, 64)...)[:7]
	sig := make([]byte, 64, 128)
	Sign((*[64]byte)(sig), &k, &z, msg)
	before := [64]byte(sig)
	Verify(&u, sig, msg)
	require.Equal(t, before, [64]byte(sig))
	require.Equal(t, [32]byte{31: 0x80}, u)
	require.Equal(t, [32]byte{31: 0x40}, k)
	require.Equal(t, [64]byte{5}, z)
	require.Zero(t, [64]byte(msg[7:71]))
	require.Zero(t, [64]byte(sig[64:128]))
}

func TestPoolKeepsNothing(t *testing.T) {
	d := newDigest()
	d.write(make([]byte, 3000))
	d.write([]byte("secret"))
	d.free()
	require.Zero(t, d.buf)
	require.Zero(t, d.n)
}

func FuzzVerify(f *testing.F) {
	k := [32]byte{31: 0x40}
	var u [32]byte
	var sig [64]byte
	x25519.Base(&u, &k)
	Sign(&sig, &k, &[64]byte{}, []byte("seed"))
	f.Add(u[:], sig[:], []byte("seed"))
	f.Add(make([]byte, 32), make([]byte, 64), []byte{})
	f.Add([]byte{2}, []byte{1, 2, 3}, []byte{0})
	f.Fuzz(func(t *testing.T, public, sig, msg []byte) {
		var u [32]byte
		copy(u[:], public)
		one := Verify(&u, sig, msg)
		u[31] ^= 0x80
		require.Equal(t, one, Verify(&u, sig, msg), "bit 255 is ignored")
		require.False(t, x25519.Canonical(&u) && u[31]&0x80 != 0)
	})
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("a sync.Pool drops objects at random under the race detector")
	}
	k := [32]byte{31: 0x40}
	var u [32]byte
	var sig, z [64]byte
	msg := make([]byte, 1569)
	x25519.Base(&u, &k)
	require.Zero(t, testing.AllocsPerRun(20, func() { Sign(&sig, &k, &z, msg) }))
	require.Zero(t, testing.AllocsPerRun(20, func() { Verify(&u, sig[:], msg) }))
	sigs, msgs := [2][]byte{sig[:], sig[:]}, [2][]byte{msg, msg}
	require.Zero(t, testing.AllocsPerRun(20, func() { VerifyBoth(&u, &sigs, &msgs) }))
	require.Zero(t, testing.AllocsPerRun(20, func() { x25519.Canonical(&u) }))
}

func BenchmarkXEdDSA(b *testing.B) {
	k := [32]byte{31: 0x40}
	var u [32]byte
	var sig, z [64]byte
	msg := make([]byte, 33)
	x25519.Base(&u, &k)
	b.Run("Sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Sign(&sig, &k, &z, msg)
		}
	})
	b.Run("Derive", func(b *testing.B) {
		var public [32]byte
		b.ReportAllocs()
		for b.Loop() {
			Derive(&public, &u, &k)
		}
	})
	b.Run("SignWith", func(b *testing.B) {
		var public [32]byte
		Derive(&public, &u, &k)
		b.ReportAllocs()
		for b.Loop() {
			SignWith(&sig, &k, &public, &z, msg)
		}
	})
	b.Run("Verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Verify(&u, sig[:], msg)
		}
	})
	b.Run("VerifyBoth", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			VerifyBoth(&u, &[2][]byte{sig[:], sig[:]}, &[2][]byte{msg, msg})
		}
	})
	b.Run("Canonical", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x25519.Canonical(&u)
		}
	})
	public, private, _ := ed25519.GenerateKey(nil)
	edSig := ed25519.Sign(private, msg)
	b.Run("ed25519-Sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ed25519.Sign(private, msg)
		}
	})
	b.Run("ed25519-Verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ed25519.Verify(public, msg, edSig)
		}
	})
}
