package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// unhex decodes hex in which blanks may separate fields.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	require.NoError(t, err)
	return b
}

// guard is b with spare capacity full of 0xAA; that neither changed is checked when the test ends.
func guard(t testing.TB, b []byte) []byte {
	buf := bytes.Repeat([]byte{0xaa}, len(b)+32)
	copy(buf, b)
	whole := bytes.Clone(buf)
	t.Cleanup(func() { require.Equal(t, whole, buf, "an input or its spare capacity was written to") })
	return buf[:len(b)]
}

// TestLeniency is protocol §6.6 over a prekey record, whose parser is the one of every message.
func TestLeniency(t *testing.T) {
	id := func(n uint32) *PreKey { return &PreKey{ID: n} }
	for _, c := range []struct {
		name, in string
		want     *PreKey // nil: refused
	}{
		{"empty", "", &PreKey{}},
		{"plain", "08 05", id(5)},
		{"any order", "12 01 aa 08 05", &PreKey{ID: 5, Public: []byte{0xaa}}},
		{"last of several", "08 05 08 06", id(6)},
		{"last of several bytes, empty", "12 01 aa 12 00", &PreKey{Public: []byte{}}},
		{"over-long varint", "08 85 80 80 00", id(5)},
		{"ten bytes", "08 85 80 80 80 80 80 80 80 80 01", id(5)},
		{"ten bytes, all bits", "08 ff ff ff ff ff ff ff ff ff 01", id(math.MaxUint32)},
		{"tenth byte 2", "08 85 80 80 80 80 80 80 80 80 02", nil},
		{"eleven bytes", "08 85 80 80 80 80 80 80 80 80 80 00", nil},
		{"truncated to 32 bits", "08 85 80 80 80 10", id(5)},
		{"truncated to zero", "08 80 80 80 80 10", id(0)},
		{"2^31", "08 80 80 80 80 08", id(1 << 31)},
		{"over-long tag", "88 80 80 00 05", id(5)},
		{"over-long length", "12 81 80 00 aa", &PreKey{Public: []byte{0xaa}}},
		{"unknown varint", "78 01 08 05", id(5)},
		{"unknown fixed64", "79 0102030405060708 08 05", id(5)},
		{"unknown bytes", "7a 02 0102 08 05", id(5)},
		{"unknown fixed32", "7d 01020304 08 05", id(5)},
		{"unknown group", "7b 08 09 12 01 ff 7c 08 05", id(5)},
		{"groups in groups", "7b 7b 83 01 84 01 7c 7c 08 05", id(5)},
		{"greatest number", "f8 ff ff ff 0f 01 08 05", id(5)},
		{"tag of 33 bits", "f8 ff ff ff 1f 01", nil},
		{"number 0", "00 01", nil},
		{"group that does not end", "7b 08 05", nil},
		{"group that ends another", "7b 84 01", nil},
		{"end without a group", "7c", nil},
		{"wire type 6", "7e", nil},
		{"wire type 7", "7f", nil},
		{"id as bytes", "0a 01 05", nil},
		{"id as fixed32", "0d 05000000", nil},
		{"id as a group", "0b 0c", nil},
		{"key as varint", "10 05", nil},
		{"time as varint", "28 05", nil},
		{"time", "29 0100000000000000", &PreKey{Timestamp: 1}},
		{"truncated tag", "88", nil},
		{"truncated varint", "08 80", nil},
		{"no value", "08", nil},
		{"truncated bytes", "12 02 aa", nil},
		{"truncated length", "12 80", nil},
		{"length of 2^63", "12 80 80 80 80 80 80 80 80 80 01", nil},
		{"truncated fixed64", "29 01020304", nil},
		{"truncated fixed32", "7d 0102", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := ParsePreKey(guard(t, unhex(t, c.in)))
			if c.want == nil {
				require.ErrorIs(t, err, ErrMalformed)
				require.Equal(t, PreKey{}, k)
				return
			}
			require.NoError(t, err)
			require.Equal(t, *c.want, k)
		})
	}
}

// ids are where encodings of numbers change their length or their sign.
var ids = []uint32{0, 1, 127, 128, 1<<14 - 1, 1 << 14, 1<<24 - 1, 1<<31 - 1, 1 << 31, 1<<31 + 1, math.MaxUint32 - 15, math.MaxUint32}

func TestPreKeyRoundTrip(t *testing.T) {
	for _, id := range ids {
		for _, k := range []PreKey{
			{ID: id},
			{ID: id, Public: []byte{5}, Private: []byte{6}},
			{ID: id, Public: make([]byte, 1569), Private: make([]byte, 3169), Signature: make([]byte, 64), Timestamp: math.MaxUint64},
		} {
			got, err := ParsePreKey(guard(t, AppendPreKey(nil, &k)))
			require.NoError(t, err)
			require.Equal(t, k, got)
		}
	}
	require.Empty(t, AppendPreKey(nil, &PreKey{Public: []byte{}}), "defaults are not written")
}

func TestSignalMessage(t *testing.T) {
	key := append([]byte{5}, make([]byte, 32)...)
	for _, id := range ids {
		for _, m := range []SignalMessage{
			{Version: V3, RatchetKey: key, Counter: id, PreviousCounter: ids[len(ids)-1] - id, Ciphertext: []byte("0123456789abcdef")},
			{Version: V4, RatchetKey: key, Counter: id, Ciphertext: make([]byte, 300), PQRatchet: []byte{1, 2}, Addresses: make([]byte, 36)},
			{Version: V4, RatchetKey: []byte{}, Ciphertext: []byte{}},
		} {
			for _, dst := range [][]byte{nil, []byte("prefix")} {
				b, at := AppendSignalMessage(bytes.Clone(dst), &m, len(m.Ciphertext))
				copy(b[at:], m.Ciphertext)
				signed := bytes.Clone(b[len(dst):])
				require.Equal(t, string(dst), string(b[:len(dst)]))
				b = append(b, "macmacma"...)
				got, err := ParseSignalMessage(guard(t, b[len(dst):]))
				require.NoError(t, err)
				want := m
				want.Signed, want.MAC = signed, []byte("macmacma")
				require.Equal(t, want, got)
				require.Equal(t, []byte{0x33, 0x44}[m.Version-3], b[len(dst)])
			}
		}
	}
	// Zeros are written, other defaults are not.
	b, _ := AppendSignalMessage(nil, &SignalMessage{Version: V3, PQRatchet: []byte{}}, 0)
	require.Equal(t, unhex(t, "33 0a00 1000 1800 2200"), b)
}

func TestSignalMessageRefused(t *testing.T) {
	const mac = "0102030405060708"
	const body = "0a 01 05 10 00 22 01 aa "
	for _, c := range []struct {
		name, in, want string
	}{
		{"empty", "", "too short <0>"},
		{"eight bytes", "44 0102030405 0607", "too short <8>"},
		{"the length comes before the version", "00", "too short <1>"},
		{"version 0", "04" + body + mac, "too old <0>"},
		{"version 2", "24" + body + mac, "too old <2>"},
		{"version 5", "50" + body + mac, "unrecognized <5>"},
		{"version 15", "ff" + body + mac, "unrecognized <15>"},
		{"the version comes before the protobuf", "54 ff ff" + mac, "unrecognized <5>"},
		{"nothing inside", "44" + mac, "protobuf"},
		{"no ratchet key", "44 10 00 22 01 aa" + mac, "protobuf"},
		{"no counter", "44 0a 01 05 22 01 aa" + mac, "protobuf"},
		{"no ciphertext", "44 0a 01 05 10 00" + mac, "protobuf"},
		{"counter as bytes", "44 0a 01 05 12 00 22 01 aa" + mac, "protobuf"},
		{"previous counter as bytes", "44" + body + "1a 00" + mac, "protobuf"},
		{"the MAC is no part of the protobuf", "44 0a 01 05 10 00 22 02 aa" + mac, "protobuf"},
		{"whole", "44" + body + mac, ""},
		{"any low nibble", "3f" + body + mac, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseSignalMessage(guard(t, unhex(t, c.in)))
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, []byte{5}, m.RatchetKey)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.Nil(t, m.RatchetKey)
		})
	}
}

func TestPreKeyMessage(t *testing.T) {
	for _, id := range ids {
		for _, m := range []PreKeyMessage{
			{Version: V3, BaseKey: []byte{1}, IdentityKey: []byte{2}, Message: []byte{3}, SignedPreKeyID: id},
			{Version: V4, HasPreKey: true, PreKeyID: id, BaseKey: []byte{}, IdentityKey: []byte{}, Message: []byte{},
				RegistrationID: id, HasKEM: true, KEMPreKeyID: id, KEMCiphertext: []byte{}},
		} {
			b := AppendPreKeyMessage([]byte("x"), &m)
			got, err := ParsePreKeyMessage(guard(t, b[1:]))
			require.NoError(t, err)
			require.Equal(t, m, got)
			require.NoError(t, got.CheckKEM())
		}
	}
	// Presence of a zero id is what says that there was one.
	b := AppendPreKeyMessage(nil, &PreKeyMessage{Version: V3, HasPreKey: true})
	require.Equal(t, unhex(t, "33 0800 1200 1a00 2200 2800 3000"), b)

	for _, c := range []struct {
		name, in, want string
	}{
		{"empty", "", "too short <0>"},
		{"version only", "44", "protobuf"},
		{"version 2", "24", "too old <2>"},
		{"version 5", "54", "unrecognized <5>"},
		{"no base key", "44 1a00 2200 3000", "protobuf"},
		{"no identity key", "44 1200 2200 3000", "protobuf"},
		{"no message", "44 1200 1a00 3000", "protobuf"},
		{"no signed prekey", "44 1200 1a00 2200", "protobuf"},
		{"id as bytes", "44 1200 1a00 2200 3000 0a00", "protobuf"},
		{"no KEM", "44 1200 1a00 2200 3000", ErrKEMMissing.Error()},
		{"KEM id only", "44 1200 1a00 2200 3000 3800", ErrKEMHalf.Error()},
		{"KEM ciphertext only", "44 1200 1a00 2200 3000 4200", ErrKEMHalf.Error()},
		{"KEM id only, version 3", "34 1200 1a00 2200 3000 3800", ErrKEMHalf.Error()},
		{"no KEM, version 3", "34 1200 1a00 2200 3000", ""},
		{"KEM, version 3", "34 1200 1a00 2200 3000 3800 4200", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParsePreKeyMessage(guard(t, unhex(t, c.in)))
			if err == nil {
				err = m.CheckKEM()
			}
			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

// transcript reads the records of a recorded conversation of the official client.
func transcript(t testing.TB) (records [][]byte) {
	t.Helper()
	b, err := os.ReadFile("../../session/testdata/v4_transcript.json.gz")
	require.NoError(t, err)
	r, err := gzip.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	var v struct {
		Setup struct {
			Alice struct {
				Record string `json:"record_after_bundle"`
			}
		}
		Steps []struct{ Record string }
	}
	require.NoError(t, json.NewDecoder(r).Decode(&v))
	records = append(records, unhex(t, v.Setup.Alice.Record))
	for _, s := range v.Steps {
		if s.Record != "" {
			records = append(records, unhex(t, s.Record))
		}
	}
	return records
}

// rewrite parses a record down to its skipped keys and writes it again.
func rewrite(t testing.TB, record []byte) []byte {
	t.Helper()
	current, previous, err := SplitRecord(record)
	require.NoError(t, err)
	var out []byte
	again := func(b []byte) *Session {
		s, err := ParseSession(b)
		require.NoError(t, err)
		for i := range s.Receivers {
			var list []byte
			for rest := s.Receivers[i].Skipped; len(rest) > 0; {
				var k MessageKey
				k, _, rest, err = NextMessageKey(rest)
				require.NoError(t, err)
				list = AppendMessageKey(list, &k)
			}
			s.Receivers[i].Skipped = list
		}
		require.LessOrEqual(t, len(AppendSession(nil, &s)), s.Size()+len(s.PQ))
		return &s
	}
	if current != nil {
		out = AppendCurrent(out, again(current))
	}
	for len(previous) > 0 {
		var b []byte
		b, _, previous, err = NextPrevious(previous)
		require.NoError(t, err)
		out = AppendPrevious(out, again(b))
	}
	return out
}

// TestRecordsAreCanonical: what the official client wrote comes out again byte for byte.
func TestRecordsAreCanonical(t *testing.T) {
	list := transcript(t)
	require.Greater(t, len(list), 390)
	for _, r := range list {
		require.Equal(t, r, rewrite(t, guard(t, r)))
	}
}

// session is a Session with every field set, id for each number.
func session(id uint32) *Session {
	key := func(n byte) []byte { return append([]byte{5, n}, make([]byte, 31)...) }
	list := AppendMessageKey(nil, &MessageKey{Index: id, Seed: make([]byte, 32)})
	list = AppendMessageKey(list, &MessageKey{Index: id / 2, Cipher: make([]byte, 32), MAC: make([]byte, 32), IV: make([]byte, 16)})
	return &Session{
		Version: 4, LocalIdentity: key(1), RemoteIdentity: key(2), RootKey: make([]byte, 32), PreviousCounter: id,
		HasSender: true, Sender: Chain{RatchetKey: key(3), RatchetPriv: make([]byte, 32), HasKey: true, Index: id, Key: make([]byte, 32)},
		Receivers: []Chain{
			{RatchetKey: key(4), HasKey: true, Index: id, Key: make([]byte, 32), Skipped: list},
			{RatchetKey: key(5), HasKey: true, Skipped: []byte{}},
			{Skipped: []byte{}},
		},
		HasPending: true, Pending: Pending{HasPreKey: true, PreKeyID: id, BaseKey: key(6), SignedPreKeyID: id, Timestamp: uint64(id) << 20},
		RemoteRegistrationID: id, LocalRegistrationID: id, BaseKey: key(7),
		HasPendingKEM: true, PendingKEMID: id, PendingKEMCiphertext: make([]byte, 1569), PQ: []byte{1},
	}
}

func TestSessionRoundTrip(t *testing.T) {
	for _, id := range ids {
		s := session(id)
		s.Sender.Skipped = []byte{} // what parsing makes of none
		b := AppendSession(nil, s)
		require.LessOrEqual(t, len(b), s.Size()+len(s.PQ))
		got, err := ParseSession(guard(t, b))
		require.NoError(t, err)
		require.Equal(t, *s, got)
	}
	require.Empty(t, AppendSession(nil, &Session{}))
	// Embedded messages that are empty are not absent.
	s := &Session{HasSender: true, Sender: Chain{HasKey: true}, HasPending: true, HasPendingKEM: true}
	require.Equal(t, unhex(t, "32 02 1a 00 4a 00 72 00"), AppendSession(nil, s))
	got, err := ParseSession(AppendSession(nil, s))
	require.NoError(t, err)
	require.True(t, got.HasSender && got.Sender.HasKey && got.HasPending && !got.Pending.HasPreKey && got.HasPendingKEM)
	// The id of a signed prekey is an int32 (protocol §7.1).
	b := AppendSession(nil, &Session{HasPending: true, Pending: Pending{SignedPreKeyID: 0xFFFFFFF0}})
	require.Equal(t, unhex(t, "4a 0b 18 f0ffffffffffffffff01"), b)
	// An id of zero is present.
	b = AppendSession(nil, &Session{HasPending: true, Pending: Pending{HasPreKey: true}})
	require.Equal(t, unhex(t, "4a 02 08 00"), b)
}

// TestEmbeddedDuplicates: embedded messages merge, lists append.
func TestEmbeddedDuplicates(t *testing.T) {
	s, err := ParseSession(guard(t, unhex(t, `32 06 0a0101 120102 80 01 01 32 0d 0a0103 1a020805 1a0412020607
		4a 02 0801 4a 03 120109 72 02 0801 72 03 120109 3a 00 3a 03 0a0107`)))
	require.NoError(t, err)
	require.Equal(t, Chain{RatchetKey: []byte{3}, RatchetPriv: []byte{2}, HasKey: true, Index: 5, Key: []byte{6, 7}, Skipped: []byte{}}, s.Sender)
	require.Equal(t, Pending{HasPreKey: true, PreKeyID: 1, BaseKey: []byte{9}}, s.Pending)
	require.Equal(t, uint32(1), s.PendingKEMID)
	require.Equal(t, []byte{9}, s.PendingKEMCiphertext)
	require.Len(t, s.Receivers, 2)
	require.Equal(t, []byte{7}, s.Receivers[1].RatchetKey)

	for name, in := range map[string]string{
		"sender as varint":  "30 00",
		"chain in a chain":  "32 02 1a 05",
		"chain key":         "32 04 1a 02 12 05",
		"receiver":          "3a 01 08",
		"skipped as varint": "3a 02 20 01",
		"pending":           "4a 01 08",
		"pending KEM":       "72 01 08",
		"second of two":     "32 00 30 00",
	} {
		_, err := ParseSession(guard(t, unhex(t, in)))
		require.ErrorIs(t, err, ErrMalformed, name)
	}
}

// TestSkippedSpans: entries that lie apart are one list all the same.
func TestSkippedSpans(t *testing.T) {
	entry := func(n uint32) []byte { return AppendMessageKey(nil, &MessageKey{Index: n, Seed: make([]byte, 32)}) }
	key := AppendBytes(nil, 1, []byte{5})
	unknown := AppendUint(nil, 15, 1)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, b := range map[string][]byte{
		"together":      join(key, entry(3), entry(2), entry(1)),
		"before":        join(entry(3), entry(2), entry(1), key),
		"at the start":  join(entry(3), entry(2), entry(1)),
		"apart":         join(entry(3), key, entry(2), entry(1)),
		"each apart":    join(unknown, entry(3), key, entry(2), unknown, entry(1), unknown),
		"apart, later":  join(entry(3), entry(2), key, entry(1)),
		"over-long tag": join(key, append([]byte{0xa2, 0x00}, entry(3)[1:]...), entry(2), entry(1)),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSession(guard(t, AppendBytes(nil, 7, b)))
			require.NoError(t, err)
			var got []uint32
			for rest := s.Receivers[0].Skipped; len(rest) > 0; {
				var k MessageKey
				k, _, rest, err = NextMessageKey(rest)
				require.NoError(t, err)
				got = append(got, k.Index)
			}
			require.Equal(t, []uint32{3, 2, 1}, got)
			_ = append(s.Receivers[0].Skipped, 1) // must not reach the input: see guard
		})
	}
}

func TestSplitRecord(t *testing.T) {
	for _, c := range []struct {
		name, in          string
		current, previous []byte // current nil: none
		fails             bool
	}{
		{"empty", "", nil, nil, false},
		{"empty current", "0a 00", []byte{}, nil, false},
		{"current", "0a 01 07", []byte{7}, nil, false},
		{"merged", "0a 01 07 0a 01 08", []byte{7, 8}, nil, false},
		{"previous", "12 00 12 01 07", nil, []byte{0x12, 0, 0x12, 1, 7}, false},
		{"apart", "12 00 0a 00 12 01 07", []byte{}, []byte{0x12, 0, 0x12, 1, 7}, false},
		{"unknown fields are lost", "18 01 12 00 18 01 0a 00", []byte{}, []byte{0x12, 0}, false},
		{"current as varint", "08 00", nil, nil, true},
		{"previous as varint", "10 00", nil, nil, true},
		{"garbage", "01 02 03", nil, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			current, previous, err := SplitRecord(guard(t, unhex(t, c.in)))
			if c.fails {
				require.ErrorIs(t, err, ErrMalformed)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.current, current)
			require.Equal(t, string(c.previous), string(previous))
		})
	}
	for _, in := range []string{"0a 00", "10 00", "12", "12 01", ""} {
		_, _, _, err := NextPrevious(unhex(t, in))
		require.ErrorIs(t, err, ErrMalformed, in)
		_, _, _, err = NextMessageKey(unhex(t, in))
		require.ErrorIs(t, err, ErrMalformed, in)
	}
}

// TestFieldLengths: the length of a session's field takes one to four bytes.
func TestFieldLengths(t *testing.T) {
	for _, n := range []int{0, 1, 100, 125, 126, 127, 128, 1 << 13, 1<<14 - 5, 1<<14 - 4, 1<<14 - 3, 1 << 14, 1 << 21, 1<<21 + 9} {
		s := &Session{PQ: make([]byte, n)}
		inner := AppendSession(nil, s)
		for _, dst := range [][]byte{nil, []byte("prefix"), make([]byte, 3, 1<<22)} {
			require.Equal(t, protowire.AppendBytes(append(bytes.Clone(dst), 0x0a), inner), AppendCurrent(bytes.Clone(dst), s))
			require.Equal(t, protowire.AppendBytes(append(bytes.Clone(dst), 0x12), inner), AppendPrevious(bytes.Clone(dst), s))
		}
	}
}

func TestFindReceiver(t *testing.T) {
	key := func(n byte, more ...byte) []byte { return append(append([]byte{5, n}, make([]byte, 31)...), more...) }
	s := &Session{Receivers: []Chain{
		{}, {RatchetKey: []byte{5}}, {RatchetKey: key(1, 9)}, {RatchetKey: key(1), Index: 7}, {RatchetKey: append([]byte{6}, key(2)[1:]...)},
	}}
	require.Same(t, &s.Receivers[2], s.FindReceiver(key(1)), "the first match, 33 bytes count")
	require.Same(t, &s.Receivers[2], s.FindReceiver(key(1, 1, 2, 3)))
	require.Nil(t, s.FindReceiver(key(2)), "the type byte counts")
	require.Nil(t, s.FindReceiver(key(0)))
}

func TestBundleRoundTrip(t *testing.T) {
	b := AppendUint(nil, 3, 0)
	v, err := ParseBundle(b)
	require.NoError(t, err)
	require.True(t, v.HasPreKey)
	b = AppendBytes(AppendBytes(AppendBytes(nil, 12, []byte{1}), 13, []byte{2}), 12, nil)
	v, err = ParseBundle(guard(t, b))
	require.NoError(t, err)
	require.Equal(t, [][]byte{{1}, {}}, v.OneTime)
	require.Equal(t, [][]byte{{2}}, v.OneTimeKEM)
	_, err = ParseBundle(AppendUint(nil, 12, 1))
	require.ErrorIs(t, err, ErrMalformed)
}

// TestAppendToParsed: what is appended to a parsed slice does not reach the message it was parsed
// from.
func TestAppendToParsed(t *testing.T) {
	grow := func(list ...[]byte) {
		for _, b := range list {
			_ = append(b, 0xee)
		}
	}
	m, err := ParseSignalMessage(guard(t, unhex(t, "44 0a0105 1000 220106 2a0107 320108 0102030405060708")))
	require.NoError(t, err)
	grow(m.RatchetKey, m.Ciphertext, m.PQRatchet, m.Addresses, m.Signed, m.MAC)
	p, err := ParsePreKeyMessage(guard(t, unhex(t, "44 120101 1a0102 220103 3000 420104 3800")))
	require.NoError(t, err)
	grow(p.BaseKey, p.IdentityKey, p.Message, p.KEMCiphertext)
	s, err := ParseSession(guard(t, AppendSession(nil, session(7))))
	require.NoError(t, err)
	grow(s.LocalIdentity, s.RemoteIdentity, s.RootKey, s.BaseKey, s.PQ, s.Pending.BaseKey, s.PendingKEMCiphertext,
		s.Sender.RatchetKey, s.Sender.RatchetPriv, s.Sender.Key, s.Sender.Skipped, s.Receivers[0].Key, s.Receivers[0].Skipped)
	k, err := ParsePreKey(guard(t, unhex(t, "0801 120101 1a0102 220103")))
	require.NoError(t, err)
	grow(k.Public, k.Private, k.Signature)
	current, previous, err := SplitRecord(guard(t, unhex(t, "12 01 01 0a 01 02 12 01 03")))
	require.NoError(t, err)
	grow(current, previous)
	current, previous, err = SplitRecord(guard(t, unhex(t, "12 01 01 0a 01 02")))
	require.NoError(t, err)
	grow(current, previous)
}

func TestErrors(t *testing.T) {
	require.Equal(t, "ciphertext version was too old <2>", VersionError(2).Error())
	require.Equal(t, "ciphertext version was unrecognized <5>", VersionError(5).Error())
	require.Equal(t, "ciphertext serialized bytes were too short <8>", TooShortError(8).Error())
}
