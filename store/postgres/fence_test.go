package postgres

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/postgres/pgtest"
)

// A job is what a second process of this test does: it encrypts to alice until it may not.
type job struct {
	URL      string
	Identity []byte
	Grant    *Grant // nil: as a host of the device
}

// A report is a line of its output: a message, or how it ended.
type report struct {
	Message *session.Message `json:",omitempty"`
	Fenced  *FencedError     `json:",omitempty"`
	Error   string           `json:",omitempty"`
}

func child(text string) int {
	out := json.NewEncoder(os.Stdout)
	var j job
	err := json.Unmarshal([]byte(text), &j)
	if err == nil {
		err = j.run(out)
	}
	var fenced *FencedError
	if errors.As(err, &fenced) {
		out.Encode(report{Fenced: fenced})
		return 0
	}
	out.Encode(report{Error: fmt.Sprint(err)})
	return 1
}

func (j *job) run(out *json.Encoder) error {
	s, err := Open(ctx, j.URL, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	if j.Grant != nil {
		s = s.Under(*j.Grant)
	}
	key, err := signet.NewPrivateKey(j.Identity)
	if err != nil {
		return err
	}
	device := session.NewDevice(bob, key, s, nil)
	for i := 0; ; i++ {
		m, err := device.Encrypt(ctx, alice, fmt.Append(nil, "the other host says ", i))
		if err != nil {
			if m.Body != nil {
				return errors.New("a ciphertext without its commit")
			}
			return err
		}
		if err := out.Encode(report{Message: &m}); err != nil {
			return err
		}
	}
}

// A stage is a conversation of bob, whose store is under test, with alice.
type stage struct {
	url   string
	store *Store
	key   *signet.PrivateKey
	alice *session.Device
	used  map[uint32]bool // counters: bob only sends, so there is one chain
}

func newStage(t *testing.T) *stage {
	st := &stage{url: pgtest.Shared(t).Database(t), key: signet.GenerateKey(), used: make(map[uint32]bool)}
	st.store = open(t, st.url, nil)
	st.alice = session.NewDevice(alice, signet.GenerateKey(), memory.New(), nil)
	published, err := st.alice.PreKeys(ctx, 1)
	require.NoError(t, err)
	bundle, err := published.NextBundle()
	require.NoError(t, err)
	require.NoError(t, st.bob().Start(ctx, alice, bundle))
	st.hear(t, st.say(t))
	m, err := st.alice.Encrypt(ctx, bob, []byte("well"))
	require.NoError(t, err)
	_, err = st.bob().Decrypt(ctx, alice, m)
	require.NoError(t, err)
	st.used = make(map[uint32]bool)
	return st
}

func (st *stage) bob() *session.Device { return session.NewDevice(bob, st.key, st.store, nil) }

func (st *stage) say(t *testing.T) session.Message {
	m, err := st.bob().Encrypt(ctx, alice, []byte("the first host says"))
	require.NoError(t, err)
	return m
}

// hear has alice decrypt a message and returns its counter, which must be new.
func (st *stage) hear(t *testing.T, m session.Message) uint32 {
	_, err := st.alice.Decrypt(ctx, bob, m)
	require.NoError(t, err)
	if m.Type != session.TypeSignal {
		return 0
	}
	s, err := wire.ParseSignalMessage(m.Body)
	require.NoError(t, err)
	require.False(t, st.used[s.Counter], "a message key used twice")
	st.used[s.Counter] = true
	return s.Counter
}

// other starts the other host and takes the right from it once it has sent a few messages. It
// returns how the host ended and how many messages it sent.
func (st *stage) other(t *testing.T, g *Grant, end func()) (fenced *FencedError, sent int) {
	text, err := json.Marshal(job{st.url, st.key.Bytes(), g})
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childJob+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var ended atomic.Bool
	for lines.Scan() {
		var r report
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		switch {
		case r.Message != nil:
			st.hear(t, *r.Message)
			if sent++; sent == 25 {
				go func() { end(); ended.Store(true) }()
			}
		case r.Fenced != nil:
			require.Eventually(t, ended.Load, 5*time.Second, time.Millisecond)
			return r.Fenced, sent
		default:
			require.Fail(t, r.Error)
		}
	}
	require.Fail(t, "the other host said nothing")
	return nil, 0
}

// TestRevoke is custody with two processes: the session goes to another host, which sends until it
// is taken back. What that host could not commit was not sent, and the first host goes on behind
// the last message that was.
func TestRevoke(t *testing.T) {
	st := newStage(t)
	first := st.hear(t, st.say(t))
	for round := range 3 {
		g, err := st.store.Delegate(ctx, alice)
		require.NoError(t, err)
		var fenced *FencedError
		_, err = st.bob().Encrypt(ctx, alice, []byte("x"))
		require.ErrorAs(t, err, &fenced)
		require.Equal(t, &FencedError{Peer: alice, Epoch: g.Epoch}, fenced)

		ended, sent := st.other(t, &g, func() { require.NoError(t, st.store.Revoke(ctx, alice)) })
		require.Equal(t, &FencedError{Peer: alice, Held: g.Epoch, Epoch: g.Epoch + 1}, ended)
		next := st.hear(t, st.say(t))
		require.Equal(t, first+uint32(sent)+1, next, "round %d: messages committed and messages sent differ", round)
		first = next
	}
}

// TestTakeOver shuts a host in another process out of the whole device.
func TestTakeOver(t *testing.T) {
	st := newStage(t)
	first := st.hear(t, st.say(t))
	ended, sent := st.other(t, nil, func() { require.NoError(t, st.store.TakeOver(ctx)) })
	require.Equal(t, &FencedError{Held: 1, Epoch: 2}, ended)
	require.Equal(t, first+uint32(sent)+1, st.hear(t, st.say(t)))
}

// TestFences walks through who may commit where.
func TestFences(t *testing.T) {
	for _, portable := range []bool{false, true} {
		opts := &Options{portable: portable}
		url := pgtest.Shared(t).Database(t)
		home, old := open(t, url, opts), open(t, url, opts)
		put := func(s *Store, named, peer signet.Address) error {
			return s.Update(ctx, named, func(tx session.Tx) error { return tx.PutSession(peer, []byte("x")) })
		}
		refused := func(err error, want FencedError) {
			t.Helper()
			var fenced *FencedError
			require.ErrorAs(t, err, &fenced)
			require.Equal(t, want, *fenced)
		}
		g1, err := home.Delegate(ctx, alice)
		require.NoError(t, err)
		g2, err := home.Delegate(ctx, alice)
		require.NoError(t, err)
		refused(put(old.Under(g1), alice, alice), FencedError{alice, 1, 2})
		require.NoError(t, put(old.Under(g2), alice, alice))
		refused(put(old.Under(g2), bob, bob), FencedError{bob, 2, 0})
		refused(put(old.Under(g2), alice, bob), FencedError{bob, 2, 0})
		refused(put(old.Under(g2), signet.Address{}, alice), FencedError{Held: 2})
		refused(put(home, bob, alice), FencedError{alice, 0, 2})
		_, err = home.Under(g2).Delegate(ctx, alice)
		refused(err, FencedError{Peer: alice, Held: 2})
		refused(home.Under(g2).TakeOver(ctx), FencedError{Peer: alice, Held: 2})
		require.NoError(t, put(old, bob, bob))
		require.NoError(t, old.UpdateAll(ctx, []signet.Address{bob, {}}, func(tx session.Tx) error { return tx.PutSession(bob, nil) }))
		refused(old.UpdateAll(ctx, []signet.Address{bob, alice}, func(session.Tx) error { return nil }), FencedError{alice, 0, 2})

		require.NoError(t, home.TakeOver(ctx))
		refused(put(old, bob, bob), FencedError{Held: 1, Epoch: 2})
		refused(old.Revoke(ctx, alice), FencedError{Held: 1, Epoch: 2})
		require.NoError(t, put(home, bob, bob))
		require.NoError(t, put(old.Under(g2), alice, alice), "a delegation is not touched by a change of hosts")
		require.NoError(t, home.Revoke(ctx, alice))
		refused(put(old.Under(g2), alice, alice), FencedError{alice, 2, 3})
		require.NoError(t, put(home, alice, alice))
		require.NoError(t, put(open(t, url, opts), alice, alice), "a host that comes later")
		refused(put(old, alice, alice), FencedError{Held: 1, Epoch: 2})
	}
}

// TestRevokeWaits has a transaction hold the row when the right to it is taken: either it commits
// before Revoke returns or never.
func TestRevokeWaits(t *testing.T) {
	home := open(t, pgtest.Shared(t).Database(t), nil)
	g, err := home.Delegate(ctx, alice)
	require.NoError(t, err)
	for name, end := range map[string]func() error{
		"Revoke":   func() error { return home.Revoke(ctx, alice) },
		"TakeOver": func() error { return home.TakeOver(ctx) },
	} {
		s, peer := home.Under(g), alice
		if name == "TakeOver" {
			s, peer = home, bob
		}
		inside, done := make(chan struct{}), make(chan error, 1)
		var committed atomic.Bool
		go func() {
			err := s.Update(ctx, peer, func(tx session.Tx) error {
				close(inside)
				time.Sleep(100 * time.Millisecond)
				return tx.PutSession(peer, []byte("x"))
			})
			committed.Store(err == nil)
			done <- err
		}()
		<-inside
		require.NoError(t, end())
		var version int64
		require.NoError(t, home.pool.QueryRow(ctx, `SELECT version FROM signet_peer WHERE peer = $1 AND record = 'x'`, []byte(peer.Name)).Scan(&version),
			"%s returned before the transaction was done", name)
		require.NoError(t, <-done)
	}
}
