package notice

import (
	"errors"
	"math"
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/custodian/notice/tlog"
)

// recordVersion is the version of what AppendBinary writes. A reader refuses a later one.
const recordVersion = 1

// The tags of a stored record. All are written, in this order.
const (
	tagVersion = 1 + iota
	tagChat
	tagPinned
	tagSalt
	tagHistory
	tagShown
	tagPath
	tagFormer
	tagDoubt
	tagFailed
	tagVerdict
	tagProof
	tagPublished
	tagView
	tagChecked
	tagHeard
	tagClock
	tagSpotted
	tagUnproved
	tagPartial

	recordFields = tagPartial
)

// AppendBinary appends the encoding of the record, to be stored with the session's. The policy is
// not part of it. The error is always nil.
func (c *Customer) AppendBinary(b []byte) ([]byte, error) {
	view, err := c.view.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	var root, shown, history, path, ended, spotted, unproved []byte
	for _, e := range c.spotted {
		spotted = append(spotted, e[:]...)
	}
	for _, n := range c.unproved {
		unproved = tlv.AppendItem(unproved, n)
	}
	if c.pinned {
		root = c.root[:]
	}
	for _, s := range c.history {
		history = tlv.AppendItem(history, s.Bytes())
	}
	if c.shown != nil {
		shown = c.shown.append(nil)
	}
	for i := range c.path {
		path = tlv.AppendItem(path, c.path[i].append(nil))
	}
	for i := range c.former {
		ended = tlv.AppendItem(ended, c.former[i].append(nil))
	}
	b = tlv.AppendUint(b, tagVersion, recordVersion)
	b = tlv.Append(b, tagChat, c.chat.append(nil))
	b = tlv.Append(b, tagPinned, root)
	b = tlv.Append(b, tagSalt, c.salt[:])
	b = tlv.Append(b, tagHistory, history)
	b = tlv.Append(b, tagShown, shown)
	b = tlv.Append(b, tagPath, path)
	b = tlv.Append(b, tagFormer, ended)
	b = tlv.AppendUint(b, tagDoubt, uint64(c.doubt))
	b = tlv.AppendUint(b, tagFailed, uint64(c.check))
	b = tlv.AppendUint(b, tagVerdict, uint64(c.verdict))
	b = tlv.Append(b, tagProof, c.proof)
	b = tlv.AppendUint(b, tagPublished, c.published)
	b = tlv.Append(b, tagView, view)
	b = tlv.AppendUint(b, tagChecked, seconds(c.checked))
	b = tlv.AppendUint(b, tagHeard, uint64(c.heard))
	b = tlv.AppendUint(b, tagClock, seconds(c.clock))
	b = tlv.Append(b, tagSpotted, spotted)
	b = tlv.Append(b, tagUnproved, unproved)
	return tlv.Append(b, tagPartial, appendKey(c.partial)), nil
}

var errRecord = errors.New("notice: malformed record of a customer")

// LoadCustomer returns the record that AppendBinary encoded, under a policy that may be a new one.
// Statements in it are not verified again: the record is as trusted as the session beside it. It
// copies data.
func LoadCustomer(data []byte, policy *Policy) (*Customer, error) {
	c := NewCustomer(Chat{}, policy)
	if !record(data, recordFields, c.field) {
		return nil, errRecord
	}
	if len(c.history) > 0 && c.shown == nil || c.heard < 0 {
		return nil, errRecord
	}
	return c, nil
}

func (c *Customer) field(tag byte, v []byte) (ok bool) {
	switch tag {
	case tagVersion:
		var version uint64
		return number(&version, v, recordVersion) && version == recordVersion
	case tagChat:
		return c.chat.parse(v)
	case tagPinned:
		if c.pinned = len(v) > 0; c.pinned {
			return hash((*Hash)(&c.root), v)
		}
		return true
	case tagSalt:
		return hash((*Hash)(&c.salt), v)
	case tagHistory:
		c.history, ok = parseList(v, remembered, func(b []byte) (*Signed, bool) {
			s, err := Parse(b)
			return s, err == nil
		})
	case tagShown:
		if ok = true; len(v) > 0 {
			c.shown = new(custody)
			*c.shown, ok = parseCustody(v)
		}
	case tagPath:
		c.path, ok = parseList(v, maxPath, parseCustody)
	case tagFormer:
		c.former, ok = parseList(v, maxFormer, parseFormer)
	case tagDoubt:
		return number(&c.doubt, v, math.MaxUint8)
	case tagFailed:
		return number(&c.check, v, math.MaxUint8)
	case tagVerdict:
		return number(&c.verdict, v, math.MaxUint8)
	case tagProof:
		if len(v) > 0 {
			c.proof = slices.Clone(v)
		}
		return true
	case tagPublished:
		return number(&c.published, v, 1<<54)
	case tagView:
		return c.view.UnmarshalBinary(v) == nil
	case tagChecked:
		return instant(&c.checked, v)
	case tagHeard:
		var n uint64
		ok = number(&n, v, math.MaxInt64)
		c.heard = int64(n)
	case tagClock:
		return instant(&c.clock, v)
	case tagSpotted:
		for ; len(v) >= tlog.EntrySize && len(c.spotted) < maxSpotted; v = v[tlog.EntrySize:] {
			c.spotted = append(c.spotted, tlog.Entry(v))
		}
		return len(v) == 0
	case tagPartial:
		c.partial, ok = parseMaybeKey(v)
	case tagUnproved:
		c.unproved, ok = parseList(v, maxUnproved, func(b []byte) ([]byte, bool) { return slices.Clone(b), true })
	}
	return ok
}

// seconds is a time that is zero or after 1970.
func seconds(t time.Time) uint64 {
	if t.Unix() <= 0 {
		return 0
	}
	return uint64(t.Unix())
}

func instant(t *time.Time, v []byte) bool {
	if !moment(t, v) {
		return false
	}
	if t.Unix() == 0 {
		*t = time.Time{}
	}
	return true
}

func (c *Chat) append(b []byte) []byte {
	b = tlv.Append(b, 1, []byte(c.Business.Name))
	b = tlv.AppendUint(b, 2, uint64(c.Business.Device))
	b = tlv.Append(b, 3, c.Identity.Bytes())
	b = tlv.Append(b, 4, []byte(c.Customer.Name))
	b = tlv.AppendUint(b, 5, uint64(c.Customer.Device))
	b = tlv.Append(b, 6, c.Own.Bytes())
	return tlv.AppendUint(b, 7, uint64(c.Protocol))
}

func (c *Chat) parse(b []byte) bool {
	return record(b, 7, func(tag byte, v []byte) (ok bool) {
		switch tag {
		case 1:
			return text(&c.Business.Name, v)
		case 2:
			return number(&c.Business.Device, v, math.MaxUint32)
		case 3:
			c.Identity, ok = parseKey(v)
		case 4:
			return text(&c.Customer.Name, v)
		case 5:
			return number(&c.Customer.Device, v, math.MaxUint32)
		case 6:
			c.Own, ok = parseKey(v)
		case 7:
			return number(&c.Protocol, v, math.MaxUint8)
		}
		return ok
	})
}

func parseKey(b []byte) (signet.PublicKey, bool) {
	k, err := signet.ParsePublicKey(b)
	return k, err == nil && len(b) == signet.PublicKeySize
}

// appendKey encodes a key that may be zero as nothing.
func appendKey(k signet.PublicKey) []byte {
	if k.IsZero() {
		return nil
	}
	return k.Bytes()
}

func parseMaybeKey(b []byte) (k signet.PublicKey, ok bool) {
	if len(b) == 0 {
		return k, true
	}
	k, ok = parseKey(b)
	return k, ok && !k.IsZero()
}

func (c *custody) append(b []byte) []byte {
	var names []byte
	for _, n := range c.names {
		names = tlv.AppendItem(names, []byte(n))
	}
	return tlv.Append(tlv.Append(b, 1, c.digest[:]), 2, names)
}

func parseCustody(b []byte) (c custody, ok bool) {
	ok = record(b, 2, func(tag byte, v []byte) (ok bool) {
		if tag == 1 {
			return hash(&c.digest, v)
		}
		c.names, ok = parseList(v, maxProv, func(b []byte) (string, bool) { return string(b), validName(string(b)) })
		return ok
	})
	return c, ok
}

func (f *former) append(b []byte) []byte {
	b = tlv.Append(b, 1, []byte(f.name))
	b = tlv.AppendUint(b, 2, bit(f.operator))
	b = tlv.AppendUint(b, 3, uint64(f.secrets))
	b = tlv.AppendUint(b, 4, f.quota)
	b = tlv.Append(b, 5, appendKey(f.identity))
	return tlv.AppendUint(b, 6, uint64(f.chains))
}

func parseFormer(b []byte) (f former, ok bool) {
	ok = record(b, 6, func(tag byte, v []byte) (ok bool) {
		switch tag {
		case 1:
			return text(&f.name, v) && validName(f.name)
		case 2:
			var n uint8
			ok = number(&n, v, 1)
			f.operator = n == 1
		case 3:
			return number(&f.secrets, v, allSecrets)
		case 4:
			return number(&f.quota, v, math.MaxUint64)
		case 5:
			f.identity, ok = parseMaybeKey(v)
		case 6:
			return number(&f.chains, v, math.MaxUint8)
		}
		return ok
	})
	return f, ok
}
