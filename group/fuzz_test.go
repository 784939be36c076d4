package group

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// FuzzMessage parses anything, on both wires. What parses is written the same way, and parses again
// to the same.
func FuzzMessage(f *testing.F) {
	v := loadMessages(f)
	f.Add([]byte(v.Messages[3].Serialized))
	f.Add([]byte(v.SKDM.Serialized))
	f.Add([]byte(v.After.Serialized))
	for _, w := range wires[1:] {
		a, _ := joined(f, w.channel)
		f.Add(send(f, a, "text"))
		f.Add(must(a.Distribution(ctx)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := bytes.Clone(b)
		for _, w := range []*format{signal, whatsApp} {
			if m, err := w.parseMessage(b); err == nil {
				again, err := w.parseMessage(append(w.appendMessage(nil, &m), m.signature...))
				require.NoError(t, err)
				m.signed, again.signed = nil, nil
				require.Equal(t, m, again)
			} else {
				require.True(t, matches(err, session.ErrInvalidMessage) || matches(err, session.ErrVersion))
			}
			if d, err := w.parseDistribution(b); err == nil {
				again, err := w.parseDistribution(w.appendDistribution(nil, &d))
				require.NoError(t, err)
				require.Equal(t, d, again)
			} else {
				require.True(t, matches(err, session.ErrInvalidMessage) || matches(err, session.ErrVersion))
			}
		}
		MessageID(b)
		DistributionMessageID(b)
		require.Equal(t, whole, b)
	})
}

// FuzzRecord uses anything as a stored record: operations on it succeed or are errors.
func FuzzRecord(f *testing.F) {
	v := loadMessages(f)
	f.Add([]byte(v.Initial), []byte(v.Messages[0].Serialized))
	f.Add([]byte(v.After10), []byte(v.Messages[9].Serialized))
	row := must(join(nil, &distribution{version: 3, chainKey: make([]byte, 32)}, nil))
	f.Add(row, []byte(v.Other.Message))
	f.Fuzz(func(t *testing.T, row, b []byte) {
		whole := bytes.Clone(row)
		if states, err := parseRecord(row); err == nil {
			canonical := func(states []wire.SenderKeyState) []byte {
				for i := range states {
					states[i].Encoded = nil
				}
				return appendRecord(states)
			}
			first := canonical(states)
			again, err := parseRecord(first)
			require.NoError(t, err)
			require.Equal(t, first, canonical(again))
		}
		if m, err := signal.parseMessage(b); err == nil {
			signal.decrypt(nil, row, &m)
			if states, err := parseRecord(row); err == nil && len(states) > 0 {
				take(nil, &states[0], m.iteration, 3000) // as if the signature had been right
			}
		}
		if d, err := signal.parseDistribution(b); err == nil {
			if next, err := join(row, &d, nil); err == nil {
				_, err = describe(next, d.id)
				require.NoError(t, err)
			}
		}
		describe(row, vectorID)
		if m, next, err := signal.encrypt(nil, nil, row, vectorID, b); err == nil {
			_, err = signal.parseMessage(m)
			require.True(t, err == nil || m[0]>>4 != version)
			_, err = parseRecord(next)
			require.NoError(t, err)
		}
		require.Equal(t, whole, row)
	})
}

// FuzzGroup lets the input decide what happens in a group of three: who encrypts, which message is
// delivered to whom and how often, what is lost or altered, who restarts from its rows, who rotates
// and who learns of it. The model is which message was made of which text, and who has opened it.
func FuzzGroup(f *testing.F) {
	f.Add([]byte{0, 1, 2, 10, 20, 30, 11, 21, 31}, false)
	f.Add(bytes.Repeat([]byte{0, 5, 17, 200, 33, 64, 3, 129, 90, 4, 77, 250}, 10), false)
	f.Add(bytes.Repeat([]byte{6, 3, 60, 120, 180, 240, 9, 99}, 12), true)
	f.Fuzz(func(t *testing.T, script []byte, older bool) {
		w := wires[0]
		if older {
			w = wires[1]
		}
		g := newFuzzed(t, w.channel)
		for i := 0; i+1 < min(len(script), 300); i += 2 {
			g.step(script[i], int(script[i+1]))
		}
	})
}

type fuzzed struct {
	t       *testing.T
	channel func(signet.Address, Store) *Channel
	addr    []signet.Address
	stores  []*memory.Store
	members []*Channel
	posts   []post
	keys    [][][]byte // by sender: the distributions it made
}

// A post is a message with its model.
type post struct {
	from   int
	text   string
	body   []byte
	opened map[int]bool
}

func newFuzzed(t *testing.T, channel func(signet.Address, Store) *Channel) *fuzzed {
	g := &fuzzed{t: t, channel: channel, addr: []signet.Address{alice, bob, carol}, keys: make([][][]byte, 3)}
	for i, a := range g.addr {
		g.stores = append(g.stores, memory.New())
		g.members = append(g.members, channel(a, g.stores[i]))
	}
	return g
}

func (g *fuzzed) step(op byte, arg int) {
	who, other := arg%3, (arg/3)%3
	switch op % 8 {
	case 0, 1:
		g.post(who)
	case 2, 3, 4:
		if len(g.posts) > 0 {
			g.deliver(arg%len(g.posts), (arg/5)%3)
		}
	case 5:
		b, err := g.members[who].Distribution(ctx)
		require.NoError(g.t, err)
		g.keys[who] = append(g.keys[who], b)
		g.join(other, who, g.keys[who][arg%len(g.keys[who])]) // any of them, old ones too
	case 6:
		if arg%4 == 0 {
			b, err := g.members[who].Renew(ctx)
			require.NoError(g.t, err)
			g.keys[who] = append(g.keys[who], b)
		} else if len(g.posts) > 0 {
			g.alter(arg%len(g.posts), other, arg)
		}
	case 7: // restart from the rows
		g.stores[who] = g.stores[who].Clone()
		g.members[who] = g.channel(g.addr[who], g.stores[who])
	}
}

// join may drop the sixth key of a sender. What it has opened could then be opened again if the key
// came back, as Join says.
func (g *fuzzed) join(to, from int, b []byte) {
	if to == from {
		require.Error(g.t, g.members[to].Join(ctx, g.addr[from], b))
		return
	}
	before := must(parseRecord(g.record(to, from)))
	require.NoError(g.t, g.members[to].Join(ctx, g.addr[from], b))
	after := must(parseRecord(g.record(to, from)))
	for i := range before {
		if find(after, before[i].ChainID) != nil {
			continue
		}
		require.Len(g.t, after, maxStates)
		for _, p := range g.posts {
			m, err := g.members[to].format.parseMessage(p.body)
			require.NoError(g.t, err)
			if p.from == from && m.chainID == before[i].ChainID {
				delete(p.opened, to)
			}
		}
	}
}

func (g *fuzzed) post(who int) {
	text := fmt.Sprint(len(g.posts), " from ", who)
	b, err := g.members[who].Encrypt(entropy.With(ctx, entropy.Seeded([32]byte{byte(len(g.posts))})), []byte(text))
	if len(g.keys[who]) == 0 {
		require.ErrorIs(g.t, err, ErrNoSenderKey)
		return
	}
	require.NoError(g.t, err)
	g.posts = append(g.posts, post{who, text, b, make(map[int]bool)})
}

// deliver gives a message to a member, who opens it at most once and never wrongly.
func (g *fuzzed) deliver(i, to int) {
	p := &g.posts[i]
	if p.from == to {
		return // the own record is at the sending end
	}
	before := g.record(to, p.from)
	text, err := g.members[to].Decrypt(ctx, g.addr[p.from], p.body)
	if err == nil {
		require.False(g.t, p.opened[to], "a message was opened twice")
		require.Equal(g.t, p.text, string(text))
		p.opened[to] = true
		return
	}
	require.True(g.t, errors.Is(err, ErrNoSenderKey) || errors.Is(err, ratchet.ErrDuplicate) || errors.Is(err, ratchet.ErrForgotten), "%v", err)
	require.False(g.t, errors.Is(err, ratchet.ErrDuplicate) && !p.opened[to], "a message that was not opened is no duplicate")
	require.False(g.t, p.opened[to] && errors.Is(err, ErrNoSenderKey), "a key got lost")
	require.Equal(g.t, before, g.record(to, p.from))
}

func (g *fuzzed) alter(i, to, arg int) {
	p := &g.posts[i]
	before := g.record(to, p.from)
	bad := bytes.Clone(p.body)
	bad[arg*7%len(bad)] ^= 1 << (arg % 8)
	_, err := g.members[to].Decrypt(ctx, g.addr[p.from], bad)
	require.Error(g.t, err)
	require.Equal(g.t, before, g.record(to, p.from))
}

func (g *fuzzed) record(of, sender int) []byte {
	b, err := g.members[of].Record(ctx, g.addr[sender])
	require.NoError(g.t, err)
	return b
}

// FuzzDistributionID: what parses is written as it came, in lower case.
func FuzzDistributionID(f *testing.F) {
	f.Add(vectorID.String())
	f.Add("D1D1D1D1-7000-41EB-B32A-33B8A8A487A6")
	f.Add("d1d1d1d1-7000-41eb-b32a-33b8a8a487a")
	f.Add("d1d1d1d170-00-41eb-b32a-33b8a8a487a6")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseDistributionID(s)
		var text DistributionID
		require.Equal(t, err == nil, text.UnmarshalText([]byte(s)) == nil)
		require.Equal(t, id, text)
		if err != nil {
			require.Zero(t, id)
			return
		}
		require.Equal(t, strings.ToLower(s), id.String())
	})
}
