package seal

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Cost is what it takes to try a passphrase (argon2id, RFC 9106). The zero value means the RFC's
// second recommendation: 3 passes over 64 MiB in 4 lanes.
type Cost struct {
	Passes uint32
	Memory uint32 // in KiB
	Lanes  uint8
}

// The bounds of a Cost. The lower ones keep a passphrase from being wasted, by the caller or by who
// wrote into the database; the upper ones keep that one from stopping the program.
var (
	defaultCost = Cost{Passes: 3, Memory: 64 << 10, Lanes: 4}
	minCost     = Cost{Passes: 2, Memory: 19 << 10, Lanes: 1}
	maxCost     = Cost{Passes: 64, Memory: 4 << 20, Lanes: 64}
)

func (c Cost) check() error {
	for _, v := range []struct {
		name          string
		low, is, high uint32
	}{
		{"passes", minCost.Passes, c.Passes, maxCost.Passes},
		{"KiB of memory", minCost.Memory, c.Memory, maxCost.Memory},
		{"lanes", uint32(minCost.Lanes), uint32(c.Lanes), uint32(maxCost.Lanes)},
	} {
		if v.is < v.low || v.is > v.high {
			return fmt.Errorf("seal: argon2id with %d %s: need %d to %d", v.is, v.name, v.low, v.high)
		}
	}
	return nil
}

// minPassphrase is the shortest passphrase in bytes that is accepted. It does not make one good.
const minPassphrase = 8

const saltSize = 16

// A kdf is what a key was derived with.
type kdf struct {
	cost Cost
	salt [saltSize]byte
}

// A passphrase is a KeyService.
type passphrase struct{ p *passphraseState }

type passphraseState struct {
	passphrase []byte
	cost       Cost

	mu   sync.Mutex       // held while a key is derived: one takes all the memory it should
	keys map[kdf][32]byte // derived
	last map[string]kdf   // by tenant; data keys of a tenant share a derivation
}

// Passphrase is the KeyService of a passphrase, at least 8 bytes, which is copied. The salt and the
// cost are stored with every wrapped key; a nil cost means the default for new ones. Derived keys
// are kept in memory.
func Passphrase(phrase []byte, cost *Cost) (KeyService, error) {
	if len(phrase) < minPassphrase {
		return nil, fmt.Errorf("seal: a passphrase of %d bytes: need at least %d", len(phrase), minPassphrase)
	}
	c := defaultCost
	if cost != nil && *cost != (Cost{}) {
		c = *cost
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return passphrase{&passphraseState{
		passphrase: append([]byte{}, phrase...), cost: c,
		keys: make(map[kdf][32]byte), last: make(map[string]kdf),
	}}, nil
}

// The forms of a wrapped key. A passphrase's: the form, passes (4 bytes, big-endian), KiB (4),
// lanes (1), salt (16), and then like a key's: nonce (24), ciphertext and tag.
const (
	formPassphrase = 1
	formKey        = 2

	kdfSize = 4 + 4 + 1 + saltSize
)

func (s passphrase) Wrap(_ context.Context, tenant string, key []byte) ([]byte, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	k, ok := s.p.last[tenant]
	if !ok || k.cost != s.p.cost {
		k.cost = s.p.cost
		rand.Read(k.salt[:])
		s.p.last[tenant] = k
	}
	kek := s.p.derive(k)
	b := appendKDF([]byte{formPassphrase}, k)
	return wrap(b, kek[:], tenant, key), nil
}

func (s passphrase) Unwrap(_ context.Context, tenant string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 1+kdfSize || wrapped[0] != formPassphrase {
		return nil, errors.New("seal: not a key that was wrapped with a passphrase")
	}
	k := parseKDF(wrapped[1:])
	if err := k.cost.check(); err != nil {
		return nil, err
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	kek := s.p.derive(k)
	key, err := unwrap(kek[:], tenant, wrapped, 1+kdfSize)
	if err != nil {
		delete(s.p.keys, k)
		return nil, err
	}
	s.p.last[tenant] = k
	return key, nil
}

// derive is called with the lock held.
func (s *passphraseState) derive(k kdf) [32]byte {
	kek, ok := s.keys[k]
	if !ok {
		b := argon2.IDKey(s.passphrase, k.salt[:], k.cost.Passes, k.cost.Memory, k.cost.Lanes, 32)
		kek = [32]byte(b)
		clear(b)
		s.keys[k] = kek
	}
	return kek
}

func appendKDF(b []byte, k kdf) []byte {
	b = binary.BigEndian.AppendUint32(b, k.cost.Passes)
	b = binary.BigEndian.AppendUint32(b, k.cost.Memory)
	return append(append(b, k.cost.Lanes), k.salt[:]...)
}

// parseKDF reads kdfSize bytes.
func parseKDF(b []byte) kdf {
	return kdf{
		cost: Cost{Passes: binary.BigEndian.Uint32(b), Memory: binary.BigEndian.Uint32(b[4:]), Lanes: b[8]},
		salt: [saltSize]byte(b[9:kdfSize]),
	}
}

// A staticKey is a KeyService.
type staticKey struct{ k **[KeySize]byte } // two pointers deep: fmt follows one

// Key is the KeyService of a key of 32 bytes, which is copied: one from a secret manager, say, that
// is handed to the program.
func Key(key []byte) (KeyService, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("seal: a key of %d bytes: need %d", len(key), KeySize)
	}
	k := new([KeySize]byte)
	copy(k[:], key)
	return staticKey{&k}, nil
}

func (s staticKey) Wrap(_ context.Context, tenant string, key []byte) ([]byte, error) {
	return wrap([]byte{formKey}, (*s.k)[:], tenant, key), nil
}

func (s staticKey) Unwrap(_ context.Context, tenant string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 1 || wrapped[0] != formKey {
		return nil, errors.New("seal: not a key that was wrapped with a key")
	}
	return unwrap((*s.k)[:], tenant, wrapped, 1)
}

// wrap appends to the head. The head and the tenant are authenticated.
func wrap(head, kek []byte, tenant string, key []byte) []byte {
	aead := must(chacha20poly1305.NewX(kek))
	ad := append(head[:len(head):len(head)], tenant...)
	b := append(head, make([]byte, chacha20poly1305.NonceSizeX)...)
	nonce := b[len(head):]
	rand.Read(nonce)
	return aead.Seal(b, nonce, key, ad)
}

func unwrap(kek []byte, tenant string, wrapped []byte, head int) ([]byte, error) {
	if len(wrapped) != head+KeySize+Overhead {
		return nil, fmt.Errorf("seal: a wrapped key of %d bytes", len(wrapped))
	}
	aead := must(chacha20poly1305.NewX(kek))
	ad := append(wrapped[:head:head], tenant...)
	nonce, b := wrapped[head:head+chacha20poly1305.NonceSizeX], wrapped[head+chacha20poly1305.NonceSizeX:]
	key, err := aead.Open(nil, nonce, b, ad)
	if err != nil {
		return nil, ErrKey
	}
	return key, nil
}

// must is for a size that is right.
func must[T any](v T, err error) T {
	if err != nil {
		panic("seal: " + err.Error())
	}
	return v
}

const (
	redactedPassphrase = "seal.Passphrase(…)"
	redactedKey        = "seal.Key(…)"
)

// Format redacts the passphrase under every verb.
func (passphrase) Format(f fmt.State, _ rune) { io.WriteString(f, redactedPassphrase) }

// LogValue redacts the passphrase in slog.
func (passphrase) LogValue() slog.Value { return slog.StringValue(redactedPassphrase) }

// MarshalText redacts the passphrase in JSON and other text.
func (passphrase) MarshalText() ([]byte, error) { return []byte(redactedPassphrase), nil }

// Format redacts the key under every verb.
func (staticKey) Format(f fmt.State, _ rune) { io.WriteString(f, redactedKey) }

// LogValue redacts the key in slog.
func (staticKey) LogValue() slog.Value { return slog.StringValue(redactedKey) }

// MarshalText redacts the key in JSON and other text.
func (staticKey) MarshalText() ([]byte, error) { return []byte(redactedKey), nil }
