package spqr

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/entropy"
)

type hexData []byte

func (h *hexData) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// load reads a file of testdata; see the README there.
func load(t testing.TB, name string, v any) {
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, v))
}

// replay is the sampler of recorded sessions.
type replay struct{ dk, m []byte }

func (r replay) keyPair(hdr *[sizeHdr]byte, ek *[sizeEk]byte, dk *[sizeDk]byte) {
	copy(dk[:], r.dk)
	copy(ek[:], dk[sizeEk:])
	copy(hdr[:], dk[2*sizeEk:]) // ρ ‖ H(ek ‖ ρ), as it lies in the expanded key
}

func (r replay) coins(m *[32]byte) { copy(m[:], r.m) }

// none is the sampler of sends that must not sample.
type none struct{ t testing.TB }

func (n none) keyPair(*[sizeHdr]byte, *[sizeEk]byte, *[sizeDk]byte) {
	require.Fail(n.t, "unexpected key pair")
}
func (n none) coins(*[32]byte) { require.Fail(n.t, "unexpected coins") }

// guarded returns b with spare capacity full of a pattern, and a check that nothing was written.
func guarded(t testing.TB, b []byte) (same []byte, check func()) {
	t.Helper()
	backing := append(bytes.Clone(b), bytes.Repeat([]byte{0xAA}, 64)...)
	want := bytes.Clone(backing)
	return backing[:len(b)], func() {
		t.Helper()
		require.Equal(t, want, backing, "an input was written to")
	}
}

// A party is one end of a session, for tests.
type party struct {
	t     testing.TB
	src   *entropy.Source
	state []byte
}

func newPair(t testing.TB, seed byte) (a, b *party) {
	key := [32]byte{1, seed}
	a = &party{t, entropy.Seeded([32]byte{2, seed}), Init(A2B, &key, false)}
	b = &party{t, entropy.Seeded([32]byte{3, seed}), Init(B2A, &key, false)}
	return a, b
}

// A letter is a message and the key that belongs to it.
type letter struct {
	wire []byte
	key  [32]byte
	ok   bool
}

func (p *party) send() letter {
	p.t.Helper()
	state, check := guarded(p.t, p.state)
	next, wire, key, ok, err := Send(p.src, state)
	require.NoError(p.t, err)
	check()
	p.state = next
	return letter{wire, key, ok}
}

func (p *party) try(wire []byte) (key [32]byte, ok bool, err error) {
	p.t.Helper()
	state, check := guarded(p.t, p.state)
	message, checkMessage := guarded(p.t, wire)
	next, key, ok, err := Recv(state, message)
	check()
	checkMessage()
	if err != nil {
		require.Nil(p.t, next)
		require.False(p.t, ok)
		require.Zero(p.t, key)
		return key, ok, err
	}
	p.state = next
	return key, ok, nil
}

func (p *party) recv(l letter) {
	p.t.Helper()
	key, ok, err := p.try(l.wire)
	require.NoError(p.t, err)
	require.Equal(p.t, l.ok, ok)
	require.Equal(p.t, l.key, key)
}

func (p *party) inspect() Info {
	p.t.Helper()
	info, err := Inspect(p.state)
	require.NoError(p.t, err)
	return info
}

// must parse, or the test is wrong.
func (p *party) parsed() *state {
	p.t.Helper()
	s := new(state)
	require.NoError(p.t, s.parse(p.state))
	return s
}

// pingPong exchanges messages in turn, a first, until done says so.
func pingPong(a, b *party, done func() bool) {
	for range 10_000 {
		if done() {
			return
		}
		b.recv(a.send())
		a.recv(b.send())
	}
	require.Fail(a.t, "no end of ping-pong")
}
