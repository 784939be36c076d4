package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/tlog"
)

// A Policy is what a customer insists on. A nil Policy is the zero one.
type Policy struct {
	// Log is the log in which statements have to be, nil if there is none. Without a log, a statement
	// that is withheld is missed only when the last one expires.
	Log *tlog.Trust

	Freshness       time.Duration // how long after the log was asked "encrypted" is still shown; zero is a day
	Period          time.Duration // the longest that a statement is believed; zero is DefaultPeriod
	Grace           time.Duration // how long after its end a renewal is waited for; zero is a day
	Skew            time.Duration // how far ahead the clock of the business may be; zero is five minutes
	IdentityProfile bool          // accept statements that are signed by the identity key alone, and no others
}

// remembered is how many statements a customer keeps: enough that one which is replayed is told
// from one which contradicts it.
const remembered = 16

// A Customer is what the customer's client knows about the custody of one conversation, and the
// state machine that follows from it (custody B6). It fails closed: whatever does not check out
// while it reads "encrypted" makes it read "unknown". Its bytes belong into the same record as the
// session's, written in the same transaction.
//
// A Customer is not safe for concurrent use. It redacts itself, for the salt of the chain is not
// for everybody.
type Customer struct {
	policy Policy
	chat   Chat
	memory
}

// A memory is what a Customer stores besides the conversation.
type memory struct {
	pinned bool
	root   Root
	salt   [32]byte // of the chain, once there is a statement

	history []*Signed // the last that were accepted, in their order; the newest is in force
	shown   *custody  // what the state last said about who holds what
	path    []custody // what it said before, oldest first, until the customer has acknowledged the change
	former  []former  // what was granted and has ended, but may still work

	// partial is the identity key of the conversation when the first statement that came was not the
	// first of its chain: what was granted before is not known, and may have been this key. Else it is
	// zero.
	partial signet.PublicKey

	doubt     Reason // why "encrypted" would not be true to say
	check     Check  // which check failed, if that is why
	verdict   Reason // a contradiction: the end of trust
	proof     []byte // of it, as a control message
	published uint64 // greatest number of a statement of this chain that is known to exist

	view     tlog.View
	spotted  []tlog.Entry // of statements of this chain that have not come
	checked  time.Time    // when the log was last asked, or until when its witnesses vouch
	heard    int64        // greatest size that the log is known to have signed
	unproved [][]byte     // checkpoints that others saw and the log has not explained
	clock    time.Time    // greatest time seen: setting a clock back does not revive a statement
}

// Format redacts the record under every verb.
func (Customer) Format(f fmt.State, _ rune) { io.WriteString(f, "notice.Customer(…)") }

// NewCustomer returns the record of a conversation about whose custody nothing is known yet.
func NewCustomer(chat Chat, policy *Policy) *Customer {
	c := &Customer{chat: chat}
	if policy != nil {
		c.policy = *policy
	}
	return c
}

// Chat returns the conversation.
func (c *Customer) Chat() Chat { return c.chat }

// Root returns the custody root key that is pinned, for its Number to be compared, and whether
// there is one.
func (c *Customer) Root() (Root, bool) { return c.root, c.pinned }

// Pin pins the custody root key that a certificate names; one that is pinned already stays. Without
// Pin, the certificate in the first delivery is pinned. The errors wrap CheckRoot or CheckIdentity.
func (c *Customer) Pin(b *Bind, now time.Time) error {
	switch {
	case c.policy.IdentityProfile || c.pinned && c.root != b.Root:
		return c.refuse(failed(CheckRoot, "another root key is pinned"), now)
	case b.Account != c.chat.Business.Name || !b.Identity.Equal(c.chat.Identity) || b.From.After(c.now(now).Add(c.skew())):
		return c.refuse(failed(CheckIdentity, "the certificate is for another account, identity or time"), now)
	}
	c.pinned, c.root = true, b.Root
	return nil
}

// Accept checks a delivery, a control message that was decrypted in the conversation, and if it
// passes every check takes its statement to be in force. It returns the acknowledgement, to be sent
// back in the conversation once the record is stored. A statement that is in force already is
// acknowledged again. If the policy has a log, src is asked for what the log grew by.
//
// Statements have to come in their order; one that has expired on the way is a link of the chain
// all the same. A customer who is new to an old chain should be given it from its beginning: of
// what was granted before the first statement that she has seen she knows nothing, and the state is
// not Encrypted until there are a new identity key and a barrier.
//
// The errors wrap the Check that failed; an *EquivocationError and a *tlog.ForkError carry a proof,
// and the state is Contradicted. On any error no statement changes, and a state of Encrypted
// becomes Unknown.
func (c *Customer) Accept(ctx context.Context, message []byte, src tlog.Source, now time.Time) (ack []byte, err error) {
	d, err := parseDelivery(message)
	if err != nil {
		return nil, c.refuse(err, now)
	}
	next := c.clone()
	if err := next.accept(ctx, d, src, c.now(now)); err != nil {
		c.exists(d.signed, err)
		return nil, c.refuse(err, now)
	}
	next.tick(now)
	*c = *next
	s := d.signed.statement
	return Ack{s.Seq, d.signed.Hash()}.bytes(), nil
}

// exists notes that the business signed a statement, whatever else is wrong with it: the one in
// force is not the latest.
func (c *Customer) exists(s *Signed, err error) {
	if errors.Is(err, CheckRoot) || errors.Is(err, CheckSignature) {
		return
	}
	if cur := c.current(); cur != nil && sameChain(cur.statement, s.statement) {
		c.published = max(c.published, s.statement.Seq)
	}
}

// clone returns a copy whose lists can be appended to.
func (c *Customer) clone() *Customer {
	next := *c
	next.history, next.path = slices.Clip(c.history), slices.Clip(c.path)
	next.former = slices.Clone(c.former)
	return &next
}

func (c *Customer) accept(ctx context.Context, d *delivery, src tlog.Source, now time.Time) error {
	if err := c.authentic(d, now); err != nil {
		return err
	}
	same, err := c.follows(d.signed)
	if err != nil {
		return err
	}
	if err := c.sensible(d, now); err != nil {
		return err
	}
	if c.verdict != 0 && same {
		return failed(CheckTransition, "the business or its log has contradicted itself")
	}
	first := len(c.history) == 0
	if !same {
		c.salt = d.salt
		c.settle(d.signed)
	}
	if err := c.logged(ctx, d, src, first, now); err != nil {
		return err
	}
	if c.verdict != 0 {
		return failed(CheckTransition, "the business or its log has contradicted itself")
	}
	return nil
}

// authentic is the checks of the keys: whose statement it is, and for which identity.
func (c *Customer) authentic(d *delivery, now time.Time) error {
	s := d.signed.statement
	if c.policy.IdentityProfile {
		if err := d.signed.VerifyIdentity(c.chat.Identity); err != nil {
			return err
		}
	} else {
		if d.bind != nil && !c.pinned {
			if err := c.Pin(d.bind, now); err != nil {
				return err
			}
		}
		if !c.pinned || d.bind != nil && d.bind.Root != c.root {
			return failed(CheckRoot, "no such root key is pinned")
		}
		if err := d.signed.Verify(c.root); err != nil {
			return err
		}
	}
	if s.Business != c.chat.Business.Name || !slices.Contains(s.Bound, c.chat.Identity) {
		return failed(CheckIdentity, "the statement is for another account or identity key")
	}
	return nil
}

// follows checks the place of a statement in the chain. It reports whether it is the one in force.
func (c *Customer) follows(s *Signed) (same bool, err error) {
	last := c.current()
	if last == nil {
		return false, nil
	}
	for _, old := range c.history {
		if conflict(old, s) {
			return false, c.equivocation(old, s)
		}
	}
	seq, prev := s.statement.Seq, s.statement.Prev
	switch {
	case !sameChain(last.statement, s.statement):
		// Of the other chain nothing is known: leave it to the scope, if it is another's.
		return false, nil
	case seq == last.statement.Seq:
		return true, nil
	case seq < last.statement.Seq:
		return false, failed(CheckSequence, "statement %d is replayed, %d is in force", seq, last.statement.Seq)
	case seq > last.statement.Seq+1:
		return false, failed(CheckSequence, "statement %d came after %d", seq, last.statement.Seq)
	case prev != last.Hash():
		return false, failed(CheckSequence, "statement %d does not follow the one before", seq)
	}
	return false, nil
}

func (c *Customer) equivocation(a, b *Signed) error {
	if c.policy.IdentityProfile {
		return &EquivocationError{}
	}
	return &EquivocationError{&Equivocation{c.root, a, b}}
}

// sensible is the checks of what the statement says.
func (c *Customer) sensible(d *delivery, now time.Time) error {
	s := d.signed.statement
	last := c.current()
	switch {
	case s.From.After(now.Add(c.skew())):
		return failed(CheckTimes, "the statement is not in force yet")
	case now.After(c.end(s)) && last == nil && s.Seq > 1:
		return failed(CheckTimes, "the statement has expired") // a later link of the chain counts, and reads Expired
	case last != nil && s.From.Before(last.statement.From):
		return failed(CheckTimes, "the statement is older than the one before")
	case s.Label != Label(s.Protocol, s.Grants):
		return failed(CheckLabel, "the label is not what the grants amount to")
	case len(s.Grants) == 0 && (s.Storage != AtBusiness || s.Actor != AtBusiness):
		return failed(CheckLabel, "somebody else stores or acts, and nothing was granted")
	case s.Scope != commit(s.Scope.Kind, d.salt, &c.chat):
		return failed(CheckScope, "the statement is for another conversation")
	case last != nil && s.Scope != last.statement.Scope:
		return failed(CheckScope, "the statement is of another chain")
	case s.Protocol > c.chat.Protocol:
		return failed(CheckScope, "the session is of a lower version than the statement speaks about")
	}
	return nil
}

// logged is the checks of the log: the statement is in it, witnesses saw it, and it is the log that
// was seen before.
func (c *Customer) logged(ctx context.Context, d *delivery, src tlog.Source, first bool, now time.Time) error {
	t := c.policy.Log
	if t == nil {
		return nil
	}
	s := d.signed.statement
	cp, err := t.Open(d.note)
	few := errors.Is(err, tlog.ErrWitnesses)
	if err != nil && !few {
		return failed(CheckInclusion, "%w", err)
	}
	if s.Log != t.Origin() || src == nil || !cp.Included(entry(d.salt, s.Seq, d.signed.Hash()), d.index, d.proof) {
		return failed(CheckInclusion, "the log does not contain the statement")
	}
	if few {
		return failed(CheckWitnesses, "%w", err)
	}
	if err := c.meet(ctx, cp, src, first); err != nil {
		return failed(CheckInclusion, "%w", err)
	}
	c.vouched(cp, now)
	return nil
}

// now is the time, which does not go back.
func (c *Customer) now(t time.Time) time.Time {
	if t.Before(c.clock) {
		return c.clock
	}
	return t
}

func (c *Customer) tick(t time.Time) { c.clock = c.now(t.UTC().Truncate(time.Second)) }

func or(d, usual time.Duration) time.Duration {
	if d == 0 {
		return usual
	}
	return d
}

func (c *Customer) skew() time.Duration { return or(c.policy.Skew, 5*time.Minute) }

// end is when a statement is no longer believed, renewed or not.
func (c *Customer) end(s *Statement) time.Time {
	end := s.From.Add(or(c.policy.Period, DefaultPeriod))
	if s.Expires.Before(end) {
		end = s.Expires
	}
	return end.Add(or(c.policy.Grace, 24*time.Hour))
}

// current returns the statement in force, nil if there is none.
func (c *Customer) current() *Signed {
	if len(c.history) == 0 {
		return nil
	}
	return c.history[len(c.history)-1]
}

// SetIdentity tells that the conversation goes on with another identity key of the business, which
// the customer's client has accepted. Until a statement is bound to it the state is not Encrypted.
func (c *Customer) SetIdentity(key signet.PublicKey) { c.chat.Identity = key }

// SetProtocol tells that the conversation goes on in a session of another version of the protocol.
func (c *Customer) SetProtocol(version uint8) { c.chat.Protocol = version }
