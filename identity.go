package signet

import (
	"errors"
	"fmt"

	"signet.example/signet/internal/wire"
)

// The fields of IdentityKeyPairStructure.
const (
	pairPublic  = 1
	pairPrivate = 2
)

// IdentityKeyPair returns k as the official client keeps an identity: the protobuf
// IdentityKeyPairStructure of the encoded public and private key, 69 bytes. It holds the secret
// itself.
func (k *PrivateKey) IdentityKeyPair() []byte {
	b := make([]byte, 0, 2+PublicKeySize+2+PrivateKeySize)
	b = wire.AppendBytes(b, pairPublic, k.PublicKey().Bytes())
	return wire.AppendBytes(b, pairPrivate, k.scalar()[:])
}

// ParseIdentityKeyPair parses what IdentityKeyPair returns. The official client does not compare
// the two keys and may hold a public key that differs from that of its private key in bit 255 or
// altogether; here that is an error, as the public key of a PrivateKey is always its own.
func ParseIdentityKeyPair(b []byte) (*PrivateKey, error) {
	public, private, err := splitKeyPair(b)
	if err != nil {
		return nil, err
	}
	their, err := ParsePublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("signet: identity key pair: %w", err)
	}
	k, err := NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("signet: identity key pair: %w", err)
	}
	if !k.PublicKey().Equal(their) {
		return nil, errors.New("signet: identity key pair: the public key is not that of the private key")
	}
	return k, nil
}

// splitKeyPair parses the protobuf as leniently as the official client.
func splitKeyPair(b []byte) (public, private []byte, err error) {
	p := wire.Parse(b)
	for p.Next() {
		switch p.Num() {
		case pairPublic:
			p.Bytes(&public)
		case pairPrivate:
			p.Bytes(&private)
		}
	}
	if p.Err() != nil {
		return nil, nil, fmt.Errorf("signet: identity key pair: %w", p.Err())
	}
	return public, private, nil
}
