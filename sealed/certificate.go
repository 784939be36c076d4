package sealed

import (
	"bytes"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/internal/wire"
)

// A Claim is what a sender certificate says of a sender.
type Claim struct {
	Sender signet.Address // the name is the account's UUID with the official service, any text elsewhere
	E164   *string        // the telephone number, nil if the sender does not give it
	Key    signet.PublicKey
	// Expires is the last moment, in whole milliseconds, at which the certificate is valid. A time
	// before 1970 counts as 1970; a parsed time beyond the year 292 million is cut.
	Expires time.Time
}

// A SenderCertificate says that a key belongs to a sender. A service signs it, whose own
// certificate it holds or names. It is immutable and safe for concurrent use.
type SenderCertificate struct {
	signed
	sender  signet.Address
	e164    *string
	expires uint64 // milliseconds since 1970
	key     signet.PublicKey
	server  *ServerCertificate // nil: named by serverID
	id      uint32
}

// NewSenderCertificate issues a certificate for a claim: it holds the server certificate and is
// signed by the server's key, which is not compared with that in the certificate (§3). The error
// matches ErrInvalidArgument for a device id that is none, or a name or number that is not UTF-8,
// or is the signer's.
func NewSenderCertificate(server *ServerCertificate, key Signer, c Claim) (*SenderCertificate, error) {
	if err := c.Sender.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	if !utf8.ValidString(c.Sender.Name) || c.E164 != nil && !utf8.ValidString(*c.E164) {
		return nil, fmt.Errorf("%w: a sender certificate holds UTF-8", ErrInvalidArgument)
	}
	b := make([]byte, 0, 128+len(c.Sender.Name)+len(server.raw))
	if c.E164 != nil {
		b = wire.AppendBytes(b, 1, []byte(*c.E164))
	}
	b = wire.AppendUint(b, 2, uint64(c.Sender.Device))
	b = wire.AppendFixed64(b, 3, millis(c.Expires))
	b = wire.AppendBytes(b, 4, c.Key.Bytes())
	b = wire.AppendBytes(b, 5, server.raw)
	b, err := newSigned(key, wire.AppendBytes(b, 6, []byte(c.Sender.Name)))
	if err != nil {
		return nil, err
	}
	return parseSender(b)
}

// millis is t as certificates count time.
func millis(t time.Time) uint64 { return uint64(max(0, t.UnixMilli())) }

// ParseSenderCertificate parses b, which it copies. Nothing is checked that would need a trust
// root: Trust.Check does that. A server certificate that is named by id is not looked up. The
// errors are session.ErrInvalidMessage and those of signet.ParsePublicKey (§3).
func ParseSenderCertificate(b []byte) (*SenderCertificate, error) {
	return parseSender(bytes.Clone(b))
}

// claims are the fields of a certificate before they are looked into, with their presence.
type claims struct {
	e164, uuid, uuidBytes, key, server []byte
	device, id                         uint32
	expires                            uint64
	hasDevice, hasExpires, hasID       bool
}

// parse reads the fields. Of the members of a oneof, 5 and 8, 6 and 7, the last one counts; text
// has to be UTF-8 even where it does not count in the end (§1.5).
func (c *claims) parse(b []byte) error {
	p := wire.Parse(b)
	text := func(dst *[]byte) {
		if p.Bytes(dst); p.Err() == nil && !utf8.Valid(*dst) {
			p.Fail()
		}
	}
	for p.Next() {
		switch p.Num() {
		case 1:
			text(&c.e164)
		case 2:
			p.Uint32(&c.device)
			c.hasDevice = true
		case 3:
			p.Fixed64(&c.expires)
			c.hasExpires = true
		case 4:
			p.Bytes(&c.key)
		case 5:
			p.Bytes(&c.server)
			c.hasID = false
		case 6:
			text(&c.uuid)
			c.uuidBytes = nil
		case 7:
			p.Bytes(&c.uuidBytes)
			c.uuid = nil
		case 8:
			p.Uint32(&c.id)
			c.hasID, c.server = true, nil
		}
	}
	return p.Err()
}

// parseSender does not copy b. The order of the checks is the official one, as it shows in the
// errors.
func parseSender(b []byte) (*SenderCertificate, error) {
	s, err := parseSigned(b)
	if err != nil {
		return nil, err
	}
	var f claims
	if f.parse(s.certificate) != nil {
		return nil, errMalformed
	}
	c := &SenderCertificate{signed: s, sender: signet.Address{Device: f.device}, expires: f.expires, id: f.id}
	if !f.hasDevice || c.sender.Check() != nil || !f.hasExpires {
		return nil, errMalformed
	}
	switch {
	case f.server != nil:
		if c.server, err = parseServer(f.server); err != nil {
			return nil, err
		}
		c.id = c.server.id
	case !f.hasID:
		return nil, errMalformed
	}
	switch {
	case f.uuid != nil:
		c.sender.Name = string(f.uuid)
	case len(f.uuidBytes) == 16:
		c.sender.Name = group.DistributionID(f.uuidBytes).String() // the text of a UUID
	default:
		return nil, errMalformed
	}
	if f.key == nil {
		return nil, errMalformed
	}
	if c.key, err = signet.ParsePublicKey(f.key); err != nil {
		return nil, fmt.Errorf("sealed: sender certificate: %w", err)
	}
	if f.e164 != nil {
		number := string(f.e164)
		c.e164 = &number
	}
	return c, nil
}

// Claim returns what the certificate says. With the official service the sender's name is meant to
// be a UUID, which is for the caller to check: it may be any text.
func (c *SenderCertificate) Claim() Claim {
	return Claim{Sender: c.sender, E164: clone(c.e164), Key: c.key, Expires: time.UnixMilli(int64(min(c.expires, math.MaxInt64)))}
}

func clone(s *string) *string {
	if s == nil {
		return nil
	}
	own := *s
	return &own
}

// Sender returns the address of the sender.
func (c *SenderCertificate) Sender() signet.Address { return c.sender }

// Key returns the identity key of the sender.
func (c *SenderCertificate) Key() signet.PublicKey { return c.key }

// Server returns the certificate of the service that signed, if the certificate holds it, and its
// id. A certificate that is only named is nil; Trust.Server finds it.
func (c *SenderCertificate) Server() (*ServerCertificate, uint32) { return c.server, c.id }

// Bytes returns a copy of the serialized certificate, exactly as it was parsed.
func (c *SenderCertificate) Bytes() []byte { return bytes.Clone(c.raw) }

// Certificate returns a copy of the part of the certificate that is signed.
func (c *SenderCertificate) Certificate() []byte { return bytes.Clone(c.certificate) }

// Signature returns a copy of the signature, of whatever length it came with.
func (c *SenderCertificate) Signature() []byte { return bytes.Clone(c.signature) }
