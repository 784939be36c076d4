package group

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

func matches(err, target error) bool { return errors.Is(err, target) }

// guard is b in a slice with spare capacity full of 0xAA. That neither changed is checked when the
// test ends.
func guard(t testing.TB, b []byte) []byte {
	buf := append(append(make([]byte, 0, len(b)+64), b...), bytes.Repeat([]byte{0xaa}, 64)...)
	whole := bytes.Clone(buf)
	t.Cleanup(func() { require.Equal(t, whole, buf, "an input or its spare capacity was written to") })
	return buf[:len(b)]
}

var (
	alice = signet.Address{Name: "alice", Device: 1}
	bob   = signet.Address{Name: "bob", Device: 2}
	carol = signet.Address{Name: "carol", Device: 3}
	testI = DistributionID{1, 2, 3, 15: 9}
)

// wires are the two kinds of channel.
var wires = []struct {
	name    string
	channel func(self signet.Address, s Store) *Channel
	jump    uint64 // how far a chain is advanced at once
}{
	{"signal", func(self signet.Address, s Store) *Channel { return NewChannel(self, testI, s, nil) }, 25_000},
	{"whatsapp", func(self signet.Address, s Store) *Channel { return NewWhatsAppChannel(self, "1203@g.us", s, nil) }, 2_000},
}

// joined is alice's channel and bob's, who has joined it.
func joined(t testing.TB, channel func(signet.Address, Store) *Channel) (a, b *Channel) {
	t.Helper()
	a, b = channel(alice, memory.New()), channel(bob, memory.New())
	d, err := a.Distribution(ctx)
	require.NoError(t, err)
	require.NoError(t, b.Join(ctx, alice, guard(t, d)))
	return a, b
}

func send(t testing.TB, a *Channel, text string) []byte {
	t.Helper()
	m, err := a.Encrypt(ctx, guard(t, []byte(text)))
	require.NoError(t, err)
	return m
}

func receive(t testing.TB, b *Channel, from signet.Address, m []byte, text string) {
	t.Helper()
	got, err := b.Decrypt(ctx, from, guard(t, m))
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

// refuse wants an error that matches want, and nothing changed.
func refuse(t testing.TB, b *Channel, from signet.Address, m []byte, want error) {
	t.Helper()
	before, err := b.Record(ctx, from)
	require.NoError(t, err)
	got, err := b.Decrypt(ctx, from, guard(t, m))
	require.ErrorIs(t, err, want)
	require.Nil(t, got)
	after, err := b.Record(ctx, from)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestConversation(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := joined(t, w.channel)
			for i := range 40 { // all lengths around two blocks
				text := string(bytes.Repeat([]byte("x"), i))
				receive(t, b, alice, send(t, a, text), text)
			}
			big := string(bytes.Repeat([]byte("0123456789abcdef"), 4096))
			receive(t, b, alice, send(t, a, big), big)

			early, late := send(t, a, "early"), send(t, a, "late")
			receive(t, b, alice, late, "late")
			refuse(t, b, alice, late, ratchet.ErrDuplicate)
			receive(t, b, alice, early, "early")
			refuse(t, b, alice, early, ratchet.ErrDuplicate)

			// Who joins late reads what follows and nothing from before.
			c := w.channel(carol, memory.New())
			d, err := a.Distribution(ctx)
			require.NoError(t, err)
			refuse(t, c, alice, late, ErrNoSenderKey)
			require.NoError(t, c.Join(ctx, alice, d))
			refuse(t, c, alice, late, ratchet.ErrForgotten)
			m := send(t, a, "both")
			receive(t, b, alice, m, "both")
			receive(t, c, alice, m, "both")

			// After a rotation the old key, which a third party may have, is of no use for new messages.
			d, err = a.Renew(ctx)
			require.NoError(t, err)
			m = send(t, a, "new")
			refuse(t, b, alice, m, ErrNoSenderKey)
			require.NoError(t, b.Join(ctx, alice, d))
			receive(t, b, alice, m, "new")
			require.NoError(t, b.Forget(ctx, alice))
			refuse(t, b, alice, send(t, a, "x"), ErrNoSenderKey)
		})
	}
}

// Every flipped bit of a message is refused, and the message itself still decrypts afterwards.
func TestTampering(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := joined(t, w.channel)
			m := send(t, a, "message")
			before, err := b.Record(ctx, alice)
			require.NoError(t, err)
			for i := range 8 * len(m) {
				bad := bytes.Clone(m)
				bad[i/8] ^= 1 << (i % 8)
				got, err := b.Decrypt(ctx, alice, bad)
				require.Error(t, err, "bit %d", i)
				require.Nil(t, got)
			}
			for n := range m {
				_, err := b.Decrypt(ctx, alice, m[:n])
				require.Error(t, err, "%d bytes", n)
			}
			after, err := b.Record(ctx, alice)
			require.NoError(t, err)
			require.Equal(t, before, after)
			receive(t, b, alice, m, "message")
		})
	}
}

// The jump that a chain may make is 25 000 or 2000, by the wire.
func TestJump(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := joined(t, w.channel)
			limit := w.jump
			at := func(iteration uint64) []byte {
				row, err := a.Record(ctx, alice)
				require.NoError(t, err)
				states, err := parseRecord(row)
				require.NoError(t, err)
				skip(nil, &states[0], int(iteration)-int(states[0].Iteration))
				m, _, err := a.format.encrypt(nil, nil, appendRecord(states), a.id, []byte("far"))
				require.NoError(t, err)
				return m
			}
			refuse(t, b, alice, at(limit+1), session.ErrInvalidMessage)
			receive(t, b, alice, at(limit), "far")
			receive(t, b, alice, at(limit-1), "far")
			receive(t, b, alice, at(limit-maxSkipped), "far")
			if limit > maxSkipped {
				refuse(t, b, alice, at(limit-maxSkipped-1), ratchet.ErrForgotten)
			}
		})
	}
}

// Two jumps that skip more than is kept between them: the oldest keys go, across the jumps.
func TestEviction(t *testing.T) {
	a, b := joined(t, wires[0].channel)
	messages := make([][]byte, 2501)
	for i := range messages {
		messages[i] = send(t, a, fmt.Sprint(i))
	}
	receive(t, b, alice, messages[1500], "1500") // skips 0 to 1499
	receive(t, b, alice, messages[2500], "2500") // and 1501 to 2499: 499 too many
	refuse(t, b, alice, messages[0], ratchet.ErrForgotten)
	refuse(t, b, alice, messages[498], ratchet.ErrForgotten)
	refuse(t, b, alice, messages[1500], ratchet.ErrDuplicate)
	for _, i := range []int{499, 1499, 1501, 2499, 2000} {
		receive(t, b, alice, messages[i], fmt.Sprint(i))
		refuse(t, b, alice, messages[i], ratchet.ErrDuplicate)
	}
}

// The last iteration is one below the greatest counter, for both sides.
func TestChainEnd(t *testing.T) {
	a, b := joined(t, wires[0].channel)
	move := func(c *Channel, sender signet.Address, iteration uint32) {
		row, err := c.Record(ctx, sender)
		require.NoError(t, err)
		states, err := parseRecord(row)
		require.NoError(t, err)
		states[0].Iteration, states[0].Encoded = iteration, nil
		require.NoError(t, c.SetRecord(ctx, sender, appendRecord(states)))
	}
	move(a, alice, math.MaxUint32-1)
	move(b, alice, math.MaxUint32-1)
	receive(t, b, alice, send(t, a, "last"), "last")
	_, err := a.Encrypt(ctx, []byte("one more"))
	require.ErrorIs(t, err, errUsedUp)

	// A message at the greatest counter, which no sender can make, signed all the same.
	row, err := a.Record(ctx, alice)
	require.NoError(t, err)
	states, err := parseRecord(row)
	require.NoError(t, err)
	key, err := signet.NewPrivateKey(states[0].Private)
	require.NoError(t, err)
	m := signal.appendMessage(nil, &message{
		version: version, id: testI, chainID: states[0].ChainID, iteration: math.MaxUint32, ciphertext: make([]byte, 16),
	})
	signature, err := key.Sign(m)
	require.NoError(t, err)
	refuse(t, b, alice, append(m, signature[:]...), errUsedUp)
}

// Damaged records are refused where an operation needs what is damaged, and are left alone.
func TestDamagedRecords(t *testing.T) {
	a, b := joined(t, wires[0].channel)
	m := send(t, a, "message")
	own, err := a.Record(ctx, alice)
	require.NoError(t, err)
	others, err := b.Record(ctx, alice)
	require.NoError(t, err)
	parsed, err := signal.parseMessage(m)
	require.NoError(t, err)
	change := func(row []byte, f func(s *wire.SenderKeyState)) []byte {
		states, err := parseRecord(row)
		require.NoError(t, err)
		f(&states[0])
		states[0].Encoded = nil
		return appendRecord(states)
	}
	for _, c := range []struct {
		name                       string
		f                          func(s *wire.SenderKeyState)
		encrypt, describe, decrypt error
	}{
		{"nothing", func(*wire.SenderKeyState) {}, nil, nil, nil},
		{"version left out", func(s *wire.SenderKeyState) { s.Version = 0 }, nil, nil, nil},
		{"version 4", func(s *wire.SenderKeyState) { s.Version = 4 }, nil, nil, session.ErrVersion},
		{"version 256", func(s *wire.SenderKeyState) { s.Version = 256 }, ErrRecord, ErrRecord, session.ErrVersion},
		{"no chain", func(s *wire.SenderKeyState) { s.HasChain = false }, ErrRecord, ErrRecord, ErrRecord},
		{"no key", func(s *wire.SenderKeyState) { s.HasKey = false }, ErrRecord, ErrRecord, ErrRecord},
		{"short public key", func(s *wire.SenderKeyState) { s.Public = s.Public[:32] }, nil, ErrRecord, ErrRecord},
		{"short private key", func(s *wire.SenderKeyState) { s.Private = []byte{1} }, ErrRecord, nil, nil},
		{"another chain", func(s *wire.SenderKeyState) { s.ChainID++ }, nil, nil, ErrNoSenderKey},
		{"skipped keys", func(s *wire.SenderKeyState) { s.Iteration, s.Skipped = 1, []byte{0x22, 2, 1, 1} }, nil, nil, ErrRecord},
	} {
		_, _, err := signal.encrypt(nil, nil, change(own, c.f), testI, nil)
		require.ErrorIs(t, err, c.encrypt, c.name)
		_, err = describe(change(others, c.f), testI)
		require.ErrorIs(t, err, c.describe, c.name)
		_, _, err = signal.decrypt(nil, change(others, c.f), &parsed)
		require.ErrorIs(t, err, c.decrypt, c.name)
	}
	// A chain key may have any length (sealed-groups §10.2).
	_, _, err = signal.encrypt(nil, nil, change(own, func(s *wire.SenderKeyState) { s.ChainKey = s.ChainKey[:31] }), testI, nil)
	require.NoError(t, err)
	require.ErrorIs(t, a.SetRecord(ctx, alice, []byte{0xff}), ErrRecord)
	require.NoError(t, a.SetRecord(ctx, alice, nil))
	_, err = a.Encrypt(ctx, nil)
	require.ErrorIs(t, err, ErrNoSenderKey)
	_, err = join([]byte{0x0a, 1, 0xff}, &distribution{}, nil)
	require.ErrorIs(t, err, ErrRecord)
}

// A record with more than five states is tolerated until a new one comes.
func TestStates(t *testing.T) {
	var row []byte
	d := func(chain uint32, key byte) *distribution {
		return &distribution{version: 3, chainID: chain, chainKey: bytes.Repeat([]byte{9}, 32), key: signet.PublicKeyFromRaw([32]byte{key})}
	}
	chains := func(row []byte) (list []uint32) {
		states, err := parseRecord(row)
		require.NoError(t, err)
		for _, s := range states {
			list = append(list, s.ChainID)
		}
		return list
	}
	step := func(chain uint32, key byte) {
		var err error
		row, err = join(row, d(chain, key), nil)
		require.NoError(t, err)
	}
	for chain := range uint32(5) {
		step(chain, 1)
	}
	require.Equal(t, []uint32{4, 3, 2, 1, 0}, chains(row))
	step(2, 1)
	require.Equal(t, []uint32{2, 4, 3, 1, 0}, chains(row))
	step(3, 2) // another key: the old state goes
	require.Equal(t, []uint32{3, 2, 4, 1, 0}, chains(row))

	sixth, err := parseRecord(row)
	require.NoError(t, err)
	row = appendRecord(append(sixth, wire.SenderKeyState{ChainID: 77}))
	step(4, 1)
	require.Equal(t, []uint32{4, 3, 2, 1, 0, 77}, chains(row), "kept: nothing new was stored")
	step(8, 1)
	require.Equal(t, []uint32{8, 4, 3, 2, 1}, chains(row))
}

func TestWrongChannel(t *testing.T) {
	a, b := joined(t, wires[0].channel)
	other := NewChannel(bob, DistributionID{7}, b.store, nil)
	d, err := a.Distribution(ctx)
	require.NoError(t, err)
	require.ErrorIs(t, other.Join(ctx, alice, d), session.ErrInvalidMessage)
	refuse(t, other, alice, send(t, a, "x"), session.ErrInvalidMessage)
	refuse(t, b, carol, send(t, a, "x"), ErrNoSenderKey)
	row, err := other.Record(ctx, alice)
	require.NoError(t, err)
	require.Nil(t, row)
}

// A seeded source makes the same sender key and messages again.
func TestSeeded(t *testing.T) {
	run := func() []byte {
		ctx := entropy.With(ctx, entropy.Seeded([32]byte{4}))
		c := NewChannel(alice, testI, memory.New(), nil)
		d, err := c.Distribution(ctx)
		require.NoError(t, err)
		m, err := c.Encrypt(ctx, []byte("text"))
		require.NoError(t, err)
		parsed, err := signal.parseDistribution(d)
		require.NoError(t, err)
		require.Less(t, parsed.chainID, uint32(1<<31))
		return append(d, m...)
	}
	require.Equal(t, run(), run())
}

// The caller's rows commit with the step or not at all.
func TestTransactions(t *testing.T) {
	a, b := joined(t, wires[0].channel)
	mine := errors.New("mine")
	before, err := a.Record(ctx, alice)
	require.NoError(t, err)
	_, err = a.EncryptTo(ctx, []byte("x"), func(tx session.Tx, m []byte) error {
		require.NoError(t, tx.PutValue("outbox", m))
		return mine
	})
	require.Equal(t, mine, err)
	after, err := a.Record(ctx, alice)
	require.NoError(t, err)
	require.Equal(t, before, after)
	m, err := a.EncryptTo(ctx, []byte("x"), func(tx session.Tx, m []byte) error { return tx.PutValue("outbox", m) })
	require.NoError(t, err)
	require.Equal(t, m, value(t, a.store, "outbox"))

	require.Equal(t, mine, b.DecryptTo(ctx, alice, m, func(tx session.Tx, _ []byte) error {
		require.NoError(t, tx.PutValue("inbox", []byte("lost")))
		return mine
	}))
	require.Nil(t, value(t, b.store, "inbox"))
	require.Equal(t, ErrNoSenderKey, b.DecryptTo(ctx, alice, m, func(session.Tx, []byte) error { return ErrNoSenderKey }),
		"the caller's error is its own")
	require.NoError(t, b.DecryptTo(ctx, alice, m, func(tx session.Tx, text []byte) error { return tx.PutValue("inbox", text) }))
	require.Equal(t, "x", string(value(t, b.store, "inbox")))
	refuse(t, b, alice, m, ratchet.ErrDuplicate)
}

func value(t *testing.T, s Store, name string) (v []byte) {
	t.Helper()
	require.NoError(t, s.Update(ctx, alice, func(tx session.Tx) (err error) {
		b, err := tx.Value(name)
		v = bytes.Clone(b)
		return err
	}))
	return v
}

type plainTx struct{ session.Tx }
type plainStore struct{ Store }

func (s plainStore) Update(c context.Context, p signet.Address, f func(session.Tx) error) error {
	return s.Store.Update(c, p, func(tx session.Tx) error { return f(plainTx{tx}) })
}

// A store without sender keys is a clear error, not a panic.
func TestPlainStore(t *testing.T) {
	c := NewChannel(alice, testI, plainStore{memory.New()}, nil)
	_, err := c.Distribution(ctx)
	require.ErrorContains(t, err, "keeps no sender keys")
}

// Many goroutines on one channel: every message has a key of its own, and each decrypts once.
func TestConcurrency(t *testing.T) {
	a, b := joined(t, wires[0].channel)
	const n = 64
	var mu sync.Mutex
	iterations, texts := make(map[uint32]bool), make(map[string]int)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			m, err := a.Encrypt(ctx, fmt.Append(nil, i))
			if err != nil {
				t.Error(err)
				return
			}
			parsed, err := signal.parseMessage(m)
			if err != nil {
				t.Error(err)
			}
			for range 2 {
				text, err := b.Decrypt(ctx, alice, m)
				mu.Lock()
				iterations[parsed.iteration] = true
				if err == nil {
					texts[string(text)]++
				} else if !errors.Is(err, ratchet.ErrDuplicate) {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, iterations, n)
	require.Len(t, texts, n)
	for text, times := range texts {
		require.Equal(t, 1, times, text)
	}
}

func TestDistributionID(t *testing.T) {
	const text = "d1d1d1d1-7000-41eb-b32a-33b8a8a487a6"
	require.Equal(t, text, vectorID.String())
	upper, err := ParseDistributionID("D1D1D1D1-7000-41EB-B32A-33B8A8A487A6")
	require.NoError(t, err)
	require.Equal(t, vectorID, upper)
	for _, bad := range []string{"", text[:35], text + "0", "g" + text[1:], "d1d1d1d170-00-41eb-b32a-33b8a8a487a6", "{1d1d1d1-7000-41eb-b32a-33b8a8a487a}"} {
		_, err := ParseDistributionID(bad)
		require.Error(t, err, bad)
	}
	b, err := json.Marshal(map[string]DistributionID{"id": vectorID})
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"`+text+`"}`, string(b))
	require.NotEqual(t, NewDistributionID(), NewDistributionID())
	require.Regexp(t, `^.{14}4.{4}[89ab]`, NewDistributionID().String())
}

// A channel shows its group's name under every verb, and nothing of its store.
func TestRedaction(t *testing.T) {
	c := NewChannel(alice, vectorID, memory.New(), nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		require.Equal(t, "group.Channel("+vectorID.String()+")", fmt.Sprintf(verb, c))
	}
	fmt.Fprint(io.Discard, c)
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	a, b := joined(t, wires[0].channel)
	text := make([]byte, 64)
	encrypt := testing.AllocsPerRun(50, func() { must(a.Encrypt(ctx, text)) })
	both := testing.AllocsPerRun(50, func() { must(b.Decrypt(ctx, alice, must(a.Encrypt(ctx, text)))) })
	require.LessOrEqual(t, encrypt, 18.0)
	require.LessOrEqual(t, both-encrypt, 18.0)
}

func BenchmarkEncrypt64(b *testing.B) {
	a, _ := joined(b, wires[0].channel)
	text := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		must(a.Encrypt(ctx, text))
	}
}

func BenchmarkDecrypt64(b *testing.B) {
	a, c := joined(b, wires[0].channel)
	text := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		m := must(a.Encrypt(ctx, text))
		b.StartTimer()
		must(c.Decrypt(ctx, alice, m))
	}
}

// The floor: one signature, one verification.
func BenchmarkSign(b *testing.B) {
	k, m := signet.GenerateKey(), make([]byte, 110)
	for b.Loop() {
		must(k.Sign(m))
	}
}

func BenchmarkVerify(b *testing.B) {
	k, m := signet.GenerateKey(), make([]byte, 110)
	s := must(k.Sign(m))
	p := k.PublicKey()
	for b.Loop() {
		p.Verify(m, s[:])
	}
}

// An ending context ends after it was asked so many times.
type ending struct {
	context.Context
	left int
}

func (c *ending) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A context that ends is noticed in the middle of a walk, and the message can be tried again.
func TestContextOfSteps(t *testing.T) {
	_, b, m, others := func() (a, b *Channel, m []byte, others []byte) {
		a, b = joined(t, func(self signet.Address, s Store) *Channel { return NewChannel(self, testI, s, nil) })
		own, err := a.Record(ctx, alice)
		require.NoError(t, err)
		states, err := parseRecord(own)
		require.NoError(t, err)
		require.NoError(t, skip(nil, &states[0], 5000))
		states[0].Skipped = nil
		require.NoError(t, a.SetRecord(ctx, alice, appendRecord(states)))
		others, err = b.Record(ctx, alice)
		require.NoError(t, err)
		return a, b, send(t, a, "after a loss"), others
	}()
	for looks := 0; ; looks++ {
		c := &ending{ctx, looks}
		text, err := b.Decrypt(c, alice, m)
		if err == nil {
			require.Equal(t, "after a loss", string(text))
			require.Greater(t, looks, 5000/256)
			return
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, -1, c.left)
		row, err := b.Record(ctx, alice)
		require.NoError(t, err)
		require.Equal(t, others, row)
	}
}
