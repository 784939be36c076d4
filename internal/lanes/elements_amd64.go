//go:build !purego

package lanes

import (
	"encoding/binary"
	"math/bits"

	"filippo.io/edwards25519/field"
	"github.com/cloudflare/circl/math/fp25519"
	"golang.org/x/sys/cpu"
)

// Usable reports whether the processor, and the system on it, can do what the package does.
func Usable() bool {
	return cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512IFMA
}

// Elements is eight field elements beside each other: limb by limb, 51 bits each, lowest first.
type Elements [5][8]uint64

const mask = 1<<51 - 1

func all(v uint64) [8]uint64 { return [8]uint64{v, v, v, v, v, v, v, v} }

// Put sets element i to the 32 bytes of b, little-endian, without bit 255.
func (s *Elements) Put(i int, b *[fp25519.Size]byte) {
	var x [4]uint64
	for j := range x {
		x[j] = binary.LittleEndian.Uint64(b[8*j:])
	}
	for j, limb := range [5]uint64{
		x[0], x[0]>>51 | x[1]<<13, x[1]>>38 | x[2]<<26, x[2]>>25 | x[3]<<39, x[3] >> 12,
	} {
		s[j][i] = limb & mask
	}
}

// Get sets e to element i, whose limbs are below 2^52, modulo the prime but not reduced.
func (s *Elements) Get(e *fp25519.Elt, i int) {
	a := [5]uint64{s[0][i], s[1][i], s[2][i], s[3][i], s[4][i]}
	for j := range 4 {
		a[j+1] += a[j] >> 51
		a[j] &= mask
	}
	a[0] += 19 * (a[4] >> 51)
	a[4] &= mask
	// a[0] may have a bit more than 51, which is why what follows adds.
	w := [4]uint64{a[0], a[1] >> 13, a[2] >> 26, a[3] >> 39}
	var carry uint64
	for j := range w {
		w[j], carry = bits.Add64(w[j], a[j+1]<<(51-13*j), carry)
		binary.LittleEndian.PutUint64(e[8*j:], w[j])
	}
}

// setElement sets element i to e.
func (s *Elements) setElement(i int, e *field.Element) { s.Put(i, (*[fp25519.Size]byte)(e.Bytes())) }

// element sets e to element i, whose limbs are below 2^52.
func (s *Elements) element(e *field.Element, i int) {
	var b fp25519.Elt
	s.Get(&b, i)
	fp25519.Modp(&b) // bit 255 does not count in what follows
	if _, err := e.SetBytes(b[:]); err != nil {
		panic("lanes: an element of 32 bytes was refused") // only its length could be wrong
	}
	clear(b[:])
}
