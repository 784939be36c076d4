package group

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

var ctx = context.Background()

// hexBytes is a byte string that JSON holds in hex.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func vectors(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, v))
}

type official struct{ Message string }

// requireText wants the words of the official client at the end of ours, and the error to be one
// that a caller can branch on.
func requireText(t *testing.T, want *official, err error, what string) {
	t.Helper()
	require.Error(t, err, what)
	require.True(t, strings.HasSuffix(err.Error(), want.Message), "%s: want %q, got %q", what, want.Message, err)
	named := slices.ContainsFunc([]error{
		ErrNoSenderKey, ErrSignature, ErrRecord, session.ErrInvalidMessage, session.ErrVersion, ratchet.ErrDuplicate,
		ratchet.ErrForgotten,
	}, func(e error) bool { return matches(err, e) })
	require.True(t, named, "%s: %v", what, err)
}

var (
	vectorSender = signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: 23}
	vectorID     = must(ParseDistributionID("d1d1d1d1-7000-41eb-b32a-33b8a8a487a6"))
	receiver     = signet.Address{Name: "receiver", Device: 1}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type sent struct {
	Plaintext, Serialized, Ciphertext hexBytes
	ChainID                           uint32 `json:"chain_id"`
	Iteration                         uint32
	DistributionID                    DistributionID `json:"distribution_id"`
}

type messages struct {
	SKDM, After struct {
		Serialized hexBytes
		ChainID    uint32 `json:"chain_id"`
		Iteration  uint32
		ChainKey   hexBytes `json:"chain_key"`
	}
	Initial  hexBytes `json:"sender_record_initial"`
	After10  hexBytes `json:"sender_record_after_10"`
	Messages []sent
	Other    struct{ SKDM, Message hexBytes } `json:"other_chain"`
}

func loadMessages(t testing.TB) (v messages) {
	vectors(t, "senderkey-messages.json", &v)
	vectors(t, "senderkey-messages.json", &struct {
		A any `json:"skdm_after_10"`
	}{&v.After})
	require.Len(t, v.Messages, 10)
	return v
}

// The official sender's record gives the official messages but for the signature, which is random,
// and the official record afterwards.
func TestSender(t *testing.T) {
	v := loadMessages(t)
	row := []byte(v.Initial)
	requireDistribution(t, row, v.SKDM.Serialized)
	for _, m := range v.Messages {
		b, next, err := signal.encrypt(nil, nil, row, vectorID, m.Plaintext)
		require.NoError(t, err)
		require.Equal(t, []byte(m.Serialized[:len(m.Serialized)-signatureSize]), b[:len(b)-signatureSize])
		parsed, err := signal.parseMessage(m.Serialized)
		require.NoError(t, err)
		require.Equal(t, []any{m.ChainID, m.Iteration, m.DistributionID, []byte(m.Ciphertext)},
			[]any{parsed.chainID, parsed.iteration, parsed.id, parsed.ciphertext})
		id, err := MessageID(m.Serialized)
		require.NoError(t, err)
		require.Equal(t, vectorID, id)
		row = next
	}
	require.Equal(t, []byte(v.After10), row)
	requireDistribution(t, row, v.After.Serialized)
	d, err := signal.parseDistribution(v.After.Serialized)
	require.NoError(t, err)
	require.Equal(t, v.After.Iteration, d.iteration)
	require.Equal(t, []byte(v.After.ChainKey), d.chainKey)
}

func requireDistribution(t *testing.T, row, want []byte) {
	t.Helper()
	d, err := describe(row, vectorID)
	require.NoError(t, err)
	require.Equal(t, want, signal.appendDistribution(nil, &d))
	id, err := DistributionMessageID(want)
	require.NoError(t, err)
	require.Equal(t, vectorID, id)
}

func TestDerivation(t *testing.T) {
	var v struct {
		Steps []struct {
			ChainKey  hexBytes `json:"chain_key"`
			CipherKey hexBytes `json:"cipher_key"`
			Iteration uint32
			IV, Seed  hexBytes
		}
	}
	vectors(t, "senderkey-derived.json", &v)
	require.Len(t, v.Steps, 10)
	var s wire.SenderKeyState
	for i, c := range v.Steps {
		if i == 0 {
			s.ChainKey = c.ChainKey
		}
		require.Equal(t, []byte(c.ChainKey), s.ChainKey)
		require.Equal(t, c.Iteration, s.Iteration)
		seed, err := step(&s)
		require.NoError(t, err)
		require.Equal(t, []byte(c.Seed), seed[:])
		_, iv := keys(seed[:])
		require.Equal(t, []byte(c.IV), iv[:])
	}
}

// TestReceiver is the official client's receiver in 38 steps: verdicts, words, and the stored
// record after each, byte for byte.
func TestReceiver(t *testing.T) {
	var v struct {
		Steps []struct {
			Op, Label     string
			SKDM, Message hexBytes
			OK            bool
			Error         *official
			Plaintext     hexBytes
			RecordAfter   *hexBytes `json:"record_after"`
		}
	}
	vectors(t, "senderkey-receive.json", &v)
	require.Len(t, v.Steps, 38)
	c := NewChannel(receiver, vectorID, memory.New(), nil)
	for _, s := range v.Steps {
		var plaintext []byte
		var err error
		if s.Op == "decrypt" {
			plaintext, err = c.Decrypt(ctx, vectorSender, guard(t, s.Message))
		} else {
			err = c.Join(ctx, vectorSender, guard(t, s.SKDM))
		}
		row, rowErr := c.Record(ctx, vectorSender)
		require.NoError(t, rowErr)
		require.NotNil(t, s.RecordAfter)
		require.Equal(t, hex.EncodeToString(*s.RecordAfter), hex.EncodeToString(row), s.Label)
		if !s.OK {
			requireText(t, s.Error, err, s.Label)
			require.Nil(t, plaintext)
			continue
		}
		require.NoError(t, err, s.Label)
		require.Equal(t, string(s.Plaintext), string(plaintext), s.Label)
	}
}

func TestLimits(t *testing.T) {
	var v struct {
		SKDM     hexBytes
		Messages map[string]hexBytes
		Outcomes []struct {
			Iteration int
			OK        bool
			Error     *official
		}
		Length int `json:"final_record_length"`
	}
	vectors(t, "senderkey-limits.json", &v)
	require.Len(t, v.Outcomes, 7)
	c := NewChannel(receiver, vectorID, memory.New(), nil)
	require.NoError(t, c.Join(ctx, vectorSender, v.SKDM))
	for _, o := range v.Outcomes {
		m := v.Messages[strconv.Itoa(o.Iteration)]
		require.NotEmpty(t, m)
		_, err := c.Decrypt(ctx, vectorSender, m)
		if o.OK {
			require.NoError(t, err, o.Iteration)
			continue
		}
		requireText(t, o.Error, err, strconv.Itoa(o.Iteration))
	}
	row, err := c.Record(ctx, vectorSender)
	require.NoError(t, err)
	require.Len(t, row, v.Length)
}

// TestOfficialErrors builds what the vectors' list of errors names; their inputs are not recorded.
func TestOfficialErrors(t *testing.T) {
	type verdict struct {
		Name  string
		OK    bool
		Error *official
		Value hexBytes
	}
	var v struct{ Errors []verdict }
	vectors(t, "senderkey-receive.json", &v)
	m := loadMessages(t)
	skdm, skm := []byte(m.SKDM.Serialized), []byte(m.Messages[0].Serialized)
	received, err := join(nil, parsed(t, skdm), nil)
	require.NoError(t, err)
	message, err := signal.parseMessage(skm)
	require.NoError(t, err)
	encrypt := func(row []byte) (hexBytes, error) {
		b, _, err := signal.encrypt(nil, nil, row, vectorID, nil)
		return b, err
	}
	parseD := func(b []byte) (hexBytes, error) { d, err := signal.parseDistribution(b); return d.chainKey, err }
	parseM := func(b []byte) (hexBytes, error) { m, err := signal.parseMessage(b); return m.ciphertext, err }
	minimal := appendFields(vectorID[:], 0, 0, nil)
	for name, f := range map[string]func() (hexBytes, error){
		"encrypt-no-record": func() (hexBytes, error) {
			return NewChannel(vectorSender, vectorID, memory.New(), nil).Encrypt(ctx, nil)
		},
		"encrypt-with-receiver-record": func() (hexBytes, error) { return encrypt(received) },
		"encrypt-empty-record":         func() (hexBytes, error) { return encrypt([]byte{}) },
		"create-skdm-with-empty-record": func() (hexBytes, error) {
			_, err := describe([]byte{}, vectorID)
			return nil, err
		},
		"decrypt-with-empty-record": func() (hexBytes, error) {
			_, _, err := signal.decrypt(nil, []byte{}, &message)
			return nil, err
		},
		"record-garbage":       func() (hexBytes, error) { return encrypt([]byte{0xff, 0xff}) },
		"skdm-63":              func() (hexBytes, error) { return parseD(skdm[:64]) },
		"skdm-version-2":       func() (hexBytes, error) { return parseD(replaced(skdm, 0x23)) },
		"skdm-version-4":       func() (hexBytes, error) { return parseD(replaced(skdm, 0x43)) },
		"skdm-low-nibble-f-ok": func() (hexBytes, error) { return parseD(replaced(skdm, 0x3f)) },
		"skdm-chainkey-31": func() (hexBytes, error) {
			d := parsed(t, skdm)
			d.chainKey = d.chainKey[:31]
			return parseD(signal.appendDistribution(nil, d))
		},
		"skdm-new-version-0x13-first-byte": func() (hexBytes, error) {
			return signal.appendDistribution(nil, parsed(t, skdm))[:1], nil
		},
		"skm-bad-uuid-15":       func() (hexBytes, error) { return parseM(appendFields(vectorID[:15], 0, 0, nil)) },
		"skm-missing-iteration": func() (hexBytes, error) { return parseM(appendFields(vectorID[:], 0, -1, nil)) },
		"skm-minimal-ok":        func() (hexBytes, error) { return parseM(minimal) },
	} {
		i := slices.IndexFunc(v.Errors, func(e verdict) bool { return e.Name == name })
		require.NotEqual(t, -1, i, name)
		want := v.Errors[i]
		got, err := f()
		if want.OK {
			require.NoError(t, err, name)
			require.Equal(t, string(want.Value), string(got), name)
			continue
		}
		if want.Error.Message == "missing sender key state for distribution ID "+vectorID.String() && err == ErrNoSenderKey {
			continue // the pure half does not know the name
		}
		want.Error.Message = strings.TrimSuffix(want.Error.Message, " with distribution ID "+vectorID.String())
		require.ErrorContains(t, err, want.Error.Message, name)
	}
	require.Len(t, v.Errors, 15)
}

func parsed(t *testing.T, b []byte) *distribution {
	d, err := signal.parseDistribution(b)
	require.NoError(t, err)
	return &d
}

func replaced(b []byte, first byte) []byte {
	return append([]byte{first}, b[1:]...)
}

// appendFields builds a sender key message with a signature of zeros; an iteration of -1 is left
// out.
func appendFields(id []byte, chain uint32, iteration int64, ciphertext []byte) []byte {
	b := wire.AppendBytes([]byte{0x33}, 1, id)
	b = wire.AppendUint(b, 2, uint64(chain))
	if iteration >= 0 {
		b = wire.AppendUint(b, 3, uint64(iteration))
	}
	b = wire.AppendBytes(b, 4, ciphertext)
	return append(b, make([]byte, signatureSize)...)
}
