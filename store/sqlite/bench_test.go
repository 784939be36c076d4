package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// peerOf spreads the work over a hundred peers.
func peerOf(i int) signet.Address {
	return signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: uint32(i%100 + 1)}
}

// recordOf returns 2 kB that differ for every i: SQLite does not write what has not changed.
func recordOf(i int) []byte {
	return binary.BigEndian.AppendUint64(bytes.Repeat([]byte{7}, 2040), uint64(i))
}

func step(s session.Store, i int) error {
	peer, record := peerOf(i), recordOf(i)
	return s.Update(context.Background(), peer, func(tx session.Tx) error {
		if _, err := tx.Session(peer); err != nil {
			return err
		}
		return tx.PutSession(peer, record)
	})
}

// BenchmarkUpdate is a ratchet step: read a record of 2 kB, replace it, durably.
func BenchmarkUpdate(b *testing.B) {
	b.Run("One", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "db"), nil)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if err := step(s, i); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("Parallel", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "db"), nil)
		var n atomic.Int64
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := step(s, int(n.Add(1))); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkFloor is the same work by the driver alone: the two statements, compiled once, on the
// same table.
func BenchmarkFloor(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "db"), nil)
	one := func(i int) error {
		tx, err := s.db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		p := peerOf(i)
		var old []byte
		var version, seal int64
		err = tx.Stmt(s.stmts[sessions.statement(get)]).QueryRow(0, p.Name, p.Device).Scan(&old, &version, &seal)
		if err != nil && err != sql.ErrNoRows {
			return err
		}
		if _, err := tx.Stmt(s.stmts[sessions.statement(put)]).Exec(0, p.Name, p.Device, recordOf(i), 0, 0); err != nil {
			return err
		}
		return tx.Commit()
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		require.NoError(b, one(i))
		i++
	}
}
