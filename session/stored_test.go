package session_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

func hmacOf(key []byte, b byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte{b})
	return h.Sum(nil)
}

// pqKeys are the keys of chains in a stored post-quantum state: of sending and of receiving, and
// the root (spqr §14).
func pqKeys(t *testing.T, state []byte) (sending, receiving, root [][]byte) {
	t.Helper()
	var walk func(b []byte, path string)
	walk = func(b []byte, path string) {
		for len(b) > 0 {
			num, kind, n := protowire.ConsumeTag(b)
			require.Positive(t, n)
			b = b[n:]
			if kind != protowire.BytesType {
				n = protowire.ConsumeFieldValue(num, kind, b)
				require.Positive(t, n)
				b = b[n:]
				continue
			}
			v, n := protowire.ConsumeBytes(b)
			require.Positive(t, n)
			b = b[n:]
			switch at := fmt.Sprint(path, num); at {
			case "2", "2.3", "2.3.1", "2.3.2":
				walk(v, at+".")
			case "2.3.1.2":
				sending = append(sending, v)
			case "2.3.2.2":
				receiving = append(receiving, v)
			case "2.4":
				root = append(root, v)
			}
		}
	}
	walk(state, "")
	return sending, receiving, root
}

// lost are those of before that after does not have.
func lost(before, after [][]byte) (list [][]byte) {
	for _, k := range before {
		if !bytes.Contains(bytes.Join(after, nil), k) {
			list = append(list, k)
		}
	}
	return list
}

// TestStoredRowForgets: after each step the row that is stored has nothing any more of what the
// step used up: chain keys, the seed of the message, root keys and private ratchet keys of before a
// turn, in both halves. So whoever reads the store later reads no earlier message with it.
func TestStoredRowForgets(t *testing.T) {
	for _, version := range []int{3, 4} {
		for _, keeping := range []bool{true, false} {
			t.Run(fmt.Sprintf("version %d, kept decoded %v", version, keeping), func(t *testing.T) {
				testStoredRow(t, version, keeping)
			})
		}
	}
}

func testStoredRow(t *testing.T, version int, keeping bool) {
	opts := session.Options{AllowX3DH: true}
	ends := [2]*party{newParty(aliceAddr, opts), newParty(bobAddr, opts)}
	if !keeping {
		for _, p := range ends {
			p.Device = session.NewDevice(p.addr, p.key, bytesOnly{p.store}, p.opts)
		}
	}
	b := ends[1].bundle(t, 1)
	if version == 3 {
		b = withoutKEM(t, b)
	}
	require.NoError(t, ends[0].Start(ctx, bobAddr, b))
	deliver(t, ends[0], ends[1], "hello")

	var dead [2][][]byte // what must not be in the row of an end any more
	turns, skipped, epochs := 0, 0, 0
	step := func(i int, f func(before *wire.Session) [][]byte) {
		p, peer := ends[i], ends[1-i].addr
		before := current(t, p.store, peer)
		dead[i] = append(dead[i], f(&before)...)
		after := current(t, p.store, peer)
		if !bytes.Equal(before.RootKey, after.RootKey) { // a turn of the ratchet
			turns++
			dead[i] = append(dead[i], before.RootKey, before.Sender.Key, before.Sender.RatchetPriv)
		}
		_, _, rootBefore := pqKeys(t, before.PQ)
		_, _, rootAfter := pqKeys(t, after.PQ)
		gone := lost(rootBefore, rootAfter)
		epochs += len(gone)
		dead[i] = append(dead[i], gone...)
		row := rows(t, p.store, peer)
		for _, k := range dead[i] {
			require.Len(t, k, 32)
			require.NotContains(t, string(row.Session)+string(row.Archive), string(k))
		}
	}
	encrypt := func(i int) (m session.Message) {
		step(i, func(before *wire.Session) [][]byte {
			m = send(t, ends[i], ends[1-i], "x")
			used := [][]byte{before.Sender.Key, hmacOf(before.Sender.Key, 1)}
			was, _, _ := pqKeys(t, before.PQ)
			after := current(t, ends[i].store, ends[1-i].addr)
			is, _, _ := pqKeys(t, after.PQ)
			gone := lost(was, is)
			require.True(t, len(was) == 0 || len(gone) > 0)
			return append(used, gone...)
		})
		return m
	}
	r := rand.New(rand.NewPCG(3, uint64(version)))
	var late [2][]session.Message // on their way to an end, and overtaken
	for round := range 120 {
		i := round % 2
		way := late[1-i]
		for range 1 + r.IntN(4) {
			way = append(way, encrypt(i))
		}
		r.Shuffle(len(way), func(a, b int) { way[a], way[b] = way[b], way[a] })
		keep := r.IntN(min(3, len(way)))
		late[1-i] = way[:keep:keep]
		for _, m := range way[keep:] {
			step(1-i, func(before *wire.Session) [][]byte {
				receive(t, ends[i], ends[1-i], m, "x")
				return usedToOpen(t, before, m, &skipped)
			})
		}
	}
	require.Greater(t, turns, 50)
	require.Greater(t, skipped, 20)
	if version == 4 {
		require.Greater(t, epochs, 2)
	}
}

// usedToOpen is what of a session was used up by opening m: the chain's keys up to the message's,
// and its seed.
func usedToOpen(t *testing.T, before *wire.Session, m session.Message, skipped *int) (used [][]byte) {
	t.Helper()
	body := m.Body
	if m.Type == session.TypePreKey {
		p, err := wire.ParsePreKeyMessage(body)
		require.NoError(t, err)
		body = p.Message
	}
	w, err := wire.ParseSignalMessage(body)
	require.NoError(t, err)
	c := before.FindReceiver(w.RatchetKey)
	if c == nil {
		return nil // a new chain: its keys were never stored
	}
	if w.Counter < c.Index {
		*skipped++
		for rest := c.Skipped; len(rest) > 0; {
			k, _, after, err := wire.NextMessageKey(rest)
			require.NoError(t, err)
			if k.Index == w.Counter {
				used = append(used, k.Seed)
			}
			rest = after
		}
		require.Len(t, used, 1)
		return used
	}
	key := c.Key
	for range w.Counter - c.Index {
		used = append(used, key)
		key = hmacOf(key, 2)
	}
	return append(used, key, hmacOf(key, 1))
}
