package group

import (
	"encoding/hex"
	"errors"

	"signet.example/signet/internal/entropy"
)

// A DistributionID names a group's distribution of sender keys: a UUID, in the order in which it is
// printed. Every sender of the group uses the same one. It is no secret, and is comparable.
type DistributionID [16]byte

// NewDistributionID returns a random DistributionID, a UUID of version 4.
func NewDistributionID() DistributionID {
	var id DistributionID
	(*entropy.Source)(nil).Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseDistributionID parses a UUID of 36 characters with hyphens, of either case. Version and
// variant are not looked at.
func ParseDistributionID(s string) (id DistributionID, err error) {
	const hyphens = "........-....-....-....-............"
	text := make([]byte, 0, 32)
	ok := len(s) == len(hyphens)
	for i := 0; ok && i < len(s); i++ {
		if hyphens[i] == '-' {
			ok = s[i] == '-'
			continue
		}
		text = append(text, s[i])
	}
	if ok {
		_, err = hex.Decode(id[:], text)
	}
	if !ok || err != nil {
		return DistributionID{}, errors.New("group: a distribution ID is a UUID of 36 characters")
	}
	return id, nil
}

// String returns the UUID in lower case, 36 characters.
func (id DistributionID) String() string {
	b, _ := id.AppendText(make([]byte, 0, 36))
	return string(b)
}

// AppendText appends what String returns. The error is always nil.
func (id DistributionID) AppendText(b []byte) ([]byte, error) {
	for i, end := range []int{4, 6, 8, 10, 16} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, id[[]int{0, 4, 6, 8, 10}[i]:end])
	}
	return b, nil
}

// MarshalText is String, for JSON and its kin.
func (id DistributionID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// UnmarshalText is ParseDistributionID.
func (id *DistributionID) UnmarshalText(text []byte) error {
	parsed, err := ParseDistributionID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}
