package sqlite

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// childPath, if set in the environment, makes the test binary a writer on that database.
const childPath = "SIGNET_SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if key, err := hex.DecodeString(os.Getenv(childSender)); err == nil && len(key) > 0 {
			fmt.Fprintln(os.Stderr, sender(path, key))
			os.Exit(1)
		}
		if err := child(path, os.Getenv(childPath+"_ROUNDS") == ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const (
	childPeers  = 4
	childRounds = 50
)

// child counts in the rows of four peers at once and reports each commit on standard output. It
// goes on for ever or for childRounds commits a peer.
func child(path string, forever bool) error {
	s, err := Open(ctx, path, childOptions())
	if err != nil {
		return err
	}
	defer s.Close()
	var wg sync.WaitGroup
	errs := make([]error, childPeers)
	for p := range childPeers {
		wg.Go(func() {
			for i := 0; forever || i < childRounds; i++ {
				n, err := count(s, p)
				if err != nil {
					errs[p] = err
					return
				}
				fmt.Printf("%d %d\n", p, n) // one write: lines of goroutines do not mix
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// count adds one to a peer's counter. It is in two rows, a small one and one that takes many pages.
func count(s *Store, p int) (n uint32, err error) {
	peer := signet.Address{Name: "peer", Device: uint32(p + 1)}
	err = s.Update(ctx, peer, func(tx session.Tx) error {
		if n, err = counters(tx, p); err != nil {
			return err
		}
		n++
		b := binary.BigEndian.AppendUint32(nil, n)
		return errors.Join(tx.PutSession(peer, b), tx.PutArchive(peer, append(b, make([]byte, 20_000)...)))
	})
	return n, err
}

// counters reads a peer's counter and fails if its two rows differ.
func counters(tx session.Tx, p int) (uint32, error) {
	peer := signet.Address{Name: "peer", Device: uint32(p + 1)}
	small, err := tx.Session(peer)
	if err != nil {
		return 0, err
	}
	large, err := tx.Archive(peer)
	if err != nil || small == nil && large == nil {
		return 0, err
	}
	if len(small) != 4 || len(large) != 20_004 || string(small) != string(large[:4]) {
		return 0, fmt.Errorf("peer %d: half a transaction", p)
	}
	return binary.BigEndian.Uint32(small), nil
}

func startChild(t *testing.T, path string, forever bool) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path)
	if !forever {
		cmd.Env = append(cmd.Env, childPath+"_ROUNDS=1")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, out
}

// childSealed, if set in the environment, makes all of them seal.
const childSealed = childPath + "_SEALED"

func childOptions() *Options {
	if os.Getenv(childSealed) == "" {
		return nil
	}
	keys, err := seal.Key(make([]byte, seal.KeySize))
	if err != nil {
		panic(err)
	}
	return &Options{Seal: &seal.Options{Keys: keys}}
}

// TestProcesses has three processes and this one count in the same rows.
func TestProcesses(t *testing.T) {
	t.Run("plain", testProcesses)
	t.Run("sealed", func(t *testing.T) {
		t.Setenv(childSealed, "1")
		testProcesses(t)
	})
}

func testProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	var wg sync.WaitGroup
	for range 3 {
		cmd, out := startChild(t, path, false) // they race to create the file too
		wg.Go(func() {
			io.Copy(io.Discard, out)
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	s := open(t, path, childOptions())
	for p := range childPeers {
		wg.Go(func() {
			for range childRounds {
				if _, err := count(s, p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for p := range childPeers {
		update(t, s, func(tx session.Tx) error {
			n, err := counters(tx, p)
			require.Equal(t, uint32(4*childRounds), n)
			return err
		})
	}
}

// TestKill kills a process in the middle of its work, again and again, and looks after each death
// for what it had reported: that much is there, at most one step more, and no half of a
// transaction.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	deaths := 12
	if testing.Short() {
		deaths = 3
	}
	var before [childPeers]uint32
	for death := range deaths {
		cmd, out := startChild(t, path, true)
		reported := make(chan [childPeers]uint32)
		started := make(chan struct{})
		go func() { reported <- readReports(out, started) }()
		<-started
		time.Sleep(time.Duration(death*death) * 317 * time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		last := <-reported
		cmd.Wait() // it was killed, that is its error

		s := open(t, path, childOptions()) // while nobody cleaned up
		for p := range childPeers {
			update(t, s, func(tx session.Tx) error {
				n, err := counters(tx, p)
				least := max(last[p], before[p])
				require.GreaterOrEqual(t, n, least, "a commit that was reported is lost")
				require.LessOrEqual(t, n, least+1, "a commit that nobody made")
				before[p] = n
				return err
			})
		}
		if death%2 == 0 { // otherwise the next child meets an open file
			require.NoError(t, s.Close())
		}
	}
	require.NotZero(t, before)
}

// readReports returns the last counter reported for each peer. It closes started at the first.
func readReports(out io.Reader, started chan<- struct{}) (last [childPeers]uint32) {
	r := bufio.NewReader(out)
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		if first {
			close(started)
		}
		if err != nil { // a line cut short was not reported
			return last
		}
		var p int
		var n uint32
		if _, err := fmt.Fscanf(strings.NewReader(line), "%d %d\n", &p, &n); err == nil && p < childPeers {
			last[p] = n
		}
	}
}
