package sqldb

import "strings"

// A kind is a kind of row. The values are in databases.
type kind int64

const (
	sessions kind = iota + 1
	archives
	identities
	oneTime
	signed
	kem
	values
	senderKeys
)

// A key names a row.
type key struct {
	kind   kind
	name   string // of a peer, a sender, or a value
	id     uint32 // of a prekey, or the device of a peer or sender
	within string // the group of a sender key
}

// texts are the statements of a Store.
type texts struct {
	schema                                          []string
	now, first, lock, date                          string
	get, insert, replace, blind, remove, removeRead string
	peers, devices, groups, count, mark, forget     string
}

// textsOf returns the statements. Parameters of a key are the device, kind, name, id and group.
func textsOf(d Dialect, prefix string) texts {
	const (
		peer = ` WHERE device = $1 AND peer = $2 AND peer_device = $3`
		row  = ` WHERE device = $1 AND kind = $2 AND name = $3 AND id = $4 AND within = $5`
	)
	t := texts{
		schema: []string{
			`CREATE TABLE IF NOT EXISTS {p}peer (
				device BIGINT NOT NULL, peer BYTEA NOT NULL, peer_device BIGINT NOT NULL,
				era BIGINT NOT NULL, -- the server's timeline when sessions were last written, or ended
				PRIMARY KEY (device, peer, peer_device)
			)`,
			`CREATE TABLE IF NOT EXISTS {p}row (
				device BIGINT NOT NULL, kind BIGINT NOT NULL, name BYTEA NOT NULL, id BIGINT NOT NULL, within BYTEA NOT NULL,
				version BIGINT NOT NULL, era BIGINT NOT NULL, crc BIGINT NOT NULL, value BYTEA NOT NULL,
				PRIMARY KEY (device, kind, name, id, within)
			)`,
			`CREATE TABLE IF NOT EXISTS {p}mark (
				device BIGINT NOT NULL, id BIGINT NOT NULL, signed_id BIGINT NOT NULL, base_key BYTEA NOT NULL,
				PRIMARY KEY (device, id, signed_id, base_key)
			)`,
		},
		now: `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8), set_config('synchronous_commit',
			CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' WHEN 'local' THEN 'on' ELSE current_setting('synchronous_commit') END, true)`,
		first:      `INSERT INTO {p}peer VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		lock:       `SELECT era FROM {p}peer` + peer + ` FOR UPDATE`,
		date:       `UPDATE {p}peer SET era = $4` + peer,
		get:        `SELECT version, era, crc, value FROM {p}row` + row,
		insert:     `INSERT INTO {p}row VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8) ON CONFLICT DO NOTHING`,
		replace:    `UPDATE {p}row SET version = version + 1, era = $6, crc = $7, value = $8` + row + ` AND version = $9`,
		blind:      `INSERT INTO {p}row VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8) ON CONFLICT (device, kind, name, id, within) DO UPDATE SET version = {p}row.version + 1, era = excluded.era, crc = excluded.crc, value = excluded.value`,
		remove:     `DELETE FROM {p}row` + row,
		removeRead: `DELETE FROM {p}row` + row + ` AND version = $6`,
		peers:      `SELECT DISTINCT name, id FROM {p}row WHERE device = $1 AND kind IN (1, 2)`,
		devices:    `SELECT DISTINCT id FROM {p}row WHERE device = $1 AND kind IN (1, 2, 3, 8) AND name = $2 ORDER BY 1`,
		groups:     `SELECT within FROM {p}row WHERE device = $1 AND kind = 8 AND name = $2 AND id = $3 ORDER BY 1`,
		count:      `SELECT count(*) FROM {p}row WHERE device = $1 AND kind = $2`,
		mark:       `INSERT INTO {p}mark VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		forget:     `DELETE FROM {p}mark WHERE device = $1 AND id = $2`,
	}
	table := prefix[strings.LastIndex(prefix, ".")+1:] // how a column of the table is named in its own statement
	t.blind = strings.ReplaceAll(t.blind, `= {p}row.`, `= `+table+`row.`)
	replace := strings.NewReplacer(`{p}`, prefix)
	if d == SQLite {
		t.now, t.lock = "", strings.TrimSuffix(t.lock, ` FOR UPDATE`)
		replace = strings.NewReplacer(`{p}`, prefix, `$`, `?`, `BYTEA`, `BLOB`, `BIGINT`, `INTEGER`)
	}
	for _, s := range []*string{&t.now, &t.first, &t.lock, &t.date, &t.get, &t.insert, &t.replace, &t.blind, &t.remove, &t.removeRead,
		&t.peers, &t.devices, &t.groups, &t.count, &t.mark, &t.forget} {
		*s = replace.Replace(*s)
	}
	for i := range t.schema {
		t.schema[i] = replace.Replace(t.schema[i])
	}
	return t
}
