package interop

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// farEpoch is how far TestLiveLong takes the post-quantum ratchet. An epoch takes some hundred
// messages.
const farEpoch = 31

// TestLiveLong is one conversation with the official client in each role that goes on until the
// post-quantum ratchet is far, over a network that loses one message in thirty and delays as many.
func TestLiveLong(t *testing.T) {
	if *deliveries < 10_000 {
		t.Skip("some thousand messages: with -deliveries 10000 or more")
	}
	f := newFleet(t)
	for i, pair := range [][2]string{{ours, official}, {official, ours}} {
		t.Run(pair[0]+"-"+pair[1], func(t *testing.T) {
			f.need(t, official)
			rng := rand.New(rand.NewPCG(*seed, 1<<61|uint64(i)))
			var ends [2]*Device
			var at [2]Address
			for j, name := range pair {
				at[j] = Address{fmt.Sprintf("%08d-0000-4000-8000-%012d", i, j), uint32(1 + j)}
				ends[j] = f.device(t, f.peer(name), Params{Address: at[j]})
			}
			b, err := ends[1].Bundle(true)
			require.NoError(t, err)
			require.NoError(t, ends[0].Process(at[1], b))

			type late struct {
				to   int
				m    Message
				text string
				due  int // when so many messages were sent: while its receiver still keeps its chain
			}
			var held []late
			sent, delivered, epoch := 0, 0, uint64(0)
			deliver := func(l late) {
				text, err := ends[l.to].Decrypt(at[1-l.to], l.m)
				require.NoError(t, err, "seed %d, message %s", *seed, l.text)
				require.Equal(t, l.text, string(text))
				delivered++
			}
			for from := 0; epoch < farEpoch; from = 1 - from {
				text := fmt.Sprint("message ", sent)
				m, err := ends[from].Encrypt(at[1-from], []byte(text))
				require.NoError(t, err)
				sent++
				h, err := ParseHeader(m)
				require.NoError(t, err)
				epoch = max(epoch, h.Epoch())
				switch n := rng.IntN(30); {
				case sent > 4 && n == 0: // lost
				case sent > 4 && n == 1:
					held = append(held, late{1 - from, m, text, sent + 1 + rng.IntN(6)})
				default:
					deliver(late{to: 1 - from, m: m, text: text})
				}
				for len(held) > 0 && held[0].due <= sent {
					deliver(held[0])
					held = held[1:]
				}
				require.Less(t, sent, 200*farEpoch, "epoch %d", epoch)
			}
			t.Logf("seed %d: %d messages, %d delivered, epoch %d", *seed, sent, delivered, epoch)
		})
	}
}
