package notice

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/custodian/notice/tlog"
)

// resign returns a delivery of s with a statement that was changed and signed again.
func (s *shop) resign(signed *Signed, change func(*Statement)) []byte {
	s.t.Helper()
	st := signed.Statement()
	change(st)
	again, err := s.root.Sign(st, nil)
	require.NoError(s.t, err)
	s.publish(again)
	return s.deliver(again)
}

// TestChecks: every check has its own error, in the order of Annex 2, and a failure of any makes a
// state of "encrypted" unknown and leaves one of "managed" as it is.
func TestChecks(t *testing.T) {
	other := GenerateRootFrom(seeded("another root"))
	type given struct {
		s    *shop
		c    *Customer
		next *Signed // the one that is to come
		good []byte  // its delivery
	}
	edit := func(f func(g *given, d *delivery)) func(*given) []byte {
		return func(g *given) []byte {
			d, err := parseDelivery(g.good)
			require.NoError(t, err)
			f(g, d)
			return d.bytes()
		}
	}
	resign := func(f func(*Statement)) func(*given) []byte {
		return func(g *given) []byte { return g.s.resign(g.next, f) }
	}
	byOther := func(g *given, d *delivery) {
		st := g.next.Statement()
		st.Root = other.Root().Fingerprint()
		d.signed, _ = other.Sign(st, nil)
	}
	for _, c := range []struct {
		name    string
		want    Check
		message func(*given) []byte
	}{
		{"nothing", CheckStructure, func(*given) []byte { return nil }},
		{"a text", CheckStructure, func(*given) []byte { return []byte("hello") }},
		{"cut", CheckStructure, func(g *given) []byte { return g.good[:len(g.good)-1] }},
		{"longer", CheckStructure, func(g *given) []byte { return append(slices.Clone(g.good), 0) }},
		{"acknowledgement", CheckStructure, func(*given) []byte { return Ack{}.bytes() }},
		{"another root key", CheckRoot, edit(byOther)},
		{"another root key with its certificate", CheckRoot, edit(func(g *given, d *delivery) {
			byOther(g, d)
			d.bind, _ = other.Bind("Boulangerie", g.s.identity.PublicKey(), noon)
		})},
		{"another certificate", CheckRoot, edit(func(g *given, d *delivery) {
			d.bind, _ = other.Bind("Boulangerie", g.s.identity.PublicKey(), noon)
		})},
		{"identity-signed", CheckRoot, edit(func(g *given, d *delivery) {
			st := g.next.Statement()
			st.Root = Hash{}
			d.signed, _ = SignByIdentity(g.s.identity, st)
		})},
		{"signature", CheckSignature, edit(func(_ *given, d *delivery) { d.signed.signature[5] ^= 1 })},
		{"body", CheckSignature, edit(func(_ *given, d *delivery) {
			st := d.signed.statement
			st.Grants, st.Label, st.English = nil, selfManaged, "trust us"
			d.signed.body = st.append(nil)
		})},
		{"cosignature", CheckSignature, edit(func(_ *given, d *delivery) { d.signed.cosigned = make([]byte, 64) })},
		{"certificate", CheckSignature, edit(func(_ *given, d *delivery) { d.bind.signature[0] ^= 1 })},
		{"other identity", CheckIdentity, resign(func(s *Statement) { s.Bound = []signet.PublicKey{{}} })},
		{"other business", CheckIdentity, resign(func(s *Statement) { s.Business = "Boucherie" })},
		{"one is missing", CheckSequence, resign(func(s *Statement) { s.Seq++ })},
		{"does not follow", CheckSequence, resign(func(s *Statement) { s.Prev[0] ^= 1 })},
		{"replayed", CheckSequence, func(g *given) []byte { return g.s.deliver(g.c.history[0]) }},
		{"not yet", CheckTimes, resign(func(s *Statement) { s.From = s.From.Add(hour) })},
		{"back in time", CheckTimes, resign(func(s *Statement) { s.From = noon.Add(-hour) })},
		{"label", CheckLabel, resign(func(s *Statement) { s.Label = "managed:read-customer" })},
		{"self-managed label", CheckLabel, resign(func(s *Statement) {
			s.Label, s.Providers = selfManaged, []Provider{{Name: "Acme"}}
			s.Grants = []Grant{{Secrets: Everything, Via: Stream}}
		})},
		{"stored elsewhere", CheckLabel, resign(func(s *Statement) { s.Storage, s.Grants, s.Label = AtProvider, nil, selfManaged })},
		{"wrong salt", CheckScope, edit(func(_ *given, d *delivery) { d.salt[0] ^= 1 })},
		{"other chain", CheckScope, resign(func(s *Statement) { s.Scope.Commitment[0] ^= 1; s.Scope.Kind = Conversation })},
		{"lower version", CheckScope, func(g *given) []byte { g.c.SetProtocol(3); return g.good }},
		{"not in the log", CheckInclusion, func(g *given) []byte {
			g.s.index[g.next.Hash()]--
			return g.s.deliver(g.next)
		}},
		{"no proof", CheckInclusion, edit(func(_ *given, d *delivery) { d.proof = nil })},
		{"no checkpoint", CheckInclusion, edit(func(_ *given, d *delivery) { d.note = nil })},
		{"other log", CheckInclusion, resign(func(s *Statement) { s.Log = "log.example/other" })},
		{"no witness", CheckWitnesses, edit(func(g *given, d *delivery) {
			var err error
			d.note, err = g.s.log.Checkpoint(ctx)
			require.NoError(t, err)
		})},
		{"contradicted", CheckTransition, func(g *given) []byte { g.c.Observe(SignalCollision); return g.good }},
	} {
		for _, managed := range []bool{false, true} {
			s := newShop(t, Account, 3)
			alice := s.customer("alice")
			s.give(alice, s.issue(nil))
			terms, kind, reason := (*Terms)(nil), Encrypted, BadStatement
			if managed {
				terms, kind, reason = hosted("Acme", Plaintext, Stream), Managed, 0
			}
			s.now = s.now.Add(hour)
			second := s.issue(terms)
			s.give(alice, second)
			alice.Acknowledge(second.Hash())
			requireState(t, alice, s.now, kind, 0)

			s.now = s.now.Add(hour)
			g := &given{s: s, c: alice, next: s.issue(terms)}
			g.good = s.deliver(g.next)
			message := c.message(g)
			before := slices.Clone(message)
			_, err := alice.Accept(ctx, message, s.source(), s.now)
			var check Check
			require.ErrorAs(t, err, &check, c.name)
			require.Equal(t, c.want, check, "%s: %v", c.name, err)
			require.Equal(t, before, message)
			require.Equal(t, second.Hash(), alice.State(s.now).Statement, "no statement has changed")
			st := alice.State(s.now)
			switch {
			case c.want == CheckTransition:
				require.Equal(t, Contradicted, st.Kind)
			case managed:
				require.Equal(t, Managed, st.Kind, c.name)
			default:
				require.Equal(t, Unknown, st.Kind, c.name)
				require.Equal(t, reason, st.Reason, c.name)
				require.Equal(t, c.want, st.Check, c.name)
			}
		}
	}
}

// The first of two failures is the one that counts.
func TestOrderOfChecks(t *testing.T) {
	s := newShop(t, Account, 3)
	alice := s.customer("alice")
	s.give(alice, s.issue(nil))
	s.now = s.now.Add(hour)
	st := s.issue(nil).Statement()
	// Everything is wrong from the inside out; each step repairs the first thing that was.
	d := &delivery{salt: [32]byte{1}, index: 0}
	st.Bound = []signet.PublicKey{{}}
	st.Seq += 2
	st.From = s.now.Add(days)
	st.Expires = st.From.Add(days)
	st.Label = "nonsense"
	d.note, _ = s.log.Checkpoint(ctx)
	good := s.chain
	var got []Check
	try := func(root *RootKey) {
		d.signed, _ = root.Sign(st, nil)
		_, err := alice.clone().Accept(ctx, d.bytes(), s.source(), s.now)
		var check Check
		require.True(t, errors.As(err, &check), "%v", err)
		got = append(got, check)
	}
	other := GenerateRootFrom(seeded("x"))
	st.Root = other.Root().Fingerprint()
	try(other)
	st.Root = s.root.Root().Fingerprint()
	try(s.root)
	st.Bound = []signet.PublicKey{s.identity.PublicKey()}
	try(s.root)
	st.Seq -= 2
	try(s.root)
	st.From, st.Expires = s.now, s.now.Add(days)
	try(s.root)
	st.Label = selfManaged
	try(s.root)
	d.salt = good.salt
	try(s.root)
	require.Equal(t, []Check{CheckRoot, CheckIdentity, CheckSequence, CheckTimes, CheckLabel, CheckScope, CheckInclusion}, got)
}

func TestExpiry(t *testing.T) {
	s := newShop(t, Account, -1)
	alice := s.customer("alice")
	first := s.issue(nil)
	s.give(alice, first)
	requireState(t, alice, noon.Add(7*days+23*hour), Encrypted, 0) // a day of grace
	requireState(t, alice, noon.Add(8*days), Encrypted, 0)
	requireState(t, alice, noon.Add(8*days+time.Second), Expired, 0)

	// Setting the clock back revives nothing, once the record has seen the time.
	late := noon.Add(9 * days)
	_, err := alice.Accept(ctx, nil, nil, late)
	require.Error(t, err)
	requireState(t, alice, noon, Expired, 0)

	// A business cannot make statements that last for years.
	s.now = late
	s.give(alice, s.issue(&Terms{Period: 5000 * days}))
	requireState(t, alice, late.Add(8*days), Encrypted, 0)
	requireState(t, alice, late.Add(9*days), Expired, 0)

	// Who was away catches up, in order; the links that have expired meanwhile count as links.
	s.now = late.Add(10 * days)
	away := s.issue(hosted("Acme", Session, Stream))
	s.now = late.Add(20 * days)
	now := s.issue(nil)
	s.now = late.Add(21 * days)
	s.give(alice, away)
	requireState(t, alice, s.now, Expired, 0)
	s.give(alice, now)
	st := requireState(t, alice, s.now, Changed, 0)
	require.Equal(t, [][]string{nil, {"Acme"}, nil}, st.Path, "a change that came and went is shown")

	// The first statement must not have expired.
	s.now = s.now.Add(30 * days)
	bob := s.customer("bob")
	_, err = bob.Accept(ctx, s.deliver(now), nil, s.now)
	require.ErrorIs(t, err, CheckTimes)
	requireState(t, bob, s.now, Unknown, BadStatement)
}

func TestScopes(t *testing.T) {
	for _, kind := range []ScopeKind{Account, Device, Conversation} {
		s := newShop(t, kind, -1)
		first := s.issue(nil)
		alice := s.customer("alice")
		s.give(alice, first)
		requireState(t, alice, s.now, Encrypted, 0)

		bob := s.customer("bob")
		_, err := bob.Accept(ctx, s.deliver(first), nil, s.now)
		if kind == Conversation {
			require.ErrorIs(t, err, CheckScope, "a statement for alice, replayed to bob")
			requireState(t, bob, s.now, Unknown, BadStatement)
		} else {
			require.NoError(t, err)
		}
		chat := chatOf(s.identity.PublicKey(), "alice")
		chat.Business.Device = 2
		elsewhere := NewCustomer(chat, s.policy())
		_, err = elsewhere.Accept(ctx, s.deliver(first), nil, s.now)
		if kind == Device {
			require.ErrorIs(t, err, CheckScope)
		} else {
			require.NoError(t, err)
		}
		// The commitment does not say who the customer is without the salt.
		other := NewBusinessFrom(seeded("other salt"), kind, &chat, "")
		require.NotEqual(t, other.scope.Commitment, s.chain.scope.Commitment)
	}
}

func TestTimesOfABind(t *testing.T) {
	s := newShop(t, Account, -1)
	for name, c := range map[string]struct {
		account string
		key     signet.PublicKey
		from    time.Time
	}{
		"account":  {"Boucherie", s.identity.PublicKey(), noon},
		"identity": {"Boulangerie", signet.GenerateKey().PublicKey(), noon},
		"early":    {"Boulangerie", s.identity.PublicKey(), noon.Add(hour)},
	} {
		b, err := s.root.Bind(c.account, c.key, c.from)
		require.NoError(t, err)
		require.ErrorIs(t, s.customer("alice").Pin(b, noon), CheckIdentity, name)
	}
	c := s.customer("alice")
	require.NoError(t, c.Pin(s.bind, noon))
	require.NoError(t, c.Pin(s.bind, noon))
	b, err := GenerateRoot().Bind("Boulangerie", s.identity.PublicKey(), noon)
	require.NoError(t, err)
	require.ErrorIs(t, c.Pin(b, noon), CheckRoot)
	root, ok := c.Root()
	require.True(t, ok)
	require.Equal(t, s.root.Root(), root)
	_, err = s.root.Bind("two\nlines", s.identity.PublicKey(), noon)
	require.Error(t, err)
}

// What cannot be shown or does not refer to anything is no statement, whoever signed it.
func TestMalformedStatements(t *testing.T) {
	s := newShop(t, Account, -1)
	good := s.issue(hosted("Acme", SendingChain, Quota)).statement
	require.True(t, good.valid())
	for name, change := range map[string]func(*Statement){
		"no name":             func(s *Statement) { s.Business = "" },
		"control character":   func(s *Statement) { s.Business = "a\u0007b" },
		"line":                func(s *Statement) { s.Providers[0].Name = "Acme\nThis chat is encrypted" },
		"direction":           func(s *Statement) { s.Providers[0].Name = "\u202eemcA" },
		"zero width":          func(s *Statement) { s.Providers[0].Name = "Ac\u200bme" },
		"spaces":              func(s *Statement) { s.Providers[0].Name = " Acme" },
		"not UTF-8":           func(s *Statement) { s.Providers[0].Name = "\xff" },
		"long name":           func(s *Statement) { s.Providers[0].Name = string(make([]byte, 65)) },
		"no identity":         func(s *Statement) { s.Bound = nil },
		"protocol":            func(s *Statement) { s.Protocol = 5 },
		"no such provider":    func(s *Statement) { s.Grants[0].To = 1 },
		"negative provider":   func(s *Statement) { s.Grants[0].To = -1 },
		"no secrets":          func(s *Statement) { s.Grants[0].Secrets = 0 },
		"unknown secret":      func(s *Statement) { s.Grants[0].Secrets = 1 << 19 },
		"quota of a session":  func(s *Statement) { s.Grants[0].Secrets = Session },
		"quota of nothing":    func(s *Statement) { s.Grants[0].Count = 0 },
		"count without quota": func(s *Statement) { s.Grants[0].Via = Copy },
		"no way":              func(s *Statement) { s.Grants[0].Via, s.Grants[0].Count = 0, 0 },
		"oracle of a session": func(s *Statement) {
			s.Grants[0].Via, s.Grants[0].Count, s.Grants[0].Secrets = Oracle, 0, Identity|SendingChain
		},
		"direction of a grant": func(s *Statement) { s.Grants[0].Direction = 3 },
		"storage":              func(s *Statement) { s.Storage = 0 },
		"actor":                func(s *Statement) { s.Actor = 4 },
		"scope":                func(s *Statement) { s.Scope.Kind = 0 },
		"ends before it begins": func(s *Statement) {
			s.Expires = s.From
		},
		"fraction":     func(s *Statement) { s.From = s.From.Add(time.Millisecond) },
		"seq":          func(s *Statement) { s.Seq = 0 },
		"first of two": func(s *Statement) { s.Prev[0] = 1 },
		"words":        func(s *Statement) { s.French = "deux\nlignes" },
		"grants":       func(s *Statement) { s.Grants = make([]Grant, 33) },
	} {
		st := (&Signed{statement: good}).Statement()
		change(st)
		require.False(t, st.valid(), name)
		_, err := s.root.Sign(st, nil)
		require.ErrorIs(t, err, errStatement, name)
		if name == "fraction" || name == "negative provider" {
			continue // there is no encoding of it
		}
		_, ok := parseStatement(st.append(nil))
		require.False(t, ok, name)
	}
}

// Fields that are not critical are covered by the signature and skipped.
func TestUnknownFields(t *testing.T) {
	s := newShop(t, Account, -1)
	body := s.issue(nil).body
	_, ok := parseStatement(tlv.Append(slices.Clone(body), 200, []byte("later")))
	require.True(t, ok)
	for _, bad := range [][]byte{
		tlv.Append(slices.Clone(body), 20, []byte("critical")),
		tlv.Append(nil, 0, nil),
		body[:len(body)-34],
		nil,
	} {
		_, ok := parseStatement(bad)
		require.False(t, ok)
	}
}

func TestCosigning(t *testing.T) {
	s := newShop(t, Account, -1)
	st := s.chain.Draft(s.root.Root(), &Terms{Bound: []signet.PublicKey{s.identity.PublicKey()}}, s.now)
	signed, err := s.root.Sign(st, s.identity)
	require.NoError(t, err)
	key, ok := signed.Cosigner()
	require.True(t, ok)
	require.Equal(t, s.identity.PublicKey(), key)
	require.NoError(t, signed.Verify(s.root.Root()))
	_, err = s.root.Sign(st, signet.GenerateKey())
	require.Error(t, err, "not an identity that the statement is bound to")
	_, err = GenerateRoot().Sign(st, nil)
	require.Error(t, err, "not the root key that the statement names")
	again, err := Parse(signed.Bytes())
	require.NoError(t, err)
	require.Equal(t, signed, again)
	plain, err := s.root.Sign(st, nil)
	require.NoError(t, err)
	require.Equal(t, signed.Hash(), plain.Hash())
	_, ok = plain.Cosigner()
	require.False(t, ok)
	require.ErrorIs(t, plain.Verify(GenerateRoot().Root()), CheckRoot)
	require.ErrorIs(t, plain.VerifyIdentity(s.identity.PublicKey()), CheckRoot)
}

var _ tlog.Source = (*tlog.Log)(nil)
