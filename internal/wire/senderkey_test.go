package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// senderKeyRecords returns the records of the official client in package group's vectors.
func senderKeyRecords(t testing.TB) (list [][]byte) {
	b, err := os.ReadFile("../../group/testdata/senderkey-receive.json")
	require.NoError(t, err)
	var v struct {
		Steps []struct {
			Record string `json:"record_after"`
		}
	}
	require.NoError(t, json.Unmarshal(b, &v))
	for _, s := range v.Steps {
		record, err := hex.DecodeString(s.Record)
		require.NoError(t, err)
		list = append(list, record)
	}
	require.Len(t, list, 38)
	return list
}

func appendSenderKeys(states []SenderKeyState, kept bool) (b []byte) {
	for i := range states {
		if !kept {
			states[i].Encoded = nil
		}
		n := len(b)
		b = AppendSenderKeyState(b, &states[i])
		if len(b)-n > SizeSenderKeyState(&states[i]) {
			panic("wire: a state is longer than its bound")
		}
	}
	return b
}

// Official records are canonical: written anew they are the same bytes.
func TestSenderKeyRecords(t *testing.T) {
	for _, record := range senderKeyRecords(t) {
		for _, kept := range []bool{true, false} {
			states, err := ParseSenderKeyRecord(record)
			require.NoError(t, err)
			require.Equal(t, string(record), string(appendSenderKeys(states, kept)))
		}
	}
}

func TestSenderKeyStructure(t *testing.T) {
	state := func(fields ...[]byte) []byte { return AppendBytes(nil, 1, bytes.Join(fields, nil)) }
	bytesField := func(num byte, b ...byte) []byte { return append([]byte{num<<3 | 2, byte(len(b))}, b...) }
	for _, c := range []struct {
		name   string
		record []byte
		want   []SenderKeyState // less Encoded; nil: malformed
	}{
		{"nothing", nil, []SenderKeyState{}},
		{"unknown fields", []byte{0x10, 1, 0x23, 0x24}, []SenderKeyState{}},
		{"an empty state", state(), []SenderKeyState{{}}},
		{"empty parts", state(bytesField(2), bytesField(3)), []SenderKeyState{{HasChain: true, HasKey: true}}},
		{"chain in two parts, numbers cut to 32 bits", state([]byte{0x08, 0x83, 0x80, 0x80, 0x80, 0x10},
			bytesField(2, 0x08, 7), bytesField(2, 0x12, 1, 9), []byte{0x28, 3}),
			[]SenderKeyState{{ChainID: 3, HasChain: true, Iteration: 7, ChainKey: []byte{9}, Version: 3}}},
		{"skipped keys with something between", state(bytesField(4, 0x12, 1, 1), []byte{0x08, 2}, bytesField(4, 0x08, 1)),
			[]SenderKeyState{{ChainID: 2, Skipped: []byte{0x22, 3, 0x12, 1, 1, 0x22, 2, 0x08, 1}}}},
		{"a state that is a number", []byte{0x08, 1}, nil},
		{"cut", []byte{0x0a, 5, 0x08}, nil},
		{"chain id that is bytes", state(bytesField(1)), nil},
		{"chain that is a number", state([]byte{0x10, 1}), nil},
		{"chain that is cut", state(bytesField(2, 0x12)), nil},
		{"key that is cut", state(bytesField(3, 0x0a, 4)), nil},
		{"skipped key that is a number", state([]byte{0x20, 1}), nil},
		{"field 0", state([]byte{0, 0}), nil},
	} {
		got, err := ParseSenderKeyRecord(c.record)
		if c.want == nil {
			require.ErrorIs(t, err, ErrMalformed, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Len(t, got, len(c.want), c.name)
		for i := range got {
			got[i].Encoded = nil
			require.Equal(t, string(c.want[i].Skipped), string(got[i].Skipped), c.name)
			got[i].Skipped, c.want[i].Skipped = nil, nil
			require.Equal(t, c.want[i], got[i], c.name)
		}
	}
}

func FuzzSenderKeyRecord(f *testing.F) {
	for _, record := range senderKeyRecords(f)[10:14] {
		f.Add(record)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := bytes.Clone(b)
		states, err := ParseSenderKeyRecord(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		for i := range states {
			for rest := states[i].Skipped; len(rest) > 0; {
				iteration, seed, _, after, err := NextSenderKey(rest)
				if err != nil {
					break
				}
				again, seed2, _, _, err := NextSenderKey(AppendSenderKey(nil, iteration, seed))
				require.NoError(t, err)
				require.Equal(t, iteration, again)
				require.Equal(t, string(seed), string(seed2))
				rest = after
			}
		}
		first := appendSenderKeys(states, false)
		again, err := ParseSenderKeyRecord(first)
		require.NoError(t, err)
		require.Equal(t, first, appendSenderKeys(again, false))
		require.Equal(t, whole, b)
	})
}
