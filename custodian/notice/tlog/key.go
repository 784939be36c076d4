package tlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
)

// The types of keys of signed notes: those of logs and those of witnesses.
const (
	algLog     = 1
	algWitness = 4
)

// A Key signs checkpoints (as a log) or cosigns them (as a witness). It redacts itself; its secret
// leaves by Store alone. It is immutable and safe for concurrent use; the zero Key signs nothing
// and panics.
type Key struct{ p **signer } // two pointers deep: fmt ignores the methods of hidden fields

type signer struct {
	name string
	alg  byte
	key  ed25519.PrivateKey
}

var errName = errors.New("tlog: a name is not empty and has no spaces, plus signs or control characters")

// GenerateKey returns a new key of the log with this name, which is its origin: customarily a host
// and path without a scheme.
func GenerateKey(origin string) (*Key, error) { return GenerateKeyFrom(nil, origin) }

// GenerateKeyFrom is GenerateKey with the randomness of src: the door of the custodian's lab, to
// which nobody else can have the key.
func GenerateKeyFrom(src *entropy.Source, origin string) (*Key, error) {
	return generate(src, origin, algLog)
}

// GenerateWitnessKey returns a new key of the witness with this name.
func GenerateWitnessKey(name string) (*Key, error) { return GenerateWitnessKeyFrom(nil, name) }

// GenerateWitnessKeyFrom is GenerateWitnessKey with the randomness of src, as in GenerateKeyFrom.
func GenerateWitnessKeyFrom(src *entropy.Source, name string) (*Key, error) {
	return generate(src, name, algWitness)
}

func generate(src *entropy.Source, name string, alg byte) (*Key, error) {
	var seed secret.Key
	defer seed.Wipe()
	src.Read(seed[:])
	return newKey(name, alg, seed[:])
}

func newKey(name string, alg byte, seed []byte) (*Key, error) {
	if !validName(name) {
		return nil, errName
	}
	s := &signer{name: name, alg: alg, key: ed25519.NewKeyFromSeed(seed)}
	return &Key{&s}, nil
}

func validName(name string) bool {
	return name != "" && len(name) <= 200 && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r == '+' || r >= 0x7f
	})
}

// Store returns the secret of the key, to be kept where nobody reads: its type (1 byte), its seed
// (32 bytes) and its name.
func (k *Key) Store() []byte {
	s := *k.p
	b := append([]byte{s.alg}, s.key.Seed()...)
	return append(b, s.name...)
}

// LoadKey returns the key that Store returned. It copies b.
func LoadKey(b []byte) (*Key, error) {
	if len(b) < 1+ed25519.SeedSize || b[0] != algLog && b[0] != algWitness {
		return nil, errors.New("tlog: not a stored key")
	}
	return newKey(string(b[1+ed25519.SeedSize:]), b[0], b[1:1+ed25519.SeedSize])
}

// Verifier returns the public half in the text form of signed notes, "name+hash+key".
func (k *Key) Verifier() string {
	s := *k.p
	public := append([]byte{s.alg}, s.public()...)
	return fmt.Sprintf("%s+%08x+%s", s.name, keyHash(s.name, public), base64.StdEncoding.EncodeToString(public))
}

const redacted = "tlog.Key(…)"

// Format redacts the key under every verb.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue redacts the key in slog.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails, and with it every text encoding: the encoding of a key is Store.
func (Key) MarshalText() ([]byte, error) { return nil, errors.New("tlog: a key is not marshalled") }

func (s *signer) public() []byte { return s.key[ed25519.SeedSize:] }

// keyHash is the hash by which a note names a key: of the name, a newline, the type and the public
// key.
func keyHash(name string, public []byte) uint32 {
	h := sha256.Sum256(append([]byte(name+"\n"), public...))
	return binary.BigEndian.Uint32(h[:])
}

// A noteSigner is a key at a time, as a note.Signer. Only cosignatures say the time.
type noteSigner struct {
	*signer
	now time.Time
}

func (s noteSigner) Name() string { return s.name }

func (s noteSigner) KeyHash() uint32 {
	return keyHash(s.name, append([]byte{s.alg}, s.public()...))
}

func (s noteSigner) Sign(text []byte) ([]byte, error) {
	if s.alg == algLog {
		return ed25519.Sign(s.key, text), nil
	}
	t := uint64(s.now.Unix())
	return append(binary.BigEndian.AppendUint64(nil, t), ed25519.Sign(s.key, cosigned(t, text))...), nil
}

// cosigned is what a witness signs (C2SP cosignature/v1).
func cosigned(t uint64, text []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", t, text)
}

// A witnessVerifier is the public half of a witness's key, as a note.Verifier.
type witnessVerifier struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

func (v *witnessVerifier) Name() string    { return v.name }
func (v *witnessVerifier) KeyHash() uint32 { return v.hash }

func (v *witnessVerifier) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	return ed25519.Verify(v.public, cosigned(binary.BigEndian.Uint64(sig), text), sig[8:])
}

var errVerifier = errors.New("tlog: malformed verifier")

// parseVerifier parses what Verifier returns, of either type.
func parseVerifier(text string) (v note.Verifier, alg byte, err error) {
	name, rest, _ := strings.Cut(text, "+")
	_, key64, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(key64)
	if err != nil || len(key) != 1+ed25519.PublicKeySize || !validName(name) {
		return nil, 0, errVerifier
	}
	hash := keyHash(name, key)
	if text != fmt.Sprintf("%s+%08x+%s", name, hash, key64) {
		return nil, 0, errVerifier
	}
	switch key[0] {
	case algLog:
		v, err = note.NewVerifier(text)
	case algWitness:
		v = &witnessVerifier{name, hash, key[1:]}
	default:
		return nil, 0, errVerifier
	}
	return v, key[0], err
}
