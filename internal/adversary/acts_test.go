package adversary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/sealed"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
)

// An act is something that happens, as often as its weight says.
type act struct {
	name   string
	weight int
	do     func(w *world)
}

var acts = []act{
	{"deliver", 40, (*world).deliver},
	{"say", 24, (*world).say},
	{"seal", 8, (*world).sealOne},
	{"group", 10, (*world).inGroup},
	{"start", 4, (*world).start},
	{"trust", 4, (*world).trust},
	{"verify", 2, (*world).verify},
	{"forget", 1, (*world).forget},
	{"lie", 4, (*world).lie},
	{"haunt", 1, func(w *world) { w.haunt() }},
	{"reinstall", 1, func(w *world) {
		if w.n(3) == 0 {
			w.reinstall(w.users[w.n(len(w.users))])
		}
	}},
	{"add device", 1, func(w *world) { w.addDevice(w.users[w.n(len(w.users))]) }},
	{"end sessions", 2, (*world).endSessions},
	{"plant", 2, (*world).plant},
	{"prekeys", 2, (*world).prekeys},
	{"time", 2, (*world).pass},
	{"talk", 2, (*world).talk},
	{"gather", 5, (*world).gather},
}

var weights = func() (n int) {
	for _, a := range acts {
		n += a.weight
	}
	return n
}()

// step does one thing.
func (w *world) step() {
	n := w.n(weights)
	w.mood = w.n(256)
	for _, a := range acts {
		if n -= a.weight; n < 0 {
			w.log("- %s", a.name)
			w.count(a.name)
			a.do(w)
			return
		}
	}
}

// machine is some machine, one in its user's hands more often than not.
func (w *world) machine() *machine {
	if lives := w.lives(); w.n(4) > 0 {
		return lives[w.n(len(lives))]
	}
	return w.machines[w.n(len(w.machines))]
}

// someone is another machine's address, or a place where one might be.
func (w *world) someone() signet.Address {
	a := w.machines[w.n(len(w.machines))].addr
	if w.n(8) == 0 {
		a.Device = uint32(1 + w.n(9))
	}
	return a
}

// say has a machine write to a user, or to a device, in one of the ways that there are.
func (w *world) say() {
	m, text := w.machine(), w.text()
	to := w.users[w.n(len(w.users))].name
	switch w.n(6) {
	case 0, 1:
		w.send(m, to, text)
	case 2:
		sent, err := m.client.Encrypt(w.ctx, to, text)
		w.all(m, sent, text, err)
	case 3:
		drafts := []sesame.Draft{{User: to, Plaintext: text}, {User: w.users[w.n(len(w.users))].name, Plaintext: text}}
		sent, err := m.client.EncryptAll(w.ctx, drafts, nil)
		w.all(m, sent, text, err)
	case 4:
		peer := w.someone()
		before := m.store.changes
		message, err := m.device.Encrypt(w.ctx, peer, text)
		if err != nil {
			w.refused(m, before, "encrypt", err)
			return
		}
		w.sent(&post{author: m, to: peer, message: message, text: text})
	case 5:
		out := []session.Outgoing{{Peer: w.someone(), Plaintext: text}, {Peer: w.someone(), Plaintext: text}}
		before := m.store.changes
		sent, err := m.device.EncryptAll(w.ctx, out, nil)
		if err != nil {
			w.refused(m, before, "encrypt all", err)
		}
		w.all(m, sent, text, err)
	}
}

// all puts the messages for many devices into the service's hands.
func (w *world) all(m *machine, sent []session.Sent, text []byte, err error) {
	if err != nil {
		w.count("not sent")
		w.trusting(m, err)
		w.meets(m)
		return
	}
	for _, s := range sent {
		w.sent(&post{author: m, to: s.Peer, message: s.Message, text: text})
	}
	w.meets(m)
}

// meets: sessions that began stay, although the message failed for another reason, and with them
// the identities that were accepted.
func (w *world) meets(m *machine) {
	for _, o := range w.machines {
		if _, known := m.accepted[w.holder(o.addr)]; !known && m.fate == live {
			w.learn(m, o.addr)
		}
	}
}

// trusting has a machine of the service's trust whom it must, so that it loses nothing.
func (w *world) trusting(m *machine, err error) {
	var u *session.UntrustedIdentityError
	if m.fate != live && errors.As(err, &u) {
		_ = m.device.Trust(w.ctx, u.Peer, u.Offered)
	}
}

// send is sesame's, with a service that refuses when it likes. It keeps what it refuses.
func (w *world) send(m *machine, to string, text []byte) {
	given := false
	err := m.client.Send(w.ctx, to, text, func(_ context.Context, user string, messages []sesame.Message) error {
		for _, s := range messages {
			w.sent(&post{author: m, to: s.Peer, message: s.Message, text: text})
		}
		if user != to && !given && m.fate == live {
			w.breaks(ruleCopy, "%v to %s", m, to)
		}
		switch w.n(6) {
		case 0:
			return &sesame.MismatchError{User: user, Stale: []uint32{uint32(1 + w.n(4))}, Extra: []uint32{uint32(1 + w.n(9))}}
		case 1:
			return errors.New("the service is not reached")
		}
		given = given || user == to
		return nil
	})
	if err != nil {
		w.count("not sent")
		w.trusting(m, err)
	}
	w.meets(m)
}

// sealOne has a machine write to a device in an envelope, or ask it to write again.
func (w *world) sealOne() {
	m, to, text := w.machine(), w.someone(), w.text()
	before := m.store.changes
	p := &post{author: m, to: to, text: text}
	var err error
	if w.n(4) == 0 {
		p.kind, p.text = retrying, w.complaint(to)
		p.envelope, err = m.sender.SealPlaintext(w.ctx, to, p.text, nil)
		if m.fate != live { // who can seal it again knows it
			p.message = session.Message{Type: session.TypePlaintext, Body: p.text}
		}
	} else {
		p.envelope, err = m.sender.SealOneTo(w.ctx, to, text, &sealed.Details{Version: 1 + w.n(2)}, func(_ session.Tx, _ []byte) error { return nil })
	}
	if err != nil {
		w.refused(m, before, "seal", err)
		w.trusting(m, err)
		return
	}
	w.sent(p)
}

// complaint is plaintext content about one of the messages of a device.
func (w *world) complaint(to signet.Address) []byte {
	for _, p := range w.posts {
		if p.author.addr == to && p.kind == direct && p.message.Body != nil {
			e, err := session.NewDecryptionErrorMessage(p.message, uint64(w.tag), to.Device)
			must(err)
			return session.NewPlaintextContent(e).Body
		}
	}
	return session.NewPlaintextContent(&session.DecryptionErrorMessage{Device: to.Device}).Body
}

// start has a machine begin a session from whatever the service hands out, or end all that there
// were.
func (w *world) start() {
	m, to := w.machine(), w.someone()
	h, err := (&view{w.service, m}).Bundle(w.ctx, m.addr, to)
	if err != nil {
		return
	}
	before := m.store.changes
	switch w.n(3) {
	case 0:
		err = m.device.Start(w.ctx, to, h.Bundle)
	case 1:
		err = m.device.Barrier(w.ctx, to, h.Bundle)
	case 2:
		err = m.device.StartAll(w.ctx, []session.Contact{{Peer: to, Bundle: h.Bundle}}, nil, nil)
	}
	if err != nil {
		w.refused(m, before, "start", err)
		w.trusting(m, err)
		return
	}
	if key, ok := m.accepted[w.holder(to)]; ok && m.fate == live && !key.Equal(h.Bundle.Identity()) {
		w.breaks(ruleAuthor, "%v begins a session with another identity of %v", m, to)
	}
	w.learn(m, to)
}

// lie changes what the directory says.
func (w *world) lie() {
	m := w.machines[w.n(len(w.machines))]
	switch w.n(3) {
	case 0:
		w.service.honest = !w.service.honest
	case 1:
		w.service.listed[m] = !w.service.listed[m]
	case 2:
		w.service.hidden[m] = !w.service.hidden[m]
	}
	for _, m := range w.machines {
		if w.n(4) == 0 {
			m.client.Forget(w.users[w.n(len(w.users))].name)
		}
	}
}

// endSessions has a machine end sessions in one of the ways that there are.
func (w *world) endSessions() {
	m, peer := w.machine(), w.someone()
	var err error
	switch w.n(3) {
	case 0:
		err = m.device.Archive(w.ctx, peer)
	case 1:
		err = m.client.Remove(w.ctx, peer)
	case 2:
		err = m.client.Resolve(w.ctx, &sesame.MismatchError{User: peer.Name, Extra: []uint32{peer.Device}})
	}
	must(err)
}

// plant brings a session of another identity into a store, as an import, a restored backup or a
// version of a program that did not compare would have.
func (w *world) plant() {
	evil, lives := w.evil(), w.lives()
	if len(evil) == 0 {
		return
	}
	m, e := lives[w.n(len(lives))], evil[w.n(len(evil))]
	if m.addr == e.addr {
		return
	}
	copied := session.NewDevice(m.addr, m.key, newLedger(false), &session.Options{AllowX3DH: w.x3dh, Now: w.now, DeviceIdentities: true})
	b := got(handed(e.stock.Next()))
	must(copied.Start(w.ctx, e.addr, b.Bundle))
	record := got(copied.Record(w.ctx, e.addr))
	if _, known := m.accepted[w.holder(e.addr)]; known && w.n(2) == 0 {
		must(m.store.Update(w.ctx, e.addr, func(tx session.Tx) error {
			if err := tx.PutSession(e.addr, record); err != nil || w.perDevice { // whose row of identity counts
				return err
			}
			return errors.Join(tx.PutIdentity(e.addr, e.public().Bytes()), w.plantKeys(tx, e))
		}))
		if key := m.accepted[w.holder(e.addr)]; w.n(3) == 0 {
			must(m.device.Trust(w.ctx, e.addr, key)) // once more
		}
		if w.write(e, w.n(groups)) == nil {
			w.take(m, w.posts[len(w.posts)-1], claim{from: e.addr})
		}
		return
	}
	before := m.store.changes
	if err := m.device.SetRecord(w.ctx, e.addr, record); err != nil {
		w.refused(m, before, "set record", err)
		return
	}
	w.learn(m, e.addr)
}

// plantKeys brings the sender keys of e into a store, as those of before who delivered a key was
// noted.
func (w *world) plantKeys(tx session.Tx, e *machine) error {
	for i, c := range e.channels {
		if _, err := c.Distribution(w.ctx); err != nil {
			got(c.Renew(w.ctx)) // it was given to somebody who has changed
		}
		record, err := c.Record(w.ctx, e.addr)
		if err == nil {
			err = tx.(group.Tx).PutSenderKey(e.addr, w.groups[i].String(), record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prekeys has a machine replace or replenish its prekeys.
func (w *world) prekeys() {
	m := w.machines[w.n(len(w.machines))]
	if w.n(2) == 0 {
		must(m.client.Rotate(w.ctx))
		return
	}
	_, err := m.client.Replenish(w.ctx, 4)
	must(err)
}

// pass lets time go by.
func (w *world) pass() {
	w.clock = w.clock.Add([]time.Duration{time.Minute, time.Hour, 24 * time.Hour, 10 * 24 * time.Hour}[w.n(4)])
}

// talk has two devices that accept each other exchange messages over a service that is honest for
// once.
func (w *world) talk() {
	w.sound = true
	defer func() { w.sound = false }()
	lives := w.lives()
	a, b := lives[w.n(len(lives))], lives[w.n(len(lives))]
	if a == b || !w.accepts(a, b) || !w.accepts(b, a) {
		return
	}
	h := got(handed(b.stock.Next()))
	if err := a.device.Start(w.ctx, b.addr, h.Bundle); err != nil {
		w.breaks(ruleHealthy, "%v cannot begin with %v: %v", a, b, err)
		return
	}
	for _, pair := range [][2]*machine{{a, b}, {b, a}} {
		from, to, text := pair[0], pair[1], fmt.Appendf(nil, "talk %d", w.tag)
		w.tag++
		message, err := from.device.Encrypt(w.ctx, to.addr, text)
		if err != nil {
			w.breaks(ruleHealthy, "%v cannot write to %v: %v", from, to, err)
			return
		}
		p := &post{author: from, to: to.addr, message: message, text: text}
		w.sent(p)
		if w.take(to, p, claim{from: from.addr}); !to.opened[p] && w.broken == "" {
			w.breaks(ruleHealthy, "%v cannot read %v", to, from)
		}
	}
	w.count("talks")
}

// accepts reports whether a would accept b.
func (w *world) accepts(a, b *machine) bool {
	key, known := a.accepted[w.holder(b.addr)]
	return !known || key.Equal(b.public())
}
