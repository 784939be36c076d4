package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"signet.example/signet/store/backup"
	"signet.example/signet/store/internal/check"
	"signet.example/signet/store/seal"
)

// Import implements backup.Target. Every other transaction of the device waits until it has ended.
func (s *Store) Import(ctx context.Context, f func(put func(*backup.Row) error) error) error {
	return s.alone(ctx, func(tx pgx.Tx, current int64) error {
		if s.ring == nil && current != 0 {
			return fmt.Errorf("postgres: %w", seal.ErrSealed)
		}
		if err := s.unhurried(ctx, tx); err != nil {
			return err
		}
		full, err := s.hasRows(ctx, tx)
		if err == nil && full {
			err = backup.ErrNotEmpty
		}
		if err == nil && s.ring != nil && !s.ring.Knows(current) {
			err = s.learn(ctx, tx)
		}
		if err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
		i := &importer{s: s, ctx: ctx, tx: tx, seal: current, rows: make(map[string]*copying)}
		if i.era, err = s.now(ctx, tx); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
		if i.base, err = s.clearEmpty(ctx, tx); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
		if err := f(i.put); err != nil {
			return err
		}
		for _, c := range i.rows {
			if err := i.flush(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// now returns the present era of the device.
func (s *Store) now(ctx context.Context, tx pgx.Tx) (era, error) {
	n, err := s.pool.timeline(ctx, tx)
	if err != nil {
		return 0, err
	}
	var found int64
	err = tx.QueryRow(ctx, `SELECT era FROM signet_device WHERE owner = $1`, s.owner).Scan(&found)
	return era(found<<32 | n), err
}

// hasRows reports whether the device has rows with something in them.
func (s *Store) hasRows(ctx context.Context, tx pgx.Tx) (there bool, err error) {
	from := []string{peersWithValues}
	for _, t := range onTable {
		from = append(from, t.name+" WHERE")
	}
	for _, f := range from {
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+f+` owner = $1)`, s.owner).Scan(&there); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// clearEmpty removes the rows of peers that hold nothing, and returns the greatest version they
// had: the versions of a row only grow. The device's own row stays.
func (s *Store) clearEmpty(ctx context.Context, tx pgx.Tx) (base int64, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM signet_peer WHERE owner = $1`, s.owner).Scan(&base)
	if err == nil {
		_, err = tx.Exec(ctx, `DELETE FROM signet_peer WHERE owner = $1 AND NOT (peer = '' AND peer_device = 0)`, s.owner)
	}
	return base, err
}

type importer struct {
	s    *Store
	ctx  context.Context
	tx   pgx.Tx
	seal int64
	era  era
	base int64               // a version that no peer's row is above
	rows map[string]*copying // by table
}

// A copying is rows of one table on their way to the server.
type copying struct {
	table   string
	columns []string
	rows    [][]any
	bytes   int
}

// A COPY takes this many rows, or bytes.
const (
	copyRows  = 1000
	copyBytes = 1 << 20
)

func (i *importer) flush(c *copying) error {
	if len(c.rows) == 0 {
		return nil
	}
	_, err := i.tx.CopyFrom(i.ctx, pgx.Identifier{c.table}, c.columns, pgx.CopyFromRows(c.rows))
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	clear(c.rows)
	c.rows, c.bytes = c.rows[:0], 0
	return nil
}

// add takes a row, with the owner for its first column.
func (i *importer) add(table string, columns []string, size int, row ...any) error {
	c := i.rows[table]
	if c == nil {
		c = &copying{table: table, columns: append([]string{"owner"}, columns...)}
		i.rows[table] = c
	}
	c.rows = append(c.rows, append([]any{i.s.owner}, row...))
	if c.bytes += size; len(c.rows) < copyRows && c.bytes < copyBytes {
		return nil
	}
	return i.flush(c)
}

// addRow takes a row of one of the tables with versions, sealed as its first one.
func (i *importer) addRow(k key, value []byte) error {
	b, err := i.s.ring.Seal(i.seal, k.place(1), notNull(value))
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return i.add(onTable[k.table].name, append(onTable[k.table].columns(), "version", "seal", "sum", "era", "value"), len(b),
		append(k.args(0)[1:], int64(1), i.seal, check.Sum(1, b), int64(i.era), append([]byte{}, b...))...)
}

func (i *importer) put(r *backup.Row) error {
	switch r.Kind {
	case backup.Value:
		return i.addRow(key{table: values, name: r.Name}, r.Value)
	case backup.PreKey:
		return i.addRow(oneTime.id(r.ID), r.Value)
	case backup.SignedPreKey:
		return i.addRow(signed.id(r.ID), r.Value)
	case backup.KEMPreKey:
		return i.addRow(kem.id(r.ID), r.Value)
	case backup.SenderKey:
		return i.addRow(senderKey(r.Peer, r.Name), r.Value)
	case backup.Mark:
		return i.add("signet_kem_mark", []string{"id", "signed_id", "base_key"}, len(r.Value),
			int64(r.ID), int64(r.SignedID), append([]byte{}, r.Value...))
	case backup.Peer:
		return i.peer(r)
	}
	return fmt.Errorf("postgres: a row of kind %d", r.Kind)
}

// peer makes a row of a peer.
func (i *importer) peer(r *backup.Row) error {
	t := &Tx{store: i.s, seal: i.seal}
	identity, record, err := t.sealPeer(r.Peer, &peerRow{version: i.base, identity: r.Identity, record: r.Session})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if len(r.Archive) > 0 {
		if err := i.addRow(archiveKey(r.Peer), r.Archive); err != nil {
			return err
		}
	}
	columns := []string{"peer", "peer_device", "version", "seal", "era", "identity_sum", "record_sum", "identity_key", "record"}
	return i.add("signet_peer", columns, len(record), []byte(r.Peer.Name), int64(r.Peer.Device), i.base+1, i.seal, int64(i.era),
		check.Sum(i.base+1, identity), check.Sum(i.base+1, record), identity, record)
}
