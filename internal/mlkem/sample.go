package mlkem

import "crypto/sha3"

// An xof samples the matrix Â from ρ, which is public.
type xof struct {
	shake sha3.SHAKE
	seed  [34]byte
	out   [3 * 168]byte
	// room holds a polynomial and what the last block had to spare: at most 255
	// coefficients and the 112 of a block, or the 336 of the first three.
	room [512]uint16
}

func (x *xof) init(rho *[32]byte) {
	x.shake = *sha3.NewSHAKE128()
	copy(x.seed[:], rho[:])
}

// sample is SampleNTT of FIPS 203, algorithm 7, with ρ ‖ a ‖ b. The result is
// good until the next call.
func (x *xof) sample(a, b byte) *plain {
	x.seed[32], x.seed[33] = a, b
	x.shake.Reset()
	x.shake.Write(x.seed[:])
	// Three blocks nearly always suffice.
	x.shake.Read(x.out[:])
	got := x.accept(0, x.out[:])
	for got < n {
		x.shake.Read(x.out[:168])
		got = x.accept(got, x.out[:168])
	}
	return (*plain)(x.room[:n])
}

// accept writes the 12-bit values in b that are below q to the room, after the
// first got, and returns the new count. It overwrites a value that is not
// accepted, which is quicker than to branch on a coin.
func (x *xof) accept(got int, b []byte) int {
	for ; len(b) >= 3; b = b[3:] {
		d := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		d1, d2 := d&0xfff, d>>12
		x.room[got&511] = uint16(d1)
		got += int((d1 - q) >> 31)
		x.room[got&511] = uint16(d2)
		got += int((d2 - q) >> 31)
	}
	return got
}

// A prf samples noise polynomials from a secret seed, one after another.
type prf struct {
	shake sha3.SHAKE
	seed  [33]byte // the last byte is the number of the next polynomial
	out   [128]byte
}

func (p *prf) init(seed *[32]byte) {
	p.shake = *sha3.NewSHAKE256()
	copy(p.seed[:], seed[:])
}

// sample is SamplePolyCBD of FIPS 203, algorithm 8, for η = 2. The coefficients
// −2 to 2 come out as q−2 to q+2.
func (p *prf) sample(f *poly) {
	p.shake.Reset()
	p.shake.Write(p.seed[:])
	p.shake.Read(p.out[:])
	p.seed[32]++
	for i, b := range p.out {
		d := uint64(b&0x55 + b>>1&0x55) // four sums of two bits
		f[i] = both(q) + d&3 + d>>4&3<<32 - d>>2&3 - d>>6<<32
	}
}
