package fingerprint

import "signet.example/signet/internal/wire"

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

// parse is as lenient as the official client: fields in any order, the last of several wins,
// unknown ones are skipped, an integer is cut to 32 bits, and a second fingerprint adds to the
// first.
func parse(b []byte) (c combined, err error) {
	p := wire.Parse(b)
	for p.Next() {
		switch p.Num() {
		case fieldVersion:
			var v uint32
			p.Uint32(&v)
			c.version, c.hasVersion = Version(v), true
		case fieldLocal:
			c.local.merge(&p)
		case fieldRemote:
			c.remote.merge(&p)
		}
	}
	if p.Err() != nil {
		return combined{}, ErrMalformed
	}
	return c, nil
}

// merge reads an occurrence of a LogicalFingerprint into h.
func (h *half) merge(p *wire.Parser) {
	var b []byte
	p.Bytes(&b)
	inner := wire.Parse(b)
	for inner.Next() {
		if inner.Num() == fieldContent {
			inner.Bytes(&h.content)
			h.set = true
		}
	}
	if inner.Err() != nil {
		p.Fail()
	}
}
