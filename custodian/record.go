package custodian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"

	"signet.example/signet"
	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// RecordOptions adjusts a Recording. The zero value works.
type RecordOptions struct {
	// Principals are those who are asked about. Grants are to them.
	Principals []Principal
}

// A Recording follows a live conversation between two devices, a customer's and a business's, and
// judges it like a scenario. The program writes and delivers the messages itself, in its own order
// and by its own means, with the two Taps in the place of the devices; it grants and revokes when
// it likes.
//
// A recording holds what a scenario's evaluation does: copies of the receivers, the secrets that
// were handed over, texts and ciphertexts. It is for tests, audits and teaching, not for every day.
// It is safe for concurrent use; operations on the conversation run one after another.
type Recording struct {
	mu     sync.Mutex
	run    *run
	sc     *Scenario
	check  checker
	taps   [2]*Tap
	bodies map[[32]byte]*sent
	err    error // what broke the recording; the devices go on without it
}

// ErrUnrecorded is a message that neither tap has written: the recording could not say how it was
// made. It was not given to the device.
var ErrUnrecorded = errors.New("custodian: the message was not written in this recording")

// Record begins to follow a conversation between two devices that have had none: their stores have
// no session with each other. It publishes the signed prekeys of both, which makes them if there
// are none. Nil opts means the defaults. The error is a *ScenarioError for malformed principals, or
// what a store returned.
func Record(ctx context.Context, customer, business Capability, opts *RecordOptions) (*Recording, error) {
	if customer.c == nil || business.c == nil {
		return nil, errNoCap
	}
	sc := &Scenario{Protocol: 4}
	if opts != nil {
		sc.Principals = slices.Clone(opts.Principals)
	}
	if err := sc.Check(); err != nil {
		return nil, err
	}
	r := newRun(ctx, sc)
	rec := &Recording{run: r, sc: sc, bodies: make(map[[32]byte]*sent)}
	rec.check = checker{sc: sc, held: make(map[int]bool), granted: make(map[string]bool)}
	owners := [2]*capability{attack.Customer: *customer.c, attack.Business: *business.c}
	for side := range attack.Side(2) {
		own, peer := owners[side], owners[1-side].owner.Self
		p := *own.party
		p.side, p.peer, p.history = side, peer, nil
		p.release = func(ctx context.Context, g *Grant, values int, b []byte) ([]byte, error) {
			return own.audit(ctx, peer, g, values, b)
		}
		if states, err := p.states(ctx); err != nil || len(states) > 0 {
			return nil, errors.Join(err, fmt.Errorf("custodian: the %s has a session already", p.name()))
		}
		r.parties[side] = &p
		rec.taps[side] = &Tap{rec: rec, p: &p, own: own}
	}
	if !r.parties[0].options.AcceptKeyless && !r.parties[1].options.AcceptKeyless {
		sc.Keyless = KeylessRefused
	}
	for _, t := range rec.taps {
		if err := t.published(ctx); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

// Customer is the customer's end of the conversation.
func (rec *Recording) Customer() *Tap { return rec.taps[attack.Customer] }

// Business is the business's end.
func (rec *Recording) Business() *Tap { return rec.taps[attack.Business] }

// Scenario returns the conversation as a script so far: messages, deliveries and grants, to be
// played again. What a script cannot say is left out: which end archived a session, or when it
// rotated its prekeys; nor that one end alone refuses messages without a post-quantum key, which
// are then accepted. A text that is not UTF-8 is left out, too.
func (rec *Recording) Scenario() *Scenario {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.sc.clone()
}

// clone copies the scenario and what of it a recording goes on to change.
func (sc *Scenario) clone() *Scenario {
	out := *sc
	out.Script = slices.Clone(sc.Script)
	for i := range out.Script {
		if s := out.Script[i].Send; s != nil {
			send := *s
			out.Script[i].Send = &send
		}
	}
	return &out
}

// Grant hands secrets over now, and by "stream" later ones too, and returns the parcel of what left
// now. The owner's audit is told of every parcel before it leaves. The error is a *ScenarioError
// for a malformed grant, or what audit, receiver or store returned; nothing was granted then.
func (rec *Recording) Grant(ctx context.Context, g Grant) (parcel.Parcel, error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err := rec.check.grant("grant", &g); err != nil {
		return parcel.Parcel{}, err
	}
	from := len(rec.run.events)
	if err := rec.step(ctx, Step{Grant: &g}); err != nil {
		delete(rec.check.granted, g.Name)
		rec.run.grants = rec.run.grants[:len(rec.run.grants)-1]
		return parcel.Parcel{}, err
	}
	var entries []parcel.Entry
	for _, e := range rec.run.events[from:] {
		if e.given != nil && e.given.grant == g.Name {
			p, err := parcel.Parse(e.given.bytes)
			if err != nil {
				return parcel.Parcel{}, err
			}
			entries = append(entries, p.Entries()...)
		}
	}
	return parcel.New(entries), nil
}

// Revoke ends a grant. What was handed over stays so.
func (rec *Recording) Revoke(ctx context.Context, name string) error {
	return rec.checked(ctx, Step{Revoke: name})
}

// Barrier makes the customer delete what a revoked holder could use (custody B6).
func (rec *Recording) Barrier(ctx context.Context) error {
	return rec.checked(ctx, Step{Barrier: true})
}

// Inject lets a principal try, with what it holds now, to make an end accept a message. If that end
// accepts it, then in earnest: its session goes on from there.
func (rec *Recording) Inject(ctx context.Context, in Inject) error {
	return rec.checked(ctx, Step{Inject: &in})
}

func (rec *Recording) checked(ctx context.Context, s Step) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err := rec.check.step("step", &s); err != nil {
		return err
	}
	return rec.step(ctx, s)
}

// step adds a step to the script and does it.
func (rec *Recording) step(ctx context.Context, s Step) error {
	if rec.err != nil {
		return rec.err
	}
	rec.prepare(ctx)
	marks := len(rec.run.marks)
	if err := rec.run.step(len(rec.sc.Script), &s); err != nil {
		rec.run.marks = rec.run.marks[:marks]
		return err
	}
	rec.sc.Script = append(rec.sc.Script, s)
	return nil
}

// prepare lets the run see what the devices did by themselves.
func (rec *Recording) prepare(ctx context.Context) {
	rec.run.ctx = ctx
	for _, t := range rec.taps {
		t.own.tap.tell(t.p)
	}
}

// Evaluate judges the conversation so far, as if it ended now. It goes on unchanged; later messages
// are in a later evaluation. The error is what broke the recording, or what a store returned.
func (rec *Recording) Evaluate(ctx context.Context) (*Evaluation, error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.err != nil {
		return nil, rec.err
	}
	rec.prepare(ctx)
	r := rec.run.snapshot(rec.sc.clone())
	source, err := r.sc.canonical()
	if err != nil {
		return nil, err
	}
	if err := r.probeBoth(); err != nil {
		return nil, err
	}
	return r.evaluation(source)
}

// snapshot copies all of a run that goes on changing.
func (r *run) snapshot(sc *Scenario) *run {
	out := *r
	out.sc = sc
	copies := make(map[*sent]*sent)
	fresh := func(m *sent) *sent {
		if copies[m] == nil {
			c := *m
			copies[m] = &c
		}
		return copies[m]
	}
	all := func(list []*sent) (out []*sent) {
		for _, m := range list {
			out = append(out, fresh(m))
		}
		return out
	}
	out.events = slices.Clone(r.events)
	for i := range out.events {
		if m := out.events[i].sent; m != nil {
			out.events[i].sent = fresh(m)
		}
	}
	out.messages, out.injected, out.firsts = all(r.messages), all(r.injected), all(r.firsts)
	for side := range out.contacts {
		out.contacts[side] = slices.Clone(r.contacts[side])
	}
	out.grants = nil
	for _, g := range r.grants {
		c := *g
		c.seen = nil // no grant hands over more in a snapshot
		out.grants = append(out.grants, &c)
	}
	out.probes, out.notes, out.marks = slices.Clone(r.probes), slices.Clone(r.notes), slices.Clone(r.marks)
	out.ledger = r.ledger.clone()
	out.met, out.oracle = maps.Clone(r.met), maps.Clone(r.oracle)
	return &out
}

func (l *ledger) clone() *ledger {
	out := newLedger()
	out.now, out.born, out.next = l.now, maps.Clone(l.born), maps.Clone(l.next)
	for _, t := range l.turns {
		c := *t
		out.turns = append(out.turns, &c)
		out.turnOf[[2]parcel.Key{t.Base, t.Key}] = &c
	}
	for _, x := range l.pq {
		c := *x
		out.pq = append(out.pq, &c)
		out.pqOf[pqName{x.Base, x.Epoch, x.Dir}] = &c
	}
	return out
}

// fail breaks the recording. What the devices did stands.
func (rec *Recording) fail(err error) {
	if err != nil && rec.err == nil {
		rec.err = fmt.Errorf("custodian: the recording is broken: %w", err)
	}
}

// A Tap is one end of a recorded conversation: its device, with an ear at it. What it does to other
// peers than the other end goes to the device and is not recorded.
type Tap struct {
	rec *Recording
	p   *party
	own *capability
}

// Device is the device itself. What it is made to do to the other end behind the recording's back
// breaks the recording.
func (t *Tap) Device() *session.Device { return t.p.device }

// PreKeys is session.Device.PreKeys.
func (t *Tap) PreKeys(ctx context.Context, n int) (*x3dh.Published, error) {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	p, err := t.p.device.PreKeys(ctx, n)
	if err == nil {
		t.rec.fail(t.noticed(ctx))
	}
	return p, err
}

// Rotate is session.Device.Rotate. The new bundle is in the directory from now on.
func (t *Tap) Rotate(ctx context.Context) (*x3dh.Published, error) {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	p, err := t.p.device.Rotate(ctx)
	if err == nil {
		t.rec.fail(errors.Join(t.published(ctx), t.noticed(ctx)))
	}
	return p, err
}

// Retire is session.Device.Retire.
func (t *Tap) Retire(ctx context.Context) (int, error) {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	n, err := t.p.device.Retire(ctx)
	if err == nil {
		t.rec.fail(t.noticed(ctx))
	}
	return n, err
}

// Archive is session.Device.Archive.
func (t *Tap) Archive(ctx context.Context, peer signet.Address) error {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	err := t.p.device.Archive(ctx, peer)
	if err == nil && peer == t.p.peer {
		t.rec.fail(t.noticed(ctx))
	}
	return err
}

// published puts the device's current bundle into the directory.
func (t *Tap) published(ctx context.Context) error {
	stock, err := t.p.device.PreKeys(ctx, 0)
	if err != nil {
		return err
	}
	if err := t.p.device.MarkPublished(ctx, stock); err != nil {
		return err
	}
	t.p.stock = stock
	t.rec.prepare(ctx)
	return t.rec.run.directory(t.p)
}

// noticed follows a change of the device's secrets.
func (t *Tap) noticed(ctx context.Context) error {
	t.rec.prepare(ctx)
	if err := t.rec.run.collectOracle(); err != nil {
		return err
	}
	return t.rec.run.changed(t.p)
}

// Start is session.Device.Start. The bundle must be of the other end's identity.
func (t *Tap) Start(ctx context.Context, peer signet.Address, b *x3dh.Bundle) error {
	if peer != t.p.peer {
		return t.p.device.Start(ctx, peer, b)
	}
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	other := t.rec.taps[1-t.p.side]
	if b == nil || b.Fields().Identity != other.p.device.Identity() {
		return errors.New("custodian: the bundle is not of the other end")
	}
	if err := t.p.device.Start(ctx, peer, b); err != nil {
		return err
	}
	if len(t.rec.run.messages) == 0 {
		t.rec.sc.Initiator = endNames[t.p.side]
		if b.Fields().KEMPreKey == nil {
			t.rec.sc.Protocol, t.rec.sc.Keyless = 3, ""
		}
		t.rec.sc.NoOneTimePreKey = b.Fields().PreKey == nil
	}
	t.rec.prepare(ctx)
	t.rec.run.publish(other.p.side, b)
	t.rec.fail(errors.Join(t.rec.run.directory(other.p), t.rec.run.changed(t.p)))
	return nil
}

// Encrypt is session.Device.Encrypt.
func (t *Tap) Encrypt(ctx context.Context, peer signet.Address, plaintext []byte) (session.Message, error) {
	if peer != t.p.peer {
		return t.p.device.Encrypt(ctx, peer, plaintext)
	}
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	m, err := t.p.device.Encrypt(ctx, peer, plaintext)
	if err == nil && t.rec.err == nil {
		t.rec.fail(t.sent(ctx, plaintext, m))
	}
	return m, err
}

// sent records a message that the device has written.
func (t *Tap) sent(ctx context.Context, plaintext []byte, m session.Message) error {
	rec := t.rec
	send := &Send{From: endNames[t.p.side], Hold: true}
	if utf8.Valid(plaintext) {
		send.Text = string(plaintext)
	}
	if err := rec.check.send("message", send); err != nil {
		return err
	}
	rec.prepare(ctx)
	s, err := rec.run.record(t.p, bytes.Clone(plaintext), session.Message{Type: m.Type, Body: bytes.Clone(m.Body)})
	if err != nil {
		return err
	}
	rec.sc.Script = append(rec.sc.Script, Step{Send: send})
	rec.bodies[sha256.Sum256(m.Body)] = s
	return nil
}

// Decrypt is session.Device.Decrypt for messages that the other end's tap has written; any other is
// ErrUnrecorded.
func (t *Tap) Decrypt(ctx context.Context, peer signet.Address, m session.Message) ([]byte, error) {
	if peer != t.p.peer {
		return t.p.device.Decrypt(ctx, peer, m)
	}
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	s := t.rec.bodies[sha256.Sum256(m.Body)]
	if t.rec.err == nil && (s == nil || s.from == t.p.side || s.message.Type != m.Type) {
		return nil, ErrUnrecorded
	}
	text, err := t.p.device.Decrypt(ctx, peer, m)
	switch {
	case t.rec.err != nil || s.delivered:
	case err != nil:
		t.rec.run.refuse(s, err)
	default:
		t.rec.fail(t.taken(ctx, s, text))
	}
	return text, err
}

// taken records a message that the device has accepted.
func (t *Tap) taken(ctx context.Context, s *sent, text []byte) error {
	rec := t.rec
	script := rec.sc.Script
	if last := script[len(script)-1].Send; last != nil && s.number == len(rec.run.messages)-1 {
		last.Hold = false
	} else {
		rec.sc.Script = append(script, Step{Deliver: []int{s.number}})
	}
	rec.check.held[s.number] = false
	rec.prepare(ctx)
	return rec.run.accept(t.p, s, bytes.Clone(text))
}
