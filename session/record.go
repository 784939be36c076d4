package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
)

const (
	maxArchived = 40                  // previous sessions kept, protocol §5.6
	staleAfter  = 30 * 24 * time.Hour // an unanswered session is not used for sending after this
)

// A record is the sessions with one peer during one transaction. The current one is decoded, the
// previous ones stay bytes until one is needed.
type record struct {
	tx      Tx
	peer    signet.Address
	self    signet.Address
	current *ratchet.State // nil: none
	spare   *ratchet.State // what the current one is decoded to, kept from one transaction to the next

	keeping KeepingTx // tx, if the store keeps sessions decoded

	keyless bool // Options.AcceptKeyless

	opened *ratchet.State // what the last decryption was with
	within *steps.Meter   // what a decryption may cost, and until when; nil without end

	device *Device  // what loaded it
	damage []damage // rows that do not decode, and count as missing

	archive       []byte // encoded fields, newest first
	archiveLoaded bool
	archiveDirty  bool
}

// load reads the current session with peer.
func (d *Device) load(tx Tx, peer signet.Address) (*record, error) {
	r := new(record)
	return r, d.loadInto(r, tx, peer)
}

// loadInto is load into r, whatever it held.
func (d *Device) loadInto(r *record, tx Tx, peer signet.Address) error {
	r.release()
	r.tx, r.peer, r.self, r.keyless, r.device = tx, peer, d.self, d.opts.AcceptKeyless, d
	r.keeping, _ = tx.(KeepingTx)
	return r.begin()
}

// begin makes the current session what the store has. It is Expendable: after a failure it begins
// again. A row that does not decode is none.
func (r *record) begin() error {
	err := r.decodeCurrent()
	if errors.Is(err, ErrRecord) {
		r.current = nil
		row, _ := r.tx.Session(r.peer)
		r.note("session", row, err)
		return nil
	}
	return err
}

func (r *record) decodeCurrent() (err error) {
	if r.keeping != nil {
		k, err := r.keeping.KeptSession(r.peer)
		if err != nil || k == nil {
			return err
		}
		if r.current, err = k.begin(); err != nil {
			return errNotDecoded
		}
	} else if r.current, err = r.parse(); err != nil {
		return err
	}
	if r.current != nil {
		r.current.SetAddresses(r.self, r.peer)
	}
	return nil
}

// parse decodes the current session from its row, into r.spare.
func (r *record) parse() (*ratchet.State, error) {
	row, err := r.tx.Session(r.peer)
	if err != nil || len(row) == 0 {
		return nil, err
	}
	current, _, err := wire.SplitRecord(row)
	if err != nil {
		return nil, errNotDecoded
	}
	if current == nil {
		return nil, nil
	}
	if r.spare == nil {
		r.spare = new(ratchet.State)
	}
	if r.spare.UnmarshalBinary(current) != nil {
		return nil, errNotDecoded
	}
	r.spare.Expendable()
	return r.spare, nil
}

var errNotDecoded = fmt.Errorf("%w: failed to decode session record protobuf", ErrRecord)

// release forgets everything that r holds and keeps what it has allocated. The current session has
// been saved, or its changes are not wanted.
func (r *record) release() {
	if r.tx == nil {
		return // nothing yet
	}
	if r.spare != nil {
		r.spare.Release()
	}
	*r = record{spare: r.spare}
}

func (r *record) decode(b []byte) (*ratchet.State, error) {
	s := new(ratchet.State)
	if err := s.UnmarshalBinary(b); err != nil {
		return nil, err
	}
	s.SetAddresses(r.self, r.peer)
	s.Expendable()
	return s, nil
}

// save writes back what has changed. The current session always has, and is no longer at hand
// afterwards.
func (r *record) save() error {
	if r.damage != nil {
		if err := r.report(); err != nil {
			return err
		}
	}
	if err := r.saveCurrent(); err != nil {
		return err
	}
	if !r.archiveDirty {
		return nil
	}
	return r.tx.PutArchive(r.peer, r.archive)
}

func (r *record) saveCurrent() error {
	s := r.current
	r.current = nil
	switch {
	case s == nil:
		return r.tx.PutSession(r.peer, nil)
	case r.keeping == nil:
		return r.tx.PutSession(r.peer, s.Record())
	}
	return r.keeping.KeepSession(r.peer, keep(s))
}

// loadArchive reads the previous sessions. Those that do not decode are left out, and do not stand
// in the way of others.
func (r *record) loadArchive() error {
	if r.archiveLoaded {
		return nil
	}
	row, err := r.tx.Archive(r.peer)
	if err == nil {
		r.archive, err = sound(row)
	}
	if errors.Is(err, ErrRecord) {
		r.note("archive", row, err)
		r.archiveDirty, err = true, nil
	}
	r.archiveLoaded = err == nil
	return err
}

// empty reports whether there is no session at all.
func (r *record) empty() (bool, error) {
	if r.current != nil {
		return false, nil
	}
	err := r.loadArchive()
	return len(r.archive) == 0, err
}

// archiveCurrent puts the current session in front of the previous ones (protocol §7.2).
func (r *record) archiveCurrent() error {
	if r.current == nil {
		return nil
	}
	if err := r.loadArchive(); err != nil {
		return err
	}
	r.current.ClearPending()
	list := r.current.Archived()
	rest := r.archive
	for range maxArchived - 1 {
		if len(rest) == 0 {
			break
		}
		var err error
		if _, _, rest, err = wire.NextPrevious(rest); err != nil {
			return fmt.Errorf("%w: previous sessions", ErrRecord)
		}
	}
	r.archive = append(list, r.archive[:len(r.archive)-len(rest)]...)
	r.archiveDirty = true
	r.current = nil
	return nil
}

// promote makes s the current session.
func (r *record) promote(s *ratchet.State) error {
	if err := r.archiveCurrent(); err != nil {
		return err
	}
	r.current = s
	return nil
}

// A place is where a session was found: an entry of the previous ones, or no bytes for the current
// one.
type place struct {
	raw []byte
	at  int
}

// opens is called when s, which was found at p, has opened a message: that makes it the current
// session (protocol §7.3), unless it cannot send or is not with the installation that the current
// one is with. Then it is written back where it was.
func (r *record) opens(s *ratchet.State, p place) error {
	if len(p.raw) == 0 {
		return nil // it is the current one
	}
	stays := !s.MaySend()
	if !stays {
		var err error
		if stays, err = r.elsewhere(s); err != nil {
			return err
		}
	}
	before, after := r.archive[:p.at], r.archive[p.at+len(p.raw):]
	r.archiveDirty = true
	if stays {
		r.archive = append(append(bytes.Clone(before), s.Archived()...), after...)
		return nil
	}
	r.archive = append(append(make([]byte, 0, len(r.archive)-len(p.raw)), before...), after...)
	return r.promote(s)
}

// find looks for the session that a first message of this version and base key belongs to (protocol
// §7.5). It changes nothing; s is nil if there is none.
func (r *record) find(version uint8, base []byte) (s *ratchet.State, p place, err error) {
	matches := func(s *ratchet.State) bool {
		return s.Version() == uint32(version) && equal(s.BaseKey(), base)
	}
	if r.current != nil && matches(r.current) {
		return r.current, place{}, nil
	}
	if err := r.loadArchive(); err != nil {
		return nil, place{}, err
	}
	for rest := r.archive; len(rest) > 0; {
		if err := r.within.Look(); err != nil {
			return nil, place{}, err
		}
		b, raw, after, err := wire.NextPrevious(rest)
		if err != nil {
			return nil, place{}, fmt.Errorf("%w: failed to decode previous session protobuf", ErrRecord)
		}
		s, err := r.decode(b)
		if err != nil {
			return nil, place{}, fmt.Errorf("%w: failed to decode previous session protobuf", ErrRecord)
		}
		if matches(s) {
			return s, place{raw, len(r.archive) - len(rest)}, nil
		}
		rest = after
	}
	return nil, place{}, nil
}

// open decrypts the message on one session. One that only decrypts stays so.
func (r *record) open(s *ratchet.State, src *entropy.Source, m *wire.SignalMessage) ([]byte, error) {
	sends := s.MaySend()
	s.AcceptKeyless(r.keyless)
	plaintext, err := s.DecryptWithin(r.within, src, nil, m)
	if err != nil {
		return nil, err
	}
	if !sends {
		s.EndSending()
	}
	r.opened = s
	return plaintext, nil
}

// decrypt tries an ordinary message on the sessions in their order (protocol §7.3), all of them
// within r.within. A duplicate, or one whose key was given up, ends the trial; other failures look
// alike, but that one which cost too much may be tried with more steps.
func (r *record) decrypt(src *entropy.Source, m *wire.SignalMessage) (plaintext []byte, err error) {
	failed := errNoneOpens
	if r.current != nil && r.current.Version() == uint32(m.Version) {
		if plaintext, err = r.open(r.current, src, m); err == nil || old(err) {
			return plaintext, err
		}
		if errors.Is(err, ratchet.ErrSteps) {
			failed = err
		}
		r.current.Release()
		if err := r.begin(); err != nil { // the session was loaded, not made
			return nil, err
		}
	}
	if err := r.loadArchive(); err != nil {
		return nil, err
	}
	for rest := r.archive; len(rest) > 0; {
		if err := r.within.Look(); err != nil {
			return nil, err
		}
		b, raw, after, err := wire.NextPrevious(rest)
		if err != nil {
			break
		}
		s, err := r.decode(b)
		if err == nil && s.Version() == uint32(m.Version) {
			plaintext, err := r.open(s, src, m)
			if err == nil {
				return plaintext, r.opens(s, place{raw, len(r.archive) - len(rest)})
			}
			if old(err) {
				return nil, err
			}
			if errors.Is(err, ratchet.ErrSteps) {
				failed = err
			}
		}
		rest = after
	}
	return nil, r.notOpened(TypeSignal, failed)
}

// old reports whether a message is of a chain of the session that it was tried on, and behind what
// the chain keeps: no other session opens it.
func old(err error) bool {
	return errors.Is(err, ratchet.ErrDuplicate) || errors.Is(err, ratchet.ErrForgotten)
}

var errNoneOpens = errors.New("session: no session opens the message")

// notOpened is the error of a message that no session opened, err being that of the last one.
func (r *record) notOpened(t MessageType, err error) error {
	if ended := r.within.Look(); ended != nil {
		return ended
	}
	switch {
	case old(err):
		return err
	case errors.Is(err, ratchet.ErrSteps):
		return fmt.Errorf("%w: %w", invalid(t, "decryption failed"), ratchet.ErrSteps)
	}
	return invalid(t, "decryption failed")
}

// stale reports whether the session has waited too long for an answer to be used for sending. now
// is in milliseconds.
func stale(p *ratchet.Pending, now int64) bool {
	const max = 1 << 50 // seconds; beyond it the arithmetic below would overflow
	if p == nil || p.Timestamp > max {
		return false
	}
	return int64(p.Timestamp)*1000+staleAfter.Milliseconds() < now
}

// Archive ends the current session with peer: the next message to it needs a new Start. Messages of
// the archived session still decrypt, and one that does makes it current again.
func (d *Device) Archive(ctx context.Context, peer signet.Address) error {
	return d.update(ctx, peer, func(tx Tx) error { return d.archive(tx, peer) })
}

func (d *Device) archive(tx Tx, peer signet.Address) error {
	r, err := d.load(tx, peer)
	if err != nil || r.current == nil && r.damage == nil {
		return err
	}
	if err := r.archiveCurrent(); err != nil {
		return err
	}
	return r.save()
}

// Record returns the sessions with peer as an official RecordStructure (protocol §7.1), or nil if
// there are none. It holds secrets: whoever has it holds the conversation.
func (d *Device) Record(ctx context.Context, peer signet.Address) ([]byte, error) {
	var b []byte
	err := d.update(ctx, peer, func(tx Tx) error {
		current, err := tx.Session(peer)
		if err != nil {
			return err
		}
		previous, err := tx.Archive(peer)
		if err != nil {
			return err
		}
		b = append(bytes.Clone(wire.Official(current)), wire.Official(previous)...)
		return nil
	})
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return b, nil
}

// SetRecord replaces the sessions with peer by those of an official RecordStructure, and accepts
// the identity key that its current session names unless another is accepted already for peer's
// user, which is an *UntrustedIdentityError. Previous sessions with another key never count. The
// record must not be in use anywhere else: two writers of one session use message keys twice. Their
// first messages count as received: they do not open again once the sessions are gone, with the
// prekeys that are in the store by then. An empty record removes the sessions. b is not kept. The
// error for a record that does not decode is ErrRecord.
//
// What was lost where the record comes from is not known any more: messages more than 2000 behind
// the newest of a chain are ratchet.ErrForgotten, those among them that were decrypted too.
func (d *Device) SetRecord(ctx context.Context, peer signet.Address, b []byte) error {
	current, previous, err := wire.SplitRecord(wire.Foreign(b, maxSkipped))
	if err != nil {
		return errNotDecoded
	}
	previous = bytes.Clone(previous)
	return d.update(ctx, peer, func(tx Tx) error {
		r := &record{tx: tx, peer: peer, self: d.self, archive: previous, archiveDirty: true}
		r.keeping, _ = tx.(KeepingTx)
		if current == nil {
			return errors.Join(r.markAll(), r.save())
		}
		if r.current, err = r.decode(bytes.Clone(current)); err != nil {
			return errNotDecoded
		}
		remote, err := r.current.Remote()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
		if err := d.identify(tx, peer, remote); err != nil { // no record changes what is accepted
			return err
		}
		if err := d.met(tx, peer, remote); err != nil {
			return err
		}
		return errors.Join(r.markAll(), r.save())
	})
}
