package postgres

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/backup"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/storetest"
)

// TestFlippedBits flips bits of plain rows as a disk might. What is read is session.ErrRecord;
// nothing has changed, a backup is refused, and writing the row anew is all it takes.
func TestFlippedBits(t *testing.T) {
	host := open(t, pgtest.Shared(t).Database(t), nil)
	for table, column := range map[string]string{"signet_peer": "record", "signet_peer ": "identity_key", "signet_archive": "value",
		"signet_prekey": "value", "signet_value": "value", "signet_sender_key": "value"} {
		for _, bit := range []int{0, 9, 63} {
			t.Run(fmt.Sprint(table, column, bit), func(t *testing.T) {
				s, err := host.Device(ctx, t.Name(), 0)
				require.NoError(t, err)
				for range 2 {
					update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
				}
				update(t, s, func(tx session.Tx) error { return storetest.ReadEach(t, tx, planted) })
				_, err = host.pool.Exec(ctx, fmt.Sprintf(`UPDATE %s SET %s = set_bit(%[2]s, %d, 1 - get_bit(%[2]s, %[3]d)) WHERE owner = $1`,
					table, column, bit), s.owner)
				require.NoError(t, err)
				before := dump(t, s)
				damaged := 0
				require.NoError(t, s.Update(ctx, bob, func(tx session.Tx) error {
					damaged = 0
					for _, read := range storetest.Reads(tx) {
						if _, err := read(); err != nil {
							require.ErrorIs(t, err, session.ErrRecord)
							require.ErrorContains(t, err, "version 2")
							damaged++
						}
					}
					return nil
				}))
				require.NotZero(t, damaged)
				require.ErrorIs(t, s.Export(ctx, func(*backup.Row) error { return nil }), session.ErrRecord)
				require.Equal(t, before, dump(t, s))
				for _, peer := range []signet.Address{alice, bob} { // its row is written, what is damaged is not
					require.NoError(t, s.Update(ctx, peer, func(tx session.Tx) error { return tx.PutValue("other", nil) }))
				}
				found := 0
				update(t, s, func(tx session.Tx) error {
					found = 0
					for _, read := range storetest.Reads(tx) {
						if _, err := read(); err != nil {
							found++
						}
					}
					return nil
				})
				require.Equal(t, damaged, found)
				update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, "anew") })
				update(t, s, func(tx session.Tx) error { return storetest.ReadEach(t, tx, "anew") })
			})
		}
	}
}

// TestWithoutSums goes on with rows as programs of before leave them.
func TestWithoutSums(t *testing.T) {
	s := open(t, pgtest.Shared(t).Database(t), nil)
	update(t, s, func(tx session.Tx) error { return storetest.WriteEach(tx, planted) })
	_, err := s.pool.Exec(ctx, `UPDATE signet_peer SET record = '\x0102', version = version + 1`)
	require.NoError(t, err)
	update(t, s, func(tx session.Tx) error {
		b, err := tx.Session(alice)
		require.Equal(t, []byte{1, 2}, b)
		return err
	})
}
