//go:build !purego

package lanes

// Ladder climbs 255 rungs of two ladders. In s are X2, Z2, X3, Z3 of the one and of the other,
// before and after. In m are 0, 121665, 1, X1 of both. swaps has a bit for each rung, in lanes 0, 1
// and 4, 5: whether the two points change places before it; the highest word is last, and the bit
// that comes first is bit 1 of each. Limbs of s and m are below 2^51 before, those of s below 2^52
// after.
func Ladder(s, m *Elements, swaps *[4][8]uint64) { ladder(s, m, swaps, &ladderConstants) }

//go:noescape
func ladder(s, m *Elements, swaps *[4][8]uint64, constants *[7][8]uint64)

// ladderConstants are what the ladder keeps in registers: the mask of a limb, 19, 2^10 times the
// prime (lowest limb, the others), and where the factors of the first product of a rung come from.
var ladderConstants = [7][8]uint64{
	all(mask), all(19), all((mask - 18) << 10), all(mask << 10),
	{0, 1, 3, 2, 4, 5, 7, 6}, {0, 1, 0, 1, 4, 5, 4, 5},
	all(2),
}
