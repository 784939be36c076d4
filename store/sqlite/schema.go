package sqlite

import (
	"database/sql"
	"fmt"
	"strings"
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
`, `
ALTER TABLE signet_session ADD COLUMN version INTEGER NOT NULL DEFAULT 0; -- counts changes, where rows are sealed
ALTER TABLE signet_session ADD COLUMN seal INTEGER NOT NULL DEFAULT 0; -- number of the data key; 0: plain
ALTER TABLE signet_archive ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_archive ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_identity ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_identity ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_prekey ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_prekey ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_value ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_value ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_sender_key ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_sender_key ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
CREATE TABLE signet_seal_key (
	device INTEGER NOT NULL, id INTEGER NOT NULL, wrapped BLOB NOT NULL,
	PRIMARY KEY (device, id)
) STRICT;
`, `
CREATE TABLE signet_incarnation (id TEXT NOT NULL, number INTEGER NOT NULL) STRICT; -- one row
ALTER TABLE signet_session ADD COLUMN sum INTEGER NOT NULL DEFAULT 0; -- check value, see package check; 0: none
ALTER TABLE signet_archive ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_identity ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_prekey ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_value ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signet_sender_key ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
`}

// inspect looks at a file before anything is made in it.
func (s *Store) inspect(tx *sql.Tx, as *founding, opts *Options) error {
	var tables, ours int
	err := tx.QueryRow(`SELECT count(*), count(*) FILTER (WHERE name = 'signet_schema') FROM sqlite_master`).Scan(&tables, &ours)
	there, unread := readBeside(s.path)
	as.failed = tables == 0 && unread == nil && there.number == conception
	switch {
	case err != nil:
		return fmt.Errorf("sqlite: schema: %w", err)
	case !as.empty && !as.log && !as.failed && tables == 0 && !opts.Copied:
		return errNoLog
	case opts.MustExist && ours == 0:
		return errNone
	}
	return nil
}

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

// A table is one that has a value for each key.
type table int

const (
	sessions table = iota
	archives
	identities
	preKeys
	values
	senderKeys
	tables
)

// A verb is what is done with one row of a table. The parameters are the key's columns, device
// first; those of put go on with the value, the version, the seal and the CRC; a version of 0 means
// the next one. get returns the value, the version, the seal and the check value.
type verb int

const (
	get verb = iota
	put
	remove
	verbs
)

// A statement is one of the compiled statements of a Store: the verbs on every table, and others.
type statement int

const (
	listPeers statement = statement(tables)*statement(verbs) + iota
	listDevices
	listGroups
	countPreKeys
	markKEM
	forgetKEM
	newestKey
	statements
)

func (t table) statement(v verb) statement { return statement(t)*statement(verbs) + statement(v) }

// onTable names the tables, their columns of the primary key after the device, and the value's.
var onTable = [tables]struct{ name, key, value string }{
	sessions:   {"signet_session", "peer, peer_device", "record"},
	archives:   {"signet_archive", "peer, peer_device", "record"},
	identities: {"signet_identity", "peer, peer_device", "identity_key"},
	preKeys:    {"signet_prekey", "kind, id", "record"},
	values:     {"signet_value", "name", "value"},
	senderKeys: {"signet_sender_key", "peer, peer_device, group_name", "record"},
}

var statementText = func() (text [statements]string) {
	text[listPeers] = `SELECT peer, peer_device FROM signet_session WHERE device = ?1 AND length(record) > 0
		UNION SELECT peer, peer_device FROM signet_archive WHERE device = ?1`
	text[listDevices] = `SELECT peer_device FROM signet_session WHERE device = ?1 AND peer = ?2 AND length(record) > 0
		UNION SELECT peer_device FROM signet_archive WHERE device = ?1 AND peer = ?2
		UNION SELECT peer_device FROM signet_identity WHERE device = ?1 AND peer = ?2
		UNION SELECT peer_device FROM signet_sender_key WHERE device = ?1 AND peer = ?2 ORDER BY 1`
	text[listGroups] = `SELECT group_name FROM signet_sender_key WHERE device = ? AND peer = ? AND peer_device = ? ORDER BY 1`
	text[countPreKeys] = `SELECT count(*) FROM signet_prekey WHERE device = ? AND kind = ?`
	text[markKEM] = `INSERT INTO signet_kem_mark VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	text[forgetKEM] = `DELETE FROM signet_kem_mark WHERE device = ? AND id = ?`
	text[newestKey] = `SELECT coalesce(max(id), 0) FROM signet_seal_key WHERE device = ?`
	for i, t := range onTable {
		where := ` WHERE device = ?`
		for _, c := range strings.Split(t.key, ", ") {
			where += ` AND ` + c + ` = ?`
		}
		n := strings.Count(where, "?")
		params := strings.Repeat("?, ", n+1)
		at := func(i int) string { return fmt.Sprintf("?%d", n+i) } // value, version, seal, CRC
		next := fmt.Sprintf(`CASE WHEN %s > 0 THEN %[1]s ELSE version + 1 END`, at(2))
		of := table(i)
		text[of.statement(get)] = fmt.Sprintf(`SELECT %s, version, seal, sum FROM %s`, t.value, t.name) + where
		text[of.statement(put)] = fmt.Sprintf(`INSERT INTO %s (device, %s, %s, version, seal, sum)
			VALUES (%s max(%s, 1), %s, (max(%[5]s, 1) << 32) | %[7]s)
			ON CONFLICT DO UPDATE SET %[3]s = excluded.%[3]s, version = %[8]s, seal = excluded.seal, sum = ((%[8]s) << 32) | %[7]s`,
			t.name, t.key, t.value, params, at(2), at(3), at(4), next)
		text[of.statement(remove)] = `DELETE FROM ` + t.name + where
	}
	return text
}()
