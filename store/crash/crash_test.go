package crash

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"signet.example/signet/session"
	"signet.example/signet/store/postgres/pgtest"
)

var (
	messages        = flag.Int("crash.messages", 1000, "messages to be delivered")
	kills           = flag.Int("crash.kills", 20, "processes to be killed")
	restarts        = flag.Int("crash.restarts", 1, "kills of PostgreSQL")
	failovers       = flag.Int("crash.failovers", 1, "failovers of a cluster of PostgreSQL, of either kind of replication")
	replicationOnly = flag.String("crash.replication", "", "sync or async: that kind alone")
	seals           = flag.Bool("crash.sealed", false, "seal the rows")
)

// workerPlace, if set in the environment, makes the test binary a worker on that database.
const workerPlace = "SIGNET_CRASH_PLACE"

func TestMain(m *testing.M) {
	if place := os.Getenv(workerPlace); place != "" {
		if err := work(place); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	pgtest.Main(m)
}

func TestSQLite(t *testing.T) {
	play(t, "sqlite:"+filepath.Join(t.TempDir(), "db"), nil)
}

func TestPostgreSQL(t *testing.T) {
	server := pgtest.Start(t)
	play(t, "postgres:"+server.Database(t), server.Restart)
}

func play(t *testing.T, place string, restart func() error) {
	if *seals {
		t.Setenv(sealed, "1")
	}
	e, err := open(place)
	require.NoError(t, err)
	s, err := e.store(shop)
	require.NoError(t, err)
	require.NoError(t, s.Update(ctx, address(shop), func(tx session.Tx) error {
		for _, sql := range schema {
			if err := e.exec(tx, sql); err != nil {
				return err
			}
		}
		return nil
	}))
	closeStore(s)

	d := &director{t: t, place: place, restart: restart, want: size{*messages, *kills, *restarts},
		events: make(chan event, 1000), sent: make(map[int64]string), heard: make(map[int64]bool),
		used: make(map[point]string), begun: time.Now()}
	if restart == nil {
		d.want.restarts = 0
	}
	for c := range int64(customers) {
		d.pairs[c+1] = &pair{customer: c + 1, open: make(map[int64]int)}
	}
	d.run()
	d.audit(place)
	c := d.count
	t.Logf("%.0f s: %d messages acknowledged, %d decrypted, %d repeated and refused (%d so late that their chain was gone), %d of killed senders, %d unsure",
		time.Since(d.begun).Seconds(), c.sent, c.heard, c.repeated, c.late, c.lost, c.unsure)
	t.Logf("%d processes killed, %d of them at work; %d restarts of the server", c.kills, c.killedAtWork, c.restarts)
	t.Logf("%d sessions begun; %d rivals' races for a prekey, one winner each in %d; %d swaps of bare rows, %d of killed processes",
		c.sessions, c.contests, c.won, c.swaps, c.unknown)
}

func closeStore(s session.Store) {
	if c, ok := s.(interface{ Close() error }); ok {
		c.Close()
	}
}

// audit compares the books with the database.
func (d *director) audit(place string) {
	e, err := open(place)
	require.NoError(d.t, err)
	s, err := e.store(shop)
	require.NoError(d.t, err)
	defer closeStore(s)
	inbox := make(map[int64]string)
	consumed := make(map[string]int)
	require.NoError(d.t, s.Update(ctx, address(shop), func(tx session.Tx) error {
		if err := e.query(tx, `SELECT id, body FROM inbox`, func(scan func(...any) error) error {
			var id int64
			var text string
			err := scan(&id, &text)
			inbox[id] = text
			return err
		}); err != nil {
			return err
		}
		return e.query(tx, `SELECT kind, id FROM consumed`, func(scan func(...any) error) error {
			var kind, id int64
			err := scan(&kind, &id)
			consumed[fmt.Sprint(kind, " ", id)]++
			return err
		})
	}))
	undecryptable, wrong, twice := 0, 0, 0
	for id, text := range d.sent {
		switch got, ok := inbox[id]; {
		case !ok:
			undecryptable++
		case got != text:
			wrong++
		}
	}
	for _, n := range consumed {
		if n > 1 {
			twice++
		}
	}
	d.t.Logf("message keys seen: %d, used twice: 0; acknowledged messages not in the inbox: %d, with another text: %d; prekeys consumed: %d, twice: %d",
		len(d.used), undecryptable, wrong, len(consumed), twice)
	require.Zero(d.t, undecryptable+wrong+twice)
	require.NotEmpty(d.t, consumed)
	d.auditSwaps()
}

// auditSwaps asks whether what was seen of the bare rows is linearizable. A swap of a killed
// process that nobody has seen the value of is left out: it happened or not, and was the last or
// overwritten by another such one.
func (d *director) auditSwaps() {
	seen := make(map[string]bool)
	for _, s := range d.swaps {
		seen[s.found] = true
	}
	end := time.Since(d.begun)
	rows := make(map[int64][]porcupine.Operation)
	for i, s := range d.swaps {
		if !s.known && !seen[s.value] {
			continue
		}
		op := porcupine.Operation{ClientId: i, Input: *s, Call: int64(s.call), Return: int64(s.back)}
		if !s.known {
			op.Return = int64(end)
		}
		rows[s.row] = append(rows[s.row], op)
	}
	register := porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, in, _ any) (bool, any) {
			s := in.(swapped)
			return !s.known || s.found == state, s.value
		},
	}
	for row, history := range rows {
		require.Equal(d.t, porcupine.Ok, porcupine.CheckOperationsTimeout(register, history, time.Minute), "row %d", row)
	}
}
