package mlkem

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// lanes calls f with words that hold each x below bound in either lane, with a
// neighbour at one end of the range and at the other.
func lanes(bound uint64, f func(word, low, high uint64)) {
	for x := range bound {
		for _, y := range []uint64{0, bound - 1, bound - 1 - x} {
			f(x|y<<32, x, y)
			f(y|x<<32, y, x)
		}
	}
}

func TestFieldMul(t *testing.T) {
	for _, w := range []uint64{0, 1, 2, 17, 512, 1664, 1665, 2285, q - 2, q - 1} {
		c := newConstant(w)
		lanes(1<<16, func(word, low, high uint64) {
			got := mul(word, c)
			l, h := got&0xffffffff, got>>32
			if l%q != low*w%q || h%q != high*w%q || l >= 2*q || h >= 2*q {
				t.Fatalf("mul(%#x, %d) = %#x", word, w, got)
			}
		})
	}
}

func TestFieldReduce(t *testing.T) {
	lanes(1<<17, func(word, low, high uint64) {
		got := reduce(word)
		l, h := got&0xffffffff, got>>32
		if l%q != low%q || h%q != high%q || l > q+6 || h > q+6 {
			t.Fatalf("reduce(%#x) = %#x", word, got)
		}
		if got := canonical(word); got != low%q|high%q<<32 {
			t.Fatalf("canonical(%#x) = %#x", word, got)
		}
	})
}

func TestFieldMontgomery(t *testing.T) {
	// The highest sum there is: k products of an unreduced 12-bit coefficient
	// with the lanes of g.
	const highest = k * (4095*(q-1) + 4095*2*q)
	check := func(low, high uint64) {
		got := montgomery(low | high<<32)
		l, h := got&0xffffffff, got>>32
		require.Equal(t, low%q, l<<16%q)
		require.Equal(t, high%q, h<<16%q)
		require.Less(t, l, low>>16+q+1)
		require.Less(t, h, high>>16+q+1)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		check(rng.Uint64N(1<<31), rng.Uint64N(1<<31))
	}
	for _, x := range []uint64{0, 1, 0xffff, 0x10000, highest, 1<<31 - 1} {
		check(x, 0)
		check(0, x)
		check(x, x)
	}
	require.Less(t, uint64(highest)>>16+q, uint64(2*q))
}

func TestCompress(t *testing.T) {
	for _, d := range []int{1, 4, 10} {
		for x := range uint64(4 * q) {
			rounded := (x<<d*2 + q) / (2 * q) & (1<<d - 1)
			require.Equal(t, rounded, compress(x|0xabcd<<32, d), "%d, %d", x, d)
		}
	}
}

func TestDecompress(t *testing.T) {
	round := func(y uint64, d int) uint64 { return (y*q*2 + 1<<d) >> (d + 1) }
	var f poly
	for y := range uint64(1 << 10) {
		var b [encodingSize10]byte
		x := y | (1023-y)<<10 | y<<20 | (1023-y)<<30
		for i := 0; i < len(b); i += 5 {
			for j := range 5 {
				b[i+j] = byte(x >> (8 * j))
			}
		}
		decompress10(&f, &b)
		for i := range f {
			require.Equal(t, round(y, 10)|round(1023-y, 10)<<32, f[i])
		}
		var again [encodingSize10]byte
		compress10(&again, &f)
		require.Equal(t, b, again)
	}
	for y := range uint64(1 << 8) {
		var b [encodingSize4]byte
		for i := range b {
			b[i] = byte(y) + byte(i)
		}
		decompress4(&f, &b)
		require.Equal(t, round(y&15, 4)|round(y>>4, 4)<<32, f[0])
		var again [encodingSize4]byte
		compress4(&again, &f)
		require.Equal(t, b, again)
	}
	var m, again [32]byte
	for i := range m {
		m[i] = byte(i * 37)
	}
	decompress1(&f, &m)
	require.EqualValues(t, m[0]&1, f[0]/1665&1)
	compress1(&again, &f)
	require.Equal(t, m, again)
}

func randomPoly(rng *rand.Rand, bound uint64) (f poly) {
	for i := range f {
		f[i] = rng.Uint64N(bound) | rng.Uint64N(bound)<<32
	}
	return f
}

func (f *poly) at(i int) uint64 { return f[i/2] >> (i % 2 * 32) & 0xffffffff }

// TestProduct compares with multiplication by hand in ℤ_q[X] ÷ (X²⁵⁶ + 1).
func TestProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		a, b := randomPoly(rng, q), randomPoly(rng, q)
		var want [n]uint64
		for i := range n {
			for j := range n {
				p := a.at(i) * b.at(j) % q
				if i+j >= n {
					p = q - p
				}
				want[(i+j)%n] = (want[(i+j)%n] + p) % q
			}
		}
		var x factor
		x.f = b
		x.f.ntt()
		x.prepare()
		a.ntt()
		var p plain
		for i := range p {
			p[i] = uint16(a.at(i))
		}
		var sum poly
		sum.mulAdd(&p, &x)
		sum.montgomery()
		sum.inverse()
		for i := range n {
			require.Equal(t, want[i], sum.at(i)%q)
		}
	}
}

// TestProductBounds adds up k products of the highest factors that are possible,
// those of a key that is not reduced.
func TestProductBounds(t *testing.T) {
	var x factor
	var p plain
	for i := range x.f {
		x.f[i] = both(q - 1)
		p[2*i], p[2*i+1] = 4095, 4095
	}
	x.prepare()
	var sum poly
	for range k {
		sum.mulAdd(&p, &x)
	}
	sum.montgomery()
	for i := range sum {
		gamma := zetas[64+i/2].w
		if i%2 == 1 {
			gamma = q - gamma
		}
		low, high := k*4095*(q-1+(q-1)*gamma), uint64(k*4095*2*(q-1))
		require.Equal(t, low%q, sum.at(2*i)<<16%q)
		require.Equal(t, high%q, sum.at(2*i+1)<<16%q)
		require.Less(t, sum.at(2*i), uint64(2*q))
		require.Less(t, sum.at(2*i+1), uint64(2*q))
	}
}

// TestNTTBounds runs the transforms on the highest lanes that they allow, where
// a wrong bound would reach into the neighbour, and back.
func TestNTTBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 500 {
		f := randomPoly(rng, 2*q)
		for w := range f {
			if i == 0 || i > 1 && rng.IntN(4) == 0 {
				f[w] = both(2*q - 1)
			}
		}
		there := f
		there.ntt()
		for j := range n {
			require.Less(t, there.at(j), uint64(q))
		}
		back := there
		for w := range back {
			back[w] = montgomery(back[w]) // the 2¹⁶ that inverse multiplies by
			if rng.IntN(2) == 0 && back[w]&0xffffffff < q && back[w]>>32 < q {
				back[w] += both(q)
			}
		}
		back.inverse()
		for j := range n {
			require.Less(t, back.at(j), uint64(2*q))
			require.Equal(t, f.at(j)%q, back.at(j)%q)
		}
	}
}

func TestZetas(t *testing.T) {
	// FIPS 203, appendix A.
	for i, want := range []uint64{1, 1729, 2580, 3289, 2642, 630, 1897, 848, 1062, 1919} {
		require.Equal(t, want, zetas[i].w)
	}
	require.EqualValues(t, 2154, zetas[127].w)
}

func TestCBD(t *testing.T) {
	var p prf
	p.init(new([32]byte))
	var count [5]int
	for range 64 {
		var f poly
		p.sample(&f)
		for i := range f {
			b := uint32(p.out[i])
			for j, x := range []uint64{f[i] & 0xffffffff, f[i] >> 32} {
				bits := b >> (4 * j)
				require.EqualValues(t, q+bits&1+bits>>1&1-bits>>2&1-bits>>3&1, x)
				count[x+2-q]++
			}
		}
	}
	for i, weight := range []int{1, 4, 6, 4, 1} {
		require.InDelta(t, 64*n*weight/16, count[i], 300)
	}
}

func TestCentred(t *testing.T) {
	for x := range uint32(q) {
		got := int32(int16(centred(x)))
		require.Zero(t, (got-int32(x))%q)
		require.LessOrEqual(t, max(got, -got), int32(q-1)/2)
	}
}

func TestReadPolyTakesAnyInt16(t *testing.T) {
	for x := range 1 << 16 {
		var b [encodingSize16]byte
		for i := 0; i < len(b); i += 4 {
			binary.LittleEndian.PutUint16(b[i:], uint16(x))
			binary.BigEndian.PutUint16(b[i+2:], uint16(x))
		}
		want := uint64((int(int16(x))%q + q) % q)
		var f poly
		readPoly(&f, &b, 0)
		require.Equal(t, want, f[0]&0xffffffff)
		readPoly(&f, &b, 1)
		require.Equal(t, want, f[0]>>32)
	}
}
