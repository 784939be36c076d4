package signet

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
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
	b = protowire.AppendTag(b, pairPublic, protowire.BytesType)
	b = protowire.AppendVarint(b, PublicKeySize)
	b, _ = k.PublicKey().AppendBinary(b)
	b = protowire.AppendTag(b, pairPrivate, protowire.BytesType)
	return protowire.AppendBytes(b, k.scalar()[:])
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

// splitKeyPair parses the protobuf as leniently as the official client: any order, the last of
// several wins, unknown fields are skipped, another wire type is an error.
func splitKeyPair(b []byte) (public, private []byte, err error) {
	malformed := errors.New("signet: identity key pair: protobuf encoding was invalid")
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, nil, malformed
		}
		b = b[n:]
		switch num {
		case pairPublic, pairPrivate:
			if typ != protowire.BytesType {
				return nil, nil, malformed
			}
			var v []byte
			if v, n = protowire.ConsumeBytes(b); num == pairPublic {
				public = v
			} else {
				private = v
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return nil, nil, malformed
		}
		b = b[n:]
	}
	return public, private, nil
}
