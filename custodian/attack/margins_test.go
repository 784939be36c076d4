package attack

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
)

// An offered message, as far as its receiver reads it.
type offered struct {
	key     parcel.Key
	counter uint32
	field   string
}

// offers lists what an adversary puts before a receiver that takes nothing, each once and in order.
func offers(t *testing.T, a *Adversary, from Side) (list []offered) {
	a.identities = [2][]parcel.Key{{{5, 200}}, {{5, 201}}}
	require.Nil(t, a.Forge(entropy.Seeded([32]byte{1}), from, []byte("x"), func(preKey bool, body []byte) ([]byte, bool) {
		m, err := wire.ParseSignalMessage(body)
		require.NoError(t, err)
		o := offered{parcel.Key(m.RatchetKey), m.Counter, string(m.PQRatchet)}
		if !slices.Contains(list, o) {
			list = append(list, o)
		}
		return nil, false
	}))
	return list
}

func ratchetKey(i int) parcel.Key { return parcel.Key{5, byte(i)} }

// learnt is an adversary that was given entries.
func learnt(t *testing.T, owner Side, entries ...parcel.Entry) *Adversary {
	a := New()
	require.NoError(t, a.Learn(owner, parcel.New(entries).Bytes()))
	return a
}

// TestMargins: an adversary tries a little more than a receiver keeps: five chains, three epochs,
// the root of its last turn.
func TestMargins(t *testing.T) {
	base, value := parcel.Key{5, 100}, make([]byte, 32)
	var chains, roots, epochs []parcel.Entry
	for i := range 12 {
		chains = append(chains, parcel.Entry{Kind: parcel.SendingChain, Base: base, Key: ratchetKey(i), Value: value})
		roots = append(roots, parcel.Entry{Kind: parcel.Root, Base: base, Key: ratchetKey(9 * (i + 1)), Value: value})
	}
	var tried []parcel.Key
	for _, o := range offers(t, learnt(t, Business, chains...), Business) {
		if !slices.Contains(tried, o.key) {
			tried = append(tried, o.key)
		}
	}
	want := []parcel.Key{}
	for i := range 7 {
		want = append(want, ratchetKey(11-i))
	}
	require.Equal(t, want, tried, "the newest first")

	own := map[parcel.Key]bool{}
	for _, o := range offers(t, learnt(t, Customer, roots...), Business) {
		require.Zero(t, o.counter)
		own[o.key] = true
	}
	require.Len(t, own, 3, "with a ratchet key of its own for each root")
	require.Empty(t, offers(t, learnt(t, Customer, roots...), Customer), "a root is of use towards the end whose turn made it")

	for e := range uint64(7) {
		epochs = append(epochs, parcel.Entry{Kind: parcel.PQSending, Base: base, Epoch: e, Index: 3, Value: value})
	}
	a := learnt(t, Business, append(epochs, chains[0])...)
	var fields []string
	for _, o := range offers(t, a, Business) {
		if o.field != "" {
			fields = append(fields, o.field)
		}
	}
	field := func(epoch, index uint64) string {
		b := binary.AppendUvarint([]byte{1}, epoch)
		return string(append(binary.AppendUvarint(b, index), 0))
	}
	require.Equal(t, []string{field(7, 4), field(6, 4), field(5, 4), field(4, 4), string(keylessField)}, fields, "keyed ones first")
}

// TestAhead: who does not see all tries a place further on a chain, too; who sees all knows the
// place.
func TestAhead(t *testing.T) {
	base, value := parcel.Key{5, 100}, make([]byte, 32)
	counters := func(a *Adversary) (list []uint32) {
		for _, o := range offers(t, a, Business) {
			if !slices.Contains(list, o.counter) {
				list = append(list, o.counter)
			}
		}
		return list
	}
	chain := parcel.Entry{Kind: parcel.SendingChain, Base: base, Key: ratchetKey(1), Index: 4, Value: value}
	require.Equal(t, []uint32{4}, counters(learnt(t, Business, chain)))
	a := New()
	a.Partial()
	require.NoError(t, a.Learn(Business, parcel.New([]parcel.Entry{chain}).Bytes()))
	require.Equal(t, []uint32{4, 1004}, counters(a))
}

// TestAnchors: of several possibilities the one that leads to what was handed over is right, be it
// the root, a key or a seed of the chain; without any, all are kept by who does not see everything.
func TestAnchors(t *testing.T) {
	base := parcel.Key{5, 100}
	var private, x secret
	private[0], x[5] = 64, 9
	s := New()
	s.private[ratchetKey(2)] = private
	dh, ok := s.agree(ratchetKey(2), ratchetKey(9))
	require.True(t, ok)
	root, chain := rootStep(x, dh)
	c := &cursor{first: chain, now: chain, step: chainStep}
	seed := c.key(2)
	key := c.now
	entry := func(kind parcel.Kind, k parcel.Key, index uint32, value secret) parcel.Entry {
		return parcel.Entry{Kind: kind, Base: base, Key: k, Index: index, Value: value[:]}
	}
	for name, anchor := range map[string]*parcel.Entry{
		"nothing": nil, "root": new(parcel.Entry), "key": new(parcel.Entry), "seed": new(parcel.Entry), "another key": new(parcel.Entry),
	} {
		a := New()
		a.Partial()
		require.NoError(t, a.Learn(Customer, parcel.New([]parcel.Entry{entry(parcel.Root, ratchetKey(9), 0, x)}).Bytes()))
		entries := []parcel.Entry{entry(parcel.RatchetPrivate, ratchetKey(2), 0, private)}
		switch name {
		case "root":
			*anchor = entry(parcel.Root, ratchetKey(2), 0, root)
		case "key":
			*anchor = entry(parcel.SendingChain, ratchetKey(2), 2, key)
		case "seed":
			*anchor = entry(parcel.SendingKey, ratchetKey(2), 2, seed)
		case "another key":
			*anchor = entry(parcel.SendingChain, ratchetKey(2), 2, x)
		}
		if anchor != nil {
			entries = append(entries, *anchor)
		}
		require.NoError(t, a.Learn(Business, parcel.New(entries).Bytes()))
		id := chainID{base, ratchetKey(2)}
		require.Equal(t, name == "root" || name == "key" || name == "seed", a.settled[id], name)
		first := slices.ContainsFunc(a.chains[id], func(c *cursor) bool { return c.start == 0 && c.first == chain })
		require.Equal(t, name != "another key", first, "%s: the chain from its beginning", name)
		require.Equal(t, name == "nothing", a.depth[root] > 0, name)
	}
}

// TestSeenLater: who does not see all may see a key after one that was made against it.
func TestSeenLater(t *testing.T) {
	base := parcel.Key{5, 100}
	private, root := secret{64}, secret{0, 0, 0, 0, 0, 9}
	a := New()
	a.Partial()
	entry := func(kind parcel.Kind, k parcel.Key, value secret) []byte {
		return parcel.New([]parcel.Entry{{Kind: kind, Base: base, Key: k, Value: value[:]}}).Bytes()
	}
	require.NoError(t, a.Learn(Customer, entry(parcel.RatchetPrivate, ratchetKey(2), private)))
	require.NoError(t, a.Learn(Business, entry(parcel.Root, ratchetKey(9), root)))
	dh, ok := a.agree(ratchetKey(2), ratchetKey(9))
	require.True(t, ok)
	next, _ := rootStep(root, dh)
	require.Contains(t, a.roots[chainID{base, ratchetKey(2)}], next)
}

// TestAge: of the keys that one parcel names, its owner's own is the last one: it was made against
// one of the others.
func TestAge(t *testing.T) {
	base, value := parcel.Key{5, 100}, make([]byte, 32)
	a := learnt(t, Business,
		parcel.Entry{Kind: parcel.Root, Base: base, Key: ratchetKey(2), Value: value},
		parcel.Entry{Kind: parcel.RatchetPrivate, Base: base, Key: ratchetKey(2), Value: value},
		parcel.Entry{Kind: parcel.ReceivingChain, Base: base, Key: ratchetKey(9), Value: value},
		parcel.Entry{Kind: parcel.Skipped, Base: base, Key: ratchetKey(7), Value: value})
	require.Equal(t, turn{ratchetKey(2), Business}, a.turns[base][2])
	require.Equal(t, Customer, a.turns[base][0].side)
}

// TestCut: once somebody else has written, a key may have been made against an older one than the
// last that was seen.
func TestCut(t *testing.T) {
	base := parcel.Key{5, 100}
	for _, cut := range []bool{false, true} {
		private, root := secret{64}, secret{0, 0, 0, 0, 0, 9}
		a := learnt(t, Customer, parcel.Entry{Kind: parcel.Root, Base: base, Key: ratchetKey(9), Value: root[:]})
		number := 0
		if cut {
			number = -1
		}
		late := ratchetKey(8)
		body, _ := wire.AppendSignalMessage(nil, &wire.SignalMessage{Version: 4, RatchetKey: late[:], PQRatchet: []byte{1, 1, 1, 0}}, 16)
		a.Observe(Wire{Number: number, From: Customer, Session: base, Body: append(body, make([]byte, 8)...)})
		require.NoError(t, a.Learn(Business, parcel.New([]parcel.Entry{{Kind: parcel.RatchetPrivate, Base: base, Key: ratchetKey(2), Value: private[:]}}).Bytes()))
		require.Equal(t, cut, len(a.roots[chainID{base, ratchetKey(2)}]) > 0)
	}
}

// TestKeylessOpens: a message without a post-quantum key opens with the chain alone, whoever wrote
// it.
func TestKeylessOpens(t *testing.T) {
	base := parcel.Key{5, 100}
	give := func() *Adversary {
		a := learnt(t, Business, parcel.Entry{Kind: parcel.SendingChain, Base: base, Key: ratchetKey(1), Index: 2, Value: make([]byte, 32)})
		a.identities = [2][]parcel.Key{{{5, 200}}, {{5, 201}}}
		return a
	}
	f := give().Forge(entropy.Seeded([32]byte{1}), Business, []byte("pay here"), func(_ bool, body []byte) ([]byte, bool) {
		m, err := wire.ParseSignalMessage(body)
		return []byte("pay here"), err == nil && len(m.PQRatchet) > 0
	})
	require.Equal(t, Keyless, f.Strategy())
	_, body := f.Message()
	a := give()
	a.Observe(Wire{Number: 7, From: Business, Session: base, Body: body})
	read := a.Read()
	require.Len(t, read, 1)
	require.Equal(t, "pay here", string(read[0].Text()))
}
