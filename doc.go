// Package signet is a library of the Signal protocol in pure Go. This package holds the words that
// all the others share: who a device is, and its keys.
//
// An [Address] names a device of a user. A [PublicKey] and a [PrivateKey] serve both for agreement
// (X25519, RFC 7748) and for signatures (XEdDSA with the sign bit carried in the signature, as
// deployed). Nothing here performs I/O, keeps state or reads a clock; the protocol itself lives in
// the packages x3dh, ratchet, session, group and sealed.
//
// # Secrets
//
// A PrivateKey redacts itself under every verb of fmt and in slog, and refuses to be marshalled as
// text or JSON. Its bytes leave by [PrivateKey.Bytes] and [PrivateKey.IdentityKeyPair] alone.
//
// # Concurrency
//
// Addresses and public keys are comparable values. A private key is immutable and safe for
// concurrent use.
package signet
