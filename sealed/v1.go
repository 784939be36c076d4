package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
)

// Version 1 (§6) is two layers, each AES-256-CTR and a cut HMAC under keys of its own: the identity
// key of the sender, under an agreement with a fresh key, and the content, under one with the
// sender's.

const (
	firstV1 = 0x11
	tagV1   = 10 // bytes of the MAC; those of a session's messages are 8
)

// An Identity is the identity key of one end of an envelope: a *signet.PrivateKey, or something
// that keeps it elsewhere. Every x3dh.Identity is one. Its methods are safe for concurrent use.
type Identity interface {
	PublicKey() signet.PublicKey
	Agree(their signet.PublicKey) ([32]byte, error)
}

// layer holds the keys of one layer, and the salt of the next.
type layer struct{ chain, cipher, mac secret.Key }

// derive returns the layer under an agreement.
func derive(salt []byte, shared *[32]byte) *layer {
	var okm [96]byte
	kdf.HKDF(okm[:], salt, shared[:], nil)
	l := &layer{secret.Key(okm[:32]), secret.Key(okm[32:64]), secret.Key(okm[64:])}
	secret.Wipe(okm[:])
	secret.Wipe(shared[:])
	return l
}

func (l *layer) wipe() { *l = layer{} }

// stream is AES-256-CTR from a counter of zeros. No key is used twice.
func (l *layer) stream(dst, src []byte) {
	block, err := aes.NewCipher(l.cipher[:])
	if err != nil {
		panic("sealed: a key of 32 bytes was refused") // only its length could be wrong
	}
	var zero [aes.BlockSize]byte
	cipher.NewCTR(block, zero[:]).XORKeyStream(dst, src)
}

// seal appends the ciphertext of plaintext and its tag.
func (l *layer) seal(dst, plaintext []byte) []byte {
	start := len(dst)
	dst = append(dst, plaintext...)
	l.stream(dst[start:], dst[start:])
	tag := kdf.HMAC(l.mac[:], dst[start:])
	return append(dst, tag[:tagV1]...)
}

// open returns the plaintext of what seal appended, in bytes of its own.
func (l *layer) open(b []byte) ([]byte, bool) {
	n := len(b) - tagV1
	if n < 0 {
		return nil, false
	}
	tag := kdf.HMAC(l.mac[:], b[:n])
	if subtle.ConstantTimeCompare(tag[:tagV1], b[n:]) != 1 {
		return nil, false
	}
	plaintext := make([]byte, n)
	l.stream(plaintext, b[:n])
	return plaintext, true
}

// outer is the layer of the sender's key. The recipient comes first in the salt, whoever computes
// it.
func outer(recipient, ephemeral signet.PublicKey, shared *[32]byte) *layer {
	salt := make([]byte, 0, 20+2*signet.PublicKeySize)
	salt = append(salt, "UnidentifiedDelivery"...)
	salt, _ = recipient.AppendBinary(salt)
	salt, _ = ephemeral.AppendBinary(salt)
	return derive(salt, shared)
}

// inner is the layer of the content, salted with the whole first one.
func (l *layer) inner(static []byte, shared *[32]byte) *layer {
	return derive(append(append(make([]byte, 0, 80), l.chain[:]...), static...), shared)
}

// Seal returns the envelope of version 1 for the device or account with the identity key to: some
// 110 bytes more than the content. No session is needed. That the certificate is self's is for the
// caller to see to: the recipient refuses another. The error is signet.ErrInvalidAgreement for a
// key of low order, or self's.
func (c *Content) Seal(self Identity, to signet.PublicKey) ([]byte, error) {
	return c.seal(nil, self, to)
}

func (c *Content) seal(src *entropy.Source, self Identity, to signet.PublicKey) ([]byte, error) {
	return sealV1(signet.GenerateKeyFrom(src), self, to, c.raw)
}

func sealV1(e *signet.PrivateKey, self Identity, to signet.PublicKey, content []byte) ([]byte, error) {
	var fresh, own [batch][32]byte
	if err := agree(&fresh, &own, e.PublicProduct(nil).Scalar, self, []signet.PublicKey{to}); err != nil {
		return nil, err
	}
	l := outer(to, e.PublicKey(), &fresh[0])
	defer l.wipe()
	var room [signet.PublicKeySize + tagV1]byte
	public := self.PublicKey()
	static := l.seal(room[:0], public.Bytes())
	m := l.inner(static, &own[0])
	defer m.wipe()

	b := append(make([]byte, 0, len(content)+128), firstV1)
	b = wire.AppendBytes(b, 1, e.PublicKey().Bytes())
	b = wire.AppendBytes(b, 2, static)
	return wire.AppendBytes(b, 3, m.seal(make([]byte, 0, len(content)+tagV1), content)), nil
}

// openV1 opens what follows the version byte. The order of the checks is the official one.
func openV1(self Identity, b []byte) (*Content, error) {
	var ephemeral, static, message []byte
	p := wire.Parse(b)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Bytes(&ephemeral)
		case 2:
			p.Bytes(&static)
		case 3:
			p.Bytes(&message)
		}
	}
	if p.Err() != nil || ephemeral == nil || static == nil || message == nil {
		return nil, errMalformed
	}
	e, err := signet.ParsePublicKey(ephemeral)
	if err != nil {
		return nil, err
	}
	shared, err := self.Agree(e)
	if err != nil {
		return nil, err
	}
	l := outer(self.PublicKey(), e, &shared)
	defer l.wipe()
	from, ok := l.open(static)
	if !ok {
		return nil, invalid("failed to decrypt sealed sender v1 message key")
	}
	s, err := signet.ParsePublicKey(from)
	if err != nil {
		return nil, err
	}
	if shared, err = self.Agree(s); err != nil {
		return nil, err
	}
	m := l.inner(static, &shared)
	defer m.wipe()
	plaintext, ok := m.open(message)
	if !ok {
		return nil, invalid("failed to decrypt sealed sender v1 message contents")
	}
	c, err := parseContent(plaintext)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(from, c.certificate.key.Bytes()) != 1 {
		return nil, mismatch("message key")
	}
	return c, nil
}
