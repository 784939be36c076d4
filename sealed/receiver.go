package sealed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/internal/reentry"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// Options adjusts a Receiver. The zero value works.
type Options struct {
	// E164 is the device's own telephone number, by which it recognises what it sent itself as well as
	// by its name. Empty means that it has none.
	E164 string
	// Now is the clock, for the expiry of certificates. Nil means time.Now.
	Now func() time.Time
}

// A Receiver opens envelopes to a device. It has no state and is safe for concurrent use.
type Receiver struct {
	device *session.Device
	trust  Trust
	opts   Options
}

// NewReceiver returns the Receiver of a device that believes trust. Nil opts means the defaults.
func NewReceiver(d *session.Device, trust Trust, opts *Options) *Receiver {
	r := &Receiver{device: d, trust: trust}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Now == nil {
		r.opts.Now = time.Now
	}
	return r
}

// String names the receiver and shows nothing else.
func (r *Receiver) String() string { return "sealed.Receiver(" + r.device.Address().String() + ")" }

// Format is String under every verb: the device holds keys.
func (r *Receiver) Format(f fmt.State, _ rune) { io.WriteString(f, r.String()) }

// An Opened is a message out of an envelope.
type Opened struct {
	From      signet.Address // as its certificate says, which is valid
	Content   *Content       // its kind, certificate, hint and group id
	Plaintext []byte         // belongs to the caller
}

// A DecryptError is an error of what was inside an envelope: the sender is known and vouched for,
// but its message did not decrypt. The content says what to do about it: its hint, and the message
// itself, from which session.NewDecryptionErrorMessage asks for another.
type DecryptError struct {
	From    signet.Address
	Content *Content
	Err     error
}

func (e *DecryptError) Error() string {
	return fmt.Sprintf("sealed: %s message from %s: %v", e.Content.kind, e.From, e.Err)
}

func (e *DecryptError) Unwrap() error { return e.Err }

// Open returns the sender and the plaintext of an envelope. It returns only after the key that
// opened the message is gone from the store. The envelope is not modified and not kept.
//
// The checks are made in the official order: the envelope, the certificate of its sender against
// the trust roots and the clock (ErrInvalidCertificate), whether the sender is this device
// (ErrSelfSend), then the message in it, over the session with the sender or the group's sender
// key. The errors of that last step are those of session.Device's and group.Channel's Decrypt in a
// *DecryptError; those of the first are OpenContent's. A message that only the envelope encrypts is
// refused as session.ErrInvalidMessage, since its plaintext is none of the application's: OpenTo
// takes it. On error nothing has changed.
//
// The certificate's key and the identity that speaks inside are one, and the accepted one: that of
// the session which opens the message, or of who delivered the group's sender key, or, where
// nothing inside speaks, the accepted one. A *session.AuthorError says that the first two differ:
// there is nothing to answer to that, so it is in no *DecryptError. An
// *session.UntrustedIdentityError says that the accepted identity is another.
func (r *Receiver) Open(ctx context.Context, envelope []byte) (from signet.Address, plaintext []byte, err error) {
	c, err := r.open(envelope, r.opts.Now())
	if err != nil {
		return from, nil, err
	}
	if c.kind == session.TypePlaintext {
		err := fmt.Errorf("%w: invalid Plaintext message: unexpected message type for sealed sender: Plaintext", session.ErrInvalidMessage)
		return from, nil, &DecryptError{From: c.certificate.sender, Content: c, Err: err}
	}
	err = r.decrypt(ctx, c, func(_ session.Tx, m *Opened) error {
		from, plaintext = m.From, m.Plaintext
		return nil
	})
	if err != nil {
		return signet.Address{}, nil, err
	}
	return from, plaintext, nil
}

// OpenTo is Open with a transaction shared: to receives the message inside the transaction that
// removes its key, so that the caller's own rows commit with it or not at all. If to or the commit
// fails, nothing is kept and the error is returned as it is, in no *DecryptError: the message was
// sound. Like every function that runs in a transaction, to may run again and has no effect outside
// it.
//
// It takes all four kinds of message. The plaintext of session.TypePlaintext is the whole body,
// which session.ParsePlaintextContent parses: it is from the sender, but no session or group
// encrypted it.
func (r *Receiver) OpenTo(ctx context.Context, envelope []byte, to func(tx session.Tx, m *Opened) error) error {
	return r.OpenAt(ctx, envelope, r.opts.Now(), to)
}

// OpenAt is OpenTo for an envelope that has waited: the certificate of its sender has to have been
// valid at the time of arrival, which the server that kept the envelope says, instead of now.
// Without, a message that was sent in time is refused because its recipient was away. A server that
// names an early arrival can pass off a certificate that has expired since as valid; it is the one
// that issues them, as a rule.
func (r *Receiver) OpenAt(ctx context.Context, envelope []byte, arrival time.Time, to func(tx session.Tx, m *Opened) error) error {
	c, err := r.open(envelope, arrival)
	if err != nil {
		return err
	}
	return r.decrypt(ctx, c, to)
}

// open opens the envelope and checks who sent it, as of a time.
func (r *Receiver) open(envelope []byte, at time.Time) (*Content, error) {
	self := r.device.Address()
	if err := self.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	c, err := OpenContent(r.device.IdentityKey(), envelope)
	if err != nil {
		return nil, err
	}
	if err := r.trust.Check(c.certificate, at); err != nil {
		return nil, err
	}
	if c.certificate.isFrom(self, r.opts.E164) {
		return nil, ErrSelfSend
	}
	return c, nil
}

// isFrom reports whether the sender is this device: by name, byte for byte, or by number (§9).
func (c *SenderCertificate) isFrom(self signet.Address, e164 string) bool {
	if c.sender.Device != self.Device {
		return false
	}
	return c.sender.Name == self.Name || c.e164 != nil && e164 != "" && *c.e164 == e164
}

// decrypt decrypts the message in an envelope whose sender is checked.
func (r *Receiver) decrypt(ctx context.Context, c *Content, to func(tx session.Tx, m *Opened) error) error {
	from, author := c.certificate.sender, c.certificate.key
	decrypted := false
	deliver := func(tx session.Tx, plaintext []byte) error {
		decrypted = true
		return to(tx, &Opened{From: from, Content: c, Plaintext: plaintext})
	}
	var err error
	switch c.kind {
	case session.TypeSenderKey:
		err = r.decryptGroup(ctx, c, deliver)
	case session.TypePlaintext:
		err = r.plaintext(ctx, c, deliver)
	default:
		err = r.device.DecryptFrom(ctx, from, author, session.Message{Type: c.kind, Body: c.body}, deliver)
	}
	var two *session.AuthorError
	var notice *session.NoticeError // it was received, and is no text
	if err == nil || decrypted || errors.As(err, &two) || errors.As(err, &notice) || err == session.ErrInTransaction {
		return err
	}
	return &DecryptError{From: from, Content: c, Err: err}
}

// plaintext delivers a message that nothing but the envelope encrypts.
func (r *Receiver) plaintext(ctx context.Context, c *Content, deliver func(tx session.Tx, plaintext []byte) error) error {
	store := r.device.Store()
	if reentry.Inside(store) {
		return session.ErrInTransaction
	}
	return store.Update(ctx, c.certificate.sender, func(tx session.Tx) error {
		if err := r.device.Compare(tx, c.certificate.sender, c.certificate.key); err != nil {
			return err
		}
		return reentry.Run(store, func() error { return deliver(tx, c.Message().Body) })
	})
}

// decryptGroup decrypts with the sender key of the group that the message names.
func (r *Receiver) decryptGroup(ctx context.Context, c *Content, deliver func(tx session.Tx, plaintext []byte) error) error {
	channel := group.NewChannel(r.device.Address(), distribution(c.body), r.device.Store(), &group.Options{Device: r.device})
	return channel.DecryptFrom(ctx, c.certificate.sender, c.certificate.key, c.body, deliver)
}

// distribution returns the distribution id that a message of a group names (§10.3), zero if there
// is none: such a message does not parse, and the channel says so better than could be said here.
func distribution(message []byte) (id group.DistributionID) {
	const first, signature = 1, signet.SignatureSize
	if len(message) < first+signature {
		return id
	}
	var b []byte
	p := wire.Parse(message[first : len(message)-signature])
	for p.Next() {
		if p.Num() == 1 {
			p.Bytes(&b)
		}
	}
	copy(id[:], b)
	return id
}
