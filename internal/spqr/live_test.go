package spqr

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
)

// stored is the stored form of a State.
func stored(s *State) []byte {
	var w wire.Writer
	s.Write(&w)
	return w.Result()
}

// TestSteps takes the steps of a conversation with loss in three ways: tried on a copy, in place,
// and on stored bytes. They are the same steps, and of a private key that a State drew nothing is
// left when the State is past it.
func TestSteps(t *testing.T) {
	key := [32]byte{9}
	var tried, inPlace [2]State
	var rows [2][]byte
	var sources [2][3]*entropy.Source
	for i, d := range []Direction{A2B, B2A} {
		rows[i] = Init(d, &key, false)
		require.NoError(t, tried[i].UnmarshalBinary(rows[i]))
		require.NoError(t, inPlace[i].UnmarshalBinary(rows[i]))
		for j := range sources[i] {
			sources[i][j] = entropy.Seeded([32]byte{byte(i)})
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	drawn := map[*State][][]byte{} // what each State made
	note := func(s *State) {
		list, made := drawn[s], s.s.braid.made
		if len(made) > 0 && (len(list) == 0 || &made[0] != &list[len(list)-1][0]) {
			drawn[s] = append(list, made)
		}
	}
	for range 2500 {
		i := r.IntN(2)
		var next State
		message, k, ok, err := tried[i].Send(&next, sources[i][0], nil)
		require.NoError(t, err)
		tried[i].Replace(&next)
		m2, k2, ok2, err := inPlace[i].Send(&inPlace[i], sources[i][1], nil)
		require.NoError(t, err)
		after, m3, k3, ok3, err := Send(sources[i][2], rows[i])
		require.NoError(t, err)
		rows[i] = after
		require.Equal(t, []any{m3, k3, ok3}, []any{message, k, ok})
		require.Equal(t, []any{m3, k3, ok3}, []any{m2, k2, ok2})
		note(&tried[i])
		note(&inPlace[i])
		if r.IntN(5) != 0 {
			i = 1 - i
			k, _, err := tried[i].Recv(&next, message)
			require.NoError(t, err)
			tried[i].Replace(&next)
			k2, _, err := inPlace[i].Recv(&inPlace[i], message)
			require.NoError(t, err)
			rows[i], k3, _, err = Recv(rows[i], message)
			require.NoError(t, err)
			require.Equal(t, k3, k)
			require.Equal(t, k3, k2)
		}
		require.Equal(t, rows[i], stored(&tried[i]))
		require.Equal(t, rows[i], stored(&inPlace[i]))
	}
	require.Len(t, drawn, 4)
	for s, list := range drawn {
		require.Greater(t, len(list), 5)
		for _, made := range list {
			if s.s.braid.made == nil || &made[0] != &s.s.braid.made[0] {
				require.True(t, bytes.Equal(made, make([]byte, len(made))), "erased")
			}
		}
	}
}
