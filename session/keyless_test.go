package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// keyless is the next message of from's chain to the other, made from the elliptic-curve half of
// its record alone.
func keyless(t testing.TB, from, to *party, text string) session.Message {
	t.Helper()
	record, err := from.Record(ctx, to.addr)
	require.NoError(t, err)
	b, _, err := wire.SplitRecord(record)
	require.NoError(t, err)
	s, err := wire.ParseSession(b)
	require.NoError(t, err)
	seed := kdf.HMAC(s.Sender.Key, []byte{1})
	var okm [80]byte
	kdf.HKDF(okm[:], nil, seed[:], []byte("WhisperMessageKeys"))
	n := cbc.Size(len(text))
	m, at := wire.AppendSignalMessage(nil, &wire.SignalMessage{
		Version: wire.V4, RatchetKey: s.Sender.RatchetKey, Counter: s.Sender.Index, PQRatchet: []byte{1, 1, 0, 0},
	}, n)
	cbc.Seal(m[at:at+n], (*[32]byte)(okm[:32]), (*[16]byte)(okm[64:]), []byte(text))
	tag := kdf.HMAC(okm[32:64], from.key.PublicKey().Bytes(), to.key.PublicKey().Bytes(), m)
	return session.Message{Type: session.TypeSignal, Body: append(m, tag[:8]...)}
}

// TestKeyless: a message that was made without any post-quantum key is refused, with a session that
// is decoded from a row or kept decoded, current or archived; unless it is asked for.
func TestKeyless(t *testing.T) {
	needPQ(t)
	for _, archived := range []bool{false, true} {
		alice, bob := pair(t)
		for range 3 {
			deliver(t, alice, bob, "x")
			deliver(t, bob, alice, "y")
		}
		forged := keyless(t, alice, bob, "pay 100 to Carol")
		if archived {
			require.NoError(t, bob.Archive(ctx, aliceAddr))
		}
		before, err := bob.Record(ctx, aliceAddr)
		require.NoError(t, err)
		for range 2 {
			_, err = bob.Decrypt(ctx, aliceAddr, forged)
			require.ErrorIs(t, err, session.ErrInvalidMessage)
			bob.restart()
		}
		after, err := bob.Record(ctx, aliceAddr)
		require.NoError(t, err)
		require.Equal(t, before, after)

		bob.opts.AcceptKeyless = true
		bob.restart()
		text, err := bob.Decrypt(ctx, aliceAddr, forged)
		require.NoError(t, err)
		require.Equal(t, "pay 100 to Carol", string(text))
	}
}
