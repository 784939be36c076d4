package sesame

import (
	"context"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// userOf is the address under which the identity key of a user is kept: no device has the id 0.
func userOf(a signet.Address) signet.Address { return signet.Address{Name: a.Name} }

// vouchFor checks the identity key of a bundle's device.
func (c *Client) vouchFor(tx session.Tx, contact session.Contact) error {
	return c.vouch(tx, contact.Peer, contact.Bundle.Identity())
}

// vouch compares the identity key that a device uses with its user's, and accepts the first.
func (c *Client) vouch(tx session.Tx, a signet.Address, offered signet.PublicKey) error {
	if c.opts.DeviceIdentities {
		return nil
	}
	known, kept := c.device.Identity(), true
	if a.Name != c.device.Address().Name {
		row, err := tx.Identity(userOf(a))
		if err != nil {
			return err
		}
		kept = row != nil
		if !kept {
			if row, err = c.earlier(tx, a); err != nil {
				return err
			}
		}
		if row == nil {
			row = offered.Bytes()
		}
		if known, err = signet.ParsePublicKey(row); err != nil {
			return fmt.Errorf("sesame: stored identity of %s: %w", a.Name, err)
		}
	}
	switch {
	case !known.Equal(offered):
		return &session.UntrustedIdentityError{Peer: a, Known: known, Offered: offered}
	case !kept:
		return tx.PutIdentity(userOf(a), offered.Bytes())
	}
	return nil
}

// earlier returns the identity key of a user that one of the other devices was accepted with before the
// store was used with this package, or nil. It looks at the devices on the list, or else at the first.
func (c *Client) earlier(tx session.Tx, a signet.Address) ([]byte, error) {
	c.mu.Lock()
	list, ok := c.lists[a.Name]
	c.mu.Unlock()
	if !ok {
		list = []Listing{{Device: 1}}
	}
	for _, l := range list {
		if l.Device == a.Device {
			continue
		}
		row, err := tx.Identity(signet.Address{Name: a.Name, Device: l.Device})
		if err != nil || row != nil {
			return row, err
		}
	}
	return nil, nil
}

// Trust accepts key as the identity of user, in place of the one accepted before, for all of the user's
// devices: sessions with another key are archived. It is what to do after an UntrustedIdentityError once
// the user has been asked.
//
// With Options.DeviceIdentities use Trust of the Device instead.
func (c *Client) Trust(ctx context.Context, user string, key signet.PublicKey) error {
	c.Forget(user)
	list, err := c.list(ctx, user)
	if err != nil {
		return fmt.Errorf("sesame: devices of %s: %w", user, err)
	}
	for _, l := range list {
		a := signet.Address{Name: user, Device: l.Device}
		known, ok, err := c.device.Trusted(ctx, a)
		if err != nil {
			return err
		}
		if !ok || known.Equal(key) {
			continue
		}
		// First the session, then the key: a crash in between leaves a key that is not trusted.
		if err := c.device.Archive(ctx, a); err != nil {
			return err
		}
		if err := c.device.Trust(ctx, a, key); err != nil {
			return err
		}
	}
	return c.device.Trust(ctx, userOf(signet.Address{Name: user}), key)
}

// Decrypt returns the plaintext of a message from a device of any user, the client's own included; see
// session.Device.Decrypt. A first message from a device whose identity key is not its user's is a
// *session.UntrustedIdentityError and changes nothing.
func (c *Client) Decrypt(ctx context.Context, from signet.Address, m session.Message) (plaintext []byte, err error) {
	err = c.DecryptTo(ctx, from, m, func(_ session.Tx, text []byte) error {
		plaintext = text
		return nil
	})
	if err != nil {
		return nil, err
	}
	return plaintext, nil
}

// DecryptTo is Decrypt with a transaction shared: see session.Device.DecryptTo.
func (c *Client) DecryptTo(ctx context.Context, from signet.Address, m session.Message, to func(tx session.Tx, plaintext []byte) error) error {
	if err := from.Check(); err != nil {
		return err
	}
	err := c.device.DecryptTo(ctx, from, m, func(tx session.Tx, plaintext []byte) error {
		if m.Type == session.TypePreKey {
			row, err := tx.Identity(from) // Decrypt has accepted it
			if err != nil {
				return err
			}
			offered, err := signet.ParsePublicKey(row)
			if err != nil {
				return fmt.Errorf("sesame: stored identity of %s: %w", from, err)
			}
			if err := c.vouch(tx, from, offered); err != nil {
				return err
			}
		}
		if to == nil {
			return nil
		}
		return to(tx, plaintext)
	})
	if err == nil {
		c.noticed(from, registrationOf(m))
	}
	return err
}

// registrationOf is what a first message that has been decrypted says of its sender, or zero.
func registrationOf(m session.Message) uint32 {
	if m.Type != session.TypePreKey {
		return 0
	}
	p, err := wire.ParsePreKeyMessage(m.Body)
	if err != nil {
		return 0
	}
	return p.RegistrationID
}
