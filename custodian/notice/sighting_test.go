package notice

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/session"
)

// TestSightingsAreBounded: whoever writes on many chains and sessions does not make the record
// grow.
func TestSightingsAreBounded(t *testing.T) {
	s := new(sightings)
	for i := range uint32(600) {
		base := binary.BigEndian.AppendUint32(nil, i/20)
		s.see(&session.Received{Base: base, RatchetKey: binary.BigEndian.AppendUint32(nil, i), Counter: 3 * (i % 7), Previous: 40, Newest: true})
		s.see(&session.Received{Base: []byte("one"), RatchetKey: []byte("chain"), Counter: 2 * i, Newest: true})
	}
	require.LessOrEqual(t, len(s.chains), maxSighted)
	require.True(t, s.missing())
	b := s.bytes()
	require.Less(t, len(b), 16<<10)
	again, err := parseSightings(b)
	require.NoError(t, err)
	require.Equal(t, b, again.bytes())
	s.forgive()
	require.False(t, s.missing())
}

// TestGaps: what is missing of a chain, message by message.
func TestGaps(t *testing.T) {
	c := sighted{key: [16]byte{1}}
	for _, step := range []struct {
		n    uint64
		gaps []span
	}{
		{2, []span{{0, 2}}},
		{5, []span{{0, 2}, {3, 5}}},
		{3, []span{{0, 2}, {4, 5}}},
		{0, []span{{1, 2}, {4, 5}}},
		{9, []span{{1, 2}, {4, 5}, {6, 9}}},
		{7, []span{{1, 2}, {4, 5}, {6, 7}, {8, 9}}},
		{7, []span{{1, 2}, {4, 5}, {6, 7}, {8, 9}}}, // no message comes twice; it changes nothing
		{1, []span{{4, 5}, {6, 7}, {8, 9}}},
	} {
		require.False(t, c.arrived(step.n))
		require.Equal(t, step.gaps, c.gaps, "after %d", step.n)
	}
	s := &sightings{chains: []sighted{c}, lost: true}
	s.excuse(0, 6)
	require.Equal(t, []span{{6, 7}, {8, 9}}, s.chains[0].gaps)
	require.True(t, s.lost, "it was not the newest chain")
	require.False(t, s.chains[0].ended(12))
	require.Equal(t, []span{{6, 7}, {8, 9}, {10, 12}}, s.chains[0].gaps)
	require.True(t, s.chains[0].arrived(12), "behind the end")
	require.True(t, s.chains[0].ended(12), "before what has come")
}

// FuzzSightings: what parses is encoded as it was.
func FuzzSightings(f *testing.F) {
	s := new(sightings)
	f.Add(s.bytes())
	s.see(&session.Received{Base: []byte("base"), RatchetKey: []byte("key"), Counter: 7, Newest: true})
	s.see(&session.Received{Base: []byte("base"), RatchetKey: []byte("next"), Previous: 9, Newest: true})
	s.retire()
	f.Add(s.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSightings(b)
		if err != nil {
			require.ErrorIs(t, err, errSightings)
			return
		}
		again, err := parseSightings(s.bytes())
		require.NoError(t, err)
		require.True(t, bytes.Equal(s.bytes(), again.bytes()))
		require.LessOrEqual(t, len(s.chains), maxSighted)
	})
}
