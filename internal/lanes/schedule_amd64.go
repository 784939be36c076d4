//go:build !purego

package lanes

import "encoding/binary"

// maxSteps is how many there can be: for each of 64 digits one, and for 16 of the base point.
const maxSteps = 82

// schedule writes the steps that make e times the base point, less c times the one point and d times the other, or
// plus d times that if opposite is set, out of nothing. It returns how many they are.
func schedule(steps *[maxSteps]step, c, d *wide, e *[32]byte, opposite bool) int {
	var cs, ds [64]int16
	c.digits(&cs)
	d.digits(&ds)
	var es [32]int16
	bytesDigits(&es, e)
	n, doubles := 0, uint32(0)
	push := func(t table, size uint32, i, j int16) {
		at, minus := [2]uint32{}, [2]uint16{}
		at[0], minus[0] = find(i, 0, size)
		at[1], minus[1] = find(j, size, size)
		steps[n] = plus(doubles, t, at, minus)
		n, doubles = n+1, 0
	}
	for i := min(len(cs), max(len(es), max(c.bitLen(), d.bitLen())/4+2)) - 1; i >= 0; i-- {
		if n > 0 {
			doubles += 4
		}
		if cs[i] != 0 || ds[i] != 0 {
			k := -ds[i]
			if opposite {
				k = ds[i]
			}
			push(own, ownSize, -cs[i], k)
		}
		if j := i / 2; i%2 == 0 && i < len(es) && (es[j] != 0 || es[16+j] != 0) {
			push(fixed, fixedSize, es[j], es[16+j])
		}
	}
	steps[n] = step{doubles: doubles}
	return n + 1
}

// find returns where the entry for a digit is, of size from the first on, and whether it is to be subtracted.
func find(digit int16, first, size uint32) (at uint32, minus uint16) {
	switch {
	case digit > 0:
		return first + uint32(digit) - 1, 0
	case digit < 0:
		return first + uint32(-digit) - 1, 1
	}
	return 2 * size, 0
}

// digits writes the number, below 2^254, to the base 16, with digits from -8 to 7.
func (x *wide) digits(out *[64]int16) {
	carry := int16(0)
	for i := range out {
		v := int16(x[i/16]>>(4*(i%16))&15) + carry
		carry = (v + 8) >> 4
		out[i] = v - carry<<4
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
