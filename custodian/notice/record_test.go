package notice

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/fingerprint"
)

// stored returns c as it is after a restart, and checks that nothing was lost.
func stored(t testing.TB, c *Customer) *Customer {
	t.Helper()
	b, err := c.AppendBinary([]byte("before"))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(b, []byte("before")))
	b = b[len("before"):]
	again, err := LoadCustomer(b, &c.policy)
	require.NoError(t, err)
	b2, err := again.AppendBinary(nil)
	require.NoError(t, err)
	require.Equal(t, b, b2)
	return again
}

func TestRecord(t *testing.T) {
	s := newShop(t, Account, 3)
	alice := s.customer("alice")
	same := func() {
		t.Helper()
		again := stored(t, alice)
		for _, later := range []int{0, 1, 8, 30} {
			at := s.now.AddDate(0, 0, later)
			require.Equal(t, alice.State(at), again.State(at))
		}
		require.Equal(t, alice.Chat(), again.Chat())
		require.Equal(t, alice.Gossip(), again.Gossip())
		require.Equal(t, alice.Proof(), again.Proof())
		alice = again
	}
	same()
	s.give(alice, s.issue(nil))
	same()
	s.now = s.now.Add(hour)
	before := *s.chain
	s.give(alice, s.issue(hosted("Acme", Everything, Stream)))
	same()
	s.give(alice, s.issue(hosted("Zenith", SendingChain|PQSendingChain, Quota)))
	same()
	alice.Observe(SignalOldSession)
	same()
	for range remembered + 3 {
		s.give(alice, s.issue(nil))
	}
	require.Len(t, alice.history, remembered)
	same()
	bob := s.customer("bob")
	b := s.equivocate(&before, hosted("Nobody", Session, Copy))
	require.NoError(t, alice.Hear(ctx, bob.Gossip(), s.source(), s.now.Add(-hour)), "bob has seen nothing")
	same()
	_, err := alice.Accept(ctx, s.deliver(b), s.source(), s.now)
	require.ErrorIs(t, err, CheckSequence)
	require.NotEqual(t, Contradicted, alice.State(s.now).Kind, "it is older than what is remembered")
	same()
	last := *s.chain
	last.seq, last.last = s.chain.seq-1, alice.current().statement.Prev
	b = s.equivocate(&last, hosted("Nobody", Session, Copy))
	_, err = alice.Accept(ctx, s.deliver(b), s.source(), s.now)
	require.Error(t, err)
	requireState(t, alice, s.now, Contradicted, Equivocated)
	same()

	data, err := alice.AppendBinary(nil)
	require.NoError(t, err)
	for n := range len(data) {
		_, err := LoadCustomer(data[:n], nil)
		require.ErrorIs(t, err, errRecord)
	}
	data[2] = 2
	_, err = LoadCustomer(data, nil)
	require.ErrorIs(t, err, errRecord, "a later version")
}

func TestChainIsStored(t *testing.T) {
	s := newShop(t, Conversation, -1)
	s.issue(nil)
	b, err := s.chain.AppendBinary(nil)
	require.NoError(t, err)
	var again Business
	require.NoError(t, again.UnmarshalBinary(b))
	require.Equal(t, *s.chain, again)
	for n := range len(b) {
		require.Error(t, again.UnmarshalBinary(b[:n]))
	}
	require.Equal(t, *s.chain, again)
	require.False(t, again.Acknowledged(Ack{Seq: 2}))
	require.False(t, again.Acknowledged(Ack{Seq: 1}))
	require.True(t, again.Acknowledged(Ack{1, again.last}))
	require.Error(t, again.Issued(s.issue(nil).withSeq(9)))
}

func (s *Signed) withSeq(n uint64) *Signed {
	c := *s
	c.statement = s.Statement()
	c.statement.Seq = n
	return &c
}

// The root key is redacted whatever prints it, and so is what holds the salt of a chain.
func TestRedaction(t *testing.T) {
	k := GenerateRootFrom(seeded("root"))
	seed := k.Store()[len(storedRoot):]
	chain := newShop(t, Account, -1).chain
	salt := chain.salt[:]
	customer := NewCustomer(Chat{}, nil)
	copy(customer.salt[:], salt)
	type hidden struct {
		k RootKey
		p *RootKey
	}
	for name, v := range map[string]any{
		"pointer": k, "value": *k, "hidden": hidden{*k, k}, "list": []*RootKey{k}, "map": map[string]RootKey{"a": *k},
		"shown": struct{ K *RootKey }{k}, "chain": chain, "chain value": *chain, "customer": customer, "customer value": *customer,
	} {
		for _, f := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			out := fmt.Sprintf(f, v)
			for _, secret := range [][]byte{seed, salt} {
				part := secret[8:16]
				for _, spelled := range []string{
					string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)),
					strings.Trim(fmt.Sprint(part), "[]"), strings.Trim(fmt.Sprintf("%#v", part[1:]), "[]byte{}"),
				} {
					require.NotContains(t, out, spelled, "%s %s", name, f)
				}
			}
		}
	}
	require.Equal(t, slog.StringValue(redactedRoot), k.LogValue())
	_, err := json.Marshal(struct{ K *RootKey }{k})
	require.ErrorContains(t, err, "not marshalled")

	again, err := LoadRoot(k.Store())
	require.NoError(t, err)
	require.Equal(t, k.Root(), again.Root())
	for _, bad := range [][]byte{nil, k.Store()[1:], append(k.Store(), 0), make([]byte, 52)} {
		_, err := LoadRoot(bad)
		require.Error(t, err)
	}
}

// A safety number that covers the custody root key changes with it.
func TestCover(t *testing.T) {
	a := fingerprint.NewParty(signet.Address{Name: "alice", Device: 1}, signet.GenerateKeyFrom(seeded("a")).PublicKey())
	b := fingerprint.NewParty(signet.Address{Name: "Boulangerie", Device: 1}, signet.GenerateKeyFrom(seeded("b")).PublicKey())
	root, other := GenerateRootFrom(seeded("root")).Root(), GenerateRootFrom(seeded("other")).Root()
	require.Equal(t, fingerprint.Number(a, root.Cover(b)), fingerprint.Number(root.Cover(b), a))
	require.NotEqual(t, fingerprint.Number(a, root.Cover(b)), fingerprint.Number(a, other.Cover(b)))
	require.NotEqual(t, fingerprint.Number(a, root.Cover(b)), fingerprint.Number(a, b))
}

// No secret of the root key can be named in a grant.
func TestRootIsNoGrant(t *testing.T) {
	for _, n := range Secrets(allSecrets).Names() {
		require.NotContains(t, n, "custody")
	}
	require.Equal(t, secretNames, Secrets(allSecrets).Names())
}

func fuzzSeeds(f *testing.F) {
	s := newShop(f, Account, 1)
	alice := s.customer("alice")
	before := *s.chain
	a := s.issue(hosted("Acme", SendingChain, Quota))
	b := s.equivocate(&before, &Terms{})
	s.give(alice, a)
	e := &Equivocation{s.root.Root(), a, b}
	record, _ := alice.AppendBinary(nil)
	chain, _ := s.chain.AppendBinary(nil)
	for _, b := range [][]byte{
		a.body, a.Bytes(), s.bind.Bytes(), s.deliver(a), Ack{1, a.Hash()}.bytes(), alice.Gossip(), e.Bytes(), record, chain,
		s.root.Store(),
	} {
		f.Add(b)
	}
}

// FuzzParsers: no input makes a parser panic, and what parses has one encoding.
func FuzzParsers(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		if s, ok := parseStatement(b); ok && !bytes.Equal(s.append(nil), b) {
			rest, ok := bytes.CutPrefix(b, s.append(nil))
			require.True(t, ok && rest[0] >= uncritical, "only fields that are not critical may be lost")
		}
		if s, err := Parse(b); err == nil {
			require.Equal(t, b, s.Bytes())
		}
		if c, err := ParseBind(b); err == nil {
			require.Equal(t, b, c.Bytes())
		}
		if d, err := parseDelivery(b); err == nil {
			require.Equal(t, b, d.bytes())
		}
		if a, err := ParseAck(b); err == nil {
			require.Equal(t, b, a.bytes())
		}
		if g, err := parseGossip(b); err == nil {
			require.Equal(t, b, g.bytes())
		}
		if e, fork, err := ParseProof(b); err == nil && fork == nil {
			require.Equal(t, b, e.Bytes())
		}
		if c, err := LoadCustomer(b, nil); err == nil {
			again, err := c.AppendBinary(nil)
			require.NoError(t, err)
			require.Equal(t, b, again)
			st := c.State(noon)
			for _, lang := range Languages() {
				st.Text(lang)
			}
		}
		var chain Business
		if chain.UnmarshalBinary(b) == nil {
			again, err := chain.AppendBinary(nil)
			require.NoError(t, err)
			require.Equal(t, b, again)
		}
		if k, err := LoadRoot(b); err == nil {
			require.Equal(t, b, k.Store())
		}
		Kind(b)
		require.Equal(t, in, b)
	})
}

// FuzzCustomer: no message that the business did not make moves the state, and nothing but a proof
// ends it.
func FuzzCustomer(f *testing.F) {
	fuzzSeeds(f)
	s := newShop(f, Account, -1)
	first := s.issue(hosted("Acme", SendingChain, Quota))
	good := s.deliver(first)
	f.Fuzz(func(t *testing.T, b []byte) {
		c := s.customer("alice")
		_, err := c.Accept(ctx, good, nil, noon)
		require.NoError(t, err)
		if _, err := c.Accept(ctx, b, nil, noon); err == nil {
			require.Equal(t, first.Hash(), c.State(noon).Statement)
		}
		c.Hear(ctx, b, nil, noon)
		c.Judge(b)
		if c.State(noon).Kind == Contradicted { // one of the seeds is a statement that contradicts
			e, _, err := ParseProof(c.Proof())
			require.NoError(t, err)
			require.NoError(t, e.Verify())
			return
		}
		require.Equal(t, Managed, c.State(noon).Kind)
	})
}
