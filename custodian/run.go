package custodian

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// An event is something that principals learn from, or a moment at which they are asked what they
// can do. Time is the index of the event. Exactly one field is set.
type event struct {
	bundle *published
	sent   *sent
	given  *given
	probe  *probe
	stated *stated
	client *clientEvent
}

// published is a bundle in the directory, which everybody reads.
type published struct {
	side   attack.Side
	bundle *x3dh.Bundle
}

// sent is a message on its way.
type sent struct {
	number    int // -1: what an inject step got accepted
	by        int // the principal who wrote it; -1 for an end
	from      attack.Side
	text      []byte
	message   session.Message
	base, key parcel.Key // its session and ratchet key
	counter   uint32
	pq        *pqHeader
	dir       uint8
	first     *wire.PreKeyMessage // nil: an ordinary message

	at          int // its event
	delivered   bool
	deliveredAt int   // the event that came next
	refused     error // why its receiver did not take it

	previous uint32        // last index of the sender's chain before
	shown    *notice.State // what the customer's client shows when it is sent; nil without notices
	time     time.Time     // then
}

// given is a parcel that was handed to a principal.
type given struct {
	to    int // index of the principal
	from  attack.Side
	bytes []byte

	receipt []byte // by who was given it, if it was asked for one

	grant string            // its name; empty for what the principal made itself
	atoms map[string]string // by the name of an entry, the secret that the grant names
}

// A probe is a moment at which a receiver may be deceived, with a copy of it.
type probe struct {
	number  int
	to      attack.Side
	at      int
	sent    int // messages sent before it
	message int // of which it would take the place; -1 for none
	inject  *injection
	takes   []way
	deaf    bool // the receiver takes nothing any more

	store   *memory.Store
	party   *party // for addresses and options; its identity key may be newer
	key     seeded
	trusted []byte // the sender's identity key
	offered func(*Offer)
}

// An injection is an inject step.
type injection struct {
	step, by int
	text     string
}

// A run is a script being played.
type run struct {
	sc      *Scenario
	ctx     context.Context
	src     *entropy.Source
	now     time.Time
	parties [2]*party

	events    []event
	messages  []*sent
	firsts    []*sent         // the first message of each session
	contacts  [2][]parcel.Key // of each end: prekeys and base keys that the other has shown
	injected  []*sent
	grants    []*active
	probes    []*probe
	ledger    *ledger
	marks     []Mark
	notes     []Text              // for the report's limits
	met       map[parcel.Key]bool // sessions of which a first message was accepted
	blocked   bool                // the customer has ended the conversation
	revokedAt int                 // the event of the last revocation; -1 for none
	oracle    map[parcel.Key][32]byte
	offered   func(*Offer) // nil, or who wants to know
	custody   *custody     // nil without notices
}

// seedOf derives a seed of the run for one use.
func seedOf(sc *Scenario, use string, n uint64) [32]byte {
	b := binary.BigEndian.AppendUint64([]byte("custodian run\x00"), sc.Seed)
	b = append(b, use...)
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, n))
}

// newRun returns a run of nothing yet, which draws its randomness from ctx.
func newRun(ctx context.Context, sc *Scenario) *run {
	return &run{
		sc: sc, ctx: ctx, src: entropy.From(ctx), now: epoch, ledger: newLedger(),
		revokedAt: -1, met: make(map[parcel.Key]bool), oracle: make(map[parcel.Key][32]byte),
	}
}

// play runs the script with real devices.
func play(ctx context.Context, sc *Scenario, opts *Options) (*run, error) {
	src := entropy.Seeded(seedOf(sc, "run", 0))
	r := newRun(entropy.With(ctx, src), sc)
	if opts != nil {
		r.offered = opts.Offered
	}
	for side := range attack.Side(2) {
		p, err := newParty(r.ctx, side, sc, func() time.Time { return r.now }, opts)
		if err != nil {
			return nil, err
		}
		r.parties[side] = p
	}
	for _, p := range r.parties {
		if err := r.directory(p); err != nil {
			return nil, err
		}
	}
	var err error
	if r.custody, err = r.newCustody(); err != nil {
		return nil, err
	}
	if sc.Initiator == Business {
		if err := r.start(r.parties[attack.Business]); err != nil {
			return nil, err
		}
	}
	for i := range sc.Script {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.step(i, &sc.Script[i]); err != nil {
			return nil, fmt.Errorf("custodian: script[%d]: %w", i, err)
		}
	}
	if r.custody != nil {
		if err := r.askClient(); err != nil {
			return nil, err
		}
	}
	return r, r.probeBoth()
}

func sideOf(name string) attack.Side {
	if name == Business {
		return attack.Business
	}
	return attack.Customer
}

func (r *run) add(e event) int {
	r.events = append(r.events, e)
	switch {
	case e.bundle != nil:
		r.contact(1-e.bundle.side, parcel.Key(e.bundle.bundle.Fields().SignedPreKey.Public.Bytes()))
	case e.sent != nil && e.sent.first != nil:
		r.contact(1-e.sent.from, e.sent.base)
	}
	return len(r.events) - 1
}

// contact notes a key with which an agreement of an end's identity key is of use.
func (r *run) contact(side attack.Side, k parcel.Key) {
	if !slices.Contains(r.contacts[side], k) {
		r.contacts[side] = append(r.contacts[side], k)
	}
}

func (r *run) advance() { r.now = r.now.Add(time.Minute) }

// directory publishes the bundle that a party's directory hands out when it has no one-time prekeys
// left: what an adversary starts a session from.
func (r *run) directory(p *party) error {
	b, err := p.bundle(r.ctx, r.sc, true)
	if err != nil {
		return err
	}
	r.publish(p.side, b)
	return r.collectOracle()
}

func (r *run) publish(side attack.Side, b *x3dh.Bundle) {
	r.add(event{bundle: &published{side, b}})
}

func (r *run) step(i int, s *Step) error {
	r.advance()
	if s.Send == nil && s.Deliver == nil && s.Drop == nil {
		r.marks = append(r.marks, Mark{Index: i, Before: len(r.messages), Step: *s})
	}
	switch {
	case s.Send != nil:
		return r.sendAll(s.Send)
	case s.Deliver != nil:
		for _, n := range s.Deliver {
			if err := r.deliver(r.messages[n]); err != nil {
				return err
			}
		}
		return nil
	case s.Drop != nil:
		return nil // a message that is never handed over
	case s.Grant != nil:
		return r.grant(s.Grant)
	case s.Revoke != "":
		return r.revoke(s.Revoke)
	case s.Rotate != "":
		return r.rotate(s.Rotate)
	case s.Inject != nil:
		return r.inject(&injection{step: i, by: r.sc.principal(s.Inject.By), text: s.Inject.Text}, r.parties[sideOf(s.Inject.To)])
	case s.Barrier:
		return r.barrier()
	case s.Block != "":
		return r.block()
	}
	return r.notice(i, s.Notice)
}

func (r *run) sendAll(s *Send) error {
	for range max(s.Count, 1) {
		r.advance()
		text := s.Text
		if text == "" {
			text = fmt.Sprintf("message %d", len(r.messages))
		}
		m, err := r.send(r.parties[sideOf(s.From)], []byte(text))
		if err != nil {
			return err
		}
		if s.Hold {
			continue
		}
		if err := r.deliver(m); err != nil {
			return err
		}
	}
	return nil
}

// start begins a session with the next bundle of the other end.
func (r *run) start(p *party) error {
	b, err := r.parties[1-p.side].bundle(r.ctx, r.sc, false)
	if err != nil {
		return err
	}
	r.publish(1-p.side, b)
	if err := r.directory(r.parties[1-p.side]); err != nil {
		return err
	}
	if err := p.device.Start(r.ctx, p.peer, b); err != nil {
		return err
	}
	return r.changed(p)
}

// send encrypts text, in a new session if there is none.
func (r *run) send(p *party, text []byte) (*sent, error) {
	m, err := p.device.Encrypt(r.ctx, p.peer, text)
	if errors.Is(err, session.ErrNoSession) {
		if err := r.start(p); err != nil {
			return nil, err
		}
		m, err = p.device.Encrypt(r.ctx, p.peer, text)
	}
	if err != nil {
		return nil, err
	}
	return r.record(p, text, m)
}

// record notes a message that p has just written, and asks about it.
func (r *run) record(p *party, text []byte, m session.Message) (*sent, error) {
	s, err := r.describe(p, text, m)
	if err != nil {
		return nil, err
	}
	p.history = append(p.history, spoken{s.number, text})
	s.at = r.add(event{sent: s})
	r.messages = append(r.messages, s)
	r.begins(s)
	r.show(s)
	if err := r.changed(p); err != nil {
		return nil, err
	}
	return s, r.probe(1-p.side, s.number, nil)
}

// describe says where in its session a message stands that p has just sent.
func (r *run) describe(p *party, text []byte, m session.Message) (*sent, error) {
	states, err := p.states(r.ctx)
	if err != nil {
		return nil, err
	}
	s := &sent{number: len(r.messages), by: -1, from: p.side, text: text, message: m, base: states[0].base}
	if states[0].pq != nil {
		s.dir = states[0].pq.dir
	}
	return s, s.parse()
}

// parse reads what a message says in clear.
func (s *sent) parse() error {
	body := s.message.Body
	if s.message.Type == session.TypePreKey {
		first, err := wire.ParsePreKeyMessage(body)
		if err != nil {
			return err
		}
		s.first, body = &first, first.Message
	}
	inner, err := wire.ParseSignalMessage(body)
	if err != nil {
		return err
	}
	s.key, s.counter, s.previous = parcel.Key(inner.RatchetKey), inner.Counter, inner.PreviousCounter
	s.pq = parsePQHeader(inner.PQRatchet)
	return nil
}

// deliver hands a message to its receiver. A refusal is a fact of the run, not an error.
func (r *run) deliver(s *sent) error {
	p := r.parties[1-s.from]
	r.advance()
	if r.blocked && p.side == attack.Customer {
		r.note("ended", "{n}", strconv.Itoa(s.number))
		return nil
	}
	text, err := p.device.Decrypt(r.ctx, p.peer, s.message)
	if err != nil {
		r.refuse(s, err)
		return nil
	}
	return r.accept(p, s, text)
}

// begins notes the first message of a session that an end has begun.
func (r *run) begins(s *sent) {
	if s.first != nil && !slices.ContainsFunc(r.firsts, func(m *sent) bool { return m.base == s.base }) {
		r.firsts = append(r.firsts, s)
	}
}

// refuse notes that a message was not taken.
func (r *run) refuse(s *sent, err error) {
	s.refused = err
	r.refusedBy(s)
	r.note("refused", "{n}", strconv.Itoa(s.number))
}

// accept notes that p has just taken a message.
func (r *run) accept(p *party, s *sent, text []byte) error {
	s.delivered, s.deliveredAt = true, len(r.events)
	if s.first != nil {
		r.met[s.base] = true
	}
	p.history = append(p.history, spoken{s.number, text})
	r.heard(s)
	return r.changed(p)
}

// changed follows a change of a party's secrets: the ledger notes the public side, streams carry
// the secret one.
func (r *run) changed(p *party) error {
	states, err := p.states(r.ctx)
	if err != nil {
		return err
	}
	r.ledger.now = len(r.events)
	r.ledger.note(states)
	for i := range states {
		if s := &states[i]; s.HasSender {
			r.oracle[s.own()] = [32]byte(s.Sender.RatchetPriv)
		}
	}
	for _, g := range r.grants {
		if g.live && sideOfGrant(g.Grant) == p.side {
			if err := r.give(g, states); err != nil {
				return err
			}
		}
	}
	return r.ask()
}
