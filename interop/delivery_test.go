package interop

import (
	"bytes"
	"slices"
)

// An expectation is what the model says of a delivery: the words that are allowed, "" for a
// decryption.
type expectation []string

func (x expectation) allows(word string) bool { return slices.Contains(x, word) }

var (
	opens     = expectation{""}
	duplicate = expectation{"duplicate"}
	invalid   = expectation{"invalid-message"}
	noPreKey  = expectation{"invalid-prekey-id"}
	openOr    = expectation{"", "invalid-message", "duplicate"}
)

// expect says what the delivery of l to e must give.
func (c *conversation) expect(e *end, l *letter) expectation {
	v := e.views[l.base]
	if v == nil {
		if l.begun.life != e.life {
			return noPreKey
		}
		return opens
	}
	chain := string(l.header.RatchetKey)
	switch kept := slices.Contains(v.chains, chain); {
	case !kept && v.gone[chain]:
		return invalid // looks like a new chain, whose agreement fails
	case l.opened && kept:
		return duplicate
	case c.old(e, l):
		return openOr
	}
	return opens
}

// old reports whether e may have forgotten the key of l, or come so far that the key is of a past
// epoch: the two ratchets keep 2000 keys each, and SPQR those of one epoch before the current one
// (protocol §5.6).
func (c *conversation) old(e *end, l *letter) bool {
	const kept = 1900 // less than 2000: messages of both ratchets are not counted alike
	mine, theirs := e.views[l.base], c.other(e).views[l.base]
	return l.header.Epoch() < mine.epoch || theirs.sent-l.number > kept
}

// deliver gives l to e and checks what comes of it.
func (c *conversation) deliver(e *end, l *letter) {
	c.t.Helper()
	want := c.expect(e, l)
	var twins *outcome
	if c.percent(c.style.compare) || l.opened || len(want) > 1 {
		twins = c.compare(e, l.message)
	}
	from := c.other(e).address()
	plaintext, err := e.dev.Decrypt(from, l.message)
	got := Word(err)
	c.note("%s gets %s: %q", e.name, l, got)
	c.tally.delivered++
	if !want.allows(got) {
		c.fail("%s: delivery gives %q (%v) instead of %q", e.name, got, err, want)
	}
	if twins != nil && twins.word != got && !(e.views[l.base] == nil && twins.word == c.strange(l)) {
		c.fail("%s: delivery gives %q, its twins give %q", e.name, got, twins.word)
	}
	if err == nil && !bytes.Equal(plaintext, l.plaintext) {
		c.fail("%s: another plaintext", e.name)
	}
	switch {
	case err == nil && l.opened:
		c.fail("%s: decrypted twice", e.name)
	case err == nil:
		c.opened(e, l)
	case got == "duplicate":
		c.tally.duplicates++
	case got == "invalid-prekey-id":
		c.tally.refused++
		c.recover(c.other(e), l)
	default:
		c.tally.late++
	}
}

// strange is the word of a twin for a session that it does not know: it has no prekeys, and begins
// no session of version 3.
func (c *conversation) strange(l *letter) string {
	if l.header.Version == x3dh {
		return "invalid-message"
	}
	return "invalid-prekey-id"
}

// opened brings the model up to a letter that was decrypted.
func (c *conversation) opened(e *end, l *letter) {
	l.opened = true
	e.received = append(e.received, l)
	v := e.views[l.base]
	if v == nil {
		v = &view{gone: make(map[string]bool)}
		e.views[l.base] = v
	}
	v.answered = true
	v.epoch = max(v.epoch, l.header.Epoch())
	e.current, e.begun = l.base, nil
	chain := string(l.header.RatchetKey)
	if slices.Contains(v.chains, chain) {
		return
	}
	v.chains = append(v.chains, chain)
	if len(v.chains) > keptChains {
		v.gone[v.chains[0]] = true
		v.chains = v.chains[1:]
	}
}

// recover is what an application does when its peer has lost the prekeys of a session: it begins
// another one.
func (c *conversation) recover(e *end, l *letter) {
	if e.current == l.base {
		c.archive(e)
	}
}
