// Package x25519 is the one door to X25519 (RFC 7748 §5) and to the base point of Curve25519.
//
// The ladder is circl's and the multiplication of the base point is edwards25519's, which goes
// through a table; both run in constant time and neither allocates. BenchmarkShared and
// BenchmarkBase hold them beside the alternatives. Only on 32-bit machines is the standard
// library's ladder faster, and there by less than the two differ elsewhere.
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
	// The verdict of the callee compares u with a list; that of RFC 7748 §6.1 is the result itself.
	x25519.Shared((*x25519.Key)(dst), (*x25519.Key)(scalar), (*x25519.Key)(u))
	var zero [Size]byte
	return subtle.ConstantTimeCompare(dst[:], zero[:]) == 0
}

// Base sets dst to the u-coordinate of the product of the base point and scalar, which it clamps:
// the public key of scalar. The arguments may overlap.
func Base(dst, scalar *[Size]byte) {
	// The scalar is reduced modulo the order of the base point on the way, which changes nothing
	// for a multiple of that point.
	s, err := new(edwards25519.Scalar).SetBytesWithClamping(scalar[:])
	if err != nil {
		panic("x25519: a scalar of 32 bytes was refused") // only its length could be wrong
	}
	copy(dst[:], new(edwards25519.Point).ScalarBaseMult(s).BytesMontgomery())
	*s = edwards25519.Scalar{}
}
