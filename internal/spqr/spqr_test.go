package spqr

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
)

// optional makes a state one that may fall back to version 0, as clients before 2026 stored it.
func optional(t testing.TB, p *party) {
	s := p.parsed()
	require.True(t, s.negotiating)
	s.negotiation.minVersion = 0
	p.state = s.marshal()
}

// TestVersions are the rules of spqr §6.1, before and after the first message.
func TestVersions(t *testing.T) {
	future := []byte{2, 9, 3, 0xEE} // any epoch, index 3, and what only version 2 knows
	for _, c := range []struct {
		name                string
		optional, settled   bool
		message             []byte
		err                 error
		key, off, undecided bool
	}{
		{name: "empty to a new state", err: errMinimum},
		{name: "version 0 to a new state", message: []byte{0, 1, 1}, err: errMinimum},
		{name: "version 0 without its preamble", message: []byte{0}, err: errMessage},
		{name: "version 2 with epoch 0", message: []byte{2, 0, 1}, err: errMessage},
		{name: "version 2 to a new state", message: future, key: true, undecided: true},
		{name: "version 2 without a key", message: []byte{2, 1, 0}, undecided: true},
		{name: "version 1 cut short", message: []byte{1, 1, 1}, err: errMessage},
		{name: "empty later", settled: true, err: errMinimum},
		{name: "version 0 later", settled: true, message: []byte{0, 1, 1, 0}, err: errMinimum},
		{name: "version 2 later", settled: true, message: future, err: errMismatch},
		{name: "epoch 0 later", settled: true, message: []byte{2, 0, 1}, err: errMessage},
		{name: "empty to an optional state", optional: true, off: true},
		{name: "version 0 to an optional state", optional: true, message: []byte{0, 7, 7}, off: true},
		{name: "version 2 to an optional state", optional: true, message: future, key: true, undecided: true},
		{name: "empty to an optional state later", optional: true, settled: true, err: errMinimum},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newPair(t, 2)
			first := a.send()
			if c.optional {
				optional(t, b)
			}
			if c.settled {
				b.recv(first)
			}
			before := b.inspect()
			key, ok, err := b.try(c.message)
			require.ErrorIs(t, err, c.err)
			if c.err != nil {
				require.Equal(t, before, b.inspect())
				return
			}
			require.Equal(t, c.key, ok)
			if c.key {
				a.send()
				require.Equal(t, a.send().key, key, "the key of the index in the first chain")
			}
			if c.off {
				require.Empty(t, b.state)
				require.NotNil(t, b.state)
			} else {
				require.Equal(t, c.undecided, b.inspect().Negotiating)
				require.Equal(t, NoHeaderReceived, b.inspect().Phase)
				b.recv(first) // and it goes on
				require.False(t, b.inspect().Negotiating)
			}
		})
	}
}

// TestOff: an empty state stays empty, whatever comes.
func TestOff(t *testing.T) {
	a, _ := newPair(t, 3)
	off := &party{t: t}
	l := off.send()
	require.Empty(t, l.wire)
	require.False(t, l.ok)
	require.Empty(t, off.state)
	for _, wire := range [][]byte{nil, a.send().wire, {0, 1, 1}, {9, 1, 1}} {
		_, ok, err := off.try(wire)
		require.NoError(t, err)
		require.False(t, ok)
		require.Empty(t, off.state)
	}
	_, _, err := off.try([]byte{1, 0, 1})
	require.ErrorIs(t, err, errMessage, "the preamble is read even so")
	require.Equal(t, Info{}, off.inspect())
}

// TestOptionalPeer talks to an initiator that does not commit itself before it hears of us (§6.3).
func TestOptionalPeer(t *testing.T) {
	a, b := newPair(t, 4)
	optional(t, a)
	var early []letter
	for range 3 {
		l := a.send()
		require.False(t, l.ok)
		require.Equal(t, []byte{1, 1, 0, 1, byte(len(early))}, l.wire[:5])
		early = append(early, l)
	}
	b.recv(early[1])
	b.recv(early[0])
	b.recv(early[0]) // no key, any number of times
	require.Equal(t, NoHeaderReceived, b.inspect().Phase)
	a.recv(b.send())
	l := a.send()
	require.True(t, l.ok)
	require.Equal(t, []byte{1, 1, 1, 1, 3}, l.wire[:5])
	b.recv(l)
	b.recv(early[2])
	require.Equal(t, HeaderReceived, b.inspect().Phase)
	pingPong(a, b, func() bool { return a.inspect().Epoch == 3 })
}

// TestNegotiationEnds: the handshake's key goes with the first message received, and not before.
func TestNegotiationEnds(t *testing.T) {
	a, b := newPair(t, 5)
	key := a.parsed().negotiation.authKey
	for range 3 {
		b.recv(a.send())
		require.True(t, bytes.Contains(a.state, key[:]))
		require.False(t, bytes.Contains(b.state, key[:]))
	}
	a.recv(b.send())
	require.False(t, bytes.Contains(a.state, key[:]))

	// A state with neither chain nor negotiation is of no use.
	s := a.parsed()
	s.chained = false
	p := &party{t: t, state: s.marshal()}
	_, _, err := p.try(b.send().wire)
	require.ErrorIs(t, err, errNoChain)
	_, _, _, _, err = Send(nil, p.state)
	require.ErrorIs(t, err, errNoChain)
}

func TestSelfSession(t *testing.T) {
	key := [32]byte{6}
	a := &party{t, entropy.Seeded(key), Init(A2B, &key, true)}
	b := &party{t, entropy.Seeded(key), Init(B2A, &key, true)}
	require.Contains(t, string(a.state), "\x22\x06\x08\xff\xff\xff\xff\x0f")
	s := a.parsed()
	require.NoError(t, s.begin())
	s.chain.links[0].send.ctr = 30_000
	a.state = s.marshal()
	_, ok, err := b.try(a.send().wire)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 2000, b.inspect().SkippedKeys)
	require.Contains(t, string(b.state), "\x32\x06\x08\xff\xff\xff\xff\x0f")

	ordinary, _ := newPair(t, 6)
	ordinary.state = Init(B2A, &key, false)
	_, _, err = ordinary.try(a.send().wire)
	require.ErrorContains(t, err, "key jump: 0 - 30002")
}

// TestLateMessages keeps messages back over epochs (spqr §12.3, §12.4).
func TestLateMessages(t *testing.T) {
	a, b := newPair(t, 7)
	b.recv(a.send())
	a.recv(b.send())
	late := []letter{a.send(), a.send(), a.send()}
	pingPong(a, b, func() bool { return b.inspect().SendEpoch == 1 })
	b.recv(late[1]) // one epoch back
	require.Equal(t, 2, b.inspect().SkippedKeys)
	_, _, err := b.try(late[1].wire)
	require.EqualError(t, err, "spqr: key already requested: 3")
	b.recv(a.send())
	for b.inspect().ChainEpoch < 2 { // b makes the keys of epoch 2, so it learns the secret on receiving
		a.recv(b.send())
		b.recv(a.send())
	}
	require.EqualValues(t, 1, b.inspect().SendEpoch)
	b.recv(late[0]) // two back, while nothing was sent in the new epoch
	a.recv(b.send())
	pingPong(a, b, func() bool { return b.inspect().SendEpoch == 2 })
	_, _, err = b.try(late[2].wire)
	require.EqualError(t, err, "spqr: epoch not in valid range: 0")
	require.Zero(t, b.inspect().SkippedKeys)
}

// TestSimulation lets two parties talk over a link that loses, delays and repeats messages. Every
// message that arrives gives the sender's key, and a repeated one is refused.
func TestSimulation(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	a, b := newPair(t, 8)
	ends := [2]*party{a, b}
	var flying [2][]letter
	visited := map[Phase]int{}
	delivered, refused := 0, 0
	deliver := func(to int) {
		if len(flying[to]) == 0 {
			return
		}
		i := r.IntN(min(4, len(flying[to])))
		l := flying[to][i]
		flying[to] = append(flying[to][:i], flying[to][i+1:]...)
		ends[to].recv(l)
		delivered++
		if r.IntN(20) == 0 {
			before := bytes.Clone(ends[to].state)
			_, _, err := ends[to].try(l.wire)
			require.ErrorContains(t, err, "key already requested")
			require.Equal(t, before, ends[to].state)
			refused++
		}
	}
	busy := 0 // who talks more, for a while
	for a.inspect().Epoch <= 34 {
		if r.IntN(50) == 0 {
			busy = r.IntN(3)
		}
		from := r.IntN(2)
		if busy < 2 && r.IntN(3) > 0 {
			from = busy
		}
		l := ends[from].send()
		if r.IntN(12) > 0 {
			flying[1-from] = append(flying[1-from], l)
		}
		for range r.IntN(4) {
			deliver(r.IntN(2))
		}
		visited[a.inspect().Phase]++
		visited[b.inspect().Phase]++
	}
	require.Len(t, visited, 11, "%v", visited)
	require.Greater(t, refused, 50)
	t.Logf("%d messages delivered, %d repeated, phases %v", delivered, refused, visited)
}

// TestHealing leaks the state of one end at many points of an exchange to somebody who sees all
// that is sent, and asks from which chain epoch on he can no longer follow (spqr §17): the one of
// the epoch in progress if its secret is not made or its private key not drawn, else the one after.
func TestHealing(t *testing.T) {
	a, b := newPair(t, 15)
	type thief struct {
		party
		leaked Info
		known  map[uint64]bool
	}
	var thieves []*thief
	for step := 0; a.inspect().Epoch < 6; step++ {
		if info := a.inspect(); step%3 == 0 && info.Epoch < 4 {
			thieves = append(thieves, &thief{party{t, entropy.Seeded([32]byte{16}), a.state}, info, map[uint64]bool{}})
		}
		out := a.send()
		b.recv(out)
		in := b.send()
		a.recv(in)
		for _, th := range thieves {
			if next, _, _, _, err := Send(th.src, th.state); err == nil {
				th.state = next
			}
			if key, _, err := th.try(in.wire); err == nil {
				th.known[uint64(in.wire[1])-1] = key == in.key
			}
		}
	}
	seen := map[Phase]bool{}
	for _, th := range thieves {
		healed := th.leaked.Epoch + 1
		switch th.leaked.Phase {
		case KeysUnsampled, NoHeaderReceived, HeaderReceived:
			healed = th.leaked.Epoch
		}
		for epoch := th.leaked.Epoch; epoch < 5; epoch++ {
			require.Equal(t, epoch < healed, th.known[epoch], "chain epoch %d, leaked %+v", epoch, th.leaked)
		}
		seen[th.leaked.Phase] = true
	}
	require.GreaterOrEqual(t, len(seen), 7, "%v", seen)
}

// TestSpecialStates are stored states that must not be decoded (spqr §14).
func TestSpecialStates(t *testing.T) {
	a, b := newPair(t, 9)
	b.recv(a.send())
	good := b.state
	change := func(f func(s *state)) []byte {
		p := &party{t: t, state: good}
		s := p.parsed()
		f(s)
		return s.marshal()
	}
	for name, stored := range map[string][]byte{
		"truncated":       good[:len(good)-1],
		"wrong wire type": {8, 1},
		"empty chain":     {0x12, 0},
		"empty braid":     {0x1A, 0},
		"empty phase":     {0x1A, 2, 0x0A, 0},
		"negotiation":     {0x0A, 0},
		"epoch 0":         change(func(s *state) { s.braid.epoch = 0 }),
		"direction 2":     change(func(s *state) { s.chain.dir = 2 }),
		"half a record":   change(func(s *state) { s.chain.links[0].recv.prev = make([]byte, 35) }),
		"too much kept":   change(func(s *state) { s.chain.limits.maxKept = maxKept + 1 }),
		"minimum version": change(func(s *state) { s.negotiating, s.negotiation.minVersion = true, 2 }),
		"other decoder":   change(func(s *state) { _ = s.braid.dec.start(sizeEk) }),
		"short key": change(func(s *state) {
			s.braid = braid{phase: HeaderReceived, epoch: 1}
			_ = s.braid.dec.start(sizeEk)
			s.braid.parts[partHdr] = make([]byte, sizeHdr-1)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Inspect(stored)
			require.ErrorIs(t, err, ErrState)
			next, _, _, err := Recv(stored, a.send().wire)
			require.ErrorIs(t, err, ErrState)
			require.Nil(t, next)
			if name != "other decoder" { // which a send does not look into
				next, _, _, _, err = Send(nil, stored)
				require.ErrorIs(t, err, ErrState)
				require.Nil(t, next)
			}
		})
	}
}

// TestLeniency: fields out of order and unknown ones are read, and written in order again.
func TestLeniency(t *testing.T) {
	key := secret.Key{1}
	stored := Init(A2B, (*[32]byte)(&key), false)
	shuffled := append([]byte{0x7A, 1, 0xFF, 0x80, 1, 5}, stored[40:]...) // unknown fields, then the braid
	shuffled = append(shuffled, stored[:40]...)
	var s state
	require.NoError(t, s.parse(shuffled))
	require.Equal(t, stored, s.marshal())
}

// TestWriterGrows: the estimate of the size is not what correctness hangs on.
func TestWriterGrows(t *testing.T) {
	a, b := newPair(t, 10)
	b.recv(a.send())
	w := wire.Writer{}
	s := b.parsed()
	s.braid.write(&w)
	s.chain.write(&w)
	require.Equal(t, b.state, w.Result())
}

// TestAllocations is the budget of the messages between the steps of the KEM.
func TestAllocations(t *testing.T) {
	a, b := newPair(t, 11)
	pingPong(a, b, func() bool { return a.inspect().Epoch == 2 })
	pingPong(a, b, func() bool { return a.inspect().Phase == Ct1Sampled && a.inspect().ChunksReceived == 5 })
	wire := b.send().wire
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_, _, _, _, _ = Send(nil, a.state)
	}), 2.0, "state and message")
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_, _, _, _ = Recv(a.state, wire)
	}), 2.0, "state and decoder")
	var live, next State
	require.NoError(t, live.UnmarshalBinary(a.state))
	room := make([]byte, 0, MaxMessage)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _, _, _ = live.Send(&next, nil, room)
		live.Replace(&next)
	}))
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_, _, _ = live.Recv(&next, wire)
	}), 1.0, "decoder")
}
