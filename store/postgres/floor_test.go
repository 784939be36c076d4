package postgres

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/postgres/pgtest"
)

// BenchmarkServer is what a ratchet step costs the server in processor time, through the store and
// by the two statements that there have to be: the fence, the lock on first contact and the
// compare-and-swap are the difference. The two take turns of fifty steps, and the lower quartile of
// the turns counts, so that it says something on a machine that is busy with other things;
// TMPDIR=/dev/shm takes the disk out of it.
func BenchmarkServer(b *testing.B) {
	const sessions, size, turn = 2000, 5000, 50
	record := make([]byte, size)
	for i := range record {
		record[i] = byte(rand.Uint32())
	}
	s := open(b, pgtest.Shared(b).Database(b)+" pool_max_conns=1", nil)
	peers := make([]signet.Address, sessions)
	for i := range peers {
		peers[i] = signet.Address{Name: fmt.Sprint("9d0652a3-dcc3-4d11-975f-", i), Device: 1}
	}
	require.NoError(b, s.UpdateAll(ctx, peers, func(tx session.Tx) error {
		for _, p := range peers {
			if err := tx.PutSession(p, record); err != nil {
				return err
			}
		}
		return nil
	}))
	var store, floor []float64
	for b.Loop() {
		for _, c := range []struct {
			step func(s *Store, peer signet.Address, record []byte) error
			took *[]float64
		}{{stepOfStore, &store}, {stepOfFloor, &floor}} {
			busy := cpu(b, s)
			for range turn {
				next := bytes.Clone(record) // what has not changed is not logged
				for j := range 32 {
					next[j*size/32] = byte(rand.Uint32())
				}
				if err := c.step(s, peers[rand.IntN(sessions)], next); err != nil {
					b.Fatal(err)
				}
			}
			*c.took = append(*c.took, float64((cpu(b, s)-busy).Nanoseconds())/1000/turn)
		}
	}
	slices.Sort(store)
	slices.Sort(floor)
	b.ReportMetric(store[len(store)/4], "store-server-µs")
	b.ReportMetric(floor[len(floor)/4], "floor-server-µs")
}

func stepOfStore(s *Store, peer signet.Address, record []byte) error {
	return s.Update(ctx, peer, func(tx session.Tx) error {
		if _, err := tx.Session(peer); err != nil {
			return err
		}
		return tx.PutSession(peer, record)
	})
}

func stepOfFloor(s *Store, peer signet.Address, record []byte) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var old []byte
	read := new(pgx.Batch)
	read.Queue(`BEGIN`)
	read.Queue(`SELECT record FROM signet_peer WHERE owner = 1 AND peer = $1 AND peer_device = 1 FOR UPDATE`, []byte(peer.Name)).
		QueryRow(func(r pgx.Row) error { return r.Scan(&old) })
	if err := conn.SendBatch(ctx, read).Close(); err != nil {
		return err
	}
	write := new(pgx.Batch)
	write.Queue(`UPDATE signet_peer SET record = $1, record_sum = 0 WHERE owner = 1 AND peer = $2 AND peer_device = 1`, record, []byte(peer.Name))
	write.Queue(`COMMIT`)
	return conn.SendBatch(ctx, write).Close()
}
