package notice

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/tlog"
)

// A Signal is what the customer's session notices (custody Annex 3).
type Signal uint8

// The signals. The first two are progress, the last two are contradictions, the others are doubts.
const (
	SignalChain       Signal = 1 // the business wrote on a new chain: an older one was dropped
	SignalBarrier     Signal = 2 // archived sessions and old chains were deleted, and there is a fresh session
	SignalUnannounced Signal = 3 // messages came under a custody before the statement that announces it
	SignalRetired     Signal = 4 // a message came on a chain that a revoked holder could use
	SignalOldSession  Signal = 5 // an archived session became the current one
	SignalMissing     Signal = 6 // a message of the business is missing
	SignalCollision   Signal = 7 // one chain and counter, two ciphertexts
	SignalHijack      Signal = 8 // a chain goes on behind its end, or the business reports an answer to a ratchet key that is not its own
)

// Observe takes note of a signal.
func (c *Customer) Observe(s Signal) {
	switch s {
	case SignalChain:
		c.former = slices.Clone(c.former)
		for i := range c.former {
			if f := &c.former[i]; f.chains <= 1 {
				*f = f.aged()
			} else {
				f.chains--
			}
		}
		c.former = slices.DeleteFunc(c.former, func(f former) bool { return f.secrets == 0 && f.quota == 0 })
	case SignalBarrier:
		c.former = slices.DeleteFunc(slices.Clone(c.former), func(f former) bool {
			return f.identity.IsZero() || !f.identity.Equal(c.chat.Identity)
		})
		if !c.partial.Equal(c.chat.Identity) {
			c.partial = signet.PublicKey{}
		}
	case SignalCollision:
		c.contradict(KeyCollision, nil)
	case SignalHijack:
		c.contradict(Hijacked, nil)
	default:
		c.suspect(map[Signal]Reason{
			SignalUnannounced: Unannounced, SignalRetired: RetiredChain, SignalOldSession: OldSession, SignalMissing: MissingText,
		}[s])
	}
}

// suspect notes a doubt. One that was there stays, for it is the older, unless the new one is
// graver.
func (c *Customer) suspect(r Reason) {
	if c.doubt == 0 || c.doubt == MissingText || r == TwoEntries {
		c.doubt, c.check = r, 0
	}
}

// contradict ends the trust in what the business says. The first contradiction stays.
func (c *Customer) contradict(r Reason, proof []byte) {
	if c.verdict == 0 || c.proof == nil && proof != nil {
		c.verdict, c.proof = r, proof
	}
}

// refuse notes what an error means for the state, and returns it.
func (c *Customer) refuse(err error, now time.Time) error {
	c.tick(now)
	var equivocation *EquivocationError
	var fork *tlog.ForkError
	switch {
	case errors.As(err, &equivocation):
		var proof []byte
		if equivocation.Proof != nil {
			proof = equivocation.Proof.Bytes()
		}
		c.contradict(Equivocated, proof)
	case errors.As(err, &fork):
		c.contradict(Forked, forkBytes(fork.Fork))
	default:
		var check Check
		errors.As(err, &check)
		if c.doubt == 0 || c.doubt == MissingText || c.doubt == BadStatement && forAnybody(c.check) {
			c.doubt, c.check = BadStatement, check
		}
	}
	return err
}

// forAnybody reports whether anybody could have sent what failed this check, without any key of the
// business: it says nothing about the business once the log shows that no statement is missing.
func forAnybody(c Check) bool {
	return c == CheckStructure || c == CheckRoot || c == CheckSignature || c == CheckSequence || c == CheckInclusion || c == CheckWitnesses
}

// Refresh asks the log whether a statement was published that has not come, and that the log has
// only grown. While the policy has a log, Encrypted is shown for Policy.Freshness after it. The
// errors are those of tlog.Trust.Open and tlog.View.Advance, and what src returns; a log that was
// caught makes the state Contradicted.
func (c *Customer) Refresh(ctx context.Context, src tlog.Source, now time.Time) error {
	if c.policy.Log == nil {
		return errors.New("notice: the policy has no log")
	}
	signed, err := src.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if bytes.Equal(signed, c.view.Note()) && len(signed) > 0 && c.policy.Log.Quorum() == 0 {
		return c.refreshed(ctx, &tlog.Checkpoint{Size: c.view.Size()}, src, now) // it has been opened before
	}
	cp, err := c.policy.Log.Open(signed)
	if err != nil {
		return err
	}
	next := c.clone()
	if err := next.meet(ctx, cp, src, false); err != nil {
		return c.caught(err)
	}
	*c = *next
	return c.refreshed(ctx, cp, src, now)
}

// refreshed notes that the log was asked, and that the view is at cp.
func (c *Customer) refreshed(ctx context.Context, cp *tlog.Checkpoint, src tlog.Source, now time.Time) error {
	c.vouched(cp, now)
	if err := c.retry(ctx, src); err != nil {
		return err
	}
	cur := c.current()
	if cur == nil || c.published > cur.statement.Seq || c.view.Size() < c.heard {
		return nil
	}
	if c.doubt == MissingText || c.doubt == BadStatement && forAnybody(c.check) {
		c.doubt, c.check = 0, 0 // the log shows that nothing else was said
	}
	return nil
}

// caught notes that a log has forked, if that is what err says, and returns err. A log that cannot
// be reached, or is behind, or whose proofs are wrong says nothing by itself; it becomes stale.
func (c *Customer) caught(err error) error {
	var fork *tlog.ForkError
	if errors.As(err, &fork) {
		c.contradict(Forked, forkBytes(fork.Fork))
	}
	return err
}

// maxUnproved is how many checkpoints of others are remembered until the log proves that they are
// its own.
const maxUnproved = 4

// reconcile compares the checkpoint that somebody else saw. Until the log has shown how it belongs
// to what this client saw, it stays a reason for doubt.
func (c *Customer) reconcile(ctx context.Context, cp *tlog.Checkpoint, src tlog.Source) error {
	err := tlog.ErrUnproved
	if src != nil || cp.Size == c.view.Size() || cp.Size == 0 || c.view.Size() == 0 {
		err = c.caught(c.view.Compare(ctx, cp, src))
	}
	same := func(note []byte) bool { return bytes.Equal(note, cp.Note()) }
	if err != nil {
		if len(c.unproved) < maxUnproved && !slices.ContainsFunc(c.unproved, same) {
			c.unproved = append(slices.Clip(c.unproved), cp.Note())
		}
		return err
	}
	c.unproved = slices.DeleteFunc(slices.Clone(c.unproved), same)
	return nil
}

// retry compares what was left unproved.
func (c *Customer) retry(ctx context.Context, src tlog.Source) (first error) {
	for _, note := range c.unproved {
		cp, _ := c.policy.Log.Open(note)
		if cp == nil {
			continue // of a log that is not trusted any more: the doubt stays
		}
		if err := c.reconcile(ctx, cp, src); first == nil {
			first = err
		}
	}
	return first
}

// vouched notes until when a checkpoint says that nothing else was published. Without witnesses
// that is when it was asked for; with them, when they cosigned, since a log can show an old
// checkpoint again.
func (c *Customer) vouched(cp *tlog.Checkpoint, now time.Time) {
	at := c.now(now)
	if c.policy.Log.Quorum() > 0 && cp.Time.Before(at) {
		at = cp.Time
	}
	if cp.Size == c.view.Size() && at.After(c.checked) {
		c.checked = at.UTC().Truncate(time.Second)
	}
	c.tick(now)
}

// meet moves the view to checkpoint cp, or compares it if the view is beyond it. With a first
// statement the whole log has to be read again: only now it is known what to look for.
func (c *Customer) meet(ctx context.Context, cp *tlog.Checkpoint, src tlog.Source, first bool) error {
	if first && c.view.Size() > 0 {
		return c.reread(ctx, cp, src)
	}
	if cp.Size < c.view.Size() {
		return c.view.Compare(ctx, cp, src)
	}
	return c.view.Advance(ctx, cp, src, c.spotter())
}

// reread goes through the log from its beginning, up to the newer of cp and what was seen before.
func (c *Customer) reread(ctx context.Context, cp *tlog.Checkpoint, src tlog.Source) error {
	old := c.view
	if err := old.Compare(ctx, cp, src); err != nil {
		return err
	}
	target := cp
	if old.Size() > cp.Size {
		var err error
		if target, err = c.policy.Log.Open(old.Note()); target == nil {
			return err
		}
	}
	c.view = tlog.View{}
	return c.view.Advance(ctx, target, src, c.spotter())
}

// ahead is how many numbers beyond the greatest known one are looked for in the log.
const ahead = 8

// maxSpotted is how many entries of statements that have not come are remembered.
const maxSpotted = 32

// spotter returns a function that looks at new entries for statements of this chain.
func (c *Customer) spotter() func(int64, tlog.Entry) {
	if c.current() == nil {
		return nil // the salt of the chain is not known yet
	}
	known, coming := c.tags()
	return func(_ int64, e tlog.Entry) {
		if old, ok := known[e.Tag()]; ok && old != e {
			c.suspect(TwoEntries)
		}
		seq, ok := coming[e.Tag()]
		if !ok {
			return
		}
		c.published = seq
		if c.spotted = append(slices.Clip(c.spotted), e); len(c.spotted) > maxSpotted {
			c.spotted = c.spotted[1:]
		}
		known, coming = c.tags()
	}
}

// tags returns the entries of the statements that are remembered, and the tags of those that may
// come.
func (c *Customer) tags() (known map[[32]byte]tlog.Entry, coming map[[32]byte]uint64) {
	known, coming = make(map[[32]byte]tlog.Entry), make(map[[32]byte]uint64)
	for _, s := range c.history {
		e := entry(c.salt, s.statement.Seq, s.Hash())
		known[e.Tag()] = e
	}
	for _, e := range c.spotted {
		known[e.Tag()] = e
	}
	for seq := c.published + 1; seq <= c.published+ahead; seq++ {
		coming[tag(c.salt, seq)] = seq
	}
	return known, coming
}

// Gossip returns a control message that tells another client what this one has seen: another
// customer, or another device of the same. It contains nothing that is private to the conversation.
func (c *Customer) Gossip() []byte {
	g := &gossip{note: c.view.Note()}
	if cur := c.current(); cur != nil && cur.statement.Scope.Kind != Conversation && !cur.identity {
		g.signed = cur
	}
	return g.bytes()
}

// Hear compares what another client told with what this one has seen. That client is not trusted:
// only what the business or its log signed counts, and an error of its message changes nothing. If
// the policy has a log, src is asked for proofs. What is found shows in the State; the error says
// what was wrong with the message or the log.
func (c *Customer) Hear(ctx context.Context, message []byte, src tlog.Source, now time.Time) error {
	g, err := parseGossip(message)
	if err != nil {
		return err
	}
	if g.signed != nil && c.pinned && c.current() != nil {
		if err := c.compare(g.signed); err != nil {
			return c.refuse(err, now)
		}
	}
	if len(g.note) == 0 || c.policy.Log == nil || bytes.Equal(g.note, c.view.Note()) {
		return nil
	}
	cp, err := c.policy.Log.Open(g.note)
	if err != nil && !errors.Is(err, tlog.ErrWitnesses) {
		return err
	}
	if cp.Size > c.heard {
		c.heard = cp.Size // the log signed so much: it can show it
	}
	return c.reconcile(ctx, cp, src)
}

// compare looks for a contradiction between a statement that somebody else has and those that are
// remembered.
func (c *Customer) compare(s *Signed) error {
	cur := c.current()
	if !sameChain(s.statement, cur.statement) || s.Hash() == cur.Hash() || s.Verify(c.root) != nil {
		return nil // of somebody else, or the same, or by nobody
	}
	for _, old := range c.history {
		if conflict(old, s) {
			return c.equivocation(old, s)
		}
	}
	if s.statement.Scope != cur.statement.Scope {
		c.suspect(TwoEntries) // two chains where there is one, if not of one number yet
	}
	c.published = max(c.published, s.statement.Seq)
	return nil
}

// Proof returns the proof of a contradiction as a control message, for others to judge; nil if
// there is none.
func (c *Customer) Proof() []byte { return slices.Clone(c.proof) }

// Judge verifies a proof that somebody else found. If it is good and about this business or its
// log, the state is Contradicted. The errors are ErrNoProof and those of tlog.Fork.Verify.
func (c *Customer) Judge(message []byte) error {
	e, fork, err := ParseProof(message)
	if err != nil {
		return err
	}
	if fork != nil {
		if c.policy.Log == nil {
			return ErrNoProof
		}
		if err := fork.Verify(c.policy.Log); err != nil {
			return err
		}
		c.contradict(Forked, slices.Clone(message))
		return nil
	}
	if err := e.Verify(); err != nil {
		return err
	}
	if !c.pinned || e.Root != c.root {
		return ErrNoProof
	}
	c.contradict(Equivocated, slices.Clone(message))
	return nil
}
