package adversary

import (
	"errors"
	"fmt"
	"slices"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// A claim is what the service says beside a message when it delivers it, and what it has done to
// it.
type claim struct {
	from      signet.Address
	certified *signet.PublicKey // the key of the certificate, if it came in an envelope
	message   *session.Message  // in the place of the post's own
	envelope  []byte            // the same
	wrapped   bool              // the post is inside a first message of the service's
	retagged  bool              // its registration id was changed
	by        *machine          // who sealed it, if it was sealed again
}

// deliver gives one of the posts to some machine, with whatever the service does to it.
func (w *world) deliver() {
	p := w.pick()
	if p == nil {
		return
	}
	m := w.machines[w.n(len(w.machines))]
	if w.n(8) > 0 { // whom it is for
		m = w.addressee(p, m)
	}
	c := claim{from: p.author.addr}
	if w.n(8) == 0 {
		c.from = w.machines[w.n(len(w.machines))].addr
	}
	if p.message.Type != 0 {
		switch w.n(9) {
		case 0:
			w.wrapInFirst(p, m, &c)
		case 1:
			w.retag(p, &c)
		case 2, 3:
			w.seal(p, m, &c)
		case 4:
			w.damage(p, &c)
		}
	}
	w.take(m, p, c)
}

// pick is a post: one of the newest as often as any.
func (w *world) pick() *post {
	if len(w.posts) == 0 {
		return nil
	}
	i := w.n(len(w.posts))
	if w.n(2) == 0 {
		i = max(0, len(w.posts)-1-w.n(4))
	}
	return w.posts[i]
}

// addressee is a machine of the address that the post is for.
func (w *world) addressee(p *post, otherwise *machine) *machine {
	var list []*machine
	for _, m := range w.machines {
		if m.addr == p.to || p.kind == grouped && m != p.author {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return otherwise
	}
	for range 2 { // its user's rather than another
		if m := list[w.n(len(list))]; m.fate == live {
			return m
		}
	}
	return list[w.n(len(list))]
}

// wrapInFirst puts a message into a first message of the service's, of either version, which names
// prekeys of the receiver and somebody's identity.
func (w *world) wrapInFirst(p *post, m *machine, c *claim) {
	if p.kind != direct {
		return
	}
	body := p.message.Body
	if p.message.Type == session.TypePreKey {
		in, err := wire.ParsePreKeyMessage(body)
		must(err)
		body = in.Message
	}
	out := &wire.PreKeyMessage{
		Version: uint8(3 + w.n(2)), BaseKey: w.newKey().PublicKey().Bytes(), IdentityKey: p.author.public().Bytes(),
		Message: body, RegistrationID: p.author.stock.RegistrationID, SignedPreKeyID: m.stock.SignedPreKey.ID,
	}
	if w.n(4) == 0 {
		out.IdentityKey = w.machines[w.n(len(w.machines))].public().Bytes()
	}
	if len(m.stock.PreKeys) > 0 {
		out.HasPreKey, out.PreKeyID = true, m.stock.PreKeys[w.n(len(m.stock.PreKeys))].ID
	}
	if out.Version == x3dh.VersionPQXDH {
		out.HasKEM, out.KEMPreKeyID = true, m.stock.LastResort.ID
		if len(m.stock.KEMPreKeys) > 0 && w.n(2) == 0 {
			out.KEMPreKeyID = m.stock.KEMPreKeys[0].ID
		}
		out.KEMCiphertext = make([]byte, 1569)
		w.src.Read(out.KEMCiphertext)
		out.KEMCiphertext[0] = 8
	}
	c.message = &session.Message{Type: session.TypePreKey, Body: wire.AppendPreKeyMessage(nil, out)}
	c.wrapped = true
}

// retag changes what no MAC covers: the registration id of a first message.
func (w *world) retag(p *post, c *claim) {
	if p.kind != direct || p.message.Type != session.TypePreKey {
		return
	}
	in, err := wire.ParsePreKeyMessage(p.message.Body)
	must(err)
	in.RegistrationID ^= 1 << w.n(14)
	c.message = &session.Message{Type: session.TypePreKey, Body: wire.AppendPreKeyMessage(nil, &in)}
	c.retagged = true
}

// seal puts a message into an envelope of the service's own, with a certificate for any name.
func (w *world) seal(p *post, m *machine, c *claim) {
	evil := w.evil()
	if len(evil) == 0 {
		return
	}
	by := evil[w.n(len(evil))]
	name := by.addr
	if w.n(2) == 0 {
		name = p.author.addr
	}
	content := got(sealed.NewContent(p.message, w.service.certify(name, by.public()), sealed.HintDefault, nil))
	key := by.public()
	c.by, c.from, c.certified, c.envelope = by, name, &key, got(content.SealV2(by.key, m.public()))
}

// damage changes one bit.
func (w *world) damage(p *post, c *claim) {
	if len(p.message.Body) == 0 {
		return
	}
	body := slices.Clone(p.message.Body)
	body[w.n(len(body))] ^= 1 << w.n(8)
	c.message = &session.Message{Type: p.message.Type, Body: body}
	c.retagged = p.message.Type == session.TypePreKey // it may be that bit
}

// take has m open a post as it was claimed to be. The service's machines trust whom they must.
func (w *world) take(m *machine, p *post, c claim) {
	before, stocks, sessions := m.store.changes, 0, 0
	if c.wrapped {
		stocks, sessions = w.stocks(m), w.sessions(m, c.from)
	}
	plaintext, err := w.open(m, p, &c)
	if key, ok := untrusted(err); ok && m.fate != live {
		_ = m.device.Trust(w.ctx, c.from, key)
		before = m.store.changes
		plaintext, err = w.open(m, p, &c)
	}
	var n *session.NoticeError
	if err != nil && !errors.As(err, &n) {
		w.refused(m, before, "open", err)
		return
	}
	if n != nil {
		c.from = n.Peer
	}
	w.opened(m, p, c, plaintext)
	if m.fate != live {
		return
	}
	if c.wrapped && (w.stocks(m) < stocks || w.sessions(m, c.from) > sessions) {
		w.breaks(ruleWrapped, "%v: %d prekeys and %d sessions are now %d and %d", m, stocks, sessions, w.stocks(m), w.sessions(m, c.from))
	}
	if c.retagged && w.broken == "" {
		w.answer(m, p, c)
	}
}

// answer: the peer's true registration can be written to after its first message was opened. A
// directory that names another costs sessions, and may.
func (w *world) answer(m *machine, p *post, c claim) {
	for id := range m.told[c.from] {
		if id != 0 && id != p.author.stock.RegistrationID {
			return
		}
	}
	out := []session.Outgoing{{Peer: c.from, Plaintext: w.text(), RegistrationID: p.author.stock.RegistrationID}}
	sent, err := m.device.EncryptAll(w.ctx, out, nil)
	if errors.Is(err, session.ErrNoSession) {
		w.breaks(ruleStale, "%v: answer to %v: %v", m, c.from, err)
	}
	for _, s := range sent {
		w.sent(&post{author: m, to: s.Peer, message: s.Message, text: out[0].Plaintext})
	}
}

// open is the honest code that a post meets, through one of the ways in.
func (w *world) open(m *machine, p *post, c *claim) (plaintext []byte, err error) {
	envelope := p.envelope
	if c.envelope != nil {
		envelope = c.envelope
	}
	if envelope != nil {
		return w.openEnvelope(m, p, c, envelope)
	}
	message := p.message
	if c.message != nil {
		message = *c.message
	}
	fails := w.n(12) == 0 && !w.sound // the application's part of the transaction
	to := func(tx session.Tx, b []byte) error {
		plaintext = b
		if fails {
			return errors.New("the disk is full")
		}
		return w.joinIn(m, tx, c.from, b)
	}
	switch {
	case p.kind == retrying:
		return nil, errors.New("plaintext content travels in envelopes")
	case p.kind == grouped && w.n(2) == 0:
		return m.channels[p.group].Decrypt(w.ctx, c.from, message.Body)
	case p.kind == grouped:
		err = m.channels[p.group].DecryptTo(w.ctx, c.from, message.Body, to)
	case w.n(4) == 0:
		plaintext, err = m.device.Decrypt(w.ctx, c.from, message)
		return plaintext, errors.Join(err, w.join(m, c.from, plaintext))
	case w.n(3) == 0:
		plaintext, err = m.client.Decrypt(w.ctx, c.from, message)
		return plaintext, errors.Join(err, w.join(m, c.from, plaintext))
	case w.n(2) == 0:
		err = m.device.DecryptTo(w.ctx, c.from, message, to)
	default:
		err = m.client.DecryptTo(w.ctx, c.from, message, to)
	}
	return plaintext, err
}

// openEnvelope opens an envelope, and takes the sender for whom the receiver says it is.
func (w *world) openEnvelope(m *machine, p *post, c *claim, envelope []byte) (plaintext []byte, err error) {
	if p.kind != retrying && w.n(3) == 0 {
		from, plaintext, err := m.receiver.Open(w.ctx, envelope)
		if err == nil {
			c.from = from
		}
		return plaintext, errors.Join(err, w.join(m, c.from, plaintext))
	}
	var opened *sealed.Opened
	err = m.receiver.OpenTo(w.ctx, envelope, func(tx session.Tx, o *sealed.Opened) error {
		opened = o
		return w.joinIn(m, tx, o.From, o.Plaintext)
	})
	if opened == nil {
		return nil, err
	}
	key := opened.Content.Certificate().Key()
	c.from, c.certified = opened.From, &key
	if opened.From != opened.Content.Certificate().Sender() {
		w.breaks(ruleLayers, "%v: the envelope of %v is from %v", m, opened.Content.Certificate().Sender(), opened.From)
	}
	if err == nil && p.kind == retrying {
		w.retry(m, opened)
	}
	return opened.Plaintext, err
}

// retry does what plaintext content asks for.
func (w *world) retry(m *machine, o *sealed.Opened) {
	body, err := session.ParsePlaintextContent(o.Plaintext)
	if err != nil {
		return
	}
	e, err := session.ExtractDecryptionErrorMessage(body)
	if err != nil {
		return
	}
	_, err = m.device.ArchiveOnRetry(w.ctx, o.From, e)
	must(err)
}

// joinIn joins the sender key in a plaintext, in the transaction that opened it.
func (w *world) joinIn(m *machine, tx session.Tx, from signet.Address, plaintext []byte) error {
	distribution, ok := unwrap(plaintext)
	if !ok {
		return nil
	}
	for i := range m.channels {
		if err := m.channels[i].JoinIn(tx, from, distribution); err == nil {
			w.count("joined")
			return nil
		} else if _, ok := untrusted(err); ok {
			return fmt.Errorf("joining: %w", err)
		}
	}
	return nil
}

// join is joinIn in a transaction of its own. That it can fail is the application's to deal with.
func (w *world) join(m *machine, from signet.Address, plaintext []byte) error {
	distribution, ok := unwrap(plaintext)
	if !ok {
		return nil
	}
	for i := range m.channels {
		if m.channels[i].Join(w.ctx, from, distribution) == nil {
			w.count("joined")
			break
		}
	}
	return nil
}
