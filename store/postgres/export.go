package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"signet.example/signet/store/backup"
	"signet.example/signet/store/internal/check"
	"signet.example/signet/store/seal"
)

// Export implements backup.Source. It reads one state of the database (REPEATABLE READ) and keeps
// nobody from writing; while it runs, vacuum removes nothing newer.
func (s *Store) Export(ctx context.Context, f func(*backup.Row) error) error {
	if s.grant != nil {
		return &FencedError{Peer: s.grant.Peer, Held: s.grant.Epoch}
	}
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, s.pool.Pool, opts, func(tx pgx.Tx) error {
		if err := s.unhurried(ctx, tx); err != nil {
			return err
		}
		if s.ring != nil {
			if err := s.learn(ctx, tx); err != nil {
				return fmt.Errorf("postgres: %w", err)
			}
		}
		e := &exporter{s: s, ctx: ctx, tx: tx, f: f}
		for _, walk := range []func() error{e.values, e.preKeys, e.marks, e.peers, e.senderKeys} {
			if err := walk(); err != nil {
				return err
			}
		}
		return nil
	})
}

// unhurried lets a transaction wait for the other end of a backup.
func (s *Store) unhurried(ctx context.Context, tx pgx.Tx) error {
	if s.pool.portable {
		return nil
	}
	_, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`)
	return err
}

type exporter struct {
	s   *Store
	ctx context.Context
	tx  pgx.Tx
	f   func(*backup.Row) error
}

// each runs a query with the owner for its parameter.
func (e *exporter) each(query string, row func(scan func(...any) error) error) error {
	rows, _ := e.tx.Query(e.ctx, query, e.s.owner) // the error comes again at the end
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// table walks over one of the tables with versions.
func (e *exporter) table(of table, order string, r *backup.Row, columns []any, k func() key) error {
	query := `SELECT ` + onTable[of].key + `, version, seal, sum, value FROM ` + onTable[of].name + ` WHERE owner = $1` + order
	return e.each(query, func(scan func(...any) error) (err error) {
		var version, seal, sum int64
		var value []byte
		if err := scan(append(columns[:len(columns):len(columns)], &version, &seal, &sum, &value)...); err != nil {
			return err
		}
		key := k()
		if value, err = e.s.whole(seal, sum, key.place(version), value); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
		r.Value = notNull(value)
		return e.f(r)
	})
}

func (e *exporter) values() error {
	var name []byte
	r := &backup.Row{Kind: backup.Value}
	return e.table(values, "", r, []any{&name}, func() key {
		r.Name = string(name)
		return key{table: values, name: r.Name}
	})
}

// kinds are the kinds of prekey there and here.
var kinds = map[kind]backup.Kind{oneTime: backup.PreKey, signed: backup.SignedPreKey, kem: backup.KEMPreKey}

func (e *exporter) preKeys() error {
	var of kind
	var id int64
	r := new(backup.Row)
	return e.table(preKeys, ` ORDER BY kind`, r, []any{&of, &id}, func() key {
		r.Kind, r.ID = kinds[of], uint32(id)
		return of.id(r.ID)
	})
}

func (e *exporter) marks() error {
	return e.each(`SELECT id, signed_id, base_key FROM signet_kem_mark WHERE owner = $1`, func(scan func(...any) error) error {
		var id, signedID int64
		r := backup.Row{Kind: backup.Mark}
		if err := scan(&id, &signedID, &r.Value); err != nil {
			return err
		}
		r.ID, r.SignedID = uint32(id), uint32(signedID)
		return e.f(&r)
	})
}

// peers reads a peer's row with its archive; there is none without the other.
func (e *exporter) peers() error {
	const query = `SELECT p.peer, p.peer_device, p.version, p.seal, p.identity_sum, p.record_sum, p.identity_key, p.record,
			a.version, a.seal, a.sum, a.value
		FROM signet_peer p LEFT JOIN signet_archive a
			ON a.owner = p.owner AND a.peer = p.peer AND a.peer_device = p.peer_device
		WHERE p.owner = $1`
	return e.each(query, func(scan func(...any) error) error {
		var name []byte
		var device, version, seal, identitySum, recordSum int64
		var archived, archiveSeal, archiveSum *int64
		var archive []byte
		r := backup.Row{Kind: backup.Peer}
		if err := scan(&name, &device, &version, &seal, &identitySum, &recordSum, &r.Identity, &r.Session,
			&archived, &archiveSeal, &archiveSum, &archive); err != nil {
			return err
		}
		r.Peer.Name, r.Peer.Device = string(name), uint32(device)
		if err := e.open(&r, version, seal, identitySum, recordSum); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
		if archived != nil {
			var err error
			if r.Archive, err = e.s.whole(*archiveSeal, *archiveSum, archiveKey(r.Peer).place(*archived), archive); err != nil {
				return fmt.Errorf("postgres: %w", err)
			}
		}
		if len(r.Identity)+len(r.Session)+len(r.Archive) == 0 {
			return nil
		}
		return e.f(&r)
	})
}

func (e *exporter) open(r *backup.Row, version, seal, identitySum, recordSum int64) (err error) {
	if len(r.Session) > 0 {
		if r.Session, err = e.s.whole(seal, recordSum, peerPlace("record", r.Peer, version), r.Session); err != nil {
			return err
		}
	}
	if r.Identity != nil {
		r.Identity, err = e.s.whole(seal, identitySum, peerPlace("identity_key", r.Peer, version), r.Identity)
	}
	return err
}

// whole opens a value that was read, and compares it with its check value if it is plain.
func (s *Store) whole(id, sum int64, p *seal.Place, value []byte) ([]byte, error) {
	if id == 0 {
		if err := check.Matches(sum, p, value); err != nil {
			return nil, err
		}
	}
	return s.ring.Open(id, p, value)
}

func (e *exporter) senderKeys() error {
	var name, group []byte
	var device int64
	r := &backup.Row{Kind: backup.SenderKey}
	return e.table(senderKeys, "", r, []any{&name, &device, &group}, func() key {
		r.Peer.Name, r.Peer.Device, r.Name = string(name), uint32(device), string(group)
		return senderKey(r.Peer, r.Name)
	})
}
