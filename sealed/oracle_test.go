package sealed

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// An oracle is an identity in other hands, which answers so many times.
type oracle struct {
	*signet.PrivateKey
	left int
}

var errRefused = errors.New("refused")

func (o *oracle) Agree(their signet.PublicKey) ([32]byte, error) {
	if o.left--; o.left < 0 {
		return [32]byte{}, errRefused
	}
	return o.PrivateKey.Agree(their)
}

func (o *oracle) Sign([]byte) ([64]byte, error) { return [64]byte{}, errRefused }

// The identity may be kept elsewhere, and say no.
func TestOracle(t *testing.T) {
	f := loadUploads(t)
	c, err := ParseContent(f.Cases[0].USMC)
	require.NoError(t, err)
	sender := &oracle{f.Sender.Private.private(t), 1 << 20}
	bob := f.People[0]
	to := bob.recipient(t)
	one, err := c.Seal(sender, to.Identity)
	require.NoError(t, err)
	two, err := c.SealV2(sender, to.Identity)
	require.NoError(t, err)
	for name, envelope := range map[string][]byte{"v1": one, "v2": two} {
		for left := range 3 {
			got, err := OpenContent(&oracle{bob.Private.private(t), left}, envelope)
			if left < 2 {
				require.ErrorIs(t, err, errRefused, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, c.Bytes(), got.Bytes())
		}
	}
	sender.left = 0
	_, err = c.Seal(sender, to.Identity)
	require.ErrorIs(t, err, errRefused)
	_, err = c.SealV2(sender, to.Identity)
	require.ErrorIs(t, err, errRefused)
	_, err = c.SealMany(sender, []Recipient{to}, nil)
	require.ErrorIs(t, err, errRefused)
	_, err = NewServerCertificate(sender, 1, to.Identity)
	require.ErrorIs(t, err, errRefused)
	_, err = NewSenderCertificate(known[3], sender, Claim{Sender: to.Address, Key: to.Identity})
	require.ErrorIs(t, err, errRefused)
}

func TestNewContent(t *testing.T) {
	f := loadUploads(t)
	c, err := ParseContent(f.Cases[0].USMC)
	require.NoError(t, err)
	for kind := range session.MessageType(12) {
		_, err := NewContent(session.Message{Type: kind}, c.Certificate(), HintDefault, nil)
		switch kind {
		case session.TypeSignal, session.TypePreKey, session.TypeSenderKey, session.TypePlaintext:
			require.NoError(t, err)
		default:
			require.ErrorIs(t, err, ErrInvalidArgument)
		}
	}
	// What went in and comes out may be overwritten.
	body, group := []byte("body"), []byte("group")
	own, err := NewContent(session.Message{Type: session.TypeSignal, Body: body}, c.Certificate(), HintDefault, group)
	require.NoError(t, err)
	want := own.Bytes()
	for _, b := range [][]byte{body, group, own.Bytes(), own.Message().Body, own.GroupID(), own.Certificate().Bytes()} {
		clear(b)
	}
	require.Equal(t, want, own.Bytes())
	require.Equal(t, "body", string(own.Message().Body))
	require.Equal(t, "group", string(own.GroupID()))
}
