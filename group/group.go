// Package group encrypts for a group with sender keys (sealed-groups §10): every member
// hands the others a chain key and a signing key, each over the sessions it has with them, and then
// encrypts a message once for all of them.
//
// A [Channel] is one member's end of one group. Its sender keys are rows of the device's store,
// beside the sessions: [Channel.Encrypt] returns a message only after the advanced chain is
// durable, and [Channel.Decrypt] a plaintext only after the key that opened it is gone. No message
// key is used twice, even after a crash; style and promise are those of package session.
//
// # Who can do what
//
// A message is signed by its sender, so members cannot write in each other's name, and the
// signature is checked before anything else is computed. The chain only runs forward: whoever
// learns a sender key, as a new member does or a thief, reads all that follows and nothing from
// before. It does not heal by itself as a session does: [Channel.Rotate] when a member leaves, and
// from time to time.
//
// # What this package does not know
//
// It does not know who is a member, which members have a sender key already, or how messages
// travel. Whom a distribution comes from is what the session that carried it says.
//
// # Concurrency
//
// A Channel has no state of its own, the last signing key aside, and is safe for concurrent use.
// Operations on the sender keys of one sender run one after another, in the store, and with those
// on its session.
//
// # Compatibility
//
// NewChannel speaks Signal's wire, and NewWhatsAppChannel the older one of WhatsApp-class peers.
// The stored form of both is the official SenderKeyRecordStructure.
package group

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/reentry"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// A Store is a session.Store whose transactions keep sender keys, too: what Update hands to its
// function implements Tx. Every store of this module does; storetest.RunGroup is that part of the
// contract as a test. One Update serves both, so that a transaction can hold a session's step and a
// group's.
type Store interface{ session.Store }

// A Tx is a transaction that reaches sender keys. What session.Tx says of reads, writes and slices
// goes for these rows as well.
type Tx interface {
	session.Tx
	// SenderKey returns the record of a sender in a group: an official SenderKeyRecordStructure,
	// typically 0.1 to 0.3 kB, at most some 400 kB with five states full of skipped keys. The group is
	// the text of a DistributionID, or WhatsApp's name for it; to a store it is opaque.
	SenderKey(sender signet.Address, group string) ([]byte, error)
	// PutSenderKey replaces that record. An empty record deletes the row.
	PutSenderKey(sender signet.Address, group string, record []byte) error
	// SenderKeys lists the groups in which there is a row of sender, in ascending order. What is
	// listed counts as read.
	SenderKeys(sender signet.Address) iter.Seq2[string, error]
}

// Errors that a caller can act on. A message that was decrypted before is ratchet.ErrDuplicate, one
// that was not and cannot be any more ratchet.ErrForgotten; one that does not parse or decrypt is
// session.ErrInvalidMessage or session.ErrVersion.
var (
	// ErrNoSenderKey is a message of a sender whose distribution was not joined, or an encryption
	// before the first Distribution. The remedy is to ask the sender for its distribution, see
	// session.DecryptionErrorMessage.
	ErrNoSenderKey = errors.New("group: missing sender key state")
	// ErrSignature is a message that its sender did not write.
	ErrSignature = errors.New("group: invalid signature detected")
	// ErrRecord is a stored sender key that is damaged, or another's where the own one is needed.
	// ErrNoSenderKey is beside it: a fresh distribution takes its place.
	ErrRecord = errors.New("group: invalid sender key session")
)

// invalid is session.ErrInvalidMessage in the words of the official client.
func invalid(what string) error {
	return fmt.Errorf("%w: invalid SenderKey message: %s", session.ErrInvalidMessage, what)
}

// Options adjusts a Channel. The zero value works.
type Options struct {
	// Wrap makes of a distribution message the plaintext that carries it to a member in the
	// application's own format, as Share and Rotate send it. Nil sends the bare message.
	Wrap func(distribution []byte) []byte
	// Device says which identity is accepted for a sender. Nil is the rule for users over the
	// channel's store, and for NewWhatsAppChannel that for devices; it is needed if
	// session.Options.DeviceIdentities says otherwise.
	Device *session.Device
}

// A Channel is one device's end of one group. It is safe for concurrent use.
type Channel struct {
	self   signet.Address
	id     DistributionID // zero where messages are not named
	name   string         // of the group, in the store
	format *format
	store  Store
	opts   Options
	signer signer

	identities *session.Device // nothing but who is accepted
}

// NewChannel returns the Channel of the device self in the group with this distribution id. The
// store is the device's. Nil opts means the defaults.
func NewChannel(self signet.Address, id DistributionID, store Store, opts *Options) *Channel {
	c := newChannel(self, id.String(), store, opts, false)
	c.id, c.format = id, signal
	return c
}

// NewWhatsAppChannel is NewChannel for the older wire: the messages do not name the group, fields
// are numbered one lower, and a chain is advanced by at most 2000 messages at once
// (sealed-groups §10.6). The group is any string on which the device keeps its rows.
func NewWhatsAppChannel(self signet.Address, group string, store Store, opts *Options) *Channel {
	c := newChannel(self, group, store, opts, true)
	c.format = whatsApp
	return c
}

func newChannel(self signet.Address, name string, store Store, opts *Options, devices bool) *Channel {
	c := &Channel{self: self, name: name, store: store}
	if opts != nil {
		c.opts = *opts
	}
	c.identities = identities(self, store, &c.opts, devices)
	return c
}

// String names the channel and shows nothing else.
func (c *Channel) String() string { return "group.Channel(" + c.name + ")" }

// Format is String under every verb: the store holds keys.
func (c *Channel) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// begin runs f in a transaction on the store, outside those that run already.
func (c *Channel) begin(ctx context.Context, peer signet.Address, f func(session.Tx) error) error {
	if reentry.Inside(c.store) {
		return session.ErrInTransaction
	}
	return c.store.Update(ctx, peer, f)
}

// update runs f with the record of sender.
func (c *Channel) update(ctx context.Context, sender signet.Address, f func(tx Tx, row []byte) error) error {
	return c.begin(ctx, sender, func(tx session.Tx) error { return c.with(tx, sender, f) })
}

func (c *Channel) with(tx session.Tx, sender signet.Address, f func(tx Tx, row []byte) error) error {
	t, ok := tx.(Tx)
	if !ok {
		return fmt.Errorf("group: the store keeps no sender keys: %T is not a group.Tx", tx)
	}
	row, err := t.SenderKey(sender, c.name)
	if errors.Is(err, session.ErrRecord) {
		row, err = unreadable, nil
	}
	if err != nil {
		return err
	}
	return f(t, row)
}

// unreadable stands for a row that the store has and cannot give. It does not parse.
var unreadable = []byte{0xff}

// setAside is what becomes of a damaged record when another takes its place.
func (c *Channel) setAside(tx Tx, sender signet.Address, row []byte, err error) error {
	e := &session.DamagedError{Peer: sender, Row: "sender key of " + c.name, Err: err}
	return c.identities.SetAside(tx, e, row)
}

// unusable is ErrNoSenderKey for a record that is damaged: what helps is the same.
func (c *Channel) unusable(err error) error {
	if errors.Is(err, ErrRecord) {
		return fmt.Errorf("%w: %w", c.missing(), err)
	}
	return err
}

// missing is ErrNoSenderKey with the name of the group.
func (c *Channel) missing() error {
	return fmt.Errorf("%w for distribution ID %s", ErrNoSenderKey, c.name)
}

// Distribution returns what the other members Join: the own sender key as it is now, at most 100
// bytes, secret ones. It makes the sender key if there is none. Who joins it reads the messages
// that follow. Whom it is for is not known here, so that any change of an identity ends the key
// (ErrIdentityChanged); Share knows. The error is ErrIdentityChanged for a key that was ended.
func (c *Channel) Distribution(ctx context.Context) ([]byte, error) { return c.distribute(ctx, nil) }

// distribute is Distribution for these, or for somebody if there are none.
func (c *Channel) distribute(ctx context.Context, to []signet.Address) ([]byte, error) {
	var b []byte
	src := entropy.From(ctx)
	err := c.update(ctx, c.self, func(tx Tx, row []byte) (err error) {
		fresh := row == nil
		if _, err := describe(row, c.id); !fresh && errors.Is(err, ErrRecord) {
			if err := c.setAside(tx, c.self, row, err); err != nil {
				return err
			}
			fresh = true
		}
		if fresh {
			row = newRecord(src)
			if err := tx.PutSenderKey(c.self, c.name, row); err != nil {
				return err
			}
		}
		if err := c.mayEncrypt(row); err != nil {
			return err
		}
		if b, err = c.describe(row); err != nil {
			return err
		}
		return c.give(tx, fresh, to)
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (c *Channel) describe(row []byte) ([]byte, error) {
	d, err := describe(row, c.id)
	if err != nil {
		return nil, err
	}
	return c.format.appendDistribution(make([]byte, 0, 112), &d), nil
}

// Renew replaces the own sender key by a new one and returns its distribution. Messages encrypted
// from now on are readable for those who join it, and for nobody else; late messages of the old key
// stay readable for those who had that. Rotate does this and hands it out.
func (c *Channel) Renew(ctx context.Context) ([]byte, error) { return c.renew(ctx, nil) }

// renew is Renew for these, or for somebody if there are none.
func (c *Channel) renew(ctx context.Context, to []signet.Address) ([]byte, error) {
	var b []byte
	src := entropy.From(ctx)
	err := c.update(ctx, c.self, func(tx Tx, _ []byte) (err error) {
		row := newRecord(src)
		if b, err = c.describe(row); err != nil {
			return err
		}
		if err := tx.PutSenderKey(c.self, c.name, row); err != nil {
			return err
		}
		return c.give(tx, true, to)
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Join accepts the sender key of another member from its distribution message, which the member's
// session has carried. A key that is known already moves forward to a message that is ahead, which
// lets a member go on that has missed more than a chain may be advanced at once; an old message
// rewinds nothing. Up to 25 000 messages in between the keys of the last 2000 are kept; further
// ahead, none. The last five keys of a sender are kept; one that was dropped, or forgotten, and is
// joined again opens its messages again, so take distribution messages from sessions alone, which
// deliver nothing twice. The key is believed as long as the identity that is accepted for from now
// stays the accepted one. The message is not kept. The error is session.ErrInvalidMessage or
// session.ErrVersion for a message that does not parse, is of another group, or is not of the chain
// that its key is known with. A damaged record counts as none.
func (c *Channel) Join(ctx context.Context, from signet.Address, distribution []byte) error {
	return c.begin(ctx, from, func(tx session.Tx) error { return c.JoinIn(tx, from, distribution) })
}

// JoinIn is Join in a transaction that runs already: in the function given to session.Device's
// DecryptTo, so that the session's step and the sender key it brought commit together.
func (c *Channel) JoinIn(tx session.Tx, from signet.Address, distribution []byte) error {
	d, err := c.format.parseDistribution(distribution)
	if err != nil {
		return err
	}
	if d.id != c.id {
		return fmt.Errorf("%w: it is of distribution ID %s", session.ErrInvalidMessage, d.id)
	}
	if from == c.self { // it would take the place of the own key and cannot sign
		return fmt.Errorf("%w: the own sender key does not come from outside", session.ErrInvalidMessage)
	}
	return c.with(tx, from, func(tx Tx, row []byte) error {
		identity, err := c.deliverer(tx, from)
		if err != nil {
			return err
		}
		next, err := join(row, &d, identity)
		if errors.Is(err, ErrRecord) {
			if err := c.setAside(tx, from, row, err); err != nil {
				return err
			}
			next, err = join(nil, &d, identity)
		}
		if err != nil {
			return err
		}
		return tx.PutSenderKey(from, c.name, next)
	})
}

// Forget removes the sender keys of a member who left. Its messages that are still under way will
// be ErrNoSenderKey.
func (c *Channel) Forget(ctx context.Context, from signet.Address) error {
	return c.update(ctx, from, func(tx Tx, _ []byte) error { return tx.PutSenderKey(from, c.name, nil) })
}

// Encrypt returns the message that carries plaintext to everyone who joined the own Distribution.
// It returns only after the advanced chain is durable: a crash can lose the message and cannot
// reuse its key. plaintext is not modified and not kept; it is padded to the next multiple of 16
// bytes, which tells its length. A message is some 100 bytes longer.
//
// The error is ErrNoSenderKey before the first Distribution, ErrIdentityChanged, or ErrRecord.
func (c *Channel) Encrypt(ctx context.Context, plaintext []byte) ([]byte, error) {
	return c.EncryptTo(ctx, plaintext, nil)
}

// EncryptTo is Encrypt with a transaction shared: to, if not nil, runs in the transaction of the
// chain's step, so that the caller's own rows commit with it or not at all. The message must not be
// sent before EncryptTo has returned without error.
func (c *Channel) EncryptTo(ctx context.Context, plaintext []byte, to func(tx session.Tx, message []byte) error) ([]byte, error) {
	var b []byte
	src := entropy.From(ctx)
	err := c.update(ctx, c.self, func(tx Tx, row []byte) error {
		message, err := c.step(src, tx, row, plaintext)
		if b = message; err != nil || to == nil {
			return err
		}
		return reentry.Run(c.store, func() error { return to(tx, message) })
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// EncryptIn is Encrypt in a transaction that runs already, as session.Device's EncryptIn is: in the
// function given to a DecryptTo of this package or of session. The message must not be sent before
// the transaction has committed. On error it has changed nothing.
func (c *Channel) EncryptIn(tx session.Tx, plaintext []byte) (b []byte, err error) {
	err = c.with(tx, c.self, func(tx Tx, row []byte) error {
		b, err = c.step(nil, tx, row, plaintext)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// step encrypts with the own sender key in row and keeps it advanced.
func (c *Channel) step(src *entropy.Source, tx Tx, row, plaintext []byte) ([]byte, error) {
	if row == nil {
		return nil, c.missing()
	}
	if err := c.mayEncrypt(row); err != nil {
		return nil, err
	}
	message, next, err := c.format.encrypt(src, &c.signer, row, c.id, plaintext)
	if err != nil {
		return nil, c.unusable(err)
	}
	return message, tx.PutSenderKey(c.self, c.name, next)
}

// Decrypt returns the plaintext of a message that the member from encrypted. It returns only after
// the key that opened it is gone from the store. The message is not modified and not kept. Messages
// may come in any order: a chain is advanced by at most 25 000 at once, and the keys of the last
// 2000 that it skipped are kept.
//
// The error matches ErrNoSenderKey, ErrSignature, ratchet.ErrDuplicate for a message decrypted
// before, ratchet.ErrForgotten for one that was not and whose key is no longer kept or never was
// here, session.ErrInvalidMessage, session.ErrVersion, or ErrRecord; it is ctx's if that ended on
// the way. On error nothing has changed and the message can be tried again.
func (c *Channel) Decrypt(ctx context.Context, from signet.Address, message []byte) ([]byte, error) {
	var plaintext []byte
	err := c.decrypt(ctx, from, nil, message, func(_ session.Tx, b []byte) error {
		plaintext = b
		return nil
	})
	if err != nil {
		return nil, err
	}
	return plaintext, nil
}

// DecryptTo is Decrypt with a transaction shared: to, if not nil, receives the plaintext inside the
// transaction that removes its key, so that the caller's own rows commit with it or not at all. If
// to fails, nothing is kept and its error is returned. The plaintext belongs to the caller. Like
// every function that runs in a transaction, to may run again and has no effect outside it.
func (c *Channel) DecryptTo(ctx context.Context, from signet.Address, message []byte, to func(tx session.Tx, plaintext []byte) error) error {
	return c.decrypt(ctx, from, nil, message, c.called(to))
}

// called is to, run so that an operation on the store that it calls is noticed.
func (c *Channel) called(to func(session.Tx, []byte) error) func(session.Tx, []byte) error {
	if to == nil {
		return nil
	}
	return func(tx session.Tx, plaintext []byte) error {
		return reentry.Run(c.store, func() error { return to(tx, plaintext) })
	}
}

func (c *Channel) decrypt(ctx context.Context, from signet.Address, author *signet.PublicKey, message []byte, to func(tx session.Tx, plaintext []byte) error) error {
	m, err := c.format.parseMessage(message)
	if err != nil {
		return err
	}
	if m.id != c.id {
		return fmt.Errorf("%w: it is of distribution ID %s", session.ErrInvalidMessage, m.id)
	}
	return c.update(ctx, from, func(tx Tx, row []byte) error {
		within := steps.New(steps.Default, ctx)
		plaintext, next, err := c.format.decrypt(&within, row, &m)
		if err == ErrNoSenderKey {
			return c.missing()
		}
		if err != nil {
			return c.unusable(err)
		}
		if err := c.authored(tx, from, m.deliverer, author); err != nil {
			return err
		}
		if err := tx.PutSenderKey(from, c.name, next); err != nil || to == nil {
			return err
		}
		return to(tx, plaintext)
	})
}

// Record returns the sender keys of sender as an official SenderKeyRecordStructure, or nil if there
// are none. The own address gives the own key. It holds secrets.
func (c *Channel) Record(ctx context.Context, sender signet.Address) ([]byte, error) {
	var b []byte
	err := c.update(ctx, sender, func(_ Tx, row []byte) (err error) {
		if len(row) > 0 {
			b, err = exported(row)
		}
		return err
	})
	return b, err
}

// SetRecord replaces the sender keys of sender by those of an official SenderKeyRecordStructure.
// The record must not be in use anywhere else: two writers of one sender key use message keys
// twice. An empty record removes them. Those of another count as delivered by the identity that is
// accepted for it now. b is not kept. The error for a record that does not decode is ErrRecord.
func (c *Channel) SetRecord(ctx context.Context, sender signet.Address, b []byte) error {
	if _, err := parseRecord(b); err != nil {
		return err
	}
	return c.update(ctx, sender, func(tx Tx, _ []byte) error {
		identity, err := c.deliverer(tx, sender)
		if err != nil {
			return err
		}
		if sender == c.self {
			identity = nil
		}
		row, err := imported(b, identity)
		if err != nil {
			return err
		}
		if sender == c.self { // nobody here knows who has it
			if err := tx.PutValue(wire.RowRecipients+c.name, nil); err != nil {
				return err
			}
		}
		return tx.PutSenderKey(sender, c.name, row)
	})
}
