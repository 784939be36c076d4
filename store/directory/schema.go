package directory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"signet.example/signet/store/internal/sqlstate"
)

// migrations are the steps to the present schema. A step that was released never changes, and works
// under programs of the version before. Names are BYTEA: they have no charset. Ids are BIGINT
// because they are unsigned. Times are nanoseconds since 1970.
var migrations = [][]string{{
	`CREATE TABLE signet_directory_device (
		tenant BYTEA NOT NULL, name BYTEA NOT NULL, device BIGINT NOT NULL,
		registration BIGINT NOT NULL, identity_key BYTEA NOT NULL,
		signed_id BIGINT NOT NULL, signed_key BYTEA NOT NULL, signed_signature BYTEA NOT NULL,
		last_id BIGINT NOT NULL, last_key BYTEA NOT NULL, last_signature BYTEA NOT NULL,
		full_at BIGINT NOT NULL DEFAULT 0, -- the bucket of those who ask for the device
		PRIMARY KEY (tenant, name, device)
	)`,
	`CREATE TABLE signet_directory_prekey (
		tenant BYTEA NOT NULL, name BYTEA NOT NULL, device BIGINT NOT NULL,
		kind BIGINT NOT NULL, -- 1: one-time prekey, 2: one-time KEM prekey
		id BIGINT NOT NULL,
		public BYTEA NOT NULL, signature BYTEA NOT NULL,
		PRIMARY KEY (tenant, name, device, kind, id)
	)`,
	`CREATE TABLE signet_directory_handed ( -- one-time prekeys that are gone
		tenant BYTEA NOT NULL, name BYTEA NOT NULL, device BIGINT NOT NULL, kind BIGINT NOT NULL, id BIGINT NOT NULL,
		at BIGINT NOT NULL,
		PRIMARY KEY (tenant, name, device, kind, id)
	)`,
	`CREATE TABLE signet_directory_bucket (
		tenant BYTEA NOT NULL, name BYTEA NOT NULL, device BIGINT NOT NULL,
		full_at BIGINT NOT NULL DEFAULT 0,
		PRIMARY KEY (tenant, name, device)
	)`,
}}

// The statements. The first three
// parameters are the device's address, tenant first.
const (
	begin  = `BEGIN ISOLATION LEVEL READ COMMITTED`
	where  = ` WHERE tenant = $1 AND name = $2 AND device = $3`
	prekey = `signet_directory_prekey`

	sqlDevices    = `SELECT device, registration FROM signet_directory_device WHERE tenant = $1 AND name = $2 ORDER BY device`
	sqlIdentities = `SELECT device, identity_key FROM signet_directory_device WHERE tenant = $1 AND name = $2`
	sqlStock      = `SELECT (SELECT count(*) FROM ` + prekey + where + ` AND kind = 1), (SELECT count(*) FROM ` + prekey + where + ` AND kind = 2)
		FROM signet_directory_device` + where

	// A bundle is taken under a lock on the device's row, which Publish and Remove take, too. The
	// requester's bucket is always locked before.
	sqlFirstBucket = `INSERT INTO signet_directory_bucket (tenant, name, device) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	sqlLockBucket  = `SELECT full_at FROM signet_directory_bucket` + where + ` FOR UPDATE`
	sqlPutBucket   = `UPDATE signet_directory_bucket SET full_at = $4` + where
	sqlSweep       = `DELETE FROM signet_directory_bucket WHERE tenant = $1 AND full_at <= $2`
	sqlLockDevice  = `SELECT registration, identity_key, signed_id, signed_key, signed_signature, last_id, last_key, last_signature,
		full_at FROM signet_directory_device` + where + ` FOR UPDATE`
	sqlPutTaken = `UPDATE signet_directory_device SET full_at = $4` + where
	sqlTake     = `WITH taken AS (DELETE FROM ` + prekey + where + ` AND kind = $4
			AND id = (SELECT min(id) FROM ` + prekey + where + ` AND kind = $4) RETURNING id, public, signature),
		handed AS (INSERT INTO signet_directory_handed SELECT $1, $2, $3, $4, id, $5 FROM taken ON CONFLICT DO NOTHING)
		SELECT id, public, signature FROM taken`

	sqlFirstDevice = `INSERT INTO signet_directory_device (tenant, name, device, registration, identity_key,
		signed_id, signed_key, signed_signature, last_id, last_key, last_signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`
	sqlPutDevice = `UPDATE signet_directory_device SET registration = $4, identity_key = $5,
		signed_id = $6, signed_key = $7, signed_signature = $8, last_id = $9, last_key = $10, last_signature = $11` + where
	sqlAdd = `INSERT INTO ` + prekey + ` SELECT $1, $2, $3, $4, v.id, v.public, v.signature
		FROM unnest($5::BIGINT[], $6::BYTEA[], $7::BYTEA[]) AS v (id, public, signature)
		WHERE v.id NOT IN (SELECT h.id FROM signet_directory_handed h
			WHERE h.tenant = $1 AND h.name = $2 AND h.device = $3 AND h.kind = $4 AND h.id = ANY($5::BIGINT[]))
		ON CONFLICT DO NOTHING`
	sqlCount        = `SELECT count(*) FROM ` + prekey + where + ` AND kind = $4`
	sqlClear        = `DELETE FROM ` + prekey + where
	sqlForget       = `DELETE FROM signet_directory_handed` + where
	sqlForgetOld    = `DELETE FROM signet_directory_handed WHERE tenant = $1 AND at <= $2`
	sqlRemoveDevice = `DELETE FROM signet_directory_device` + where
)

// migrate takes the schema from whatever version it has to the present one.
func (d *Directory) migrate(ctx context.Context) error {
	return d.again(ctx, func() error {
		version, err := d.version(ctx)
		if err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("the database has schema version %d; this program knows versions up to %d", version, len(migrations))
		}
		for ; version < len(migrations); version++ {
			steps := append([]string{`CREATE TABLE IF NOT EXISTS signet_directory_schema (version BIGINT NOT NULL PRIMARY KEY)`},
				migrations[version]...)
			steps = append(steps, fmt.Sprintf(`INSERT INTO signet_directory_schema VALUES (%d)`, version+1))
			err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
				for _, sql := range steps {
					if _, err := tx.Exec(ctx, sql); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// version returns the schema's version, 0 in an empty database.
func (d *Directory) version(ctx context.Context) (version int, err error) {
	err = d.pool.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM signet_directory_schema`).Scan(&version)
	if sqlstate.Is(err, sqlstate.UndefinedTable) {
		return 0, nil
	}
	return version, err
}

// errConflict is a row that another transaction has changed.
var errConflict = errors.New("a row changed under the transaction")

// again runs f until it does not meet another transaction, a bounded number of times.
func (d *Directory) again(ctx context.Context, f func() error) error {
	const times = 30
	pause := time.Millisecond
	for n := 1; ; n++ {
		err := f()
		met := errors.Is(err, errConflict) ||
			sqlstate.Is(err, sqlstate.SerializationFailure, sqlstate.DeadlockDetected, sqlstate.UniqueViolation, sqlstate.DuplicateTable, sqlstate.DuplicateObject)
		if !met || n == times {
			return err
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}
