//go:build !purego

package lanes

import "encoding/binary"

// A plan is what two points are the sums of: multiples of two points to the base 16, and two
// multiples of the base point to the base 256, or, if halved is set, one of the base point and one
// of 2^128 times that.
type plan struct {
	own    [2][64]int16
	fixed  [2][32]int16
	halved bool
}

// maxSteps is how many there can be: for each digit one, and doublings.
const maxSteps = 64 + 32 + 1

// schedule writes the steps that make the sums out of nothing. It returns how many they are.
func (p *plan) schedule(steps *[maxSteps]step) int {
	n, doubles, second := 0, uint32(0), uint32(0)
	if p.halved {
		second = fixedSize
	}
	push := func(t table, x, y int16, second, size uint32) {
		at, minus := [2]uint32{}, [2]uint16{}
		at[0], minus[0] = find(x, 0, size)
		at[1], minus[1] = find(y, second, size)
		steps[n] = plus(doubles, t, at, minus)
		n, doubles = n+1, 0
	}
	for i := len(p.own[0]) - 1; i >= 0; i-- {
		if n > 0 {
			doubles += 4
		}
		if x, y := p.own[0][i], p.own[1][i]; x != 0 || y != 0 {
			push(own, x, y, ownSize, ownSize)
		}
		if i%2 != 0 {
			continue
		}
		if x, y := p.fixed[0][i/2], p.fixed[1][i/2]; x != 0 || y != 0 {
			push(fixed, x, y, second, fixedSize)
		}
	}
	steps[n] = step{doubles: doubles}
	return n + 1
}

// find returns where the entry for a digit is, of size from the first on, and whether it is to be
// subtracted.
func find(digit int16, first, size uint32) (at uint32, minus uint16) {
	switch {
	case digit > 0:
		return first + uint32(digit) - 1, 0
	case digit < 0:
		return first + uint32(-digit) - 1, 1
	}
	return 2 * size, 0
}

// digits writes the number, below 2^254, to the base 16, with digits from -8 to 8, or its opposite.
func (x *wide) digits(out *[64]int16, opposite bool) {
	carry := int16(0)
	for i := range out {
		v := int16(x[i/16]>>(4*(i%16))&15) + carry
		carry = (v + 8) >> 4
		v -= carry << 4
		if opposite {
			v = -v
		}
		out[i] = v
	}
}

// bytesDigits writes a number below 2^254 to the base 256, with digits from -128 to 127.
func bytesDigits(out *[32]int16, b *[32]byte) {
	carry := int16(0)
	for i := range out {
		v := int16(b[i]) + carry
		carry = (v + 128) >> 8
		out[i] = v - carry<<8
	}
}

// put writes the number, which is not negative, little-endian.
func (x *wide) put(b *[64]byte) {
	for i, w := range x {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
}
