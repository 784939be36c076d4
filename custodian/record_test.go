package custodian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/custodian/check"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// A live is a recorded conversation in the making.
type live struct {
	t     *testing.T
	ctx   context.Context
	rec   *Recording
	stock map[*Tap]*x3dh.Published
	held  []session.Message
	audit []AuditEvent
	deny  error

	protocol  int
	noOneTime bool // bundles have no one-time prekeys
}

var (
	customerAddr = signet.Address{Name: "anna", Device: 1}
	businessAddr = signet.Address{Name: "shop", Device: 7}
)

func newLive(t *testing.T, principals ...Principal) *live {
	return newLiveFor(t, nil, principals...)
}

// newLiveFor has the receivers who sign for what they are given.
func newLiveFor(t *testing.T, receivers map[string]*Receiver, principals ...Principal) *live {
	l := &live{t: t, ctx: context.Background()}
	var caps []Capability
	for _, a := range []signet.Address{customerAddr, businessAddr} {
		c, err := NewCapability(Owner{
			Self: a, Identity: signet.GenerateKey(), Store: memory.New(), Options: &session.Options{AllowX3DH: true, AcceptKeyless: true},
			Audit: func(_ context.Context, e AuditEvent) error {
				if l.deny == nil {
					l.audit = append(l.audit, e)
				}
				return l.deny
			},
			Receivers: receivers,
		})
		require.NoError(t, err)
		caps = append(caps, c)
	}
	var err error
	l.rec, err = Record(l.ctx, caps[0], caps[1], &RecordOptions{Principals: principals})
	require.NoError(t, err)
	l.stock = make(map[*Tap]*x3dh.Published)
	for _, tap := range []*Tap{l.rec.Customer(), l.rec.Business()} {
		l.stock[tap], err = tap.PreKeys(l.ctx, 3)
		require.NoError(t, err)
	}
	return l
}

func (l *live) taps(from string) (*Tap, signet.Address, *Tap, signet.Address) {
	if from == Customer {
		return l.rec.Customer(), customerAddr, l.rec.Business(), businessAddr
	}
	return l.rec.Business(), businessAddr, l.rec.Customer(), customerAddr
}

// send writes a message, in a new session if there is none.
func (l *live) send(from, text string) session.Message {
	self, _, other, peer := l.taps(from)
	m, err := self.Encrypt(l.ctx, peer, []byte(text))
	if errors.Is(err, session.ErrNoSession) {
		f := l.stock[other].Next()
		if l.protocol == 3 {
			f.KEMPreKey = nil
		}
		if l.noOneTime {
			f.PreKey = nil
		}
		b, err := x3dh.NewBundle(f)
		require.NoError(l.t, err)
		require.NoError(l.t, self.Start(l.ctx, peer, b))
		m, err = self.Encrypt(l.ctx, peer, []byte(text))
		require.NoError(l.t, err)
	} else {
		require.NoError(l.t, err)
	}
	l.held = append(l.held, m)
	return m
}

// deliver hands message n over.
func (l *live) deliver(from string, n int) error {
	_, addr, other, _ := l.taps(from)
	_, err := other.Decrypt(l.ctx, addr, l.held[n])
	return err
}

// play does a scenario's script by hand.
func (l *live) play(sc *Scenario) {
	l.protocol, l.noOneTime = sc.Protocol, sc.NoOneTimePreKey
	from := []string{}
	for _, s := range sc.Script {
		switch {
		case s.Send != nil:
			for range max(1, s.Send.Count) {
				text := s.Send.Text
				if text == "" {
					text = fmt.Sprintf("message %d", len(l.held))
				}
				from = append(from, s.Send.From)
				l.send(s.Send.From, text)
				if !s.Send.Hold {
					_ = l.deliver(s.Send.From, len(l.held)-1)
				}
			}
		case s.Deliver != nil:
			for _, n := range s.Deliver {
				_ = l.deliver(from[n], n)
			}
		case s.Grant != nil:
			_, err := l.rec.Grant(l.ctx, *s.Grant)
			require.NoError(l.t, err)
		case s.Revoke != "":
			require.NoError(l.t, l.rec.Revoke(l.ctx, s.Revoke))
		case s.Barrier:
			require.NoError(l.t, l.rec.Barrier(l.ctx))
		case s.Inject != nil:
			require.NoError(l.t, l.rec.Inject(l.ctx, *s.Inject))
		case s.Rotate == "session":
			require.NoError(l.t, l.rec.Customer().Archive(l.ctx, businessAddr))
			require.NoError(l.t, l.rec.Business().Archive(l.ctx, customerAddr))
		}
	}
}

// digests are what depends on the keys, and on how long the ids of prekeys are written.
var digests = regexp.MustCompile(`sha256:[0-9a-f]+|\d+ bytes|\d+ octets|"bytes":\d+`)

// TestRecordingIsAScenario: a recorded conversation and the same one as a scenario give the same
// report, all but digests: keys are not the same.
func TestRecordingIsAScenario(t *testing.T) {
	for _, file := range []string{"hosted.json", "quota.json", "archive.json", "nameless.json", "one-way.json", "self.json"} {
		sc := parse(t, read(t, file))
		l := newLive(t, sc.Principals...)
		l.play(sc)
		e, err := l.rec.Evaluate(l.ctx)
		require.NoError(t, err)
		want := digests.ReplaceAllString(string(jsonOf(t, evaluate(t, sc))), "…")
		got := digests.ReplaceAllString(string(jsonOf(t, e.Report())), "…")
		require.Equal(t, want, got, file)

		for _, profile := range []Profile{Publishable, Lab} {
			b, err := e.Bundle(profile)
			require.NoError(t, err)
			_, err = check.Verify(b)
			require.NoError(t, err, "%s, %s", file, profile)
		}
		grants := 0
		for _, s := range sc.Script {
			if s.Grant != nil {
				grants++
			}
		}
		require.Equal(t, grants > 0, len(l.audit) > 0)

		again, err := json.Marshal(l.rec.Scenario())
		require.NoError(t, err)
		replayed := digests.ReplaceAllString(string(jsonOf(t, evaluate(t, parse(t, again)))), "…")
		require.Equal(t, want, replayed, "%s, played again", file)
	}
}

// TestRecordingRandom: random conversations, with injections and barriers, are judged without a
// disagreement, and their bundles verify.
func TestRecordingRandom(t *testing.T) {
	played := 0
	for n := range uint64(24) {
		sc := randomScenario(n)
		if strings.Contains(sc.name(), `"rotate"`) {
			continue // by hand it is not the same
		}
		l := newLive(t, sc.Principals...)
		l.play(sc)
		e, err := l.rec.Evaluate(l.ctx)
		require.NoError(t, err)
		requireAgreement(t, e.Report(), "%d", n)
		b, err := e.Bundle(Lab)
		require.NoError(t, err)
		_, err = check.Verify(b)
		require.NoError(t, err, "scenario %d", n)
		played++
	}
	require.Greater(t, played, 5)
}

// TestRecordingGoesOn: an evaluation is of the moment, and does not disturb what follows.
func TestRecordingGoesOn(t *testing.T) {
	l := newLive(t, Principal{ID: "p", Role: Provider})
	l.send(Customer, "one")
	require.NoError(t, l.deliver(Customer, 0))
	_, err := l.rec.Grant(l.ctx, Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "stream"})
	require.NoError(t, err)
	first, err := l.rec.Evaluate(l.ctx)
	require.NoError(t, err)
	before := string(jsonOf(t, first.Report()))
	require.Equal(t, Held, first.Report().Find("G2", "p").Result())

	l.send(Business, "two")
	require.NoError(t, l.deliver(Business, 1))
	require.Error(t, l.deliver(Business, 1), "a duplicate changes nothing")
	second, err := l.rec.Evaluate(l.ctx)
	require.NoError(t, err)
	require.Equal(t, Lost, second.Report().Find("G2", "p").Result())
	require.Equal(t, before, string(jsonOf(t, first.Report())))
	for _, e := range []*Evaluation{first, second} {
		b, err := e.Bundle(Lab)
		require.NoError(t, err)
		_, err = check.Verify(b)
		require.NoError(t, err)
	}
	x, err := second.Explain(Question{Principal: "p", Message: 1})
	require.NoError(t, err)
	require.True(t, x.Follows)
	require.Equal(t, "two", string(x.Steps[len(x.Steps)-1].value))
}

// TestRecordingErrors: what does not fit is refused, and what the audit forbids does not leave.
func TestRecordingErrors(t *testing.T) {
	l := newLive(t, Principal{ID: "p", Role: Provider})
	l.send(Customer, "one")
	_, err := l.rec.Business().Decrypt(l.ctx, customerAddr, session.Message{Type: session.TypeSignal, Body: []byte("forged")})
	require.ErrorIs(t, err, ErrUnrecorded)
	var malformed *ScenarioError
	for _, g := range []Grant{{}, {Name: "g", To: "nobody", Atoms: []string{"root"}, Via: "copy"}, {Name: "g", To: "p", Atoms: []string{"rot"}, Via: "copy"}} {
		_, err = l.rec.Grant(l.ctx, g)
		require.ErrorAs(t, err, &malformed)
	}
	require.ErrorAs(t, l.rec.Revoke(l.ctx, "g"), &malformed)

	l.deny = errors.New("not today")
	g := Grant{Name: "g", To: "p", Atoms: []string{"identity"}, Via: "copy"}
	_, err = l.rec.Grant(l.ctx, g)
	require.ErrorIs(t, err, l.deny)
	e, err := l.rec.Evaluate(l.ctx)
	require.NoError(t, err)
	require.Equal(t, Held, e.Report().Find("G6", "p").Result())
	l.deny = nil
	p, err := l.rec.Grant(l.ctx, g)
	require.NoError(t, err)
	require.Len(t, p.Entries(), 1)
	require.Len(t, l.audit, 1)
	require.Equal(t, "g", l.audit[0].Grant.Name)
	require.Equal(t, businessAddr, l.audit[0].Device)

	_, err = Record(l.ctx, Capability{}, Capability{}, nil)
	require.Error(t, err)
	_, err = NewCapability(Owner{})
	require.Error(t, err)
}

// TestExport: secrets leave by a capability alone, and the audit hears of them first.
func TestExport(t *testing.T) {
	l := newLive(t)
	l.send(Customer, "one")
	require.NoError(t, l.deliver(Customer, 0))
	c := Capability{&l.rec.Business().own}
	p, err := Export(l.ctx, c, customerAddr, Grant{Name: "copy", To: "p", Atoms: []string{"everything"}})
	require.NoError(t, err)
	require.Greater(t, len(p.Entries()), 8)
	require.Len(t, l.audit, 1)
	require.Equal(t, len(p.Entries()), l.audit[0].Values)
	l.deny = errors.New("no")
	p, err = Export(l.ctx, c, customerAddr, Grant{Name: "copy", To: "p", Atoms: []string{"everything"}})
	require.ErrorIs(t, err, l.deny)
	require.Empty(t, p.Entries(), "nothing left")
	_, err = Export(l.ctx, Capability{}, customerAddr, Grant{Atoms: []string{"root"}})
	require.Error(t, err)
	_, err = Export(l.ctx, c, customerAddr, Grant{Atoms: []string{"rot"}})
	require.Error(t, err)
	for _, x := range []any{c, &c, (*c.c).owner, struct{ C Capability }{c}, struct{ c Capability }{c}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
			require.NotRegexp(t, `[0-9a-f]{16}|\d+ \d+ \d+ \d+`, fmt.Sprintf(verb, x), verb)
		}
	}
}

// TestRecordingAudit: a stream that the audit stops breaks the recording, not the conversation.
func TestRecordingAudit(t *testing.T) {
	l := newLive(t, Principal{ID: "p", Role: Provider})
	l.send(Customer, "one")
	require.NoError(t, l.deliver(Customer, 0))
	_, err := l.rec.Grant(l.ctx, Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "stream"})
	require.NoError(t, err)
	l.send(Business, "two")
	told := len(l.audit)
	require.Greater(t, told, 1, "every parcel of a stream is told")
	l.deny = errors.New("enough")
	l.send(Business, "three")
	require.NoError(t, l.deliver(Business, 2))
	_, err = l.rec.Evaluate(l.ctx)
	require.ErrorIs(t, err, l.deny)
	require.Len(t, l.audit, told)
	for _, e := range l.rec.run.events {
		if e.given != nil {
			told--
		}
	}
	require.Zero(t, told, "what was not told did not leave")
	require.ErrorIs(t, l.rec.Revoke(l.ctx, "g"), l.deny)
}

// TestRecordingStores: on stores that run a transaction twice, from two goroutines, and to other
// peers.
func TestRecordingStores(t *testing.T) {
	ctx := context.Background()
	var caps []Capability
	for _, a := range []signet.Address{customerAddr, businessAddr} {
		c, err := NewCapability(Owner{Self: a, Identity: signet.GenerateKey(), Store: fickle{memory.New()}, Audit: func(context.Context, AuditEvent) error { return nil }})
		require.NoError(t, err)
		caps = append(caps, c)
	}
	rec, err := Record(ctx, caps[0], caps[1], &RecordOptions{Principals: []Principal{{ID: "p", Role: Provider}}})
	require.NoError(t, err)
	customer, business := rec.Customer(), rec.Business()
	stock, err := business.PreKeys(ctx, 1)
	require.NoError(t, err)
	b, err := x3dh.NewBundle(stock.Next())
	require.NoError(t, err)
	require.NoError(t, customer.Start(ctx, businessAddr, b))
	m, err := customer.Encrypt(ctx, businessAddr, []byte("hello"))
	require.NoError(t, err)
	_, err = business.Decrypt(ctx, customerAddr, m)
	require.NoError(t, err)
	_, err = rec.Grant(ctx, Grant{Name: "g", To: "p", Atoms: []string{"everything", "plaintext"}, Via: "stream"})
	require.NoError(t, err)

	done := make(chan error, 2)
	talk := func(from, to *Tap, self, peer signet.Address) {
		for range 10 {
			m, err := from.Encrypt(ctx, peer, []byte("at once"))
			if err == nil {
				_, err = to.Decrypt(ctx, self, m)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}
	go talk(customer, business, customerAddr, businessAddr)
	go talk(business, customer, businessAddr, customerAddr)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	_, err = business.Rotate(ctx)
	require.NoError(t, err)
	_, err = business.Retire(ctx)
	require.NoError(t, err)

	_, err = customer.Encrypt(ctx, signet.Address{Name: "somebody else", Device: 1}, nil)
	require.ErrorIs(t, err, session.ErrNoSession)
	require.Error(t, business.Start(ctx, customerAddr, b), "a bundle of its own")

	e, err := rec.Evaluate(ctx)
	require.NoError(t, err)
	requireAgreement(t, e.Report(), "")
	require.Len(t, e.Report().Messages, 21)
	require.Equal(t, Lost, e.Report().Find("G2", "p").Result())
	archive, err := e.Bundle(Lab)
	require.NoError(t, err)
	_, err = check.Verify(archive)
	require.NoError(t, err)
}
