package notice

import (
	"encoding/binary"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/custodian/notice/tlog"
)

// A ScopeKind is how much a statement speaks about. The numbers are part of the encoding.
type ScopeKind uint8

// The kinds of scope.
const (
	Account      ScopeKind = 1 // every conversation of the business
	Device       ScopeKind = 2 // every conversation of one of its devices
	Conversation ScopeKind = 3 // the conversation with one customer
)

// A Scope says what a statement speaks about without naming a customer: the commitment is a salted
// hash. One scope is one chain of statements.
type Scope struct {
	Kind       ScopeKind
	Commitment Hash
}

// A Chat is the conversation that a customer looks at: what a scope has to match and a statement to
// be bound to. It is comparable.
type Chat struct {
	Business signet.Address
	Identity signet.PublicKey // of the business, as the session has it
	Customer signet.Address
	Own      signet.PublicKey // identity key of the customer
	Protocol uint8            // version of the session: 3 or 4
}

// commit returns the scope of this kind for a conversation. The salt is known to those whom the
// scope is for.
func commit(kind ScopeKind, salt [32]byte, chat *Chat) Scope {
	b := concat("custody-scope-v1\x00", salt[:], []byte{byte(kind)})
	b = tlv.AppendItem(b, []byte(chat.Business.Name))
	switch kind {
	case Device:
		b = binary.AppendUvarint(b, uint64(chat.Business.Device))
	case Conversation:
		b = tlv.AppendItem(b, []byte(chat.Customer.Name))
		b = tlv.AppendItem(b, chat.Own.Bytes())
	}
	return Scope{kind, digest(string(b))}
}

// tag is by what those who know the salt find statement seq of their chain in the log.
func tag(salt [32]byte, seq uint64) [32]byte {
	return digest("custody-tag-v1\x00", salt[:], binary.BigEndian.AppendUint64(nil, seq))
}

// entry is what the log shows of a statement.
func entry(salt [32]byte, seq uint64, h Hash) tlog.Entry {
	return tlog.NewEntry(tag(salt, seq), digest("custody-leaf-v1\x00", salt[:], h[:]))
}
