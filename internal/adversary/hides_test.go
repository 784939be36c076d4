package adversary

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
)

// TestEnvelopeHidesItsSender: who carries an envelope, or an upload, finds neither the sender's
// name nor its key nor its certificate in it, and nobody but the recipient opens it.
func TestEnvelopeHidesItsSender(t *testing.T) {
	s := newStage(t, false)
	bob := s.bob[0]
	certificate := s.service.certify(s.alice.addr, s.alice.public())
	var envelopes [][]byte
	for version := 1; version <= 2; version++ {
		b, err := s.alice.sender.SealOneTo(s.ctx, bob.addr, []byte("hello"), &sealed.Details{Version: version}, nil)
		require.NoError(t, err)
		envelopes = append(envelopes, b)
	}
	upload, err := s.alice.senders[0].Seal(s.ctx, []signet.Address{bob.addr}, []byte("hello"))
	require.NoError(t, err)
	u, err := sealed.ParseUpload(upload)
	require.NoError(t, err)
	envelopes = append(envelopes, upload, u.AppendReceived(nil, &u.Recipients()[0]))
	id, ok := s.alice.addr.ServiceID()
	require.True(t, ok)
	key := s.alice.public()
	for _, b := range envelopes {
		for _, secret := range [][]byte{[]byte(s.alice.addr.Name), id[1:], key.Bytes()[1:], certificate.Certificate()} {
			require.False(t, bytes.Contains(b, secret))
		}
	}
	for _, other := range []*machine{s.alice, s.users[2].live[0]} {
		for _, b := range [][]byte{envelopes[0], envelopes[1], envelopes[3]} {
			_, err := sealed.OpenContent(other.key, b)
			require.ErrorIs(t, err, session.ErrInvalidMessage)
		}
	}
}
