package x3dh

import (
	"bytes"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
)

// Published is the public half of a device's stock of prekeys: what it uploads to a directory,
// which hands it out one bundle at a time.
type Published struct {
	RegistrationID uint32
	DeviceID       uint32
	Identity       signet.PublicKey
	SignedPreKey   SignedPreKey
	LastResort     KEMPreKey   // handed out when no one-time KEM prekey is left; no Public: there is none
	PreKeys        []PreKey    // one-time: each is handed out once
	KEMPreKeys     []KEMPreKey // one-time: each is handed out once
}

// Next takes the next bundle from the stock, as a directory does for each initiator: a one-time
// prekey if one is left, and a one-time KEM prekey or else the last resort. It changes p and is not
// safe for concurrent use.
func (p *Published) Next() BundleFields {
	f := BundleFields{
		RegistrationID: p.RegistrationID, DeviceID: p.DeviceID, Identity: p.Identity,
		SignedPreKey: p.SignedPreKey,
	}
	if len(p.PreKeys) > 0 {
		f.PreKey = &p.PreKeys[0]
		p.PreKeys = p.PreKeys[1:]
	}
	if len(p.LastResort.Public) > 0 {
		f.KEMPreKey = &p.LastResort
	}
	if len(p.KEMPreKeys) > 0 {
		f.KEMPreKey = &p.KEMPreKeys[0]
		p.KEMPreKeys = p.KEMPreKeys[1:]
	}
	return f
}

// NextBundle is Next for a caller that uses the bundle itself: verified.
func (p *Published) NextBundle() (*Bundle, error) { return NewBundle(p.Next()) }

// AppendBinary appends the stock as bytes: a bundle with the last resort, then the one-time prekeys
// as fields 12 and 13. About 1.9 kB, 42 bytes for each one-time prekey and 1.65 kB for each
// one-time KEM prekey.
func (p *Published) AppendBinary(dst []byte) ([]byte, error) {
	f := BundleFields{
		RegistrationID: p.RegistrationID, DeviceID: p.DeviceID, Identity: p.Identity, SignedPreKey: p.SignedPreKey,
	}
	if len(p.LastResort.Public) > 0 {
		f.KEMPreKey = &p.LastResort
	}
	dst = appendFields(dst, &f)
	for _, k := range p.PreKeys {
		dst = wire.AppendBytes(dst, 12, wire.AppendPreKey(nil, &wire.PreKey{ID: k.ID, Public: k.Public.Bytes()}))
	}
	for _, k := range p.KEMPreKeys {
		dst = wire.AppendBytes(dst, 13, wire.AppendPreKey(nil, &wire.PreKey{ID: k.ID, Public: k.Public, Signature: k.Signature}))
	}
	return dst, nil
}

// ParsePublished parses what AppendBinary wrote. Signatures are not verified: each initiator does
// that for its own bundle. b is not kept.
func ParsePublished(b []byte) (*Published, error) {
	w, err := wire.ParseBundle(b)
	if err != nil {
		return nil, fmt.Errorf("x3dh: published prekeys: %w", err)
	}
	p := &Published{
		RegistrationID: w.RegistrationID, DeviceID: w.DeviceID,
		SignedPreKey: SignedPreKey{ID: w.SignedID, Signature: bytes.Clone(w.SignedSignature)},
		LastResort:   KEMPreKey{ID: w.KEMID, Public: bytes.Clone(w.KEMPublic), Signature: bytes.Clone(w.KEMSignature)},
	}
	if p.Identity, err = signet.ParsePublicKey(w.Identity); err != nil {
		return nil, fmt.Errorf("x3dh: identity key: %w", err)
	}
	if p.SignedPreKey.Public, err = signet.ParsePublicKey(w.SignedPublic); err != nil {
		return nil, fmt.Errorf("x3dh: signed prekey: %w", err)
	}
	for _, r := range w.OneTime {
		k, err := wire.ParsePreKey(r)
		if err != nil {
			return nil, fmt.Errorf("x3dh: one-time prekey: %w", err)
		}
		public, err := signet.ParsePublicKey(k.Public)
		if err != nil {
			return nil, fmt.Errorf("x3dh: one-time prekey: %w", err)
		}
		p.PreKeys = append(p.PreKeys, PreKey{k.ID, public})
	}
	for _, r := range w.OneTimeKEM {
		k, err := wire.ParsePreKey(r)
		if err != nil {
			return nil, fmt.Errorf("x3dh: KEM prekey: %w", err)
		}
		p.KEMPreKeys = append(p.KEMPreKeys, KEMPreKey{k.ID, bytes.Clone(k.Public), bytes.Clone(k.Signature)})
	}
	return p, nil
}
