package interop

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/wire"
)

func (d *Device) groupCreate(distribution string) (message []byte, err error) {
	var a struct{ Message []byte }
	err = d.call("groupCreate", Fields{"distribution": distribution}, &a)
	return a.Message, err
}

func (d *Device) groupProcess(from Address, message []byte) error {
	return d.call("groupProcess", Fields{"from": from, "message": message}, nil)
}

func (d *Device) groupEncrypt(distribution string, plaintext []byte) (message []byte, err error) {
	var a struct{ Message []byte }
	err = d.call("groupEncrypt", Fields{"distribution": distribution, "plaintext": plaintext}, &a)
	return a.Message, err
}

func (d *Device) groupDecrypt(from Address, message []byte) ([]byte, error) {
	var a struct{ Plaintext []byte }
	err := d.call("groupDecrypt", Fields{"from": from, "message": message}, &a)
	return a.Plaintext, err
}

// A crowd is a group: senders in either implementation, and one receiver in both, each of which
// gets the same bytes in the same order and must say the same to all of them.
type crowd struct {
	t         *testing.T
	rng       *rand.Rand
	senders   []*member
	receivers map[string]*Device
	words     map[string]int
}

type member struct {
	address Address
	dev     *Device
	impl    string
	keys    [][]byte // distribution messages, also outdated ones
	sent    []posting

	// poisoned: a damaged key was accepted in this name. Nothing protects a distribution message but
	// the session that carries it, and a key that is known is not replaced (sealed-groups §10.5).
	poisoned bool
}

type posting struct{ message, plaintext []byte }

const distribution = "9D0652A3-dcc3-4d11-975f-74d61598733f"

// TestGroups compares what the implementations make of sender keys: of messages that arrive late,
// twice, damaged or from strangers, and of keys that come again or are replaced.
func TestGroups(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	total := make(map[string]int)
	for i := range max(3, *deliveries/400) {
		c := &crowd{
			t: t, rng: rand.New(rand.NewPCG(*seed, 1<<32|uint64(i))),
			receivers: make(map[string]*Device), words: make(map[string]int),
		}
		for j := range 4 {
			m := &member{address: Address{fmt.Sprint("member ", j), uint32(1 + j)}, impl: []string{ours, official}[j%2]}
			m.dev = f.device(t, f.peer(m.impl), Params{Address: m.address})
			c.senders = append(c.senders, m)
		}
		for _, impl := range f.implementations() {
			c.receivers[impl] = f.device(t, f.peer(impl), Params{Address: Address{"+14155550123", 9}})
		}
		for range 200 {
			c.step()
		}
		c.catchUp()
		for w, n := range c.words {
			total[w] += n
		}
	}
	t.Logf("seed %d: outcomes %v", *seed, total)
	for _, w := range []string{"", "duplicate", "no-sender-key", "invalid-signature", "invalid-message"} {
		require.NotZero(t, total[w], "no input led to %q", w)
	}
}

func (c *crowd) step() {
	m := c.senders[c.rng.IntN(len(c.senders))]
	switch p := c.rng.IntN(100); {
	case p < 8 || m.keys == nil:
		if _, err := m.dev.groupEncrypt(distribution, []byte{}); m.keys == nil {
			require.Equal(c.t, "no-sender-key", Word(err), "before the first distribution")
		}
		k, err := m.dev.groupCreate(distribution)
		require.NoError(c.t, err)
		m.keys = append(m.keys, k)
		if c.rng.IntN(4) > 0 {
			require.Empty(c.t, c.join(m.address, k))
		}
	case p < 12: // an old key, or somebody else's in this name
		other := c.senders[c.rng.IntN(len(c.senders))]
		if n := len(other.keys); n > 0 {
			c.join(m.address, other.keys[c.rng.IntN(n)])
		}
	case p < 20:
		k := c.damaged(m.keys[c.rng.IntN(len(m.keys))])
		if ahead(k) {
			return
		}
		if c.join(m.address, k) == "" {
			m.poisoned = true
		}
	case p < 60 || m.sent == nil:
		c.post(m, 1+c.rng.IntN(4))
		if c.rng.IntN(3) > 0 {
			c.decrypt(m, m.sent[len(m.sent)-1].message)
		}
	case p < 75:
		c.decrypt(m, c.damaged(m.sent[c.rng.IntN(len(m.sent))].message))
	default:
		c.decrypt(m, m.sent[c.rng.IntN(len(m.sent))].message)
	}
}

// ahead reports whether a distribution is of a message that is further ahead than a chain is walked. Ours
// goes on from there, so that a member who missed as many hears the sender again; the official client
// keeps the key that it knows, and stays where it is (docs/limits.md).
func ahead(distribution []byte) bool {
	var iteration uint32
	if len(distribution) < 1+64 {
		return false
	}
	for p := wire.Parse(distribution[1:]); p.Next(); {
		if p.Num() == 3 {
			p.Uint32(&iteration)
		}
	}
	return iteration > 25_000
}

func (c *crowd) post(m *member, n int) {
	for range n {
		plaintext := make([]byte, c.rng.IntN(300))
		for i := range plaintext {
			plaintext[i] = byte(c.rng.Uint32())
		}
		message, err := m.dev.groupEncrypt(distribution, plaintext)
		require.NoError(c.t, err)
		m.sent = append(m.sent, posting{message, plaintext})
	}
}

// catchUp lets every sender share its key once more and write: all receivers must read it, whatever
// keys they had accepted before.
func (c *crowd) catchUp() {
	for _, m := range c.senders {
		k, err := m.dev.groupCreate(distribution)
		require.NoError(c.t, err)
		require.Empty(c.t, c.join(m.address, k))
		c.post(m, 1)
		if word := c.decrypt(m, m.sent[len(m.sent)-1].message); !m.poisoned {
			require.Empty(c.t, word)
		}
	}
}

// join gives a distribution message to both receivers.
func (c *crowd) join(from Address, message []byte) string {
	c.t.Helper()
	a := c.receivers[ours].groupProcess(from, message)
	b := c.receivers[official].groupProcess(from, message)
	require.Equal(c.t, Word(b), Word(a), "%s: %v; %s: %v; distribution %x", ours, a, official, b, message)
	c.words[Word(a)]++
	return Word(a)
}

// decrypt gives a message to both receivers. What decrypts was sent: a wrong chain key gives, at
// times, padding that looks right.
func (c *crowd) decrypt(m *member, message []byte) string {
	c.t.Helper()
	x, a := c.receivers[ours].groupDecrypt(m.address, message)
	y, b := c.receivers[official].groupDecrypt(m.address, message)
	require.Equal(c.t, Word(b), Word(a), "%s: %v; %s: %v; message %x", ours, a, official, b, message)
	require.Equal(c.t, y, x)
	if a == nil {
		sent := false
		for _, p := range m.sent {
			sent = sent || bytes.Equal(p.message, message) && (m.poisoned || bytes.Equal(p.plaintext, x))
		}
		require.True(c.t, sent, "nobody wrote this")
	}
	c.words[Word(a)]++
	return Word(a)
}

// damaged changes a message or a distribution message: bits, length, or one of its fields.
func (c *crowd) damaged(b []byte) []byte {
	k := &conversation{t: c.t, rng: c.rng}
	if c.rng.IntN(2) == 0 {
		return k.damaged(b)
	}
	if fields, err := parseFields(b[1:]); err == nil && len(fields) > 0 { // a distribution is not signed
		return k.editField(b, 0)
	}
	return k.editField(b, 64)
}
