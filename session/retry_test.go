package session_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

type retryVector struct {
	Name         string
	OriginalType session.MessageType `json:"original_type"`
	Original     hexBytes
	Timestamp    any    // a number, or one too great for JSON in a string
	Device       uint32 `json:"device_id"`
	Serialized   hexBytes
	RatchetKey   *hexBytes `json:"ratchet_key"`
	Content      hexBytes  `json:"plaintext_content"`
	Body         hexBytes  `json:"plaintext_body"`
	OK           bool
	Error        struct{ Message string }
	Value        string
}

func loadRetry(t testing.TB) (cases, negative []retryVector) {
	var v struct{ Cases, Negative []retryVector }
	vectors(t, "sealed-plaintext-dem.json", &v)
	require.Len(t, v.Cases, 4)
	require.Len(t, v.Negative, 14)
	return v.Cases, v.Negative
}

func encoded(t testing.TB, e *session.DecryptionErrorMessage) []byte {
	b, err := e.AppendBinary(nil)
	require.NoError(t, err)
	return b
}

func TestDecryptionErrorVectors(t *testing.T) {
	cases, _ := loadRetry(t)
	for _, c := range cases {
		parsed, err := session.ParseDecryptionErrorMessage(guard(t, c.Serialized))
		require.NoError(t, err, c.Name)
		m := session.Message{Type: c.OriginalType, Body: guard(t, c.Original)}
		e, err := session.NewDecryptionErrorMessage(m, parsed.Timestamp, c.Device)
		require.NoError(t, err, c.Name)
		require.Equal(t, parsed, e, c.Name)
		require.Equal(t, []byte(c.Serialized), encoded(t, e), c.Name)
		require.Equal(t, c.RatchetKey != nil, e.HasRatchetKey, c.Name)
		if c.RatchetKey != nil {
			require.Equal(t, []byte(*c.RatchetKey), e.RatchetKey.Bytes(), c.Name)
		}

		require.Equal(t, session.Message{Type: session.TypePlaintext, Body: c.Content}, session.NewPlaintextContent(e), c.Name)
		body, err := session.ParsePlaintextContent(guard(t, c.Content))
		require.NoError(t, err, c.Name)
		require.Equal(t, []byte(c.Body), body, c.Name)
		got, err := session.ExtractDecryptionErrorMessage(guard(t, body))
		require.NoError(t, err, c.Name)
		require.Equal(t, e, got, c.Name)
	}
}

// TestRetryRefusals builds what the vectors' list of refusals names; their inputs are not recorded.
func TestRetryRefusals(t *testing.T) {
	_, negative := loadRetry(t)
	create := func(typ session.MessageType, body ...byte) func() (string, error) {
		return func() (string, error) {
			e, err := session.NewDecryptionErrorMessage(session.Message{Type: typ, Body: body}, 1, 1)
			if err != nil {
				return "", err
			}
			return string(encoded(t, e)), nil
		}
	}
	parse := func(b ...byte) func() (string, error) {
		return func() (string, error) { _, err := session.ParseDecryptionErrorMessage(b); return "", err }
	}
	content := func(b ...byte) func() (string, error) {
		return func() (string, error) { body, err := session.ParsePlaintextContent(b); return string(body), err }
	}
	extract := func(b ...byte) func() (string, error) {
		return func() (string, error) { _, err := session.ExtractDecryptionErrorMessage(b); return "", err }
	}
	for name, f := range map[string]func() (string, error){
		"dem-for-plaintext":            create(8, 0xC0, 0x80),
		"dem-for-unknown-type-4":       create(4),
		"dem-for-whisper-garbage":      create(2, 1),
		"dem-for-senderkey-garbage-ok": create(7, 1),
		"dem-deserialize-empty":        parse(),
		"dem-deserialize-ts-only":      parse(0x10, 5),
		"dem-deserialize-bad-key":      parse(append([]byte{0x0a, 33, 6}, append(make([]byte, 32), 0x10, 5)...)...),
		"plaintext-empty":              content(),
		"plaintext-bad-first-byte":     content(193),
		"plaintext-just-c0-ok":         content(0xC0),
		"extract-no-0x80":              extract(0x42, 2, 0x10, 5),
		"extract-0x80-then-zeros":      extract(0x42, 2, 0x10, 5, 0x80, 0),
		"extract-no-dem":               extract(0x0a, 0, 0x80),
		"extract-empty":                extract(),
	} {
		found := false
		for _, c := range negative {
			if c.Name != name {
				continue
			}
			found = true
			got, err := f()
			if c.OK {
				require.NoError(t, err, name)
				if strings.HasPrefix(name, "dem-for") {
					require.Equal(t, "\x10\x01\x18\x01", got)
				} else {
					require.Empty(t, got)
				}
				continue
			}
			want := strings.TrimPrefix(c.Error.Message, "invalid argument: ")
			require.True(t, err != nil && strings.HasSuffix(err.Error(), want), "%s: want %q, got %v", name, want, err)
		}
		require.True(t, found, name)
	}
	e, err := session.ParseDecryptionErrorMessage([]byte{0x10, 5})
	require.NoError(t, err)
	require.Equal(t, &session.DecryptionErrorMessage{Timestamp: 5}, e)
	_, err = session.ExtractDecryptionErrorMessage([]byte{0x0a, 0, 0x80})
	require.ErrorIs(t, err, session.ErrNoDecryptionError)
	for _, b := range [][]byte{
		{0x08, 1, 0x42, 2, 0x10, 5, 0x80},         // field 1 is no varint
		{0x40, 1, 0x80},                           // nor is field 8
		{0x42, 2, 0x10, 5, 0x80, 0x80},            // the rest does not parse
		{0x42, 2, 0x08, 5, 0x80}, {0x42, 0, 0x80}, // a message that is none
	} {
		_, err := session.ExtractDecryptionErrorMessage(b)
		require.ErrorIs(t, err, session.ErrInvalidMessage, "%x", b)
	}
}

// A message is lost to the receiver, which says so; the sender's session ends and the next message
// begins a new one. An answer that comes twice, or late, ends nothing.
func TestArchiveOnRetry(t *testing.T) {
	needPQ(t)
	alice, bob := pair(t)
	answer := func(m session.Message, from signet.Address) *session.DecryptionErrorMessage {
		e, err := session.NewDecryptionErrorMessage(m, 17, from.Device)
		require.NoError(t, err)
		body, err := session.ParsePlaintextContent(session.NewPlaintextContent(e).Body)
		require.NoError(t, err)
		e, err = session.ExtractDecryptionErrorMessage(body)
		require.NoError(t, err)
		return e
	}
	retry := func(e *session.DecryptionErrorMessage, want bool) {
		t.Helper()
		before := rows(t, alice.store, bobAddr)
		got, err := alice.ArchiveOnRetry(ctx, bobAddr, e)
		require.NoError(t, err)
		require.Equal(t, want, got)
		if !want {
			require.Equal(t, before, rows(t, alice.store, bobAddr))
		}
	}
	old := send(t, alice, bob, "of the ratchet key before")
	receive(t, alice, bob, old, "of the ratchet key before")
	deliver(t, bob, alice, "turn")
	m := send(t, alice, bob, "lost")
	retry(answer(old, aliceAddr), false)                                   // the session has moved on
	retry(answer(m, signet.Address{Name: "alice", Device: 9}), false)      // another of alice's devices
	retry(&session.DecryptionErrorMessage{Timestamp: 1, Device: 1}, false) // a group's
	retry(answer(m, aliceAddr), true)
	_, err := alice.Encrypt(ctx, bobAddr, nil)
	require.ErrorIs(t, err, session.ErrNoSession)
	retry(answer(m, aliceAddr), false) // again: there is no session to end

	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	retry(answer(m, aliceAddr), false)
	first := deliver(t, alice, bob, "lost, again")
	require.Equal(t, session.TypePreKey, first.Type)
	retry(answer(first, aliceAddr), true)
	deliver(t, bob, alice, "an archived session still decrypts")
}

func FuzzDecryptionErrorMessage(f *testing.F) {
	cases, _ := loadRetry(f)
	for _, c := range cases {
		f.Add([]byte(c.Serialized))
		f.Add([]byte(c.Body))
		f.Add([]byte(c.Content))
		f.Add([]byte(c.Original))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(e *session.DecryptionErrorMessage) {
			again, err := session.ParseDecryptionErrorMessage(encoded(t, e))
			require.NoError(t, err)
			require.Equal(t, e, again)
			body, err := session.ParsePlaintextContent(session.NewPlaintextContent(e).Body)
			require.NoError(t, err)
			again, err = session.ExtractDecryptionErrorMessage(body)
			require.NoError(t, err)
			require.Equal(t, e, again)
		}
		if e, err := session.ParseDecryptionErrorMessage(b); err == nil {
			check(e)
		}
		if e, err := session.ExtractDecryptionErrorMessage(b); err == nil {
			check(e)
		}
		session.ParsePlaintextContent(b)
		for _, typ := range []session.MessageType{2, 3, 4, 7, 8} {
			if e, err := session.NewDecryptionErrorMessage(session.Message{Type: typ, Body: b}, 1<<63, 1<<31); err == nil {
				check(e)
			}
		}
	})
}
