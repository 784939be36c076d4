package spqr

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/erasure"
)

// stored is a braid as it would be stored, and from is its inverse.
func (b *braid) stored() []byte {
	s := state{version: version1, braid: *b}
	return s.marshal()
}

func from(t testing.TB, stored []byte) *braid {
	var s state
	require.NoError(t, s.parse(stored))
	return &s.braid
}

// chunkOf is chunk i of what a started encoder encodes.
func chunkOf(t testing.TB, e encoder, i int) *message {
	require.True(t, e.live)
	m := new(message)
	e.next = uint32(i)
	require.NoError(t, e.chunk(lanes*len(e.lists()[0]), m))
	return m
}

// A brink is a phase at its last step: a chunk that it holds already, and the one that completes
// what it decodes. The chunks have epoch 1 and no kind yet.
type brink struct {
	stored     []byte
	held, last *message
}

// brinks walks two braids through epoch 1, on the way that has all the phases.
func brinks(t testing.TB) map[Phase]brink {
	all := map[Phase]brink{}
	put := func(b *braid, held, last *message) {
		held.epoch, last.epoch = 1, 1
		all[b.phase] = brink{b.stored(), held, last}
	}
	anything := &message{chunk: 9}
	put2 := func(b *braid) { put(b, anything, anything) }
	feed := func(b *braid, k kind, e encoder, chunks ...int) {
		for _, i := range chunks {
			m := chunkOf(t, e, i)
			m.epoch, m.kind = 1, k
			_, _, err := b.recv(m)
			require.NoError(t, err)
		}
	}
	series := func(from, to int) (s []int) {
		for i := from; i < to; i++ {
			s = append(s, i)
		}
		return s
	}
	s, m := live{entropy.Seeded([32]byte{11})}, new(message)
	authKey := [32]byte{12}
	a := &braid{phase: KeysUnsampled, epoch: 1, auth: newAuthenticator(&authKey)}
	b := &braid{phase: NoHeaderReceived, epoch: 1, auth: a.auth}
	require.NoError(t, b.dec.start(sealedHdr))

	put2(a)
	_, _, err := a.send(s, m)
	require.NoError(t, err)
	put2(a) // KeysSampled
	hdr := a.enc
	feed(b, kindHdr, hdr, 0, 1)
	put(b, chunkOf(t, hdr, 0), chunkOf(t, hdr, 2))
	feed(b, kindHdr, hdr, 2)
	put2(b) // HeaderReceived
	secretB, fresh, err := b.send(s, m)
	require.NoError(t, err)
	require.True(t, fresh)
	ct1 := b.enc
	feed(a, kindCt1, ct1, series(0, 29)...)
	put(a, chunkOf(t, ct1, 0), chunkOf(t, ct1, 29)) // HeaderSent
	ek := a.enc
	feed(a, kindCt1, ct1, 29)
	put2(a) // Ct1Received
	feed(b, kindEk, ek, series(0, 34)...)
	acked := from(t, b.stored())
	feed(b, kindEk, ek, 34)
	put(b, chunkOf(t, ek, 0), chunkOf(t, ek, 35)) // Ct1Sampled
	feed(acked, kindEkCt1Ack, ek, 34)
	put(acked, chunkOf(t, ek, 0), chunkOf(t, ek, 35)) // Ct1Acknowledged
	feed(b, kindEk, ek, 35)
	put2(b) // EkReceivedCt1Sampled
	feed(b, kindEkCt1Ack, ek, 0)
	put2(b) // Ct2Sampled
	ct2 := b.enc
	feed(a, kindCt2, ct2, 0, 1, 2, 3)
	put(a, chunkOf(t, ct2, 0), chunkOf(t, ct2, 4)) // EkSentCt1Received

	last := chunkOf(t, ct2, 4)
	last.epoch, last.kind = 1, kindCt2
	secretA, fresh, err := a.recv(last)
	require.NoError(t, err)
	require.True(t, fresh)
	require.Equal(t, secretB, secretA)
	require.Equal(t, b.auth, a.auth)
	require.Len(t, all, 11)
	return all
}

// TestGrid spells out what each kind of message makes of each phase, if its chunk is a repetition
// and if it is the last one (spqr §11.3). A dash: not one byte of the state changes.
func TestGrid(t *testing.T) {
	const __ = Phase(0)
	for phase, row := range map[Phase]struct{ repeated, last [kinds]Phase }{
		// the kinds: None, Hdr, Ek, EkCt1Ack, Ct1Ack, Ct1, Ct2
		KeysUnsampled: {
			[kinds]Phase{__, __, __, __, __, __, __},
			[kinds]Phase{__, __, __, __, __, __, __}},
		KeysSampled: {
			[kinds]Phase{__, __, __, __, __, HeaderSent, __},
			[kinds]Phase{__, __, __, __, __, HeaderSent, __}},
		HeaderSent: {
			[kinds]Phase{__, __, __, __, __, __, __},
			[kinds]Phase{__, __, __, __, __, Ct1Received, __}},
		Ct1Received: {
			[kinds]Phase{__, __, __, __, __, __, EkSentCt1Received},
			[kinds]Phase{__, __, __, __, __, __, EkSentCt1Received}},
		EkSentCt1Received: {
			[kinds]Phase{__, __, __, __, __, __, __},
			[kinds]Phase{__, __, __, __, __, __, NoHeaderReceived}},
		NoHeaderReceived: {
			[kinds]Phase{__, __, __, __, __, __, __},
			[kinds]Phase{__, HeaderReceived, __, __, __, __, __}},
		HeaderReceived: {
			[kinds]Phase{__, __, __, __, __, __, __},
			[kinds]Phase{__, __, __, __, __, __, __}},
		Ct1Sampled: {
			[kinds]Phase{__, __, __, Ct1Acknowledged, __, __, __},
			[kinds]Phase{__, __, EkReceivedCt1Sampled, Ct2Sampled, __, __, __}},
		EkReceivedCt1Sampled: {
			[kinds]Phase{__, __, __, Ct2Sampled, Ct2Sampled, __, __},
			[kinds]Phase{__, __, __, Ct2Sampled, Ct2Sampled, __, __}},
		Ct1Acknowledged: {
			[kinds]Phase{__, __, __, __, __, __, __},
			[kinds]Phase{__, __, Ct2Sampled, Ct2Sampled, __, __, __}},
		Ct2Sampled: {
			[kinds]Phase{__, __, __, __, __, __, __},
			[kinds]Phase{__, __, __, __, __, __, __}},
	} {
		t.Run(phase.String(), func(t *testing.T) {
			at := brinks(t)[phase]
			for k := range kinds {
				for _, c := range []struct {
					m    message
					want Phase
				}{{*at.held, row.repeated[k]}, {*at.last, row.last[k]}} {
					b := from(t, at.stored)
					c.m.kind = k
					secret, fresh, err := b.recv(&c.m)
					require.NoError(t, err)
					require.Equal(t, c.want == NoHeaderReceived, fresh)
					require.Equal(t, fresh, secret != [32]byte{})
					if c.want == __ {
						require.Equal(t, at.stored, b.stored(), "kind %d", k)
						continue
					}
					require.Equal(t, c.want.String(), b.phase.String(), "kind %d", k)
					from(t, b.stored())
				}
			}
		})
	}
}

// TestSends is the table of spqr §11.2.
func TestSends(t *testing.T) {
	at := brinks(t)
	for phase, want := range map[Phase]struct {
		kind kind
		next Phase
	}{
		KeysUnsampled:        {kindHdr, KeysSampled},
		KeysSampled:          {kindHdr, KeysSampled},
		HeaderSent:           {kindEk, HeaderSent},
		Ct1Received:          {kindEkCt1Ack, Ct1Received},
		EkSentCt1Received:    {kindCt1Ack, EkSentCt1Received},
		NoHeaderReceived:     {kindNone, NoHeaderReceived},
		HeaderReceived:       {kindCt1, Ct1Sampled},
		Ct1Sampled:           {kindCt1, Ct1Sampled},
		EkReceivedCt1Sampled: {kindCt1, EkReceivedCt1Sampled},
		Ct1Acknowledged:      {kindNone, Ct1Acknowledged},
		Ct2Sampled:           {kindCt2, Ct2Sampled},
	} {
		b := from(t, at[phase].stored)
		var r sampler = none{t}
		if want.next != phase {
			r = live{entropy.Seeded([32]byte{})}
		}
		var m message
		_, fresh, err := b.send(r, &m)
		require.NoError(t, err)
		require.Equal(t, phase == HeaderReceived, fresh)
		require.Equal(t, want.kind, m.kind, phase.String())
		require.Equal(t, want.next.String(), b.phase.String())
		require.EqualValues(t, 1, m.epoch)
		require.EqualValues(t, 1, b.epoch)
	}
}

// TestEpochs: the past is ignored, the future is an error, but for the one message that turns
// roles.
func TestEpochs(t *testing.T) {
	for phase, at := range brinks(t) {
		stored := from(t, at.stored)
		stored.epoch = 7
		for k := range kinds {
			for _, epoch := range []uint64{1, 6, 8, 9, math.MaxUint64} {
				b := from(t, stored.stored())
				m := *at.last
				m.epoch, m.kind = epoch, k
				_, fresh, err := b.recv(&m)
				require.False(t, fresh)
				switch {
				case epoch < 7:
					require.NoError(t, err)
					require.Equal(t, stored.stored(), b.stored())
				case epoch == 8 && phase == Ct2Sampled:
					require.NoError(t, err)
					want := braid{phase: KeysUnsampled, epoch: 8, auth: stored.auth}
					require.Equal(t, &want, b, "nothing else outlives the turn")
				default:
					require.EqualError(t, err, errEpoch(epoch).Error())
				}
			}
		}
	}
}

// TestForgery flips a bit in the chunk that completes something.
func TestForgery(t *testing.T) {
	at := brinks(t)
	for _, c := range []struct {
		phase Phase
		kind  kind
		err   error
	}{
		{NoHeaderReceived, kindHdr, errMAC},
		{EkSentCt1Received, kindCt2, errMAC},
		{Ct1Sampled, kindEk, errPeer},
		{Ct1Sampled, kindEkCt1Ack, errPeer},
		{Ct1Acknowledged, kindEk, errPeer},
		{Ct1Acknowledged, kindEkCt1Ack, errPeer},
		{HeaderSent, kindCt1, nil}, // found out with the MAC of ct2
	} {
		m := *at[c.phase].last
		m.kind = c.kind
		m.data[31] ^= 1
		_, fresh, err := from(t, at[c.phase].stored).recv(&m)
		require.ErrorIs(t, err, c.err, c.phase.String())
		require.False(t, fresh)
		m.data[31] ^= 1
		_, _, err = from(t, at[c.phase].stored).recv(&m)
		require.NoError(t, err)
	}
	// A false ct1 makes a false shared key, hence a false MAC, though ct2 is right.
	b := from(t, at[EkSentCt1Received].stored)
	b.parts[partCt1] = bytes.Clone(b.parts[partCt1])
	b.parts[partCt1][5] ^= 1
	m := *at[EkSentCt1Received].last
	m.kind = kindCt2
	_, _, err := b.recv(&m)
	require.ErrorIs(t, err, errMAC)
}

// TestLifetimes looks for private keys in the states of the phases that have no more use for them.
func TestLifetimes(t *testing.T) {
	at := brinks(t)
	dk := from(t, at[KeysSampled].stored).parts[partDk]
	es := from(t, at[Ct1Sampled].stored).parts[partEs]
	for phase, b := range at {
		holdsDk := phase >= KeysSampled && phase <= EkSentCt1Received
		holdsEs := phase >= Ct1Sampled && phase <= Ct1Acknowledged
		require.Equal(t, holdsDk, bytes.Contains(b.stored, dk[:64]), phase.String())
		require.Equal(t, holdsEs, bytes.Contains(b.stored, es[:64]), phase.String())
		b := from(t, b.stored)
		for p, size := range partSizes {
			if b.parts[p] != nil {
				require.Len(t, b.parts[p], size)
			}
		}
	}
}

// TestIndexWrap lets the counter of an encoder pass 65 535 (spqr §7.3).
func TestIndexWrap(t *testing.T) {
	a, b := newPair(t, 1)
	a.send()
	s := a.parsed()
	require.NoError(t, s.braid.enc.parse(sealedHdr))
	s.braid.enc.next = math.MaxUint16
	a.state = s.marshal()
	first := a.send()
	require.Equal(t, []byte{1, 1, 2, 1, 0xFF, 0xFF, 3}, first.wire[:7])
	require.Len(t, first.wire, 39)
	b.recv(first)
	second := a.send()
	require.Equal(t, []byte{1, 1, 3, 1, 0}, second.wire[:5])
	require.EqualValues(t, 65537, a.inspect().NextChunk)
	b.recv(second)
	b.recv(a.send())
	require.Equal(t, HeaderReceived, b.inspect().Phase)
}

func TestPhaseString(t *testing.T) {
	require.Equal(t, "Off", Phase(0).String())
	require.Equal(t, "Ct2Sampled", Ct2Sampled.String())
	require.Equal(t, "Phase(?)", Phase(12).String())
	require.Equal(t, erasure.ChunkSize*3, sealedHdr)
	require.Equal(t, erasure.ChunkSize*5, sealedCt2)
}
