package sealed

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
)

// A Signer signs certificates: a *signet.PrivateKey, or an oracle that keeps one.
type Signer interface {
	Sign(message []byte) ([64]byte, error)
}

// A signed is the outer form of both kinds of certificate (§2, §3): the serialized certificate in
// field 1, its signature in field 2. The bytes are kept as they came, unknown fields included: they
// are signed, too. The slices alias raw.
type signed struct {
	raw         []byte
	certificate []byte
	signature   []byte // any length
}

// parseSigned does not copy b.
func parseSigned(b []byte) (s signed, err error) {
	s.raw = b
	p := wire.Parse(b)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Bytes(&s.certificate)
		case 2:
			p.Bytes(&s.signature)
		}
	}
	if p.Err() != nil || s.certificate == nil || s.signature == nil {
		return signed{}, errMalformed
	}
	return s, nil
}

func newSigned(by Signer, certificate []byte) ([]byte, error) {
	signature, err := by.Sign(certificate)
	if err != nil {
		return nil, fmt.Errorf("sealed: signature of a certificate: %w", err)
	}
	b := wire.AppendBytes(make([]byte, 0, len(certificate)+72), 1, certificate)
	return wire.AppendBytes(b, 2, signature[:]), nil
}

// verify reports whether the certificate is signed by key.
func (s *signed) verify(key signet.PublicKey) bool { return key.Verify(s.certificate, s.signature) }

// A ServerCertificate says that a key belongs to a service that issues sender certificates. A trust
// root signs it. It is immutable and safe for concurrent use.
type ServerCertificate struct {
	signed
	id  uint32
	key signet.PublicKey
}

// NewServerCertificate returns the certificate of key under the number id, signed by the trust
// root. The error is that of the signer.
func NewServerCertificate(root Signer, id uint32, key signet.PublicKey) (*ServerCertificate, error) {
	b := wire.AppendUint(make([]byte, 0, 48), 1, uint64(id))
	b, err := newSigned(root, wire.AppendBytes(b, 2, key.Bytes()))
	if err != nil {
		return nil, err
	}
	return parseServer(b)
}

// ParseServerCertificate parses b, which it copies. The signature is not checked. The errors are
// session.ErrInvalidMessage and those of signet.ParsePublicKey (§2).
func ParseServerCertificate(b []byte) (*ServerCertificate, error) {
	return parseServer(bytes.Clone(b))
}

func parseServer(b []byte) (*ServerCertificate, error) {
	s, err := parseSigned(b)
	if err != nil {
		return nil, err
	}
	c := &ServerCertificate{signed: s}
	var key []byte
	var id bool
	p := wire.Parse(s.certificate)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Uint32(&c.id)
			id = true
		case 2:
			p.Bytes(&key)
		}
	}
	if p.Err() != nil || key == nil {
		return nil, errMalformed
	}
	if c.key, err = signet.ParsePublicKey(key); err != nil {
		return nil, fmt.Errorf("sealed: server certificate: %w", err)
	}
	if !id {
		return nil, errMalformed
	}
	return c, nil
}

// ID returns the number under which sender certificates may name the certificate.
func (c *ServerCertificate) ID() uint32 { return c.id }

// Key returns the key that signs sender certificates.
func (c *ServerCertificate) Key() signet.PublicKey { return c.key }

// Bytes returns a copy of the serialized certificate, exactly as it was parsed.
func (c *ServerCertificate) Bytes() []byte { return bytes.Clone(c.raw) }

// Certificate returns a copy of the part of the certificate that is signed.
func (c *ServerCertificate) Certificate() []byte { return bytes.Clone(c.certificate) }

// Signature returns a copy of the signature, of whatever length it came with.
func (c *ServerCertificate) Signature() []byte { return bytes.Clone(c.signature) }

// known are the server certificates that a sender certificate may name by id (§2.1): of the
// official service's staging and production, and one for tests, whose trust root is the private key
// of zeros. To know one is not to trust it: it has to be signed by a root of the caller's like any
// other.
var known = func() map[uint32]*ServerCertificate {
	m := make(map[uint32]*ServerCertificate)
	for _, s := range []string{
		"0a25080212210539450d63ebd0752c0fd4038b9d07a916f5e174b756d409b5ca79f4c97400631e" +
			"124064c5a38b1e927497d3d4786b101a623ab34a7da3954fae126b04dba9d7a3604ed88cdc8550950f0d4a9134ceb7e19b94139151d2c3d6e1c81e9d1128aafca806",
		"0a250803122105bc9d1d290be964810dfa7e94856480a3f7060d004c9762c24c575a1522353a5a" +
			"1240c11ec3c401eb0107ab38f8600e8720a63169e0e2eb8a3fae24f63099f85ea319c3c1c46d3454706ae2a679d1fee690a488adda98a2290b66c906bb60295ed781",
		"0a2908d786df9a07122105847c0d2c375234f365e660955187a3735a0f7613d1609d3a6a4d8c53aeaa5a22" +
			"1240e0b9ebacdfc3aa2827f7924b697784d1c25e44ca05dd433e1a38dc6382eb2730d419ca9a250b1be9d5a9463e61efd6781777a91b83c97b844d014206e2829785",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic("sealed: a known certificate is not hex")
		}
		c, err := parseServer(b)
		if err != nil {
			panic("sealed: a known certificate does not parse")
		}
		m[c.id] = c
	}
	return m
}()

// revoked is the id of server certificates that nobody trusts any more (§2): a test value.
const revoked = 0xDEADC357
