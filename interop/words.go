package interop

import "regexp"

// The words that a peer gives itself. The official client's own errors are translated to them.
var words = map[string]bool{
	"duplicate": true, "no-session": true, "untrusted-identity": true, "invalid-message": true,
	"invalid-key": true, "invalid-prekey-id": true, "invalid-signature": true,
	"invalid-certificate": true, "self-send": true, "no-sender-key": true, "invalid-argument": true,
	"unsupported-version": true,
}

// codes are the errors that the official client numbers (ErrorCode of its Node binding,
// protocol §12).
var codes = map[int]string{
	1: "duplicate",
	2: "self-send",
	3: "untrusted-identity",
	4: "invalid-argument", // a registration id that does not fit
	5: "invalid-argument", // an address
	7: "invalid-argument", // a session record
	8: "no-sender-key",
}

// texts are the errors that it does not number, told apart by their texts. The first match counts:
// what stands in front of a cause comes before the cause.
var texts = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`^invalid argument: `), "invalid-argument"},
	{regexp.MustCompile(`^session( with .*)? not found`), "no-session"},
	{regexp.MustCompile(`^missing sender key state`), "no-sender-key"},
	{regexp.MustCompile(`^invalid sealed sender message: (trust root|sender certificate)`), "invalid-certificate"},
	{regexp.MustCompile(`^unknown server certificate ID`), "invalid-certificate"},
	{regexp.MustCompile(`^unknown sealed sender message version`), "unsupported-version"},
	{regexp.MustCompile(`^ciphertext version was `), "unsupported-version"},
	{regexp.MustCompile(`^unrecognized message version`), "unsupported-version"},
	{regexp.MustCompile(`^invalid sealed sender message: `), "invalid-message"},
	{regexp.MustCompile(`^invalid (Whisper|PreKey|SenderKey|Plaintext) message: `), "invalid-message"},
	{regexp.MustCompile(`^ciphertext serialized bytes were too short`), "invalid-message"},
	{regexp.MustCompile(`^protobuf encoding was invalid`), "invalid-message"},
	{regexp.MustCompile(`^no key type identifier|^bad key (type|length)|^invalid key agreement`), "invalid-key"},
	{regexp.MustCompile(`^invalid signature detected`), "invalid-signature"},
	{regexp.MustCompile(`^invalid state for call to `), "invalid-argument"},
	// What the stores of its peer say; the client adds which of their methods was called.
	{regexp.MustCompile(`invalid (prekey|signed prekey|Kyber prekey) identifier`), "invalid-prekey-id"},
	{regexp.MustCompile(`reused base key`), "invalid-message"},
}

// malformedKEM is a KEM key of a bundle or the ciphertext of a first message, of a wrong type or
// length.
var malformedKEM = regexp.MustCompile(`^bad KEM (key|ciphertext) (type|length)|^unexpected KEM key type`)

// translate returns the protocol's word for a refusal. A refusal that the tables do not know keeps
// the name that the peer gave it, which equals no word of the protocol.
func translate(op, name string, code *int, message string) string {
	if words[name] {
		return name
	}
	if code == nil { // not an error of the official client's
		return name
	}
	if w, ok := codes[*code]; ok {
		return w
	}
	if malformedKEM.MatchString(message) {
		if op == "decrypt" {
			return "invalid-message"
		}
		return "invalid-key"
	}
	for _, t := range texts {
		if t.pattern.MatchString(message) {
			return t.word
		}
	}
	return name
}
