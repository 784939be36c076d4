package interop

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the official client says, from its own answers (protocol §12, sealed-groups §17).
func TestTranslate(t *testing.T) {
	generic := 0
	for _, c := range []struct {
		code       int
		text, word string
	}{
		{1, "message with old counter 3 / 1", "duplicate"},
		{2, "self send of a sealed sender message", "self-send"},
		{3, "untrusted identity for address name.1", "untrusted-identity"},
		{5, "protocol address is invalid: name.0", "invalid-argument"},
		{7, "invalid session: failed to decode session record protobuf", "invalid-argument"},
		{8, "invalid sender key session with distribution ID 9d0652a3", "no-sender-key"},
		{0, "session with name.1 not found: message_encrypt", "no-session"},
		{0, "missing sender key state for distribution ID 9d0652a3", "no-sender-key"},
		{0, "invalid sealed sender message: trust root validation failed", "invalid-certificate"},
		{0, "invalid sealed sender message: sender certificate key does not match message key", "invalid-certificate"},
		{0, "invalid sealed sender message: Message was empty", "invalid-message"},
		{0, "unknown server certificate ID: 4", "invalid-certificate"},
		{0, "unknown sealed sender message version 3", "unsupported-version"},
		{0, "ciphertext serialized bytes were too short <8>", "invalid-message"},
		{0, "ciphertext version was too old <2>", "unsupported-version"},
		{0, "ciphertext version was unrecognized <5>", "unsupported-version"},
		{0, "protobuf encoding was invalid", "invalid-message"},
		{0, "invalid Whisper message: decryption failed", "invalid-message"},
		{0, "invalid PreKey message: X3DH no longer supported", "invalid-message"},
		{0, "invalid SenderKey message: message from too far into the future", "invalid-message"},
		{0, "no key type identifier", "invalid-key"},
		{0, "bad key type <0x06>", "invalid-key"},
		{0, "bad key length <32> for key with type <Djb>", "invalid-key"},
		{0, "bad KEM key type <0x0a>", "invalid-message"},
		{0, "bad KEM ciphertext length <1568> for key with type <Kyber1024 key>", "invalid-message"},
		{0, "invalid key agreement", "invalid-key"},
		{0, "invalid signature detected", "invalid-signature"},
		{0, "invalid argument: device ID is out of range", "invalid-argument"},
		{0, "error in method call 'getPreKey': Error: invalid prekey identifier", "invalid-prekey-id"},
		{0, "invalid Kyber prekey identifier", "invalid-prekey-id"},
		{0, "reused base key", "invalid-message"},
		{0, "something that nobody has seen", "Generic"},
		{40, "the connection was invalidated", "ConnectionInvalidated"},
	} {
		name := map[int]string{0: "Generic", 40: "ConnectionInvalidated"}[c.code]
		require.Equal(t, c.word, translate("decrypt", name, &c.code, c.text), c.text)
	}
	const length = "bad KEM key length <1568> for key with type <Kyber1024 key>"
	require.Equal(t, "invalid-key", translate("process", "Generic", &generic, length))
	require.Equal(t, "no-session", translate("decrypt", "no-session", nil, "anything"))
	require.Equal(t, "TypeError", translate("decrypt", "TypeError", nil, "protobuf encoding was invalid"), "an error of the peer, not of the client")
	require.Equal(t, "duplicate", translate("decrypt", "duplicate", &generic, "protobuf encoding was invalid"))
}
