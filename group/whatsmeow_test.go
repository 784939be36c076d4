package group

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session/memory"
)

// mauRow writes a record as that library does, its newest sender key first.
func mauRow(t *testing.T, states ...wire.SenderKeyState) []byte {
	t.Helper()
	type entry struct {
		Iteration           uint32
		IV, CipherKey, Seed []byte
	}
	list := []any{}
	for i := range states {
		s := &states[i]
		keys := []entry{}
		for rest := s.Skipped; len(rest) > 0; {
			n, seed, _, more, err := wire.NextSenderKey(rest)
			require.NoError(t, err)
			keys, rest = append(keys, entry{n, make([]byte, 16), make([]byte, 32), seed}), more
		}
		private := s.Private
		if len(private) == 0 {
			private = make([]byte, 32)
		}
		list = append(list, map[string]any{
			"Keys": keys, "KeyID": s.ChainID,
			"SenderChainKey":    map[string]any{"Iteration": s.Iteration, "ChainKey": s.ChainKey},
			"SigningKeyPrivate": private, "SigningKeyPublic": s.Public,
		})
	}
	b, err := json.Marshal(map[string]any{"SenderKeyStates": list})
	require.NoError(t, err)
	return b
}

func stateOf(t *testing.T, c *Channel, sender signet.Address) wire.SenderKeyState {
	t.Helper()
	b, err := c.Record(ctx, sender)
	require.NoError(t, err)
	states, err := parseRecord(b)
	require.NoError(t, err)
	return states[0]
}

// imports is a member whose rows come from that library.
func imports(t *testing.T, self, sender signet.Address, row []byte) *Channel {
	t.Helper()
	c := NewWhatsAppChannel(self, "1203@g.us", memory.New(), nil)
	b, err := ImportSenderKey(guard(t, row))
	require.NoError(t, err)
	require.NoError(t, c.SetRecord(ctx, sender, b))
	return c
}

// TestImportSenderKey: after a move the next message opens, a late one once, and none a second
// time; and the own sender key goes on.
func TestImportSenderKey(t *testing.T) {
	a, b := joined(t, wires[1].channel)
	first, late, third := send(t, a, "first"), send(t, a, "late"), send(t, a, "third")
	receive(t, b, alice, first, "first")
	receive(t, b, alice, third, "third")
	row := mauRow(t, stateOf(t, b, alice))
	moved := imports(t, bob, alice, row)
	receive(t, moved, alice, send(t, a, "after the move"), "after the move")
	receive(t, moved, alice, late, "late")
	for _, m := range [][]byte{first, late, third} {
		_, err := moved.Decrypt(ctx, alice, m)
		require.ErrorIs(t, err, ratchet.ErrDuplicate)
	}
	own := imports(t, alice, alice, mauRow(t, stateOf(t, a, alice)))
	receive(t, b, alice, send(t, own, "from the new program"), "from the new program")

	// A key that is there twice counts once, as far as it has come; more than five are dropped.
	s, older := stateOf(t, b, alice), stateOf(t, b, alice)
	older.Iteration, older.ChainKey, older.Skipped, older.Encoded = 0, make([]byte, 32), nil, nil
	states := []wire.SenderKeyState{older, s}
	for i := range uint32(6) {
		other := s
		other.ChainID += i + 1
		states = append(states, other)
	}
	got, err := ImportSenderKey(mauRow(t, states...))
	require.NoError(t, err)
	kept, err := parseRecord(got)
	require.NoError(t, err)
	require.Len(t, kept, maxStates)
	require.Equal(t, s.Iteration, kept[0].Iteration)
	for i := range kept {
		require.Equal(t, s.ChainID+uint32(i), kept[i].ChainID)
	}
	for _, none := range []string{`{}`, `{"SenderKeyStates":null}`, `{"SenderKeyStates":[]}`, `null`} {
		got, err := ImportSenderKey([]byte(none))
		require.NoError(t, err)
		require.Empty(t, got)
	}
}

// TestImportSenderKeyRefuses: what is not such a record is refused, without a word of what is in
// it.
func TestImportSenderKeyRefuses(t *testing.T) {
	a, b := joined(t, wires[1].channel)
	send(t, a, "skipped")
	receive(t, b, alice, send(t, a, "second"), "second")
	good, own := stateOf(t, b, alice), stateOf(t, a, alice)
	for want, spoil := range map[string]func(s *wire.SenderKeyState){
		"chain key of 31 bytes":   func(s *wire.SenderKeyState) { s.ChainKey = s.ChainKey[:31] },
		"signing key of 32 bytes": func(s *wire.SenderKeyState) { s.Public = s.Public[1:] },
		"signing key: ":           func(s *wire.SenderKeyState) { s.Public = make([]byte, 33) },
		"is another's": func(s *wire.SenderKeyState) {
			s.Private = own.Private
			s.Public = signet.GenerateKey().PublicKey().Bytes()
		},
		"private signing key: ": func(s *wire.SenderKeyState) { s.Private = own.Private[:31] },
		"ahead of its chain":    func(s *wire.SenderKeyState) { s.Skipped = wire.AppendSenderKey(nil, s.Iteration, make([]byte, 32)) },
		"not 32 bytes":          func(s *wire.SenderKeyState) { s.Skipped = wire.AppendSenderKey(nil, 0, make([]byte, 31)) },
	} {
		s := good
		s.Encoded = nil
		spoil(&s)
		got, err := ImportSenderKey(mauRow(t, good, s))
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "sender key 1 ")
		require.Nil(t, got)
	}
	for _, bad := range []string{``, `{`, `7`, `{"SenderKeyStates":[null]}`, `{"SenderKeyStates":[{}]}`,
		`{"SenderKeyStates":[{"SenderChainKey":{"ChainKey":"c2VjcmV0","Iteration":-1}}]}`,
		`{"SenderKeyStates":[{"SigningKeyPrivate":"c2VjcmV0!"}]}`} {
		_, err := ImportSenderKey([]byte(bad))
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "c2VjcmV0")
	}
}

// TestImportedCopiesOpenOnce: a skipped key that is there twice opens its message once.
func TestImportedCopiesOpenOnce(t *testing.T) {
	a, b := joined(t, wires[1].channel)
	late := send(t, a, "late")
	receive(t, b, alice, send(t, a, "second"), "second")
	s := stateOf(t, b, alice)
	s.Skipped, s.Encoded = append(append([]byte{}, s.Skipped...), s.Skipped...), nil
	moved := imports(t, bob, alice, mauRow(t, s))
	receive(t, moved, alice, late, "late")
	_, err := moved.Decrypt(ctx, alice, late)
	require.ErrorIs(t, err, ratchet.ErrDuplicate)
}

// FuzzImportSenderKey: what is imported is a record of the size that it may have, and nothing is
// written to.
func FuzzImportSenderKey(f *testing.F) {
	f.Add([]byte(`{"SenderKeyStates":[{"Keys":[{"Iteration":0,"Seed":"AAAA"}],"KeyID":7,"SenderChainKey":{"Iteration":1,"ChainKey":"AAAA"}}]}`))
	f.Fuzz(func(t *testing.T, row []byte) {
		whole := bytes.Clone(row)
		b, err := ImportSenderKey(row)
		require.Equal(t, whole, row)
		if err != nil {
			require.Nil(t, b)
			return
		}
		states, err := parseRecord(b)
		require.NoError(t, err)
		require.LessOrEqual(t, len(states), maxStates)
	})
}
