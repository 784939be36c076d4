// Package fingerprint computes safety numbers: what two people compare, by reading sixty digits
// aloud or by scanning a code, to know that nobody sits between them.
//
// A fingerprint is 5200 rounds of SHA-512 over an identity key and the identifier of its owner. The
// number puts the fingerprints of the two parties together in an order that does not depend on who
// computes it, so both see the same digits. The code holds half of each fingerprint, and each side
// scans the code of the other.
//
// The package knows identity keys and identifiers, and neither sessions nor trust: whether the key
// it is given is the one in use is for the caller to see to. It is pure; everything in it is safe
// for concurrent use. The numbers and codes are those of the official client. WhatsApp too prints
// twelve groups of five digits; its identifiers and its codes are not covered here.
package fingerprint

import (
	"crypto/sha512"
	"fmt"

	"signet.example/signet"
)

// Iterations is the number of rounds of SHA-512 that Signal uses for a fingerprint.
const Iterations = 5200

// The bounds that the official client sets to the number of rounds.
const (
	minIterations = 2
	maxIterations = 1_000_000
)

// A Version is the version of a code. It says what the identifiers are; the numbers do not depend
// on it. Codes of different versions cannot be compared.
type Version uint32

const (
	Numbers  Version = 1 // telephone numbers, as E.164 with the plus sign
	Accounts Version = 2 // account identities: the 16 bytes of an ACI
)

// A Party is one of the two whose keys are compared. Parties are comparable.
type Party struct {
	ID  string // the bytes of the identifier; what they are depends on the Version
	Key signet.PublicKey
}

// NewParty returns the party with the identity key of the user whose name the address has. A name
// that is a service id stands for its bytes, 16 for an account identity and 17 for a telephone
// number identity, and any other for itself.
func NewParty(a signet.Address, key signet.PublicKey) Party {
	id, ok := a.ServiceID()
	switch {
	case !ok:
		return Party{ID: a.Name, Key: key}
	case id[0] == 0: // an account identity has no kind byte
		return Party{ID: string(id[1:]), Key: key}
	}
	return Party{ID: string(id[:]), Key: key}
}

// Number returns the safety number of the two parties: sixty digits in twelve groups of five with
// spaces between them. It is the same whoever of the two is local.
func Number(local, remote Party) string { return New(Accounts, local, remote).Number() }

const (
	groups     = 6 // a fingerprint prints as six groups of five digits
	groupSize  = 5 // each of which is made of five bytes of it
	digitBytes = groups * groupSize
)

// join returns the number of two fingerprints, the smaller half first.
func join(local, remote string) string {
	a, b := digits(local), digits(remote)
	if b < a {
		a, b = b, a
	}
	return a + " " + b
}

// digits returns the six groups of a fingerprint of at least 30 bytes.
func digits(fingerprint string) string {
	b := make([]byte, 0, groups*(groupSize+1))
	for i := range groups {
		var n uint64
		for j := range groupSize {
			n = n<<8 | uint64(fingerprint[i*groupSize+j])
		}
		b = fmt.Appendf(b, "%05d ", n%100_000)
	}
	return string(b[:len(b)-1])
}

// fingerprint hashes the identity key and the identifier, and then the hash and the key again and
// again. The first two bytes are a version of the scheme, which never changed.
func fingerprint(p Party, iterations int) [sha512.Size]byte {
	key := p.Key.Bytes()
	first := append([]byte{0, 0}, key...)
	first = append(first, p.ID...)
	sum := sha512.Sum512(append(first, key...))

	var round [sha512.Size + signet.PublicKeySize]byte
	copy(round[sha512.Size:], key)
	for range iterations - 1 {
		copy(round[:], sum[:])
		sum = sha512.Sum512(round[:])
	}
	return sum
}
