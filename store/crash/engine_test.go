package crash

import (
	"context"
	"fmt"
	"os"
	"strings"

	"signet.example/signet/session"
	"signet.example/signet/store/postgres"
	"signet.example/signet/store/seal"
	"signet.example/signet/store/sqlite"
)

var ctx = context.Background()

// An engine is the database as one process sees it.
type engine interface {
	store(device int64) (session.Store, error)
	// exec runs a statement of the application in a transaction. Parameters are $1, $2, ….
	exec(tx session.Tx, sql string, args ...any) error
	query(tx session.Tx, sql string, row func(scan func(...any) error) error) error
}

// open opens the engine at a place of the form "sqlite:path" or "postgres:url".
func open(place string) (engine, error) {
	kind, where, _ := strings.Cut(place, ":")
	if kind == "sqlite" {
		return sqliteEngine(where), nil
	}
	root, err := postgres.Open(ctx, where, &postgres.Options{Seal: sealing()})
	return postgresEngine{root}, err
}

// sealed, in the environment, has all processes seal their rows; see the flag crash.sealed.
const sealed = "SIGNET_CRASH_SEALED"

func sealing() *seal.Options {
	if os.Getenv(sealed) == "" {
		return nil
	}
	keys, err := seal.Key(make([]byte, seal.KeySize))
	if err != nil {
		panic(err)
	}
	return &seal.Options{Keys: keys}
}

// schema is the application's own.
var schema = []string{
	`CREATE TABLE inbox (id BIGINT PRIMARY KEY, body TEXT NOT NULL)`,
	`CREATE TABLE consumed (kind BIGINT, id BIGINT, base TEXT, PRIMARY KEY (kind, id, base))`,
}

type sqliteEngine string

func (path sqliteEngine) store(device int64) (session.Store, error) {
	return sqlite.Open(ctx, string(path), &sqlite.Options{Device: device, Wait: -1, Seal: sealing()})
}

func (sqliteEngine) exec(tx session.Tx, sql string, args ...any) error {
	_, err := tx.(*sqlite.Tx).SQL().Exec(sql, args...)
	return err
}

func (sqliteEngine) query(tx session.Tx, sql string, row func(scan func(...any) error) error) error {
	rows, err := tx.(*sqlite.Tx).SQL().Query(sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

type postgresEngine struct{ root *postgres.Store }

func (e postgresEngine) store(device int64) (session.Store, error) {
	return e.root.Device(ctx, "crash", device)
}

func (postgresEngine) exec(tx session.Tx, sql string, args ...any) error {
	_, err := tx.(*postgres.Tx).Pgx().Exec(ctx, sql, args...)
	return err
}

func (postgresEngine) query(tx session.Tx, sql string, row func(scan func(...any) error) error) error {
	rows, err := tx.(*postgres.Tx).Pgx().Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// name is the address of a device.
func name(device int64) string { return fmt.Sprint("device ", device) }
