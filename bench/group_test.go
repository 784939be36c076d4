package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/group"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// A groupMember is one end of a group, signet's or the peer's.
type groupMember interface {
	Distribution(ctx context.Context) ([]byte, error)
	Join(ctx context.Context, from signet.Address, distribution []byte) error
	Encrypt(ctx context.Context, plaintext []byte) ([]byte, error)
	Decrypt(ctx context.Context, from signet.Address, message []byte) ([]byte, error)
}

const groupName = "120363000000000000@g.us"

func ourMember(self signet.Address) groupMember {
	return group.NewWhatsAppChannel(self, groupName, memory.New(), nil)
}

func signalMember(self signet.Address) groupMember {
	return group.NewChannel(self, group.DistributionID{1}, memory.New(), nil)
}

func theirMember(keep gomau.Keep) func(signet.Address) groupMember {
	return func(self signet.Address) groupMember { return gomau.NewMember(self, groupName, keep) }
}

func join(t testing.TB, from signet.Address, a, b groupMember) {
	t.Helper()
	d, err := a.Distribution(ctx)
	require.NoError(t, err)
	require.NoError(t, b.Join(ctx, from, d))
}

// groupPairs runs f with signet sending to the peer and the other way round.
func groupPairs(t *testing.T, f func(t *testing.T, a, b groupMember, weSend bool)) {
	for _, keep := range []gomau.Keep{gomau.Live, gomau.Stored} {
		t.Run(fmt.Sprint("signet-sends/", keep), func(t *testing.T) {
			f(t, ourMember(aliceAddr), theirMember(keep)(bobAddr), true)
		})
		t.Run(fmt.Sprint("signet-receives/", keep), func(t *testing.T) {
			f(t, theirMember(keep)(aliceAddr), ourMember(bobAddr), false)
		})
	}
}

func groupSay(t testing.TB, a groupMember, text string) []byte {
	t.Helper()
	m, err := a.Encrypt(ctx, []byte(text))
	require.NoError(t, err)
	return m
}

func groupHear(t testing.TB, b groupMember, m []byte, text string) {
	t.Helper()
	got, err := b.Decrypt(ctx, aliceAddr, m)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

// TestGroupTalk sends over a link that loses, repeats and reorders.
func TestGroupTalk(t *testing.T) {
	groupPairs(t, func(t *testing.T, a, b groupMember, weSend bool) {
		rng := rand.New(rand.NewPCG(7, 7))
		join(t, aliceAddr, a, b)
		type parcel struct {
			m    []byte
			text string
		}
		var late []parcel
		for i := range 400 {
			text := strings.Repeat("x", rng.IntN(100)) + fmt.Sprint(i)
			p := parcel{groupSay(t, a, text), text}
			switch rng.IntN(10) {
			case 0: // lost
			case 1, 2, 3:
				late = append(late, p)
			default:
				groupHear(t, b, p.m, p.text)
				_, err := b.Decrypt(ctx, aliceAddr, p.m)
				require.Error(t, err, "a duplicate")
				if !weSend {
					require.ErrorIs(t, err, ratchet.ErrDuplicate)
				}
			}
			if len(late) > 0 && rng.IntN(4) == 0 {
				j := rng.IntN(len(late))
				groupHear(t, b, late[j].m, late[j].text)
				late = append(late[:j], late[j+1:]...)
			}
		}
		for _, p := range late {
			groupHear(t, b, p.m, p.text)
		}
		for _, n := range []int{0, 1, 15, 16, 17, 4096, 64 << 10} {
			text := strings.Repeat("\xa5", n)
			groupHear(t, b, groupSay(t, a, text), text)
		}
	})
}

// TestGroupJump advances a chain by 2000 at once, which both accept, and by 2001, which both
// refuse.
func TestGroupJump(t *testing.T) {
	groupPairs(t, func(t *testing.T, a, b groupMember, weSend bool) {
		join(t, aliceAddr, a, b)
		first := groupSay(t, a, "first")
		var m []byte
		for range 2000 {
			m = groupSay(t, a, "far")
		}
		tooFar := groupSay(t, a, "too far")
		_, err := b.Decrypt(ctx, aliceAddr, tooFar)
		require.Error(t, err)
		if !weSend {
			require.ErrorIs(t, err, session.ErrInvalidMessage)
		}
		groupHear(t, b, m, "far")
		groupHear(t, b, tooFar, "too far")
		groupHear(t, b, first, "first")
	})
}

// TestGroupLateAndRenewed lets a member join late, then learn a new key of the same sender; what
// the old one encrypted still opens.
func TestGroupLateAndRenewed(t *testing.T) {
	groupPairs(t, func(t *testing.T, a, b groupMember, weSend bool) {
		before := groupUnheard(t, a)
		join(t, aliceAddr, a, b)
		if before != nil {
			_, err := b.Decrypt(ctx, aliceAddr, before)
			require.Error(t, err, "from before its time")
		}
		join(t, aliceAddr, a, b) // once more: nothing is lost
		old := groupSay(t, a, "old key")
		if c, ok := a.(*group.Channel); ok {
			_, err := c.Renew(ctx)
			require.NoError(t, err)
			join(t, aliceAddr, a, b)
			groupHear(t, b, groupSay(t, a, "new key"), "new key")
		}
		groupHear(t, b, old, "old key")
	})
}

// groupUnheard encrypts a message that nobody has the key for yet.
func groupUnheard(t *testing.T, a groupMember) []byte {
	_, err := a.Distribution(ctx)
	require.NoError(t, err)
	return groupSay(t, a, "before")
}

// TestGroupTampering lets the peer make the message and alters every byte of it.
func TestGroupTampering(t *testing.T) {
	a, b := theirMember(gomau.Live)(aliceAddr), ourMember(bobAddr).(*group.Channel)
	join(t, aliceAddr, a, b)
	m := groupSay(t, a, "text")
	before, err := b.Record(ctx, aliceAddr)
	require.NoError(t, err)
	for i := range m {
		bad := append([]byte{}, m...)
		bad[i] ^= 0x10
		_, err := b.Decrypt(ctx, aliceAddr, bad)
		require.Error(t, err)
	}
	after, err := b.Record(ctx, aliceAddr)
	require.NoError(t, err)
	require.Equal(t, before, after)
	groupHear(t, b, m, "text")
}

// BenchmarkGroup64 is one message of 64 bytes, encrypted and decrypted by one member.
func BenchmarkGroup64(b *testing.B) {
	for _, c := range []struct {
		name   string
		member func(signet.Address) groupMember
	}{
		{"signet", signalMember},
		{"signet-whatsapp", ourMember},
		{"gomau", theirMember(gomau.Live)},
		{"gomau-stored", theirMember(gomau.Stored)},
	} {
		b.Run(c.name, func(b *testing.B) {
			from, to := c.member(aliceAddr), c.member(bobAddr)
			join(b, aliceAddr, from, to)
			text := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				m, err := from.Encrypt(ctx, text)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := to.Decrypt(ctx, aliceAddr, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
