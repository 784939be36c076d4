package sealed

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"google.golang.org/protobuf/encoding/protowire"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// Fields of protobufs, made by hand.
func varint(num int, v uint64) []byte  { return wire.AppendUint(nil, protowire.Number(num), v) }
func length(num int, v ...byte) []byte { return wire.AppendBytes(nil, protowire.Number(num), v) }
func fixed(num int, v uint64) []byte   { return wire.AppendFixed64(nil, protowire.Number(num), v) }

func issue(t testing.TB, by *signet.PrivateKey, inner ...[]byte) []byte {
	b, err := newSigned(by, bytes.Join(inner, nil))
	require.NoError(t, err)
	return b
}

func byReference(t testing.TB, by *signet.PrivateKey, id uint32, key signet.PublicKey) *SenderCertificate {
	c, err := ParseSenderCertificate(issue(t, by, varint(2, 1), fixed(3, 1<<60), length(4, key.Bytes()...), length(6, []byte("alice")...), varint(8, uint64(id))))
	require.NoError(t, err)
	return c
}

// The rules of §1.5 on the fields of a sender certificate, beyond the official cases.
func TestStrictness(t *testing.T) {
	key := signet.GenerateKey()
	server, err := NewServerCertificate(key, 7, key.PublicKey())
	require.NoError(t, err)
	device, expires := varint(2, 1), fixed(3, 1893456000000)
	identity, signer := length(4, key.PublicKey().Bytes()...), length(5, server.raw...)
	name, uuid := length(6, []byte("alice")...), length(7, uuidA...)
	group := func(inner ...byte) []byte { return append(append([]byte{0x7b}, inner...), 0x7c) } // field 15
	badUTF8 := length(6, 0xff)
	cases := []struct {
		name  string
		inner [][]byte
		err   string
		check func(*SenderCertificate) bool
	}{
		{"plain", [][]byte{device, expires, identity, signer, name}, "", nil},
		{"any order", [][]byte{name, signer, identity, expires, device}, "", nil},
		{"number of wire type varint", [][]byte{varint(1, 5), device, expires, identity, signer, name}, malformed, nil},
		{"number not UTF-8", [][]byte{length(1, 0xc3, 0x28), device, expires, identity, signer, name}, malformed, nil},
		{"number not UTF-8, then another", [][]byte{length(1, 0xff), length(1, '+'), device, expires, identity, signer, name}, malformed, nil},
		{"number empty", [][]byte{length(1), device, expires, identity, signer, name}, "", func(c *SenderCertificate) bool { return c.e164 != nil && *c.e164 == "" }},
		{"name not UTF-8, then bytes", [][]byte{device, expires, identity, signer, badUTF8, uuid}, malformed, nil},
		{"bytes, then name not UTF-8", [][]byte{device, expires, identity, signer, uuid, badUTF8}, malformed, nil},
		{"name not UTF-8, then name", [][]byte{device, expires, identity, signer, badUTF8, name}, malformed, nil},
		{"name with a surrogate", [][]byte{device, expires, identity, signer, length(6, 0xed, 0xa0, 0x80)}, malformed, nil},
		{"name empty", [][]byte{device, expires, identity, signer, length(6)}, "", func(c *SenderCertificate) bool { return c.sender.Name == "" }},
		{"name, then short bytes", [][]byte{device, expires, identity, signer, name, length(7, uuidA[1:]...)}, malformed, nil},
		{"short bytes, then name", [][]byte{device, expires, identity, signer, length(7, 1), name}, "", func(c *SenderCertificate) bool { return c.sender.Name == "alice" }},
		{"empty bytes", [][]byte{device, expires, identity, signer, length(7)}, malformed, nil},
		{"bytes", [][]byte{device, expires, identity, signer, uuid}, "", func(c *SenderCertificate) bool {
			return c.sender.Name == "a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1"
		}},
		{"device as fixed64", [][]byte{fixed(2, 1), expires, identity, signer, name}, malformed, nil},
		{"device of 2^35+1", [][]byte{varint(2, 1<<35+1), expires, identity, signer, name}, "", nil},
		{"device twice", [][]byte{varint(2, 200), device, expires, identity, signer, name}, "", nil},
		{"device bad last", [][]byte{device, varint(2, 200), expires, identity, signer, name}, malformed, nil},
		{"expires as fixed32", [][]byte{device, {0x1d, 1, 2, 3, 4}, identity, signer, name}, malformed, nil},
		{"identity as varint", [][]byte{device, expires, varint(4, 5), signer, name}, malformed, nil},
		{"identity twice, the last bad", [][]byte{device, expires, identity, length(4, 6), signer, name}, "bad key type", nil},
		{"identity twice, the first bad", [][]byte{device, expires, length(4, 6), identity, signer, name}, "", nil},
		{"garbage signer, then a good one", [][]byte{device, expires, identity, length(5, 0xff), signer, name}, "", nil},
		{"garbage signer, then an id", [][]byte{device, expires, identity, length(5, 0xff), varint(8, 9), name}, "", func(c *SenderCertificate) bool { return c.server == nil && c.id == 9 }},
		{"id, then a signer", [][]byte{device, expires, identity, varint(8, 9), signer, name}, "", func(c *SenderCertificate) bool { return c.server != nil && c.id == 7 }},
		{"id, then a garbage signer", [][]byte{device, expires, identity, varint(8, 9), length(5, 0xff), name}, malformed, nil},
		{"id 0", [][]byte{device, expires, identity, varint(8, 0), name}, "", func(c *SenderCertificate) bool { return c.server == nil && c.id == 0 }},
		{"id as bytes", [][]byte{device, expires, identity, signer, length(8, 1), name}, malformed, nil},
		{"unknown group", [][]byte{device, expires, identity, signer, name, group(0x08, 1)}, "", nil},
		{"groups in groups", [][]byte{device, expires, identity, signer, name, group(group(group()...)...)}, "", nil},
		{"group without an end", [][]byte{device, expires, identity, signer, name, {0x7b}}, malformed, nil},
		{"end without a group", [][]byte{device, expires, identity, signer, name, {0x7c}}, malformed, nil},
		{"field 0", [][]byte{device, expires, identity, signer, name, {0x00, 0x00}}, malformed, nil},
		{"wire type 6", [][]byte{device, expires, identity, signer, name, {0x7e}}, malformed, nil},
		{"wire type 7", [][]byte{device, expires, identity, signer, name, {0x7f}}, malformed, nil},
		{"varint of 11 bytes", [][]byte{device, expires, identity, signer, name, append([]byte{0x78}, append(bytes.Repeat([]byte{0x80}, 10), 1)...)}, malformed, nil},
		{"varint over 64 bits", [][]byte{device, expires, identity, signer, name, append([]byte{0x78}, append(bytes.Repeat([]byte{0xff}, 9), 2)...)}, malformed, nil},
		{"long varint", [][]byte{{0x10, 0x81, 0x80, 0x80, 0x00}, expires, identity, signer, name}, "", nil},
		// Order: device, expires, signer, name, identity.
		{"bad signer key before a missing name", [][]byte{device, expires, length(5, issue(t, key, varint(1, 1), length(2, 7))...)}, "bad key type", nil},
		{"missing expires before a bad signer key", [][]byte{device, identity, length(5, issue(t, key, varint(1, 1), length(2, 7))...)}, malformed, nil},
		{"missing name before a bad identity", [][]byte{device, expires, length(4, 7), signer}, malformed, nil},
		{"server key before its id", [][]byte{device, expires, identity, length(5, issue(t, key, length(2))...), name}, "no key type", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			outer := issue(t, key, c.inner...)
			got, err := ParseSenderCertificate(outer)
			if c.err != "" {
				requireKind(t, c.err, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, uint32(1), got.sender.Device)
			require.True(t, c.check == nil || c.check(got))
			require.Equal(t, outer, got.Bytes())
			require.True(t, got.verify(key.PublicKey()), "unknown fields are signed, too")
		})
	}
}

const malformed = "protobuf encoding was invalid"

// Damage of any byte and truncation to any length make an envelope useless, and never anything
// else.
func TestDamage(t *testing.T) {
	var v1 struct {
		Sender, Recipient party
		Cases             []struct{ Sealed, USMC hexBytes }
	}
	load(t, "sealed-v1.json", &v1)
	self := v1.Recipient.Private.private(t)
	c, err := ParseContent(v1.Cases[0].USMC)
	require.NoError(t, err)
	other, err := c.SealV2(signet.GenerateKey(), self.PublicKey()) // not by the certificate's key: sealing does not care
	require.NoError(t, err)
	_, err = OpenContent(self, other)
	require.ErrorIs(t, err, ErrInvalidCertificate)
	v2, err := c.SealV2(v1.Sender.Private.private(t), self.PublicKey())
	require.NoError(t, err)
	for _, envelope := range [][]byte{v1.Cases[0].Sealed, v2} {
		_, err = OpenContent(self, envelope)
		require.NoError(t, err, "what is damaged below is sound")
	}
	for name, envelope := range map[string][]byte{"v1": v1.Cases[0].Sealed, "v2": v2} {
		step := 1
		if testing.Short() || raceEnabled {
			step = 13
		}
		for i := 0; i < len(envelope); i += step {
			_, err := OpenContent(self, envelope[:i])
			require.Error(t, err, "%s cut to %d", name, i)
			if i == 0 {
				continue // the version byte: its low nibble does not count
			}
			bad := bytes.Clone(envelope)
			bad[i] ^= 0x40
			_, err = OpenContent(self, bad)
			require.Error(t, err, "%s, byte %d", name, i)
		}
	}
}

// The envelopes of the official negative cases that can be made here (sealed-full.json).
func TestOfficialEnvelopeErrors(t *testing.T) {
	var f struct {
		Sender, Recipient party
		TrustRoot         pair `json:"trust_root"`
		Cases             []struct{ Sealed, USMC, Plaintext hexBytes }
		Negative          []struct {
			Name  string
			OK    bool
			Error failure
		}
	}
	load(t, "sealed-full.json", &f)
	self := f.Recipient.Private.private(t)
	sealed := f.Cases[0].Sealed
	open, err := OpenContent(self, sealed)
	require.NoError(t, err)
	require.Equal(t, []byte(f.Cases[0].USMC), open.Bytes())
	require.Equal(t, session.TypePreKey, open.Type())
	require.Equal(t, f.Sender.address(), open.Certificate().Sender())
	change := func(i int, to byte) []byte {
		b := bytes.Clone(sealed)
		b[(i+len(b))%len(b)] = to
		return b
	}
	flip := func(i int) []byte { return change(i, sealed[(i+len(sealed))%len(sealed)]^1) }
	stranger := signet.GenerateKey()
	foreign, err := sealV1(signet.GenerateKey(), stranger, self.PublicKey(), f.Cases[0].USMC)
	require.NoError(t, err)
	envelopes := map[string][]byte{
		"empty": {}, "version-3": change(0, 0x33), "version-0x34": change(0, 0x34),
		"v1-garbage": append([]byte{0x11}, "garbage"...), "v1-empty-proto": {0x11},
		"v2-short": append([]byte{0x22}, make([]byte, 79)...), "v2-80-bytes": append([]byte{0x22}, bytes.Repeat([]byte{9}, 80)...),
		"v1-last-byte-flipped": flip(-1), "v1-ephemeral-flipped": flip(10), "v1-encstatic-mac-flipped": flip(1 + 35 + 2 + 42),
		"cert-key-mismatch-v1":                 foreign,
		"v1-version-byte-0x01-accepted-toUsmc": change(0, 0x01),
		"v1-version-byte-0x00-accepted-toUsmc": change(0, 0x00),
		"v1-version-byte-0x1f-accepted-toUsmc": change(0, 0x1f),
	}
	// These are of a Receiver or a Sender: see TestOpenErrors, TestConversation and TestSealErrors.
	elsewhere := []string{
		"wrong-root", "expired", "self-send-by-uuid", "self-send-by-e164", "wrong-root-and-self-send", "same-uuid-other-case",
		"local-device-0", "unexpected-type-senderkey", "unexpected-type-plaintext", "encrypt-no-identity", "replay",
	}
	for _, v := range f.Negative {
		t.Run(v.Name, func(t *testing.T) {
			envelope, ok := envelopes[v.Name]
			if !ok {
				require.Contains(t, elsewhere, v.Name)
				return
			}
			_, err := OpenContent(self, envelope)
			if v.OK {
				require.NoError(t, err)
				return
			}
			requireKind(t, v.Error.Message, err)
		})
	}
}
