package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

func TestRemotes(t *testing.T) {
	ctx := context.Background()
	key, bobKey := signet.GenerateKey(), signet.GenerateKey()
	store := memory.New()
	alice := session.NewDevice(signet.Address{Name: "alice", Device: 1}, key, store, nil)
	require.Equal(t, key, alice.IdentityKey())
	require.Equal(t, session.Store(store), alice.Store())

	bobAddr := signet.Address{Name: "bob", Device: 2}
	bob := session.NewDevice(bobAddr, bobKey, memory.New(), nil)
	published, err := bob.PreKeys(ctx, 1)
	require.NoError(t, err)
	bundle, err := published.NextBundle()
	require.NoError(t, err)
	require.NoError(t, alice.Start(ctx, bobAddr, bundle))
	carol := signet.Address{Name: "carol", Device: 1}
	require.NoError(t, alice.Trust(ctx, carol, key.PublicKey()))
	id, err := bob.RegistrationID(ctx)
	require.NoError(t, err)

	stranger := signet.Address{Name: "stranger", Device: 1}
	got, err := alice.Remotes(ctx, []signet.Address{stranger, bobAddr, carol, bobAddr})
	require.NoError(t, err)
	withBob := session.Remote{Known: true, Identity: bobKey.PublicKey(), Session: true, RegistrationID: id}
	require.Equal(t, []session.Remote{{}, withBob, {Known: true, Identity: key.PublicKey()}, withBob}, got)

	require.NoError(t, alice.Archive(ctx, bobAddr))
	got, err = alice.Remotes(ctx, []signet.Address{bobAddr})
	require.NoError(t, err)
	require.Equal(t, []session.Remote{{Known: true, Identity: bobKey.PublicKey()}}, got)

	got, err = alice.Remotes(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}
