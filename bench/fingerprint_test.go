package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	peer "go.mau.fi/libsignal/fingerprint"

	"signet.example/signet"
	"signet.example/signet/fingerprint"
)

// TestSafetyNumbers: the peer, which WhatsApp's users know, prints the same digits of the same
// fingerprints, in the same order. It computes none itself, and has no codes.
func TestSafetyNumbers(t *testing.T) {
	for i := range 20 {
		a := fingerprint.NewParty(signet.Address{Name: fmt.Sprint("+1415555010", i)}, signet.GenerateKey().PublicKey())
		b := fingerprint.NewParty(signet.Address{Name: "+14155550199"}, signet.GenerateKey().PublicKey())
		code := fingerprint.New(fingerprint.Numbers, a, b)
		// The code is 08 01, and for each party a message of 34 bytes that holds 32 bytes of its
		// fingerprint.
		bytes := code.Bytes()
		require.Len(t, bytes, 74)
		local, remote := bytes[6:38], bytes[42:74]
		want := strings.ReplaceAll(code.Number(), " ", "")
		require.Equal(t, want, peer.NewDisplay(local, remote).DisplayText())
		require.Equal(t, want, peer.NewDisplay(remote, local).DisplayText())
	}
}
