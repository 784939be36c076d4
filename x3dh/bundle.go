// Package x3dh implements the two key agreements of the Signal protocol: X3DH (revision 1, session
// version 3) and PQXDH (revision 3, session version 4), for initiator and responder.
//
// The deployed agreement differs from the specifications where protocol §16 says so: there is no
// initial AEAD, the identities are bound by the agreements and by the MAC of every message.
//
// # What this package does not know
//
// It keeps nothing: which prekeys exist, which were used, and whether an identity is trusted, is
// package session's business. Everything here is a function of its arguments and of random bytes
// drawn in the exported functions.
package x3dh

import (
	"bytes"
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/wire"
	"signet.example/signet/internal/xeddsa"
)

// The session versions that the two agreements make.
const (
	VersionX3DH  = wire.V3
	VersionPQXDH = wire.V4
)

// ErrKEM is a KEM prekey or ciphertext that does not parse: another type, or another length. The
// error says which.
var ErrKEM = errors.New("x3dh: malformed KEM object")

// ErrSignature is a bundle whose signed prekey or KEM prekey is not signed by its identity key.
var ErrSignature = errors.New("x3dh: invalid signature detected")

// A PreKey is the public half of a one-time prekey.
type PreKey struct {
	ID     uint32
	Public signet.PublicKey
}

// A SignedPreKey is the public half of a signed prekey. The signature, 64 bytes, is the identity
// key's over the 33 bytes of the public key.
type SignedPreKey struct {
	ID        uint32
	Public    signet.PublicKey
	Signature []byte
}

// A KEMPreKey is the public half of a Kyber1024 prekey, 1569 bytes with its type byte. The
// signature, 64 bytes, is the identity key's over them.
type KEMPreKey struct {
	ID        uint32
	Public    []byte
	Signature []byte
}

// BundleFields is what a directory says about a device before anything of it is verified. It is for
// transport; NewBundle makes a Bundle of it.
type BundleFields struct {
	RegistrationID uint32
	DeviceID       uint32
	Identity       signet.PublicKey
	SignedPreKey   SignedPreKey
	PreKey         *PreKey    // nil: no one-time prekey was left
	KEMPreKey      *KEMPreKey // nil: the device speaks version 3 alone
}

// A Bundle is a device's prekeys, verified: one with a wrong signature cannot exist. It is
// immutable and safe for concurrent use.
type Bundle struct{ f BundleFields }

// NewBundle verifies f (X3DH §3.3, PQXDH §3.3). It copies what it keeps. The error is ErrSignature
// or ErrKEM.
func NewBundle(f BundleFields) (*Bundle, error) {
	if err := f.verify(); err != nil {
		return nil, err
	}
	b := &Bundle{f: f}
	b.f.SignedPreKey.Signature = bytes.Clone(f.SignedPreKey.Signature)
	if p := f.PreKey; p != nil {
		b.f.PreKey = &PreKey{p.ID, p.Public}
	}
	if p := f.KEMPreKey; p != nil {
		b.f.KEMPreKey = &KEMPreKey{p.ID, bytes.Clone(p.Public), bytes.Clone(p.Signature)}
	}
	return b, nil
}

// verify verifies both signatures at once. A wrong one of the signed prekey counts for more than a
// KEM prekey that is none, and that for more than its signature.
func (f *BundleFields) verify() error {
	signed := f.SignedPreKey.Public.Bytes()
	var malformed error
	if p := f.KEMPreKey; p != nil {
		if _, malformed = kem.ParsePublic(p.Public); malformed == nil {
			u := f.Identity.Raw()
			if !xeddsa.VerifyBoth(&u, &[2][]byte{f.SignedPreKey.Signature, p.Signature}, &[2][]byte{signed, p.Public}) {
				return ErrSignature
			}
			return nil
		}
	}
	if !f.Identity.Verify(signed, f.SignedPreKey.Signature) {
		return ErrSignature
	}
	if malformed != nil {
		return fmt.Errorf("%w: %w", ErrKEM, malformed)
	}
	return nil
}

// Fields returns a copy of what the bundle says. Its slices and pointers are the bundle's own and
// must not be written through.
func (b *Bundle) Fields() BundleFields { return b.f }

// Identity returns the identity key that signed the bundle.
func (b *Bundle) Identity() signet.PublicKey { return b.f.Identity }

// Version is the session version that the bundle leads to: 4 if it has a KEM prekey, else 3.
func (b *Bundle) Version() uint8 {
	if b.f.KEMPreKey == nil {
		return VersionX3DH
	}
	return VersionPQXDH
}

// AppendBinary appends the bundle as bytes for a directory: a protobuf of our own whose fields 1 to
// 11 are those of the official PreKeyBundle in the order of protocol §2.4. At most 1.9 kB.
func (b *Bundle) AppendBinary(dst []byte) ([]byte, error) { return appendFields(dst, &b.f), nil }

func appendFields(dst []byte, f *BundleFields) []byte {
	dst = wire.AppendUint(dst, 1, uint64(f.RegistrationID))
	dst = wire.AppendUint(dst, 2, uint64(f.DeviceID))
	if p := f.PreKey; p != nil {
		dst = wire.AppendUint(dst, 3, uint64(p.ID))
		dst = wire.AppendBytes(dst, 4, p.Public.Bytes())
	}
	dst = wire.AppendUint(dst, 5, uint64(f.SignedPreKey.ID))
	dst = wire.AppendBytes(dst, 6, f.SignedPreKey.Public.Bytes())
	dst = wire.AppendBytes(dst, 7, f.SignedPreKey.Signature)
	dst = wire.AppendBytes(dst, 8, f.Identity.Bytes())
	if p := f.KEMPreKey; p != nil {
		dst = wire.AppendUint(dst, 9, uint64(p.ID))
		dst = wire.AppendBytes(dst, 10, p.Public)
		dst = wire.AppendBytes(dst, 11, p.Signature)
	}
	return dst
}

// ParseBundle parses and verifies what AppendBinary wrote. b is not kept. The error is
// ErrSignature, ErrKEM, or says what else does not parse.
func ParseBundle(b []byte) (*Bundle, error) {
	w, err := wire.ParseBundle(b)
	if err != nil {
		return nil, fmt.Errorf("x3dh: bundle: %w", err)
	}
	f := BundleFields{RegistrationID: w.RegistrationID, DeviceID: w.DeviceID}
	if f.Identity, err = signet.ParsePublicKey(w.Identity); err != nil {
		return nil, fmt.Errorf("x3dh: identity key: %w", err)
	}
	f.SignedPreKey.ID, f.SignedPreKey.Signature = w.SignedID, w.SignedSignature
	if f.SignedPreKey.Public, err = signet.ParsePublicKey(w.SignedPublic); err != nil {
		return nil, fmt.Errorf("x3dh: signed prekey: %w", err)
	}
	if w.HasPreKey != (w.PreKeyPublic != nil) {
		return nil, errors.New("x3dh: both or neither of prekey and prekey id must be present")
	}
	if w.HasPreKey {
		f.PreKey = &PreKey{ID: w.PreKeyID}
		if f.PreKey.Public, err = signet.ParsePublicKey(w.PreKeyPublic); err != nil {
			return nil, fmt.Errorf("x3dh: one-time prekey: %w", err)
		}
	}
	if w.KEMPublic != nil {
		f.KEMPreKey = &KEMPreKey{ID: w.KEMID, Public: w.KEMPublic, Signature: w.KEMSignature}
	}
	return NewBundle(f)
}
