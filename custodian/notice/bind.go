package notice

import (
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
)

// A Bind is the certificate by which a custody root key takes an identity key of the Signal
// protocol for that of its account (custody B6). A customer pins the root key from it at first use.
// It proves what the root key says about the identity key, not the converse: that the root key is
// the business's is for the custody fingerprint to show (Root.Number, Root.Cover).
type Bind struct {
	Root     Root
	Identity signet.PublicKey
	Account  string // name of the account
	From     time.Time

	signature []byte
}

const domainBind = "custody-bind-v1\x00"

// Bind certifies that identity is a key of the account from a moment on, in whole seconds. The
// error is of a name that cannot be shown or a time out of range.
func (k *RootKey) Bind(account string, identity signet.PublicKey, from time.Time) (*Bind, error) {
	b := &Bind{Root: k.Root(), Identity: identity, Account: account, From: from.UTC().Truncate(time.Second)}
	if !validName(account) || !validTime(b.From) {
		return nil, errStatement
	}
	b.signature = k.sign(domainBind, b.body())
	return b, nil
}

func (c *Bind) body() []byte {
	b := tlv.Append(nil, 1, c.Root[:])
	b = tlv.Append(b, 2, c.Identity.Bytes())
	b = tlv.Append(b, 3, []byte(c.Account))
	return tlv.AppendUint(b, 4, uint64(c.From.Unix()))
}

// Bytes returns the encoding of the certificate.
func (c *Bind) Bytes() []byte { return tlv.Append(c.body(), 5, c.signature) }

// ParseBind parses what Bytes returns and verifies the signature, so that an unverified Bind does
// not exist. The errors wrap CheckStructure and CheckSignature. It copies b.
func ParseBind(b []byte) (*Bind, error) {
	c := new(Bind)
	ok := record(b, 5, func(tag byte, v []byte) bool {
		switch tag {
		case 1:
			if len(v) != len(c.Root) {
				return false
			}
			c.Root = Root(v)
		case 2:
			var err error
			c.Identity, err = signet.ParsePublicKey(v)
			return err == nil && len(v) == signet.PublicKeySize
		case 3:
			return text(&c.Account, v)
		case 4:
			return moment(&c.From, v)
		case 5:
			c.signature = slices.Clone(v)
		}
		return true
	})
	if !ok || !validName(c.Account) || !validTime(c.From) {
		return nil, failed(CheckStructure, "not a certificate of an identity key")
	}
	if !c.Root.verify(domainBind, c.body(), c.signature) {
		return nil, failed(CheckSignature, "the root key did not certify this")
	}
	return c, nil
}
