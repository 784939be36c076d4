package postgres

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sesame"
	memdirectory "signet.example/signet/sesame/memory"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/directory"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/storetest"
)

// TestSesame has sessions and directory in PostgreSQL.
func TestSesame(t *testing.T) {
	storetest.RunSesame(t, 1, 150, places(t, Options{}), func(t *testing.T) storetest.Directory {
		d, err := directory.Open(ctx, pgtest.Shared(t).Database(t), "shop", &sesame.DirectoryOptions{Requester: sesame.Limit{Burst: -1}})
		require.NoError(t, err)
		t.Cleanup(func() { d.Close() })
		return d
	})
}

// TestFanOut counts the round trips of a message to a hundred users with three devices each: as
// many as to one. First contact is four transactions more, for all of them: a message that finds no
// sessions, another look by the one that fetches the bundles, a comparison of the identities that
// the directory lists, and the beginning of the sessions. Each of these makes rows to lock and the
// first three roll back; the last two also look what is kept under the users' names.
func TestFanOut(t *testing.T) {
	var trips pgtest.Trips
	s := open(t, pgtest.Shared(t).Database(t), &Options{configure: func(config *pgxpool.Config) {
		config.ConnConfig.Tracer = &trips
	}})
	server := memdirectory.New(nil)
	hosts := make(map[signet.Address]*sesame.Client)
	var drafts []sesame.Draft
	for i := range 100 {
		user, key := fmt.Sprint("user ", i), signet.GenerateKey()
		drafts = append(drafts, sesame.Draft{User: user, Plaintext: []byte("to all")})
		for id := range uint32(3) {
			a := signet.Address{Name: user, Device: id + 1}
			hosts[a] = sesame.NewClient(session.NewDevice(a, key, memory.New(), nil), server, nil)
			require.NoError(t, hosts[a].Publish(ctx, 0))
		}
	}
	shop := sesame.NewClient(session.NewDevice(bob, signet.GenerateKey(), s, nil), server, nil)
	require.NoError(t, shop.Publish(ctx, 0))
	for i, want := range []int64{3 + 3 + 4 + 5 + 2, 2, 2} {
		trips.Store(0)
		messages, err := shop.EncryptAll(ctx, drafts, nil)
		require.NoError(t, err)
		require.Len(t, messages, 300)
		require.Equal(t, want, trips.Load(), "message %d", i)
		for _, m := range messages {
			text, err := hosts[m.Peer].Decrypt(ctx, bob, m.Message)
			require.NoError(t, err)
			require.Equal(t, "to all", string(text))
		}
	}

	// A message to many of whom one is in other hands is fenced as a whole: nothing is sent, and no
	// ratchet has moved.
	peer := signet.Address{Name: "user 7", Device: 2}
	_, err := s.Delegate(ctx, peer)
	require.NoError(t, err)
	messages, err := shop.EncryptAll(ctx, drafts, nil)
	var fenced *FencedError
	require.ErrorAs(t, err, &fenced)
	require.Equal(t, peer, fenced.Peer)
	require.Empty(t, messages)
	require.NoError(t, s.Revoke(ctx, peer))
	other, err := Open(ctx, s.pool.Config().ConnString(), nil)
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, other.TakeOver(ctx))
	_, err = shop.EncryptAll(ctx, drafts, nil)
	require.ErrorAs(t, err, &fenced)
	require.Equal(t, FencedError{Held: 1, Epoch: 2}, *fenced)
}
