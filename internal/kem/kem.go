// Package kem is the KEM of PQXDH as deployed: Kyber1024 as submitted to round 3 of the NIST
// competition, which is not ML-KEM-1024. Every object carries a type byte, also in records.
//
// The arithmetic is circl's, which has vector instructions where the machine has them. Round 3
// differs from FIPS 203 in the last step: the secret is SHAKE256(K ‖ SHA3-256(ciphertext)), where
// ML-KEM ends with K. So crypto/mlkem could encapsulate, but it can neither be given its coins nor
// load the private keys of the official records; BenchmarkEncapsulate shows what it would take.
//
// Encapsulation and decapsulation run in constant time with respect to coins, private key and
// secret. Public keys are not checked for their range: coefficients are reduced. What circl expands
// of a private key is out of reach and stays in memory until the collector reuses it.
package kem

import (
	"errors"
	"fmt"

	"github.com/cloudflare/circl/kem/kyber/kyber1024"
)

// Type is the type byte of Kyber1024, the first byte of each encoded object.
const Type = 0x08

// Sizes in bytes; those of encoded objects include the type byte.
const (
	PublicKeySize  = 1 + kyber1024.PublicKeySize
	PrivateKeySize = 1 + kyber1024.PrivateKeySize
	CiphertextSize = 1 + kyber1024.CiphertextSize
	SecretSize     = kyber1024.SharedKeySize
	SeedSize       = kyber1024.KeySeedSize
	CoinsSize      = kyber1024.EncapsulationSeedSize
)

// ErrNoKeyType is an object of no bytes.
var ErrNoKeyType = errors.New("kem: no key type identifier")

// A BadKeyTypeError is an object with another type byte than Type.
type BadKeyTypeError byte

func (e BadKeyTypeError) Error() string {
	return fmt.Sprintf("kem: bad KEM key type <0x%02x>", byte(e))
}

// A BadKeyLengthError is a key of a wrong length, in bytes and with its type byte.
type BadKeyLengthError int

func (e BadKeyLengthError) Error() string {
	return fmt.Sprintf("kem: bad KEM key length <%d> for key with type <Kyber1024 key>", int(e))
}

// A BadCiphertextLengthError is a ciphertext of a wrong length, in bytes and with its type byte.
type BadCiphertextLengthError int

func (e BadCiphertextLengthError) Error() string {
	return fmt.Sprintf("kem: bad KEM ciphertext length <%d> for key with type <Kyber1024 key>", int(e))
}

// ParsePublic returns b if it is an encoded public key, 1569 bytes. Nothing may follow it.
func ParsePublic(b []byte) ([]byte, error) {
	return parse(b, PublicKeySize, func(n int) error { return BadKeyLengthError(n) })
}

// ParsePrivate returns b if it is an encoded private key, 3169 bytes. Nothing may follow it.
func ParsePrivate(b []byte) ([]byte, error) {
	return parse(b, PrivateKeySize, func(n int) error { return BadKeyLengthError(n) })
}

// ParseCiphertext returns b if it is an encoded ciphertext, 1569 bytes. Nothing may follow it. As
// there is one type of key, a ciphertext for another type is a BadKeyTypeError.
func ParseCiphertext(b []byte) ([]byte, error) {
	return parse(b, CiphertextSize, func(n int) error { return BadCiphertextLengthError(n) })
}

func parse(b []byte, size int, length func(int) error) ([]byte, error) {
	switch {
	case len(b) == 0:
		return nil, ErrNoKeyType
	case b[0] != Type:
		return nil, BadKeyTypeError(b[0])
	case len(b) != size:
		return nil, length(len(b))
	}
	return b[:size:size], nil
}

// Generate returns the key pair of seed, encoded. The private key holds the public one and its
// hash: s ‖ public ‖ SHA3-256(public) ‖ z.
func Generate(seed *[SeedSize]byte) (public, private []byte) {
	defer settle()
	pk, sk := kyber1024.NewKeyFromSeed(seed[:])
	public, private = make([]byte, PublicKeySize), make([]byte, PrivateKeySize)
	public[0], private[0] = Type, Type
	pk.Pack(public[1:])
	sk.Pack(private[1:])
	return public, private
}

// Encapsulate returns the secret that coins, 32 random bytes, make for an encoded public key, and
// the encoded ciphertext that carries it there. The errors are those of ParsePublic.
func Encapsulate(public []byte, coins *[CoinsSize]byte) (ciphertext []byte, secret [SecretSize]byte, err error) {
	if _, err = ParsePublic(public); err != nil {
		return nil, secret, err
	}
	defer settle()
	var pk kyber1024.PublicKey
	pk.Unpack(public[1:])
	ciphertext = make([]byte, CiphertextSize)
	ciphertext[0] = Type
	pk.EncapsulateTo(ciphertext[1:], secret[:], coins[:])
	return ciphertext, secret, nil
}

// Decapsulate returns the secret of an encoded ciphertext under an encoded private key. A
// ciphertext that was not made for the key yields a secret that nobody else knows: rejection is
// implicit, and the errors are those of ParsePrivate and ParseCiphertext, in this order.
func Decapsulate(private, ciphertext []byte) (secret [SecretSize]byte, err error) {
	if _, err = ParsePrivate(private); err != nil {
		return secret, err
	}
	if _, err = ParseCiphertext(ciphertext); err != nil {
		return secret, err
	}
	defer settle()
	var sk kyber1024.PrivateKey
	sk.Unpack(private[1:])
	sk.DecapsulateTo(secret[:], ciphertext[1:])
	return secret, nil
}
