package sealed

import (
	"context"
	"errors"
	"fmt"
	"io"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/session"
)

// A Sender seals what a device encrypts. It has no state and is safe for concurrent use.
type Sender struct {
	device      *session.Device
	certificate *SenderCertificate
	channel     *group.Channel
}

// NewSender returns the Sender of a device with its certificate, for a group if channel is not nil:
// that of the same device. The error matches ErrInvalidCertificate for the certificate of another
// device or identity key, which no recipient could make sense of. Whether the service vouches for
// it and until when is not checked: recipients do.
func NewSender(d *session.Device, c *SenderCertificate, channel *group.Channel) (*Sender, error) {
	if c.sender != d.Address() {
		return nil, fmt.Errorf("%w: it is of %s, not of %s", ErrInvalidCertificate, c.sender, d.Address())
	}
	if !c.key.Equal(d.Identity()) {
		return nil, fmt.Errorf("%w: it is of another identity key", ErrInvalidCertificate)
	}
	return &Sender{device: d, certificate: c, channel: channel}, nil
}

// String names the sender and shows nothing else.
func (s *Sender) String() string { return "sealed.Sender(" + s.certificate.sender.String() + ")" }

// Format is String under every verb: the device holds keys.
func (s *Sender) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// Details are what an envelope says beside the message. The zero value works.
type Details struct {
	Hint    ContentHint // what to do if the message does not decrypt
	GroupID []byte      // the application's name for the group, nil for none
	// Excluded are service ids of accounts that an upload is not for, so that the server can tell that
	// they are not forgotten. It is for uploads alone.
	Excluded []string
	// Version is that of an envelope for one device: 1 or 2. Zero is 1, which every client opens. An
	// upload is always version 2.
	Version int
}

var errNoChannel = errors.New("sealed: a Sender without a group.Channel seals to one device at a time")

// Seal returns the upload that carries plaintext to the devices to, all of which have joined the
// Sender's channel: one message of the group, sealed to each account (version 2). Sort the
// addresses, so that the devices of an account stand beside each other. It returns only after the
// group's advanced chain is durable. The upload goes to a server, which splits it with ParseUpload.
//
// The error matches session.ErrNoSession for a device without a session or accepted identity,
// ErrInvalidArgument for a name that is not a service id or a registration id that does not fit,
// and group.ErrNoSenderKey before the channel's first Distribution.
func (s *Sender) Seal(ctx context.Context, to []signet.Address, plaintext []byte) ([]byte, error) {
	return s.SealTo(ctx, to, plaintext, nil, nil)
}

// SealTo is Seal with details, nil for none, and a transaction shared: rows, if not nil, runs in
// the transaction of the chain's step, so that the caller's own rows commit with it or not at all.
// The upload must not be sent before SealTo has returned without error. Like every function that
// runs in a transaction, rows may run again and has no effect outside it.
//
// The identity keys and registration ids are those from before that transaction, and the agreements
// with them, which are nearly all of the work, are done before it as well.
func (s *Sender) SealTo(ctx context.Context, to []signet.Address, plaintext []byte, d *Details, rows func(tx session.Tx, upload []byte) error) ([]byte, error) {
	if s.channel == nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidArgument, errNoChannel)
	}
	if d == nil {
		d = new(Details)
	}
	recipients, err := s.recipients(ctx, to)
	if err != nil {
		return nil, err
	}
	p, err := plan(recipients, d.Excluded)
	if err != nil {
		return nil, err
	}
	k := newMessageKey(entropy.From(ctx))
	defer k.wipe()
	keys, err := p.keys(k, s.device.IdentityKey())
	if err != nil {
		return nil, err
	}
	var upload []byte
	_, err = s.channel.EncryptTo(ctx, plaintext, func(tx session.Tx, message []byte) error {
		c, err := s.content(session.Message{Type: session.TypeSenderKey, Body: message}, d)
		if err != nil {
			return err
		}
		// A transaction that runs again seals another content under the same key. Only that of the commit
		// leaves the process; and GCM-SIV is made for a nonce that repeats.
		if upload, err = p.write(k, keys, c.raw); err != nil || rows == nil {
			return err
		}
		return rows(tx, upload)
	})
	if err != nil {
		return nil, err
	}
	return upload, nil
}

// recipients looks up what an upload needs of each device, in the official order of errors.
func (s *Sender) recipients(ctx context.Context, to []signet.Address) ([]Recipient, error) {
	remotes, err := s.device.Remotes(ctx, to)
	if err != nil {
		return nil, err
	}
	all := make([]Recipient, len(to))
	for i, a := range to {
		r := &remotes[i]
		if i == 0 || a.Name != to[i-1].Name { // the first of an account: its identity key counts
			if !r.Known {
				return nil, fmt.Errorf("%w with %s: no identity key is accepted for it", session.ErrNoSession, a)
			}
			if _, err := serviceID(a.Name); err != nil {
				return nil, err
			}
		}
		if !r.Session {
			return nil, fmt.Errorf("%w with %s: it may have been archived", session.ErrNoSession, a)
		}
		all[i] = Recipient{Address: a, Identity: r.Identity, RegistrationID: r.RegistrationID}
		if err := all[i].check(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Sender) content(m session.Message, d *Details) (*Content, error) {
	return NewContent(m, s.certificate, d.Hint, d.GroupID)
}

// SealOne returns the envelope that carries plaintext to one device over its session. It returns
// only after the advanced ratchet is durable.
//
// The errors are those of session.Device's Encrypt.
func (s *Sender) SealOne(ctx context.Context, to signet.Address, plaintext []byte) ([]byte, error) {
	return s.SealOneTo(ctx, to, plaintext, nil, nil)
}

// SealOneTo is SealOne with details, nil for none, and a transaction shared, as in SealTo.
func (s *Sender) SealOneTo(ctx context.Context, to signet.Address, plaintext []byte, d *Details, rows func(tx session.Tx, envelope []byte) error) ([]byte, error) {
	if d == nil {
		d = new(Details)
	}
	if d.Version < 0 || d.Version > 2 || len(d.Excluded) > 0 {
		return nil, fmt.Errorf("%w: an envelope for one device is of version 1 or 2 and excludes nobody", ErrInvalidArgument)
	}
	var envelope []byte
	src := entropy.From(ctx)
	_, err := s.device.EncryptTo(ctx, to, plaintext, func(tx session.Tx, m session.Message) error {
		identity, ok, err := s.device.TrustedIn(tx, to)
		if err == nil && !ok { // it was accepted by the encryption at the latest
			err = errNoIdentity
		}
		if err != nil {
			return err
		}
		c, err := s.content(m, d)
		if err != nil {
			return err
		}
		if envelope, err = s.envelope(src, c, identity, d.Version); err != nil || rows == nil {
			return err
		}
		return rows(tx, envelope)
	})
	if err != nil {
		return nil, err
	}
	return envelope, nil
}

var errNoIdentity = errors.New("sealed: no identity key is accepted for the recipient")

func (s *Sender) envelope(src *entropy.Source, c *Content, to signet.PublicKey, version int) ([]byte, error) {
	if version == 2 {
		return c.sealV2(src, s.device.IdentityKey(), to)
	}
	return c.seal(src, s.device.IdentityKey(), to)
}

// SealPlaintext returns the envelope of a message that nothing but the envelope encrypts, to one
// device: a decryption error (session.PlaintextContent), which must be readable where sessions have
// failed. The error is session.ErrNoSession if no identity key is accepted for the device.
func (s *Sender) SealPlaintext(ctx context.Context, to signet.Address, content []byte, d *Details) ([]byte, error) {
	if d == nil {
		d = new(Details)
	}
	identity, ok, err := s.device.Trusted(ctx, to)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w with %s: no identity key is accepted for it", session.ErrNoSession, to)
	}
	c, err := s.content(session.Message{Type: session.TypePlaintext, Body: content}, d)
	if err != nil {
		return nil, err
	}
	return s.envelope(entropy.From(ctx), c, identity, d.Version)
}
