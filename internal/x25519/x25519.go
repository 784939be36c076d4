// Package x25519 is the one door to X25519 (RFC 7748 §5) and to the base point of Curve25519.
//
// On processors with AVX-512 IFMA the ladder is that of package lanes, which climbs two at once in
// half the time of another's one (decision 017): [Multiply] takes products that do not depend on
// each other and lets them share it. Multiples of the base point, which go through a table, are of
// lanes, too. Elsewhere the ladder is circl's and the table edwards25519's. All of it runs in
// constant time and none of it allocates. The benchmarks hold it beside the alternatives.
package x25519

import (
	"crypto/subtle"

	"filippo.io/edwards25519"
	"github.com/cloudflare/circl/dh/x25519"
)

// Size is the length in bytes of a scalar and of a u-coordinate.
const Size = 32

// Clamp makes k a scalar as RFC 7748 §5 asks: a multiple of 8 with bit 254 as its highest.
func Clamp(k *[Size]byte) {
	k[0] &= 248
	k[31] &= 127
	k[31] |= 64
}

// Shared sets dst to the product of the point with u-coordinate u and scalar, which it clamps, and
// reports whether the result is something other than zero. It is zero exactly for the points of
// low order, whatever the scalar. Bit 255 of u is ignored and points of the twist are accepted.
// The arguments may overlap.
func Shared(dst, scalar, u *[Size]byte) bool {
	if paired {
		return single(Product{Scalar: scalar, U: u, Dst: dst})
	}
	// The verdict of the callee compares u with a list; that of RFC 7748 §6.1 is the result itself.
	x25519.Shared((*x25519.Key)(dst), (*x25519.Key)(scalar), (*x25519.Key)(u))
	return !isZero(dst)
}

// Base sets dst to the u-coordinate of the product of the base point and scalar, which it clamps:
// the public key of scalar. The arguments may overlap.
func Base(dst, scalar *[Size]byte) {
	if paired {
		single(Product{Scalar: scalar, Dst: dst})
		return
	}
	s := clamped(scalar)
	copy(dst[:], new(edwards25519.Point).ScalarBaseMult(&s).BytesMontgomery())
	s = edwards25519.Scalar{}
}

// clamped returns the scalar modulo the order of the base point, which changes nothing for a
// multiple of that point.
func clamped(scalar *[Size]byte) (s edwards25519.Scalar) {
	if _, err := s.SetBytesWithClamping(scalar[:]); err != nil {
		panic("x25519: a scalar of 32 bytes was refused") // only its length could be wrong
	}
	return s
}

func isZero(b *[Size]byte) bool { return zero(b) == 1 }

// zero returns 1 if b is all zero and 0 otherwise.
func zero(b *[Size]byte) int {
	var none [Size]byte
	return subtle.ConstantTimeCompare(b[:], none[:])
}
