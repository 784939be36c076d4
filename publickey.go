package signet

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"signet.example/signet/internal/xeddsa"
)

const (
	// PublicKeySize is the length in bytes of an encoded PublicKey: a type byte and the u-coordinate.
	PublicKeySize = 1 + rawSize

	// PrivateKeySize is the length in bytes of an encoded PrivateKey, which has no type byte.
	PrivateKeySize = 32

	// SignatureSize is the length in bytes of a signature.
	SignatureSize = xeddsa.SignatureSize

	rawSize = 32
	keyType = 5 // Curve25519, which the official library calls Djb
)

// ErrNoKeyType is an encoded key of no bytes.
var ErrNoKeyType = errors.New("signet: no key type identifier")

// A BadKeyTypeError is an encoded key with another type byte than that of Curve25519, 5.
type BadKeyTypeError byte

func (e BadKeyTypeError) Error() string { return fmt.Sprintf("signet: bad key type <0x%02x>", byte(e)) }

// A BadKeyLengthError is an encoded key of a wrong length, in bytes and with its type byte if there
// is one.
type BadKeyLengthError int

func (e BadKeyLengthError) Error() string {
	return fmt.Sprintf("signet: bad key length <%d> for key with type <Djb>", int(e))
}

// A PublicKey is a point of Curve25519: for agreement as it is, for signatures converted to the
// Edwards form. It is kept as it was received, so it may be no point of the curve, of low order, or
// one of several encodings of the same point; each of these is a key of its own. Keys are
// comparable. The zero PublicKey is a key with which nobody can agree.
type PublicKey struct{ u [rawSize]byte }

// ParsePublicKey parses an encoded key: 5, then the u-coordinate, 33 bytes together. What follows
// them is ignored, as the official client does everywhere but in a sender key distribution message.
// The point is not checked: a key of low order fails when it is used. The errors are ErrNoKeyType,
// a BadKeyTypeError and a BadKeyLengthError.
func ParsePublicKey(b []byte) (PublicKey, error) {
	switch {
	case len(b) == 0:
		return PublicKey{}, ErrNoKeyType
	case b[0] != keyType:
		return PublicKey{}, BadKeyTypeError(b[0])
	case len(b) < PublicKeySize:
		return PublicKey{}, BadKeyLengthError(len(b))
	}
	return PublicKey{u: [rawSize]byte(b[1:])}, nil
}

// PublicKeyFromRaw returns the key with the u-coordinate u.
func PublicKeyFromRaw(u [32]byte) PublicKey { return PublicKey{u: u} }

// Bytes returns the encoding of k, 33 bytes.
func (k PublicKey) Bytes() []byte {
	return append([]byte{keyType}, k.u[:]...)
}

// AppendBinary appends the encoding of k, 33 bytes, to b. The error is always nil.
func (k PublicKey) AppendBinary(b []byte) ([]byte, error) {
	return append(append(b, keyType), k.u[:]...), nil
}

// Raw returns the u-coordinate of k.
func (k PublicKey) Raw() [32]byte { return k.u }

// Equal reports in constant time whether k and o are the same bytes. Two encodings of one point are
// different keys.
func (k PublicKey) Equal(o PublicKey) bool {
	return subtle.ConstantTimeCompare(k.u[:], o.u[:]) == 1
}

// IsZero reports whether k is the zero PublicKey.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// String returns the encoding of k in hex. A public key is no secret.
func (k PublicKey) String() string { return hex.EncodeToString(k.Bytes()) }

// Verify reports whether signature is a signature of message by the private key of k. A signature
// of another length than 64 bytes is not one.
func (k PublicKey) Verify(message, signature []byte) bool {
	return xeddsa.Verify(&k.u, signature, message)
}

// VerifyAlternateIdentity reports whether signature is the statement of k that other is an identity
// of the same account: what SignAlternateIdentity makes with the private key of k.
func (k PublicKey) VerifyAlternateIdentity(other PublicKey, signature []byte) bool {
	m := alternate(other)
	return xeddsa.Verify(&k.u, signature, m[:])
}

// alternatePrefix keeps statements about identities apart from every other signed message: none of
// those begins with 32 bytes of ones.
const alternatePrefix = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" + "Signal_PNI_Signature"

// alternate returns the message that an alternate identity signature signs.
func alternate(other PublicKey) (m [len(alternatePrefix) + PublicKeySize]byte) {
	n := copy(m[:], alternatePrefix)
	m[n] = keyType
	copy(m[n+1:], other.u[:])
	return m
}
