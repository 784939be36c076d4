package sesame_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	directory "signet.example/signet/sesame/memory"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// A lossyDirectory takes what is published, and can lose it or the answer.
type lossyDirectory struct {
	sesame.Directory
	lose, deaf bool
	got        []*x3dh.Published
}

var errLost = errors.New("503")

func (d *lossyDirectory) Publish(ctx context.Context, a signet.Address, p *x3dh.Published) error {
	if d.lose {
		return errLost
	}
	d.got = append(d.got, p)
	if err := d.Directory.Publish(ctx, a, p); err != nil {
		return err
	}
	if d.deaf {
		return errLost
	}
	return nil
}

// TestPublishAgain: a publication that failed, or whose answer got lost, is repeated with the
// prekeys that were made for it.
func TestPublishAgain(t *testing.T) {
	d := &lossyDirectory{Directory: directory.New(nil)}
	bob := sesame.NewClient(session.NewDevice(signet.Address{Name: "bob", Device: 1}, signet.GenerateKey(), memory.New(), nil), d, nil)
	stock := func() int {
		n, kem, err := bob.Device().Stock(ctx)
		require.NoError(t, err)
		require.Equal(t, n, kem)
		return n
	}
	d.lose = true
	for range 5 {
		require.ErrorIs(t, bob.Publish(ctx, 100), errLost)
		_, err := bob.Replenish(ctx, 100)
		require.ErrorIs(t, err, errLost)
	}
	require.Equal(t, 100, stock())
	d.lose, d.deaf = false, true
	require.ErrorIs(t, bob.Publish(ctx, 100), errLost)
	d.deaf = false
	require.NoError(t, bob.Publish(ctx, 100))
	require.Equal(t, 100, stock())
	require.Len(t, d.got, 2)
	require.Equal(t, d.got[0], d.got[1])
	left, err := d.Stock(ctx, bob.Device().Address())
	require.NoError(t, err)
	require.Equal(t, 100, left.PreKeys)
	require.NoError(t, bob.Publish(ctx, 20), "those are published: twenty more")
	require.Equal(t, 120, stock())
}

// TestRotationsThatFail: while publications fail, the prekeys that the directory hands out open
// first messages, and for a grace after the first one that succeeds.
func TestRotationsThatFail(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	d := &lossyDirectory{Directory: directory.New(&sesame.DirectoryOptions{Now: clock})}
	client := func(name string) *sesame.Client {
		a := signet.Address{Name: name, Device: 1}
		c := sesame.NewClient(session.NewDevice(a, signet.GenerateKey(), memory.New(), &session.Options{Now: clock}), d, nil)
		require.NoError(t, c.Publish(ctx, 0))
		return c
	}
	bob := client("bob")
	d.lose = true
	for range 20 {
		require.ErrorIs(t, bob.Rotate(ctx), errLost)
		now = now.Add(7 * 24 * time.Hour)
	}
	d.lose = false
	for i, name := range []string{"before", "after"} {
		alice := client(name)
		m, err := alice.Encrypt(ctx, "bob", []byte("hello"))
		require.NoError(t, err)
		if i == 0 {
			require.NoError(t, bob.Rotate(ctx)) // while the message is on its way
			require.NoError(t, bob.Rotate(ctx))
		}
		text, err := bob.Decrypt(ctx, alice.Device().Address(), m[0].Message)
		require.NoError(t, err)
		require.Equal(t, "hello", string(text))
	}
}
