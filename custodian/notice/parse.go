package notice

import (
	"math"
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
)

// parseStatement parses what append appends, and reports false for anything else but unknown fields
// that are not critical. The strings and lists are copies.
func parseStatement(b []byte) (*Statement, bool) {
	s := new(Statement)
	r := tlv.NewReader(b)
	var seen uint32
	for {
		tag, v, more := r.Next()
		if !more {
			break
		}
		if tag >= uncritical {
			continue
		}
		if tag == 0 || tag > tagExposure || !s.field(tag, v) {
			return nil, false
		}
		seen |= 1 << tag
	}
	if !r.OK() || seen != 1<<(tagExposure+1)-2 || !s.valid() {
		return nil, false
	}
	return s, true
}

func (s *Statement) field(tag byte, v []byte) (ok bool) {
	switch tag {
	case tagBusiness:
		return text(&s.Business, v)
	case tagRoot:
		return hash(&s.Root, v)
	case tagBound:
		s.Bound, ok = parseBound(v)
	case tagProtocol:
		return number(&s.Protocol, v, math.MaxUint8)
	case tagLabel:
		return text(&s.Label, v)
	case tagProviders:
		s.Providers, ok = parseList(v, maxProv, parseProvider)
	case tagGrants:
		s.Grants, ok = parseList(v, maxGrant, parseGrant)
	case tagStorage:
		return number(&s.Storage, v, math.MaxUint8)
	case tagActor:
		return number(&s.Actor, v, math.MaxUint8)
	case tagScope:
		if ok = len(v) == 1+len(Hash{}); ok {
			s.Scope = Scope{ScopeKind(v[0]), Hash(v[1:])}
		}
	case tagFrom:
		return moment(&s.From, v)
	case tagAt:
		s.At, ok = parsePoint(v)
	case tagExpires:
		return moment(&s.Expires, v)
	case tagSeq:
		return number(&s.Seq, v, math.MaxUint64)
	case tagPrev:
		return hash(&s.Prev, v)
	case tagLog:
		return text(&s.Log, v)
	case tagEnglish:
		return text(&s.English, v)
	case tagFrench:
		return text(&s.French, v)
	case tagExposure:
		return hash(&s.Exposure, v)
	}
	return ok
}

func parseBound(v []byte) ([]signet.PublicKey, bool) {
	return parseList(v, maxBound, func(b []byte) (signet.PublicKey, bool) {
		k, err := signet.ParsePublicKey(b)
		return k, err == nil && len(b) == signet.PublicKeySize
	})
}

func parseProvider(b []byte) (p Provider, ok bool) {
	ok = record(b, 4, func(tag byte, v []byte) bool {
		switch tag {
		case 1:
			return text(&p.Name, v)
		case 2:
			return hash(&p.Key, v)
		case 3:
			var n uint8
			ok := number(&n, v, 1)
			p.Operator = n == 1
			return ok
		default:
			return text(&p.Jurisdiction, v)
		}
	})
	return p, ok
}

func parseGrant(b []byte) (g Grant, ok bool) {
	ok = record(b, 5, func(tag byte, v []byte) bool {
		switch tag {
		case 1:
			return number(&g.To, v, maxProv)
		case 2:
			return number(&g.Secrets, v, math.MaxUint32)
		case 3:
			return number(&g.Via, v, math.MaxUint8)
		case 4:
			return number(&g.Direction, v, math.MaxUint8)
		default:
			return number(&g.Count, v, math.MaxUint64)
		}
	})
	return g, ok
}

func parsePoint(b []byte) (p Point, ok bool) {
	ok = record(b, 2, func(tag byte, v []byte) bool {
		if tag == 2 {
			return number(&p.Counter, v, math.MaxUint32)
		}
		if len(v) != len(p.Base) {
			return false
		}
		p.Base = [signet.PublicKeySize]byte(v)
		return true
	})
	return p, ok
}

// record parses the fields 1 to n, each of which must be there.
func record(b []byte, n int, field func(tag byte, v []byte) bool) bool {
	r := tlv.NewReader(b)
	for i := 1; ; i++ {
		tag, v, more := r.Next()
		if !more {
			return r.OK() && i == n+1
		}
		if int(tag) != i || i > n || !field(tag, v) {
			return false
		}
	}
}

func parseList[T any](v []byte, most int, item func([]byte) (T, bool)) ([]T, bool) {
	items, ok := tlv.Items(v, most)
	if !ok {
		return nil, false
	}
	var list []T
	for _, b := range items {
		x, ok := item(b)
		if !ok {
			return nil, false
		}
		list = append(list, x)
	}
	return list, true
}

func text(s *string, v []byte) bool {
	*s = string(v)
	return true
}

func hash(h *Hash, v []byte) bool {
	if len(v) != len(h) {
		return false
	}
	*h = Hash(v)
	return true
}

func number[T ~int | ~uint8 | ~uint32 | ~uint64](n *T, v []byte, most uint64) bool {
	x, ok := tlv.Uint(v)
	*n = T(x)
	return ok && x <= most
}

func moment(t *time.Time, v []byte) bool {
	x, ok := tlv.Uint(v)
	if !ok || x >= 1<<40 {
		return false
	}
	*t = time.Unix(int64(x), 0).UTC()
	return true
}

// A Signed is a statement and what proves whose it is. It is immutable.
type Signed struct {
	statement *Statement
	body      []byte // what was signed
	signature []byte // by the custody root key, or by the identity key alone
	cosigned  []byte // by the identity key, empty if it did not
	identity  bool   // the profile: signed by the identity key alone
}

const (
	tagBody      = 1
	tagSignature = 2
	tagCosigned  = 3
	tagProfile   = 4
)

// Bytes returns the encoding of the signed statement.
func (s *Signed) Bytes() []byte {
	b := tlv.Append(nil, tagBody, s.body)
	b = tlv.Append(b, tagSignature, s.signature)
	b = tlv.Append(b, tagCosigned, s.cosigned)
	return tlv.AppendUint(b, tagProfile, bit(s.identity))
}

// Parse parses what Bytes returns and verifies nothing. The error wraps CheckStructure. It copies
// b.
func Parse(b []byte) (*Signed, error) {
	s := new(Signed)
	ok := record(b, 4, func(tag byte, v []byte) bool {
		switch tag {
		case tagBody:
			s.body = slices.Clone(v)
		case tagSignature:
			s.signature = slices.Clone(v)
			return len(v) == signet.SignatureSize
		case tagCosigned:
			s.cosigned = slices.Clone(v)
			return len(v) == 0 || len(v) == signet.SignatureSize
		case tagProfile:
			var n uint8
			ok := number(&n, v, 1)
			s.identity = n == 1
			return ok
		}
		return true
	})
	if ok {
		s.statement, ok = parseStatement(s.body)
	}
	if !ok || s.identity != (s.statement.Root == Hash{}) || s.identity && len(s.cosigned) != 0 {
		return nil, failed(CheckStructure, "not a signed statement")
	}
	return s, nil
}
