package check

import (
	"bytes"
	"encoding/hex"
	"slices"
)

// A client is the customer's client as far as custody goes: what it accepts and what it shows
// (docs/custody-bundle.md, Statements).
type client struct {
	root     []byte
	profile  string
	identity string // of the business
	protocol uint64

	history   []*statement // accepted, newest last
	changed   bool         // and the customer has not acknowledged it
	former    []former
	partial   string // identity key at a first statement that was not the first of its chain
	doubt     bool
	missing   bool
	lied      bool
	published uint64
}

const (
	identitySigned = "identity-signed"

	day    = 24 * 60 * 60
	period = 7 * day // the longest that a statement is believed
	grace  = 60      // how long a renewal is waited for in a run
	skew   = 5 * 60
)

func (c *client) current() *statement {
	if len(c.history) == 0 {
		return nil
	}
	return c.history[len(c.history)-1]
}

// accept checks a statement and takes it to be in force. A refusal leaves a doubt; two statements
// with one number end all trust.
func (c *client) accept(s *statement, now uint64) bool {
	cur := c.current()
	ok := c.authentic(s)
	if ok && cur != nil {
		c.published = max(c.published, s.seq)
	}
	ok = ok && s.business == ends[1] && slices.Contains(s.bound, c.identity)
	for _, old := range c.history {
		if ok && old.seq == s.seq && old.hash() != s.hash() {
			c.lied = true
		}
	}
	same := cur != nil && cur.seq == s.seq
	if !ok || c.lied || cur != nil && !same && !c.next(s) || !c.sensible(s, now) {
		c.doubt = true
		return false
	}
	if !same {
		c.settle(s)
	}
	return true
}

// authentic: the signature is by the key that the client goes by.
func (c *client) authentic(s *statement) bool {
	if c.profile == identitySigned {
		return s.signedByIdentity(c.identity)
	}
	return s.signedBy(c.root)
}

// next: the statement follows the one in force.
func (c *client) next(s *statement) bool {
	last := c.current().hash()
	return s.seq == c.current().seq+1 && bytes.Equal(s.prev, last[:])
}

// sensible: the times, the label, and what the statement speaks about.
func (c *client) sensible(s *statement, now uint64) bool {
	cur := c.current()
	switch {
	case s.from > now+skew, now > end(s) && cur == nil && s.seq > 1, cur != nil && s.from < cur.from:
		return false
	case s.label != labelOf(s.protocol, s.grants), len(s.grants) == 0 && (s.storage != 1 || s.actor != 1):
		return false
	}
	return s.scoped() && (cur == nil || bytes.Equal(cur.scope, s.scope)) && s.protocol <= c.protocol
}

// end is when a statement is no longer believed.
func end(s *statement) uint64 { return min(s.from+period, s.expires) + grace }

func (c *client) settle(s *statement) {
	if cur := c.current(); cur != nil {
		c.retire(cur, s)
		c.changed = c.changed || cur.custody != s.custody
	} else if s.seq > 1 {
		c.partial = c.identity
	}
	if c.history = append(c.history, s); len(c.history) > 16 {
		c.history = c.history[1:]
	}
	c.doubt, c.missing, c.published = false, false, max(c.published, s.seq)
}

// retire remembers what the statement before gave and this one does not.
func (c *client) retire(before, now *statement) {
	for _, p := range before.providers {
		had, quota, oracle := givenTo(before, p)
		has, left, _ := givenTo(now, p)
		had &^= has | bitPlaintext
		if left > 0 {
			quota = 0
		}
		if had == 0 && quota == 0 {
			continue
		}
		i := slices.IndexFunc(c.former, func(f former) bool { return f.name == p.name })
		if i < 0 {
			i = len(c.former)
			c.former = append(c.former, former{name: p.name})
		}
		f := &c.former[i]
		f.secrets, f.quota, f.chains = f.secrets|had, f.quota+quota, 5
		if had&bitIdentity != 0 && !oracle {
			f.identity = c.identity
		}
	}
}

// givenTo is what a statement gives a provider; oracle if the identity key is only asked.
func givenTo(s *statement, p provider) (secrets, quota uint64, oracle bool) {
	copied := false
	for _, g := range s.grants {
		if q := s.providers[g.to]; q.name != p.name || q.key != p.key {
			continue
		}
		if g.via == viaQuota {
			quota += min(g.count, 1<<40)
			continue
		}
		secrets |= g.secrets
		copied = copied || g.via != viaOracle && g.secrets&bitIdentity != 0
	}
	return secrets, quota, secrets&bitIdentity != 0 && !copied
}

// observe takes note of a signal. It returns false for one that does not exist.
func (c *client) observe(e *event) bool {
	switch e.Signal {
	case "chain":
		for i := range c.former {
			if f := &c.former[i]; f.chains > 1 {
				f.chains--
			} else {
				f.secrets, f.quota, f.chains = f.secrets&^ofChains, 0, 0
			}
		}
		c.former = slices.DeleteFunc(c.former, func(f former) bool { return f.secrets == 0 && f.quota == 0 })
	case "barrier":
		c.former = slices.DeleteFunc(c.former, func(f former) bool { return f.identity != c.identity })
		if c.partial != c.identity {
			c.partial = ""
		}
	case "missing", "complete":
		c.missing = e.Signal == "missing"
	case "collision":
		c.lied = true
	case "identity":
		c.identity = e.Identity
	case "asked":
	default:
		return false
	}
	return true
}

// A shown is what a client shows.
type shown struct {
	kind        string
	now, before []holder
}

// show is what the client shows at a time. "e2ee" comes last, after every reason against it.
func (c *client) show(at uint64) *shown {
	s := &shown{kind: "unknown"}
	cur := c.current()
	if cur != nil {
		s.now, s.before = holding(cur, c.former)
	}
	switch {
	case c.lied:
		s.kind = "contradicted"
	case cur == nil:
	case at > end(cur):
		s.kind = "expired"
	case c.changed:
		s.kind = "changed"
	case len(s.now) > 0:
		s.kind = "managed"
	case len(s.before) > 0:
		s.kind = "revoked"
	case c.profile == identitySigned, c.doubt, c.missing, c.published > cur.seq, !slices.Contains(cur.bound, c.identity),
		cur.protocol > c.protocol, c.partial != "", at < cur.from:
	default:
		s.kind = "e2ee"
	}
	return s
}

// asserts reports whether the client claims to know who holds what.
func (s *shown) asserts() bool {
	return s != nil && s.kind != "unknown" && s.kind != "expired" && s.kind != "contradicted"
}

// tells reports whether it says that one of those named can do one of these things.
func (s *shown) tells(names map[string]bool, verbs int) bool {
	return s != nil && slices.ContainsFunc(slices.Concat(s.now, s.before), func(h holder) bool {
		return h.verbs&verbs != 0 && slices.ContainsFunc(h.names, func(n string) bool { return names[n] })
	})
}

// by names those who are shown to hold something, or to have held it.
func (s *shown) by() (list []string) {
	from := s.now
	if s.kind == "revoked" {
		from = s.before
	}
	if !s.asserts() {
		return nil
	}
	for _, h := range from {
		for _, n := range h.names {
			if !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	return list
}

func (c *client) copy() *client {
	next := *c
	next.history, next.former = slices.Clone(c.history), slices.Clone(c.former)
	return &next
}

func newClient(b *custody) (*client, error) {
	root, err := unhex(b.Root, 32)
	if err != nil {
		return nil, err
	}
	if b.Profile != "custody-root" && b.Profile != identitySigned || b.Protocol != 3 && b.Protocol != 4 {
		return nil, refuse("the custody of the transcript is malformed")
	}
	if _, err := hex.DecodeString(b.Identity); err != nil || !isKey(b.Identity) {
		return nil, refuse("the custody of the transcript is malformed")
	}
	return &client{root: root, profile: b.Profile, identity: b.Identity, protocol: b.Protocol}, nil
}
