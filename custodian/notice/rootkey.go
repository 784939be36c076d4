package notice

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"signet.example/signet/custodian/notice/tlog"
	"signet.example/signet/fingerprint"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
)

// A Root is the public half of a custody root key, 32 bytes. Customers pin it. It is comparable.
type Root [ed25519.PublicKeySize]byte

// A Hash is a SHA-256, 32 bytes.
type Hash [sha256.Size]byte

// String returns the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// String returns the key in hex.
func (r Root) String() string { return hex.EncodeToString(r[:]) }

// Fingerprint returns the hash by which statements name the key.
func (r Root) Fingerprint() Hash { return digest("custody-root-v1\x00", r[:]) }

func (r Root) verify(domain string, body, sig []byte) bool {
	return len(sig) == ed25519.SignatureSize && ed25519.Verify(r[:], append([]byte(domain), body...), sig)
}

// Number returns thirty digits in groups of five, for the key and the account that it speaks for:
// what the business prints on its door and a customer compares, beside the safety number of the
// conversation. It is as hard to imitate as a safety number, 5200 rounds of SHA-512.
func (r Root) Number(account string) string {
	h := sha512.Sum512(concat("custody-number-v1\x00", r[:], []byte(account)))
	for range fingerprint.Iterations {
		h = sha512.Sum512(append(h[:], r[:]...))
	}
	var groups []string
	for i := range 6 {
		var b [8]byte
		copy(b[3:], h[5*i:5*i+5])
		groups = append(groups, fmt.Sprintf("%05d", binary.BigEndian.Uint64(b[:])%100000))
	}
	return strings.Join(groups, " ")
}

// Cover returns the party p of a safety number with the custody root key in its identifier, so that
// one comparison covers both keys. Both sides have to cover the business.
func (r Root) Cover(p fingerprint.Party) fingerprint.Party {
	f := r.Fingerprint()
	p.ID += string(f[:])
	return p
}

// digest is the hash of the domain and the parts, which have fixed lengths or are alone.
func digest(domain string, parts ...[]byte) Hash { return sha256.Sum256(concat(domain, parts...)) }

func concat(domain string, parts ...[]byte) []byte {
	b := []byte(domain)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// A RootKey is a custody root key: what a business says about its custody is signed with it, so it
// is made and kept where no provider is. There is no selector for it: it cannot be part of a grant,
// and nothing in this library puts it into a parcel. It redacts itself, and its secret leaves by
// Store alone.
//
// It is immutable and safe for concurrent use. The zero RootKey is not a key and panics when used.
type RootKey struct{ p **ed25519.PrivateKey } // two pointers deep: fmt ignores the methods of hidden fields

// GenerateRoot returns a new custody root key.
func GenerateRoot() *RootKey { return GenerateRootFrom(nil) }

// GenerateRootFrom is GenerateRoot with the randomness of src: the door of the custodian's lab, to
// which nobody else can have the key.
func GenerateRootFrom(src *entropy.Source) *RootKey {
	var seed secret.Key
	defer seed.Wipe()
	src.Read(seed[:])
	return newRoot(seed[:])
}

func newRoot(seed []byte) *RootKey {
	k := ed25519.NewKeyFromSeed(seed)
	p := &k
	return &RootKey{&p}
}

const storedRoot = "custody-root-key-v1\x00"

// Store returns the secret of the key, 52 bytes, to be kept offline by the business itself. It is
// the only door: whoever has these bytes can sign any notice in the name of the business, for ever.
func (k *RootKey) Store() []byte { return append([]byte(storedRoot), (**k.p).Seed()...) }

// LoadRoot returns the key that Store returned. It copies stored.
func LoadRoot(stored []byte) (*RootKey, error) {
	if len(stored) != len(storedRoot)+ed25519.SeedSize || string(stored[:len(storedRoot)]) != storedRoot {
		return nil, errors.New("notice: not a stored root key")
	}
	return newRoot(stored[len(storedRoot):]), nil
}

// Root returns the public half.
func (k *RootKey) Root() Root { return Root((**k.p)[ed25519.SeedSize:]) }

func (k *RootKey) sign(domain string, body []byte) []byte {
	return ed25519.Sign(**k.p, append([]byte(domain), body...))
}

// SignBundle returns the signature, 64 bytes, by which the business vouches for the witness bundle
// whose manifest.json has this hash (custody B16). No statement and no certificate can be taken for
// it.
func (k *RootKey) SignBundle(manifest Hash) []byte {
	return k.sign("custody-bundle-v1\x00", manifest[:])
}

// VerifyBundle reports whether signature is SignBundle's of the manifest, by this key.
func (r Root) VerifyBundle(manifest Hash, signature []byte) bool {
	return r.verify("custody-bundle-v1\x00", manifest[:], signature)
}

// BundleEntry returns what a log shows of a bundle that this key signed (custody B16). The tag, the
// same for all bundles of the key, is SHA-256 of "custody-bundle-tag-v1", a zero byte and the key;
// the leaf is SHA-256 of "custody-bundle-leaf-v1", a zero byte, the hash of the manifest and the
// signature. Nothing is salted: who knows the key can count its bundles, and who has a bundle finds
// it.
func (r Root) BundleEntry(manifest Hash, signature []byte) tlog.Entry {
	return tlog.NewEntry(digest("custody-bundle-tag-v1\x00", r[:]), digest("custody-bundle-leaf-v1\x00", manifest[:], signature))
}

const redactedRoot = "notice.RootKey(…)"

// Format redacts the key under every verb.
func (RootKey) Format(f fmt.State, _ rune) { io.WriteString(f, redactedRoot) }

// LogValue redacts the key in slog.
func (RootKey) LogValue() slog.Value { return slog.StringValue(redactedRoot) }

// MarshalText fails, and with it every text encoding: the encoding of a root key is Store.
func (RootKey) MarshalText() ([]byte, error) {
	return nil, errors.New("notice: a root key is not marshalled")
}
