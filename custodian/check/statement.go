package check

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
)

// A statement is a signed custody statement, parsed from the control message that delivers it.
// Strings and lists alias the file.
type statement struct {
	body, signature []byte
	cosigned        []byte
	byIdentity      bool
	salt            []byte

	business  string
	root      []byte // fingerprint
	bound     []string
	protocol  uint64
	label     string
	providers []provider
	grants    []given
	storage   uint64
	actor     uint64
	scope     []byte
	from      uint64
	expires   uint64
	seq       uint64
	prev      []byte
	words     [2]string
	custody   string // the encodings of who holds what
}

type provider struct {
	name     string
	key      string
	operator bool
}

type given struct {
	to        int
	secrets   uint64
	via       uint64
	direction uint64
	count     uint64
}

const controlPrefix = "\x00custody-control-v1\x00\x01"

// uvarint cuts a number that is as short as it can be.
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

func cut(b []byte) (value, rest []byte, ok bool) {
	n, rest, ok := uvarint(b)
	if !ok || n > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

// tagged parses the fields 1 to n, each of which must be there, and returns their values from index
// 1. With more, fields from 128 on may follow.
func tagged(b []byte, n int, more bool) (values [][]byte, ok bool) {
	values = make([][]byte, n+1)
	last := 0
	for len(b) > 0 {
		tag := int(b[0])
		v, rest, ok := cut(b[1:])
		if !ok || tag <= last || tag <= n && tag != last+1 || tag > n && (!more || tag < 128 || last < n) {
			return nil, false
		}
		if tag <= n {
			values[tag] = v
		}
		b, last = rest, tag
	}
	return values, last >= n
}

func list(b []byte) (items [][]byte, ok bool) {
	for len(b) > 0 {
		item, rest, ok := cut(b)
		if !ok {
			return nil, false
		}
		items, b = append(items, item), rest
	}
	return items, true
}

// A numbers reads values that are numbers, and remembers whether all were.
type numbers struct{ bad bool }

func (n *numbers) of(b []byte) uint64 {
	v, rest, ok := uvarint(b)
	n.bad = n.bad || !ok || len(rest) > 0
	return v
}

// parseDelivery parses the control message that takes a statement to a customer.
func parseDelivery(b []byte) (*statement, bool) {
	rest, ok := bytes.CutPrefix(b, []byte(controlPrefix))
	if !ok {
		return nil, false
	}
	f, ok := tagged(rest, 6, false)
	if !ok || len(f[3]) != 32 {
		return nil, false
	}
	s, ok := parseSigned(f[1])
	if ok {
		s.salt = f[3]
	}
	return s, ok
}

func parseSigned(b []byte) (*statement, bool) {
	f, ok := tagged(b, 4, false)
	if !ok {
		return nil, false
	}
	var n numbers
	s := &statement{body: f[1], signature: f[2], cosigned: f[3], byIdentity: n.of(f[4]) == 1}
	if n.bad || len(s.signature) != 64 || len(s.cosigned) != 0 {
		return nil, false
	}
	return s, s.parse()
}

// parse reads the fields of custody B6.
func (s *statement) parse() bool {
	f, ok := tagged(s.body, 19, true)
	if !ok {
		return false
	}
	var n numbers
	s.business, s.root, s.protocol, s.label = string(f[1]), f[2], n.of(f[4]), string(f[5])
	s.storage, s.actor, s.scope, s.from = n.of(f[8]), n.of(f[9]), f[10], n.of(f[11])
	s.expires, s.seq, s.prev = n.of(f[13]), n.of(f[14]), f[15]
	s.words = [2]string{string(f[17]), string(f[18])}
	s.custody = string(bytes.Join(f[6:10], []byte{0})) // equal iff the four are, for each is canonical
	bound, ok := list(f[3])
	for _, k := range bound {
		s.bound = append(s.bound, hex.EncodeToString(k))
		ok = ok && len(k) == 33
	}
	if !ok || n.bad || !s.parseProviders(f[6]) || !s.parseGrants(f[7]) {
		return false
	}
	zero := make([]byte, 32)
	return len(s.root) == 32 && len(s.scope) == 33 && s.scope[0] == 1 && len(s.prev) == 32 && s.seq > 0 &&
		s.expires > s.from && s.expires < 1<<40 && (s.protocol == 3 || s.protocol == 4) &&
		s.byIdentity == bytes.Equal(s.root, zero) && (s.seq == 1) == bytes.Equal(s.prev, zero)
}

func (s *statement) parseProviders(b []byte) bool {
	items, ok := list(b)
	var n numbers
	for _, item := range items {
		f, ok := tagged(item, 4, false)
		if !ok {
			return false
		}
		s.providers = append(s.providers, provider{string(f[1]), string(f[2]), n.of(f[3]) == 1})
	}
	return ok && !n.bad
}

func (s *statement) parseGrants(b []byte) bool {
	items, ok := list(b)
	var n numbers
	for _, item := range items {
		f, ok := tagged(item, 5, false)
		if !ok {
			return false
		}
		g := given{int(n.of(f[1])), n.of(f[2]), n.of(f[3]), n.of(f[4]), n.of(f[5])}
		if n.bad || g.to < 0 || g.to >= len(s.providers) {
			return false
		}
		s.grants = append(s.grants, g)
	}
	return ok && !n.bad
}

// hash names the statement.
func (s *statement) hash() [32]byte {
	return sha256.Sum256(append([]byte("custody-hash-v1\x00"), s.body...))
}

// signedBy reports whether the custody root key signed the statement.
func (s *statement) signedBy(root []byte) bool {
	f := fingerprint(root)
	return !s.byIdentity && bytes.Equal(s.root, f[:]) &&
		ed25519.Verify(root, append([]byte("custody-statement-v1\x00"), s.body...), s.signature)
}

// signedByIdentity reports whether the identity key signed the statement.
func (s *statement) signedByIdentity(key string) bool {
	return s.byIdentity && xeddsa(key, append([]byte("custody-statement-identity-v1\x00"), s.body...), s.signature)
}

// xeddsa verifies a signature by an X25519 key, which is turned into an Ed25519 key, y =
// (u-1)/(u+1), with the sign that travels in the highest bit of the signature.
func xeddsa(key string, text, signature []byte) bool {
	b, err := hex.DecodeString(key)
	if err != nil || len(b) != 33 || len(signature) != 64 {
		return false
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	u := new(big.Int).SetBytes(reversed(b[1:]))
	one := big.NewInt(1)
	down := new(big.Int).ModInverse(new(big.Int).Add(u, one), p)
	if down == nil {
		return false
	}
	y := new(big.Int).Sub(u, one)
	y.Mod(y.Mul(y, down), p)
	public := reversed(y.FillBytes(make([]byte, 32)))
	sig := bytes.Clone(signature)
	public[31] |= sig[63] & 0x80
	sig[63] &= 0x7f
	return ed25519.Verify(public, text, sig)
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[len(b)-1-i] = b[i]
	}
	return out
}

// scoped reports whether the statement speaks about every conversation of the business.
func (s *statement) scoped() bool {
	b := append([]byte("custody-scope-v1\x00"), s.salt...)
	b = append(b, 1)
	b = binary.AppendUvarint(b, uint64(len(s.business)))
	h := sha256.Sum256(append(b, s.business...))
	return bytes.Equal(s.scope[1:], h[:])
}
