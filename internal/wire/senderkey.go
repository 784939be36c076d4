package wire

import "google.golang.org/protobuf/encoding/protowire"

// A SenderKeyState is a SenderKeyStateStructure: one chain of one sender in a group
// (sealed-groups §10.4 of sealed-groups). As in a Session, byte fields are kept as they are, alias
// the parsed bytes and are replaced, never written through.
type SenderKeyState struct {
	ChainID   uint32
	HasChain  bool
	Iteration uint32
	ChainKey  []byte // 32 bytes
	HasKey    bool
	Public    []byte // the signing key, 33 bytes
	Private   []byte // 32 bytes with the sender itself, empty with everyone else
	Skipped   []byte // encoded entries, tags included, oldest first
	Version   uint32 // 0 is read as 3 by the protocol
	Identity  []byte // of who delivered it, 33 bytes; not official: no record that leaves a store has it
	Lost      []byte // which messages were never opened and cannot be any more (package lost); neither

	// Encoded is the state as it was parsed, and what AppendSenderKeyState writes. Whoever changes the
	// state sets it to nil.
	Encoded []byte
}

// ParseSenderKeyRecord parses a SenderKeyRecordStructure: its states, newest first. No bytes are a
// record without states.
func ParseSenderKeyRecord(b []byte) ([]SenderKeyState, error) {
	var states []SenderKeyState
	p := Parse(b)
	for p.Next() {
		if p.Num() != 1 {
			continue
		}
		var s SenderKeyState
		if p.Bytes(&s.Encoded); p.err == nil {
			p.err = s.parse()
		}
		if states == nil {
			states = make([]SenderKeyState, 0, 1)
		}
		states = append(states, s)
	}
	if p.err != nil {
		return nil, p.err
	}
	return states, nil
}

func (s *SenderKeyState) parse() (err error) {
	var chain, key []byte
	b := s.Encoded
	skipped := span{b: b}
	p := Parse(b)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Uint32(&s.ChainID)
		case 2:
			p.Merge(&chain)
		case 3:
			p.Merge(&key)
		case 4:
			if p.f.typ != protowire.BytesType {
				return ErrMalformed
			}
			skipped.add(p.f.raw, len(b)-len(p.rest)-len(p.f.raw))
		case 5:
			p.Uint32(&s.Version)
		case identityField:
			p.Bytes(&s.Identity)
		case lostKeyField:
			p.Bytes(&s.Lost)
		}
	}
	if p.err != nil {
		return p.err
	}
	s.Skipped = skipped.bytes()
	if s.HasChain = chain != nil; s.HasChain {
		if s.Iteration, s.ChainKey, err = parseSenderKey(chain); err != nil {
			return err
		}
	}
	s.HasKey = key != nil
	p = Parse(key)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Bytes(&s.Public)
		case 2:
			p.Bytes(&s.Private)
		}
	}
	return p.err
}

// parseSenderKey parses what a chain key and a skipped key look like.
func parseSenderKey(b []byte) (iteration uint32, seed []byte, err error) {
	p := Parse(b)
	for p.Next() {
		switch p.Num() {
		case 1:
			p.Uint32(&iteration)
		case 2:
			p.Bytes(&seed)
		}
	}
	return iteration, seed, p.err
}

// NextSenderKey splits the first entry off a state's skipped list. raw is the entry with its tag.
func NextSenderKey(list []byte) (iteration uint32, seed, raw, rest []byte, err error) {
	f, rest, err := next(list)
	if err != nil || f.num != 4 || f.typ != protowire.BytesType {
		return 0, nil, nil, nil, ErrMalformed
	}
	iteration, seed, err = parseSenderKey(f.bytes)
	return iteration, seed, f.raw, rest, err
}

// AppendSenderKey appends an entry of a state's skipped list.
func AppendSenderKey(dst []byte, iteration uint32, seed []byte) []byte {
	return appendSenderKey(dst, 4, iteration, seed)
}

func appendSenderKey(dst []byte, num protowire.Number, iteration uint32, seed []byte) []byte {
	b := appendHead(dst, num, sizeOptUint(uint64(iteration))+sizeOptBytes(seed))
	b = optUint(b, 1, uint64(iteration))
	return optBytes(b, 2, seed)
}

// AppendSenderKeyState appends the state as an entry of a SenderKeyRecordStructure.
func AppendSenderKeyState(dst []byte, s *SenderKeyState) []byte {
	if s.Encoded != nil {
		return AppendBytes(dst, 1, s.Encoded)
	}
	chain := sizeOptUint(uint64(s.Iteration)) + sizeOptBytes(s.ChainKey)
	key := sizeOptBytes(s.Public) + sizeOptBytes(s.Private)
	n := sizeOptUint(uint64(s.ChainID)) + len(s.Skipped) + sizeOptUint(uint64(s.Version)) + sizeOptBytes(s.Identity) + sizeOptBytes(s.Lost)
	if s.HasChain {
		n += sizeBytes(chain)
	}
	if s.HasKey {
		n += sizeBytes(key)
	}
	b := appendHead(dst, 1, n)
	b = optUint(b, 1, uint64(s.ChainID))
	if s.HasChain {
		b = appendSenderKey(b, 2, s.Iteration, s.ChainKey)
	}
	if s.HasKey {
		b = appendHead(b, 3, key)
		b = optBytes(b, 1, s.Public)
		b = optBytes(b, 2, s.Private)
	}
	b = append(b, s.Skipped...)
	b = optUint(b, 5, uint64(s.Version))
	b = optBytes(b, lostKeyField, s.Lost)
	return optBytes(b, identityField, s.Identity)
}

// SizeSenderKeyState is an upper bound of what AppendSenderKeyState appends, in bytes.
func SizeSenderKeyState(s *SenderKeyState) int {
	return 64 + len(s.Encoded) + len(s.ChainKey) + len(s.Public) + len(s.Private) + len(s.Skipped) + len(s.Identity) + len(s.Lost)
}
