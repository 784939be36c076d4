package adversary

import (
	"bytes"
	"errors"
	"maps"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// The rules, by the names under which the judge reports them.
const (
	ruleReader  = "a plaintext is opened under an identity that is not accepted for its user"
	ruleAuthor  = "a plaintext is attributed to a user whose accepted identity did not make it"
	ruleName    = "a plaintext is attributed to another device than made it"
	ruleChange  = "an accepted identity changes without a person"
	ruleLayers  = "layers differ about who wrote a message"
	ruleRefusal = "a refusal leaves something in the store"
	ruleTwice   = "a message is opened twice"
	ruleWrapped = "the outside of a message is obeyed although something else opened the inside"
	ruleStale   = "an unauthenticated registration id costs the session"
	ruleHealthy = "two honest devices that accept each other cannot talk"
	ruleCopy    = "the own devices are told of a message that its recipients were not given"
)

// A kind says how a post is opened.
type kind int

const (
	direct   kind = iota // a message of a session
	grouped              // a message of a group
	retrying             // plaintext content
)

func (k kind) String() string {
	return [...]string{"of a session", "of a group", "of plaintext content"}[k]
}

// A post is a message that the service has in its hands. It keeps all of them for a while.
type post struct {
	author   *machine
	to       signet.Address // zero: a group
	kind     kind
	group    int
	envelope []byte // if it was sealed
	message  session.Message
	text     []byte
	// accepted are the identities that the author accepted when it wrote.
	accepted map[string]signet.PublicKey
	honest   bool // the author was in its user's hands
}

// sent takes what a machine has made into the service's hands, and lets everybody try to open it
// who must not be able to.
func (w *world) sent(p *post) {
	m := p.author
	w.count("messages")
	if p.to.Name != "" {
		w.learn(m, p.to)
	}
	p.accepted, p.honest = maps.Clone(m.accepted), m.fate == live
	if len(w.posts) < maxPosts {
		w.posts = append(w.posts, p)
	} else {
		w.posts[w.n(maxPosts)] = w.posts[maxPosts-1]
		w.posts[maxPosts-1] = p
	}
	if !p.honest {
		return
	}
	for _, e := range w.evil() {
		key, known := p.accepted[w.holder(e.addr)]
		if known && key.Equal(e.public()) || p.kind != grouped && e.addr != p.to && w.n(4) > 0 {
			continue
		}
		w.steal(e, p)
		if w.broken != "" {
			return
		}
	}
}

// steal has a machine in the service's hands try what honest code would do with a post.
func (w *world) steal(e *machine, p *post) {
	w.count("thefts tried")
	w.take(e, p, claim{from: p.author.addr})
}

// learn is how the judge comes to know the identity that m accepted first: from m, once. Afterwards
// m is held to it.
func (w *world) learn(m *machine, of signet.Address) {
	key, ok, err := m.device.Trusted(w.ctx, of)
	if err != nil {
		w.breaks(ruleLayers, "%v does not know whom it trusts: %v", m, err)
		return
	}
	known, held := m.accepted[w.holder(of)]
	switch {
	case m.fate != live || !ok && !held:
	case !held:
		m.accepted[w.holder(of)] = key
		if w.strict() && !w.exists(of, key) {
			w.breaks(ruleAuthor, "%v accepts for %v what is nobody's of that name", m, of)
		}
	case w.holder(of) == w.holder(m.addr) && !ok: // the own identity has no row
	case !ok || !key.Equal(known):
		w.breaks(ruleChange, "%v and %v, known: %v", m, of, ok)
	}
}

// exists reports whether anybody of an address's holder, in any hands, has the identity.
func (w *world) exists(a signet.Address, key signet.PublicKey) bool {
	for _, m := range w.machines {
		if w.holder(m.addr) == w.holder(a) && m.public().Equal(key) {
			return true
		}
	}
	return false
}

// opened judges that m opened p, and attributes it as c says.
func (w *world) opened(m *machine, p *post, c claim, plaintext []byte) {
	if w.count("opened"); m.fate == live {
		w.count("opened by users: " + p.kind.String())
	}
	w.log("%v opens %q of %v to %v as from %v", m, clip(p.text), p.author, p.to, c.from)
	if plaintext != nil && p.text != nil && !bytes.Equal(plaintext, p.text) {
		w.breaks(ruleName, "%v opened %q, which is %q", m, clip(plaintext), clip(p.text))
	}
	w.judgeReader(m, p)
	if m.fate != live {
		return
	}
	if p.kind != retrying {
		if m.opened[p] {
			w.breaks(ruleTwice, "%v: %q of %v", m, clip(p.text), p.author)
		}
		m.opened[p] = true
	}
	w.judgeAuthor(m, p, c)
}

// judgeReader: what an honest device wrote is for the identity that it accepted, and for nobody
// else.
func (w *world) judgeReader(m *machine, p *post) {
	if !p.honest || m == p.author {
		return
	}
	name := w.holder(p.to)
	if p.kind == grouped {
		name = w.holder(m.addr)
	}
	if key, ok := p.accepted[name]; ok && key.Equal(m.public()) {
		return
	}
	if p.kind == grouped && !w.strict() {
		for _, key := range p.accepted {
			if key.Equal(m.public()) {
				return
			}
		}
	}
	w.breaks(ruleReader, "%v reads %q of %v to %v", m, clip(p.text), p.author, p.to)
}

// judgeAuthor: what a device attributes to a user was made under the identity that it accepts for
// him.
func (w *world) judgeAuthor(m *machine, p *post, c claim) {
	key, known := m.accepted[w.holder(c.from)]
	author := p.author.public()
	if p.kind == retrying && c.by != nil {
		author = c.by.public() // nothing but the envelope says who wrote it
	}
	if known && !key.Equal(author) {
		w.breaks(ruleAuthor, "%v takes %q of %v for %v's", m, clip(p.text), p.author, c.from)
		return
	}
	if !known && p.kind != retrying {
		m.accepted[w.holder(c.from)] = author
	}
	if w.strict() && p.kind != retrying && (p.author.addr != c.from || p.kind == direct && p.to != m.addr) {
		w.breaks(ruleName, "%v takes %q of %v to %v for %v's", m, clip(p.text), p.author, p.to, c.from)
	}
	if c.certified != nil && !c.certified.Equal(author) {
		w.breaks(ruleLayers, "%v: the certificate of %q of %v has another key", m, clip(p.text), p.author)
	}
	if p.kind != retrying {
		w.learn(m, c.from)
	}
}

// followed judges that m accepted other identities by itself.
func (w *world) followed(m *machine, list []session.IdentityChange) {
	if m.fate != live {
		return
	}
	w.count("changes followed")
	for _, c := range list {
		known, held := m.accepted[w.holder(c.Peer)]
		verified, marked := m.verified[w.holder(c.Peer)]
		marked = marked && verified.Equal(c.Old)
		policy := m.opts.IdentityChanges
		switch {
		case policy == session.RefuseChanges || policy == session.AcceptUnverified && marked:
			w.breaks(ruleChange, "%v accepts another identity for %v", m, c.Peer)
		case held && !known.Equal(c.Old) || c.Verified != marked || w.holder(c.Peer) == w.holder(m.addr):
			w.breaks(ruleChange, "%v tells of a change of %v that is none", m, c.Peer)
		}
		m.accepted[w.holder(c.Peer)] = c.New
	}
}

// refused judges that m refused something: nothing is kept.
func (w *world) refused(m *machine, before int, what string, err error) {
	w.count("refused")
	if m.store.changes != before {
		w.breaks(ruleRefusal, "%v: %s: %v", m, what, err)
	}
}

// untrusted returns the identity that was refused, if that is what err is about.
func untrusted(err error) (key signet.PublicKey, ok bool) {
	var u *session.UntrustedIdentityError
	if !errors.As(err, &u) {
		return key, false
	}
	return u.Offered, true
}

// stocks are what an attacker may want to use up.
func (w *world) stocks(m *machine) (n int) {
	must(m.store.Store.Update(w.ctx, signet.Address{}, func(tx session.Tx) error {
		a, err := tx.CountPreKeys()
		if err != nil {
			return err
		}
		b, err := tx.CountKEMPreKeys()
		n = a + b
		return err
	}))
	return n
}

// sessions counts the sessions with a peer.
func (w *world) sessions(m *machine, peer signet.Address) (n int) {
	b := got(m.device.Record(w.ctx, peer))
	current, rest, err := wire.SplitRecord(b)
	must(err)
	if current != nil {
		n++
	}
	for len(rest) > 0 {
		if _, _, rest, err = wire.NextPrevious(rest); err != nil {
			return n
		}
		n++
	}
	return n
}

func clip(b []byte) []byte {
	if len(b) > 40 {
		return b[:40]
	}
	return b
}
