package signet

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/internal/xeddsa"
)

// ErrInvalidAgreement is an agreement with a public key of low order, whose result would be zero
// whatever the private key.
var ErrInvalidAgreement = errors.New("signet: invalid key agreement")

// A PrivateKey is the secret half of a PublicKey: it agrees and it signs. It is immutable, safe for
// concurrent use, and passed by pointer; the zero PrivateKey is not a key and panics when used.
type PrivateKey struct {
	// The key is behind two pointers because fmt prints what it finds in unexported fields and calls
	// no method there. It follows one pointer, if the verb does not suit it, and never a second.
	pair **keyPair
}

type keyPair struct {
	scalar secret.Key // clamped

	once   sync.Once // fills public: of many keys it is known, or not asked for
	public PublicKey

	signing sync.Once // fills edwards: most keys never sign
	edwards [32]byte  // the point of scalar, with its true sign
}

// GenerateKey returns a new private key.
func GenerateKey() *PrivateKey { return GenerateKeyFrom(nil) }

// GenerateKeyFrom is GenerateKey with the randomness of src: the door of the custodian's lab, to
// which nobody else can have the key.
func GenerateKeyFrom(src *entropy.Source) *PrivateKey {
	var b secret.Key
	defer b.Wipe()
	src.Read(b[:])
	return newPrivateKey(&b)
}

// NewPrivateKey returns the private key with the scalar b, which it copies and clamps. The error is
// a BadKeyLengthError unless b has exactly 32 bytes.
func NewPrivateKey(b []byte) (*PrivateKey, error) {
	if len(b) != PrivateKeySize {
		return nil, BadKeyLengthError(len(b))
	}
	return newPrivateKey((*secret.Key)(b)), nil
}

func newPrivateKey(scalar *secret.Key) *PrivateKey {
	all := &struct {
		key  PrivateKey
		at   *keyPair
		pair keyPair
	}{}
	all.pair.scalar = *scalar
	x25519.Clamp((*[32]byte)(&all.pair.scalar))
	all.at = &all.pair
	all.key.pair = &all.at
	return &all.key
}

func (k *PrivateKey) scalar() *[32]byte { return (*[32]byte)(&(*k.pair).scalar) }

// Bytes returns a copy of the clamped scalar, 32 bytes: the secret itself.
func (k *PrivateKey) Bytes() []byte { return append([]byte(nil), k.scalar()[:]...) }

// PublicKey returns the public half of k.
func (k *PrivateKey) PublicKey() PublicKey {
	p := *k.pair
	p.once.Do(func() { x25519.Base(&p.public.u, k.scalar()) })
	return p.public
}

// Agree returns the X25519 shared secret of k and their, or ErrInvalidAgreement if it is zero.
// Bit 255 of their is ignored and points of the twist are accepted, as RFC 7748 says.
func (k *PrivateKey) Agree(their PublicKey) ([32]byte, error) {
	var s [32]byte
	if !x25519.Shared(&s, k.scalar(), &their.u) {
		return [32]byte{}, ErrInvalidAgreement
	}
	return s, nil
}

// Product is Agree as one of several products that are computed together, with the result in dst: a
// door for this module's packages, to which nobody else can have the key. k, their and dst are the
// product's until then.
func (k *PrivateKey) Product(their *PublicKey, dst *[32]byte) x25519.Product {
	return x25519.Product{Scalar: k.scalar(), U: &their.u, Dst: dst}
}

// PublicProduct is PublicKey as one of several products: see Product. Learn takes it from there.
func (k *PrivateKey) PublicProduct(dst *[32]byte) x25519.Product {
	return x25519.Product{Scalar: k.scalar(), Dst: dst}
}

// Learn spares k the computation of its public key once PublicProduct is computed. Other products
// teach it nothing.
func (k *PrivateKey) Learn(p *x25519.Product) {
	if p.Scalar == k.scalar() && p.U == nil && p.OK {
		pair := *k.pair
		pair.once.Do(func() { pair.public.u = *p.Dst })
	}
}

// Sign returns a signature of message. The error is always nil; it is for signers that are not in
// this process.
func (k *PrivateKey) Sign(message []byte) ([64]byte, error) { return k.SignFrom(nil, message) }

// SignFrom is Sign of the concatenation of parts with the randomness of src: the door of the
// custodian's lab, to which nobody else can have the key. The error is always nil.
func (k *PrivateKey) SignFrom(src *entropy.Source, parts ...[]byte) ([64]byte, error) {
	p := *k.pair
	p.signing.Do(func() {
		var u [32]byte
		xeddsa.Derive(&p.edwards, &u, k.scalar())
	})
	var z, sig [64]byte
	src.Read(z[:])
	xeddsa.SignWith(&sig, k.scalar(), &p.edwards, &z, parts...)
	secret.Wipe(z[:])
	return sig, nil
}

// SignAlternateIdentity returns the statement, signed by k, that other is an identity of the same
// account. The error is always nil.
func (k *PrivateKey) SignAlternateIdentity(other PublicKey) ([64]byte, error) {
	m := alternate(other)
	return k.Sign(m[:])
}

const redacted = "signet.PrivateKey(…)"

// Format redacts the key under every verb.
func (PrivateKey) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue redacts the key in slog.
func (PrivateKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails, and with it JSON and every other text encoding: a key that went into one and
// did not come out again would be lost. The encoding of a key is Bytes.
func (PrivateKey) MarshalText() ([]byte, error) {
	return nil, errors.New("signet: a private key is not marshalled")
}
