package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/internal/lost"
	"signet.example/signet/internal/wire"
)

// This file takes over the state of go.mau.fi/libsignal and its user whatsmeow, which speak
// version 3 alone (protocol §11.3, §11.4). Whoever moves keeps Options.AllowX3DH on.

// ImportSession translates a session record of go.mau.fi/libsignal, JSON as its default serializer
// writes it, to the official RecordStructure that Device.SetRecord takes. The old program must not
// use the session again. A first message that was never answered counts as sent at the time now. A
// record without a session gives no bytes. row is not kept.
//
// What that library keeps beyond our limits (protocol §5.6) is dropped, oldest first, and so is
// every previous session that has the base key of a newer one: its defects leave such copies
// behind, and an older copy would decrypt messages a second time.
func ImportSession(row []byte, now time.Time) ([]byte, error) {
	var r struct {
		SessionState   *mauState
		PreviousStates []*mauState
	}
	if err := json.Unmarshal(row, &r); err != nil {
		return nil, fmt.Errorf("session: import: %w", plainJSON(err))
	}
	seen := make(map[string]bool)
	var b []byte
	n := 0
	for i, m := range append([]*mauState{r.SessionState}, r.PreviousStates...) {
		if m.empty() || seen[string(m.SenderBaseKey)] || n > maxArchived {
			continue
		}
		s, err := m.session(now)
		if err != nil {
			return nil, fmt.Errorf("session: import: session %d of the record: %w", i, err)
		}
		seen[string(m.SenderBaseKey)] = true
		n++
		if i == 0 {
			b = wire.AppendCurrent(b, s)
			continue
		}
		s.HasPending, s.Pending = false, wire.Pending{} // archived, so never sent on again
		b = wire.AppendPrevious(b, s)
	}
	return b, nil
}

// plainJSON keeps bytes of the record, which may be secret, out of the error's text.
func plainJSON(err error) error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("the JSON has the wrong type at %s", t.Field)
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("the JSON is malformed at offset %d", s.Offset)
	}
	return errors.New("the JSON is malformed")
}

// mauState and mauChain have the field names of the JSON. A field that is not here is of no use.
type mauState struct {
	LocalIdentityPublic  []byte
	RemoteIdentityPublic []byte
	LocalRegistrationID  uint32
	RemoteRegistrationID uint32
	PreviousCounter      uint32
	RootKey              []byte
	SenderBaseKey        []byte
	SessionVersion       int
	SenderChain          *mauChain
	ReceiverChains       []*mauChain
	PendingPreKey        *struct {
		PreKeyID *struct {
			Value   uint32
			IsEmpty bool
		}
		SignedPreKeyID uint32
		BaseKey        []byte
	}
}

type mauChain struct {
	SenderRatchetKeyPublic  []byte
	SenderRatchetKeyPrivate []byte
	ChainKey                *struct {
		Key   []byte
		Index uint32
	}
	MessageKeys []*struct { // oldest first
		CipherKey, MacKey, IV []byte
		Index                 uint32
	}
}

// empty reports whether m is no session: the library writes a state of zeros for that, too.
func (m *mauState) empty() bool {
	return m == nil || m.SessionVersion == 0 && len(m.RemoteIdentityPublic) == 0
}

// session checks m and translates it.
func (m *mauState) session(now time.Time) (*wire.Session, error) {
	if m.SessionVersion != wire.V3 {
		return nil, fmt.Errorf("version %d, not 3", m.SessionVersion)
	}
	if err := sizes([]sized{
		{"local identity key", m.LocalIdentityPublic, signet.PublicKeySize},
		{"remote identity key", m.RemoteIdentityPublic, signet.PublicKeySize},
		{"base key", m.SenderBaseKey, signet.PublicKeySize},
		{"root key", m.RootKey, 32},
	}); err != nil {
		return nil, err
	}
	s := &wire.Session{
		Version:       wire.V3,
		LocalIdentity: m.LocalIdentityPublic, RemoteIdentity: m.RemoteIdentityPublic,
		LocalRegistrationID: m.LocalRegistrationID, RemoteRegistrationID: m.RemoteRegistrationID,
		RootKey: m.RootKey, PreviousCounter: m.PreviousCounter, BaseKey: m.SenderBaseKey,
		HasSender: m.SenderChain != nil,
	}
	var err error
	if m.SenderChain != nil {
		if s.Sender, err = m.SenderChain.chain(true); err != nil {
			return nil, fmt.Errorf("sending chain: %w", err)
		}
	}
	receivers := m.ReceiverChains
	for _, m := range receivers[max(0, len(receivers)-maxReceivers):] {
		c, err := m.chain(false)
		if err != nil {
			return nil, fmt.Errorf("receiving chain: %w", err)
		}
		s.Receivers = append(s.Receivers, c)
	}
	if p := m.PendingPreKey; p != nil {
		if err := sizes([]sized{{"pending base key", p.BaseKey, signet.PublicKeySize}}); err != nil {
			return nil, err
		}
		s.HasPending = true
		s.Pending = wire.Pending{
			BaseKey: p.BaseKey, SignedPreKeyID: p.SignedPreKeyID, Timestamp: uint64(max(0, now.Unix())),
		}
		if p.PreKeyID != nil && !p.PreKeyID.IsEmpty {
			s.Pending.HasPreKey, s.Pending.PreKeyID = true, p.PreKeyID.Value
		}
	}
	return s, nil
}

// What is imported of a session, as package ratchet keeps it (protocol §5.6).
const (
	maxReceivers = 5
	maxSkipped   = 2_000
)

// chain translates a chain. Skipped keys are kept as keys here, newest first there.
func (m *mauChain) chain(sending bool) (c wire.Chain, err error) {
	if m == nil || m.ChainKey == nil {
		return c, errors.New("missing chain key")
	}
	list := []sized{
		{"ratchet key", m.SenderRatchetKeyPublic, signet.PublicKeySize},
		{"chain key", m.ChainKey.Key, 32},
	}
	c = wire.Chain{RatchetKey: m.SenderRatchetKeyPublic, HasKey: true, Index: m.ChainKey.Index, Key: m.ChainKey.Key}
	if sending {
		list = append(list, sized{"private ratchet key", m.SenderRatchetKeyPrivate, signet.PrivateKeySize})
		c.RatchetPriv = m.SenderRatchetKeyPrivate
	}
	if err := sizes(list); err != nil {
		return c, err
	}
	if !sending && c.Index > maxSkipped {
		c.Lost = lost.Before(c.Index - maxSkipped) // it is not known which of them were
	}
	keys := m.MessageKeys
	for _, k := range slices.Backward(keys[max(0, len(keys)-maxSkipped):]) {
		if k == nil {
			return c, errors.New("missing message key")
		}
		if err := sizes([]sized{{"cipher key", k.CipherKey, 32}, {"MAC key", k.MacKey, 32}, {"IV", k.IV, 16}}); err != nil {
			return c, err
		}
		c.Skipped = wire.AppendMessageKey(c.Skipped, &wire.MessageKey{
			Index: k.Index, Cipher: k.CipherKey, MAC: k.MacKey, IV: k.IV,
		})
	}
	return c, nil
}

// sized is a byte string of the record and the length that it must have; those of 33 bytes are
// encoded public keys.
type sized struct {
	name string
	b    []byte
	n    int
}

func sizes(list []sized) error {
	for _, s := range list {
		if len(s.b) != s.n {
			return fmt.Errorf("%s of %d bytes, not %d", s.name, len(s.b), s.n)
		}
		if s.n == signet.PublicKeySize {
			if _, err := signet.ParsePublicKey(s.b); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// ImportIdentity stores the accepted identity key of peer from whatsmeow's row, which needs
// Options.DeviceIdentities: without it the key counts only as long as none is kept for the user. It
// is the 32 bytes of the u-coordinate.
func ImportIdentity(tx Tx, peer signet.Address, key []byte) error {
	if len(key) != 32 {
		return fmt.Errorf("session: import: identity key of %d bytes, not 32", len(key))
	}
	return tx.PutIdentity(peer, signet.PublicKeyFromRaw([32]byte(key)).Bytes())
}

// ImportPreKey stores a one-time prekey from whatsmeow's row, the private key of 32 bytes. The
// public key is derived from it: that library gets it wrong when it loads a record.
func ImportPreKey(tx Tx, id uint32, private []byte) error {
	key, err := signet.NewPrivateKey(private)
	if err != nil {
		return fmt.Errorf("session: import: prekey %d: %w", id, err)
	}
	r := wire.PreKey{ID: id, Public: key.PublicKey().Bytes(), Private: key.Bytes()}
	return tx.PutPreKey(id, wire.AppendPreKey(nil, &r))
}

// ImportSignedPreKey stores a signed prekey from whatsmeow's row, a private key of 32 bytes and the
// signature of 64, made at the time made. It is the device's current one if there is none yet.
// Otherwise it counts as replaced now, and opens first messages until Retire finds its grace over.
// The signature must be the device's own.
func (d *Device) ImportSignedPreKey(tx Tx, id uint32, private, signature []byte, made time.Time) error {
	key, err := signet.NewPrivateKey(private)
	if err != nil {
		return fmt.Errorf("session: import: signed prekey %d: %w", id, err)
	}
	public := key.PublicKey().Bytes()
	if !d.id.PublicKey().Verify(public, signature) {
		return fmt.Errorf("session: import: signed prekey %d: invalid signature", id)
	}
	r := wire.PreKey{
		ID: id, Public: public, Private: key.Bytes(), Signature: bytes.Clone(signature),
		Timestamp: uint64(max(0, made.UnixMilli())),
	}
	if err := tx.PutSignedPreKey(id, wire.AppendPreKey(nil, &r)); err != nil {
		return err
	}
	return d.addLifetime(tx, rowSigned, id)
}
