package adversary

import (
	"errors"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
)

// inGroup has a machine hand out its sender key, replace it, or write to a group.
func (w *world) inGroup() {
	m, i := w.machine(), w.n(groups)
	var members []signet.Address
	for range 1 + w.n(6) {
		members = append(members, w.machines[w.n(len(w.machines))].addr)
	}
	switch w.n(8) {
	case 0, 1:
		d, err := m.channels[i].Share(w.ctx, m.device, members)
		w.distributed(m, d, err)
	case 2:
		w.rotate(m, i, members)
	case 3:
		w.upload(m, i, members)
	default:
		if err := w.write(m, i); err != nil && w.n(2) == 0 && !errors.Is(err, group.ErrNoSenderKey) {
			w.rotate(m, i, members)
		}
	}
}

// write has a machine write to a group.
func (w *world) write(m *machine, i int) error {
	text, before := w.text(), m.store.changes
	message, err := m.channels[i].Encrypt(w.ctx, text)
	if err != nil {
		w.refused(m, before, "group", err)
		return err
	}
	w.sent(&post{author: m, kind: grouped, group: i, text: text, message: session.Message{Type: session.TypeSenderKey, Body: message}})
	return nil
}

func (w *world) rotate(m *machine, i int, members []signet.Address) {
	d, err := m.channels[i].Rotate(w.ctx, m.device, members)
	w.distributed(m, d, err)
}

// distributed puts the distributions of a sender key into the service's hands.
func (w *world) distributed(m *machine, list []group.Delivery, err error) {
	if err != nil {
		w.count("not shared")
		return
	}
	for _, d := range list {
		if d.Err != nil {
			w.trusting(m, d.Err)
			continue
		}
		w.count("shared")
		w.sent(&post{author: m, to: d.To, message: d.Message})
	}
}

// upload has a machine write to a group in one envelope.
func (w *world) upload(m *machine, i int, members []signet.Address) {
	text, before := w.text(), m.store.changes
	upload, err := m.senders[i].SealTo(w.ctx, members, text, nil, nil)
	if err != nil {
		w.refused(m, before, "upload", err)
		return
	}
	u := got(sealed.ParseUpload(upload))
	for j := range u.Recipients() {
		r := &u.Recipients()[j]
		p := &post{author: m, kind: grouped, group: i, text: text, envelope: u.AppendReceived(nil, r)}
		w.sent(p)
	}
}

// gather has a device that accepts another hand its sender key to it and write to the group, over a
// service that is honest for once.
func (w *world) gather() {
	w.sound = true
	defer func() { w.sound = false }()
	lives := w.lives()
	a, b, i := lives[w.n(len(lives))], lives[w.n(len(lives))], w.n(groups)
	if a == b || !w.accepts(a, b) || !w.accepts(b, a) {
		return
	}
	if missing := got(a.device.Missing(w.ctx, []session.Outgoing{{Peer: b.addr}})); len(missing) > 0 {
		must(a.device.Start(w.ctx, b.addr, got(handed(b.stock.Next())).Bundle))
	}
	share := a.channels[i].Share
	if w.n(8) == 0 {
		share = a.channels[i].Rotate
	}
	list, err := share(w.ctx, a.device, []signet.Address{b.addr})
	if err != nil {
		list, err = a.channels[i].Rotate(w.ctx, a.device, []signet.Address{b.addr})
	}
	must(err)
	must(list[0].Err)
	key := &post{author: a, to: b.addr, message: list[0].Message}
	w.sent(key)
	w.take(b, key, claim{from: a.addr})
	text := w.text()
	message, err := a.channels[i].Encrypt(w.ctx, text)
	if err != nil {
		w.breaks(ruleHealthy, "%v cannot write to a group that it has just made: %v", a, err)
		return
	}
	p := &post{author: a, kind: grouped, group: i, text: text, message: session.Message{Type: session.TypeSenderKey, Body: message}}
	w.sent(p)
	w.take(b, p, claim{from: a.addr})
	if b.opened[key] && !b.opened[p] && w.broken == "" {
		w.breaks(ruleHealthy, "%v has the sender key of %v and cannot read it", b, a)
	}
	w.count("gathered")
}
