package know

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/parcel"
)

func TestClosure(t *testing.T) {
	b := NewBase("")
	b.Add("and", "c", "a", "b")
	b.Add("next", "d", "c")
	b.Add("other", "d", "e")
	b.AddSome("two of three", "f", 2, "x", "y", "z")
	b.Add("axiom", "always")
	c := b.Close([]Fact{{b.Atom("b"), 5}, {b.Atom("a"), 2}, {b.Atom("z"), 9}, {b.Atom("x"), 1}, {b.Atom("e"), 4}})
	for atom, at := range map[string]int{"a": 2, "b": 5, "c": 5, "d": 4, "e": 4, "f": 9, "always": 0} {
		got, ok := c.At(atom)
		require.True(t, ok, atom)
		require.Equal(t, at, got, atom)
		require.False(t, c.Has(atom, at-1))
		require.True(t, c.Has(atom, at))
	}
	_, ok := c.At("y")
	require.False(t, ok)
	_, ok = c.At("never heard of")
	require.False(t, ok)
	require.Nil(t, c.Derive("y"))
	require.Equal(t, []Step{
		{Atom: "z", At: 9}, {Atom: "x", At: 1}, {Rule: "two of three", Atom: "f", From: []string{"x", "z"}, At: 9},
	}, sortFacts(c.Derive("f")))
	require.Equal(t, []Step{{Atom: "e", At: 4}, {Rule: "other", Atom: "d", From: []string{"e"}, At: 4}}, c.Derive("d"))
}

// sortFacts puts the two premises of the test in one order.
func sortFacts(s []Step) []Step {
	if len(s) > 1 && s[0].Atom == "x" {
		s[0], s[1] = s[1], s[0]
	}
	return s
}

// TestRandom: the closure is what the naive fixpoint gives, and its certificate is accepted; one
// with an atom less, or later, is not.
func TestRandom(t *testing.T) {
	for seed := range uint64(300) {
		g := rand.New(rand.NewPCG(seed, 1))
		b := NewBase("")
		atom := func() string { return strconv.Itoa(g.IntN(20)) }
		for range 30 {
			set := make(map[string]bool)
			var body []string
			for range 1 + g.IntN(3) {
				if a := atom(); !set[a] {
					set[a] = true
					body = append(body, a)
				}
			}
			b.AddSome("r", atom(), 1+g.IntN(len(body)), body...)
		}
		var facts []Fact
		for range 3 {
			facts = append(facts, Fact{b.Atom(atom()), g.IntN(9)})
		}
		c := b.Close(facts)
		want := naive(b, facts)
		for i, at := range want {
			require.Equal(t, at, c.at[i], "seed %d, atom %s", seed, b.names[i])
		}
		cert := c.Certificate()
		require.NoError(t, cert.Check(b, facts))
		for i, k := range cert.Known() {
			less := append(append([]Known(nil), cert.Known()[:i]...), cert.Known()[i+1:]...)
			require.Error(t, NewCertificate(less).Check(b, facts))
			require.True(t, NewCertificate(less).Excludes(k.Atom, never-1))
			require.True(t, cert.Excludes(k.Atom, k.At-1))
			require.False(t, cert.Excludes(k.Atom, k.At))
		}
	}
}

// naive computes the earliest times by iteration.
func naive(b *Base, facts []Fact) []int {
	at := make([]int, len(b.names))
	for i := range at {
		at[i] = never
	}
	for _, f := range facts {
		at[f.Atom] = min(at[f.Atom], f.At)
	}
	for changed := true; changed; {
		changed = false
		for _, c := range b.clauses {
			for t := range 10 {
				n := 0
				for _, p := range c.Body {
					if at[p] <= t {
						n++
					}
				}
				if n >= c.Need && at[c.Head] > t {
					at[c.Head], changed = t, true
				}
			}
		}
	}
	return at
}

// TestLong: a chain of 25 000 messages closes and derives without recursion.
func TestLong(t *testing.T) {
	base, k := parcel.Key{5, 1}, parcel.Key{5, 2}
	b := Replay(&Transcript{Turns: []Turn{{Base: base, Key: k, Last: 25_000}}}, "")
	c := b.Close([]Fact{{b.Atom(ChainKey(base, k, 0)), 3}})
	require.True(t, c.Has(Seed(base, k, 25_000), 3))
	require.Len(t, c.Derive(Seed(base, k, 25_000)), 25_002)
	require.NoError(t, c.Certificate().Check(b, c.facts))
}

// TestRuleTexts: each rule of the book has an instance, and each instance a rule.
func TestRuleTexts(t *testing.T) {
	s := parcel.Key{5, 9}
	full := &Transcript{
		Sessions: []Session{{Base: s, Initiator: parcel.Key{5, 1}, Responder: parcel.Key{5, 2}, SignedPreKey: parcel.Key{5, 3}, OneTimePreKey: parcel.Key{5, 4}, KyberPreKey: parcel.Key{8, 5}}},
		Turns:    []Turn{{Base: s, Key: parcel.Key{5, 6}, Against: parcel.Key{5, 3}, Last: 2}},
		PQChains: []PQChainOf{{Base: s, Last: 2}},
		PQEpochs: []PQEpochOf{{Base: s, Epoch: 1, Chunks: map[Object][]uint16{Header: {0, 1, 2, 2}, Ciphertext2: {1, 2}}}},
		Messages: []Message{{Base: s, Key: parcel.Key{5, 6}, PQ: &PQIndex{Index: 1}}},
		Probes:   []Probe{{Takes: []Way{{Base: s, Key: parcel.Key{5, 6}}, {Base: s, Key: parcel.Key{5, 6}, Root: true}, {Sender: parcel.Key{5, 1}, PreKey: parcel.Key{5, 3}}}}},
	}
	b := Replay(full, "")
	used := make(map[string]bool)
	for _, c := range b.clauses {
		used[c.Rule] = true
	}
	for _, r := range Rules {
		require.True(t, used[r.ID], r.ID)
		delete(used, r.ID)
		for _, c := range Replay(full, r.ID).clauses {
			require.NotEqual(t, r.ID, c.Rule)
		}
	}
	require.Empty(t, used, "rules without a text")
	require.Len(t, RulebookDigest(), 64)
	_, ok := b.Lookup(object(s, 1, Header))
	require.True(t, ok, "three distinct chunks")
	for _, c := range b.clauses {
		require.NotEqual(t, object(s, 1, Ciphertext2), b.Name(c.Head), "two of five chunks are not enough")
	}
}
