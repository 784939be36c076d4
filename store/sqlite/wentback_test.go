package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/seal"
	"signet.example/signet/store/storetest"
)

// TestWentBack puts sealed sessions back under a running process. Sessions are ended, in the file:
// no other process goes on with them either, and nobody is locked out.
func TestWentBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	opts := &Options{Seal: storetest.Sealed(t, 7)}
	s := open(t, path, opts)
	key := signet.GenerateKey()
	self := signet.Address{Name: "shop", Device: 1}
	d := session.NewDevice(self, key, s, nil)
	peers := make([]*session.Device, 3)
	begin := func(p *session.Device) {
		published, err := p.PreKeys(ctx, 1)
		require.NoError(t, err)
		bundle, err := published.NextBundle()
		require.NoError(t, err)
		require.NoError(t, d.Start(ctx, p.Address(), bundle))
	}
	talk := func(p *session.Device) {
		m, err := d.Encrypt(ctx, p.Address(), []byte("x"))
		require.NoError(t, err)
		_, err = p.Decrypt(ctx, self, m)
		require.NoError(t, err)
		m, err = p.Encrypt(ctx, self, []byte("y"))
		require.NoError(t, err)
		_, err = d.Decrypt(ctx, p.Address(), m)
		require.NoError(t, err)
	}
	for i, name := range []string{"a", "b", "c"} {
		peers[i] = session.NewDevice(signet.Address{Name: name, Device: 1}, signet.GenerateKey(), memory.New(), nil)
		begin(peers[i])
		talk(peers[i])
	}
	exec := func(sql string) {
		update(t, s, func(tx session.Tx) error {
			_, err := tx.(*Tx).SQL().Exec(sql)
			return err
		})
	}
	exec(`CREATE TABLE old AS SELECT * FROM signet_session`)
	late, err := peers[0].Encrypt(ctx, self, []byte("on its way"))
	require.NoError(t, err)
	for _, p := range peers {
		_, err := d.Encrypt(ctx, p.Address(), []byte("lost"))
		require.NoError(t, err)
	}
	exec(`DELETE FROM signet_session; INSERT INTO signet_session SELECT * FROM old`)
	_, err = d.Encrypt(ctx, peers[0].Address(), []byte("x"))
	require.ErrorIs(t, err, seal.ErrRolledBack)
	for _, at := range []*Store{s, open(t, path, opts)} {
		d = session.NewDevice(self, key, at, nil)
		for _, p := range peers {
			_, err = d.Encrypt(ctx, p.Address(), []byte("x"))
			require.ErrorIs(t, err, session.ErrNoSession)
		}
	}
	_, err = d.Decrypt(ctx, peers[0].Address(), late)
	require.NoError(t, err)
	require.NoError(t, d.ArchiveAll(ctx))
	for _, p := range peers {
		begin(p)
		talk(p)
	}
}
