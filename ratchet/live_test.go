package ratchet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
)

// TestLiveAndStored plays one conversation with loss and reordering twice: with States that live,
// one of which is forked for each step, and again if it fails, and with States that are decoded
// from bytes for each step. Messages, records and errors are the same, and what was forked stays as
// it is.
func TestLiveAndStored(t *testing.T) {
	var live, stored [2]*State
	live[0], live[1] = pair(t, wire.V4)
	stored[0], stored[1] = clone(t, live[0]), clone(t, live[1])
	live[1] = clone(t, live[1])
	live[1].Freeze()
	var sources [2][2]*entropy.Source // two equal ones for each end
	for i := range sources {
		for j := range sources[i] {
			sources[i][j] = entropy.Seeded([32]byte{byte(i)})
		}
	}
	r := rand.New(rand.NewPCG(8, 1))
	var mail [2][][]byte
	var forks [2]*State // the version before that of live[1], and one that is gone
	for step := range 1500 {
		i := r.IntN(2)
		stored[i] = clone(t, stored[i])
		var before []byte
		if i == 1 {
			next := new(State)
			if forks[1] != nil {
				next, forks[1] = forks[1], nil
				next.Release()
			}
			before = live[1].Record()
			live[1].Fork(next)
			forks[1], forks[0], live[1] = forks[0], live[1], next
		}
		if len(mail[i]) == 0 || r.IntN(2) == 0 {
			m, err := live[i].EncryptFrom(sources[i][0], nil, fmt.Append(nil, step))
			require.NoError(t, err)
			m2, err := stored[i].EncryptFrom(sources[i][1], nil, fmt.Append(nil, step))
			require.NoError(t, err)
			require.Equal(t, m, m2)
			mail[1-i] = append(mail[1-i], m)
		} else {
			at := r.IntN(len(mail[i]))
			if r.IntN(20) == 0 {
				at = 0
			}
			m := bytes.Clone(mail[i][at])
			switch r.IntN(12) {
			case 0: // stays, and comes again
			case 1:
				m[r.IntN(len(m))] ^= 1
			default:
				mail[i] = append(mail[i][:at:at], mail[i][at+1:]...)
			}
			parsed, err := wire.ParseSignalMessage(m)
			if err != nil {
				continue
			}
			text, err := live[i].DecryptFrom(sources[i][0], nil, &parsed)
			text2, err2 := stored[i].DecryptFrom(sources[i][1], nil, &parsed)
			require.Equal(t, err, err2)
			require.Equal(t, text, text2)
			if err != nil && i == 1 { // a fork that failed is of no use
				live[1].Release()
				forks[0].Fork(live[1])
			}
		}
		want := stored[i].Record()
		require.Equal(t, want, live[i].Record())
		if i == 1 {
			require.Equal(t, before, forks[0].Record(), "what step %d began from", step)
			live[1].Freeze()
		}
	}
	require.Greater(t, live[0].pq.Epoch(), uint64(3))
}

// TestOwn: an owning State leaves what it was decoded from alone, for good.
func TestOwn(t *testing.T) {
	a, b := acknowledged(t, wire.V4)
	for range 100 {
		exchange(t, a, b, []byte("x"))
		exchange(t, b, a, []byte("y"))
	}
	for _, m := range batch(t, a, 40)[30:] {
		_, err := b.Decrypt(nil, m)
		require.NoError(t, err)
	}
	stored := stateOf(t, b)
	c := new(State)
	require.NoError(t, c.UnmarshalBinary(stored))
	c.Own()
	clear(stored)
	require.Equal(t, stateOf(t, b), stateOf(t, c))
	exchange(t, a, c, []byte("z"))
	clear(stored)
	exchange(t, c, a, []byte("z"))
}
