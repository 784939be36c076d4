package sealed

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
)

// An envelope that waited is judged by its arrival: it opens after its certificate has expired if
// it came before, and by nothing but that.
func TestOpenAt(t *testing.T) {
	w := newWorld(t)
	alice := w.member(t, aliceID, 1, signet.GenerateKey())
	bob := w.member(t, bobID, 2, signet.GenerateKey())
	w.meet(t, alice, bob)
	envelope, err := alice.out.SealOne(w.ctx, bob.Address(), []byte("in time"))
	require.NoError(t, err)
	friday := w.now
	w.now = w.now.Add(60 * time.Hour)
	_, _, err = bob.in.Open(w.ctx, envelope)
	require.ErrorIs(t, err, ErrInvalidCertificate)
	text := ""
	to := func(_ session.Tx, m *Opened) error {
		text = string(m.Plaintext)
		return nil
	}
	require.ErrorIs(t, bob.in.OpenAt(w.ctx, envelope, friday.Add(2*time.Hour), to), ErrInvalidCertificate)
	require.NoError(t, bob.in.OpenAt(w.ctx, envelope, friday.Add(time.Minute), to))
	require.Equal(t, "in time", text)
}

// noticing takes every message for a notice.
type noticing struct{ session.Notices }

func (noticing) Received(context.Context, session.Tx, *session.Received) (*session.NoticeError, error) {
	return new(session.NoticeError), nil
}

// A notice in an envelope was received: it is reported as what it is, and not as a message that did
// not decrypt.
func TestNoticeInEnvelope(t *testing.T) {
	w := newWorld(t)
	alice := w.member(t, aliceID, 1, signet.GenerateKey())
	bob := w.member(t, bobID, 2, signet.GenerateKey())
	w.meet(t, alice, bob)
	clock := func() time.Time { return w.now }
	bob.Device = session.NewDevice(bob.Address(), bob.key, bob.store, &session.Options{Now: clock, Custody: noticing{}})
	bob.in = NewReceiver(bob.Device, w.trust(), &Options{Now: clock})
	envelope, err := alice.out.SealOne(w.ctx, bob.Address(), []byte("a notice"))
	require.NoError(t, err)
	_, _, err = bob.in.Open(w.ctx, envelope)
	require.IsType(t, new(session.NoticeError), err)
	_, _, err = bob.in.Open(w.ctx, envelope)
	require.ErrorIs(t, err, ratchet.ErrDuplicate, "it was received")
}
