package notice

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/tlog"
	"signet.example/signet/internal/entropy"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

const (
	hour = time.Hour
	days = 24 * time.Hour
)

func seeded(parts ...any) *entropy.Source {
	return entropy.Seeded(sha256.Sum256([]byte(fmt.Sprint(parts...))))
}

// A shop is a business with everything that its notices need, and customers.
type shop struct {
	t         testing.TB
	root      *RootKey
	identity  *signet.PrivateKey
	bind      *Bind
	chain     *Business
	log       *tlog.Log
	witnesses []*tlog.Witness
	trust     *tlog.Trust
	now       time.Time
	index     map[Hash]int64
}

func chatOf(identity signet.PublicKey, customer string) Chat {
	own := signet.GenerateKeyFrom(seeded("identity of ", customer))
	return Chat{
		Business: signet.Address{Name: "Boulangerie", Device: 1}, Identity: identity,
		Customer: signet.Address{Name: customer, Device: 1}, Own: own.PublicKey(), Protocol: 4,
	}
}

// newShop returns a shop with a log of so many witnesses; -1 is no log.
func newShop(t testing.TB, kind ScopeKind, witnesses int) *shop {
	s := &shop{
		t: t, root: GenerateRootFrom(seeded("root")), identity: signet.GenerateKeyFrom(seeded("shop")),
		now: noon, index: make(map[Hash]int64),
	}
	var err error
	s.bind, err = s.root.Bind("Boulangerie", s.identity.PublicKey(), noon.Add(-time.Hour))
	require.NoError(t, err)
	origin := ""
	if witnesses >= 0 {
		origin = "log.example/boulangerie"
		s.openLog(origin, witnesses)
	}
	chat := chatOf(s.identity.PublicKey(), "alice")
	s.chain = NewBusinessFrom(seeded("chain"), kind, &chat, origin)
	return s
}

func (s *shop) openLog(origin string, witnesses int) {
	key, err := tlog.GenerateKeyFrom(seeded("log"), origin)
	require.NoError(s.t, err)
	s.log, err = tlog.New(key)
	require.NoError(s.t, err)
	var keys []*tlog.Key
	var names []string
	for i := range witnesses {
		k, err := tlog.GenerateWitnessKeyFrom(seeded("witness", i), fmt.Sprint("witness.example/", i))
		require.NoError(s.t, err)
		keys, names = append(keys, k), append(names, k.Verifier())
	}
	s.trust, err = tlog.NewTrust(key.Verifier(), (witnesses+1)/2, names...)
	require.NoError(s.t, err)
	for _, k := range keys {
		w, err := tlog.NewWitness(k, s.trust, nil)
		require.NoError(s.t, err)
		s.witnesses = append(s.witnesses, w)
	}
}

// A seen is a source whose checkpoints are cosigned by those witnesses who agree.
type seen struct {
	tlog.Source
	shop *shop
}

func (w seen) Checkpoint(ctx context.Context) ([]byte, error) {
	signed, err := w.Source.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	n := len(signed)
	for _, x := range w.shop.witnesses {
		if c, err := x.Cosign(ctx, signed[:n], w.Source, w.shop.now); err == nil {
			signed = append(signed, c[n:]...)
		}
	}
	return signed, nil
}

func (s *shop) source() tlog.Source {
	if s.log == nil {
		return nil
	}
	return seen{s.log, s}
}

func (s *shop) policy() *Policy { return &Policy{Log: s.trust} }

func (s *shop) customer(name string) *Customer {
	return NewCustomer(chatOf(s.identity.PublicKey(), name), s.policy())
}

// issue makes the next statement and publishes it.
func (s *shop) issue(t *Terms) *Signed {
	s.t.Helper()
	if t == nil {
		t = &Terms{}
	}
	if t.Bound == nil {
		t.Bound = []signet.PublicKey{s.identity.PublicKey()}
	}
	signed, err := s.chain.Issue(s.root, nil, t, s.now)
	require.NoError(s.t, err)
	s.publish(signed)
	return signed
}

func (s *shop) publish(signed *Signed) {
	if s.log != nil {
		s.index[signed.Hash()] = s.log.Append(s.chain.Entry(signed))
	}
}

func (s *shop) deliver(signed *Signed) []byte {
	s.t.Helper()
	b, err := s.chain.Delivery(ctx, signed, s.bind, s.index[signed.Hash()], s.source())
	require.NoError(s.t, err)
	return b
}

// give delivers a statement that has to pass.
func (s *shop) give(c *Customer, signed *Signed) {
	s.t.Helper()
	ack, err := c.Accept(ctx, s.deliver(signed), s.source(), s.now)
	require.NoError(s.t, err)
	a, err := ParseAck(ack)
	require.NoError(s.t, err)
	require.Equal(s.t, Ack{signed.statement.Seq, signed.Hash()}, a)
	s.chain.Acknowledged(a)
}

func hosted(name string, secrets Secrets, via Via) *Terms {
	g := Grant{Secrets: secrets, Via: via}
	if via == Quota {
		g.Count = 3
	}
	return &Terms{Providers: []Provider{{Name: name}}, Grants: []Grant{g}}
}

func requireState(t testing.TB, c *Customer, now time.Time, kind StateKind, reason Reason) State {
	t.Helper()
	s := c.State(now)
	require.Equal(t, kind.String(), s.Kind.String(), "reason %d, check %d", s.Reason, s.Check)
	require.Equal(t, reason, s.Reason)
	return s
}

func TestLifeOfANotice(t *testing.T) {
	for _, witnesses := range []int{-1, 0, 3} {
		s := newShop(t, Account, witnesses)
		c := s.customer("alice")
		requireState(t, c, s.now, Unknown, NoStatement)

		first := s.issue(nil)
		s.give(c, first)
		requireState(t, c, s.now, Encrypted, 0)
		s.give(c, first) // redelivered
		requireState(t, c, s.now, Encrypted, 0)

		s.now = s.now.Add(hour)
		second := s.issue(hosted("Acme Cloud", Everything, Stream))
		s.give(c, second)
		st := requireState(t, c, s.now, Changed, 0)
		require.Equal(t, [][]string{nil, {"Acme Cloud"}}, st.Path)
		require.Equal(t, s.now, st.Since)
		c.Acknowledge(first.Hash())
		requireState(t, c, s.now, Changed, 0) // she has not seen this one
		c.Acknowledge(st.Statement)
		st = requireState(t, c, s.now, Managed, 0)
		require.Equal(t, []Holder{{[]string{"Acme Cloud"}, Power{Verbs: allVerbs}, false}}, st.Holders)

		s.now = s.now.Add(hour)
		third := s.issue(nil)
		s.give(c, third)
		st = requireState(t, c, s.now, Changed, 0)
		require.Empty(t, st.Holders)
		require.Len(t, st.Former, 1, "what was handed over still works")
		c.Acknowledge(st.Statement)
		st = requireState(t, c, s.now, Revoked, 0)
		require.True(t, st.Barrier && st.NewIdentity)
		for range 10 {
			c.Observe(SignalChain)
		}
		c.Observe(SignalBarrier)
		requireState(t, c, s.now, Revoked, 0) // the identity key is still with Acme

		s.identity = signet.GenerateKeyFrom(seeded("new identity"))
		c.SetIdentity(s.identity.PublicKey())
		c.Observe(SignalBarrier)
		requireState(t, c, s.now, Unknown, OtherIdentity)
		s.now = s.now.Add(hour)
		s.bind = nil // the root key is pinned
		s.give(c, s.issue(nil))
		requireState(t, c, s.now, Encrypted, 0)
		latest, told := s.chain.Seq()
		require.EqualValues(t, 4, latest)
		require.EqualValues(t, 4, told)
	}
}

// What ends a revoked grant depends on what was granted.
func TestEndOfAGrant(t *testing.T) {
	for _, c := range []struct {
		name                      string
		secrets                   Secrets
		via                       Via
		chains                    int // after so many chains it reads encrypted, -1 for never
		barrier, identity, cannot bool
	}{
		{name: "archive", secrets: Plaintext, via: Stream},
		{name: "sending chain", secrets: SendingChain | PQSendingChain, via: Copy, chains: 5},
		{name: "receiving chains", secrets: ReceivingChains | PQReceivingChain, via: Stream, chains: 5},
		{name: "quota", secrets: SendingChain | PQSendingChain, via: Quota, chains: 5},
		{name: "session", secrets: Session, via: Copy, chains: -1, barrier: true},
		{name: "oracle", secrets: Identity, via: Oracle, chains: -1, barrier: true},
		{name: "identity", secrets: Identity, via: Copy, chains: -1, barrier: true, identity: true},
		{name: "enclave", secrets: Everything, via: Enclave, chains: -1, barrier: true, identity: true},
		{name: "half that writes", secrets: SessionEC, via: Stream, chains: -1, barrier: true},
		{name: "sending chain, one half", secrets: SendingChain, via: Copy, chains: 5},
		{name: "half", secrets: SessionPQ, via: Stream, cannot: true},
	} {
		s := newShop(t, Account, -1)
		alice := s.customer("alice")
		s.give(alice, s.issue(hosted("Acme", c.secrets, c.via)))
		if c.cannot {
			requireState(t, alice, s.now, Encrypted, 0)
			continue
		}
		requireState(t, alice, s.now, Managed, 0)
		end := s.issue(nil)
		s.give(alice, end)
		alice.Acknowledge(end.Hash())
		chains := 0
		for ; chains < 20 && alice.State(s.now).Kind == Revoked; chains++ {
			alice.Observe(SignalChain)
		}
		if c.chains >= 0 {
			require.Equal(t, c.chains, chains, c.name)
			requireState(t, alice, s.now, Encrypted, 0)
			continue
		}
		st := requireState(t, alice, s.now, Revoked, 0)
		require.Equal(t, c.identity, st.NewIdentity, c.name)
		require.Equal(t, c.barrier, st.Barrier, c.name)
		alice.Observe(SignalBarrier)
		if c.identity {
			requireState(t, alice, s.now, Revoked, 0)
			continue
		}
		requireState(t, alice, s.now, Encrypted, 0)
	}
}

// Two halves handed over at different times, or to two providers, open what neither opens alone;
// one of them writes.
func TestHalves(t *testing.T) {
	s := newShop(t, Account, -1)
	alice := s.customer("alice")
	s.give(alice, s.issue(hosted("Acme", SessionEC, Stream)))
	st := requireState(t, alice, s.now, Managed, 0)
	require.Equal(t, Write|WriteCustomer, st.Holders[0].Power.Verbs)
	second := s.issue(hosted("Acme", SessionPQ, Stream))
	s.give(alice, second)
	alice.Acknowledge(second.Hash())
	st = requireState(t, alice, s.now, Managed, 0)
	require.Equal(t, ReadCustomer|ReadBusiness|Write|WriteCustomer, st.Holders[0].Power.Verbs)

	bob := s.customer("bob")
	both := s.issue(&Terms{
		Providers: []Provider{{Name: "Acme"}, {Name: "Zenith", Operator: true}},
		Grants:    []Grant{{To: 0, Secrets: SessionEC, Via: Copy}, {To: 1, Secrets: SessionPQ, Via: Copy}},
	})
	s.give(bob, both)
	st = requireState(t, bob, s.now, Managed, 0)
	require.Len(t, st.Holders, 2)
	require.Equal(t, []string{"Acme"}, st.Holders[0].Names)
	require.Equal(t, Write|WriteCustomer, st.Holders[0].Power.Verbs)
	require.Equal(t, []string{"Acme", "Zenith"}, st.Holders[1].Names)
}

func TestPowers(t *testing.T) {
	const all = ReadCustomer | ReadBusiness | Write | WriteCustomer
	for _, c := range []struct {
		protocol uint8
		secrets  Secrets
		want     Verbs
	}{
		{4, Everything, all | Open},
		{4, Session, all},
		{4, SessionEC, Write | WriteCustomer}, // forging takes no post-quantum key
		{4, SendingChain, Write},
		{4, ReceivingChains, WriteCustomer},
		{4, Skipped, WriteCustomer},
		{4, SessionRoot, WriteCustomer},
		{3, SessionRoot, WriteCustomer},
		{4, SessionRoot | RatchetPrivate, Write | WriteCustomer},
		{4, RatchetPrivate, 0},
		{3, RatchetPrivate, 0},
		{3, SessionEC, all},
		{4, SessionPQ, 0},
		{3, SessionPQ, 0},
		{4, Identity, Open},
		{4, PreKeys, WriteCustomer},
		{4, Identity | SignedPreKey, Open | WriteCustomer},
		{3, Identity | SignedPreKey, all | Open},
		{4, Identity | PreKeys, all | Open},
		{4, SendingChain | PQSendingChain, ReadBusiness | Write},
		{4, ReceivingChains | PQReceivingChain, ReadCustomer | WriteCustomer},
		{4, ReceivingChains | PQSendingChain, WriteCustomer},
		{4, Skipped | PQSkipped, ReadCustomer | WriteCustomer},
		{4, SessionRoot | RatchetPrivate | PQRoot | PQDecapsulation, all},
		{4, SessionRoot | RatchetPrivate | PQRoot | PQAuth, Write | WriteCustomer},
		{4, SessionEC | PQNegotiation, all},
		{4, Archived, all},
		{4, KyberPreKey | OneTimePreKeys | PQAuth | RatchetPrivate, 0},
		{4, Plaintext, ReadCustomer | ReadBusiness},
	} {
		got := Powers(c.protocol, []Grant{{Secrets: c.secrets, Via: Stream}})
		require.Equal(t, Power{Verbs: c.want}, got, "%v in version %d", c.secrets.Names(), c.protocol)
	}
	quota := Grant{Secrets: SendingChain, Via: Quota, Count: 3}
	require.Equal(t, Power{Write, 6}, Powers(4, []Grant{quota, quota}))
	require.Equal(t, Power{Verbs: ReadBusiness | Write}, Powers(4, []Grant{quota, {Secrets: SendingChain | PQSendingChain, Via: Copy}}))
	require.Equal(t, Power{Verbs: ReadBusiness}, Powers(4, []Grant{{Secrets: Plaintext, Via: Stream, Direction: FromBusiness}}))

	require.Equal(t, "self-managed", Label(4, nil))
	require.Equal(t, "dormant", Label(4, []Grant{{Secrets: SessionPQ&^PQNegotiation | RatchetPrivate, Via: Copy}}))
	require.Equal(t, "managed:write:3", Label(4, []Grant{quota}))
	require.Equal(t, "managed:read-business+write", Label(4, []Grant{{Secrets: SendingChain | PQSendingChain, Via: Copy}}))

	// More secrets never give less (T7).
	for a := range Secrets(1) << 10 {
		s := a * 0x9e3779b1 % (1 << 19)
		for i := range secretNames {
			less, more := derive(4, s&^(1<<i)), derive(4, s|1<<i)
			require.Zero(t, less&^more, "%b %s", s, secretNames[i])
			require.Zero(t, derive(4, s)&^derive(3, s), "the hybrid gives less")
		}
	}

	got, err := SecretsNamed("session", "identity", "prekeys", "archived")
	require.NoError(t, err)
	require.Equal(t, Everything, got)
	_, err = SecretsNamed("custody-root")
	require.Error(t, err)
	require.Len(t, secretNames, 19)
}
