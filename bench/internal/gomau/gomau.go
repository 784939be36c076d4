// Package gomau drives go.mau.fi/libsignal v0.2.1 through its exported API, as the peer of
// conformance tests and benchmarks. It speaks version 3 (X3DH, protocol §11).
//
// # Licence
//
// go.mau.fi/libsignal is under the GPL, and so is what links this package. Nothing outside of the
// bench module imports it.
//
// # Concurrency
//
// A Device and its Sessions have one user at a time.
package gomau

import (
	"context"
	"fmt"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	library "go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/signalerror"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/libsignal/util/keyhelper"
	"go.mau.fi/libsignal/util/optional"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// Keep says how a Device keeps its sessions.
type Keep int

const (
	// Live keeps the library's session objects in a map. It is the fastest that the store interface
	// allows: nothing is ever encoded. What a failed decryption did to a session stays done, because
	// the library changes the object before it checks the MAC.
	Live Keep = iota
	// Stored encodes the session after each operation with the library's own serializer and decodes
	// it before the next one, as a program with a database does.
	Stored
)

func (k Keep) String() string { return [...]string{"live", "stored"}[k] }

// The errors of the library that the tests tell apart.
var (
	ErrDuplicate  = signalerror.ErrOldCounter
	ErrFuture     = signalerror.ErrTooFarIntoFuture
	ErrNoSessions = signalerror.ErrNoValidSessions
)

// A Device is one end of conversations. It has one signed prekey, made with it.
type Device struct {
	self     signet.Address
	store    *store
	signedID uint32
	sessions map[signet.Address]*Session
}

// New returns a new Device with an identity of its own.
func New(self signet.Address, keep Keep) (*Device, error) {
	pair, err := keyhelper.GenerateIdentityKeyPair()
	if err != nil {
		return nil, err
	}
	d := &Device{
		self:     self,
		store:    newStore(keep, pair, keyhelper.GenerateRegistrationID()),
		signedID: 1,
		sessions: make(map[signet.Address]*Session),
	}
	signed, err := keyhelper.GenerateSignedPreKey(pair, d.signedID, d.store.serializer.SignedPreKeyRecord)
	if err != nil {
		return nil, err
	}
	d.store.signed[d.signedID] = signed
	return d, nil
}

// AddPreKey makes a one-time prekey with this id.
func (d *Device) AddPreKey(id uint32) error {
	pair, err := ecc.GenerateKeyPair()
	if err != nil {
		return err
	}
	d.store.preKeys[id] = record.NewPreKey(id, pair, d.store.serializer.PreKeyRecord)
	return nil
}

// HasPreKey reports whether the one-time prekey is still there.
func (d *Device) HasPreKey(id uint32) bool { return d.store.preKeys[id] != nil }

// Bundle returns what a directory would hand out. A nil id leaves the one-time prekey out.
func (d *Device) Bundle(id *uint32) x3dh.BundleFields {
	signed := d.store.signed[d.signedID]
	signature := signed.Signature()
	f := x3dh.BundleFields{
		RegistrationID: d.store.registration,
		DeviceID:       d.self.Device,
		Identity:       publicKey(d.store.pair.PublicKey().PublicKey()),
		SignedPreKey: x3dh.SignedPreKey{
			ID: d.signedID, Public: publicKey(signed.KeyPair().PublicKey()), Signature: signature[:],
		},
	}
	if id != nil {
		f.PreKey = &x3dh.PreKey{ID: *id, Public: publicKey(d.store.preKeys[*id].KeyPair().PublicKey())}
	}
	return f
}

func publicKey(k ecc.ECPublicKeyable) signet.PublicKey {
	return signet.PublicKeyFromRaw(k.PublicKey())
}

func theirKey(k signet.PublicKey) ecc.ECPublicKeyable { return ecc.NewDjbECPublicKey(k.Raw()) }

// A Session is the library's builder and cipher for one peer.
type Session struct {
	store   *store
	peer    address
	builder *library.Builder
	cipher  *library.Cipher
}

// Session returns the Session with peer, which need not have begun.
func (d *Device) Session(peer signet.Address) *Session {
	if s := d.sessions[peer]; s != nil {
		return s
	}
	a := protocol.NewSignalAddress(peer.Name, peer.Device)
	b := library.NewBuilder(d.store, d.store, d.store, d.store, a, d.store.serializer)
	s := &Session{store: d.store, peer: keyOf(a), builder: b, cipher: library.NewCipher(b, a)}
	d.sessions[peer] = s
	return s
}

// Start begins a session from a bundle, whose KEM prekey is ignored.
func (s *Session) Start(ctx context.Context, f *x3dh.BundleFields) error {
	id, public := optional.NewEmptyUint32(), ecc.ECPublicKeyable(nil)
	if f.PreKey != nil {
		id, public = optional.NewOptionalUint32(f.PreKey.ID), theirKey(f.PreKey.Public)
	}
	if len(f.SignedPreKey.Signature) != signet.SignatureSize {
		return fmt.Errorf("gomau: a signature of %d bytes", len(f.SignedPreKey.Signature))
	}
	return s.builder.ProcessBundle(ctx, prekey.NewBundle(f.RegistrationID, f.DeviceID,
		id, f.SignedPreKey.ID, public, theirKey(f.SignedPreKey.Public),
		[64]byte(f.SignedPreKey.Signature), identity.NewKey(theirKey(f.Identity))))
}

// Encrypt returns the message that carries plaintext. It hides the spare capacity, which the
// library's padding overwrites.
func (s *Session) Encrypt(ctx context.Context, plaintext []byte) (session.Message, error) {
	m, err := s.cipher.Encrypt(ctx, plaintext[:len(plaintext):len(plaintext)])
	if err != nil {
		return session.Message{}, err
	}
	return session.Message{Type: session.MessageType(m.Type()), Body: m.Serialize()}, nil
}

// Decrypt returns the plaintext of a message.
func (s *Session) Decrypt(ctx context.Context, m session.Message) ([]byte, error) {
	ser := s.store.serializer
	if m.Type == session.TypePreKey {
		first, err := protocol.NewPreKeySignalMessageFromBytes(m.Body, ser.PreKeySignalMessage, ser.SignalMessage)
		if err != nil {
			return nil, err
		}
		return s.cipher.DecryptMessage(ctx, first)
	}
	message, err := protocol.NewSignalMessageFromBytes(m.Body, ser.SignalMessage)
	if err != nil {
		return nil, err
	}
	return s.cipher.Decrypt(ctx, message)
}
