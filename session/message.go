package session

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/x3dh"
)

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// Encrypt returns the message that carries plaintext to peer (protocol §7.4). It returns only after
// the advanced ratchet is durable: a crash can lose the message and cannot reuse its key. plaintext
// is not modified and not kept; it is not padded, so its length shows in the message.
//
// The error is ErrNoSession without a session that can send, which one with another identity than
// the accepted one is not, nor one whose row is damaged (a *DamagedError beside it).
func (d *Device) Encrypt(ctx context.Context, peer signet.Address, plaintext []byte) (Message, error) {
	return d.EncryptTo(ctx, peer, plaintext, nil)
}

// EncryptTo is Encrypt with a transaction shared: to, if not nil, runs in the transaction of the
// ratchet's step, so that the caller's own rows (an outbox, say) commit with it or not at all. The
// message must not be sent before EncryptTo has returned without error.
func (d *Device) EncryptTo(ctx context.Context, peer signet.Address, plaintext []byte, to func(Tx, Message) error) (Message, error) {
	o := sendings.Get().(*sending)
	o.d, o.src, o.peer, o.plaintext, o.to = d, entropy.From(ctx), peer, plaintext, to
	if err := d.update(ctx, peer, o.f); err != nil {
		return Message{}, err // o, which may hold a trial's secrets, is left to the collector
	}
	m := o.m
	o.r.release()
	o.d, o.src, o.peer, o.plaintext, o.to, o.m = nil, nil, signet.Address{}, nil, nil, Message{}
	sendings.Put(o)
	return m, nil
}

// A sending is an EncryptTo under way: what its transaction needs and what comes of it. It is used
// again, for what it has allocated.
type sending struct {
	f         func(Tx) error // run
	d         *Device
	src       *entropy.Source
	peer      signet.Address
	plaintext []byte
	to        func(Tx, Message) error
	r         record
	m         Message
}

var sendings = sync.Pool{New: func() any {
	o := new(sending)
	o.f = o.run
	return o
}}

func (o *sending) run(tx Tx) (err error) {
	r := &o.r
	if err := o.d.loadInto(r, tx, o.peer); err != nil {
		return err
	}
	if o.m, err = r.encrypt(o.d, o.src, o.plaintext, o.d.opts.Now); err != nil {
		return err
	}
	if err := r.save(); err != nil || o.to == nil {
		return err
	}
	return o.d.call(func() error { return o.to(tx, o.m) })
}

// encrypt sends on the current session. It asks for the time if the session waits for an answer.
func (r *record) encrypt(d *Device, src *entropy.Source, plaintext []byte, now func() time.Time) (m Message, err error) {
	s := r.current
	if s == nil || s.HasSender() && !s.MaySend() {
		return m, r.noSession()
	}
	pending, base := s.Pending()
	if pending != nil {
		if _, err := signet.ParsePublicKey(base); err != nil {
			r.note("session", nil, errors.New("invalid pending PreKey message base key"))
			return m, r.noSession()
		}
		if stale(pending, now().UnixMilli()) {
			return m, fmt.Errorf("%w with %s: the last one was never answered", ErrNoSession, r.peer)
		}
	}
	body, err := s.EncryptFrom(src, nil, plaintext)
	if errors.Is(err, ratchet.ErrState) { // it opens nothing and sends nothing: Start
		r.note("session", nil, err)
		return m, r.noSession()
	}
	if err != nil {
		return m, peerError{recordError(err)}
	}
	m = Message{Type: TypeSignal, Body: body}
	if pending != nil {
		m = Message{Type: TypePreKey, Body: first(s, pending, base, body)}
	}
	remote, err := s.Remote()
	if err != nil {
		r.note("session", nil, err)
		return Message{}, r.noSession()
	}
	switch err := d.identify(r.tx, r.peer, remote); err.(type) {
	case nil:
		return m, nil
	case *UntrustedIdentityError: // what this session has to say about it is of no interest
		return Message{}, fmt.Errorf("%w with %s: the last one is with another identity", ErrNoSession, r.peer)
	default:
		return Message{}, err
	}
}

// first wraps body into the message that carries the key agreement (protocol §6.3).
func first(s *ratchet.State, p *ratchet.Pending, base, body []byte) []byte {
	local, _ := s.Local() // checked by the encryption of body
	registration, _ := s.RegistrationIDs()
	return wire.AppendPreKeyMessage(make([]byte, 0, len(body)+len(p.KEMCiphertext)+128), &wire.PreKeyMessage{
		Version:   uint8(s.Version()),
		HasPreKey: p.HasPreKey, PreKeyID: p.PreKeyID,
		BaseKey: base, IdentityKey: local.Bytes(), Message: body,
		RegistrationID: registration, SignedPreKeyID: p.SignedPreKeyID,
		HasKEM: p.KEMCiphertext != nil, KEMPreKeyID: p.KEMPreKeyID, KEMCiphertext: p.KEMCiphertext,
	})
}

func recordError(err error) error {
	if errors.Is(err, ratchet.ErrState) {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return err
}

// Decrypt returns the plaintext of a message from peer. It returns only after the key that opened
// it is gone from the store, and the prekeys of a first message with it. The body is not modified
// and not kept.
//
// The error matches ratchet.ErrDuplicate for a message decrypted before, ratchet.ErrForgotten for
// one that was not and never will be because its key was given up, ErrInvalidMessage for one that
// does not parse or decrypt (and ratchet.ErrSteps beside it for one that Options.MaxSteps is too
// little for), ErrVersion, ErrPreKeyID, ErrNoSession, ErrRecord, or is an
// *UntrustedIdentityError, or ctx's. On error nothing has changed and the message can be tried
// again. The exception, with Options.Custody only, is a *NoticeError: the message was received and
// is no text.
func (d *Device) Decrypt(ctx context.Context, peer signet.Address, m Message) ([]byte, error) {
	return d.decrypt(ctx, peer, nil, m, nil)
}

// DecryptTo is Decrypt with a transaction shared: to, if not nil, receives the plaintext inside the
// transaction that removes its key, so that the caller's own rows (an inbox, say) commit with it or
// not at all. If to fails, nothing is kept and its error is returned. The plaintext belongs to the
// caller. A notice does not reach to. Like every function that runs in a transaction, to may run
// again and has no effect outside it. To answer inside it there is EncryptIn; other operations of
// the device fail there at once, with ErrInTransaction.
func (d *Device) DecryptTo(ctx context.Context, peer signet.Address, m Message, to func(tx Tx, plaintext []byte) error) error {
	_, err := d.decrypt(ctx, peer, nil, m, to)
	return err
}

// DecryptFrom is DecryptTo for a message of which something else says whose it is: the certificate
// of a sealed envelope. The error is an *AuthorError if the session that opens it is with another
// identity than author, whatever key is accepted for peer. A notice is an error as it is for
// Decrypt.
func (d *Device) DecryptFrom(ctx context.Context, peer signet.Address, author signet.PublicKey, m Message, to func(tx Tx, plaintext []byte) error) error {
	_, err := d.decrypt(ctx, peer, &author, m, to)
	return err
}

func (d *Device) decrypt(ctx context.Context, peer signet.Address, author *signet.PublicKey, m Message, to func(Tx, []byte) error) ([]byte, error) {
	o := receivings.Get().(*receiving)
	o.d, o.ctx, o.src, o.peer, o.author, o.to = d, ctx, entropy.From(ctx), peer, author, to
	if err := o.in.parse(m); err != nil {
		return nil, err
	}
	if err := d.update(ctx, peer, o.f); err != nil {
		return nil, err // o, which may hold a trial's secrets, is left to the collector
	}
	plaintext, left, notice := o.plaintext, o.left, o.notice
	o.r.release()
	o.d, o.ctx, o.src, o.peer, o.author, o.to = nil, nil, nil, signet.Address{}, nil, nil
	o.in, o.within, o.plaintext, o.notice = incoming{}, steps.Meter{}, nil, nil
	receivings.Put(o)
	if left >= 0 && left < d.opts.LowWater && d.opts.LowPreKeys != nil {
		d.opts.LowPreKeys(left)
	}
	if notice != nil {
		return nil, notice
	}
	return plaintext, nil
}

// A receiving is a decryption under way. It is used again, for what it has allocated.
type receiving struct {
	f         func(Tx) error // run
	d         *Device
	ctx       context.Context
	src       *entropy.Source
	peer      signet.Address
	author    *signet.PublicKey // who is said to have written it; nil: nothing says
	to        func(Tx, []byte) error
	in        incoming
	r         record
	within    steps.Meter
	plaintext []byte
	left      int
	notice    *NoticeError // what came was no text
}

var receivings = sync.Pool{New: func() any {
	o := new(receiving)
	o.f = o.run
	return o
}}

func (o *receiving) run(tx Tx) (err error) {
	r := &o.r
	o.left = -1
	if err := o.d.loadInto(r, tx, o.peer); err != nil {
		return err
	}
	o.within = steps.New(o.d.opts.MaxSteps, o.ctx)
	r.within = &o.within
	was := r.current
	if o.in.first == nil {
		o.plaintext, err = r.receive(o.d, o.author, o.src, &o.in.message)
	} else if err = authored(o.peer, o.author, o.in.identity); err == nil {
		o.plaintext, o.left, err = o.d.receiveFirst(r, o.src, &o.in)
	}
	if err != nil {
		return err
	}
	if o.d.opts.Custody != nil {
		return o.watched(tx, was)
	}
	if err := r.save(); err != nil || o.to == nil {
		return err
	}
	return o.d.call(func() error { return o.to(tx, o.plaintext) })
}

// incoming is a parsed message. Its slices alias the received bytes.
type incoming struct {
	message  wire.SignalMessage
	first    *wire.PreKeyMessage // nil: an ordinary message
	base     signet.PublicKey
	identity signet.PublicKey
}

// parse parses m as far as it can be without a session, in the official order (protocol §6.2,
// §6.3).
func (in *incoming) parse(m Message) (err error) {
	switch m.Type {
	case TypeSignal:
		return in.parseSignal(m.Body)
	case TypePreKey:
	default:
		return fmt.Errorf("%w: unknown message type %d", ErrInvalidMessage, uint8(m.Type))
	}
	p, err := wire.ParsePreKeyMessage(m.Body)
	if err != nil {
		return notParsed(err)
	}
	in.first = &p
	if in.base, err = signet.ParsePublicKey(p.BaseKey); err != nil {
		return notParsed(err)
	}
	if err := p.CheckKEM(); err != nil {
		return notParsed(err)
	}
	if in.identity, err = signet.ParsePublicKey(p.IdentityKey); err != nil {
		return notParsed(err)
	}
	return in.parseSignal(p.Message)
}

func (in *incoming) parseSignal(b []byte) (err error) {
	if in.message, err = wire.ParseSignalMessage(b); err != nil {
		return badSignal(err)
	}
	if _, err := signet.ParsePublicKey(in.message.RatchetKey); err != nil {
		return notParsed(err)
	}
	return nil
}

// badSignal classifies what is wrong with a message: of two faults, its ratchet key's comes first.
func badSignal(err error) error {
	var incomplete wire.IncompleteError
	if errors.As(err, &incomplete) {
		if _, err := signet.ParsePublicKey(incomplete.RatchetKey); err != nil {
			return notParsed(err)
		}
	}
	return notParsed(err)
}

// receive decrypts an ordinary message. The identity of the session is checked after the
// decryption, in the same transaction (protocol §9).
func (r *record) receive(d *Device, author *signet.PublicKey, src *entropy.Source, m *wire.SignalMessage) ([]byte, error) {
	if none, err := r.empty(); err != nil {
		return nil, err
	} else if none {
		return nil, r.noSession()
	}
	plaintext, err := r.decrypt(src, m)
	if err != nil {
		return nil, err
	}
	remote, err := r.opened.Remote()
	if err != nil {
		return nil, recordError(err)
	}
	if err := authored(r.peer, author, remote); err != nil {
		return nil, err
	}
	if err := d.identify(r.tx, r.peer, remote); err != nil {
		return nil, err
	}
	return plaintext, nil
}

// receiveFirst decrypts a first message: on the session it made before, or on a new one (protocol
// §4.4), and on no other. What the message asks for besides, that prekeys go and that its session
// becomes the current one, is done only because that session opened it (decision 020). left is the
// number of one-time prekeys that are left if a session began, else -1.
func (d *Device) receiveFirst(r *record, src *entropy.Source, in *incoming) (plaintext []byte, left int, err error) {
	var changed *UntrustedIdentityError
	err = d.identify(r.tx, r.peer, in.identity)
	if errors.As(err, &changed) && d.opts.IdentityChanges != RefuseChanges {
		err = nil // it depends on whether the session is a new one
	}
	if err != nil {
		return nil, -1, err
	}
	s, at, err := r.find(in.first.Version, in.base.Bytes())
	if err != nil {
		return nil, -1, err
	}
	begins := s == nil
	if !begins && changed != nil { // its session is one of the former identity
		return nil, -1, changed
	}
	if begins {
		if s, err = d.accept(r, src, in); err != nil {
			return nil, -1, err
		}
	} else {
		remote, err := s.Remote()
		if err != nil {
			return nil, -1, recordError(err)
		}
		if !remote.Equal(in.identity) {
			return nil, -1, invalid(TypePreKey, "remote identity key not consistent with previously-established session")
		}
	}
	if plaintext, err = r.open(s, src, &in.message); err != nil {
		return nil, -1, r.notOpened(TypePreKey, err)
	}
	if !begins {
		return plaintext, -1, r.opens(s, at)
	}
	if changed != nil {
		if err := d.follow(r.tx, changed, &r.peer); err != nil {
			return nil, -1, err
		}
	}
	if err := d.met(r.tx, r.peer, in.identity); err != nil {
		return nil, -1, err
	}
	if err := r.promote(s); err != nil {
		return nil, -1, err
	}
	if in.first.Version < x3dh.VersionPQXDH {
		if err := r.putRegistered(0); err != nil {
			return nil, -1, err
		}
	}
	left, err = d.consume(r.tx, in)
	return plaintext, left, err
}

// accept runs the key agreement of a first message and returns its session.
func (d *Device) accept(r *record, src *entropy.Source, in *incoming) (*ratchet.State, error) {
	p := in.first
	if p.Version < x3dh.VersionPQXDH && !d.opts.AllowX3DH {
		return nil, invalid(TypePreKey, "X3DH no longer supported")
	}
	keys, err := preKeys(r.tx, p)
	if err != nil {
		return nil, err
	}
	initial := &x3dh.Initial{
		Version: p.Version, Identity: in.identity, BaseKey: in.base,
		HasPreKey: p.HasPreKey, PreKeyID: p.PreKeyID, SignedPreKeyID: p.SignedPreKeyID,
		KEMPreKeyID: p.KEMPreKeyID, KEMCiphertext: p.KEMCiphertext,
	}
	secret, err := x3dh.Accept(d.id, keys, initial)
	if errors.Is(err, x3dh.ErrBaseKey) {
		return nil, invalid(TypePreKey, "incoming base key is invalid")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidMessage, err)
	}
	registration, err := registrationID(r.tx, src)
	if err != nil {
		return nil, err
	}
	s := ratchet.NewResponder(ratchet.Seed(secret), &ratchet.Handshake{
		Version: p.Version,
		Local:   d.id.PublicKey(), Remote: in.identity, BaseKey: in.base,
		LocalRegistrationID: registration, RemoteRegistrationID: p.RegistrationID,
		LocalAddress: d.self, RemoteAddress: r.peer,
	}, keys.SignedPreKey)
	s.Expendable() // made for this message alone
	return s, nil
}
