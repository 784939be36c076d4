package adversary

import (
	"errors"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/sealed"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
)

// Reasons that several entry points share.
const (
	pure      = "bytes in, bytes out: it has no device, no store, and attributes nothing"
	ownKeys   = "it is about the device's own keys, and no peer takes part"
	ends      = "it only ends sessions or removes rows"
	wiring    = "it makes a value and does nothing with it; what it makes has rows of its own"
	directory = "it is the directory's side, which is the adversary's here"
)

func keep(tx session.Tx, b []byte) error { return nil }

// rows has every entry point of the covered packages.
var rows = map[string]*row{
	// Messages come in.
	"session.Device.Decrypt": {receive: func(s *stage, m *machine, p *post) error {
		_, err := m.device.Decrypt(s.ctx, p.author.addr, p.message)
		return err
	}},
	"session.Device.DecryptTo": {receive: func(s *stage, m *machine, p *post) error {
		return m.device.DecryptTo(s.ctx, p.author.addr, p.message, keep)
	}},
	"sesame.Client.Decrypt": {receive: func(s *stage, m *machine, p *post) error {
		_, err := m.client.Decrypt(s.ctx, p.author.addr, p.message)
		return err
	}},
	"sesame.Client.DecryptTo": {receive: func(s *stage, m *machine, p *post) error {
		return m.client.DecryptTo(s.ctx, p.author.addr, p.message, keep)
	}},
	"sealed.Receiver.Open": {in: inEnvelope, receive: func(s *stage, m *machine, p *post) error {
		_, _, err := m.receiver.Open(s.ctx, p.envelope)
		return err
	}},
	"sealed.Receiver.OpenTo": {in: inEnvelope, receive: func(s *stage, m *machine, p *post) error {
		return m.receiver.OpenTo(s.ctx, p.envelope, func(session.Tx, *sealed.Opened) error { return nil })
	}},
	"sealed.Receiver.OpenAt": {in: inEnvelope, receive: func(s *stage, m *machine, p *post) error {
		return m.receiver.OpenAt(s.ctx, p.envelope, s.now(), func(session.Tx, *sealed.Opened) error { return nil })
	}},
	"group.Channel.Decrypt": {in: inGroup, receive: func(s *stage, m *machine, p *post) error {
		_, err := m.channels[0].Decrypt(s.ctx, p.author.addr, p.message.Body)
		return err
	}},
	"group.Channel.DecryptTo": {in: inGroup, receive: func(s *stage, m *machine, p *post) error {
		return m.channels[0].DecryptTo(s.ctx, p.author.addr, p.message.Body, keep)
	}},
	"session.Device.DecryptFrom": {receive: func(s *stage, m *machine, p *post) error {
		return m.device.DecryptFrom(s.ctx, p.author.addr, p.author.public(), p.message, keep)
	}},
	"group.Channel.DecryptFrom": {in: inGroup, receive: func(s *stage, m *machine, p *post) error {
		return m.channels[0].DecryptFrom(s.ctx, p.author.addr, p.author.public(), p.message.Body, keep)
	}},
	"group.Channel.JoinIn": {receive: func(s *stage, m *machine, p *post) error {
		return m.device.DecryptTo(s.ctx, p.author.addr, p.message, func(tx session.Tx, _ []byte) error {
			return m.channels[0].JoinIn(tx, p.author.addr, got(p.author.channels[0].Distribution(s.ctx)))
		})
	}},

	// Messages go out.
	"session.Device.Encrypt": {send: func(s *stage, to []signet.Address) (list []*post, err error) {
		for _, a := range to {
			m, e := s.alice.device.Encrypt(s.ctx, a, []byte("for Bob"))
			list, err = append(list, s.post(a, m, e)...), errors.Join(err, e)
		}
		return list, err
	}},
	"session.Device.EncryptTo": {send: func(s *stage, to []signet.Address) (list []*post, err error) {
		for _, a := range to {
			m, e := s.alice.device.EncryptTo(s.ctx, a, []byte("for Bob"), func(session.Tx, session.Message) error { return nil })
			list, err = append(list, s.post(a, m, e)...), errors.Join(err, e)
		}
		return list, err
	}},
	"session.Device.EncryptIn": {send: func(s *stage, to []signet.Address) (list []*post, err error) {
		for _, a := range to {
			var m session.Message
			e := s.alice.store.Update(s.ctx, a, func(tx session.Tx) (err error) {
				m, err = s.alice.device.EncryptIn(tx, a, []byte("for Bob"))
				return err
			})
			list, err = append(list, s.post(a, m, e)...), errors.Join(err, e)
		}
		return list, err
	}},
	"session.Device.EncryptAll": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		var out []session.Outgoing
		for _, a := range to {
			out = append(out, session.Outgoing{Peer: a, Plaintext: []byte("for Bob")})
		}
		sent, err := s.alice.device.EncryptAll(s.ctx, out, nil)
		return s.outgoing(sent), err
	}},
	"session.Device.EncryptEach": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		var out []session.Outgoing
		for _, a := range to {
			out = append(out, session.Outgoing{Peer: a, Plaintext: []byte("for Bob")})
		}
		sent, left, err := s.alice.device.EncryptEach(s.ctx, out, nil)
		for _, l := range left {
			err = errors.Join(err, l.Err)
		}
		return s.outgoing(sent), err
	}},
	"sesame.Client.EncryptEach": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		drafts := []sesame.Draft{{User: to[0].Name, Plaintext: []byte("for Bob")}}
		sent, left, err := s.alice.client.EncryptEach(s.ctx, drafts, nil)
		for _, l := range left {
			err = errors.Join(err, l.Err)
		}
		return s.outgoing(sent), err
	}},
	"sesame.Client.Encrypt": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		sent, err := s.alice.client.Encrypt(s.ctx, s.users[1].name, []byte("for Bob"))
		return s.outgoing(sent), err
	}},
	"sesame.Client.EncryptAll": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		drafts := []sesame.Draft{{User: to[0].Name, Plaintext: []byte("for Bob")}}
		sent, err := s.alice.client.EncryptAll(s.ctx, drafts, nil)
		return s.outgoing(sent), err
	}},
	"sesame.Client.Send": {send: func(s *stage, to []signet.Address) (list []*post, err error) {
		err = s.alice.client.Send(s.ctx, s.users[1].name, []byte("for Bob"), s.deliverTo(&list))
		return list, err
	}},
	"sealed.Sender.SealOne": {send: func(s *stage, to []signet.Address) (list []*post, err error) {
		for _, a := range to {
			b, e := s.alice.sender.SealOne(s.ctx, a, []byte("for Bob"))
			list, err = append(list, s.sealed(a, b, e)...), errors.Join(err, e)
		}
		return list, err
	}},
	"sealed.Sender.SealOneTo": {send: func(s *stage, to []signet.Address) (list []*post, err error) {
		for _, a := range to {
			b, e := s.alice.sender.SealOneTo(s.ctx, a, []byte("for Bob"), &sealed.Details{Version: 2}, nil)
			list, err = append(list, s.sealed(a, b, e)...), errors.Join(err, e)
		}
		return list, err
	}},
	"sealed.Sender.SealPlaintext": {send: func(s *stage, to []signet.Address) (list []*post, err error) {
		for _, a := range to {
			b, e := s.alice.sender.SealPlaintext(s.ctx, a, s.complaint(a), nil)
			for _, p := range s.sealed(a, b, e) {
				p.kind = retrying
				list = append(list, p)
			}
			err = errors.Join(err, e)
		}
		return list, err
	}},
	"sealed.Sender.Seal": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		b, err := s.alice.senders[0].Seal(s.ctx, to, []byte("for Bob and the group"))
		return s.split(b, err), err
	}},
	"sealed.Sender.SealTo": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		b, err := s.alice.senders[0].SealTo(s.ctx, to, []byte("for Bob and the group"), nil, nil)
		return s.split(b, err), err
	}},
	"group.Channel.Share": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		d, err := s.alice.channels[0].Share(s.ctx, s.alice.device, to)
		return s.deliveries(d), err
	}},
	"group.Channel.Rotate": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		d, err := s.alice.channels[0].Rotate(s.ctx, s.alice.device, to)
		return s.deliveries(d), err
	}},
	"group.Channel.Encrypt": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		b, err := s.alice.channels[0].Encrypt(s.ctx, []byte("for the group"))
		return s.groupPost(b, err), err
	}},
	"group.Channel.EncryptIn": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		var b []byte
		err := s.alice.store.Update(s.ctx, s.alice.addr, func(tx session.Tx) (err error) {
			b, err = s.alice.channels[0].EncryptIn(tx, []byte("for the group"))
			return err
		})
		return s.groupPost(b, err), err
	}},
	"group.Channel.EncryptTo": {send: func(s *stage, to []signet.Address) ([]*post, error) {
		b, err := s.alice.channels[0].EncryptTo(s.ctx, []byte("for the group"), func(session.Tx, []byte) error { return nil })
		return s.groupPost(b, err), err
	}},

	// Identities are taken up.
	"session.Device.Start": {admit: func(s *stage) error {
		return s.alice.device.Start(s.ctx, s.evil.addr, got(handed(s.evil.stock.Next())).Bundle)
	}},
	"session.Device.StartAll": {admit: func(s *stage) error {
		c := session.Contact{Peer: s.evil.addr, Bundle: got(handed(s.evil.stock.Next())).Bundle}
		return s.alice.device.StartAll(s.ctx, []session.Contact{c}, nil, nil)
	}},
	"session.Device.StartEach": {admit: func(s *stage) error {
		c := session.Contact{Peer: s.evil.addr, Bundle: got(handed(s.evil.stock.Next())).Bundle}
		left, err := s.alice.device.StartEach(s.ctx, []session.Contact{c})
		for _, l := range left {
			err = errors.Join(err, l.Err)
		}
		return err
	}},
	"session.Device.Foreign": {admit: func(s *stage) error {
		left, err := s.alice.device.Foreign(s.ctx, []session.Named{{Peer: s.evil.addr, Identity: s.evil.public()}})
		for _, l := range left {
			err = errors.Join(err, l.Err)
		}
		return err
	}},
	"session.Device.Barrier": {admit: func(s *stage) error {
		return s.alice.device.Barrier(s.ctx, s.evil.addr, got(handed(s.evil.stock.Next())).Bundle)
	}},
	"session.Device.SetRecord": {admit: func(s *stage) error {
		return s.alice.device.SetRecord(s.ctx, s.evil.addr, s.recordWith(s.evil))
	}},
	"session.Device.Compare": {admit: func(s *stage) error {
		return s.alice.store.Update(s.ctx, s.evil.addr, func(tx session.Tx) error {
			return s.alice.device.Compare(tx, s.evil.addr, s.evil.public())
		})
	}},
	"session.Device.Verify": {admit: func(s *stage) error {
		return s.alice.device.Verify(s.ctx, s.evil.addr, s.evil.public())
	}},
	"session.Device.Accept": {admit: func(s *stage) error {
		return s.alice.store.Update(s.ctx, s.evil.addr, func(tx session.Tx) error {
			return s.alice.device.Accept(tx, s.evil.addr, s.evil.public())
		})
	}},

	// What is said about a peer.
	"session.Device.Missing": {report: func(s *stage) (bool, error) {
		missing, err := s.alice.device.Missing(s.ctx, []session.Outgoing{{Peer: s.evil.addr}})
		return len(missing) == 0, err
	}},
	"session.Device.Remotes": {report: func(s *stage) (bool, error) {
		r, err := s.alice.device.Remotes(s.ctx, []signet.Address{s.evil.addr})
		return err == nil && (r[0].Session || r[0].Known && r[0].Identity.Equal(s.evil.public())), err
	}},
	"session.Device.Status": {report: func(s *stage) (bool, error) {
		st, err := s.alice.device.Status(s.ctx, s.evil.addr)
		return st.Usable(), err
	}},
	"session.Device.TrustedIn": {report: func(s *stage) (is bool, err error) {
		err = s.alice.store.Update(s.ctx, s.evil.addr, func(tx session.Tx) error {
			key, ok, err := s.alice.device.TrustedIn(tx, s.evil.addr)
			is = ok && key.Equal(s.evil.public())
			return err
		})
		return is, err
	}},
	"session.Device.Verified": {report: func(s *stage) (bool, error) {
		if err := s.alice.device.Verify(s.ctx, s.evil.addr, s.evil.public()); err == nil {
			return true, nil
		}
		is, err := s.alice.device.Verified(s.ctx, s.evil.addr)
		return is && !s.checked, err
	}},
	"session.Device.Trusted": {report: func(s *stage) (bool, error) {
		key, ok, err := s.alice.device.Trusted(s.ctx, s.evil.addr)
		return ok && key.Equal(s.evil.public()), err
	}},
}

func init() {
	for reason, names := range unattacked {
		for _, name := range names {
			rows[name] = &row{none: reason}
		}
	}
}

// post is what Alice has written to a device, if she has.
func (s *stage) post(to signet.Address, m session.Message, err error) []*post {
	if err != nil {
		return nil
	}
	return []*post{{author: s.alice, to: to, message: m, text: []byte("for Bob")}}
}

func (s *stage) sealed(to signet.Address, envelope []byte, err error) []*post {
	if err != nil {
		return nil
	}
	return []*post{{author: s.alice, to: to, envelope: envelope}}
}

func (s *stage) outgoing(sent []session.Sent) (list []*post) {
	for _, m := range sent {
		list = append(list, s.post(m.Peer, m.Message, nil)...)
	}
	return list
}

func (s *stage) deliveries(list []group.Delivery) (posts []*post) {
	for _, d := range list {
		posts = append(posts, s.post(d.To, d.Message, d.Err)...)
	}
	return posts
}

func (s *stage) groupPost(b []byte, err error) []*post {
	if err != nil {
		return nil
	}
	return []*post{{author: s.alice, kind: grouped, message: session.Message{Type: session.TypeSenderKey, Body: b}}}
}
