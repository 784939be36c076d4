// Package xeddsa signs and verifies with X25519 keys: XEdDSA25519 as deployed in the Signal
// protocol.
//
// It departs from revision 1 of "The XEdDSA and VXEdDSA Signature Schemes" in one point: the sign
// bit of the Edwards public key travels in the highest bit of the signature, where the document
// negates the scalar to force that bit to zero. Verification accepts what the official client
// accepts: an s that is not reduced, as long as it is below 2^253, and keys of low order.
//
// Keys and nonces are handled in constant time. Verification sees only public values and is not.
//
// On processors with AVX-512 IFMA points are multiplied two at a time by package lanes
// (decision 017), elsewhere by edwards25519. Verdicts are the same to the last bit.
package xeddsa

import (
	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// SignatureSize is the length in bytes of a signature: R ‖ s.
const SignatureSize = 64

// Sign sets sig to the signature with the clamped scalar k of the concatenation of parts. The
// nonce is a hash of k, the message and z, which is 64 bytes of randomness: should z ever repeat,
// two messages still get two nonces.
func Sign(sig *[SignatureSize]byte, k *[32]byte, z *[64]byte, parts ...[]byte) {
	var public, u [32]byte
	Derive(&public, &u, k)
	SignWith(sig, k, &public, z, parts...)
}

// Derive sets public to the encoding of the Edwards point of the clamped scalar k, with its true
// sign, and u to its Montgomery u-coordinate. A signer that signs often keeps public for SignWith.
func Derive(public, u, k *[32]byte) {
	a := clamped(k)
	var p point
	p.multiply(&a)
	clear(a[:])
	// y = Y/Z and u = (Z + Y)/(Z − Y) share one inversion. Neither denominator is zero: Z never is,
	// and Z − Y is for the identity alone, which no clamped scalar reaches.
	var sum, diff, inv, t field.Element
	sum.Add(&p.Z, &p.Y)
	diff.Subtract(&p.Z, &p.Y)
	inv.Invert(inv.Multiply(&p.Z, &diff))
	copy(u[:], t.Multiply(t.Multiply(&inv, &p.Z), &sum).Bytes())
	inv.Multiply(&inv, &diff) // 1/Z
	encode(public, p.X.Multiply(&p.X, &inv), p.Y.Multiply(&p.Y, &inv))
}

// clamped returns k with the bits set that RFC 7748 §5 sets.
func clamped(k *[32]byte) [32]byte {
	a := *k
	a[0] &= 248
	a[31] = a[31]&63 | 64
	return a
}

// SignWith is Sign for a signer that has kept what Derive made of k as public.
func SignWith(sig *[SignatureSize]byte, k, public *[32]byte, z *[64]byte, parts ...[]byte) {
	a, err := new(edwards25519.Scalar).SetBytesWithClamping(k[:])
	if err != nil {
		panic("xeddsa: a scalar of 32 bytes was refused") // only its length could be wrong
	}
	d := newDigest()
	defer d.free()
	var r, h edwards25519.Scalar
	d.write(noncePrefix[:])
	d.write(k[:])
	d.writeAll(parts)
	d.write(z[:])
	d.scalar(&r)
	var nonce [32]byte
	copy(nonce[:], r.Bytes())
	var p point
	p.multiply(&nonce)
	clear(nonce[:])
	p.bytes((*[32]byte)(sig[:32]))

	d.write(sig[:32])
	d.write(public[:])
	d.writeAll(parts)
	d.scalar(&h)
	copy(sig[32:], h.MultiplyAdd(&h, a, &r).Bytes())
	sig[63] = sig[63]&0x7f | public[31]&0x80 // s < L < 2^253: the bit is free
	*a, r = edwards25519.Scalar{}, edwards25519.Scalar{}
}

// noncePrefix is the encoding of 2^256 − 2, which hashes nonces apart from everything else: it
// encodes no point.
var noncePrefix = [32]byte{
	0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
}
