package session

import (
	"bytes"
	"encoding/binary"

	"signet.example/signet"
	"signet.example/signet/ratchet"
)

// This file is about registration ids of peers. The one in a first message is under no MAC, so what
// it says is only claimed: it is kept, for whoever reads the record, and decides nothing
// (decision 020).

// rowRegistered begins the names of rows that say which installation of a peer a session that it
// began is with: the session's base key, 33 bytes, and the id that a directory gave, 4 bytes; 0 as
// long as none was asked about.
const rowRegistered = "registered/"

func registeredRow(peer signet.Address) string { return rowRegistered + peer.String() }

// register takes note that a directory gives o.RegistrationID as the registration id of the peer.
// If the peer began the current session, and no directory was asked about it before, the session is
// with that installation, whatever its first message claimed; else, and if o is Exact, the id stays
// what it was. If keep is false nothing is written.
func (r *record) register(o *Outgoing, keep bool) error {
	id := o.RegistrationID
	if r.current == nil || id == 0 || o.Exact {
		return nil
	}
	if _, remote := r.current.RegistrationIDs(); remote == id {
		return nil
	}
	if claimed, err := r.claimed(r.current); err != nil || !claimed {
		return err
	}
	r.current.SetRemoteRegistrationID(id)
	if !keep {
		return nil
	}
	return r.putRegistered(id)
}

func (r *record) putRegistered(id uint32) error {
	row := binary.BigEndian.AppendUint32(bytes.Clone(r.current.BaseKey()), id)
	return r.tx.PutValue(registeredRow(r.peer), row)
}

// elsewhere reports whether s, a previous session, has a registration id that is only claimed and
// is not the one of the current session, which a directory gave. A message of such a session, late
// or held back, does not put it in the place of the current one, which would have to be begun anew.
func (r *record) elsewhere(s *ratchet.State) (bool, error) {
	if r.current == nil || !r.current.MaySend() {
		return false, nil
	}
	_, here := r.current.RegistrationIDs()
	if _, there := s.RegistrationIDs(); there == here {
		return false, nil
	}
	if claimed, err := r.claimed(s); err != nil || !claimed {
		return false, err
	}
	claimed, err := r.claimed(r.current)
	return !claimed, err
}

// claimed reports whether the registration id of s is what a first message claimed. Sessions of
// version 3 have a row that says so from the beginning, as long as no later one has it; others say
// themselves who began them.
func (r *record) claimed(s *ratchet.State) (bool, error) {
	row, err := r.tx.Value(registeredRow(r.peer))
	if err != nil {
		return false, err
	}
	if id, ok := bytes.CutPrefix(row, s.BaseKey()); ok && len(id) == 4 {
		return binary.BigEndian.Uint32(id) == 0, nil
	}
	return s.Responder(), nil
}
