package postgres

import (
	"fmt"
	"strings"
)

// begin is one of the two round trips of a transaction; the other is commit. The epoch of the
// device is read under a lock on it that transactions share and TakeOver does not.
//
// The SQL of this package is PostgreSQL's, kept so that an engine which speaks its protocol can be
// run on, too. What PostgreSQL alone has is its advisory locks, which write nothing (the portable
// form locks the device's row), its timelines, and the waiting for standbys.
const (
	sqlBegin         = `BEGIN ISOLATION LEVEL READ COMMITTED`
	sqlShare         = `SELECT pg_advisory_xact_lock_shared($1), ` + durably
	sqlSharePortable = `SELECT epoch FROM signet_device WHERE owner = $1 FOR SHARE`
	sqlEpoch         = `SELECT epoch, seal, era, ` + timeline + ` FROM signet_device WHERE owner = $1`
	sqlEpochPortable = `SELECT epoch, seal, era, '0' FROM signet_device WHERE owner = $1`

	// timeline is the number of the server's timeline, hexadecimal. Every role may read it. A server
	// that is a standby answers with an error.
	timeline = `left(pg_walfile_name(pg_current_wal_lsn()), 8)`

	// durably makes the commit of this transaction, and of no other, wait for the disk, and for the
	// standbys if there are synchronous ones. What is stronger than "on" stays. With a pooler between,
	// what was set for a connection may be another one's.
	durably = `set_config('synchronous_commit', CASE current_setting('synchronous_commit')
		WHEN 'off' THEN 'on' WHEN 'local' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
		set_config('idle_in_transaction_session_timeout', $2, true)`

	peerColumns = `version, epoch, delegated, identity_key, record, seal, token, era, identity_sum, record_sum`
	wherePeer   = ` WHERE owner = $1 AND peer = $2 AND peer_device = $3`

	// One user alone is looked up by a plan that the server keeps; for a list it makes one each time.
	sqlUser  = `SELECT peer, peer_device, ` + peerColumns + ` FROM signet_peer WHERE owner = $1 AND peer = $2 AND peer_device = 0`
	sqlUsers = `SELECT peer, peer_device, ` + peerColumns + ` FROM signet_peer WHERE owner = $1 AND peer = ANY($2::BYTEA[]) AND peer_device = 0`

	sqlReadPeer  = `SELECT ` + peerColumns + ` FROM signet_peer` + wherePeer + ` FOR UPDATE`
	sqlFirstPeer = `INSERT INTO signet_peer (owner, peer, peer_device, era) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	sqlLockPeers = `SELECT peer, peer_device, ` + peerColumns + ` FROM signet_peer
		WHERE owner = $1 AND (peer, peer_device) IN (SELECT a, b FROM unnest($2::BYTEA[], $3::BIGINT[]) AS v (a, b))
		ORDER BY peer, peer_device FOR UPDATE`
	sqlFirstPeers = `INSERT INTO signet_peer (owner, peer, peer_device, era)
		SELECT $1, a, b, $4::BIGINT FROM unnest($2::BYTEA[], $3::BIGINT[]) AS v (a, b) ORDER BY a, b ON CONFLICT DO NOTHING`
	sqlListPeers = `SELECT peer, peer_device FROM signet_peer WHERE owner = $1 AND octet_length(record) > 0
		UNION SELECT peer, peer_device FROM signet_archive WHERE owner = $1`
	sqlListDevices = `SELECT peer, peer_device FROM signet_peer WHERE owner = $1 AND peer = ANY($2::BYTEA[])
			AND (octet_length(record) > 0 OR octet_length(identity_key) > 0)
		UNION SELECT peer, peer_device FROM signet_archive WHERE owner = $1 AND peer = ANY($2::BYTEA[])
		UNION SELECT sender, sender_device FROM signet_sender_key WHERE owner = $1 AND sender = ANY($2::BYTEA[])`
	sqlListGroups = `SELECT group_name FROM signet_sender_key WHERE owner = $1 AND sender = $2 AND sender_device = $3 ORDER BY 1`
	sqlOutcome    = `SELECT version, token FROM signet_peer` + wherePeer + ` FOR UPDATE`

	sqlCount  = `SELECT count(*) FROM signet_prekey WHERE owner = $1 AND kind = $2`
	sqlMark   = `INSERT INTO signet_kem_mark VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	sqlForget = `DELETE FROM signet_kem_mark WHERE owner = $1 AND id = $2`
)

// sqlLockPeer and its portable form always return a row; its version is NULL if the peer has none.
var (
	sqlLockPeer         = lockPeer(timeline)
	sqlLockPeerPortable = lockPeer(`'0'`)
)

func lockPeer(timeline string) string {
	return `SELECT d.epoch, d.seal, d.era, ` + timeline + `, p.` + strings.ReplaceAll(peerColumns, `, `, `, p.`) + `
		FROM signet_device d LEFT JOIN (SELECT ` + peerColumns + ` FROM signet_peer` + wherePeer + ` FOR UPDATE) p ON TRUE
		WHERE d.owner = $1`
}

// summed is the check value of a column as the row's version (an expression) goes with it: the
// version above, the CRC below. See package check.
func summed(version, crc string) string { return `((` + version + `) << 32) | ` + crc + `::BIGINT` }

// must makes a statement an error (division by zero) unless it changes the given number of rows, so
// that a COMMIT sent right behind it in the same round trip does not happen.
func must(statement, rows string) string {
	return `WITH w AS (` + statement + ` RETURNING 1) SELECT 1 / (CASE WHEN count(*) = ` + rows + ` THEN 1 ELSE 0 END) FROM w`
}

// The commit of peers: compare-and-swap on version and epoch.
var (
	sqlPutPeer = must(`UPDATE signet_peer SET version = version + 1, token = $6, epoch = $7, delegated = $8,
		identity_key = $9, record = $10, seal = $11, era = $12, identity_sum = `+summed(`version + 1`, `$13`)+`,
		record_sum = `+summed(`version + 1`, `$14`)+wherePeer+` AND version = $4 AND epoch = $5`, `1`)
	sqlNewPeer = must(`INSERT INTO signet_peer (owner, peer, peer_device, version, token, identity_key, record, seal, era, identity_sum, record_sum)
		VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, `+summed(`1::BIGINT`, `$9`)+`, `+summed(`1::BIGINT`, `$10`)+`) ON CONFLICT DO NOTHING`, `1`)
	sqlPutPeers = must(`UPDATE signet_peer p SET version = p.version + 1, token = $2, identity_key = v.identity_key, record = v.record,
			seal = $10, era = v.era, identity_sum = `+summed(`p.version + 1`, `v.identity_sum`)+`, record_sum = `+summed(`p.version + 1`, `v.record_sum`)+`
		FROM unnest($3::BYTEA[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BYTEA[], $8::BYTEA[], $11::BIGINT[], $12::BIGINT[], $13::BIGINT[])
			AS v (peer, peer_device, version, epoch, identity_key, record, era, identity_sum, record_sum)
		WHERE p.owner = $1 AND p.peer = v.peer AND p.peer_device = v.peer_device
			AND p.version = v.version AND p.epoch = v.epoch`, `$9::BIGINT`)
)

// A table is one that has a version and a value for each key.
type table int

const (
	archives table = iota
	preKeys
	values
	senderKeys
	tables
)

// The statements on these tables. The parameters are the key's columns, owner first, then the
// version that the row must have, then the value, the number of its data key, its CRC, and the era.
type statements struct {
	get, put, putIf, insert, del, delIf, take string

	name string
	key  string // the columns, without owner
}

// columns are the columns of the key, without owner.
func (s *statements) columns() []string { return strings.Split(s.key, ", ") }

var onTable = [tables]statements{
	archives:   statementsOn("signet_archive", "peer", "peer_device"),
	preKeys:    statementsOn("signet_prekey", "kind", "id"),
	values:     statementsOn("signet_value", "name"),
	senderKeys: statementsOn("signet_sender_key", "sender", "sender_device", "group_name"),
}

func statementsOn(name string, key ...string) statements {
	columns, where, params := "owner", "owner = $1", "$1"
	for i, c := range key {
		columns += ", " + c
		where += fmt.Sprintf(" AND %s = $%d", c, i+2)
		params += fmt.Sprintf(", $%d", i+2)
	}
	n := len(key) + 2
	crc := func(i int) string { return fmt.Sprintf("$%d", i) }
	insert := fmt.Sprintf(`INSERT INTO %s (%s, version, value, seal, sum, era) VALUES (%s, 1, $%d, $%d, %s, $%d) ON CONFLICT `,
		name, columns, params, n, n+1, summed(`1::BIGINT`, crc(n+2)), n+3)
	return statements{
		get: fmt.Sprintf(`SELECT version, seal, sum, era, value FROM %s WHERE %s`, name, where),
		put: insert + fmt.Sprintf(`(%s) DO UPDATE SET version = %s.version + 1, value = excluded.value, seal = excluded.seal,
			sum = %s, era = excluded.era`, columns, name, summed(name+`.version + 1`, crc(n+2))),
		putIf: must(fmt.Sprintf(`UPDATE %s SET version = version + 1, value = $%d, seal = $%d, sum = %s, era = $%d WHERE %s AND version = $%d`,
			name, n+1, n+2, summed(`version + 1`, crc(n+3)), n+4, where, n), `1`),
		insert: must(insert+`DO NOTHING`, `1`),
		del:    fmt.Sprintf(`DELETE FROM %s WHERE %s`, name, where),
		delIf:  must(fmt.Sprintf(`DELETE FROM %s WHERE %s AND version = $%d`, name, where, n), `1`),
		take:   fmt.Sprintf(`DELETE FROM %s WHERE %s RETURNING version`, name, where),
		name:   name,
		key:    strings.Join(key, ", "),
	}
}
