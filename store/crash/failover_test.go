package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/postgres"
	"signet.example/signet/store/postgres/pgtest"
)

const hosts = 3 // stores that work for the shop at once

// TestFailovers has the primary of a cluster fail again and again, ahead of its standby, while
// hosts work for one device. Its customers lose nothing: they notice a key that comes twice.
func TestFailovers(t *testing.T) {
	for _, replication := range []string{"async", "sync"} {
		if *replicationOnly == "" || *replicationOnly == replication {
			t.Run(replication, func(t *testing.T) { playFailovers(t, replication == "sync") })
		}
	}
}

// A fleet is the hosts of the shop, its customers, and the books.
type fleet struct {
	t         *testing.T
	hosts     []*session.Device
	stores    []*postgres.Store
	customers []*session.Device

	mu     sync.Mutex
	used   map[point]bool
	inbox  map[int64]bool // texts that the shop has acknowledged
	nextID int64

	sent, twice, taken, broken, begun, lost atomic.Int64
}

func playFailovers(t *testing.T, synchronous bool) {
	cluster := pgtest.StartCluster(t, synchronous)
	url := cluster.Database(t)
	f := &fleet{t: t, used: make(map[point]bool), inbox: make(map[int64]bool)}
	for range hosts {
		root, err := postgres.Open(ctx, url, &postgres.Options{AllowAsync: !synchronous, Wait: time.Minute, Seal: sealing()})
		require.NoError(t, err)
		defer root.Close()
		f.stores = append(f.stores, root)
		key, err := session.Identity(ctx, root)
		require.NoError(t, err)
		f.hosts = append(f.hosts, session.NewDevice(address(shop), key, root, nil))
	}
	require.NoError(t, f.stores[0].Update(ctx, signet.Address{}, func(tx session.Tx) error {
		_, err := tx.(*postgres.Tx).Pgx().Exec(ctx, schema[0])
		return err
	}))
	for i := range int64(customers) {
		f.customers = append(f.customers, session.NewDevice(address(i+1), signet.GenerateKey(), memory.New(), nil))
	}
	for range *failovers {
		f.round(cluster)
	}
	f.alive()
	t.Logf("%d failovers: %d messages of the shop, %d keys used twice, %d new messages taken for repetitions, %d not decrypted; "+
		"%d sessions begun; the cluster lost %d of %d acknowledged texts",
		*failovers, f.sent.Load(), f.twice.Load(), f.taken.Load(), f.broken.Load(), f.begun.Load(), f.lost.Load(), len(f.inbox))
	require.Zero(t, f.twice.Load()+f.taken.Load()+f.broken.Load())
	if synchronous {
		require.Zero(t, f.lost.Load())
	}
	require.NotZero(t, f.sent.Load())
}

// round has everybody talk, fails the primary over, and compares the books.
func (f *fleet) round(cluster *pgtest.Cluster) {
	stop, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, c := range f.customers {
		wg.Go(func() {
			for stop.Err() == nil {
				host := f.hosts[rand.IntN(hosts)]
				if f.say(host, c) == nil {
					f.answer(host, c)
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	err := cluster.Failover(rand.N(400 * time.Millisecond))
	time.Sleep(100 * time.Millisecond)
	cancel()
	wg.Wait()
	require.NoError(f.t, err)
	f.alive()
	f.compare()
}

// say sends from the shop. What Encrypt has returned the customer gets.
func (f *fleet) say(host, c *session.Device) error {
	m, err := host.Encrypt(ctx, c.Address(), []byte("hello"))
	if errors.Is(err, session.ErrNoSession) {
		if err = f.begin(host, c); err == nil {
			m, err = host.Encrypt(ctx, c.Address(), []byte("hello"))
		}
	}
	if err != nil {
		return err
	}
	at := pointOf(f.t, shop, &result{Type: m.Type, Body: m.Body})
	f.mu.Lock()
	if f.used[at] {
		f.twice.Add(1)
	}
	f.used[at] = true
	f.mu.Unlock()
	f.sent.Add(1)
	switch _, err = c.Decrypt(ctx, address(shop), m); {
	case errors.Is(err, ratchet.ErrDuplicate):
		f.taken.Add(1)
	case err != nil:
		f.broken.Add(1)
		f.t.Logf("%v: %s", err, positions(f.t, host, c, m))
	}
	return nil
}

func (f *fleet) begin(host, c *session.Device) error {
	p, err := c.PreKeys(ctx, 1)
	if err != nil {
		return err
	}
	b, err := p.NextBundle()
	if err != nil {
		return err
	}
	f.begun.Add(1)
	return host.Start(ctx, c.Address(), b)
}

// answer has a customer write to the shop, which keeps the text in the transaction of the
// decryption.
func (f *fleet) answer(host, c *session.Device) error {
	f.mu.Lock()
	f.nextID++
	id := f.nextID
	f.mu.Unlock()
	m, err := c.Encrypt(ctx, address(shop), []byte("hello yourself"))
	if err != nil {
		return err
	}
	if err := f.hear(host, c, id, m); err != nil {
		return err
	}
	f.mu.Lock()
	f.inbox[id] = true
	f.mu.Unlock()
	return nil
}

func (f *fleet) hear(host, c *session.Device, id int64, m session.Message) error {
	return host.DecryptTo(ctx, c.Address(), m, func(tx session.Tx, text []byte) error {
		_, err := tx.(*postgres.Tx).Pgx().Exec(ctx, `INSERT INTO inbox VALUES ($1, $2)`, id, string(text))
		return err
	})
}

// alive requires that every conversation goes both ways, with nobody's help.
func (f *fleet) alive() {
	for _, c := range f.customers {
		for i := range 2 {
			host := f.hosts[(i+rand.IntN(hosts))%hosts]
			require.NoError(f.t, f.say(host, c), "say %d", i)
			require.NoError(f.t, f.answer(host, c), "answer %d", i)
		}
	}
}

// compare counts the acknowledged texts that are not there any more.
func (f *fleet) compare() {
	there := make(map[int64]bool)
	require.NoError(f.t, f.stores[0].Update(ctx, signet.Address{}, func(tx session.Tx) error {
		rows, err := tx.(*postgres.Tx).Pgx().Query(ctx, `SELECT id FROM inbox`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			there[id] = true
		}
		return rows.Err()
	}))
	lost := int64(0)
	for id := range f.inbox {
		if !there[id] {
			lost++
		}
	}
	f.lost.Store(lost) // of all failovers: what is lost stays so
	if lost > 0 {
		f.t.Logf("%d acknowledged texts are lost by now", lost)
	}
}

// positions says where both ends of a conversation are, for a message that one of them does not
// open.
func positions(t *testing.T, from, to *session.Device, m session.Message) string {
	at := pointOf(t, 0, &result{Type: m.Type, Body: m.Body})
	s := fmt.Sprintf("message %d of chain %.4x", at.index, at.chain)
	for name, end := range map[string][2]*session.Device{"sender": {from, to}, "receiver": {to, from}} {
		b, err := end[0].Record(ctx, end[1].Address())
		if err != nil {
			s += fmt.Sprintf("; %s: %v", name, err)
			continue
		}
		for i, state := range states(b) {
			key, err := state.RatchetKey()
			next, newest := state.Received([]byte(at.chain))
			s += fmt.Sprintf("; %s, session %d: own chain %.4x (%v, may send: %v), of that chain it expects %d (newest: %v)",
				name, i, key.Bytes(), err, state.MaySend(), next, newest)
		}
	}
	return s
}

// states decodes the sessions of a record that decode.
func states(b []byte) (list []*ratchet.State) {
	add := func(b []byte) {
		s := new(ratchet.State)
		if s.UnmarshalBinary(b) == nil {
			list = append(list, s)
		}
	}
	current, previous, _ := wire.SplitRecord(b)
	if current != nil {
		add(current)
	}
	for len(previous) > 0 {
		b, _, rest, err := wire.NextPrevious(previous)
		if err != nil {
			break
		}
		add(b)
		previous = rest
	}
	return list
}

// positions is where both ends of a conversation in the database are; it is asked when one does not
// open a message.
func (d *director) positions(m *task) string {
	e, err := open(d.place)
	if err != nil {
		return err.Error()
	}
	ends := make([]*session.Device, 2)
	for i, id := range []int64{m.Peer, m.Device} {
		s, err := e.store(id)
		if err != nil {
			return err.Error()
		}
		ends[i] = session.NewDevice(address(id), signet.GenerateKey(), s, nil)
	}
	return positions(d.t, ends[0], ends[1], session.Message{Type: m.Type, Body: m.Body})
}
