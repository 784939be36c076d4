package mlkem

import "encoding/binary"

// Sizes of a polynomial with coefficients of 4 to 16 bits, in bytes.
const (
	encodingSize4  = n * 4 / 8
	encodingSize10 = n * 10 / 8
	encodingSize12 = n * 12 / 8
	encodingSize16 = n * 16 / 8
)

// The compressing functions take coefficients below 4q and round
// 2ᵈ·x ÷ q to the nearest integer, modulo 2ᵈ (FIPS 203, section 4.2.1). They
// multiply by 2³⁶ ÷ q, rounded up, which is exact over that range: the test
// tries all of it. There are no ties, as q is odd.
const reciprocal = (1<<36 + q - 1) / q

func compress(x uint64, d int) uint64 {
	return (x&0xffffffff<<d + (q-1)/2) * reciprocal >> 36 & (1<<d - 1)
}

// encode12 is ByteEncode₁₂ of f, below q.
func encode12(b *[encodingSize12]byte, f *poly) {
	for i, w := range f {
		x := w | w>>20
		b[3*i], b[3*i+1], b[3*i+2] = byte(x), byte(x>>8), byte(x>>16)
	}
}

// decode12 is ByteDecode₁₂ without the modulus check, which is [isReduced].
func (p *plain) decode12(b *[encodingSize12]byte) {
	for i := range n / 2 {
		x := uint32(b[3*i]) | uint32(b[3*i+1])<<8 | uint32(b[3*i+2])<<16
		p[2*i], p[2*i+1] = uint16(x&0xfff), uint16(x>>12)
	}
}

// isReduced reports whether all coefficients of a vector are below q.
func isReduced(ek *[VectorSize]byte) bool {
	below := ^uint32(0)
	for i := 0; i < VectorSize; i += 3 {
		x := uint32(ek[i]) | uint32(ek[i+1])<<8 | uint32(ek[i+2])<<16
		below &= (x&0xfff - q) & (x>>12 - q) // negative means below
	}
	return below>>31 == 1
}

// compress10 is ByteEncode₁₀ after Compress₁₀.
func compress10(b *[encodingSize10]byte, f *poly) {
	for i := range n / 4 {
		v, w := f[2*i], f[2*i+1]
		x := compress(v, 10) | compress(v>>32, 10)<<10 | compress(w, 10)<<20 | compress(w>>32, 10)<<30
		out := b[5*i : 5*i+5 : 5*i+5]
		binary.LittleEndian.PutUint32(out, uint32(x))
		out[4] = byte(x >> 32)
	}
}

// decompress10 is Decompress₁₀ after ByteDecode₁₀, below q.
func decompress10(f *poly, b *[encodingSize10]byte) {
	for i := range n / 4 {
		in := b[5*i : 5*i+5 : 5*i+5]
		x := uint64(binary.LittleEndian.Uint32(in)) | uint64(in[4])<<32
		v, w := x&0x3ff|x>>10&0x3ff<<32, x>>20&0x3ff|x>>30<<32
		f[2*i] = (v*q + both(1<<9)) >> 10 & both(0xfff)
		f[2*i+1] = (w*q + both(1<<9)) >> 10 & both(0xfff)
	}
}

// compress4 is ByteEncode₄ after Compress₄.
func compress4(b *[encodingSize4]byte, f *poly) {
	for i, w := range f {
		b[i] = byte(compress(w, 4) | compress(w>>32, 4)<<4)
	}
}

// decompress4 is Decompress₄ after ByteDecode₄, below q.
func decompress4(f *poly, b *[encodingSize4]byte) {
	for i, x := range b {
		w := uint64(x&15) | uint64(x>>4)<<32
		f[i] = (w*q + both(1<<3)) >> 4 & both(0xfff)
	}
}

// compress1 is ByteEncode₁ after Compress₁.
func compress1(m *[32]byte, f *poly) {
	for i := range m {
		var x uint64
		for j, w := range f[4*i : 4*i+4] {
			x |= (compress(w, 1) | compress(w>>32, 1)<<1) << (2 * j)
		}
		m[i] = byte(x)
	}
}

// decompress1 is Decompress₁ after ByteDecode₁: 0 or (q + 1) ÷ 2.
func decompress1(f *poly, m *[32]byte) {
	for i := range f {
		bits := uint64(m[i/4] >> (i % 4 * 2))
		f[i] = (bits&1 | bits>>1&1<<32) * ((q + 1) / 2)
	}
}
