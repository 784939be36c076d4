package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/x3dh"
)

// This file is what a message to many devices needs: one transaction for all of them.

// A ManyStore is a Store whose transactions can name many peers at once. It is optional: a Device uses
// it if its store has it.
type ManyStore interface {
	Store

	// UpdateAll is Update naming all of peers; one that is there twice counts once, and none at all
	// means the zero Address. It excludes every Update and UpdateAll that names one of them. All of it
	// commits or nothing. Where rows are far away, the sessions and identities of the peers are read in
	// one round trip and written in one, however many there are.
	UpdateAll(ctx context.Context, peers []signet.Address, f func(tx Tx) error) error
}

// An Outgoing is a plaintext for one peer.
type Outgoing struct {
	Peer      signet.Address
	Plaintext []byte
	// RegistrationID, if not zero, is the peer's as a directory gave it: a session made with another
	// one is with a device that is no more, and does not count. What a first message says of itself is
	// under no MAC and makes no difference: a session that the peer began is with the installation
	// that the directory named when EncryptAll was first called for it (decision 020).
	RegistrationID uint32
	// Exact is for callers that can fetch a bundle: a session that the peer began, and whose first message
	// claimed another id than RegistrationID, does not count. It may be with an installation that was replaced
	// before anything was sent to it; one new session is made rather than a message lost.
	Exact bool
}

// Format shows whom the plaintext is for, and how much it is, under every verb.
func (o Outgoing) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "session.Outgoing(%s, %d bytes)", o.Peer, len(o.Plaintext))
}

// LogValue is Format's for slog.
func (o Outgoing) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// A Sent is a message for one peer. RegistrationID is the one of Outgoing, or else the peer's when the
// session was made: the server that delivers the message compares it.
type Sent struct {
	Message
	Peer           signet.Address
	RegistrationID uint32
}

// A NoSessionError names all peers of an EncryptAll that there is no session to send on with: fetch a
// bundle of each and StartAll. It matches ErrNoSession.
type NoSessionError struct{ Peers []signet.Address }

func (e *NoSessionError) Error() string {
	names := make([]string, 0, 3)
	for i, p := range e.Peers {
		if i == cap(names) {
			return fmt.Sprintf("%v with %s and %d more", ErrNoSession, strings.Join(names, ", "), len(e.Peers)-i)
		}
		names = append(names, p.String())
	}
	return fmt.Sprintf("%v with %s", ErrNoSession, strings.Join(names, ", "))
}

// Is makes the error match ErrNoSession.
func (e *NoSessionError) Is(target error) bool { return target == ErrNoSession }

// EncryptAll is Encrypt for many peers: it returns a message for each of out, in their order, once all
// the advanced ratchets are durable. to, if not nil, runs in their transaction with the messages, so
// that the caller's own rows are kept only if every message may be sent.
//
// With a ManyStore all of it is one transaction. With another store the peers come one after another and
// to runs with the last of them. Then, if one fails, those before it have lost a message key each, as
// after a crash: no message is returned, and none of the keys is used again.
//
// The error is a *NoSessionError with all the peers that need a session, those with another identity than the
// accepted one among them, or ErrRecord. Plaintexts are not modified and not kept.
func (d *Device) EncryptAll(ctx context.Context, out []Outgoing, to func(Tx, []Sent) error) ([]Sent, error) {
	src := entropy.From(ctx)
	var sent []Sent
	if many, ok := d.store.(ManyStore); ok {
		err := d.updateNaming(ctx, many, peersOf(out), func(tx Tx) (err error) {
			if sent, err = d.encryptAll(ctx, tx, src, out); err != nil || to == nil {
				return err
			}
			return d.call(func() error { return to(tx, sent) })
		})
		if err != nil {
			return nil, err
		}
		return sent, nil
	}
	var missing []signet.Address
	for i := range out {
		var one []Sent
		err := d.update(ctx, out[i].Peer, func(tx Tx) (err error) {
			if one, err = d.encryptAll(ctx, tx, src, out[i:i+1]); err != nil || to == nil || i < len(out)-1 || missing != nil {
				return err
			}
			return d.call(func() error { return to(tx, append(sent[:i:i], one...)) })
		})
		switch {
		case errors.Is(err, ErrNoSession):
			missing = append(missing, out[i].Peer)
		case err != nil:
			return nil, err
		default:
			sent = append(sent, one...)
		}
	}
	if missing != nil {
		return nil, &NoSessionError{missing}
	}
	return sent, nil
}

func peersOf(out []Outgoing) []signet.Address {
	peers := make([]signet.Address, len(out))
	for i := range out {
		peers[i] = out[i].Peer
	}
	return peers
}

func (d *Device) encryptAll(ctx context.Context, tx Tx, src *entropy.Source, out []Outgoing) ([]Sent, error) {
	now := d.opts.Now()
	clock := func() time.Time { return now }
	sent := make([]Sent, 0, len(out))
	var missing []signet.Address
	var r record
	for i := range out {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		o := &out[i]
		if err := d.loadInto(&r, tx, o.Peer); err != nil {
			return nil, fmt.Errorf("session: message to %s: %w", o.Peer, err)
		}
		if err := r.register(o, true); err != nil {
			return nil, fmt.Errorf("session: message to %s: %w", o.Peer, err)
		}
		sends, err := r.sends(o.RegistrationID, now.UnixMilli()), error(nil)
		if sends && missing != nil { // only to find the others
			sends, err = d.agrees(&r)
		}
		var m Message
		if sends && missing == nil && err == nil {
			m, err = r.encrypt(d, src, o.Plaintext, clock)
		}
		if !sends || errors.Is(err, ErrNoSession) {
			missing = append(missing, o.Peer)
			continue
		}
		if err == nil && missing != nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("session: message to %s: %w", o.Peer, err)
		}
		_, remote := r.current.RegistrationIDs()
		if err := r.save(); err != nil {
			return nil, err
		}
		sent = append(sent, Sent{m, o.Peer, remote})
	}
	if missing != nil {
		return nil, &NoSessionError{missing}
	}
	return sent, nil
}

// sends reports whether the current session can send, to this installation of the peer if it is not
// zero.
func (r *record) sends(registration uint32, now int64) bool {
	if r.current == nil {
		return false
	}
	_, remote := r.current.RegistrationIDs()
	pending, _ := r.current.Pending()
	return !stale(pending, now) && (registration == 0 || registration == remote)
}

// Missing returns those peers of out that there is no session to send on with: what EncryptAll would
// fail for. It reads no plaintext and changes nothing.
func (d *Device) Missing(ctx context.Context, out []Outgoing) (missing []signet.Address, err error) {
	err = d.updateAll(ctx, peersOf(out), func(tx Tx) error {
		missing = nil
		now := d.opts.Now().UnixMilli()
		var r record
		for _, o := range out {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := d.loadInto(&r, tx, o.Peer); err != nil {
				return fmt.Errorf("session: message to %s: %w", o.Peer, err)
			}
			if err := r.register(&o, false); err != nil {
				return fmt.Errorf("session: message to %s: %w", o.Peer, err)
			}
			agrees, err := d.agrees(&r)
			if err != nil {
				return fmt.Errorf("session: message to %s: %w", o.Peer, err)
			}
			if !agrees || !r.sends(o.RegistrationID, now) {
				missing = append(missing, o.Peer)
			}
			r.release()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return missing, nil
}

// updateAll runs f, which only reads, over many peers.
func (d *Device) updateAll(ctx context.Context, peers []signet.Address, f func(Tx) error) error {
	if many, ok := d.store.(ManyStore); ok {
		return d.updateNaming(ctx, many, peers, f)
	}
	return d.update(ctx, signet.Address{}, f)
}

// A Contact is a peer and its bundle.
type Contact struct {
	Peer   signet.Address
	Bundle *x3dh.Bundle
}

// StartAll is Start for many peers. with, if not nil, runs in the transaction of each session, before
// it is made; an error of it is returned. With a ManyStore all sessions begin in one transaction or none
// does, and also names more peers for with to read; with another store the sessions that began before
// an error stay.
func (d *Device) StartAll(ctx context.Context, contacts []Contact, also []signet.Address, with func(Tx, Contact) error) error {
	peers := make([]signet.Address, 0, len(contacts)+len(also))
	for _, c := range contacts {
		if c.Bundle.Version() < x3dh.VersionPQXDH && !d.opts.AllowX3DH {
			return fmt.Errorf("%w: the bundle of %s has no KEM prekey", ErrVersion, c.Peer)
		}
		peers = append(peers, c.Peer)
	}
	src := entropy.From(ctx)
	start := func(tx Tx, c Contact) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if with != nil {
			if err := d.call(func() error { return with(tx, c) }); err != nil {
				return err
			}
		}
		return d.start(tx, src, c.Peer, c.Bundle)
	}
	if many, ok := d.store.(ManyStore); ok {
		return d.updateNaming(ctx, many, append(peers, also...), func(tx Tx) error {
			for _, c := range contacts {
				if err := start(tx, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, c := range contacts {
		if err := d.update(ctx, c.Peer, func(tx Tx) error { return start(tx, c) }); err != nil {
			return err
		}
	}
	return nil
}
