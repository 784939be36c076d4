package wire

import (
	"crypto/subtle"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Session is a SessionStructure of protocol §7.1. Byte fields are kept as they are, valid or not:
// an operation parses what it needs, and what it does not need survives. Slices alias the parsed
// bytes and are replaced, never written through.
type Session struct {
	Version              uint32 // 0 is read as 2 by the protocol
	LocalIdentity        []byte // 33 bytes
	RemoteIdentity       []byte // 33 bytes
	RootKey              []byte // 32 bytes
	PreviousCounter      uint32
	HasSender            bool
	Sender               Chain
	Receivers            []Chain // oldest first
	HasPending           bool
	Pending              Pending
	RemoteRegistrationID uint32
	LocalRegistrationID  uint32
	BaseKey              []byte // 33 bytes
	HasPendingKEM        bool
	PendingKEMID         uint32
	PendingKEMCiphertext []byte // 1569 bytes
	PQ                   []byte // the SPQR state; empty: off
}

// A Chain is a sending or receiving chain.
type Chain struct {
	RatchetKey  []byte // 33 bytes
	RatchetPriv []byte // 32 bytes, sending chain only
	HasKey      bool
	Index       uint32
	Key         []byte // 32 bytes
	Skipped     []byte // encoded MessageKey fields, tags included, newest first
	Lost        []byte // which messages were never opened and cannot be any more (package lost); not official
}

// FindReceiver returns the first receiving chain whose ratchet key is key, of which 33 bytes count,
// or nil. Chains with a damaged key are passed over.
func (s *Session) FindReceiver(key []byte) *Chain {
	for i := range s.Receivers {
		k := s.Receivers[i].RatchetKey
		if len(k) >= 33 && k[0] == key[0] && subtle.ConstantTimeCompare(k[1:33], key[1:33]) == 1 {
			return &s.Receivers[i]
		}
	}
	return nil
}

// Pending is what an initiator repeats in each message until the first answer.
type Pending struct {
	HasPreKey      bool
	PreKeyID       uint32
	BaseKey        []byte // 33 bytes
	SignedPreKeyID uint32 // stored as int32
	Timestamp      uint64 // seconds
}

// ParseSession parses an encoded SessionStructure.
func ParseSession(b []byte) (Session, error) {
	var s Session
	err := s.Parse(b)
	return s, err
}

// Parse replaces s by the SessionStructure that b encodes. The list of receiving chains is written
// in place of the old one if it fits. On error s is empty.
func (s *Session) Parse(b []byte) error {
	*s = Session{Receivers: s.Receivers[:0]}
	var sender, pending, kem []byte
	p := Parser{rest: b}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&s.Version)
		case 2:
			p.Bytes(&s.LocalIdentity)
		case 3:
			p.Bytes(&s.RemoteIdentity)
		case 4:
			p.Bytes(&s.RootKey)
		case 5:
			p.Uint32(&s.PreviousCounter)
		case 6:
			p.Merge(&sender)
		case 7:
			p.receiver(s)
		case 9:
			p.Merge(&pending)
		case 10:
			p.Uint32(&s.RemoteRegistrationID)
		case 11:
			p.Uint32(&s.LocalRegistrationID)
		case 13:
			p.Bytes(&s.BaseKey)
		case 14:
			p.Merge(&kem)
		case 15:
			p.Bytes(&s.PQ)
		}
	}
	if p.err == nil && sender != nil {
		s.HasSender = true
		s.Sender, p.err = parseChain(sender)
	}
	if p.err == nil && pending != nil {
		s.HasPending = true
		s.Pending, p.err = parsePending(pending)
	}
	if p.err == nil && kem != nil {
		s.HasPendingKEM = true
		p.err = s.parsePendingKEM(kem)
	}
	if p.err != nil {
		*s = Session{}
	}
	return p.err
}

func (p *Parser) receiver(s *Session) {
	var b []byte
	if p.Bytes(&b); p.err != nil {
		return
	}
	var c Chain
	if c, p.err = parseChain(b); p.err == nil {
		if s.Receivers == nil {
			s.Receivers = make([]Chain, 0, 6) // five are kept, and one is added before one is dropped
		}
		s.Receivers = append(s.Receivers, c)
	}
}

func parseChain(b []byte) (c Chain, err error) {
	var key []byte
	skipped := span{b: b}
	p := Parser{rest: b}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Bytes(&c.RatchetKey)
		case 2:
			p.Bytes(&c.RatchetPriv)
		case 3:
			p.Merge(&key)
		case 4:
			if p.f.typ != protowire.BytesType {
				return c, ErrMalformed
			}
			skipped.add(p.f.raw, len(b)-len(p.rest)-len(p.f.raw))
		case lostField:
			p.Bytes(&c.Lost)
		}
	}
	if p.err != nil {
		return c, p.err
	}
	c.Skipped = skipped.bytes()
	if key == nil {
		return c, nil
	}
	c.HasKey = true
	p = Parser{rest: key}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&c.Index)
		case 2:
			p.Bytes(&c.Key)
		}
	}
	return c, p.err
}

// A span collects fields that lie side by side in b as one slice of b; it copies only if they
// don't.
type span struct {
	b          []byte
	start, end int
	copied     []byte
}

func (s *span) add(raw []byte, at int) {
	switch {
	case s.copied != nil:
		s.copied = append(s.copied, raw...)
	case s.end == 0:
		s.start, s.end = at, at+len(raw)
	case s.end == at:
		s.end += len(raw)
	default:
		s.copied = append(append([]byte(nil), s.b[s.start:s.end]...), raw...)
	}
}

func (s *span) bytes() []byte {
	if s.copied != nil {
		return s.copied
	}
	return s.b[s.start:s.end:s.end]
}

func parsePending(b []byte) (v Pending, err error) {
	p := Parser{rest: b}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&v.PreKeyID)
			v.HasPreKey = true
		case 2:
			p.Bytes(&v.BaseKey)
		case 3:
			p.Uint32(&v.SignedPreKeyID)
		case 4:
			p.Uint64(&v.Timestamp)
		}
	}
	return v, p.err
}

func (s *Session) parsePendingKEM(b []byte) error {
	p := Parser{rest: b}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&s.PendingKEMID)
		case 2:
			p.Bytes(&s.PendingKEMCiphertext)
		}
	}
	return p.err
}

// AppendSession appends the encoded SessionStructure as the official writer does: ascending fields,
// defaults omitted.
func AppendSession(dst []byte, s *Session) []byte {
	return s.appendTo(dst, func(*Writer) {})
}

// AppendCurrent appends the field of a RecordStructure that holds the current session.
func AppendCurrent(dst []byte, s *Session) []byte {
	return s.appendTo(dst, func(w *Writer) { w.Message(1, 0) })
}

// AppendPrevious appends one of the fields of a RecordStructure that hold previous sessions.
func AppendPrevious(dst []byte, s *Session) []byte {
	return s.appendTo(dst, func(w *Writer) { w.Message(2, 0) })
}

func (s *Session) appendTo(dst []byte, wrap func(*Writer)) []byte {
	w := NewWriter(make([]byte, s.Size()+len(s.PQ)))
	w.Bytes(15, s.PQ)
	s.Write(&w)
	wrap(&w)
	return append(dst, w.Result()...)
}

// Size is an upper bound of the length of what Write writes, in bytes, and of the heads of the
// fields around it.
func (s *Session) Size() int {
	n := 48 + len(s.LocalIdentity) + len(s.RemoteIdentity) + len(s.RootKey) + len(s.BaseKey)
	if s.HasSender {
		n += s.Sender.size()
	}
	for i := range s.Receivers {
		n += s.Receivers[i].size()
	}
	if s.HasPending {
		n += 64 + len(s.Pending.BaseKey)
	}
	if s.HasPendingKEM {
		n += 16 + len(s.PendingKEMCiphertext)
	}
	return n
}

func (c *Chain) size() int {
	return 22 + len(c.RatchetKey) + len(c.RatchetPriv) + len(c.Key) + len(c.Skipped) + 6 + len(c.Lost)
}

// Write writes the fields in front of the post-quantum state, which is the last one and the
// caller's: it writes field 15 before.
func (s *Session) Write(w *Writer) {
	if s.HasPendingKEM {
		mark := w.Written()
		w.Bytes(2, s.PendingKEMCiphertext)
		w.Uint(1, uint64(s.PendingKEMID))
		w.Message(14, mark)
	}
	w.Bytes(13, s.BaseKey)
	w.Uint(11, uint64(s.LocalRegistrationID))
	w.Uint(10, uint64(s.RemoteRegistrationID))
	if s.HasPending {
		s.Pending.write(w)
	}
	for i := len(s.Receivers) - 1; i >= 0; i-- {
		s.Receivers[i].write(w, 7)
	}
	if s.HasSender {
		s.Sender.write(w, 6)
	}
	w.Uint(5, uint64(s.PreviousCounter))
	w.Bytes(4, s.RootKey)
	w.Bytes(3, s.RemoteIdentity)
	w.Bytes(2, s.LocalIdentity)
	w.Uint(1, uint64(s.Version))
}

func (c *Chain) write(w *Writer, num protowire.Number) {
	end := w.Written()
	w.Bytes(lostField, c.Lost)
	w.Raw(c.Skipped)
	if c.HasKey {
		mark := w.Written()
		w.Bytes(2, c.Key)
		w.Uint(1, uint64(c.Index))
		w.Message(3, mark)
	}
	w.Bytes(2, c.RatchetPriv)
	w.Bytes(1, c.RatchetKey)
	w.Message(num, end)
}

func (v *Pending) write(w *Writer) {
	mark := w.Written()
	w.Uint(4, v.Timestamp)
	w.Uint(3, uint64(int64(int32(v.SignedPreKeyID)))) // int32: ids from 2^31 on are sign-extended
	w.Bytes(2, v.BaseKey)
	if v.HasPreKey { // explicit presence: id 0 is written
		w.varint(uint64(v.PreKeyID))
		w.varint(1<<3 | uint64(protowire.VarintType))
	}
	w.Message(9, mark)
}

// A MessageKey is a stored message key of a skipped message (protocol §7.1). Seed is what is
// written today; records of older libraries hold the derived keys.
type MessageKey struct {
	Index  uint32
	Cipher []byte
	MAC    []byte
	IV     []byte
	Seed   []byte
}

// NextMessageKey splits the first entry off a chain's skipped list. raw is the entry with its tag.
func NextMessageKey(list []byte) (k MessageKey, raw, rest []byte, err error) {
	f, rest, err := next(list)
	if err != nil || f.num != 4 || f.typ != protowire.BytesType {
		return k, nil, nil, ErrMalformed
	}
	p := Parser{rest: f.bytes}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&k.Index)
		case 2:
			p.Bytes(&k.Cipher)
		case 3:
			p.Bytes(&k.MAC)
		case 4:
			p.Bytes(&k.IV)
		case 5:
			p.Bytes(&k.Seed)
		}
	}
	return k, f.raw, rest, p.err
}

// AppendMessageKey appends an entry of a chain's skipped list.
func AppendMessageKey(dst []byte, k *MessageKey) []byte {
	n := sizeOptUint(uint64(k.Index)) + sizeOptBytes(k.Cipher) + sizeOptBytes(k.MAC) + sizeOptBytes(k.IV) + sizeOptBytes(k.Seed)
	b := appendHead(dst, 4, n)
	b = optUint(b, 1, uint64(k.Index))
	b = optBytes(b, 2, k.Cipher)
	b = optBytes(b, 3, k.MAC)
	b = optBytes(b, 4, k.IV)
	return optBytes(b, 5, k.Seed)
}

// SplitRecord splits a RecordStructure into the encoded current session (nil when there is none; an
// empty one is not nil) and the previous sessions as encoded fields, tags included, newest first.
// The current session is not decoded.
func SplitRecord(b []byte) (current, previous []byte, err error) {
	list := span{b: b}
	p := Parser{rest: b}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Merge(&current)
		case 2:
			if p.f.typ != protowire.BytesType {
				return nil, nil, ErrMalformed
			}
			list.add(p.f.raw, len(b)-len(p.rest)-len(p.f.raw))
		}
	}
	if p.err != nil {
		return nil, nil, p.err
	}
	return current, list.bytes(), nil
}

// NextPrevious splits the first entry off a list of previous sessions. raw is the entry with its
// tag.
func NextPrevious(list []byte) (session, raw, rest []byte, err error) {
	f, rest, err := next(list)
	if err != nil || f.num != 2 || f.typ != protowire.BytesType {
		return nil, nil, nil, ErrMalformed
	}
	return f.bytes, f.raw, rest, nil
}
