package session_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// TestOrderOfParsing: of the things that are wrong with a first message the official client names
// the first in this order: the base key, the KEM pair, the identity key, the message inside
// (protocol §6.3).
func TestOrderOfParsing(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	m := send(t, alice, bob, "x")
	wrong := []struct {
		edit func(p *wire.PreKeyMessage)
		text string
	}{
		{func(p *wire.PreKeyMessage) { p.BaseKey = append([]byte{7}, p.BaseKey[1:]...) }, "bad key type <0x07>"},
		{func(p *wire.PreKeyMessage) { p.HasKEM = false }, "Kyber pre key must be present"},
		{func(p *wire.PreKeyMessage) { p.IdentityKey = append([]byte{9}, p.IdentityKey[1:]...) }, "bad key type <0x09>"},
		{func(p *wire.PreKeyMessage) { p.Message = []byte{0x44} }, "too short"},
	}
	for set := 1; set < 1<<len(wrong); set++ {
		want := ""
		bad := edited(t, m, func(p *wire.PreKeyMessage) {
			for i := len(wrong) - 1; i >= 0; i-- {
				if set>>i&1 == 1 {
					wrong[i].edit(p)
					want = wrong[i].text
				}
			}
		})
		err := refuse(t, aliceAddr, bob, bad, session.ErrInvalidMessage)
		require.ErrorContains(t, err, want, "%04b", set)
	}
	receive(t, alice, bob, m, "x")
}

// TestUsable: every part of what makes a session usable is needed.
func TestUsable(t *testing.T) {
	good := session.Status{Exists: true, Version: 4, PostQuantumRatchet: true}
	require.True(t, good.Usable())
	for i, spoil := range []func(s *session.Status){
		func(s *session.Status) { s.Exists = false },
		func(s *session.Status) { s.Stale = true },
		func(s *session.Status) { s.Version = 3 },
		func(s *session.Status) { s.PostQuantumRatchet = false },
	} {
		s := good
		spoil(&s)
		require.False(t, s.Usable(), fmt.Sprint(i))
	}
}
