package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"signet.example/signet/store/internal/sqlstate"
)

// Durability is what the promise of a Store rests on, as its last new connection found it.
type Durability struct {
	// Server is what the server says of itself.
	Server string
	// Commit is the setting synchronous_commit that transactions of the Store commit with.
	Commit string
	// Standbys is how many standbys are connected, as far as the Store's role can see.
	Standbys int
	// Synchronous is the server's synchronous_standby_names: commits wait for them. Empty: for none.
	Synchronous string
	// Timeline is the number of the server's timeline, 0 on an engine that has none.
	Timeline int64
}

// String says what a commit survives, in a sentence or two.
func (d Durability) String() string {
	const own = "A commit is on the server's disk when it is acknowledged: it survives the end of the program, of the server and of the machine. "
	switch {
	case d.Timeline == 0:
		return own + "What else it survives is up to the engine."
	case d.Synchronous == "" && d.Standbys == 0:
		return own + "There is no standby: it does not survive the loss of the disk."
	case d.Synchronous == "":
		return own + "Standbys are asynchronous: a failover loses the last commits, and sessions of before only decrypt after it."
	case d.Commit == "remote_write":
		return own + "It is with a synchronous standby, perhaps not on its disk yet: it survives the loss of the primary if the standby's machine runs on."
	}
	return own + "It is on the disk of a synchronous standby as well, and survives the loss of the primary."
}

// Durability says what a commit survives, as the last new connection found it.
func (s *Store) Durability() Durability {
	d := *s.pool.looked.Load()
	d.Timeline = max(d.Timeline, s.pool.latest.Load())
	return d
}

const (
	sqlLook = `SELECT version(), coalesce(current_setting('fsync', true), 'on'), coalesce(current_setting('synchronous_commit', true), 'on')`

	// Backups that read the log are no standbys. Of a standby, every role sees that it is there.
	sqlStandbys = `SELECT pg_is_in_recovery(), current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_stat_replication r
		WHERE coalesce(state, 'streaming') IN ('streaming', 'catchup')
			AND coalesce(application_name, '') NOT IN ('pg_basebackup', 'pg_receivewal', 'pg_recvlogical')
			AND NOT EXISTS (SELECT 1 FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical'))`
)

// look is done with every new connection: it may be to another server than the one before.
func (p *pool) look(ctx context.Context, conn *pgx.Conn) error {
	var d Durability
	var fsync string
	if err := conn.QueryRow(ctx, sqlLook).Scan(&d.Server, &fsync, &d.Commit); err != nil {
		return fmt.Errorf("%w: %w", errSetup, err)
	}
	if fsync != "on" {
		return errors.New("the server runs with fsync=off: it forgets commits, and a forgotten commit is a message key used twice")
	}
	if d.Commit == "off" || d.Commit == "local" {
		d.Commit = "on"
	}
	if p.opts.portable || !isPostgres(d.Server) {
		p.looked.Store(&d)
		return nil
	}
	var standby bool
	if err := conn.QueryRow(ctx, sqlStandbys).Scan(&standby, &d.Synchronous, &d.Standbys); err != nil {
		return fmt.Errorf("%w: %w", errSetup, err)
	}
	switch {
	case standby:
		return fmt.Errorf("%w: the server is a standby", errSetup)
	case d.Synchronous == "" && d.Standbys > 0 && p.opts.Lossless:
		return errors.New("Options.Lossless, and the server does not wait for its standby (synchronous_standby_names is empty)")
	case d.Synchronous == "" && d.Standbys > 0 && !p.opts.AllowAsync:
		return errors.New("the server has a standby that it does not wait for (synchronous_standby_names is empty), " +
			"so a failover loses acknowledged messages: see Options.AllowAsync")
	}
	var s string
	if err := conn.QueryRow(ctx, `SELECT `+timeline).Scan(&s); err != nil {
		return fmt.Errorf("%w: %w", errSetup, err)
	}
	n, err := timelineOf(s)
	if err != nil {
		return err
	}
	d.Timeline = n
	p.looked.Store(&d)
	return nil
}

// cancelled is where a connection keeps that its server gave up waiting for a standby.
const cancelled = "signet: a wait for a standby was cancelled"

// hear takes note of a notice. PostgreSQL answers a commit that is on its own disk alone with a
// warning and with success, if somebody cancels the wait. Messages are translated, names of
// functions are not.
func hear(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()[cancelled] = true
	}
}

// waited reports whether the last commit on the connection waited for the standbys, if there are
// any.
func waited(conn *pgx.Conn) bool {
	data := conn.PgConn().CustomData()
	_, was := data[cancelled]
	delete(data, cancelled)
	return !was
}

var errNotWaited = fmt.Errorf("%w: the wait for the standby was cancelled", ErrUncertain)

// durably runs f in a transaction whose commit waits for the disk.
func (p *pool) durably(ctx context.Context, f func(tx pgx.Tx) error) error {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	waited(conn.Conn())
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if !p.portable {
			if _, err := tx.Exec(ctx, `SELECT $1::BIGINT, `+durably, int64(0), p.idle); err != nil {
				return err
			}
		}
		return f(tx)
	})
	if err == nil && !waited(conn.Conn()) {
		return errNotWaited
	}
	return err
}

// isStandby recognises the answers of a server that has become a standby: another one is, or will
// be, the primary.
func isStandby(err error) bool { return sqlstate.Is(err, sqlstate.ReadOnlyTransaction) }
