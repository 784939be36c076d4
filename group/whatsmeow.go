package group

import (
	"encoding/json"
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
)

// This file takes over sender keys of go.mau.fi/libsignal and its user whatsmeow
// (sealed-groups §10.6).

// ImportSenderKey translates a sender key record of go.mau.fi/libsignal, JSON as its default
// serializer writes it, to the official SenderKeyRecordStructure that Channel.SetRecord takes, of a
// Channel made with NewWhatsAppChannel. The old program must not use it again: for an own sender
// key this would use message keys twice. A record without a sender key gives no bytes. row is not
// kept.
//
// What that library keeps beyond our limits, 5 sender keys and 2000 skipped message keys for each,
// is dropped, oldest first. Where it has one sender key more than once the copy that is furthest
// counts, since another would decrypt messages a second time. The error says which part of the
// record is not what it should be, and shows none of it.
func ImportSenderKey(row []byte) ([]byte, error) {
	var r struct{ SenderKeyStates []*mauState }
	if err := json.Unmarshal(row, &r); err != nil {
		return nil, fmt.Errorf("group: import: %w", plainJSON(err))
	}
	var states []wire.SenderKeyState
	at := make(map[string]int) // the place of a sender key among states
	for i, m := range r.SenderKeyStates {
		s, err := m.state()
		if err != nil {
			return nil, fmt.Errorf("group: import: sender key %d of the record: %w", i, err)
		}
		name := fmt.Sprint(s.ChainID, " ", string(s.Public))
		j, again := at[name]
		switch {
		case !again && len(states) < maxStates:
			at[name] = len(states)
			states = append(states, s)
		case again && s.Iteration > states[j].Iteration:
			states[j] = s
		}
	}
	return appendRecord(states), nil
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

// mauState has the field names of the JSON. A field that is not here is of no use: the keys that
// follow from a message key's seed are derived again.
type mauState struct {
	Keys []*struct { // skipped, oldest first
		Iteration uint32
		Seed      []byte
	}
	KeyID          uint32
	SenderChainKey *struct {
		Iteration uint32
		ChainKey  []byte
	}
	SigningKeyPrivate []byte // zeros or none with everyone but the sender
	SigningKeyPublic  []byte
}

// state checks m and translates it.
func (m *mauState) state() (s wire.SenderKeyState, err error) {
	if m == nil || m.SenderChainKey == nil {
		return s, errors.New("missing chain key")
	}
	if n := len(m.SenderChainKey.ChainKey); n != 32 {
		return s, fmt.Errorf("chain key of %d bytes, not 32", n)
	}
	if n := len(m.SigningKeyPublic); n != signet.PublicKeySize {
		return s, fmt.Errorf("signing key of %d bytes, not %d", n, signet.PublicKeySize)
	}
	public, err := signet.ParsePublicKey(m.SigningKeyPublic)
	if err != nil {
		return s, fmt.Errorf("signing key: %w", err)
	}
	s = wire.SenderKeyState{
		ChainID:  m.KeyID,
		HasChain: true, Iteration: m.SenderChainKey.Iteration, ChainKey: m.SenderChainKey.ChainKey,
		HasKey: true, Public: public.Bytes(), Version: version,
	}
	if s.Private, err = m.private(public); err != nil {
		return s, err
	}
	seen := make(map[uint32]bool)
	for _, k := range m.Keys[max(0, len(m.Keys)-maxSkipped):] {
		switch {
		case k == nil || len(k.Seed) != 32:
			return s, errors.New("skipped message key that is not 32 bytes")
		case k.Iteration >= s.Iteration:
			return s, errors.New("skipped message key ahead of its chain")
		case seen[k.Iteration]: // a copy would decrypt its message a second time
			continue
		}
		seen[k.Iteration] = true
		s.Skipped = wire.AppendSenderKey(s.Skipped, k.Iteration, k.Seed)
	}
	return s, nil
}

// private returns the private signing key, 32 bytes, or nil if the record has none.
func (m *mauState) private(public signet.PublicKey) ([]byte, error) {
	zero := true
	for _, b := range m.SigningKeyPrivate {
		zero = zero && b == 0
	}
	if zero {
		return nil, nil
	}
	key, err := signet.NewPrivateKey(m.SigningKeyPrivate)
	if err != nil {
		return nil, fmt.Errorf("private signing key: %w", err)
	}
	if !key.PublicKey().Equal(public) {
		return nil, errors.New("the private signing key is another's")
	}
	return key.Bytes(), nil
}
