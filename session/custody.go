package session

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/x3dh"
)

// This file is the door for notices of custody: who besides the two ends holds keys of a
// conversation. What a notice is and what follows from it is not known here; [Notices] does, and is
// told what only a session knows.

// A CustodyState is what can be said about the custody of a conversation. The zero value is
// CustodyUnknown.
type CustodyState uint8

// The states. Only one of them says that nobody else reads.
const (
	CustodyUnknown      CustodyState = iota // nothing is proved
	CustodyE2EE                             // no grant is on record and nothing contradicts that
	CustodyManaged                          // others can do what Custody.By says
	CustodyChanged                          // it has changed, and the change is not acknowledged
	CustodyRevoked                          // it has ended, and what was handed over may still work
	CustodyExpired                          // the last notice was not renewed
	CustodyContradicted                     // the business, or its log, or a message contradicts the notices
)

// String returns the word for the state: "e2ee", "managed" and so on.
func (s CustodyState) String() string {
	names := [...]string{"unknown", "e2ee", "managed", "changed", "revoked", "expired", "contradicted"}
	if int(s) >= len(names) {
		return names[CustodyUnknown]
	}
	return names[s]
}

// A Custody is what to show about the custody of a conversation. The zero Custody is "unknown". It
// holds no secrets.
type Custody struct {
	State           CustodyState
	By              []CustodyHolder // who can do what, as far as verified notices say so, whatever the state
	English, French string          // the state in words
	// Acknowledge is whether the user has a change to take note of: Device.AcknowledgeCustody.
	Acknowledge bool
	// Statement names the notice in force; zero if there is none.
	Statement [32]byte
}

// A CustodyHolder is who can do something to a conversation: one provider, or several together.
type CustodyHolder struct {
	Names    []string
	Can      []string // verbs, such as "read-customer" and "write"
	Quota    uint64   // if not zero, it writes at most so many messages
	Former   bool     // its mandate has ended, and what it had may still work
	Operator bool     // it carries the messages, too
}

// A Conversation is one that notices speak about, as the session has it.
type Conversation struct {
	Peer, Self   signet.Address
	PeerIdentity signet.PublicKey // the accepted one; zero before first contact
	Identity     signet.PublicKey // our own
	Version      uint32           // of the current session, or the lowest that one can have
	Now          time.Time
}

// A Received is a message that was decrypted. Its slices are the caller's: they are neither kept
// nor modified.
type Received struct {
	Conversation
	Plaintext  []byte
	Base       []byte // base key of the session that opened it
	RatchetKey []byte // names the chain of the peer
	Counter    uint32 // of the message in its chain
	Previous   uint32 // the counter of the last message of the peer's chain before
	Next       uint32 // the counter after the greatest one that has come in the chain
	Newest     bool   // it is on the newest of the peer's chains in that session
	Revived    bool   // a previous session opened it
}

// Notices judges the custody of conversations: Options.Custody.
// [signet.example/signet/custodian/notice.Watch] does. Its methods run inside the transaction of
// what they are told of, and keep what they know in rows of tx (Value, PutValue): it commits with
// the session or not at all. Like all that runs in a transaction, they may run again and have no
// effect outside it. A Notices is safe for concurrent use. An error ends the operation and keeps
// nothing.
type Notices interface {
	// Received is told of every decrypted message. If it is a notice and not a text, the result is not
	// nil and Decrypt returns it as its error, after the commit.
	Received(ctx context.Context, tx Tx, m *Received) (*NoticeError, error)
	// Hear takes a notice that came another way than in the conversation.
	Hear(ctx context.Context, tx Tx, c *Conversation, notice []byte) (*NoticeError, error)
	// Refresh asks for notices that were published and have not come.
	Refresh(ctx context.Context, tx Tx, c *Conversation) (*NoticeError, error)
	// Show says what to show, and changes nothing.
	Show(tx Tx, c *Conversation) (Custody, error)
	// Acknowledge takes note that the user was shown a statement.
	Acknowledge(tx Tx, c *Conversation, statement [32]byte) error
	// Barrier is told that all sessions with the peer were replaced by a fresh one, and whether one of
	// them could begin again from its first message.
	Barrier(tx Tx, c *Conversation, replayable bool) error
}

// A NoticeError says that a message was a notice about custody and not a text: there is nothing to
// show but the state. Unlike with other errors, the message is consumed and everything is stored.
type NoticeError struct {
	Peer    signet.Address
	Custody Custody // what to show now
	// Reply is to be sent to the peer with Encrypt, nil if there is nothing to answer. If it is lost,
	// the peer sends its notice again and there is another.
	Reply   []byte
	Refused error  // why the notice was not accepted, nil if it was
	Notice  []byte // as it came; Device.HearNotice takes it again, if a log could not be reached
}

// Error says whose notice it was, and why it was refused if it was.
func (e *NoticeError) Error() string {
	text := "session: a notice about custody from " + e.Peer.String()
	if e.Refused != nil {
		return text + ": " + e.Refused.Error()
	}
	return text
}

// GoString is Error: a notice holds what is not for everybody.
func (e *NoticeError) GoString() string { return e.Error() }

// Unwrap returns Refused.
func (e *NoticeError) Unwrap() error { return e.Refused }

// RowSightings begins the names of the rows (Tx.Value) in which a Notices keeps what it has seen,
// and which a [Rewind] leaves out: without them, what it knows is from before a restore.
const RowSightings = "custody-seen/"

// conversation describes the one with peer, whose current session is s, nil for none.
func (d *Device) conversation(peer signet.Address, identity, own signet.PublicKey, s *ratchet.State) Conversation {
	c := Conversation{
		Peer: peer, Self: d.self, PeerIdentity: identity, Identity: own,
		Version: x3dh.VersionPQXDH, Now: d.opts.Now(),
	}
	switch {
	case s != nil:
		c.Version = s.Version()
	case d.opts.AllowX3DH:
		c.Version--
	}
	return c
}

// custodyOf runs f in a transaction on the conversation with peer.
func (d *Device) custodyOf(ctx context.Context, peer signet.Address, f func(Tx, *Conversation) error) error {
	if d.opts.Custody == nil {
		return nil
	}
	return d.update(ctx, peer, func(tx Tx) error {
		r, err := d.load(tx, peer)
		if err != nil {
			return err
		}
		identity, _, err := d.accepted(tx, peer)
		if err != nil {
			return err
		}
		if agrees, err := d.agrees(r); err != nil {
			return err
		} else if !agrees {
			r.current = nil // a session with another identity says nothing about this conversation
		}
		c := d.conversation(peer, identity, d.id.PublicKey(), r.current)
		r.release()
		return f(tx, &c)
	})
}

// Custody returns what to show about the custody of the conversation with peer. Without
// Options.Custody it is the zero Custody.
func (d *Device) Custody(ctx context.Context, peer signet.Address) (show Custody, err error) {
	err = d.custodyOf(ctx, peer, func(tx Tx, c *Conversation) (err error) {
		show, err = d.opts.Custody.Show(tx, c)
		return err
	})
	if err != nil {
		return Custody{}, err
	}
	return show, nil
}

// RefreshCustody is Custody after the log of notices was asked for those that have not come. The
// transaction is open while the log is asked. A *NoticeError is what was wrong with the log; it
// comes with what to show.
func (d *Device) RefreshCustody(ctx context.Context, peer signet.Address) (Custody, error) {
	n := new(NoticeError)
	err := d.custodyOf(ctx, peer, func(tx Tx, c *Conversation) (err error) {
		n, err = d.opts.Custody.Refresh(ctx, tx, c)
		return err
	})
	switch {
	case err != nil:
		return Custody{}, err
	case n.Refused != nil:
		return n.Custody, n
	}
	return n.Custody, nil
}

// AcknowledgeCustody takes note that the user has seen a change. If another notice has come since
// seen was shown, its change is still to be acknowledged.
func (d *Device) AcknowledgeCustody(ctx context.Context, peer signet.Address, seen Custody) error {
	return d.custodyOf(ctx, peer, func(tx Tx, c *Conversation) error {
		return d.opts.Custody.Acknowledge(tx, c, seen.Statement)
	})
}

// HearNotice takes a notice about the custody of the conversation with peer that came another way
// than in it: beside a bundle, or from another customer. The error is a *NoticeError if the notice
// was refused, which may have changed the state; ErrNoCustody without Options.Custody.
func (d *Device) HearNotice(ctx context.Context, peer signet.Address, notice []byte) (reply []byte, err error) {
	if d.opts.Custody == nil {
		return nil, ErrNoCustody
	}
	var n *NoticeError
	err = d.custodyOf(ctx, peer, func(tx Tx, c *Conversation) (err error) {
		n, err = d.opts.Custody.Hear(ctx, tx, c, notice)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case n != nil && n.Refused != nil:
		return nil, n
	case n != nil:
		reply = n.Reply
	}
	return reply, nil
}

// Barrier ends what somebody may still do who once held sessions with peer (custody B6): it deletes
// all of them, previous ones too, and makes a fresh one from the peer's bundle, in one transaction.
// Messages on their way in the old sessions are lost. The errors are Start's; on error nothing has
// changed.
func (d *Device) Barrier(ctx context.Context, peer signet.Address, b *x3dh.Bundle) error {
	if b.Version() < x3dh.VersionPQXDH && !d.opts.AllowX3DH {
		return fmt.Errorf("%w: the bundle has no KEM prekey", ErrVersion)
	}
	src := entropy.From(ctx)
	return d.update(ctx, peer, func(tx Tx) error {
		if err := d.beginWith(tx, peer, b.Identity()); err != nil {
			return err
		}
		r, err := d.load(tx, peer)
		if err != nil {
			return err
		}
		replayable, err := r.forget()
		if err != nil {
			return err
		}
		if r.current, err = d.initiate(tx, src, peer, b); err != nil {
			return err
		}
		c := d.conversation(peer, b.Identity(), d.id.PublicKey(), r.current)
		if err := r.save(); err != nil || d.opts.Custody == nil {
			return err
		}
		return d.opts.Custody.Barrier(tx, &c, replayable && d.opts.AllowX3DH)
	})
}

// forget removes all sessions. It reports whether the peer could begin one of them again from its
// first message: of version 3, if it began before such first messages were marked (decision 020),
// or one that is no longer here to be seen.
func (r *record) forget() (replayable bool, err error) {
	if err := r.loadArchive(); err != nil {
		return false, err
	}
	replayable = r.current != nil && r.current.Version() < x3dh.VersionPQXDH
	n := 0
	for rest := r.archive; len(rest) > 0; n++ {
		var b []byte
		if b, _, rest, err = wire.NextPrevious(rest); err != nil {
			break
		}
		s, err := r.decode(b)
		replayable = replayable || err != nil || s.Version() < x3dh.VersionPQXDH
	}
	r.archive, r.archiveDirty, r.current = nil, true, nil
	return replayable || err != nil || n >= maxArchived, nil
}

// watched is the end of a decryption whose custody somebody watches; was is the session that was
// the current one before.
func (o *receiving) watched(tx Tx, was *ratchet.State) error {
	r, m := &o.r, &o.in.message
	remote, err := r.opened.Remote()
	if err != nil {
		return recordError(err)
	}
	local, err := r.opened.Local() // ours, and nothing has to be computed for it
	if err != nil {
		return recordError(err)
	}
	key := m.RatchetKey[:signet.PublicKeySize] // more is not read
	next, newest := r.opened.Received(key)
	heard := &Received{
		Conversation: o.d.conversation(o.peer, remote, local, r.opened),
		Plaintext:    o.plaintext,
		Base:         bytes.Clone(r.opened.BaseKey()), RatchetKey: key,
		Counter: m.Counter, Previous: m.PreviousCounter,
		Next: next, Newest: newest, Revived: o.left < 0 && r.opened != was,
	}
	if err := r.save(); err != nil {
		return err
	}
	if o.notice, err = o.d.opts.Custody.Received(o.ctx, tx, heard); err != nil || o.notice != nil || o.to == nil {
		return err
	}
	return o.d.call(func() error { return o.to(tx, o.plaintext) })
}
