package notice

import (
	"time"
	"unicode"
	"unicode/utf8"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
)

// An Axis says where something happens that is not a matter of keys alone. The numbers are part of
// the encoding.
type Axis uint8

// The places: of the messages at rest (Statement.Storage), and of those who act on them
// (Statement.Actor).
const (
	AtBusiness Axis = 1
	AtProvider Axis = 2
	AtBoth     Axis = 3
)

// A Point is where in a conversation a statement takes effect. The zero Point says nothing.
type Point struct {
	Base    [signet.PublicKeySize]byte // base key of the session
	Counter uint32                     // of the first message under it
}

// A Statement is what a business says about who holds what (custody B6). It is plain data; Sign
// checks and encodes it.
type Statement struct {
	Business  string             // name of the account
	Root      Hash               // fingerprint of the custody root key; zero under the identity-signed profile
	Bound     []signet.PublicKey // identity keys of the business for which it speaks, at most 16
	Protocol  uint8              // the lowest version of the protocol in its scope: 3 or 4
	Label     string             // what Label returns; descriptive
	Providers []Provider         // at most 16
	Grants    []Grant            // all that are in force, at most 32
	Storage   Axis
	Actor     Axis
	Scope     Scope
	From      time.Time // in whole seconds, as Expires
	At        Point
	Expires   time.Time
	Seq       uint64 // from 1
	Prev      Hash   // hash of the statement before, zero for the first
	Log       string // origin of the log, empty if there is none
	English   string // words of the business; shown, if at all, as its own and never instead of the state
	French    string
	Exposure  Hash // digest of the report on what was exposed before, zero if there is none
}

const (
	domainRoot     = "custody-statement-v1\x00"
	domainCosign   = "custody-cosign-v1\x00"
	domainIdentity = "custody-statement-identity-v1\x00"

	maxName  = 64  // characters in a name
	maxText  = 600 // characters in the words of the business
	maxBound = 16
	maxProv  = 16
	maxGrant = 32
)

// The tags of a statement. Those from 128 on are not critical: they are covered by the signature,
// and a reader that does not know them skips them.
const (
	tagBusiness  = 1
	tagRoot      = 2
	tagBound     = 3
	tagProtocol  = 4
	tagLabel     = 5
	tagProviders = 6
	tagGrants    = 7
	tagStorage   = 8
	tagActor     = 9
	tagScope     = 10
	tagFrom      = 11
	tagAt        = 12
	tagExpires   = 13
	tagSeq       = 14
	tagPrev      = 15
	tagLog       = 16
	tagEnglish   = 17
	tagFrench    = 18
	tagExposure  = 19

	uncritical = 128
)

// append appends the canonical encoding of the statement. Every field is written.
func (s *Statement) append(b []byte) []byte {
	b = tlv.Append(b, tagBusiness, []byte(s.Business))
	b = tlv.Append(b, tagRoot, s.Root[:])
	var list []byte
	for _, k := range s.Bound {
		list = tlv.AppendItem(list, k.Bytes())
	}
	b = tlv.Append(b, tagBound, list)
	b = tlv.AppendUint(b, tagProtocol, uint64(s.Protocol))
	b = tlv.Append(b, tagLabel, []byte(s.Label))
	list = nil
	for i := range s.Providers {
		list = tlv.AppendItem(list, s.Providers[i].append(nil))
	}
	b = tlv.Append(b, tagProviders, list)
	list = nil
	for i := range s.Grants {
		list = tlv.AppendItem(list, s.Grants[i].append(nil))
	}
	b = tlv.Append(b, tagGrants, list)
	b = tlv.AppendUint(b, tagStorage, uint64(s.Storage))
	b = tlv.AppendUint(b, tagActor, uint64(s.Actor))
	b = tlv.Append(b, tagScope, append([]byte{byte(s.Scope.Kind)}, s.Scope.Commitment[:]...))
	b = tlv.AppendUint(b, tagFrom, uint64(s.From.Unix()))
	at := tlv.Append(nil, 1, s.At.Base[:])
	b = tlv.Append(b, tagAt, tlv.AppendUint(at, 2, uint64(s.At.Counter)))
	b = tlv.AppendUint(b, tagExpires, uint64(s.Expires.Unix()))
	b = tlv.AppendUint(b, tagSeq, s.Seq)
	b = tlv.Append(b, tagPrev, s.Prev[:])
	b = tlv.Append(b, tagLog, []byte(s.Log))
	b = tlv.Append(b, tagEnglish, []byte(s.English))
	b = tlv.Append(b, tagFrench, []byte(s.French))
	return tlv.Append(b, tagExposure, s.Exposure[:])
}

func (p *Provider) append(b []byte) []byte {
	b = tlv.Append(b, 1, []byte(p.Name))
	b = tlv.Append(b, 2, p.Key[:])
	b = tlv.AppendUint(b, 3, bit(p.Operator))
	return tlv.Append(b, 4, []byte(p.Jurisdiction))
}

func (g *Grant) append(b []byte) []byte {
	b = tlv.AppendUint(b, 1, uint64(g.To))
	b = tlv.AppendUint(b, 2, uint64(g.Secrets))
	b = tlv.AppendUint(b, 3, uint64(g.Via))
	b = tlv.AppendUint(b, 4, uint64(g.Direction))
	return tlv.AppendUint(b, 5, g.Count)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// valid reports whether the statement says something: every field in its range, every reference
// kept.
func (s *Statement) valid() bool {
	ok := validName(s.Business) && len(s.Bound) > 0 && len(s.Bound) <= maxBound &&
		(s.Protocol == 3 || s.Protocol == 4) && validText(s.Label, 200) &&
		len(s.Providers) <= maxProv && len(s.Grants) <= maxGrant &&
		s.Storage >= AtBusiness && s.Storage <= AtBoth && s.Actor >= AtBusiness && s.Actor <= AtBoth &&
		s.Scope.Kind >= Account && s.Scope.Kind <= Conversation &&
		validTime(s.From) && validTime(s.Expires) && s.Expires.After(s.From) &&
		s.Seq >= 1 && s.Seq <= 1<<53 && (s.Seq == 1) == (s.Prev == Hash{}) && validText(s.Log, 200) &&
		validText(s.English, maxText) && validText(s.French, maxText)
	for i := range s.Providers {
		p := &s.Providers[i]
		ok = ok && validName(p.Name) && validText(p.Jurisdiction, maxName)
	}
	for i := range s.Grants {
		ok = ok && s.Grants[i].valid(len(s.Providers))
	}
	return ok
}

func (g *Grant) valid(providers int) bool {
	ok := g.To >= 0 && g.To < providers && g.Secrets != 0 && g.Secrets <= allSecrets && g.Direction <= FromBusiness
	switch g.Via {
	case Quota: // single keys of the sending chains, and nothing else
		return ok && g.Count > 0 && g.Secrets&^(SendingChain|PQSendingChain) == 0
	case Oracle: // it answers for the identity key alone
		return ok && g.Count == 0 && g.Secrets == Identity
	}
	return ok && g.Count == 0 && g.Via >= Copy && g.Via <= Enclave
}

func validTime(t time.Time) bool { return t.Nanosecond() == 0 && t.Unix() > 0 && t.Unix() < 1<<40 }

func validName(s string) bool { return s != "" && validText(s, maxName) }

// validText reports whether s can be shown within a sentence: it neither breaks the line nor
// reorders it.
func validText(s string, most int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return false
	}
	for i, r := range s {
		edge := i == 0 || i+utf8.RuneLen(r) == len(s)
		if !unicode.IsPrint(r) && !(unicode.Is(unicode.Zs, r) && !edge) || edge && unicode.IsSpace(r) {
			return false
		}
	}
	return true
}
