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
)

// This file is what a message to many devices needs: one transaction for all of them.

// A ManyStore is a Store whose transactions can name many peers at once. It is optional: a Device
// uses it if its store has it.
type ManyStore interface {
	Store

	// UpdateAll is Update naming all of peers; one that is there twice counts once, and none at all
	// means the zero Address. It excludes every Update and UpdateAll that names one of them. All of it
	// commits or nothing. Where rows are far away, the sessions and identities of the peers are read
	// in one round trip and written in one, however many there are.
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
	// Exact is for callers that can fetch a bundle: a session that the peer began, and whose first
	// message claimed another id than RegistrationID, does not count. It may be with an installation
	// that was replaced before anything was sent to it; one new session is made rather than a message
	// lost.
	Exact bool
}

// Format shows whom the plaintext is for, and how much it is, under every verb.
func (o Outgoing) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "session.Outgoing(%s, %d bytes)", o.Peer, len(o.Plaintext))
}

// LogValue is Format's for slog.
func (o Outgoing) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// A Sent is a message for one peer. RegistrationID is the one of Outgoing, or else the peer's when
// the session was made: the server that delivers the message compares it.
type Sent struct {
	Message
	Peer           signet.Address
	RegistrationID uint32
}

// A NoSessionError names all peers of an EncryptAll that there is no session to send on with: fetch
// a bundle of each and StartAll. It matches ErrNoSession.
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

// EncryptAll is Encrypt for many peers: it returns a message for each of out, in their order, once
// all the advanced ratchets are durable. to, if not nil, runs in their transaction with the
// messages, so that the caller's own rows are kept only if every message may be sent.
//
// With a ManyStore all of it is one transaction. With another store the peers come one after
// another and to runs with the last of them. Then, if one fails, those before it have lost a
// message key each, as after a crash: no message is returned, and none of the keys is used again.
//
// The error is a *NoSessionError with all the peers that need a session, those with another
// identity than the accepted one among them, or ErrRecord. Plaintexts are not modified and not
// kept. EncryptEach leaves such peers out.
func (d *Device) EncryptAll(ctx context.Context, out []Outgoing, to func(Tx, []Sent) error) ([]Sent, error) {
	sent, failed, err := d.encryptMany(ctx, out, to)
	if err == nil {
		err = asWhole(failed)
	}
	if err != nil {
		return nil, err
	}
	return sent, nil
}

// encryptMany is EncryptAll that says of each peer that fails why. If one does, nothing is sent.
func (d *Device) encryptMany(ctx context.Context, out []Outgoing, to func(Tx, []Sent) error) (sent []Sent, failed []LeftOut, err error) {
	src := entropy.From(ctx)
	if many, ok := d.store.(ManyStore); ok {
		var whole error
		err := d.updateNaming(ctx, many, peersOf(out), func(tx Tx) (err error) {
			whole = nil
			if sent, failed, err = d.encryptAll(ctx, tx, src, out); err != nil {
				return err
			}
			if whole = asWhole(failed); whole != nil || to == nil {
				return whole
			}
			return d.call(func() error { return to(tx, sent) })
		})
		if err != nil && (whole == nil || !errors.Is(err, whole)) {
			return nil, nil, err
		}
		return sent, failed, nil
	}
	for i := range out {
		var one []Sent
		var bad []LeftOut
		var whole error
		err := d.update(ctx, out[i].Peer, func(tx Tx) (err error) {
			whole = nil
			if one, bad, err = d.encryptAll(ctx, tx, src, out[i:i+1]); err != nil {
				return err
			}
			if whole = asWhole(bad); whole != nil || to == nil || i < len(out)-1 || failed != nil {
				return whole
			}
			return d.call(func() error { return to(tx, append(sent[:i:i], one...)) })
		})
		switch {
		case whole != nil && errors.Is(err, whole):
			failed = append(failed, bad...)
		case err != nil:
			return nil, nil, err
		default:
			sent = append(sent, one...)
		}
	}
	return sent, failed, nil
}

func peersOf(out []Outgoing) []signet.Address {
	peers := make([]signet.Address, len(out))
	for i := range out {
		peers[i] = out[i].Peer
	}
	return peers
}

// encryptAll is encryptMany in a transaction, which has to fail if a peer does.
func (d *Device) encryptAll(ctx context.Context, tx Tx, src *entropy.Source, out []Outgoing) (sent []Sent, failed []LeftOut, err error) {
	now := d.opts.Now()
	sent = make([]Sent, 0, len(out))
	var r record
	for i := range out {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		o := &out[i]
		one, err := d.encryptOne(tx, src, &r, o, now, failed == nil)
		switch {
		case ofPeer(err):
			if !errors.Is(err, ErrNoSession) {
				err = fmt.Errorf("session: message to %s: %w", o.Peer, err)
			}
			failed = append(failed, LeftOut{o.Peer, err})
		case err != nil:
			return nil, nil, fmt.Errorf("session: message to %s: %w", o.Peer, err)
		default:
			sent = append(sent, one)
		}
	}
	if failed != nil {
		return nil, failed, nil
	}
	return sent, nil, nil
}

// encryptOne is encryptAll for one peer. If really is false it only says whether the peer would
// fail.
func (d *Device) encryptOne(tx Tx, src *entropy.Source, r *record, o *Outgoing, now time.Time, really bool) (one Sent, err error) {
	if err := d.loadInto(r, tx, o.Peer); err != nil {
		return one, err
	}
	if err := r.register(o, really); err != nil {
		return one, err
	}
	sends := r.sends(o.RegistrationID, now.UnixMilli())
	if sends && !really {
		if sends, err = d.agrees(r); err != nil {
			return one, err
		}
	}
	if !sends {
		return one, r.noSession()
	}
	if !really {
		return one, nil
	}
	m, err := r.encrypt(d, src, o.Plaintext, func() time.Time { return now })
	if err != nil {
		return one, err
	}
	_, remote := r.current.RegistrationIDs()
	return Sent{m, o.Peer, remote}, r.save()
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

// Missing returns those peers of out that there is no session to send on with: what EncryptAll
// would fail for, those with a damaged record among them. It reads no plaintext and changes
// nothing.
func (d *Device) Missing(ctx context.Context, out []Outgoing) (missing []signet.Address, err error) {
	err = d.updateAll(ctx, peersOf(out), func(tx Tx) error {
		missing = nil
		now := d.opts.Now()
		var r record
		for i := range out {
			if err := ctx.Err(); err != nil {
				return err
			}
			_, err := d.encryptOne(tx, nil, &r, &out[i], now, false)
			if ofPeer(err) {
				missing = append(missing, out[i].Peer)
			} else if err != nil {
				return fmt.Errorf("session: message to %s: %w", out[i].Peer, err)
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
