package x25519

import (
	"crypto/ecdh"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func decode(t *testing.T, s string) (b [Size]byte) {
	t.Helper()
	raw, err := hex.DecodeString(s)
	require.NoError(t, err)
	require.Len(t, raw, Size)
	return [Size]byte(raw)
}

// The two vectors of RFC 7748 §5.2; the second has bit 255 of u set.
func TestVectors(t *testing.T) {
	for _, v := range []struct{ scalar, u, want string }{
		{
			"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
			"e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
			"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
		},
		{
			"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
			"e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
			"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
		},
	} {
		k, u := decode(t, v.scalar), decode(t, v.u)
		var got [Size]byte
		require.True(t, Shared(&got, &k, &u))
		require.Equal(t, decode(t, v.want), got)
	}
}

// A thousand iterations of RFC 7748 §5.2: each output is the next scalar.
func TestIterated(t *testing.T) {
	k := [Size]byte{9}
	u := k
	for range 1000 {
		next := k
		require.True(t, Shared(&next, &k, &u))
		u, k = k, next
	}
	require.Equal(t, decode(t, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"), k)
}

// Random scalars and points, half of which are on the twist, against the standard library.
func TestAgainstStandardLibrary(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	for range 300 {
		var k, u, got, base [Size]byte
		r.Read(k[:])
		r.Read(u[:])
		priv, err := ecdh.X25519().NewPrivateKey(k[:])
		require.NoError(t, err)
		pub, err := ecdh.X25519().NewPublicKey(u[:])
		require.NoError(t, err)
		want, err := priv.ECDH(pub)
		require.NoError(t, err)
		require.True(t, Shared(&got, &k, &u))
		require.Equal(t, want, got[:])
		Base(&base, &k)
		require.Equal(t, priv.PublicKey().Bytes(), base[:])

		clamped, again := k, k
		Clamp(&clamped)
		Base(&again, &clamped)
		require.Equal(t, base, again, "clamping is idempotent")
		Shared(&u, &k, &u)
		require.Equal(t, got, u, "dst over u")
		Base(&k, &k)
		require.Equal(t, base, k, "dst over scalar")
	}
}

// Each point of low order of curve and twist, in each of its encodings.
func TestLowOrder(t *testing.T) {
	k := [Size]byte{0x77}
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		u, dst := decode(t, s), [Size]byte{1}
		require.False(t, Shared(&dst, &k, &u), s)
		require.Zero(t, dst)
		u[31] |= 0x80
		require.False(t, Shared(&dst, &k, &u), "%s with bit 255", s)
	}
}

func TestAllocations(t *testing.T) {
	k, u, dst := [Size]byte{8}, [Size]byte{9}, [Size]byte{}
	require.Zero(t, testing.AllocsPerRun(10, func() { Shared(&dst, &k, &u); Base(&dst, &k) }))
}
