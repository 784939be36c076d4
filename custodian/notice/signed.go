package notice

import (
	"errors"
	"slices"

	"signet.example/signet"
)

var errStatement = errors.New("notice: a field of the statement is missing or out of its range")

// An IdentitySigner is the identity key of the business as far as statements need it: a
// *signet.PrivateKey, or an oracle that keeps it.
type IdentitySigner interface {
	PublicKey() signet.PublicKey
	Sign(message []byte) ([64]byte, error)
}

// Sign returns the statement signed by the custody root key, whose fingerprint it must name. The
// identity, if it is not nil, cosigns: that proves that whoever runs the identity key agrees, and
// must be one of those that the statement is bound to.
func (k *RootKey) Sign(s *Statement, cosigner IdentitySigner) (*Signed, error) {
	if !s.valid() || s.Root != k.Root().Fingerprint() {
		return nil, errStatement
	}
	out := &Signed{body: s.append(nil)}
	out.statement, _ = parseStatement(out.body)
	out.signature = k.sign(domainRoot, out.body)
	if cosigner != nil {
		if !slices.Contains(s.Bound, cosigner.PublicKey()) {
			return nil, errStatement
		}
		sig, err := cosigner.Sign(concat(domainCosign, out.body))
		if err != nil {
			return nil, err
		}
		out.cosigned = sig[:]
	}
	return out, nil
}

// SignByIdentity returns the statement signed by the identity key alone, the profile that is kept
// for comparison. Whoever holds the identity key can make such a statement, and states that rest on
// one say so.
func SignByIdentity(id IdentitySigner, s *Statement) (*Signed, error) {
	if !s.valid() || s.Root != (Hash{}) || !slices.Contains(s.Bound, id.PublicKey()) {
		return nil, errStatement
	}
	out := &Signed{body: s.append(nil), identity: true}
	out.statement, _ = parseStatement(out.body)
	sig, err := id.Sign(concat(domainIdentity, out.body))
	if err != nil {
		return nil, err
	}
	out.signature = sig[:]
	return out, nil
}

// Statement returns a copy of what was signed. It has been parsed and not more: Verify says whose
// it is.
func (s *Signed) Statement() *Statement {
	c := *s.statement
	c.Bound, c.Providers, c.Grants = slices.Clone(c.Bound), slices.Clone(c.Providers), slices.Clone(c.Grants)
	return &c
}

// Hash returns the hash of the statement, by which the next one and acknowledgements name it. The
// signatures are not part of it.
func (s *Signed) Hash() Hash { return digest("custody-hash-v1\x00", s.body) }

// ByIdentity reports whether the statement is of the identity-signed profile.
func (s *Signed) ByIdentity() bool { return s.identity }

// Cosigner returns the identity key, among those bound, that cosigned. Anybody can verify it: it is
// meaningful together with Verify.
func (s *Signed) Cosigner() (signet.PublicKey, bool) {
	for _, k := range s.statement.Bound {
		if len(s.cosigned) > 0 && k.Verify(concat(domainCosign, s.body), s.cosigned) {
			return k, true
		}
	}
	return signet.PublicKey{}, false
}

// Verify checks, for anybody who has the custody root key, that the business signed the statement:
// it then cannot deny that it did. The errors wrap CheckRoot and CheckSignature. A cosignature that
// is there and wrong is a wrong signature.
func (s *Signed) Verify(root Root) error {
	if s.identity || s.statement.Root != root.Fingerprint() {
		return failed(CheckRoot, "the statement is by another key")
	}
	if !root.verify(domainRoot, s.body, s.signature) {
		return failed(CheckSignature, "the root key did not sign this")
	}
	return s.verifyCosigned()
}

func (s *Signed) verifyCosigned() error {
	if _, ok := s.Cosigner(); len(s.cosigned) > 0 && !ok {
		return failed(CheckSignature, "the identity key did not cosign this")
	}
	return nil
}

// VerifyIdentity is Verify for the identity-signed profile. It proves that whoever held the
// identity key made the statement, and no more.
func (s *Signed) VerifyIdentity(key signet.PublicKey) error {
	if !s.identity {
		return failed(CheckRoot, "the statement is not signed by an identity key")
	}
	if !key.Verify(concat(domainIdentity, s.body), s.signature) {
		return failed(CheckSignature, "the identity key did not sign this")
	}
	return nil
}
