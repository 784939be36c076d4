package fingerprint

import "google.golang.org/protobuf/encoding/protowire"

// A combined is a parsed CombinedFingerprints: each part may be missing.
type combined struct {
	version       Version
	hasVersion    bool
	local, remote half
}

type half struct {
	content []byte // aliases the input
	set     bool
}

// parse is as lenient as the official client: fields in any order, the last of several wins, unknown
// ones are skipped, an integer is cut to 32 bits, and a second fingerprint adds to the first.
func parse(b []byte) (c combined, err error) {
	err = fields(b, func(num protowire.Number, typ protowire.Type, v []byte) bool {
		switch num {
		case fieldVersion:
			n, m := protowire.ConsumeVarint(v)
			c.version, c.hasVersion = Version(n), true
			return typ == protowire.VarintType && m >= 0
		case fieldLocal:
			return c.local.merge(typ, v)
		case fieldRemote:
			return c.remote.merge(typ, v)
		}
		return true
	})
	return c, err
}

// merge reads an occurrence of a LogicalFingerprint into h.
func (h *half) merge(typ protowire.Type, v []byte) bool {
	inner, n := protowire.ConsumeBytes(v)
	if typ != protowire.BytesType || n < 0 {
		return false
	}
	return nil == fields(inner, func(num protowire.Number, typ protowire.Type, v []byte) bool {
		if num != fieldContent {
			return true
		}
		var n int
		h.content, n = protowire.ConsumeBytes(v)
		h.set = true
		return typ == protowire.BytesType && n >= 0
	})
}

// fields calls f with the raw value of each field of a message, which it has checked to be whole,
// and fails where f does or the message is malformed.
func fields(b []byte, f func(num protowire.Number, typ protowire.Type, v []byte) bool) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return ErrMalformed
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 || !f(num, typ, b[n:n+m]) {
			return ErrMalformed
		}
		b = b[n+m:]
	}
	return nil
}
