package sealed

import (
	"signet.example/signet"
	"signet.example/signet/internal/x25519"
)

// batch is for how many recipients keys are computed at once, at most: as many as share an
// inversion.
const batch = 4

// agree sets fresh and own, in the place of each recipient in to, of whom there are at most batch,
// to the agreements with it of the scalar e and of self, computed together unless self is a key
// elsewhere.
func agree(fresh, own *[batch][32]byte, e *[32]byte, self Identity, to []signet.PublicKey) error {
	var us [batch][32]byte
	var products [2 * batch]x25519.Product // not appended to: what it points to would move to the heap
	key, here := self.(*signet.PrivateKey)
	n := 0
	for i := range to {
		us[i] = to[i].Raw()
		products[n] = x25519.Product{Scalar: e, U: &us[i], Dst: &fresh[i]}
		n++
		if here {
			products[n] = key.Product(&to[i], &own[i])
			n++
		}
	}
	x25519.Multiply(products[:n])
	for i := range n {
		if !products[i].OK {
			return signet.ErrInvalidAgreement
		}
	}
	if here {
		return nil
	}
	for i := range to {
		var err error
		if own[i], err = self.Agree(to[i]); err != nil {
			return err
		}
	}
	return nil
}
