// Package directory is a sesame.Directory in PostgreSQL 15 or later: what a prekey server is made
// of, on any number of hosts.
//
// # What is promised
//
// A one-time prekey is handed out after its deletion is durable, so nobody else is given it: under
// concurrency, after a crash, and if the device repeats the upload. A crash can lose one. The
// bundle, its one-time prekeys and the limits are one transaction of two round trips under a lock
// on the device's row; bundles of different devices do not wait for each other.
//
// # Tenants
//
// A Directory sees one tenant's devices, prekeys and limits. Every statement names the tenant,
// which is the first column of every primary key.
//
// # What it does not do
//
// It does not know who is asking: whoever serves it to others authenticates them first, and lets a
// device publish for itself alone. It holds public keys and no secrets.
package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"signet.example/signet"
	"signet.example/signet/sesame"
	"signet.example/signet/x3dh"
)

// A Directory is a sesame.Directory in PostgreSQL. It is safe for concurrent use.
type Directory struct {
	pool   *pgxpool.Pool
	tenant []byte
	opts   sesame.DirectoryOptions
}

// Open connects to the database at url, as postgres.Open does, brings the directory's tables up to
// date, and returns the Directory of a tenant. It refuses a schema newer than this package's. The
// tables are apart from those of package postgres and may be in the same database. Nil opts means
// the defaults.
func Open(ctx context.Context, url, tenant string, opts *sesame.DirectoryOptions) (*Directory, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	return open(ctx, config, tenant, opts)
}

func open(ctx context.Context, config *pgxpool.Config, tenant string, opts *sesame.DirectoryOptions) (*Directory, error) {
	params := config.ConnConfig.RuntimeParams
	if _, set := params["idle_in_transaction_session_timeout"]; !set {
		params["idle_in_transaction_session_timeout"] = "20s" // a host that hangs keeps its locks no longer
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		// A deletion that a crash undoes is a prekey handed out twice. Stronger settings stay.
		_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
			WHERE current_setting('synchronous_commit', true) = 'off'`)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	d := &Directory{pool: pool, tenant: []byte(tenant), opts: opts.WithDefaults()}
	if err := d.migrate(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("directory: schema: %w", err)
	}
	return d, nil
}

// Tenant returns the Directory of another tenant, over the same connections. Close closes them for
// both.
func (d *Directory) Tenant(name string) *Directory {
	other := *d
	other.tenant = []byte(name)
	return &other
}

// Close closes the connections. Later calls fail.
func (d *Directory) Close() error {
	d.pool.Close()
	return nil
}

// key is the first three parameters of every statement on a device, and more.
func (d *Directory) key(a signet.Address, more ...any) []any {
	return append([]any{d.tenant, []byte(a.Name), int64(a.Device)}, more...)
}

// Devices implements sesame.Directory.
func (d *Directory) Devices(ctx context.Context, user string) (list []sesame.Listing, err error) {
	rows, _ := d.pool.Query(ctx, sqlDevices, d.tenant, []byte(user)) // the error comes again at the end
	list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (sesame.Listing, error) {
		var device, registration int64
		err := r.Scan(&device, &registration)
		return sesame.Listing{Device: uint32(device), RegistrationID: uint32(registration)}, err
	})
	if err != nil {
		return nil, fmt.Errorf("directory: devices: %w", err)
	}
	if len(list) == 0 {
		return nil, sesame.ErrUnknown
	}
	return list, nil
}

// Identities implements sesame.IdentityDirectory.
func (d *Directory) Identities(ctx context.Context, user string) (map[uint32]signet.PublicKey, error) {
	rows, _ := d.pool.Query(ctx, sqlIdentities, d.tenant, []byte(user)) // the error comes again at the end
	keys := make(map[uint32]signet.PublicKey)
	var device int64
	var row []byte
	_, err := pgx.ForEachRow(rows, []any{&device, &row}, func() error {
		key, err := signet.ParsePublicKey(row)
		keys[uint32(device)] = key
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("directory: identities: %w", err)
	}
	if len(keys) == 0 {
		return nil, sesame.ErrUnknown
	}
	return keys, nil
}

// Stock implements sesame.Directory.
func (d *Directory) Stock(ctx context.Context, device signet.Address) (s sesame.Stock, err error) {
	err = d.pool.QueryRow(ctx, sqlStock, d.key(device)...).Scan(&s.PreKeys, &s.KEMPreKeys)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return sesame.Stock{}, sesame.ErrUnknown
	case err != nil:
		return sesame.Stock{}, fmt.Errorf("directory: stock: %w", err)
	}
	return s, nil
}

// Remove removes a device and its prekeys. Removing one that is not there does nothing.
func (d *Directory) Remove(ctx context.Context, device signet.Address) error {
	err := d.again(ctx, func() error {
		return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
			if _, err := lockDevice(ctx, tx, d.key(device)); err != nil {
				return err
			}
			for _, sql := range []string{sqlClear, sqlForget, sqlRemoveDevice} {
				if _, err := tx.Exec(ctx, sql, d.key(device)...); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if errors.Is(err, sesame.ErrUnknown) {
		return nil
	}
	return wrap("remove", err)
}

// Sweep removes the limits of requesters who may again ask for as many bundles as ever, and what
// was handed out longer ago than sesame.Remembered. It is for a daily job: a requester, and a
// one-time prekey that was handed out, cost a row of 60 bytes each until then.
func (d *Directory) Sweep(ctx context.Context) error {
	now := d.opts.Now()
	if _, err := d.pool.Exec(ctx, sqlSweep, d.tenant, nanoseconds(now)); err != nil {
		return wrap("sweep", err)
	}
	_, err := d.pool.Exec(ctx, sqlForgetOld, d.tenant, nanoseconds(now.Add(-sesame.Remembered)))
	return wrap("sweep", err)
}

// wrap says what failed, unless it is an error that sesame names.
func wrap(what string, err error) error {
	var limit *sesame.LimitError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sesame.ErrUnknown), errors.Is(err, sesame.ErrStock), errors.As(err, &limit):
		return err
	}
	return fmt.Errorf("directory: %s: %w", what, err)
}

// A device is a device's row.
type device struct {
	registration, signedID, lastID int64
	identity                       []byte
	signedKey, signedSignature     []byte
	lastKey, lastSignature         []byte
	fullAt                         int64
}

func (v *device) scan(r pgx.Row) error {
	err := r.Scan(&v.registration, &v.identity, &v.signedID, &v.signedKey, &v.signedSignature,
		&v.lastID, &v.lastKey, &v.lastSignature, &v.fullAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return sesame.ErrUnknown
	}
	return err
}

func lockDevice(ctx context.Context, tx pgx.Tx, key []any) (*device, error) {
	v := new(device)
	return v, v.scan(tx.QueryRow(ctx, sqlLockDevice, key...))
}

// bundle is the bundle of the row, with the last resort.
func (v *device) bundle(a signet.Address) (f x3dh.BundleFields, err error) {
	f = x3dh.BundleFields{
		RegistrationID: uint32(v.registration), DeviceID: a.Device,
		SignedPreKey: x3dh.SignedPreKey{ID: uint32(v.signedID), Signature: v.signedSignature},
		KEMPreKey:    &x3dh.KEMPreKey{ID: uint32(v.lastID), Public: v.lastKey, Signature: v.lastSignature},
	}
	if f.Identity, err = signet.ParsePublicKey(v.identity); err != nil {
		return f, err
	}
	f.SignedPreKey.Public, err = signet.ParsePublicKey(v.signedKey)
	return f, err
}

// nanoseconds is t for a bucket's column; a time before 1970 is as good as never.
func nanoseconds(t time.Time) int64 {
	if t.Unix() < 0 {
		return 0
	}
	return t.UnixNano()
}

const redacted = "directory.Directory(…)"

// Format redacts the directory under every verb: it knows the database's password.
func (Directory) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue redacts the directory in slog.
func (Directory) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts the directory in JSON and every other text encoding.
func (Directory) MarshalText() ([]byte, error) { return []byte(redacted), nil }
