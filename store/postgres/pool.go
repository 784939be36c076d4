package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"signet.example/signet/store/internal/sqlstate"
)

// A pool is the connections to one database, which Stores share.
type pool struct {
	*pgxpool.Pool
	opts     Options
	wait     time.Duration
	portable bool   // not PostgreSQL itself: no advisory locks, no tuning, no timelines
	idle     string // idle_in_transaction_session_timeout

	latest atomic.Int64 // the latest timeline that was met
	looked atomic.Pointer[Durability]
}

// connect opens the pool and looks at the server. It changes nothing there.
func connect(ctx context.Context, url string, wait time.Duration, opts *Options) (*pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	p := &pool{opts: *opts, wait: wait, idle: "20s"} // a host that hangs keeps its locks no longer
	const idle = "idle_in_transaction_session_timeout"
	if set, ok := config.ConnConfig.RuntimeParams[idle]; ok {
		p.idle = set
		delete(config.ConnConfig.RuntimeParams, idle) // a pooler would refuse it; every transaction sets it
	}
	config.AfterConnect = p.look
	config.ConnConfig.OnNotice = hear
	if opts.configure != nil {
		opts.configure(config)
	}
	if p.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := p.Ping(ctx); err != nil {
		p.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	p.portable = opts.portable || !isPostgres(p.looked.Load().Server)
	return p, nil
}

// errSetup marks a new connection that failed before its first use.
var errSetup = errors.New("setting up the connection")

// isFatal reports whether the server said err as its last words on a connection.
func isFatal(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Severity == "FATAL" || e.Severity == "PANIC" ||
		e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC")
}

// answered reports whether the server said err and lives on, so that the transaction has failed.
// All other errors of a commit leave open what happened: the connection broke, or the server goes
// down.
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
	if errors.Is(err, errLeftBehind) {
		return true
	}
	var c *pgconn.ConnectError
	if !errors.As(err, &c) && !errors.Is(err, errSetup) {
		return false
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		// It starts, stops, is a standby or has no connection left; a wrong password does not go away.
		return e.Code[:2] == "57" || e.Code == "53300" || sqlstate.Is(e, sqlstate.WrongState, sqlstate.ReadOnlyTransaction)
	}
	return true
}
