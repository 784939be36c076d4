package spqr

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessages(t *testing.T) {
	var v struct {
		Accepted []struct {
			Msg   hexData `json:"msg"`
			Epoch uint64  `json:"epoch"`
			Index uint32  `json:"index"`
			Type  kind    `json:"type"`
			Chunk uint16  `json:"chunk_index"`
			Data  hexData `json:"chunk"`
		} `json:"accepted"`
		Rejected []struct {
			Msg hexData `json:"msg"`
			Err string  `json:"err"`
		} `json:"rejected"`
	}
	load(t, "spqr-messages.json", &v)
	require.Len(t, v.Accepted, 11)
	require.Len(t, v.Rejected, 12)
	for _, c := range v.Accepted {
		var m message
		version, rest, err := m.preamble(c.Msg)
		require.NoError(t, err, "%x", c.Msg)
		require.EqualValues(t, version1, version)
		require.NoError(t, m.payload(rest), "%x", c.Msg)
		require.Equal(t, c.Epoch, m.epoch)
		require.Equal(t, c.Index, m.index)
		require.Equal(t, c.Type, m.kind)
		require.Equal(t, c.Chunk, m.chunk)
		if c.Data != nil {
			require.Equal(t, []byte(c.Data), m.data[:])
		}
	}
	a, b := newPair(t, 0)
	b.recv(a.send())
	errs := map[string]error{"MsgDecode": errMessage, "MinimumVersion": errMinimum, "VersionMismatch": errMismatch}
	for _, c := range v.Rejected {
		_, _, err := b.try(c.Msg)
		require.ErrorIs(t, err, errs[c.Err], "%x", c.Msg)
	}
}

// TestVarints are the rules of spqr §5.2.
func TestVarints(t *testing.T) {
	ff := bytes.Repeat([]byte{0xFF}, 9)
	for _, c := range []struct {
		in   []byte
		v    uint64
		rest int
		ok   bool
	}{
		{nil, 0, 0, false},
		{[]byte{0x80}, 0, 0, false},
		{[]byte{0, 9}, 0, 1, true},
		{[]byte{0xAC, 0x02}, 300, 0, true},
		{append(bytes.Clone(ff), 0x01), math.MaxUint64, 0, true},
		{append(bytes.Clone(ff), 0x7F), math.MaxUint64, 0, true}, // high bits dropped
		{append(bytes.Clone(ff), 0x7E), math.MaxInt64, 0, true},
		{append(bytes.Clone(ff), 0x80, 0x00), 0, 0, false}, // eleven bytes
	} {
		v, rest, ok := uvarint(c.in)
		require.Equal(t, c.ok, ok, "%x", c.in)
		require.Equal(t, c.v, v, "%x", c.in)
		require.Len(t, rest, c.rest)
	}
}

func TestLongestMessage(t *testing.T) {
	m := message{epoch: math.MaxUint64, index: math.MaxUint32, kind: kindCt2, chunk: math.MaxUint16}
	require.Len(t, m.append(nil), MaxMessage)
}

// FuzzMessage: what parses, encodes to something that parses the same.
func FuzzMessage(f *testing.F) {
	f.Add([]byte{1, 1, 1, 0})
	f.Add(append([]byte{1, 1, 2, 1, 0xFF, 0xFF, 3}, make([]byte, 32)...))
	f.Add([]byte{1, 0x81, 0x80, 0, 1, 4, 0xDE, 0xAD})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var m, again message
		version, rest, err := m.preamble(b)
		if err != nil || version != version1 || m.payload(rest) != nil {
			return
		}
		require.NotZero(t, m.epoch)
		encoded := m.append(nil)
		require.LessOrEqual(t, len(encoded), len(b))
		_, rest, err = again.preamble(encoded)
		require.NoError(t, err)
		require.NoError(t, again.payload(rest))
		require.Equal(t, m, again)
		require.Equal(t, before, b)
	})
}
