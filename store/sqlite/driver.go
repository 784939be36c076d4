package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"

	engine "modernc.org/sqlite"
)

// connect returns the pool with the one connection that a Store uses. It opens nothing yet.
func connect(abs string, aborted *atomic.Bool) (*sql.DB, error) {
	base, err := engine.NewConnector(dsn(abs))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{base, aborted})
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db, nil
}

func dsn(abs string) string {
	p := filepath.ToSlash(abs)
	if !strings.HasPrefix(p, "/") { // a drive letter
		p = "/" + p
	}
	q := url.Values{
		"mode":    {"rw"}, // the file exists: create made it
		"_txlock": {"immediate"},
		"_pragma": {
			"journal_mode(WAL)",
			"synchronous(FULL)",
			"fullfsync(ON)", // where fsync does not reach the disk
			"checkpoint_fullfsync(ON)",
			"secure_delete(ON)",
			"trusted_schema(OFF)",
			"journal_size_limit(4194304)", // what a long reader has made the log grow to is given back
		},
	}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// A connector tells the Store about rollbacks on its connection.
type connector struct {
	driver.Connector
	aborted *atomic.Bool
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	hooks, ok := conn.(engine.HookRegisterer)
	if !ok {
		conn.Close()
		return nil, errors.New("sqlite: driver without hooks")
	}
	hooks.RegisterRollbackHook(func() { c.aborted.Store(true) })
	return conn, nil
}

// isBusy recognises the errors that go away when another process is done.
func isBusy(err error) bool {
	const busy, locked, protocol = 5, 6, 15 // the third: many at once met at the head of the log
	var e *engine.Error
	if !errors.As(err, &e) {
		return false
	}
	primary := e.Code() & 0xff // the bits above say more
	return primary == busy || primary == locked || primary == protocol
}
