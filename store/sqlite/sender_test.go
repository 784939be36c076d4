package sqlite

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/storetest"
)

// childSender, if set in the environment, makes a child a device that sends and reports what it was
// given to send.
const childSender = childPath + "_SENDER"

var senderSelf = signet.Address{Name: "sender", Device: 1}

func senderPeer(i int) signet.Address { return signet.Address{Name: "peer", Device: uint32(i + 1)} }

const senderPeers = 3

// sender encrypts to one peer and to all of them in turn, and reports each message once it was
// returned.
func sender(path string, key []byte) error {
	s, err := Open(ctx, path, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	k, err := signet.NewPrivateKey(key)
	if err != nil {
		return err
	}
	d := session.NewDevice(senderSelf, k, s, nil)
	for {
		sent, err := sendRound(d)
		if err != nil {
			return err
		}
		for _, m := range sent {
			fmt.Printf("%d %d %x\n", m.Peer.Device, m.Type, m.Body)
		}
	}
}

// sendRound is what Encrypt and EncryptAll return, and nothing that came with an error.
func sendRound(d *session.Device) (sent []session.Sent, err error) {
	m, err := d.Encrypt(ctx, senderPeer(0), []byte("to one"))
	if err == nil || m.Body != nil {
		sent = append(sent, session.Sent{Peer: senderPeer(0), Message: m})
	}
	if err != nil {
		return sent, err
	}
	var out []session.Outgoing
	for i := range senderPeers {
		out = append(out, session.Outgoing{Peer: senderPeer(i), Plaintext: []byte("to all")})
	}
	all, err := d.EncryptAll(ctx, out, nil)
	return append(sent, all...), err
}

// A crowd is a sender's peers, and every key that a message to them was seen under.
type crowd struct {
	key     *signet.PrivateKey
	devices []*session.Device
	used    map[string]bool
	inbox   []session.Sent
}

// newCrowd begins a session with each of the peers in the file.
func newCrowd(t *testing.T, path string) *crowd {
	c := &crowd{key: signet.GenerateKey(), used: make(map[string]bool)}
	s := open(t, path, nil)
	d := session.NewDevice(senderSelf, c.key, s, nil)
	theirs := signet.GenerateKey()
	for i := range senderPeers {
		p := session.NewDevice(senderPeer(i), theirs, memory.New(), nil)
		published, err := p.PreKeys(ctx, 1)
		require.NoError(t, err)
		bundle, err := published.NextBundle()
		require.NoError(t, err)
		require.NoError(t, d.Start(ctx, senderPeer(i), bundle))
		c.devices = append(c.devices, p)
	}
	require.NoError(t, s.Close())
	return c
}

// take notes messages that left, each of which has to be under a key of its own.
func (c *crowd) take(t *testing.T, sent []session.Sent) {
	for _, m := range sent {
		body := m.Body
		if m.Type == session.TypePreKey {
			p, err := wire.ParsePreKeyMessage(body)
			require.NoError(t, err)
			body = p.Message
		}
		s, err := wire.ParseSignalMessage(body)
		require.NoError(t, err)
		at := fmt.Sprintf("%s %x %d", m.Peer, s.RatchetKey, s.Counter)
		require.False(t, c.used[at], "two messages under one key: %s", at)
		c.used[at] = true
		c.inbox = append(c.inbox, m)
	}
}

// read has the peers decrypt all that was sent.
func (c *crowd) read(t *testing.T) {
	for _, m := range c.inbox {
		_, err := c.devices[m.Peer.Device-1].Decrypt(ctx, senderSelf, m.Message)
		require.NoError(t, err)
	}
}

// TestSentIsDurable: no message leaves before the step of its ratchet is in the file. Whatever call
// fails or is the last one of the process, the next process that opens the file encrypts under keys
// that no message was under.
func TestSentIsDurable(t *testing.T) {
	for mode, name := range map[storetest.Mode]string{storetest.Fail: "Fail", storetest.Die: "Die"} {
		t.Run(name, func(t *testing.T) {
			step := 1
			if testing.Short() {
				step = 7
			}
			for k, fired := 1, true; fired; k += step {
				path := filepath.Join(quick(t), fmt.Sprint(k))
				c := newCrowd(t, path)
				s := open(t, path, nil)
				faulty := storetest.FaultyAll(s, k, mode)
				d := session.NewDevice(senderSelf, c.key, faulty, nil)
				var sent []session.Sent
				storetest.Dies(func() {
					for range 2 {
						now, _ := sendRound(d)
						sent = append(sent, now...)
					}
				})
				fired = faulty.Fired()
				require.NoError(t, s.Close())
				c.take(t, sent)
				s = open(t, path, nil)
				sent, err := sendRound(session.NewDevice(senderSelf, c.key, s, nil))
				require.NoError(t, err)
				require.NoError(t, s.Close())
				c.take(t, sent)
				c.read(t)
				require.True(t, fired || k > 20, "the rounds did not reach the store")
			}
		})
	}
}

// TestKilledSender is the same with a process that is killed wherever it happens to be.
func TestKilledSender(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	c := newCrowd(t, path)
	deaths := 12
	if testing.Short() {
		deaths = 3
	}
	for death := range deaths {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childPath+"="+path, childSender+"="+hex.EncodeToString(c.key.Bytes()))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		started, reported := make(chan struct{}), make(chan []session.Sent)
		go func() { reported <- readSent(out, started) }()
		<-started
		time.Sleep(time.Duration(death*death) * 317 * time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		sent := <-reported
		cmd.Wait() // it was killed, that is its error

		s := open(t, path, nil)
		after, err := sendRound(session.NewDevice(senderSelf, c.key, s, nil))
		require.NoError(t, err)
		require.NoError(t, s.Close())
		c.take(t, sent)
		c.take(t, after)
	}
	c.read(t)
	require.GreaterOrEqual(t, len(c.used), 5*deaths, "a message of each process and four after its death")
}

// readSent returns what was reported. It closes started at the first line.
func readSent(out io.Reader, started chan<- struct{}) (sent []session.Sent) {
	r := bufio.NewReader(out)
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		if first {
			close(started)
		}
		if err != nil { // a line cut short did not leave
			return sent
		}
		var m session.Sent
		if _, err := fmt.Sscanf(line, "%d %d %x\n", &m.Peer.Device, &m.Type, &m.Body); err == nil {
			m.Peer.Name = "peer"
			sent = append(sent, m)
		}
	}
}
