package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/custodian/notice/tlog"
	"signet.example/signet/internal/entropy"
)

// DefaultPeriod is for how long a statement is in force if nothing else is said, and the longest
// that a customer believes one by default (after RFC 9345, which allows delegated credentials as
// much).
const DefaultPeriod = 7 * 24 * time.Hour

// A Business is the chain of statements of one scope: it numbers and links them and knows how they
// are delivered. It holds no key, but the salt that customers know and others should not, so it
// redacts itself. It is not safe for concurrent use.
type Business struct {
	name     string
	scope    Scope
	salt     [32]byte
	protocol uint8
	log      string
	seq      uint64
	last     Hash
	told     uint64
}

// Format redacts the chain under every verb.
func (Business) Format(f fmt.State, _ rune) { io.WriteString(f, "notice.Business(…)") }

// NewBusiness starts the chain of statements about chat.Business that speaks about as much as kind
// says. The fields of the chat that the kind does not need can be zero: for Account all but the
// name and the protocol, the lowest version in use. The log is the origin of the log in which
// statements are published, empty for none.
func NewBusiness(kind ScopeKind, chat *Chat, log string) *Business {
	return NewBusinessFrom(nil, kind, chat, log)
}

// NewBusinessFrom is NewBusiness with the randomness of src: the door of the custodian's lab.
func NewBusinessFrom(src *entropy.Source, kind ScopeKind, chat *Chat, log string) *Business {
	b := &Business{name: chat.Business.Name, protocol: chat.Protocol, log: log}
	src.Read(b.salt[:])
	b.scope = commit(kind, b.salt, chat)
	return b
}

// Terms is what a statement says, apart from what follows from its place in the chain.
type Terms struct {
	Bound           []signet.PublicKey
	Providers       []Provider
	Grants          []Grant
	Storage, Actor  Axis // zero: AtBusiness if there are no grants, else AtBoth
	At              Point
	Period          time.Duration // zero is DefaultPeriod
	English, French string
	Exposure        Hash
	IdentityProfile bool   // the statement is to be signed by the identity key alone
	ForcedLabel     string // replaces the label that follows from the grants; customers refuse it
}

// Draft returns the next statement of the chain, in force from now on, to be signed by root; root
// is ignored under the identity-signed profile. The chain does not move before Issued.
func (b *Business) Draft(root Root, t *Terms, now time.Time) *Statement {
	s := &Statement{
		Business: b.name, Bound: slices.Clone(t.Bound), Protocol: b.protocol,
		Label:     Label(b.protocol, t.Grants),
		Providers: slices.Clone(t.Providers), Grants: slices.Clone(t.Grants), Storage: t.Storage, Actor: t.Actor,
		Scope: b.scope, From: now.UTC().Truncate(time.Second), At: t.At,
		Seq: b.seq + 1, Prev: b.last, Log: b.log, English: t.English, French: t.French, Exposure: t.Exposure,
	}
	if !t.IdentityProfile {
		s.Root = root.Fingerprint()
	}
	period := t.Period
	if period == 0 {
		period = DefaultPeriod
	}
	s.Expires = s.From.Add(period.Truncate(time.Second))
	usual := AtBusiness
	if len(t.Grants) > 0 {
		usual = AtBoth
	}
	if s.Storage == 0 {
		s.Storage = usual
	}
	if s.Actor == 0 {
		s.Actor = usual
	}
	if t.ForcedLabel != "" {
		s.Label = t.ForcedLabel
	}
	return s
}

// Issue drafts and signs the next statement and moves the chain. Before the statement leaves, the
// chain is to be stored (AppendBinary): a business that forgets a statement and makes another with
// the same number has contradicted itself, and customers can prove it.
func (b *Business) Issue(root *RootKey, cosigner IdentitySigner, t *Terms, now time.Time) (*Signed, error) {
	s, err := root.Sign(b.Draft(root.Root(), t, now), cosigner)
	if err != nil {
		return nil, err
	}
	return s, b.Issued(s)
}

// Issued moves the chain past s, which must be its next statement.
func (b *Business) Issued(s *Signed) error {
	if s.statement.Seq != b.seq+1 || s.statement.Prev != b.last || s.statement.Scope != b.scope {
		return errors.New("notice: not the next statement of this chain")
	}
	b.seq, b.last = s.statement.Seq, s.Hash()
	return nil
}

// Entry returns what is to be appended to the log for s.
func (b *Business) Entry(s *Signed) tlog.Entry { return entry(b.salt, s.statement.Seq, s.Hash()) }

// Delivery returns the control message that takes s to a customer. The certificate goes along for
// those who have not pinned the root key yet; it may be nil. If the chain has a log, index is that
// of the statement's entry and src where its proofs are, else they are ignored.
func (b *Business) Delivery(ctx context.Context, s *Signed, bind *Bind, index int64, src tlog.Source) ([]byte, error) {
	d := &delivery{signed: s, bind: bind, salt: b.salt, index: -1}
	if b.log != "" {
		var err error
		if d.note, err = src.Checkpoint(ctx); err != nil {
			return nil, err
		}
		size, err := tlog.NoteSize(d.note)
		if err != nil {
			return nil, err
		}
		if d.index, d.proof = index, nil; size <= index {
			return nil, errors.New("notice: the log's checkpoint does not cover the statement yet")
		}
		if d.proof, err = src.Inclusion(ctx, index, size); err != nil {
			return nil, err
		}
	}
	return d.bytes(), nil
}

// Acknowledged notes that the customer has accepted a statement, and reports whether it is the
// latest one: only from then on was she told (custody G15). The acknowledgement must have come out
// of her session.
func (b *Business) Acknowledged(a Ack) bool {
	if a.Seq > b.seq || a.Seq == b.seq && a.Statement != b.last {
		return false
	}
	b.told = max(b.told, a.Seq)
	return a.Seq == b.seq && b.seq > 0
}

// Seq returns the number of the latest statement, and of the latest that was acknowledged; 0 is
// none.
func (b *Business) Seq() (latest, acknowledged uint64) { return b.seq, b.told }

// AppendBinary appends the encoding of the chain, for the business alone. The error is always nil.
func (b *Business) AppendBinary(dst []byte) ([]byte, error) {
	dst = tlv.AppendUint(dst, 1, 1) // version
	dst = tlv.Append(dst, 2, []byte(b.name))
	dst = tlv.Append(dst, 3, append([]byte{byte(b.scope.Kind)}, b.scope.Commitment[:]...))
	dst = tlv.Append(dst, 4, b.salt[:])
	dst = tlv.AppendUint(dst, 5, uint64(b.protocol))
	dst = tlv.Append(dst, 6, []byte(b.log))
	dst = tlv.AppendUint(dst, 7, b.seq)
	dst = tlv.Append(dst, 8, b.last[:])
	return tlv.AppendUint(dst, 9, b.told), nil
}

// UnmarshalBinary sets the chain to the one that AppendBinary encoded. It copies data.
func (b *Business) UnmarshalBinary(data []byte) error {
	var next Business
	var version uint8
	ok := record(data, 9, func(tag byte, v []byte) bool {
		switch tag {
		case 1:
			return number(&version, v, 1) && version == 1
		case 2:
			return text(&next.name, v)
		case 3:
			if len(v) != 1+len(Hash{}) {
				return false
			}
			next.scope = Scope{ScopeKind(v[0]), Hash(v[1:])}
		case 4:
			if len(v) != len(next.salt) {
				return false
			}
			next.salt = [32]byte(v)
		case 5:
			return number(&next.protocol, v, math.MaxUint8)
		case 6:
			return text(&next.log, v)
		case 7:
			return number(&next.seq, v, math.MaxUint64)
		case 8:
			return hash(&next.last, v)
		case 9:
			return number(&next.told, v, math.MaxUint64)
		}
		return true
	})
	if !ok {
		return errors.New("notice: malformed chain of statements")
	}
	*b = next
	return nil
}
