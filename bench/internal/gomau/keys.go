package gomau

import (
	"errors"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/kdf"
	"go.mau.fi/libsignal/state/record"

	"signet.example/signet"
)

// This file links go.mau.fi/libsignal, which is under the GPL; see the package's documentation. It
// has the library's operations on single keys and records, for the benchmarks.

// Agree returns a function that agrees once.
func Agree(own *signet.PrivateKey, other signet.PublicKey) func() error {
	theirs, ours := other.Raw(), [32]byte(own.Bytes())
	return func() error { kdf.CalculateSharedSecret(theirs, ours); return nil }
}

// Generate makes a key pair.
func Generate() error {
	_, err := ecc.GenerateKeyPair()
	return err
}

// Sign returns a function that signs once.
func Sign(own *signet.PrivateKey, message []byte) func() error {
	key := ecc.NewDjbECPrivateKey([32]byte(own.Bytes()))
	return func() error { ecc.CalculateSignature(key, message); return nil }
}

// Verify returns a function that verifies once.
func Verify(public signet.PublicKey, message []byte, signature [64]byte) func() error {
	key := theirKey(public)
	return func() error {
		if !ecc.VerifySignature(key, message, signature) {
			return errors.New("gomau: a good signature was refused")
		}
		return nil
	}
}

// Record returns the encoded session of a Session whose Device keeps them so.
func (s *Session) Record() []byte { return s.store.records[s.peer] }

// Decode decodes a record.
func (s *Session) Decode(b []byte) (*record.Session, error) {
	return record.NewSessionFromBytes(b, s.store.serializer.Session, s.store.serializer.State)
}
