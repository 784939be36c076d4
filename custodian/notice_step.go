package custodian

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
)

// epoch is when every run begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// custody is what a run with notices has besides its messages: the chain of statements of the
// business, and the customer's client, which observes them and what happens in her session.
type custody struct {
	root     *notice.RootKey
	business *notice.Business
	client   *notice.Customer
	policy   *notice.Policy
	chat     notice.Chat

	stated []*stated       // everything that was published, by anybody
	chain  []*stated       // of the business; statement n is at n-1
	after  notice.Business // the chain as the client knows it

	session parcel.Key // in which new chains push out old ones; zero: there was none yet
	several bool       // there are others beside it
	texts   map[place]map[uint32][32]byte
	need    map[place]int // how many messages of a chain are known to exist
	newest  map[parcel.Key]place
	lost    int  // messages of it that the session refused
	excused int  // missing messages from before the statement in force
	missing bool // there are more
}

// A place is a chain of a session.
type place struct{ base, key parcel.Key }

// stated is a statement that was published.
type stated struct {
	number  int // in the order of publication, from 0
	step    int // of the script
	by      int // the principal who signed it; -1: the business
	signed  *notice.Signed
	control []byte // the control message that delivers it
	twin    *notice.Signed
	after   notice.Business // the chain with it
	quote   []int           // messages whose text it has for its words

	came  bool // it reached the client
	taken bool // and was accepted
	at    int  // the event of its arrival
}

// A clientEvent is what the customer's client notices. It is her testimony, as what a receiver
// takes is.
type clientEvent struct {
	signal   string
	stated   *stated // for signalStatement and signalProof
	identity parcel.Key

	time time.Time

	// For signalAsked: what a principal could make a copy of the client believe then.
	record, chain []byte
	deaf          bool          // it accepts nothing: the business has contradicted itself
	shown         *notice.State // to the customer
}

// The signals.
const (
	signalStatement = "statement" // a statement came
	signalProof     = "proof"     // somebody proved that the business made another one with this number
	signalChain     = "chain"     // the business wrote on a new chain of the one session
	signalBarrier   = "barrier"   // what was there when the last grant ended is deleted
	signalMissing   = "missing"   // messages of the business are missing
	signalComplete  = "complete"  // no longer
	signalCollision = "collision" // one place on a chain, two ciphertexts
	signalIdentity  = "identity"  // the business has a new identity key
	signalAsked     = "asked"
)

// lessGrace is how long a renewal is waited for in a run, where a step is a minute.
const lessGrace = time.Minute

// newCustody begins what notices need, nil if the script has none. The ends have compared numbers,
// so the custody root key is pinned from the beginning.
func (r *run) newCustody() (*custody, error) {
	var first *Statement
	for i := range r.sc.Script {
		if s := r.sc.Script[i].Notice; s != nil {
			first = s
			break
		}
	}
	if first == nil {
		return nil, nil
	}
	business, customer := r.parties[attack.Business], r.parties[attack.Customer]
	src := entropy.Seeded(seedOf(r.sc, "custody", 0))
	c := &custody{
		root: notice.GenerateRootFrom(src),
		chat: notice.Chat{
			Business: business.self, Identity: business.device.Identity(),
			Customer: customer.self, Own: customer.device.Identity(), Protocol: uint8(r.sc.Protocol),
		},
		policy: &notice.Policy{Grace: lessGrace, IdentityProfile: first.Profile == IdentitySigned},
		texts:  make(map[place]map[uint32][32]byte), need: make(map[place]int), newest: make(map[parcel.Key]place),
	}
	c.business = notice.NewBusinessFrom(src, notice.Account, &c.chat, "")
	c.after = *c.business
	c.client = notice.NewCustomer(c.chat, c.policy)
	if c.policy.IdentityProfile {
		return c, nil
	}
	bind, err := c.root.Bind(Business, c.chat.Identity, r.now)
	if err != nil {
		return nil, err
	}
	return c, c.client.Pin(bind, r.now)
}

// state returns what the client shows now.
func (c *custody) state(now time.Time) notice.State {
	if !c.missing {
		return c.client.State(now)
	}
	doubting := *c.client
	doubting.Observe(notice.SignalMissing)
	return doubting.State(now)
}

// notice plays a notice step.
func (r *run) notice(i int, s *Statement) error {
	st, err := r.statement(s)
	if err != nil {
		return err
	}
	c := r.custody
	st.number, st.step = len(c.stated), i
	c.stated = append(c.stated, st)
	r.add(event{stated: st})
	states, err := r.parties[attack.Business].states(r.ctx)
	if err != nil {
		return err
	}
	switch {
	case st.by >= 0:
		err = r.inject(&injection{step: i, by: st.by, text: string(st.control)}, r.parties[attack.Customer])
	case len(states) > 0 && !states[0].archived && states[0].HasSender:
		err = r.control(st, s.Withhold)
	case !s.Withhold: // it waits beside the bundle, where the customer's client finds it
		err = r.arrived(st.control)
	}
	if err != nil || st.twin == nil || !st.came {
		return err
	}
	r.observe(&clientEvent{signal: signalProof, stated: st})
	proof := notice.Equivocation{Root: c.root.Root(), A: st.signed, B: st.twin}
	if err := c.client.Judge(proof.Bytes()); err != nil && !errors.Is(err, notice.ErrNoProof) {
		return err
	}
	return nil
}

// statement signs what a step says.
func (r *run) statement(s *Statement) (*stated, error) {
	c := r.custody
	st := &stated{by: -1}
	if s.byPrincipal() {
		return r.statementOf(r.sc.principal(s.By), s)
	}
	if s.Replay > 0 {
		st.signed, st.after = c.chain[s.Replay-1].signed, c.chain[s.Replay-1].after
	} else {
		t, err := r.sc.terms("", s)
		if err != nil {
			return nil, err
		}
		draft := c.draft(t, r)
		if st.signed, err = c.sign(draft, r); err != nil {
			return nil, err
		}
		if s.Equivocate {
			if st.twin, err = c.other(draft, r); err != nil {
				return nil, err
			}
		}
		if err := c.business.Issued(st.signed); err != nil {
			return nil, err
		}
		st.after = *c.business
		c.chain = append(c.chain, st)
	}
	st.quote = r.quoted(st.signed.Statement())
	var err error
	st.control, err = c.business.Delivery(r.ctx, st.signed, nil, 0, nil)
	return st, err
}

func (c *custody) draft(t *notice.Terms, r *run) *notice.Statement {
	t.Bound = append(t.Bound, r.parties[attack.Business].device.Identity())
	return c.business.Draft(c.root.Root(), t, r.now)
}

func (c *custody) sign(s *notice.Statement, r *run) (*notice.Signed, error) {
	if s.Root == (notice.Hash{}) {
		p := r.parties[attack.Business]
		return notice.SignByIdentity(seeded{p.key, r.src}, s)
	}
	return c.root.Sign(s, nil)
}

// other signs a second statement with the number of s: to somebody else the business says that
// nobody holds anything, or, if it said so here, the same in other words.
func (c *custody) other(s *notice.Statement, r *run) (*notice.Signed, error) {
	t := *s
	t.English, t.French = "To another customer.", "À un autre client."
	t.Grants, t.Providers, t.Storage, t.Actor = nil, nil, notice.AtBusiness, notice.AtBusiness
	t.Label = notice.Label(t.Protocol, nil)
	return c.sign(&t, r)
}

// statementOf signs as a principal can: with the identity key if it holds it and the profile asks
// for that, else with a custody root key of its own. The chain is known to whoever is a customer
// too.
func (r *run) statementOf(by int, s *Statement) (*stated, error) {
	c := r.custody
	a := attack.New()
	v := r.view(by, r.sc.Principals[by])
	for i := range r.events {
		if err := v.tell(a, &r.events[i]); err != nil {
			return nil, err
		}
	}
	st := &stated{by: by}
	chain := c.after
	src := entropy.Seeded(seedOf(r.sc, "statement", uint64(by)<<32|uint64(len(r.events))))
	if s.Replay > 0 {
		st.signed, st.after = c.chain[s.Replay-1].signed, c.chain[s.Replay-1].after
	} else {
		t, err := r.sc.terms("", s)
		if err != nil {
			return nil, err
		}
		if st.signed, err = forgeStatement(a, src, &chain, t, r.parties[attack.Business].device.Identity(), r.now); err != nil {
			return nil, err
		}
		st.after = chain
		if err := st.after.Issued(st.signed); err != nil {
			return nil, err
		}
	}
	var err error
	st.control, err = chain.Delivery(r.ctx, st.signed, nil, 0, nil)
	return st, err
}

// quoted lists the messages whose text a statement has for its words.
func (r *run) quoted(s *notice.Statement) (list []int) {
	for _, m := range r.messages {
		if t := string(m.text); t != "" && (t == s.English || t == s.French) {
			list = append(list, m.number)
		}
	}
	return list
}

// control sends a statement inside the conversation. It is a message of the session that has no
// number.
func (r *run) control(st *stated, withhold bool) error {
	p, peer := r.parties[attack.Business], r.parties[attack.Customer]
	m, err := p.device.Encrypt(r.ctx, p.peer, st.control)
	if err != nil {
		return err
	}
	s, err := r.describe(p, nil, m)
	if err != nil {
		return err
	}
	s.number = -1
	s.at = r.add(event{sent: s})
	r.injected = append(r.injected, s)
	r.begins(s)
	if err := r.changed(p); err != nil {
		return err
	}
	if err := r.probe(peer.side, -1, nil); err != nil || withhold || r.blocked {
		return err
	}
	r.advance()
	text, err := peer.device.Decrypt(r.ctx, peer.peer, m)
	if err != nil {
		s.refused = err
		r.refusedBy(s)
		r.note("statement")
		return nil
	}
	s.delivered, s.deliveredAt = true, len(r.events)
	if s.first != nil {
		r.met[s.base] = true
	}
	r.heard(s)
	if err := r.arrived(text); err != nil {
		return err
	}
	return r.changed(peer)
}

// arrived hands a decrypted text to the client, which takes it for a statement if it is one.
func (r *run) arrived(text []byte) error {
	c := r.custody
	if c == nil || notice.Kind(text) != notice.ControlDelivery {
		return nil
	}
	for _, st := range c.stated {
		if !st.came && bytes.Equal(st.control, text) {
			return r.read(st)
		}
	}
	return nil
}

// read lets the client check a statement, and notes what others could make it believe now.
func (r *run) read(st *stated) error {
	c := r.custody
	st.came, st.at = true, r.observe(&clientEvent{signal: signalStatement, stated: st})
	before := c.client.State(r.now).Statement
	_, err := c.client.Accept(r.ctx, st.control, nil, r.now)
	if st.taken = err == nil; st.taken && c.client.State(r.now).Statement != before {
		c.excused, c.missing = c.gaps(), false // a statement that follows says that none was among them
		c.after = st.after
	}
	if err != nil {
		r.refusedStatement(st, err)
	}
	return r.askClient()
}

// refusedStatement notes which check a statement did not pass.
func (r *run) refusedStatement(st *stated, err error) {
	var check notice.Check
	errors.As(err, &check)
	r.note(fmt.Sprintf("check.%d", uint8(check)), "{step}", fmt.Sprint(st.step))
}

// checks are those that a statement has to pass.
var checks = map[notice.Check]Text{
	notice.CheckStructure: {"its structure", "sa structure"}, notice.CheckRoot: {"the custody root key", "la clé racine"},
	notice.CheckSignature: {"the signature", "la signature"}, notice.CheckIdentity: {"the identity key", "la clé d'identité"},
	notice.CheckSequence: {"its place in the sequence", "sa place dans la suite"}, notice.CheckTimes: {"the times", "les dates"},
	notice.CheckLabel: {"the label", "l'étiquette"}, notice.CheckScope: {"the scope", "la portée"},
	notice.CheckTransition: {"the business had contradicted itself", "l'entreprise s'était contredite"},
}

// withChecks adds the notes about statements that do not pass a check: its number and its words.
func withChecks(notes map[string]Text) map[string]Text {
	for check, why := range checks {
		notes[fmt.Sprintf("check.%d", uint8(check))] = Text{
			fmt.Sprintf("The customer's client refused the statement of script[{step}]: check %d, %s.", uint8(check), why.EN),
			fmt.Sprintf("L'application du client a refusé la déclaration de script[{step}] : vérification %d, %s.", uint8(check), why.FR),
		}
	}
	return notes
}
