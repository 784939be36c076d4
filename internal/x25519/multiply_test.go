package x25519

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	circl "github.com/cloudflare/circl/dh/x25519"
	"github.com/stretchr/testify/require"
)

// oracle is circl's ladder, whatever this package does.
func oracle(scalar, u *[Size]byte) (dst [Size]byte) {
	circl.Shared((*circl.Key)(&dst), (*circl.Key)(scalar), (*circl.Key)(u))
	return dst
}

// corners are u-coordinates and scalars at which a limb, a carry or the prime ends.
func corners() (all [][Size]byte) {
	add := func(v *big.Int) {
		var le [Size]byte
		for i, b := range v.FillBytes(make([]byte, Size)) {
			le[Size-1-i] = b
		}
		all = append(all, le)
	}
	prime := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	for d := int64(-20); d <= 20; d++ {
		add(new(big.Int).Add(prime, big.NewInt(d)))
		if d >= 0 {
			add(big.NewInt(d))
		}
	}
	for bit := uint(0); bit < 256; bit++ {
		power := new(big.Int).Lsh(big.NewInt(1), bit)
		add(power)
		add(new(big.Int).Sub(power, big.NewInt(1)))
		add(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), power))
	}
	for limb := uint(0); limb < 5; limb++ { // one limb full, all others empty, and the reverse
		full := new(big.Int).Lsh(big.NewInt(1<<51-1), 51*limb)
		add(full)
		add(new(big.Int).Sub(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(1)), full))
	}
	return all
}

// Each corner as a point and as a scalar, two products at a time, beside circl's ladder.
func TestCorners(t *testing.T) {
	r := rand.NewChaCha8([32]byte{2})
	all := corners()
	for i, c := range all {
		var random [Size]byte
		r.Read(random[:])
		other := all[(i*7+3)%len(all)]
		for _, v := range [][4][Size]byte{{random, c, c, other}, {other, c, c, c}} {
			var a, b [Size]byte
			p := []Product{{Scalar: &v[0], U: &v[1], Dst: &a}, {Scalar: &v[2], U: &v[3], Dst: &b}}
			Multiply(p)
			require.Equal(t, oracle(&v[0], &v[1]), a, "%x times %x", v[0], v[1])
			require.Equal(t, oracle(&v[2], &v[3]), b, "%x times %x", v[2], v[3])
			require.Equal(t, a != [Size]byte{}, p[0].OK)
			require.Equal(t, b != [Size]byte{}, p[1].OK)
		}
	}
}

// Any number of products, of points and of the base point, among them points of low order; dst over
// the product's own scalar, over its own point, and apart.
func TestMultiply(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	low := [][Size]byte{{}, {1}, corners()[0]}
	for n := range 2*group + 4 {
		for range 12 {
			products := make([]Product, n)
			want := make([][Size]byte, n)
			for i := range products {
				var room [3][Size]byte
				scalar, u, dst := &room[0], &room[1], &room[2]
				for j := range scalar {
					scalar[j], u[j] = byte(r.Uint32()), byte(r.Uint32())
				}
				if r.IntN(8) == 0 {
					*u = low[r.IntN(len(low))]
				}
				p := Product{Scalar: scalar, U: u, Dst: [3]*[Size]byte{scalar, u, dst}[r.IntN(3)], OK: r.IntN(2) == 0}
				want[i] = oracle(scalar, u)
				if r.IntN(3) == 0 {
					p.U = nil
					want[i] = oracle(scalar, &[Size]byte{9})
				}
				products[i] = p
			}
			Multiply(products)
			for i, p := range products {
				require.Equal(t, want[i], *p.Dst, "product %d of %d", i, n)
				require.Equal(t, want[i] != [Size]byte{}, p.OK)
			}
		}
	}
}

func FuzzMultiply(f *testing.F) {
	f.Add(make([]byte, 4*Size))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 4*Size {
			return
		}
		var v [4][Size]byte
		for i := range v {
			v[i] = [Size]byte(b[i*Size:])
		}
		var x, y, base [Size]byte
		p := []Product{{Scalar: &v[0], U: &v[1], Dst: &x}, {Scalar: &v[2], U: &v[3], Dst: &y}, {Scalar: &v[0], Dst: &base}}
		Multiply(p)
		require.Equal(t, oracle(&v[0], &v[1]), x)
		require.Equal(t, oracle(&v[2], &v[3]), y)
		require.Equal(t, oracle(&v[0], &[Size]byte{9}), base)
		var one [Size]byte
		require.Equal(t, p[0].OK, Shared(&one, &v[0], &v[1]))
		require.Equal(t, x, one)
	})
}

func TestMultiplyAllocations(t *testing.T) {
	k, u := [Size]byte{8}, [Size]byte{9}
	var dst [3][Size]byte
	require.Zero(t, testing.AllocsPerRun(10, func() {
		Multiply([]Product{{Scalar: &k, U: &u, Dst: &dst[0]}, {Scalar: &k, U: &u, Dst: &dst[1]}, {Scalar: &k, Dst: &dst[2]}})
	}))
}

func BenchmarkMultiply(b *testing.B) {
	for points := range 6 {
		for bases := range 2 {
			b.Run(fmt.Sprintf("points=%d/bases=%d", points, bases), func(b *testing.B) {
				k, u := [Size]byte{8}, [Size]byte{9}
				var dst [group][Size]byte
				products := make([]Product, points+bases)
				for i := range products {
					products[i] = Product{Scalar: &k, Dst: &dst[i]}
					if i < points {
						products[i].U = &u
					}
				}
				for b.Loop() {
					Multiply(products)
				}
			})
		}
	}
}
