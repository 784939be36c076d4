package sealed

import (
	"crypto/subtle"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/gcmsiv"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/x25519"
)

// Version 2 (§7) encrypts the content once, under a key drawn for the message, and that key to each
// recipient: C hides it under an agreement with a key that the message key itself determines, and
// AT shows, under an agreement with the sender's, who did so.

const (
	firstV2  = 0x22
	keysSize = 32 + 16 // C ‖ AT

	labelR      = "Sealed Sender v2: r (2023-08)"
	labelK      = "Sealed Sender v2: K"
	labelDH     = "Sealed Sender v2: DH"
	labelSender = "Sealed Sender v2: DH-sender"
)

// A messageKey is what one message's 32 random bytes determine.
type messageKey struct {
	m, e, k secret.Key // e is clamped
	public  signet.PublicKey
}

func newMessageKey(src *entropy.Source) *messageKey {
	var m secret.Key
	src.Read(m[:])
	defer m.Wipe()
	return expand(&m)
}

func expand(m *secret.Key) *messageKey {
	k := &messageKey{m: *m}
	kdf.HKDF(k.e[:], nil, m[:], []byte(labelR))
	kdf.HKDF(k.k[:], nil, m[:], []byte(labelK))
	x25519.Clamp((*[32]byte)(&k.e))
	var u [32]byte
	x25519.Base(&u, (*[32]byte)(&k.e))
	k.public = signet.PublicKeyFromRaw(u)
	return k
}

func (k *messageKey) wipe() {
	k.m.Wipe()
	k.e.Wipe()
	k.k.Wipe()
}

// mask is what C hides the message key under. In every derivation the sender's or ephemeral key
// comes first and the recipient's last, each with its type byte.
func mask(shared *[32]byte, ephemeral, recipient signet.PublicKey) (out secret.Key) {
	var ikm [32 + 2*signet.PublicKeySize]byte
	b := append(ikm[:0], shared[:]...)
	b, _ = ephemeral.AppendBinary(b)
	b, _ = recipient.AppendBinary(b)
	kdf.HKDF(out[:], nil, b, []byte(labelDH))
	secret.Wipe(b)
	secret.Wipe(shared[:])
	return out
}

// authentication is AT.
func authentication(shared *[32]byte, ephemeral signet.PublicKey, c []byte, sender, recipient signet.PublicKey) (at [16]byte) {
	var ikm [32 + 32 + 3*signet.PublicKeySize]byte
	b := append(ikm[:0], shared[:]...)
	b, _ = ephemeral.AppendBinary(b)
	b = append(b, c...)
	b, _ = sender.AppendBinary(b)
	b, _ = recipient.AppendBinary(b)
	kdf.HKDF(at[:], nil, b, []byte(labelSender))
	secret.Wipe(b)
	secret.Wipe(shared[:])
	return at
}

// keys sets each of out to C ‖ AT for the recipient beside it in to, of whom there are at most
// batch.
func (k *messageKey) keys(out [][keysSize]byte, self Identity, sender signet.PublicKey, to []signet.PublicKey) error {
	var fresh, own [batch][32]byte
	if err := agree(&fresh, &own, (*[32]byte)(&k.e), self, to); err != nil {
		return err
	}
	for i := range to {
		c := mask(&fresh[i], k.public, to[i])
		subtle.XORBytes(out[i][:32], c[:], k.m[:])
		c.Wipe()
		at := authentication(&own[i], k.public, out[i][:32], sender, to[i])
		copy(out[i][32:], at[:])
	}
	return nil
}

// appendShared appends what all recipients get: the ephemeral key and the encrypted content.
func (k *messageKey) appendShared(dst, content []byte) ([]byte, error) {
	u := k.public.Raw()
	// The key is fresh, so that the nonce may be zero.
	return gcmsiv.Seal(append(dst, u[:]...), (*[32]byte)(&k.k), new([gcmsiv.NonceSize]byte), content, nil)
}

// SealV2 is Seal in version 2, as a server would hand it to one recipient of an upload: 97 bytes
// more than the content.
func (c *Content) SealV2(self Identity, to signet.PublicKey) ([]byte, error) {
	return c.sealV2(nil, self, to)
}

func (c *Content) sealV2(src *entropy.Source, self Identity, to signet.PublicKey) ([]byte, error) {
	k := newMessageKey(src)
	defer k.wipe()
	var keys [1][keysSize]byte
	if err := k.keys(keys[:], self, self.PublicKey(), []signet.PublicKey{to}); err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, 1+keysSize+32+len(c.raw)+gcmsiv.Overhead), firstV2)
	return k.appendShared(append(b, keys[0][:]...), c.raw)
}

// openV2 opens what follows the version byte. The order of the checks is the official one.
func openV2(self Identity, b []byte) (*Content, error) {
	const head = keysSize + 32
	if len(b) < head {
		return nil, errMalformed
	}
	c, at, ciphertext := b[:32], b[32:keysSize], b[head:]
	ephemeral := signet.PublicKeyFromRaw([32]byte(b[keysSize:head]))
	recipient := self.PublicKey()
	shared, err := self.Agree(ephemeral)
	if err != nil {
		return nil, err
	}
	m := mask(&shared, ephemeral, recipient)
	subtle.XORBytes(m[:], m[:], c)
	k := expand(&m)
	m.Wipe()
	defer k.wipe()
	if !k.public.Equal(ephemeral) {
		return nil, invalid("derived ephemeral key did not match key provided in message")
	}
	plaintext, err := gcmsiv.Open((*[32]byte)(&k.k), new([gcmsiv.NonceSize]byte), ciphertext, nil)
	if err != nil {
		return nil, invalid("failed to decrypt inner message")
	}
	content, err := parseContent(plaintext)
	if err != nil {
		return nil, err
	}
	sender := content.certificate.key
	if shared, err = self.Agree(sender); err != nil {
		return nil, err
	}
	want := authentication(&shared, ephemeral, c, sender, recipient)
	if subtle.ConstantTimeCompare(want[:], at) != 1 {
		return nil, mismatch("authentication tag")
	}
	return content, nil
}

// mismatch is a content that someone else sealed than its certificate says.
func mismatch(with string) error {
	return fmt.Errorf("%w: sender certificate key does not match %s", ErrInvalidCertificate, with)
}

// OpenContent opens an envelope of either version that was sealed to self. What it returns is from
// whoever its certificate names, if that is valid: validation, the check for a message of one's own
// and the decryption of what was inside are for the caller, or for a Receiver. The envelope is not
// modified and not kept.
//
// The errors are session.ErrInvalidMessage, session.ErrVersion, ErrInvalidCertificate for a
// certificate of another key than the one that sealed, package signet's for keys that are none, and
// those of ParseContent.
func OpenContent(self Identity, envelope []byte) (*Content, error) {
	if len(envelope) == 0 {
		return nil, invalid("Message was empty")
	}
	// The high nibble is the version that is needed, the low one that of the sender: it does not
	// count.
	switch v := envelope[0] >> 4; v {
	case 0, 1:
		return openV1(self, envelope[1:])
	case 2:
		return openV2(self, envelope[1:])
	default:
		return nil, unknownVersion(v)
	}
}
