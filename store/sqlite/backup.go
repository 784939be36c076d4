package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/backup"
	"signet.example/signet/store/internal/check"
)

// Export implements backup.Source. It reads one state of the file, over a connection of its own,
// and keeps nobody from writing; while it runs, the -wal file grows.
func (s *Store) Export(ctx context.Context, f func(*backup.Row) error) error {
	db, err := connect(s.path, new(atomic.Bool))
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `BEGIN DEFERRED`); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
	if s.ring != nil {
		if err := s.learn(ctx, conn); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
	e := &exporter{s: s, ctx: ctx, conn: conn, f: f}
	for _, walk := range []func() error{e.values, e.preKeys, e.marks, e.peers, e.senderKeys} {
		if err := walk(); err != nil {
			return err
		}
	}
	return nil
}

type exporter struct {
	s    *Store
	ctx  context.Context
	conn *sql.Conn
	f    func(*backup.Row) error
}

// A cell is a value with what it takes to open it.
type cell struct {
	value              []byte
	version, seal, sum sql.NullInt64
}

func (c *cell) fields() []any { return []any{&c.value, &c.version, &c.seal, &c.sum} }

// open opens a value that was read. It is nil if there is none.
func (e *exporter) open(k key, c *cell) ([]byte, error) {
	if !c.version.Valid || k.table == sessions && len(c.value) == 0 {
		return nil, nil
	}
	if c.seal.Int64 == 0 && e.s.ring.AllowPlain() {
		if err := check.Matches(c.sum.Int64, k.place(c.version.Int64), c.value); err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
	}
	b, err := e.s.ring.Open(c.seal.Int64, k.place(c.version.Int64), c.value)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return notNull(b), nil
}

// each runs a query with the device for its parameter.
func (e *exporter) each(query string, row func(scan func(...any) error) error) error {
	rows, err := e.conn.QueryContext(e.ctx, query, e.s.device)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

func (e *exporter) values() error {
	return e.each(`SELECT name, value, version, seal, sum FROM signet_value WHERE device = ?`, func(scan func(...any) error) (err error) {
		var c cell
		r := backup.Row{Kind: backup.Value}
		if err := scan(append([]any{&r.Name}, c.fields()...)...); err != nil {
			return err
		}
		if r.Value, err = e.open(valueKey(r.Name), &c); err != nil {
			return err
		}
		return e.f(&r)
	})
}

// kinds are the kinds of prekey there and here.
var kinds = map[int]backup.Kind{kindOneTime: backup.PreKey, kindSigned: backup.SignedPreKey, kindKEM: backup.KEMPreKey}

func (e *exporter) preKeys() error {
	return e.each(`SELECT kind, id, record, version, seal, sum FROM signet_prekey WHERE device = ? ORDER BY kind`, func(scan func(...any) error) (err error) {
		var c cell
		var kind int
		var r backup.Row
		if err := scan(append([]any{&kind, &r.ID}, c.fields()...)...); err != nil {
			return err
		}
		r.Kind = kinds[kind]
		if r.Value, err = e.open(preKey(kind, r.ID), &c); err != nil {
			return err
		}
		return e.f(&r)
	})
}

func (e *exporter) marks() error {
	return e.each(`SELECT id, signed_id, base_key FROM signet_kem_mark WHERE device = ?`, func(scan func(...any) error) error {
		r := backup.Row{Kind: backup.Mark}
		if err := scan(&r.ID, &r.SignedID, &r.Value); err != nil {
			return err
		}
		return e.f(&r)
	})
}

func (e *exporter) peers() error {
	join := func(table, as string) string {
		return fmt.Sprintf(` LEFT JOIN %s %s ON %[2]s.device = ?1 AND %[2]s.peer = p.peer AND %[2]s.peer_device = p.peer_device`, table, as)
	}
	query := `SELECT p.peer, p.peer_device, i.identity_key, i.version, i.seal, i.sum, s.record, s.version, s.seal, s.sum,
			a.record, a.version, a.seal, a.sum
		FROM (SELECT peer, peer_device FROM signet_identity WHERE device = ?1
			UNION SELECT peer, peer_device FROM signet_session WHERE device = ?1
			UNION SELECT peer, peer_device FROM signet_archive WHERE device = ?1) p` +
		join("signet_identity", "i") + join("signet_session", "s") + join("signet_archive", "a")
	return e.each(query, func(scan func(...any) error) (err error) {
		var identity, current, archive cell
		r := backup.Row{Kind: backup.Peer}
		into := append([]any{&r.Peer.Name, &r.Peer.Device}, identity.fields()...)
		if err := scan(append(append(into, current.fields()...), archive.fields()...)...); err != nil {
			return err
		}
		if r.Identity, err = e.open(peerKey(identities, r.Peer), &identity); err != nil {
			return err
		}
		if r.Session, err = e.open(peerKey(sessions, r.Peer), &current); err != nil {
			return err
		}
		if r.Archive, err = e.open(peerKey(archives, r.Peer), &archive); err != nil {
			return err
		}
		return e.f(&r)
	})
}

func (e *exporter) senderKeys() error {
	return e.each(`SELECT peer, peer_device, group_name, record, version, seal, sum FROM signet_sender_key WHERE device = ?`, func(scan func(...any) error) (err error) {
		var c cell
		r := backup.Row{Kind: backup.SenderKey}
		if err := scan(append([]any{&r.Peer.Name, &r.Peer.Device, &r.Name}, c.fields()...)...); err != nil {
			return err
		}
		if r.Value, err = e.open(senderKey(r.Peer, r.Name), &c); err != nil {
			return err
		}
		return e.f(&r)
	})
}

// Import implements backup.Target. Every other Update waits until it has ended.
func (s *Store) Import(ctx context.Context, f func(put func(*backup.Row) error) error) error {
	return s.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		t := tx.(*Tx)
		for _, of := range onTable {
			var there bool
			if err := t.sql.QueryRow(`SELECT EXISTS (SELECT 1 FROM `+of.name+` WHERE device = ?)`, s.device).Scan(&there); err != nil {
				return t.fail(err)
			}
			if there {
				return fmt.Errorf("sqlite: %w", backup.ErrNotEmpty)
			}
		}
		return f(func(r *backup.Row) error {
			err := t.restore(r)
			clear(t.sealing.versions) // they are not read again
			t.sealing.written = nil
			return err
		})
	})
}

func (t *Tx) restore(r *backup.Row) error {
	switch r.Kind {
	case backup.Value:
		return t.PutValue(r.Name, r.Value)
	case backup.PreKey:
		return t.PutPreKey(r.ID, r.Value)
	case backup.SignedPreKey:
		return t.PutSignedPreKey(r.ID, r.Value)
	case backup.KEMPreKey:
		return t.PutKEMPreKey(r.ID, r.Value)
	case backup.Mark:
		return t.MarkKEMPreKey(r.ID, r.SignedID, r.Value)
	case backup.SenderKey:
		return t.PutSenderKey(r.Peer, r.Name, r.Value)
	case backup.Peer:
		if r.Identity != nil {
			if err := t.PutIdentity(r.Peer, r.Identity); err != nil {
				return err
			}
		}
		if len(r.Session) > 0 {
			if err := t.PutSession(r.Peer, r.Session); err != nil {
				return err
			}
		}
		return t.PutArchive(r.Peer, r.Archive)
	}
	return fmt.Errorf("sqlite: a row of kind %d", r.Kind)
}
