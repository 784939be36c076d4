package group

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// Of the messages that were never opened none is called a duplicate: those whose keys were given
// up, those from before the key was joined, and those in a record that comes from elsewhere.
func TestNeverOpenedIsNoDuplicate(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := joined(t, w.channel)
			messages := make([][]byte, 4100)
			for i := range messages {
				messages[i] = send(t, a, fmt.Sprint(i))
			}
			opened := make(map[int]bool)
			for _, i := range []int{1900, 3, 3800, 4099} {
				receive(t, b, alice, messages[i], fmt.Sprint(i))
				opened[i] = true
			}
			check := func(i int) {
				if opened[i] {
					refuse(t, b, alice, messages[i], ratchet.ErrDuplicate)
					return
				}
				_, err := b.Decrypt(ctx, alice, messages[i])
				require.NotErrorIs(t, err, ratchet.ErrDuplicate, "%d", i)
				if err != nil {
					require.ErrorIs(t, err, ratchet.ErrForgotten, "%d", i)
				}
				opened[i] = err == nil
			}
			for i := 0; i < len(messages); i += 37 {
				check(i)
			}
			for _, i := range []int{0, 2, 3, 4, 1899, 1900, 1901, 2097, 2098, 2099, 2100, 3800} {
				check(i)
			}

			record, err := b.Record(ctx, alice)
			require.NoError(t, err)
			states, err := wire.ParseSenderKeyRecord(record)
			require.NoError(t, err)
			require.Nil(t, states[0].Lost, "the record that leaves is the official one")
			require.NoError(t, b.SetRecord(ctx, alice, record))
			refuse(t, b, alice, messages[0], ratchet.ErrForgotten)

			// A member who comes later never had the keys of what was before.
			d, err := a.Distribution(ctx)
			require.NoError(t, err)
			late := w.channel(bob, memory.New())
			require.NoError(t, late.Join(ctx, alice, d))
			refuse(t, late, alice, messages[4099], ratchet.ErrForgotten)
			receive(t, late, alice, send(t, a, "welcome"), "welcome")
		})
	}
}

// A member that has missed more messages than a chain is advanced at once goes on from the next
// distribution of the same key; what was skipped and is kept still opens, once, and no distribution
// leads back.
func TestCatchUp(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := joined(t, w.channel)
			early := send(t, a, "early")
			receive(t, b, alice, send(t, a, "second"), "second")
			old, err := a.Distribution(ctx)
			require.NoError(t, err)
			missed := make([][]byte, 2300)
			for i := range missed {
				missed[i] = send(t, a, fmt.Sprint(i))
			}
			if int(w.jump) < len(missed) {
				refuse(t, b, alice, missed[2299], session.ErrInvalidMessage)
			}
			d, err := a.Distribution(ctx)
			require.NoError(t, err)
			require.NoError(t, b.Join(ctx, alice, d))
			receive(t, b, alice, send(t, a, "after"), "after")
			for _, i := range []int{2299, 300, 301, 1000} { // the last 2000
				receive(t, b, alice, missed[i], fmt.Sprint(i))
			}
			for _, i := range []int{0, 299} {
				refuse(t, b, alice, missed[i], ratchet.ErrForgotten)
			}
			for range 2 {
				require.NoError(t, b.Join(ctx, alice, old))
				require.NoError(t, b.Join(ctx, alice, d))
				refuse(t, b, alice, missed[2299], ratchet.ErrDuplicate)
			}
			refuse(t, b, alice, early, ratchet.ErrForgotten)
			receive(t, b, alice, send(t, a, "and on"), "and on")
		})
	}
}

// A distribution of a known key that is ahead has to be of its chain, as far as that is looked at;
// further ahead it is believed, and what lies between is lost. A refused one changes nothing.
func TestCatchUpOfAnotherChain(t *testing.T) {
	a, b := joined(t, wires[1].channel)
	before := send(t, a, "before")
	row, err := b.Record(ctx, alice)
	require.NoError(t, err)
	b2, err := a.Distribution(ctx)
	require.NoError(t, err)
	d, err := whatsApp.parseDistribution(b2)
	require.NoError(t, err)
	ahead := func(n uint32) []byte {
		other := d
		other.iteration += n
		other.chainKey = make([]byte, 32)
		return whatsApp.appendDistribution(nil, &other)
	}
	for _, n := range []uint32{0, 1, walked - d.iteration} {
		require.NoError(t, b.Join(ctx, alice, ahead(n)))
		after, err := b.Record(ctx, alice)
		require.NoError(t, err)
		require.Equal(t, row, after)
	}
	require.NoError(t, b.Join(ctx, alice, ahead(walked)))
	refuse(t, b, alice, before, ratchet.ErrForgotten)
	refuse(t, b, alice, send(t, a, "also before"), ratchet.ErrForgotten)
}
