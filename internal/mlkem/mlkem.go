// Package mlkem is ML-KEM-768 (FIPS 203) cut in two for the ML-KEM Braid, the
// post-quantum ratchet of the Triple Ratchet.
//
// The braid sends an encapsulation key in two parts: a header of 64 bytes,
// ρ ‖ H(ek ‖ ρ), and the vector ek of 1152 bytes. [Encapsulate1] needs only
// the header; it yields the shared key and ct1, the first 960 bytes of the
// ciphertext. [Encapsulate2] needs the vector and yields ct2, the last 128. Put
// together, ek ‖ ρ, ct1 ‖ ct2 and the shared key are those of ordinary
// ML-KEM-768 for the same coins, and the decapsulation key is the expanded one
// of FIPS 203.
//
// # Compatibility
//
// The header hash is over vector ‖ seed, in FIPS order. The published text of
// the ML-KEM Braid has it the other way round; the deployed code does not.
// The encapsulation state has the layout that deployed clients store, and
// Encapsulate2 reads also the byte-swapped states that some of them wrote.
//
// # Secrets
//
// No branch, index or division depends on a secret. Randomness is an argument,
// drawn and erased by the caller, as are keys and states. Working values on the
// stack are not erased.
//
// All functions are pure and safe for concurrent use. They cannot fail, and do
// not panic whatever bytes they are given. They neither keep nor change their
// inputs, which must not overlap their outputs, and they do not allocate.
package mlkem

import (
	"crypto/sha3"
	"crypto/subtle"
)

// Sizes in bytes.
const (
	HeaderSize             = 64                        // ρ ‖ H(ek ‖ ρ)
	VectorSize             = k * encodingSize12        // ek: the encoding of t̂
	DecapsulationKeySize   = 2*VectorSize + 3*32       // ŝ ‖ ek ‖ ρ ‖ H(ek ‖ ρ) ‖ z
	Ciphertext1Size        = k * encodingSize10        // the encoding of u
	Ciphertext2Size        = encodingSize4             // the encoding of v
	EncapsulationStateSize = (k+1)*encodingSize16 + 32 // ŷ ‖ e2 ‖ m
	SeedSize               = 64                        // d ‖ z
	SharedKeySize          = 32
)

// Parameters of ML-KEM-768, FIPS 203, section 8. η1 and η2 are 2, du is 10 and
// dv is 4.
const (
	n = 256
	q = 3329
	k = 3
)

// Offsets in the decapsulation key.
const (
	dkVector = VectorSize
	dkRho    = 2 * VectorSize
	dkHash   = dkRho + 32
	dkReject = dkHash + 32
)

// GenerateKey expands seed, 64 uniformly random bytes d ‖ z, into a header, a
// vector and a decapsulation key.
//
// It is ML-KEM.KeyGen_internal of FIPS 203, algorithm 16.
func GenerateKey(seed *[SeedSize]byte, hdr *[HeaderSize]byte, ek *[VectorSize]byte, dk *[DecapsulationKeySize]byte) {
	g := sha3.New512()
	g.Write(seed[:32])
	g.Write([]byte{k}) // the domain byte of the final standard
	var rhoSigma [64]byte
	g.Sum(rhoSigma[:0])
	rho, sigma := (*[32]byte)(rhoSigma[:32]), (*[32]byte)(rhoSigma[32:])

	generateVector(rho, sigma, ek, (*[VectorSize]byte)(dk[:dkVector]))
	copy(hdr[:32], rho[:])
	*(*[32]byte)(hdr[32:]) = hashVector(ek, rho)

	copy(dk[dkVector:], ek[:])
	copy(dk[dkRho:], hdr[:])
	copy(dk[dkReject:], seed[32:])
}

// Encapsulate1 does the half of an encapsulation that needs only the header:
// it fills ct1, leaves in es what [Encapsulate2] needs, and returns the shared
// key, which is final. m is 32 uniformly random bytes, used for one header only.
//
// The header is not checked; see [CheckVector].
func Encapsulate1(m *[32]byte, hdr *[HeaderSize]byte, es *[EncapsulationStateSize]byte, ct1 *[Ciphertext1Size]byte) (key [SharedKeySize]byte) {
	key, coins := hashMessage(m, (*[32]byte)(hdr[32:]))
	var y operand
	var e2 poly
	encrypt1((*[32]byte)(hdr[:32]), &coins, ct1, &y, &e2)
	writeState(es, &y, &e2, m)
	return key
}

// CheckVector reports whether ek is the vector that hdr announced, and a valid
// one: whether its hash is right and each of its coefficients is below the
// modulus (FIPS 203, section 7.2).
func CheckVector(hdr *[HeaderSize]byte, ek *[VectorSize]byte) bool {
	h := hashVector(ek, (*[32]byte)(hdr[:32]))
	return subtle.ConstantTimeCompare(h[:], hdr[32:]) == 1 && isReduced(ek)
}

// Encapsulate2 does the half of an encapsulation that needs the vector, and
// fills ct2. The vector must have passed [CheckVector] with the header that
// [Encapsulate1] was given.
//
// Any 16-bit coefficients in es are taken modulo q, and an es with its bytes
// swapped, as some older clients stored it, is read as it was meant.
func Encapsulate2(es *[EncapsulationStateSize]byte, ek *[VectorSize]byte, ct2 *[Ciphertext2Size]byte) {
	var y operand
	var e2 poly
	m := readState(es, &y, &e2)
	encrypt2(&y, &e2, ek, m, ct2)
}

// Decapsulate returns the shared key of the ciphertext ct1 ‖ ct2. If that is
// not a ciphertext which an honest peer makes, the key is a pseudorandom one
// that the peer does not know.
//
// It is ML-KEM.Decaps_internal of FIPS 203, algorithm 18.
func Decapsulate(dk *[DecapsulationKeySize]byte, ct1 *[Ciphertext1Size]byte, ct2 *[Ciphertext2Size]byte) (key [SharedKeySize]byte) {
	m := decrypt((*[VectorSize]byte)(dk[:dkVector]), ct1, ct2)
	accepted, coins := hashMessage(&m, (*[32]byte)(dk[dkHash:dkReject]))

	j := sha3.NewSHAKE256()
	j.Write(dk[dkReject:])
	j.Write(ct1[:])
	j.Write(ct2[:])
	j.Read(key[:])

	var again1 [Ciphertext1Size]byte
	var again2 [Ciphertext2Size]byte
	var y operand
	var e2 poly
	encrypt1((*[32]byte)(dk[dkRho:dkHash]), &coins, &again1, &y, &e2)
	encrypt2(&y, &e2, (*[VectorSize]byte)(dk[dkVector:dkRho]), &m, &again2)
	same := subtle.ConstantTimeCompare(ct1[:], again1[:]) & subtle.ConstantTimeCompare(ct2[:], again2[:])
	subtle.ConstantTimeCopy(same, key[:], accepted[:])
	return key
}

// hashVector is H of FIPS 203 over the standard encapsulation key, ek ‖ ρ.
func hashVector(ek *[VectorSize]byte, rho *[32]byte) (h [32]byte) {
	s := sha3.New256()
	s.Write(ek[:])
	s.Write(rho[:])
	s.Sum(h[:0])
	return h
}

// hashMessage is G of FIPS 203 over m and the hash of the encapsulation key: it
// yields the shared key and the coins of the encryption.
func hashMessage(m, h *[32]byte) (key, coins [32]byte) {
	s := sha3.New512()
	s.Write(m[:])
	s.Write(h[:])
	var sum [64]byte
	s.Sum(sum[:0])
	return [32]byte(sum[:32]), [32]byte(sum[32:])
}
