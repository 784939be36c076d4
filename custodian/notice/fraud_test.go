package notice

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/tlog"
)

// equivocate makes a statement with the number of the last one, and what it was made from before.
func (s *shop) equivocate(before *Business, t *Terms) *Signed {
	s.t.Helper()
	t.Bound = []signet.PublicKey{s.identity.PublicKey()}
	other := *before
	signed, err := other.Issue(s.root, nil, t, s.now)
	require.NoError(s.t, err)
	s.publish(signed)
	return signed
}

// Two customers to whom a business told different things find out when they talk, and have a proof
// that convinces anybody.
func TestEquivocation(t *testing.T) {
	for _, witnesses := range []int{-1, 3} {
		s := newShop(t, Account, witnesses)
		alice, bob := s.customer("alice"), s.customer("bob")
		before := *s.chain
		toAlice := s.issue(nil)
		toBob := s.equivocate(&before, hosted("Acme", Everything, Stream))
		s.give(alice, toAlice)
		s.give(bob, toBob)
		requireState(t, bob, s.now, Managed, 0)
		if witnesses >= 0 {
			// The log shows that something with this number was said twice: that is a doubt already.
			requireState(t, alice, s.now, Unknown, TwoEntries)
		}
		var caught *EquivocationError
		err := alice.Hear(ctx, bob.Gossip(), s.source(), s.now)
		require.ErrorAs(t, err, &caught)
		require.ErrorIs(t, err, CheckSequence)
		requireState(t, alice, s.now, Contradicted, Equivocated)

		proof := alice.Proof()
		require.Equal(t, ControlProof, Kind(proof))
		e, fork, err := ParseProof(proof)
		require.NoError(t, err)
		require.Nil(t, fork)
		require.NoError(t, e.Verify(), "for anybody")
		carol := s.customer("carol")
		require.ErrorIs(t, carol.Judge(proof), ErrNoProof, "she does not know the key yet")
		require.NoError(t, carol.Pin(s.bind, s.now))
		require.NoError(t, carol.Judge(proof))
		requireState(t, carol, s.now, Contradicted, Equivocated)
		require.Equal(t, proof, carol.Proof())

		// It ends there until a human decides, and then it begins again, with what was granted as a
		// memory.
		require.NoError(t, bob.Judge(proof))
		s.now = s.now.Add(hour)
		next := s.issue(nil)
		_, err = bob.Accept(ctx, s.deliver(next), s.source(), s.now)
		require.ErrorIs(t, err, CheckSequence, "it does not follow what bob was told")
		requireState(t, bob, s.now, Contradicted, Equivocated)
		bob.Resolve()
		requireState(t, bob, s.now, Unknown, NoStatement)
		s.give(bob, next)
		st := requireState(t, bob, s.now, Changed, 0)
		bob.Acknowledge(st.Statement)
		requireState(t, bob, s.now, Revoked, 0)
	}
}

// A proof that is not one convinces nobody.
func TestFalseProofs(t *testing.T) {
	s := newShop(t, Account, 0)
	alice := s.customer("alice")
	before := *s.chain
	a := s.issue(nil)
	s.give(alice, a)
	b := s.equivocate(&before, hosted("Acme", Session, Copy))
	next := s.issue(nil)
	other := GenerateRootFrom(seeded("other"))
	st := b.Statement()
	st.Root = other.Root().Fingerprint()
	theirs, err := other.Sign(st, nil)
	require.NoError(t, err)
	wrong := *b
	wrong.signature = a.signature
	root := s.root.Root()
	for name, e := range map[string]*Equivocation{
		"one statement":   {root, a, a},
		"two numbers":     {root, a, next},
		"another's key":   {other.Root(), a, b},
		"another's":       {root, a, theirs},
		"not signed":      {root, a, &wrong},
		"missing":         {root, a, nil},
		"signed by other": {other.Root(), theirs, theirs},
	} {
		require.ErrorIs(t, e.Verify(), ErrNoProof, name)
		if e.B != nil {
			require.ErrorIs(t, alice.Judge(e.Bytes()), ErrNoProof, name)
		}
	}
	st.Seq, st.Prev = 1, Hash{}
	st.Grants, st.Label = nil, selfManaged
	second, err := other.Sign(st, nil)
	require.NoError(t, err)
	foreign := &Equivocation{other.Root(), theirs, second}
	require.NoError(t, foreign.Verify())
	require.ErrorIs(t, alice.Judge(foreign.Bytes()), ErrNoProof, "of another business")
	require.ErrorIs(t, alice.Judge(nil), ErrNoProof)
	require.ErrorIs(t, alice.Judge(control(ControlProof)), ErrNoProof)
	f := &tlog.Fork{Old: []byte("x"), New: []byte("y")}
	require.Error(t, alice.Judge(forkBytes(f)))
	requireState(t, alice, s.now, Encrypted, 0)
	require.Error(t, s.customer("bob").Hear(ctx, []byte("hello"), nil, s.now))
}

// A change that is published and not delivered is missed when the log is asked, and expires if it
// is not.
func TestWithheld(t *testing.T) {
	s := newShop(t, Account, 0)
	alice := s.customer("alice")
	s.give(alice, s.issue(nil))
	s.now = s.now.Add(hour)
	withheld := s.issue(hosted("Acme", Session, Stream))
	requireState(t, alice, s.now, Encrypted, 0)
	require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
	requireState(t, alice, s.now, Unknown, Withheld)
	s.give(alice, withheld)
	requireState(t, alice, s.now, Changed, 0)

	// Whoever cannot reach the log does not read "encrypted" for long.
	s = newShop(t, Account, 0)
	bob := s.customer("bob")
	s.give(bob, s.issue(nil))
	requireState(t, bob, s.now.Add(24*hour), Encrypted, 0)
	requireState(t, bob, s.now.Add(25*hour), Unknown, LogStale)
	require.Error(t, bob.Refresh(ctx, unreachable{}, s.now.Add(25*hour)))
	requireState(t, bob, s.now.Add(25*hour), Unknown, LogStale)
	require.NoError(t, bob.Refresh(ctx, s.source(), s.now.Add(25*hour)))
	requireState(t, bob, s.now.Add(26*hour), Encrypted, 0)

	// Another customer who knows more is enough.
	s.now = s.now.Add(26 * hour)
	carol := s.customer("carol")
	s.give(carol, s.issue(nil))
	require.NoError(t, bob.Hear(ctx, carol.Gossip(), s.source(), s.now))
	requireState(t, bob, s.now, Unknown, Withheld)
}

type unreachable struct{ tlog.Source }

// A log that shows an old checkpoint again is stale: its witnesses do not vouch for it any more.
func TestFrozenLog(t *testing.T) {
	s := newShop(t, Account, 3)
	alice := s.customer("alice")
	s.give(alice, s.issue(nil))
	frozen, err := s.source().Checkpoint(ctx)
	require.NoError(t, err)
	old := &frozenLog{s.log, frozen}
	s.now = s.now.Add(hour)
	s.issue(hosted("Acme", Session, Stream))
	require.NoError(t, alice.Refresh(ctx, old, s.now))
	requireState(t, alice, s.now, Encrypted, 0) // within Policy.Freshness
	require.NoError(t, alice.Refresh(ctx, old, s.now.Add(24*hour)))
	requireState(t, alice, s.now.Add(24*hour), Unknown, LogStale)
}

type frozenLog struct {
	tlog.Source
	note []byte
}

func (f *frozenLog) Checkpoint(context.Context) ([]byte, error) { return f.note, nil }

// A log that shows its customers different histories is caught when they talk; witnesses prevent
// it.
func TestForkedLog(t *testing.T) {
	s := newShop(t, Account, 0)
	alice, bob := s.customer("alice"), s.customer("bob")
	first := s.issue(nil)
	s.give(alice, first)
	s.give(bob, first)

	entries, err := s.log.Entries(ctx, 0, s.log.Size())
	require.NoError(t, err)
	forkKey, err := tlog.GenerateKeyFrom(seeded("log"), s.trust.Origin())
	require.NoError(t, err)
	fork, err := tlog.New(forkKey, entries...)
	require.NoError(t, err)

	s.now = s.now.Add(hour)
	second := s.issue(hosted("Acme", Session, Stream)) // in the log that bob sees
	s.give(bob, second)
	fork.Append(tlog.Entry{1}) // alice sees something else
	require.NoError(t, alice.Refresh(ctx, fork, s.now))
	requireState(t, alice, s.now, Encrypted, 0)

	require.Error(t, alice.Hear(ctx, (&gossip{note: bob.view.Note()}).bytes(), fork, s.now))
	st := requireState(t, alice, s.now, Contradicted, Forked)
	require.NotEmpty(t, st.Text("en"))
	_, proof, err := ParseProof(alice.Proof())
	require.NoError(t, err)
	require.NoError(t, proof.Verify(s.trust), "for anybody")
	carol := s.customer("carol")
	require.NoError(t, carol.Judge(alice.Proof()))
	requireState(t, carol, s.now, Contradicted, Forked)
	require.ErrorIs(t, NewCustomer(carol.Chat(), nil).Judge(alice.Proof()), ErrNoProof)

	// With witnesses, the fork has no quorum.
	s = newShop(t, Account, 3)
	alice = s.customer("alice")
	s.give(alice, s.issue(nil))
	fork, err = tlog.New(forkKey, tlog.Entry{1}, tlog.Entry{2}, tlog.Entry{3})
	require.NoError(t, err)
	require.ErrorIs(t, alice.Refresh(ctx, seen{fork, s}, s.now), tlog.ErrWitnesses)
	require.Equal(t, Encrypted, alice.State(s.now).Kind)
}

// A record that was restored from an old copy knows less than the log.
func TestRollbackOfTheRecord(t *testing.T) {
	s := newShop(t, Account, 0)
	alice := s.customer("alice")
	s.give(alice, s.issue(nil))
	old, err := alice.AppendBinary(nil)
	require.NoError(t, err)
	s.now = s.now.Add(hour)
	s.give(alice, s.issue(hosted("Acme", Session, Stream)))
	restored, err := LoadCustomer(old, s.policy())
	require.NoError(t, err)
	require.NoError(t, restored.Refresh(ctx, s.source(), s.now))
	requireState(t, restored, s.now, Unknown, Withheld)
}

// What anybody can send does no lasting harm: the log shows that nothing was missed.
func TestGarbageIsForgotten(t *testing.T) {
	s := newShop(t, Account, 0)
	alice := s.customer("alice")
	s.give(alice, s.issue(nil))
	_, err := alice.Accept(ctx, []byte("garbage"), s.source(), s.now)
	require.Error(t, err)
	requireState(t, alice, s.now, Unknown, BadStatement)
	require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
	requireState(t, alice, s.now, Encrypted, 0)

	// What the business itself signed is not forgotten, whatever was wrong with it.
	lie := s.issue(&Terms{
		Providers: []Provider{{Name: "Acme"}}, Grants: []Grant{{Secrets: Session, Via: Stream}}, ForcedLabel: selfManaged,
	})
	_, err = alice.Accept(ctx, s.deliver(lie), s.source(), s.now)
	require.ErrorIs(t, err, CheckLabel)
	require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
	require.Equal(t, Unknown, alice.State(s.now).Kind)
}

func TestSignals(t *testing.T) {
	for signal, want := range map[Signal]Reason{
		SignalUnannounced: Unannounced, SignalRetired: RetiredChain, SignalOldSession: OldSession, SignalMissing: MissingText,
	} {
		s := newShop(t, Account, 0)
		alice := s.customer("alice")
		s.give(alice, s.issue(nil))
		alice.Observe(signal)
		requireState(t, alice, s.now, Unknown, want)
		require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
		if signal == SignalMissing {
			requireState(t, alice, s.now, Encrypted, 0) // it was not a statement
		} else {
			requireState(t, alice, s.now, Unknown, want)
		}
		s.give(alice, s.issue(nil))
		requireState(t, alice, s.now, Encrypted, 0)
	}
	for signal, want := range map[Signal]Reason{SignalCollision: KeyCollision, SignalHijack: Hijacked} {
		s := newShop(t, Account, -1)
		alice := s.customer("alice")
		s.give(alice, s.issue(nil))
		alice.Observe(signal)
		requireState(t, alice, s.now, Contradicted, want)
		_, err := alice.Accept(ctx, s.deliver(s.issue(nil)), nil, s.now)
		require.ErrorIs(t, err, CheckTransition)
		requireState(t, alice, s.now, Contradicted, want)
		require.Nil(t, alice.Proof())
	}
	s := newShop(t, Account, -1)
	require.Error(t, s.customer("alice").Refresh(ctx, nil, s.now))
}

// TestIdentityProfile: a provider that holds the identity key signs whatever it likes, and the
// state says so.
func TestIdentityProfile(t *testing.T) {
	s := newShop(t, Account, -1)
	alice := NewCustomer(chatOf(s.identity.PublicKey(), "alice"), &Policy{IdentityProfile: true})
	send := func(by *signet.PrivateKey, terms *Terms) (*Signed, error) {
		terms.IdentityProfile, terms.Bound = true, []signet.PublicKey{s.identity.PublicKey()}
		st := s.chain.Draft(Root{}, terms, s.now)
		signed, err := SignByIdentity(by, st)
		if err != nil {
			return nil, err
		}
		require.NoError(t, s.chain.Issued(signed))
		_, err = alice.Accept(ctx, (&delivery{signed: signed, salt: s.chain.salt, index: -1}).bytes(), nil, s.now)
		return signed, err
	}
	_, err := send(s.identity, hosted("Acme", Everything, Stream))
	require.NoError(t, err)
	st := requireState(t, alice, s.now, Managed, 0)
	require.Equal(t, "Boulangerie, Acme", st.ForgeableBy)

	// Acme holds the identity key now and takes back what was said.
	acme := s.identity
	forged, err := send(acme, &Terms{})
	require.NoError(t, err, "nobody can tell")
	alice.Acknowledge(forged.Hash())
	alice.former = nil
	st = requireState(t, alice, s.now, Unknown, Forgeable)
	require.Contains(t, st.Text("en"), "whoever holds that key can forge it")
	require.Contains(t, st.Text("fr"), "quiconque détient cette clé peut le contrefaire")

	_, err = send(signet.GenerateKey(), &Terms{})
	require.Error(t, err)
	byRoot := s.issue(nil)
	_, err = alice.Accept(ctx, s.deliver(byRoot), nil, s.now)
	require.ErrorIs(t, err, CheckRoot, "the profiles do not mix")
	require.ErrorIs(t, alice.Pin(s.bind, s.now), CheckRoot)

	// Equivocation proves nothing here: the other one may be by anybody who holds the key.
	chain := *s.chain
	chain.seq, chain.last = 1, forged.statement.Prev
	other, err := SignByIdentity(s.identity, chain.Draft(Root{}, &Terms{
		IdentityProfile: true, Bound: []signet.PublicKey{s.identity.PublicKey()}, English: "another",
	}, s.now))
	require.NoError(t, err)
	_, err = alice.Accept(ctx, (&delivery{signed: other, salt: s.chain.salt, index: -1}).bytes(), nil, s.now)
	var caught *EquivocationError
	require.True(t, errors.As(err, &caught))
	require.Nil(t, caught.Proof)
	requireState(t, alice, s.now, Contradicted, Equivocated)
	require.Nil(t, alice.Proof())
}

// A provider that holds everything but the root key cannot take back what the business said.
func TestProviderForges(t *testing.T) {
	s := newShop(t, Account, -1)
	alice := s.customer("alice")
	s.give(alice, s.issue(hosted("Acme", Everything, Stream)))
	acme := GenerateRootFrom(seeded("Acme's own root"))
	cert, err := acme.Bind("Boulangerie", s.identity.PublicKey(), s.now)
	require.NoError(t, err)
	chain := *s.chain
	forged, err := chain.Issue(acme, s.identity, &Terms{Bound: []signet.PublicKey{s.identity.PublicKey()}}, s.now)
	require.NoError(t, err)
	_, err = alice.Accept(ctx, (&delivery{signed: forged, bind: cert, salt: s.chain.salt, index: -1}).bytes(), nil, s.now)
	require.ErrorIs(t, err, CheckRoot)
	requireState(t, alice, s.now, Managed, 0)

	// To somebody who has seen nothing yet it can say what it likes; the fingerprint is what differs.
	bob := s.customer("bob")
	first := NewBusinessFrom(seeded("Acme's chain"), Account, &Chat{Business: bob.chat.Business, Protocol: 4}, "")
	forged, err = first.Issue(acme, s.identity, &Terms{Bound: []signet.PublicKey{s.identity.PublicKey()}}, s.now)
	require.NoError(t, err)
	b, err := first.Delivery(ctx, forged, cert, 0, nil)
	require.NoError(t, err)
	_, err = bob.Accept(ctx, b, nil, s.now)
	require.NoError(t, err)
	root, _ := bob.Root()
	require.NotEqual(t, s.root.Root().Number("Boulangerie"), root.Number("Boulangerie"))
}

func (unreachable) Checkpoint(context.Context) ([]byte, error) { return nil, errors.New("no network") }

// Which of two entries for one statement comes first in the log does not matter, and another
// statement does not make it undone.
func TestTwoEntries(t *testing.T) {
	for _, realFirst := range []bool{true, false} {
		s := newShop(t, Account, 0)
		alice := s.customer("alice")
		s.give(alice, s.issue(nil))
		s.now = s.now.Add(hour)
		before := *s.chain
		var told *Signed
		if realFirst {
			s.issue(hosted("Acme", Session, Stream))
			require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
			requireState(t, alice, s.now, Unknown, Withheld)
			told = s.equivocate(&before, &Terms{})
		} else {
			told = s.equivocate(&before, &Terms{})
			s.give(alice, told)
			requireState(t, alice, s.now, Encrypted, 0)
			s.issue(hosted("Acme", Session, Stream))
			require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
		}
		s.give(alice, told)
		requireState(t, alice, s.now, Unknown, TwoEntries)
		alice = stored(t, alice)
		require.NoError(t, before.Issued(told))
		next := s.equivocate(&before, &Terms{})
		s.give(alice, next)
		requireState(t, alice, s.now, Unknown, TwoEntries)
	}
}

// What others saw of the log has to be explained, by the log and not by time.
func TestUnexplained(t *testing.T) {
	s := newShop(t, Account, 0)
	alice, bob := s.customer("alice"), s.customer("bob")
	first := s.issue(nil)
	s.give(alice, first)
	s.log.Append(tlog.Entry{1})
	s.give(bob, first)
	require.ErrorIs(t, alice.Hear(ctx, bob.Gossip(), unreachable{}, s.now), tlog.ErrUnproved)
	requireState(t, alice, s.now, Unknown, LogDoubtful)
	alice = stored(t, alice)
	require.ErrorIs(t, alice.Hear(ctx, bob.Gossip(), nil, s.now), tlog.ErrUnproved)
	require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
	requireState(t, alice, s.now, Encrypted, 0)

	// A log that is shown to alice without its end is behind what bob saw.
	s.log.Append(tlog.Entry{2})
	require.NoError(t, bob.Refresh(ctx, s.source(), s.now))
	old, err := s.log.Entries(ctx, 0, 2)
	require.NoError(t, err)
	key, err := tlog.GenerateKeyFrom(seeded("log"), s.trust.Origin())
	require.NoError(t, err)
	short, err := tlog.New(key, old...)
	require.NoError(t, err)
	require.NoError(t, alice.Hear(ctx, bob.Gossip(), s.source(), s.now))
	requireState(t, alice, s.now, Unknown, LogStale)
	require.NoError(t, alice.Refresh(ctx, short, s.now))
	requireState(t, alice, s.now, Unknown, LogStale)
	require.NoError(t, alice.Refresh(ctx, s.source(), s.now))
	requireState(t, alice, s.now, Encrypted, 0)
}

// Who joins a chain in its middle does not know what was granted before.
func TestLateComer(t *testing.T) {
	s := newShop(t, Account, 0)
	first := s.issue(hosted("Acme", Everything, Stream))
	second := s.issue(nil)
	alice, bob := s.customer("alice"), s.customer("bob")
	s.give(alice, second)
	requireState(t, alice, s.now, Unknown, EarlierHidden)
	s.give(bob, first)
	s.give(bob, second)
	bob.Acknowledge(second.Hash())
	requireState(t, bob, s.now, Revoked, 0)

	alice = stored(t, alice)
	alice.Observe(SignalBarrier)
	requireState(t, alice, s.now, Unknown, EarlierHidden)
	s.identity = signet.GenerateKeyFrom(seeded("new identity"))
	s.bind = nil
	for _, c := range []*Customer{alice, bob} {
		c.SetIdentity(s.identity.PublicKey())
		c.Observe(SignalBarrier)
	}
	third := s.issue(nil)
	s.give(alice, third)
	s.give(bob, third)
	requireState(t, alice, s.now, Encrypted, 0)
	requireState(t, bob, s.now, Encrypted, 0)
}
