package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
	"signet.example/signet/store/seal"
)

// batch is how many rows Reseal takes in one transaction.
const batch = 64

// Reseal seals all rows that are plain or under an older data key under the newest, some at a time
// while others work, and then forgets the older keys. It returns how many rows it sealed. If it is
// interrupted, calling it again goes on. It takes sessions that are delegated, too.
func (s *Store) Reseal(ctx context.Context) (rows int, err error) {
	if s.ring == nil {
		return 0, errNotSealed
	}
	walks := []func(t *Tx, after []any) ([]any, int, error){(*Tx).resealPeers}
	for of := range tables {
		walks = append(walks, func(t *Tx, after []any) ([]any, int, error) { return t.resealRows(of, after) })
	}
	for _, walk := range walks {
		for after, more := []any(nil), true; more; {
			var last []any
			var n int
			err := s.update(ctx, signet.Address{}, true, func(t *Tx) (err error) {
				last, n, err = walk(t, after)
				return err
			})
			if err != nil {
				return rows, err
			}
			after, rows, more = last, rows+n, n > 0
		}
	}
	if err := s.alone(ctx, func(tx pgx.Tx, current int64) error { return s.retire(ctx, tx, current) }); err != nil {
		return rows, fmt.Errorf("postgres: reseal: %w", err)
	}
	return rows, nil
}

// outdated selects keys of rows that are not under the current data key, behind a key.
func (t *Tx) outdated(from, key string, after []any) (pgx.Rows, error) {
	sql := `SELECT ` + key + ` FROM ` + from + ` owner = $1 AND seal <> $2`
	if after != nil {
		var params []string
		for i := range after {
			params = append(params, fmt.Sprintf("$%d", i+3))
		}
		sql += ` AND (` + key + `) > (` + strings.Join(params, ", ") + `)`
	}
	sql += fmt.Sprintf(` ORDER BY %s LIMIT %d`, key, batch)
	return t.pgx.Query(t.ctx, sql, append([]any{t.store.owner, t.seal}, after...)...)
}

// What of signet_peer is sealed at all.
const peersWithValues = `signet_peer WHERE (octet_length(record) > 0 OR identity_key IS NOT NULL) AND`

func (t *Tx) resealPeers(after []any) (last []any, n int, err error) {
	rows, _ := t.outdated(peersWithValues, "peer, peer_device", after)
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (a signet.Address, err error) {
		var name []byte
		var device int64
		err = r.Scan(&name, &device)
		return signet.Address{Name: string(name), Device: uint32(device)}, err
	})
	if err != nil {
		return nil, 0, t.fail(err)
	}
	for _, a := range list {
		p, err := t.peer(a)
		if err != nil {
			return nil, 0, err
		}
		p.dirty, t.dirty = true, true
		last = []any{[]byte(a.Name), int64(a.Device)}
	}
	return last, len(list), nil
}

func (t *Tx) resealRows(of table, after []any) (last []any, n int, err error) {
	rows, _ := t.outdated(onTable[of].name+" WHERE", onTable[of].key, after)
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (k key, err error) {
		var name, within []byte
		var id int64
		switch k.table = of; of {
		case preKeys:
			err = r.Scan(&k.kind, &id)
		case values:
			err = r.Scan(&name)
		case senderKeys:
			err = r.Scan(&name, &id, &within)
		default: // archives
			err = r.Scan(&name, &id)
		}
		k.name, k.id, k.within = string(name), uint32(id), string(within)
		return k, err
	})
	if err != nil {
		return nil, 0, t.fail(err)
	}
	for _, k := range list {
		r, err := t.read(k)
		if err == nil && r.damaged != nil {
			err = t.fail(r.damaged)
		}
		if err == nil && r.present { // it may have been consumed meanwhile
			err = t.write(k, r.value, true)
		}
		if err != nil {
			return nil, 0, err
		}
		last = k.args(0)[1:]
	}
	return last, len(list), nil
}

// retire deletes the older data keys, if no row needs one.
func (s *Store) retire(ctx context.Context, tx pgx.Tx, current int64) error {
	from := []string{peersWithValues}
	for _, t := range onTable {
		from = append(from, t.name+" WHERE")
	}
	for _, f := range from {
		var there bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+f+` owner = $1 AND seal <> $2)`, s.owner, current).Scan(&there)
		if err != nil {
			return err
		}
		if there {
			return fmt.Errorf("%w: rows appeared meanwhile; reseal again", seal.ErrPlain)
		}
	}
	_, err := tx.Exec(ctx, `DELETE FROM signet_seal_key WHERE owner = $1 AND id < $2`, s.owner, current)
	return err
}
