package notice

import (
	"slices"
	"time"

	"signet.example/signet/custodian/notice/tlog"
)

// A StateKind is what can be said about the custody of a conversation.
type StateKind uint8

// The kinds of states. Only one of them says that nobody else reads.
const (
	Unknown      StateKind = 0 // nothing is proved
	Encrypted    StateKind = 1 // nobody but the two ends was given anything that opens the conversation
	Managed      StateKind = 2 // others can do what their verbs say
	Changed      StateKind = 3 // as Managed or Encrypted, and the customer has not acknowledged the change
	Revoked      StateKind = 4 // it has ended, and what was handed over may still work
	Expired      StateKind = 5 // no renewal came in time: as Unknown
	Contradicted StateKind = 6 // the business or its log was caught lying
)

var kindNames = [...]string{"unknown", "encrypted", "managed", "changed", "revoked", "expired", "contradicted"}

// String returns the name of the kind.
func (k StateKind) String() string {
	if int(k) >= len(kindNames) {
		return kindNames[Unknown]
	}
	return kindNames[k]
}

// A Reason is why a state is Unknown or Contradicted. The numbers are part of the encoding.
type Reason uint8

// The reasons.
const (
	NoStatement   Reason = 1  // none has come yet
	BadStatement  Reason = 2  // one came that failed a check
	Withheld      Reason = 3  // a later one exists and has not come, or this record was restored from an old copy
	OtherIdentity Reason = 4  // the identity key of the conversation is not one that the statement is bound to
	NotYet        Reason = 5  // it takes effect later
	LogStale      Reason = 6  // the log was not asked lately, or shows less than others saw
	LogDoubtful   Reason = 7  // the log has not explained a checkpoint that somebody else saw
	Forgeable     Reason = 8  // the statement is signed by the identity key alone
	Unannounced   Reason = 9  // a message came from a chain that no statement announced
	RetiredChain  Reason = 10 // a message came on a chain that a revoked holder could use
	OldSession    Reason = 11 // an archived session came back to life
	MissingText   Reason = 12 // a message is missing, and it may have been a statement
	ProtocolLower Reason = 13 // the session is of a lower version than the statement speaks about
	TwoEntries    Reason = 14 // the log has two entries for one statement; until Resolve
	EarlierHidden Reason = 15 // the first statement that came was not the first of its chain

	Equivocated  Reason = 32 // two statements with one number
	Forked       Reason = 33 // two histories of one log
	KeyCollision Reason = 34 // two writers used the same message key
	Hijacked     Reason = 35 // somebody else took over the ratchet
)

// A State is what a customer's client shows about the custody of a conversation. Text puts it in
// words.
type State struct {
	Kind     StateKind
	Business string // name of its account

	// Holders is who can do what; Former is who was revoked and may still. Both can be set whatever
	// the kind is, as far as statements that were verified say so.
	Holders, Former []Holder

	// Path is who managed the conversation, from before the first change that is not acknowledged
	// until now; an empty step is the business itself. Since is when the last change took effect.
	Path  [][]string
	Since time.Time

	Reason Reason // of Unknown and Contradicted
	Check  Check  // which failed, if the reason is BadStatement

	// When what revoked holders have stops working: after so many new chains of the business, if
	// neither a barrier nor a new identity key is needed.
	Chains               int
	Barrier, NewIdentity bool

	ForgeableBy string // not empty under the identity-signed profile: who could have made the notice
	Statement   Hash   // the statement in force, to be acknowledged; zero if there is none
}

// State returns the state at a moment. The same record says the same at the same time; nothing
// changes.
func (c *Customer) State(now time.Time) State {
	now = c.now(now)
	s := State{Business: c.chat.Business.Name}
	if cur := c.current(); cur != nil {
		c.describe(&s, cur)
	}
	s.Kind, s.Reason = c.judge(&s, now)
	if s.Reason == BadStatement {
		s.Check = c.check
	}
	return s
}

// describe fills in what the statement in force says.
func (c *Customer) describe(s *State, cur *Signed) {
	s.Statement = cur.Hash()
	list, n := holding(cur.statement, c.former)
	s.Holders, s.Former = list[:n:n], list[n:]
	for _, step := range c.path {
		s.Path = append(s.Path, slices.Clone(step.names))
	}
	s.Since = cur.statement.From
	var left []former
	for _, f := range c.former {
		s.Chains = max(s.Chains, int(f.chains))
		s.NewIdentity = s.NewIdentity || !f.identity.IsZero() && f.identity.Equal(c.chat.Identity)
		left = append(left, f.aged())
	}
	list, n = holding(cur.statement, left)
	s.Barrier = len(list) > n
	if cur.identity {
		s.ForgeableBy = s.Business
		for _, name := range custodyOf(cur.statement).names {
			s.ForgeableBy += ", " + name
		}
	}
}

// judge says what kind of state it is. The order is what fails closed: Encrypted comes last, after
// every reason against it.
func (c *Customer) judge(s *State, now time.Time) (StateKind, Reason) {
	cur := c.current()
	switch {
	case c.verdict != 0:
		return Contradicted, c.verdict
	case cur == nil && c.doubt != 0:
		return Unknown, c.doubt
	case cur == nil:
		return Unknown, NoStatement
	case now.After(c.end(cur.statement)):
		return Expired, 0
	case len(c.path) > 0:
		return Changed, 0
	case len(s.Holders) > 0:
		return Managed, 0
	case len(s.Former) > 0:
		return Revoked, 0
	}
	if r := c.against(cur.statement, now); r != 0 {
		return Unknown, r
	}
	return Encrypted, 0
}

// against returns a reason why "encrypted" would not be true to say, 0 if there is none.
func (c *Customer) against(s *Statement, now time.Time) Reason {
	switch {
	case c.policy.IdentityProfile:
		return Forgeable
	case c.doubt != 0:
		return c.doubt
	case c.published > s.Seq:
		return Withheld
	case len(c.unproved) > 0:
		return LogDoubtful
	case !slices.Contains(s.Bound, c.chat.Identity):
		return OtherIdentity
	case s.Protocol > c.chat.Protocol:
		return ProtocolLower
	case !c.partial.IsZero():
		return EarlierHidden
	case now.Before(s.From):
		return NotYet
	case c.policy.Log != nil && (c.heard > c.view.Size() || now.After(c.checked.Add(or(c.policy.Freshness, 24*time.Hour)))):
		return LogStale
	}
	return 0
}

// Acknowledge takes note that the customer has seen the change to a statement, State.Statement of
// the state that she was shown. If another one is in force by now, the change stays.
func (c *Customer) Acknowledge(statement Hash) {
	if cur := c.current(); cur != nil && cur.Hash() == statement {
		c.path = nil
	}
}

// Resolve is the decision of a human after a contradiction: she trusts the business again. The root
// key is no longer pinned and the next statement is a first one; what was granted counts as revoked
// until it is proved to be gone.
func (c *Customer) Resolve() {
	if cur := c.current(); cur != nil {
		c.retire(cur.statement, nil)
	}
	c.memory = memory{
		shown: c.shown, path: c.path, former: c.former, partial: c.partial, view: c.view, checked: c.checked, heard: c.heard, clock: c.clock,
	}
	if c.policy.Log != nil {
		c.view, c.heard, c.checked = tlog.View{}, 0, time.Time{}
	}
}
