package gomau

import (
	"bytes"
	"context"
	"errors"

	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/state/record"
)

// This file links go.mau.fi/libsignal, which is under the GPL; see the package's documentation.

// An address is a SignalAddress as a map key. The library's own string form would cost an
// allocation for each look-up.
type address struct {
	name   string
	device uint32
}

func keyOf(a *protocol.SignalAddress) address { return address{a.Name(), a.DeviceID()} }

// A store implements the library's four store interfaces over maps. Prekeys and identities are live
// objects; so are sessions, unless keep says to hold their bytes.
type store struct {
	keep         Keep
	serializer   *serialize.Serializer
	pair         *identity.KeyPair
	registration uint32

	sessions   map[address]*record.Session
	records    map[address][]byte
	identities map[address]*identity.Key
	preKeys    map[uint32]*record.PreKey
	signed     map[uint32]*record.SignedPreKey
}

func newStore(keep Keep, pair *identity.KeyPair, registration uint32) *store {
	return &store{
		keep: keep, serializer: serialize.NewProtoBufSerializer(), pair: pair, registration: registration,
		sessions:   make(map[address]*record.Session),
		records:    make(map[address][]byte),
		identities: make(map[address]*identity.Key),
		preKeys:    make(map[uint32]*record.PreKey),
		signed:     make(map[uint32]*record.SignedPreKey),
	}
}

func (s *store) fresh() *record.Session {
	return record.NewSession(s.serializer.Session, s.serializer.State)
}

func (s *store) LoadSession(_ context.Context, a *protocol.SignalAddress) (*record.Session, error) {
	if s.keep == Live {
		if r := s.sessions[keyOf(a)]; r != nil {
			return r, nil
		}
		return s.fresh(), nil
	}
	if b := s.records[keyOf(a)]; b != nil {
		return record.NewSessionFromBytes(b, s.serializer.Session, s.serializer.State)
	}
	return s.fresh(), nil
}

func (s *store) StoreSession(_ context.Context, a *protocol.SignalAddress, r *record.Session) error {
	if s.keep == Live {
		s.sessions[keyOf(a)] = r
	} else {
		s.records[keyOf(a)] = r.Serialize()
	}
	return nil
}

func (s *store) ContainsSession(_ context.Context, a *protocol.SignalAddress) (bool, error) {
	return s.sessions[keyOf(a)] != nil || s.records[keyOf(a)] != nil, nil
}

func (s *store) DeleteSession(_ context.Context, a *protocol.SignalAddress) error {
	delete(s.sessions, keyOf(a))
	delete(s.records, keyOf(a))
	return nil
}

func (s *store) DeleteAllSessions(context.Context) error {
	clear(s.sessions)
	clear(s.records)
	return nil
}

func (s *store) GetSubDeviceSessions(context.Context, string) ([]uint32, error) { return nil, nil }

func (s *store) GetIdentityKeyPair() *identity.KeyPair { return s.pair }
func (s *store) GetLocalRegistrationID() uint32        { return s.registration }

func (s *store) SaveIdentity(_ context.Context, a *protocol.SignalAddress, k *identity.Key) error {
	s.identities[keyOf(a)] = k
	return nil
}

// IsTrustedIdentity trusts on first use, as the signet side does.
func (s *store) IsTrustedIdentity(_ context.Context, a *protocol.SignalAddress, k *identity.Key) (bool, error) {
	known := s.identities[keyOf(a)]
	return known == nil || bytes.Equal(known.Serialize(), k.Serialize()), nil
}

// LoadPreKey returns nil for a prekey that does not exist, which the library turns into its error.
func (s *store) LoadPreKey(_ context.Context, id uint32) (*record.PreKey, error) {
	return s.preKeys[id], nil
}

func (s *store) StorePreKey(_ context.Context, id uint32, r *record.PreKey) error {
	s.preKeys[id] = r
	return nil
}

func (s *store) ContainsPreKey(_ context.Context, id uint32) (bool, error) {
	return s.preKeys[id] != nil, nil
}

func (s *store) RemovePreKey(_ context.Context, id uint32) error {
	delete(s.preKeys, id)
	return nil
}

func (s *store) LoadSignedPreKey(_ context.Context, id uint32) (*record.SignedPreKey, error) {
	if r := s.signed[id]; r != nil {
		return r, nil
	}
	return nil, errors.New("gomau: no such signed prekey")
}

func (s *store) LoadSignedPreKeys(context.Context) (all []*record.SignedPreKey, _ error) {
	for _, r := range s.signed {
		all = append(all, r)
	}
	return all, nil
}

func (s *store) StoreSignedPreKey(_ context.Context, id uint32, r *record.SignedPreKey) error {
	s.signed[id] = r
	return nil
}

func (s *store) ContainsSignedPreKey(_ context.Context, id uint32) (bool, error) {
	return s.signed[id] != nil, nil
}

func (s *store) RemoveSignedPreKey(_ context.Context, id uint32) error {
	delete(s.signed, id)
	return nil
}
