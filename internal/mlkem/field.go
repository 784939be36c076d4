package mlkem

// Arithmetic modulo q, two residues at a time. A uint64 holds two lanes of 32
// bits, the coefficient of even index in the low one. Kyber's NTT ends at pairs
// of coefficients, so both lanes of a word always meet the same constant, and a
// product of either lane with a constant below 2¹⁶ does not reach the other.
//
// Lanes are never negative, and reduced only where they must be; comments give
// their bounds. None of the operations branches, and none divides.

// both returns x in both lanes.
func both(x uint64) uint64 { return x | x<<32 }

// A constant is a residue to multiply with, by Shoup's method.
type constant struct {
	w      uint64 // below q
	scaled uint64 // ⌊w·2¹⁶ ÷ q⌋
}

// newConstant is for tables: it divides, so w must be public.
func newConstant(w uint64) constant { return constant{w, w << 16 / q} }

// mul multiplies both lanes of x, each below 2¹⁶, by c. The results are below
// q·(1 + x ÷ 2¹⁶), so below 2q.
func mul(x uint64, c constant) uint64 {
	return x*c.w - (x*c.scaled>>16&both(0xffff))*q
}

// reduce brings lanes below 2¹⁷ to at most q + 6, by Barrett's method. 20158 is
// ⌊2²⁶ ÷ q⌋.
func reduce(x uint64) uint64 {
	return x - (x*20158>>26&both(0x3f))*q
}

// canonical brings lanes below 2¹⁷ below q.
func canonical(x uint64) uint64 {
	x = reduce(x)
	atLeastQ := (x + both(1<<31-q)) >> 31 & both(1)
	return x - atLeastQ*q
}

// montgomeryFactor undoes the division by 2¹⁶ in montgomery.
var montgomeryFactor = newConstant(1 << 16 % q)

// montgomery divides lanes by 2¹⁶ modulo q. A lane x, below 2³¹, becomes less
// than x ÷ 2¹⁶ + q. 3327 is −q⁻¹ modulo 2¹⁶.
func montgomery(x uint64) uint64 {
	multiple := x & both(0xffff) * 3327 & both(0xffff)
	// The low halves of the lanes of the sum are zero, so nothing moves across.
	return (x + multiple*q) >> 16
}
