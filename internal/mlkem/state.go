package mlkem

import "encoding/binary"

// The encapsulation state, 2080 bytes: the three polynomials ŷ in NTT order and
// e2, each as 256 little-endian int16, and the message m.
const (
	stateE2 = k * encodingSize16
	stateM  = stateE2 + encodingSize16
)

// writeState fills es. Coefficients are stored as deployed clients do it, as the
// residues nearest to zero.
func writeState(es *[EncapsulationStateSize]byte, y *operand, e2 *poly, m *[32]byte) {
	for i := range y {
		writePoly((*[encodingSize16]byte)(es[i*encodingSize16:]), &y[i].f)
	}
	writePoly((*[encodingSize16]byte)(es[stateE2:]), e2)
	copy(es[stateM:], m[:])
}

func writePoly(b *[encodingSize16]byte, f *poly) {
	for i, w := range f {
		w = canonical(w)
		binary.LittleEndian.PutUint16(b[4*i:], centred(uint32(w)))
		binary.LittleEndian.PutUint16(b[4*i+2:], centred(uint32(w>>32)))
	}
}

// centred takes x, below q, to the int16 between −(q−1)/2 and (q−1)/2.
func centred(x uint32) uint16 {
	above := ((q-1)/2 - x) >> 31
	return uint16(x - above*q)
}

// readState reads es, in either byte order, and returns m, which aliases es.
func readState(es *[EncapsulationStateSize]byte, y *operand, e2 *poly) (m *[32]byte) {
	swap := isSwapped((*[encodingSize16]byte)(es[stateE2:]))
	for i := range y {
		readPoly(&y[i].f, (*[encodingSize16]byte)(es[i*encodingSize16:]), swap)
		y[i].prepare()
	}
	readPoly(e2, (*[encodingSize16]byte)(es[stateE2:]), swap)
	return (*[32]byte)(es[stateM:])
}

// readPoly reads any int16 modulo q. swap is 0, or 1 to exchange the bytes.
func readPoly(f *poly, b *[encodingSize16]byte, swap uint32) {
	for i := range f {
		x := binary.LittleEndian.Uint32(b[4*i:])
		exchanged := x>>8&0x00ff00ff | x&0x00ff00ff<<8
		x ^= (x ^ exchanged) & -swap
		// Flipping the sign bit adds 2¹⁵; what is missing to 10q follows.
		x ^= 0x80008000
		f[i] = canonical(uint64(x&0xffff) + uint64(x>>16)<<32 + both(10*q-1<<15))
	}
}

// isSwapped returns 1 if e2 was stored with the two bytes of each coefficient
// exchanged, as libcrux did before 2026 on some machines, and 0 if not. The
// coefficients are −2 to 2, of which 0 and −1 look the same in both orders. The
// first other one decides; if it is none that can be, nothing is exchanged.
//
// e2 is secret, so all of it is scanned, without a branch.
func isSwapped(e2 *[encodingSize16]byte) uint32 {
	var swap uint32
	undecided := uint32(1)
	for i := 0; i < len(e2); i += 2 {
		x := uint32(binary.LittleEndian.Uint16(e2[i:]))
		decides := 1 ^ (equal(x, 0) | equal(x, 0xffff))
		swap |= undecided & (equal(x, 0x0100) | equal(x, 0x0200) | equal(x, 0xfeff))
		undecided &^= decides
	}
	return swap
}

// equal returns 1 if x and y, below 2³¹, are equal, and else 0.
func equal(x, y uint32) uint32 { return ((x ^ y) - 1) >> 31 }
