package sealed

import (
	"fmt"
	"slices"
	"time"

	"signet.example/signet"
)

// A Trust says whose certificates are believed. The zero Trust believes nobody. It is not modified
// here and is safe for concurrent use as long as the caller does not either.
type Trust struct {
	// Roots are the keys that sign server certificates. One suffices; the official service has two.
	Roots []signet.PublicKey
	// Known are server certificates that sender certificates may name by id, in addition to those that
	// the official clients know, and before them.
	Known []*ServerCertificate
	// Revoked are ids of server certificates that are not believed any more, in addition to the one
	// that the official clients refuse.
	Revoked []uint32
}

// Server returns the server certificate that c holds or names, or an UnknownServerError.
func (t *Trust) Server(c *SenderCertificate) (*ServerCertificate, error) {
	if c.server != nil {
		return c.server, nil
	}
	for _, s := range t.Known {
		if s.id == c.id {
			return s, nil
		}
	}
	if s := known[c.id]; s != nil {
		return s, nil
	}
	return nil, UnknownServerError(c.id)
}

// CheckServer returns an error that matches ErrInvalidCertificate unless one of the roots signed c
// and it is not revoked. Every root is tried, whichever it is that signed.
func (t *Trust) CheckServer(c *ServerCertificate) error {
	if c.id == revoked || slices.Contains(t.Revoked, c.id) {
		return fmt.Errorf("%w: the server certificate with ID %d is revoked", ErrInvalidCertificate, c.id)
	}
	valid := false
	for _, root := range t.Roots {
		signed := c.verify(root)
		valid = valid || signed
	}
	if !valid {
		return fmt.Errorf("%w: trust root validation failed", ErrInvalidCertificate)
	}
	return nil
}

// Check returns an error that matches ErrInvalidCertificate unless c is valid at the time now: its
// server certificate is, that server signed it, and it has not expired. At the very millisecond of
// its expiry it is still valid, and before that for ever: it has no beginning (§3). The error is an
// UnknownServerError if the server certificate is named by an id that nobody knows.
func (t *Trust) Check(c *SenderCertificate, now time.Time) error {
	server, err := t.Server(c)
	if err != nil {
		return err
	}
	if err := t.CheckServer(server); err != nil {
		return err
	}
	if !c.verify(server.key) {
		return fmt.Errorf("%w: the server did not sign it", ErrInvalidCertificate)
	}
	if millis(now) > c.expires {
		return fmt.Errorf("%w: it has expired", ErrInvalidCertificate)
	}
	return nil
}
