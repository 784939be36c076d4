package sqlite

import (
	"database/sql"
	"fmt"
)

// migrations are the steps to the present schema. A step that was released never changes.
//
// The tables are ordinary ones with an index: a record of 2 kB then lies in one page, where a table
// WITHOUT ROWID would spread it over two, and every page a commit changes is written to the log.
var migrations = []string{`
CREATE TABLE signet_session (
	device INTEGER NOT NULL, peer TEXT NOT NULL, peer_device INTEGER NOT NULL,
	record BLOB NOT NULL,
	PRIMARY KEY (device, peer, peer_device)
) STRICT;
CREATE TABLE signet_archive (
	device INTEGER NOT NULL, peer TEXT NOT NULL, peer_device INTEGER NOT NULL,
	record BLOB NOT NULL,
	PRIMARY KEY (device, peer, peer_device)
) STRICT;
CREATE TABLE signet_identity (
	device INTEGER NOT NULL, peer TEXT NOT NULL, peer_device INTEGER NOT NULL,
	identity_key BLOB NOT NULL,
	PRIMARY KEY (device, peer, peer_device)
) STRICT;
CREATE TABLE signet_prekey (
	device INTEGER NOT NULL,
	kind INTEGER NOT NULL, -- 1: one-time, 2: signed, 3: KEM
	id INTEGER NOT NULL,
	record BLOB NOT NULL,
	PRIMARY KEY (device, kind, id)
) STRICT;
CREATE TABLE signet_kem_mark (
	device INTEGER NOT NULL, id INTEGER NOT NULL, signed_id INTEGER NOT NULL,
	base_key BLOB NOT NULL,
	PRIMARY KEY (device, id, signed_id, base_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE signet_value (
	device INTEGER NOT NULL, name TEXT NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (device, name)
) STRICT;
`, `
CREATE TABLE signet_sender_key (
	device INTEGER NOT NULL, peer TEXT NOT NULL, peer_device INTEGER NOT NULL,
	group_name TEXT NOT NULL,
	record BLOB NOT NULL,
	PRIMARY KEY (device, peer, peer_device, group_name)
) STRICT;
`}

// migrate takes the schema from whatever version it has to the present one.
func migrate(tx *sql.Tx) error {
	_, err := tx.Exec(`CREATE TABLE IF NOT EXISTS signet_schema (version INTEGER NOT NULL) STRICT`)
	if err != nil {
		return fmt.Errorf("sqlite: schema: %w", err)
	}
	var rows, version int
	err = tx.QueryRow(`SELECT count(*), coalesce(max(version), 0) FROM signet_schema`).Scan(&rows, &version)
	switch {
	case err != nil:
		return fmt.Errorf("sqlite: schema: %w", err)
	case rows > 1 || version < 0 || (rows == 1) != (version > 0):
		return fmt.Errorf("sqlite: schema table is damaged: %d rows, version %d", rows, version)
	case version > len(migrations):
		return fmt.Errorf("sqlite: the file has schema version %d; this program knows versions up to %d", version, len(migrations))
	case version == len(migrations):
		return nil
	}
	for _, m := range migrations[version:] {
		if _, err := tx.Exec(m); err != nil {
			return fmt.Errorf("sqlite: migrate: %w", err)
		}
	}
	_, err = tx.Exec(`DELETE FROM signet_schema; INSERT INTO signet_schema VALUES (` + fmt.Sprint(len(migrations)) + `)`)
	if err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	return nil
}

// A statement is one of the compiled statements of a Store. Its first parameter is the device.
type statement int

const (
	getSession statement = iota
	putSession
	deleteSession
	getArchive
	putArchive
	deleteArchive
	listPeers
	getIdentity
	putIdentity
	getPreKey
	putPreKey
	deletePreKey
	countPreKeys
	markKEM
	forgetKEM
	getValue
	putValue
	getSenderKey
	putSenderKey
	deleteSenderKey
	statements
)

const (
	wherePeer = ` WHERE device = ? AND peer = ? AND peer_device = ?`
	inGroup   = ` AND group_name = ?`
	whereID   = ` WHERE device = ? AND kind = ? AND id = ?`
	upsert    = ` ON CONFLICT DO UPDATE SET `
)

var statementText = [statements]string{
	getSession:    `SELECT record FROM signet_session` + wherePeer,
	putSession:    `INSERT INTO signet_session VALUES (?, ?, ?, ?)` + upsert + `record = excluded.record`,
	deleteSession: `DELETE FROM signet_session` + wherePeer,
	getArchive:    `SELECT record FROM signet_archive` + wherePeer,
	putArchive:    `INSERT INTO signet_archive VALUES (?, ?, ?, ?)` + upsert + `record = excluded.record`,
	deleteArchive: `DELETE FROM signet_archive` + wherePeer,
	listPeers: `SELECT peer, peer_device FROM signet_session WHERE device = ?1
		UNION SELECT peer, peer_device FROM signet_archive WHERE device = ?1`,
	getIdentity:  `SELECT identity_key FROM signet_identity` + wherePeer,
	putIdentity:  `INSERT INTO signet_identity VALUES (?, ?, ?, ?)` + upsert + `identity_key = excluded.identity_key`,
	getPreKey:    `SELECT record FROM signet_prekey` + whereID,
	putPreKey:    `INSERT INTO signet_prekey VALUES (?, ?, ?, ?)` + upsert + `record = excluded.record`,
	deletePreKey: `DELETE FROM signet_prekey` + whereID,
	countPreKeys: `SELECT count(*) FROM signet_prekey WHERE device = ? AND kind = ?`,
	markKEM:      `INSERT INTO signet_kem_mark VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
	forgetKEM:    `DELETE FROM signet_kem_mark WHERE device = ? AND id = ?`,
	getValue:     `SELECT value FROM signet_value WHERE device = ? AND name = ?`,
	putValue:     `INSERT INTO signet_value VALUES (?, ?, ?)` + upsert + `value = excluded.value`,

	getSenderKey:    `SELECT record FROM signet_sender_key` + wherePeer + inGroup,
	putSenderKey:    `INSERT INTO signet_sender_key VALUES (?, ?, ?, ?, ?)` + upsert + `record = excluded.record`,
	deleteSenderKey: `DELETE FROM signet_sender_key` + wherePeer + inGroup,
}
