package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"signet.example/signet/store/internal/sqlstate"
)

// A pool is the connections to one database, which Stores share.
type pool struct {
	*pgxpool.Pool
	wait     time.Duration
	portable bool // not PostgreSQL itself: no advisory locks, no tuning
}

// connect opens the pool and looks at the server. It changes nothing there.
func connect(ctx context.Context, url string, wait time.Duration, opts *Options) (*pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	params := config.ConnConfig.RuntimeParams
	if _, set := params["idle_in_transaction_session_timeout"]; !set {
		params["idle_in_transaction_session_timeout"] = "20s" // a host that hangs keeps its locks no longer
	}
	config.AfterConnect = durable
	if opts.configure != nil {
		opts.configure(config)
	}
	p := &pool{wait: wait}
	if p.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	var version, fsync string
	err = p.QueryRow(ctx, `SELECT version(), coalesce(current_setting('fsync', true), 'on')`).Scan(&version, &fsync)
	if err == nil && fsync != "on" {
		err = errors.New("the server runs with fsync=off: it forgets commits, and a forgotten commit is a message key used twice")
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	p.portable = opts.portable || !isPostgres(version)
	return p, nil
}

// durable makes a connection wait for its commits. A stronger setting than "on" stays.
func durable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit', true) = 'off'`)
	if err != nil {
		return fmt.Errorf("%w: %w", errSetup, err)
	}
	return nil
}

// errSetup marks a new connection that failed before its first use.
var errSetup = errors.New("setting up the connection")

// isFatal reports whether the server said err as its last words on a connection.
func isFatal(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Severity == "FATAL" || e.Severity == "PANIC" ||
		e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC")
}

// answered reports whether the server said err and lives on, so that the transaction has failed. All
// other errors of a commit leave open what happened: the connection broke, or the server goes down.
func answered(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && !isFatal(err)
}

// isConflict recognises errors after which the transaction has to run again: it met another one.
func isConflict(err error) bool {
	return errors.Is(err, errConflict) || sqlstate.Is(err, sqlstate.SerializationFailure, sqlstate.DeadlockDetected)
}

// isDown recognises the failure to connect to a server that may be back in a moment.
func isDown(err error) bool {
	var c *pgconn.ConnectError
	if !errors.As(err, &c) && !errors.Is(err, errSetup) {
		return false
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		// It starts, stops or has no connection left; a wrong password does not go away.
		return e.Code[:2] == "57" || e.Code == "53300"
	}
	return true
}
