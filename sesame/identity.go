package sesame

import (
	"context"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// Trust accepts key as the identity of user, in place of the one accepted before; see
// session.Device.Trust. It is what to do after an UntrustedIdentityError once the user has been
// asked. The directory is not: sessions with another key end whether it lists their devices or not.
//
// With Options.DeviceIdentities of the device, use Trust of the Device with the address of each.
func (c *Client) Trust(ctx context.Context, user string, key signet.PublicKey) error {
	c.Forget(user)
	return c.device.Trust(ctx, signet.Address{Name: user}, key)
}

// Decrypt returns the plaintext of a message from a device of any user, the client's own included;
// see session.Device.Decrypt. A message from a device whose identity key is not its user's is a
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
	if err := from.CheckListed(); err != nil {
		return err
	}
	err := c.device.DecryptTo(ctx, from, m, to)
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
