package x3dh

import (
	"errors"
	"fmt"
	"io"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/x25519"
)

// An Identity is a party's identity key: a *signet.PrivateKey, or something that keeps it elsewhere
// and answers for it. Its methods are safe for concurrent use.
type Identity interface {
	PublicKey() signet.PublicKey
	// Agree returns the X25519 shared secret, 32 bytes, or signet.ErrInvalidAgreement if it is zero.
	Agree(their signet.PublicKey) ([32]byte, error)
	// Sign returns the XEdDSA signature of message, 64 bytes.
	Sign(message []byte) ([64]byte, error)
}

// A Secret is what an agreement gives: the root and chain key of a session, and for PQXDH the key
// that seeds the post-quantum ratchet (zero for X3DH), 32 bytes each. It redacts itself.
type Secret struct{ Root, Chain, PQ secret.Key }

// Format redacts the Secret under every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "x3dh.Secret(…)") }

// An Initial is what the initiator tells the responder in its first messages.
type Initial struct {
	Version        uint8
	Identity       signet.PublicKey // the initiator's
	BaseKey        signet.PublicKey
	HasPreKey      bool
	PreKeyID       uint32
	SignedPreKeyID uint32
	KEMPreKeyID    uint32
	KEMCiphertext  []byte // 1569 bytes with its type byte; nil for X3DH
}

// PreKeys are the responder's secrets that an Initial names. They redact themselves.
type PreKeys struct {
	SignedPreKey *signet.PrivateKey
	PreKey       *signet.PrivateKey // nil if the Initial names none
	KEMPreKey    []byte             // 3169 bytes with its type byte; nil for X3DH
}

// Format redacts the PreKeys under every verb.
func (PreKeys) Format(f fmt.State, _ rune) { io.WriteString(f, redactedPreKeys) }

// MarshalText redacts the PreKeys in slog, JSON and every other text encoding.
func (PreKeys) MarshalText() ([]byte, error) { return []byte(redactedPreKeys), nil }

const redactedPreKeys = "x3dh.PreKeys(…)"

// ErrBaseKey is an incoming base key that is not a canonical point of the prime-order group.
var ErrBaseKey = errors.New("x3dh: incoming base key is invalid")

// Initiate runs the agreement toward a bundle (X3DH §3.3, PQXDH §3.3). It draws 32 random bytes for
// the base key and 32 for the encapsulation. The error is signet.ErrInvalidAgreement if one of the
// bundle's keys has small order, or self's own.
func Initiate(self Identity, b *Bundle) (*Initial, Secret, error) { return InitiateFrom(nil, self, b) }

// InitiateFrom is Initiate for this module's lab, which brings its own randomness.
func InitiateFrom(src *entropy.Source, self Identity, b *Bundle) (*Initial, Secret, error) {
	base := signet.GenerateKeyFrom(src)
	var coins [32]byte
	if b.f.KEMPreKey != nil {
		src.Read(coins[:])
	}
	defer clear(coins[:])
	return initiate(self, b, base, &coins)
}

func initiate(self Identity, b *Bundle, base *signet.PrivateKey, coins *[32]byte) (*Initial, Secret, error) {
	in := &Initial{
		Version:        b.Version(),
		Identity:       self.PublicKey(),
		SignedPreKeyID: b.f.SignedPreKey.ID,
	}
	all := [4]agreement{
		{own: self, their: b.f.SignedPreKey.Public},
		{own: base, their: b.f.Identity},
		{own: base, their: b.f.SignedPreKey.Public},
	}
	n := 3
	if p := b.f.PreKey; p != nil {
		in.HasPreKey, in.PreKeyID = true, p.ID
		all[n] = agreement{own: base, their: p.Public}
		n++
	}
	var ikm material
	ikm.agree(all[:n], nil, base)
	in.BaseKey = base.PublicKey()
	if p := b.f.KEMPreKey; p != nil && ikm.err == nil {
		ciphertext, ss, err := kem.Encapsulate(p.Public, coins)
		if err != nil {
			return nil, Secret{}, fmt.Errorf("%w: %w", ErrKEM, err)
		}
		in.KEMPreKeyID, in.KEMCiphertext = p.ID, ciphertext
		ikm.add(ss)
	}
	s, err := ikm.secret(in.Version)
	if err != nil {
		return nil, Secret{}, err
	}
	return in, s, nil
}

// Accept runs the agreement on the responder's side (X3DH §3.4, PQXDH §3.4). The error is
// ErrBaseKey, signet.ErrInvalidAgreement for a key of small order, or ErrKEM. A ciphertext that
// does not decapsulate gives another secret than the initiator's and no error.
func Accept(self Identity, keys *PreKeys, in *Initial) (Secret, error) {
	all := [4]agreement{
		{own: keys.SignedPreKey, their: in.Identity},
		{own: self, their: in.BaseKey},
		{own: keys.SignedPreKey, their: in.BaseKey},
	}
	n := 3
	if keys.PreKey != nil {
		all[n] = agreement{own: keys.PreKey, their: in.BaseKey}
		n++
	}
	u := in.BaseKey.Raw()
	var ikm material
	if !ikm.agree(all[:n], &u, keys.SignedPreKey) {
		return Secret{}, ErrBaseKey
	}
	if in.Version >= VersionPQXDH && ikm.err == nil {
		ss, err := kem.Decapsulate(keys.KEMPreKey, in.KEMCiphertext)
		if err != nil {
			return Secret{}, fmt.Errorf("%w: %w", ErrKEM, err)
		}
		ikm.add(ss)
	}
	return ikm.secret(in.Version)
}

// material collects the input of the key derivation: 32 bytes of 0xFF, then the shared secrets in
// their order (X3DH §2.2, protocol §3, §4.1).
type material struct {
	b   [6 * 32]byte
	n   int
	err error
}

// An agreement is one of those of X3DH §3.3.
type agreement struct {
	own interface {
		Agree(signet.PublicKey) ([32]byte, error)
	}
	their signet.PublicKey
}

// agree adds the results of all. What does not depend on each other is computed together: the
// agreements of keys that are in this process, whether base, unless it is nil, is Canonical, and
// the public key of own, which will be asked for next. If base is not Canonical, agree reports
// false before another's key is used.
func (m *material) agree(all []agreement, base *[32]byte, own *signet.PrivateKey) bool {
	var secrets [4][32]byte
	defer clear(secrets[:])
	var public [32]byte
	var products [6]x25519.Product // not appended to: what it points to would move to the heap
	products[0] = own.PublicProduct(&public)
	n := 1
	for i := range all {
		if key, ok := all[i].own.(*signet.PrivateKey); ok {
			products[n] = key.Product(&all[i].their, &secrets[i])
			n++
		}
	}
	here := n
	if base != nil {
		products[n] = x25519.Product{U: base, Order: true}
		n++
	}
	x25519.Multiply(products[:n])
	if base != nil && !products[here].OK {
		return false
	}
	own.Learn(&products[0])
	for _, p := range products[1:here] {
		if !p.OK {
			m.err = signet.ErrInvalidAgreement
		}
	}
	for i := range all {
		if _, ok := all[i].own.(*signet.PrivateKey); !ok && m.err == nil {
			secrets[i], m.err = all[i].own.Agree(all[i].their)
		}
		m.add(secrets[i])
	}
	return true
}

func (m *material) add(s [32]byte) {
	if m.n == 0 {
		for m.n < 32 {
			m.b[m.n] = 0xff
			m.n++
		}
	}
	m.n += copy(m.b[m.n:], s[:])
}

func (m *material) secret(version uint8) (s Secret, err error) {
	defer clear(m.b[:])
	if m.err != nil {
		return s, m.err
	}
	label, n := "WhisperText", 64
	if version >= VersionPQXDH {
		label, n = "WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024", 96
	}
	var okm [96]byte
	kdf.HKDF(okm[:n], nil, m.b[:m.n], []byte(label))
	s.Root, s.Chain, s.PQ = secret.Key(okm[:32]), secret.Key(okm[32:64]), secret.Key(okm[64:])
	clear(okm[:])
	return s, nil
}
