package xeddsa

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filippo.io/edwards25519"
	"github.com/stretchr/testify/require"
)

// order is L, the order of the base point: 2^252 + 27742317777372353535851937790883648493.
var order = func() *big.Int {
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return l.SetBit(l, 252, 1)
}()

// number reads b as RFC 7748 does, least significant byte first.
func number(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// hashed is the SHA-512 of parts as a number modulo L.
func hashed(parts ...[]byte) *big.Int {
	sum := sha512.Sum512(bytes.Join(parts, nil))
	n := number(sum[:])
	return n.Mod(n, order)
}

// written spells n, which is below 2^256, in 32 bytes.
func written(n *big.Int) (b [32]byte) {
	n.FillBytes(b[:])
	slices.Reverse(b[:])
	return b
}

// nonce is r as the text of the scheme has it, by integers alone: hash1(a ‖ M ‖ Z) modulo L.
func nonce(k, message, z []byte) *big.Int {
	prefix := bytes.Repeat([]byte{0xff}, 32)
	prefix[0] = 0xfe
	return hashed(prefix, k, message, z)
}

// TestNonce takes the nonce back out of a signature, r = s − ha, which the holder of the key can,
// and compares all of it with what the scheme prescribes: a nonce without the key, without the
// randomness, cut or biased differs.
func TestNonce(t *testing.T) {
	rnd := rand.NewChaCha8([32]byte{21})
	for i := range 64 {
		var k, public, u [32]byte
		var z [64]byte
		rnd.Read(k[:])
		rnd.Read(z[:])
		k = clamped(&k)
		message := make([]byte, 37*i)
		rnd.Read(message)
		Derive(&public, &u, &k)
		sign := func() {
			var sig, anew [SignatureSize]byte
			SignWith(&sig, &k, &public, &z, message[:i], message[i:])
			Sign(&anew, &k, &z, message)
			require.Equal(t, sig, anew)

			want := nonce(k[:], message, z[:])
			h := hashed(sig[:32], public[:], message)
			s := slices.Clone(sig[32:])
			s[31] &= 0x7f
			require.Negative(t, number(s).Cmp(order), "s is reduced")
			r := number(s)
			r.Sub(r, h.Mul(h, number(k[:]))).Mod(r, order)
			require.Equal(t, written(want), written(r), "r = s − ha, key %x", k)

			b := written(want)
			scalar, err := new(edwards25519.Scalar).SetCanonicalBytes(b[:])
			require.NoError(t, err)
			require.Equal(t, new(edwards25519.Point).ScalarBaseMult(scalar).Bytes(), sig[:32], "R = rB")
		}
		sign()
		without(sign)
	}
}

// TestKnownSignatures: for a fixed key, message and randomness there is one signature. These were
// computed with integers of any size from the text of the scheme, in another language.
func TestKnownSignatures(t *testing.T) {
	for _, v := range []struct {
		k, z          byte
		message, want string
	}{
		{1, 0, "", "822ca8b27018ae62e6618e72c478df5d9cd19e1d84ed4cbd56e368a42d035f50" +
			"7782f526e9a2eb31229a7534a59cff6bd6960ed8214de9ba0298f244137b0787"},
		{7, 9, "message", "4e52ccd6066ffa7131b1aeff80c96ddb4d6fab2faf4cf599b5cbc6368d9d632f" +
			"b3b16fba7397fb1a5f6c55b4cf6273d3489cd8d1aed055538f981b9aa0b0a189"},
		{200, 77, strings.Repeat("\x00", 200), "7c92ccdfab5b6ed477d64c71994e789bf6d25064eb091356ed4c9b8f2a4cbb93" +
			"d732e01eda3fc09f1f6dbe7286ba5fbd231ef91cecbd0e01d54f593fecda2787"},
		{33, 255, "a message of more than one block of the hash, so that the key and the randomness " +
			"do not share one with it, and a little more",
			"14b69ff6b3aabbb8678c402699036e4444cf4479aa1604aceaa6f42a16b7858a" +
				"a716a443a3c602076f556f7be78aa3251b88706868faebe2c4712b4d30c79101"},
	} {
		var k [32]byte
		var z [64]byte
		for i := range k {
			k[i] = v.k + byte(i)
		}
		for i := range z {
			z[i] = v.z + 3*byte(i)
		}
		k = clamped(&k)
		sign := func() {
			var sig [SignatureSize]byte
			Sign(&sig, &k, &z, []byte(v.message))
			require.Equal(t, v.want, hex.EncodeToString(sig[:]))
		}
		sign()
		without(sign)
	}
}

// TestSecondHalf: of the forms s + jL that fit beside the sign bit, those below 2^253 are accepted
// and no other one is.
func TestSecondHalf(t *testing.T) {
	bound := new(big.Int).Lsh(big.NewInt(1), 253)
	rnd := rand.NewChaCha8([32]byte{22})
	accepted := map[int64]int{}
	for i := range 16 {
		var k, public, u [32]byte
		var z [64]byte
		rnd.Read(k[:])
		Derive(&public, &u, &k)
		message := []byte{byte(i)}
		var sig [SignatureSize]byte
		SignWith(&sig, &k, &public, &z, message)
		s := slices.Clone(sig[32:])
		s[31] &= 0x7f
		for j := range int64(8) {
			form := number(s)
			form.Add(form, new(big.Int).Mul(big.NewInt(j), order))
			if form.BitLen() > 255 {
				continue
			}
			b := written(form)
			changed := sig
			copy(changed[32:], b[:])
			changed[63] |= sig[63] & 0x80
			require.Equal(t, form.Cmp(bound) < 0, agree(t, &u, changed[:], message), "s + %d L", j)
			accepted[j]++
		}
	}
	require.Len(t, accepted, 8)
}

// TestSecondHalfAtTheBound: under a key of low order s can be chosen, so that the bound is met to
// the last bit.
func TestSecondHalfAtTheBound(t *testing.T) {
	bound := new(big.Int).Lsh(big.NewInt(1), 253)
	u := [32]byte{} // order 2
	enc := written(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(20)))
	for _, v := range []struct {
		less int64
		want bool
	}{{-1, false}, {0, false}, {1, true}, {2, true}} {
		form := new(big.Int).Sub(bound, big.NewInt(v.less))
		reduced := written(new(big.Int).Mod(form, order))
		s, err := new(edwards25519.Scalar).SetCanonicalBytes(reduced[:])
		require.NoError(t, err)
		sig := new(edwards25519.Point).ScalarBaseMult(s).Bytes()
		b := written(form)
		sig = append(sig, b[:]...)
		message := []byte{0}
		for hashed(sig[:32], enc[:], message).Bit(0) != 0 { // an even multiple of the key is the identity
			message[0]++
		}
		require.Equal(t, v.want, agree(t, &u, sig, message), "2^253 − %d", v.less)
	}
}
