// Package ratchet implements the Double Ratchet of the Signal protocol (The Double Ratchet
// Algorithm, revision 4, as deployed: protocol §5) with its post-quantum half mixed into every
// message key.
//
// A [State] is one end of one session. Encrypt and Decrypt turn bytes into bytes and advance it;
// both try before they assign, so an error leaves the State as it was. The exception is for whoever
// has what the State was made from, see State.Expendable.
//
// # What this package does not know
//
// It has no clock, no store, no lock and no log. It does not decide whom to trust, which of several
// sessions a message belongs to, or whether a state is durable before a message leaves: package
// session does.
//
// # Concurrency
//
// A State has a single writer. Nothing in this package is safe for concurrent use of one State.
//
// # Compatibility
//
// A State encodes as the official client's SessionStructure, byte for byte (protocol §7.1), but for
// one field in a chain that has given up keys. Fields that an operation does not need are neither
// parsed nor changed by it, damaged ones included.
package ratchet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/spqr"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
)

// Limits of protocol §5.6.
const (
	maxJump      = 25_000 // messages a receiving chain may be advanced at once
	maxSkipped   = 2_000  // skipped seeds kept for each receiving chain
	maxReceivers = 5      // receiving chains kept
)

// ErrDuplicate is a message that was decrypted before: the application has it. It is never returned
// for a message that was not, in a session that has lived in this module all its life.
var ErrDuplicate = errors.New("ratchet: message with old counter")

// ErrForgotten is a message that was not decrypted and cannot be any more, because its key was
// given up: it came after 2000 others that were skipped, too, or was sent before the receiver had
// the key. It is lost unless it is sent again. Of messages in a chain with very many gaps, and in
// one that came from another library, some that were decrypted count as forgotten.
var ErrForgotten = errors.New("ratchet: message whose key is no longer kept")

// A DuplicateError tells where a duplicate was noticed. It matches ErrDuplicate.
type DuplicateError struct {
	Index   uint32 // what the receiving chain expects next
	Counter uint32 // what the message says
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("ratchet: message with old counter %d / %d", e.Index, e.Counter)
}

// Is reports whether target is ErrDuplicate.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// ErrSteps is a message that would cost more steps than were allowed, before anything shows that it
// is genuine.
var ErrSteps = steps.ErrBudget

// ErrState is a State whose stored form is damaged where an operation needs it.
var ErrState = errors.New("ratchet: invalid session")

// A Seed is what the key agreement gives: three keys of 32 bytes. It has the layout of x3dh.Secret,
// so a conversion joins the two packages. PQ is zero for X3DH.
type Seed struct{ Root, Chain, PQ secret.Key }

// A Handshake is what a State remembers of the key agreement that made it.
type Handshake struct {
	Version              uint8            // 3 (X3DH) or 4 (PQXDH)
	Local, Remote        signet.PublicKey // identity keys
	BaseKey              signet.PublicKey // the initiator's; what first messages are recognised by
	LocalRegistrationID  uint32
	RemoteRegistrationID uint32
	Pending              *Pending // initiator: repeated in every message until the first answer
	// LocalAddress and RemoteAddress are bound into first messages if both are service ids
	// (protocol §6.2). They may be zero.
	LocalAddress, RemoteAddress signet.Address
}

// Pending is the part of a first message that an initiator repeats until the first answer.
type Pending struct {
	HasPreKey      bool
	PreKeyID       uint32
	SignedPreKeyID uint32
	Timestamp      uint64 // seconds since 1970, when the session was made
	KEMPreKeyID    uint32
	KEMCiphertext  []byte // 1569 bytes with PQXDH, else nil; not modified, not copied
}

// A State is one end of a session. The zero State is not usable: it comes from NewInitiator,
// NewResponder or UnmarshalBinary. It redacts itself when formatted or logged.
//
// A State must not be copied: the copies would share what they overwrite.
type State struct {
	rec wire.Session // its byte slices are immutable: a trial replaces them

	// pq is the post-quantum half once it is decoded; rec.PQ is nil once a step has changed it.
	pq      spqr.State
	decoded bool
	own     bool // nothing aliases what was given to UnmarshalBinary: see Own

	expendable bool // see Expendable
	keyless    bool // see AcceptKeyless

	// Where rec.Sender.Key lies after an encryption, and after a decryption the key of the chain that
	// it was on.
	sendingKey, receivingKey secret.Key

	local, remote signet.Address // not stored
}

// NewInitiator returns the State of the party that ran the agreement with a bundle whose signed
// prekey is theirs (protocol §4.3). It draws 32 random bytes. The error is
// signet.ErrInvalidAgreement if theirs is a point of small order.
func NewInitiator(s Seed, h *Handshake, theirs signet.PublicKey) (*State, error) {
	return NewInitiatorFrom(nil, s, h, theirs)
}

// NewInitiatorFrom is NewInitiator for this module's lab, which brings its own randomness.
func NewInitiatorFrom(src *entropy.Source, s Seed, h *Handshake, theirs signet.PublicKey) (*State, error) {
	root, sender, err := begin(src, s.Root[:], theirs.Raw())
	if err != nil {
		return nil, err
	}
	st := newState(h)
	st.rec.RootKey = root
	st.rec.HasSender, st.rec.Sender = true, sender
	st.rec.Receivers = []wire.Chain{{RatchetKey: theirs.Bytes(), HasKey: true, Key: s.Chain[:]}}
	if p := h.Pending; p != nil {
		st.rec.HasPending = true
		st.rec.Pending = wire.Pending{
			HasPreKey: p.HasPreKey, PreKeyID: p.PreKeyID, BaseKey: h.BaseKey.Bytes(),
			SignedPreKeyID: p.SignedPreKeyID, Timestamp: p.Timestamp,
		}
		st.rec.HasPendingKEM = p.KEMCiphertext != nil
		st.rec.PendingKEMID, st.rec.PendingKEMCiphertext = p.KEMPreKeyID, p.KEMCiphertext
	}
	st.rec.PQ = startPQ(spqr.A2B, &s, h)
	return st, nil
}

// NewResponder returns the State of the party whose signed prekey is own. Its first sending chain
// exists but is never used: the initiator's first message makes it ratchet (protocol §4.3).
func NewResponder(s Seed, h *Handshake, own *signet.PrivateKey) *State {
	st := newState(h)
	st.rec.RootKey = s.Root[:]
	st.rec.HasSender = true
	st.rec.Sender = wire.Chain{
		RatchetKey: own.PublicKey().Bytes(), RatchetPriv: own.Bytes(), HasKey: true, Key: s.Chain[:],
	}
	st.rec.PQ = startPQ(spqr.B2A, &s, h)
	return st
}

// newState fills in what both sides have in common. s.Chain and s.Root are copies already: Seed
// travels by value.
func newState(h *Handshake) *State {
	return &State{
		rec: wire.Session{
			Version:              uint32(h.Version),
			LocalIdentity:        h.Local.Bytes(),
			RemoteIdentity:       h.Remote.Bytes(),
			LocalRegistrationID:  h.LocalRegistrationID,
			RemoteRegistrationID: h.RemoteRegistrationID,
			BaseKey:              h.BaseKey.Bytes(),
		},
		local: h.LocalAddress, remote: h.RemoteAddress,
		own: true,
	}
}

// UnmarshalBinary replaces s by the State that b, an encoded SessionStructure, holds. The State
// aliases b, which must not be modified afterwards, until Own. Keys are not checked before they are
// used. The error is ErrState, and leaves s without a session.
func (s *State) UnmarshalBinary(b []byte) error {
	s.Release()
	if err := s.rec.Parse(b); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	return nil
}

// Own copies what s aliases, for a State that is to live on when the bytes are gone that it was
// decoded from. They hold the chain keys of their time, which no State should keep alive.
func (s *State) Own() {
	if s.own {
		return
	}
	r := &s.rec
	for _, b := range []*[]byte{
		&r.LocalIdentity, &r.RemoteIdentity, &r.RootKey, &r.BaseKey, &r.Pending.BaseKey,
		&r.PendingKEMCiphertext, &r.PQ,
	} {
		*b = bytes.Clone(*b)
	}
	ownChain(&r.Sender)
	r.Receivers = slices.Clone(r.Receivers)
	for i := range r.Receivers {
		ownChain(&r.Receivers[i])
	}
	if s.decoded {
		s.pq.Own()
	}
	s.own = true
}

func ownChain(c *wire.Chain) {
	c.RatchetKey, c.RatchetPriv = bytes.Clone(c.RatchetKey), bytes.Clone(c.RatchetPriv)
	c.Key, c.Skipped, c.Lost = bytes.Clone(c.Key), bytes.Clone(c.Skipped), bytes.Clone(c.Lost)
}

// Release forgets everything that s holds, for another use. What it has allocated is kept for
// UnmarshalBinary.
func (s *State) Release() {
	clear(s.rec.Receivers[:cap(s.rec.Receivers)])
	s.pq.Wipe()
	*s = State{rec: wire.Session{Receivers: s.rec.Receivers[:0]}}
}

// AppendBinary appends the encoded SessionStructure. It holds secrets. A chain that has given up
// keys has one field more than the official form, 1000, which other readers pass over.
func (s *State) AppendBinary(b []byte) ([]byte, error) {
	w := wire.NewWriter(make([]byte, s.size()))
	s.write(&w)
	return append(b, w.Result()...), nil
}

// Record returns the State as field 1 of a RecordStructure, the current session, in a fresh slice.
// It holds secrets.
func (s *State) Record() []byte { return s.field(false) }

// Archived returns the State as field 2 of a RecordStructure, a previous session, in a fresh slice.
// It holds secrets.
func (s *State) Archived() []byte { return s.field(true) }

func (s *State) field(previous bool) []byte {
	w := wire.NewWriter(make([]byte, s.size()))
	s.write(&w)
	if previous {
		w.Message(2, 0)
	} else {
		w.Message(1, 0)
	}
	return w.Result()
}

// write writes the fields in descending order.
func (s *State) write(w *wire.Writer) {
	if s.rec.PQ != nil {
		w.Bytes(15, s.rec.PQ)
	} else if s.HasPQ() {
		mark := w.Written()
		s.pq.Write(w)
		w.Message(15, mark)
	}
	s.rec.Write(w)
}

// size is an upper bound of what write writes, as a rule, and of the head of a field around it.
func (s *State) size() int {
	if s.rec.PQ == nil {
		return s.rec.Size() + s.pq.Size()
	}
	return s.rec.Size() + len(s.rec.PQ)
}

// SetAddresses names the two ends for the operations that follow. They are not part of the stored
// State (protocol §6.2, §5.6).
func (s *State) SetAddresses(local, remote signet.Address) { s.local, s.remote = local, remote }

// Version is the session's protocol version, 3 or 4; 2 for a record that names none.
func (s *State) Version() uint32 {
	if s.rec.Version == 0 {
		return 2
	}
	return s.rec.Version
}

// Remote returns the peer's identity key.
func (s *State) Remote() (signet.PublicKey, error) {
	if len(s.rec.RemoteIdentity) == 0 {
		return signet.PublicKey{}, damaged("missing remote identity key")
	}
	return parseKey(s.rec.RemoteIdentity, "invalid remote identity key")
}

// Local returns our identity key, as it was when the session was made.
func (s *State) Local() (signet.PublicKey, error) {
	return parseKey(s.rec.LocalIdentity, "invalid local identity key")
}

// BaseKey returns the initiator's base key as stored, 33 bytes in a sound State. The slice is not
// modified by the caller.
func (s *State) BaseKey() []byte { return s.rec.BaseKey }

// RatchetKey returns our current public ratchet key.
func (s *State) RatchetKey() (signet.PublicKey, error) {
	if !s.rec.HasSender {
		return signet.PublicKey{}, damaged("missing sender chain")
	}
	return parseKey(s.rec.Sender.RatchetKey, "invalid sender chain ratchet key")
}

// Received says how far the peer's chain with this ratchet key has come: the counter after the
// greatest one received, 0 if the chain is not here, and whether it is the peer's newest.
func (s *State) Received(ratchetKey []byte) (next uint32, newest bool) {
	c := s.rec.FindReceiver(ratchetKey)
	if c == nil {
		return 0, false
	}
	return c.Index, c == &s.rec.Receivers[len(s.rec.Receivers)-1]
}

// HasSender reports whether there is a chain to send with.
func (s *State) HasSender() bool { return s.rec.HasSender }

// HasPQ reports whether the post-quantum ratchet is on.
func (s *State) HasPQ() bool { return len(s.rec.PQ) != 0 || s.rec.PQ == nil && s.pq.On() }

// RegistrationIDs returns ours and the peer's registration id.
func (s *State) RegistrationIDs() (local, remote uint32) {
	return s.rec.LocalRegistrationID, s.rec.RemoteRegistrationID
}

// SetRemoteRegistrationID replaces the peer's registration id.
func (s *State) SetRemoteRegistrationID(id uint32) { s.rec.RemoteRegistrationID = id }

// Pending returns what has to be repeated to the peer, and its base key, or nil once the session is
// acknowledged. The slices are not modified by the caller.
func (s *State) Pending() (p *Pending, base []byte) {
	if !s.rec.HasPending {
		return nil, nil
	}
	return &Pending{
		HasPreKey: s.rec.Pending.HasPreKey, PreKeyID: s.rec.Pending.PreKeyID,
		SignedPreKeyID: s.rec.Pending.SignedPreKeyID, Timestamp: s.rec.Pending.Timestamp,
		KEMPreKeyID: s.rec.PendingKEMID, KEMCiphertext: s.rec.PendingKEMCiphertext,
	}, s.rec.Pending.BaseKey
}

// ClearPending forgets the first message: the session is acknowledged, or archived (protocol §7.2).
func (s *State) ClearPending() {
	if !s.rec.HasPending && !s.rec.HasPendingKEM {
		return
	}
	s.rec.HasPending, s.rec.Pending = false, wire.Pending{}
	s.rec.HasPendingKEM, s.rec.PendingKEMID, s.rec.PendingKEMCiphertext = false, 0, nil
}

// damaged is ErrState with the official client's words for what is wrong.
func damaged(what string) error { return fmt.Errorf("%w: %s", ErrState, what) }

func parseKey(b []byte, what string) (signet.PublicKey, error) {
	k, err := signet.ParsePublicKey(b)
	if err != nil {
		return k, damaged(what)
	}
	return k, nil
}

// Format redacts the State under every verb.
func (State) Format(f fmt.State, _ rune) { io.WriteString(f, "ratchet.State(…)") }

// MarshalJSON refuses: a State is stored with AppendBinary, never shown. (slog falls back on this
// method or on Format, so a State is not seen in a log either.)
func (State) MarshalJSON() ([]byte, error) {
	return nil, errors.New("ratchet: a State is not for JSON")
}

// Format redacts the Seed under every verb.
func (Seed) Format(f fmt.State, _ rune) { io.WriteString(f, "ratchet.Seed(…)") }
