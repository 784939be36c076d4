package mlkem

// A poly is a polynomial of R_q or its NTT in T_q (FIPS 203, section 4.3), in
// words of two lanes as field.go has them.
type poly [n / 2]uint64

// zetas are ζ^BitRev7(i), with ζ = 17.
var zetas = func() (z [128]constant) {
	power := uint64(1)
	for i := range 128 {
		reversed := 0
		for bit := range 7 {
			reversed |= i >> bit & 1 << (6 - bit)
		}
		z[reversed] = newConstant(power)
		power = power * 17 % q
	}
	return z
}()

// ntt takes f, below 2q, to its NTT, below q. It is algorithm 9, with lengths
// counted in words. Each layer adds at most 2q to a lane: 16q is below 2¹⁶.
func (f *poly) ntt() {
	i := 1
	for size := 64; size >= 4; size /= 2 {
		for start := 0; start < len(f); start += 2 * size {
			z := zetas[i]
			i++
			a, b := f[start:start+size], f[start+size:start+2*size]
			b = b[:len(a)]
			for j := range a {
				a[j], b[j] = butterfly(a[j], b[j], z)
			}
		}
	}
	// The last two layers, sizes 2 and 1, four words at a time.
	for i := range len(f) / 4 {
		w := (*[4]uint64)(f[4*i:])
		z := zetas[32+i]
		w0, w2 := butterfly(w[0], w[2], z)
		w1, w3 := butterfly(w[1], w[3], z)
		w0, w1 = butterfly(w0, w1, zetas[64+2*i])
		w2, w3 = butterfly(w2, w3, zetas[64+2*i+1])
		w[0], w[1], w[2], w[3] = canonical(w0), canonical(w1), canonical(w2), canonical(w3)
	}
}

// butterfly is the step of Cooley and Tukey: a + bz and a − bz.
func butterfly(a, b uint64, z constant) (uint64, uint64) {
	t := mul(b, z)
	return a + t, a + both(2*q) - t
}

// inverse takes f, an NTT below 2q and divided by 2¹⁶, to its polynomial,
// below 2q. It is algorithm 10. Sums double with each layer, so that after three
// they are below 16q and have to be reduced.
func (f *poly) inverse() {
	for i := range len(f) / 4 {
		w := (*[4]uint64)(f[4*i:])
		w0, w1 := unbutterfly(w[0], w[1], zetas[127-2*i], 2*q)
		w2, w3 := unbutterfly(w[2], w[3], zetas[126-2*i], 2*q)
		z := zetas[63-i]
		w[0], w[2] = unbutterfly(w0, w2, z, 4*q)
		w[1], w[3] = unbutterfly(w1, w3, z, 4*q)
	}
	f.inverseLayer(4, 8*q)
	f.reduce()
	f.inverseLayer(8, 2*q)
	f.inverseLayer(16, 4*q)
	f.inverseLayer(32, 8*q)
	f.reduce()
	// The last layer also multiplies by 128⁻¹ and by the 2¹⁶ that montgomery
	// took: together by 2⁹.
	a, b := f[:64], f[64:]
	for j := range a {
		a[j], b[j] = mul(a[j]+b[j], lastScale), mul(b[j]+both(2*q)-a[j], lastZeta)
	}
}

var (
	lastScale = newConstant(1 << 9)
	lastZeta  = newConstant(zetas[1].w << 9 % q)
)

// inverseLayer does the layer of the given size, on lanes below bound.
func (f *poly) inverseLayer(size int, bound uint64) {
	i := len(f)/size - 1
	for start := 0; start < len(f); start += 2 * size {
		z := zetas[i]
		i--
		a, b := f[start:start+size], f[start+size:start+2*size]
		b = b[:len(a)]
		for j := range a {
			a[j], b[j] = unbutterfly(a[j], b[j], z, bound)
		}
	}
}

// unbutterfly is the step of Gentleman and Sande: a + b and (b − a)z. Bound is
// a multiple of q that a does not exceed.
func unbutterfly(a, b uint64, z constant, bound uint64) (uint64, uint64) {
	return a + b, mul(b+both(bound)-a, z)
}

func (f *poly) reduce() {
	for i := range f {
		f[i] = reduce(f[i])
	}
}

// A plain is the factor of a product that is used once, as it was sampled or
// decoded: coefficients below 2¹².
type plain [n]uint16

// A factor is the other one, an NTT f below q. Its products need f1·γ too,
// with γ of algorithm 12; g keeps f1·γ in the low lane, and f0 in the high.
type factor struct{ f, g poly }

// An operand is a vector of factors.
type operand [k]factor

// prepare computes x.g from x.f. The lanes of g are at most 2q.
func (x *factor) prepare() {
	f, g := &x.f, &x.g
	for i := 0; i < len(f); i += 2 {
		z := zetas[64+i/2] // γ is ζ for the one word and −ζ for the next
		t := mul(f[i]>>32|f[i+1]>>32<<32, z)
		g[i] = t&0xffffffff | f[i]<<32
		g[i+1] = 2*q - t>>32 | f[i+1]<<32
	}
}

// mulAdd adds the product a∘x to sum: algorithm 11 with only the one reduction
// that montgomery does at the end. A product adds less than 2²⁶ to a lane.
func (sum *poly) mulAdd(a *plain, x *factor) {
	for i := range sum {
		sum[i] += uint64(a[2*i])*x.f[i] + uint64(a[2*i+1])*x.g[i]
	}
}

// montgomery reduces the sum of k products below 2q and divides it by 2¹⁶.
func (sum *poly) montgomery() {
	for i := range sum {
		sum[i] = montgomery(sum[i])
	}
}
