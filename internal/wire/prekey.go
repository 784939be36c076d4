package wire

import "google.golang.org/protobuf/encoding/protowire"

// A PreKey is a PreKeyRecordStructure or, with a signature, a SignedPreKeyRecordStructure of
// protocol §2.2. KEM prekeys use the second, with typed keys of 1569 and 3169 bytes.
type PreKey struct {
	ID        uint32
	Public    []byte
	Private   []byte
	Signature []byte // 64 bytes
	Timestamp uint64 // milliseconds
}

// ParsePreKey parses a record of either kind. Keys inside are not looked at.
func ParsePreKey(b []byte) (k PreKey, err error) {
	p := Parser{rest: b}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&k.ID)
		case 2:
			p.Bytes(&k.Public)
		case 3:
			p.Bytes(&k.Private)
		case 4:
			p.Bytes(&k.Signature)
		case 5:
			p.Fixed64(&k.Timestamp)
		}
	}
	if p.err != nil {
		return PreKey{}, p.err
	}
	return k, nil
}

// AppendPreKey appends the record.
func AppendPreKey(dst []byte, k *PreKey) []byte {
	b := optUint(dst, 1, uint64(k.ID))
	b = optBytes(b, 2, k.Public)
	b = optBytes(b, 3, k.Private)
	b = optBytes(b, 4, k.Signature)
	if k.Timestamp != 0 {
		b = protowire.AppendFixed64(protowire.AppendTag(b, 5, protowire.Fixed64Type), k.Timestamp)
	}
	return b
}
