package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// TestMatches flips every bit of a value. The CRC is that of RFC 3720, B.4.
func TestMatches(t *testing.T) {
	require.EqualValues(t, 0x8a9136aa, CRC(make([]byte, 32)))
	p := &seal.Place{Table: "t", Name: "bob", ID: 7, Version: 1<<33 + 5}
	value := []byte("a value of some length")
	sum := Sum(p.Version, value)
	require.NoError(t, Matches(sum, p, value))
	for bit := range 8 * len(value) {
		value[bit/8] ^= 1 << (bit % 8)
		err := Matches(sum, p, value)
		require.ErrorIs(t, err, session.ErrRecord)
		require.ErrorContains(t, err, `t of "bob".7, version`)
		value[bit/8] ^= 1 << (bit % 8)
	}
	require.NoError(t, Matches(0, p, []byte("of a program that writes none")))
	require.NoError(t, Matches(Sum(p.Version-1, nil), p, []byte("of a program that leaves it alone")))
}
