package adversary

// trust has a person compare the safety number, or wave through what comes.
func (w *world) trust() {
	m := w.machine()
	lives := w.lives()
	of := lives[w.n(len(lives))]
	if evil := w.evil(); w.n(6) == 0 && len(evil) > 0 {
		of = evil[w.n(len(evil))]
	}
	key, a := of.public(), of.addr
	if known, ok := m.accepted[w.holder(a)]; ok && w.n(3) == 0 {
		key = known // once more
	}
	own := w.holder(a) == w.holder(m.addr)
	before := m.store.changes
	var err error
	if w.n(2) == 0 && !w.perDevice {
		err = m.client.Trust(w.ctx, a.Name, key)
	} else {
		if !w.perDevice {
			a.Device = uint32(1 + w.n(4))
		}
		err = m.device.Trust(w.ctx, a, key)
	}
	switch {
	case m.fate != live:
	case err != nil:
		w.refused(m, before, "trust", err)
	case own && !key.Equal(m.public()):
		w.breaks(ruleChange, "%v trusts another identity than its own for %v", m, a)
	default:
		m.accepted[w.holder(a)] = key
		w.learn(m, a)
	}
}

// verify has a person say that the accepted identity is the right one, or take that back. The judge
// does not care whether it is.
func (w *world) verify() {
	m, a := w.machine(), w.someone()
	key, known := m.accepted[w.holder(a)]
	if m.fate != live || !known {
		return
	}
	if w.n(4) == 0 {
		must(m.device.Unverify(w.ctx, a))
		delete(m.verified, w.holder(a))
		return
	}
	of := w.machines[w.n(len(w.machines))].public()
	before := m.store.changes
	if err := m.device.Verify(w.ctx, a, of); err == nil && !of.Equal(key) {
		w.breaks(ruleChange, "%v verifies what it does not accept for %v", m, a)
	} else if err != nil {
		w.refused(m, before, "verify", err)
	}
	must(m.device.Verify(w.ctx, a, key))
	m.verified[w.holder(a)] = key
	if !got(m.device.Verified(w.ctx, a)) {
		w.breaks(ruleLayers, "%v has not verified %v", m, a)
	}
}

// forget has a person forget somebody, which leaves the sender keys that he was given: they are
// replaced.
func (w *world) forget() {
	m, a := w.machine(), w.someone()
	if m.fate != live || w.holder(a) == w.holder(m.addr) || w.n(2) == 0 {
		return
	}
	must(m.device.Forget(w.ctx, a))
	delete(m.accepted, w.holder(a))
	delete(m.verified, w.holder(a))
	for _, c := range m.channels {
		got(c.Renew(w.ctx))
	}
	if _, known, err := m.device.Trusted(w.ctx, a); err != nil || known {
		w.breaks(ruleLayers, "%v has not forgotten %v: %v", m, a, err)
	}
}
