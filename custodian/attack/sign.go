package attack

import (
	"signet.example/signet"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
)

// A Signer signs with a private key that an adversary holds.
type Signer struct {
	key *signet.PrivateKey
	src *entropy.Source
}

// Signer returns a means to sign with the private half of a key, and whether the adversary was
// given it. The randomness of signatures is that of src. An oracle that answers for a key does not
// sign.
func (a *Adversary) Signer(src *entropy.Source, k parcel.Key) (Signer, bool) {
	private, ok := a.private[k]
	if !ok {
		return Signer{}, false
	}
	key, err := signet.NewPrivateKey(private[:])
	if err != nil || public(key.PublicKey()) != k {
		return Signer{}, false
	}
	return Signer{key, src}, true
}

// PublicKey returns the public half.
func (s Signer) PublicKey() signet.PublicKey { return s.key.PublicKey() }

// Sign returns an XEdDSA signature of the message.
func (s Signer) Sign(message []byte) ([64]byte, error) { return s.key.SignFrom(s.src, message) }
