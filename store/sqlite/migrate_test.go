package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/group"
	"signet.example/signet/session"
)

// A file of each older schema is brought up to date, and keeps its rows.
func TestMigrate(t *testing.T) {
	for version := 1; version < len(migrations); version++ {
		path := filepath.Join(t.TempDir(), "signet.db")
		_, err := create(path, false)
		require.NoError(t, err)
		db, err := connect(path, new(atomic.Bool))
		require.NoError(t, err)
		fill(t, db, version)
		require.NoError(t, db.Close())

		s := open(t, path, nil)
		update(t, s, func(tx session.Tx) error {
			b, err := tx.Session(alice)
			require.NoError(t, err)
			require.Equal(t, "kept", string(b))
			return tx.(group.Tx).PutSenderKey(alice, "g", []byte("new"))
		})
		update(t, open(t, path, nil), func(tx session.Tx) error {
			b, err := tx.(group.Tx).SenderKey(alice, "g")
			require.Equal(t, "new", string(b))
			return err
		})
	}
}

// fill makes the schema as it was, with a session.
func fill(t *testing.T, db *sql.DB, version int) {
	t.Helper()
	statements := []string{`CREATE TABLE signet_schema (version INTEGER NOT NULL) STRICT`}
	statements = append(statements, migrations[:version]...)
	statements = append(statements, fmt.Sprintf(`INSERT INTO signet_schema VALUES (%d)`, version),
		`INSERT INTO signet_session (device, peer, peer_device, record) VALUES (0, 'alice', 1, CAST('kept' AS BLOB))`)
	for _, s := range statements {
		_, err := db.Exec(s)
		require.NoError(t, err)
	}
}
