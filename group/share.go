package group

import (
	"context"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A Delivery is a distribution message on its way to one member.
type Delivery struct {
	To      signet.Address
	Message session.Message // for To's Decrypt; its plaintext is what Options.Wrap made
	// Err says why there is no message for this member: session.ErrNoSession, where fetching a bundle,
	// Start and another Share help, or an *session.UntrustedIdentityError.
	Err error
}

// Share encrypts the own Distribution for each of the members over the device's session with it, in
// their order; the own address is left out. A member that cannot be reached has an Err in its
// Delivery and does not stop the others. Share what a new member needs, or one that asked for it; a
// member who has joined it before loses nothing by getting it again.
//
// The error is that of Distribution, ErrIdentityChanged among them, or of ctx. Deliveries made
// until then are returned with it: their sessions have advanced.
func (c *Channel) Share(ctx context.Context, device *session.Device, members []signet.Address) ([]Delivery, error) {
	b, err := c.distribute(ctx, append([]signet.Address{}, members...))
	if err != nil {
		return nil, err
	}
	return c.deliver(ctx, device, members, b)
}

// Rotate replaces the own sender key and encrypts its distribution for each of the members that
// remain, as Share does. It is what every member does when somebody leaves: once it has returned,
// nothing that Encrypt makes is readable for those who were not given the new key, whatever became
// of the deliveries. Send them before the next message; a member that misses one gets
// ErrNoSenderKey and asks for it.
func (c *Channel) Rotate(ctx context.Context, device *session.Device, remaining []signet.Address) ([]Delivery, error) {
	b, err := c.renew(ctx, append([]signet.Address{}, remaining...))
	if err != nil {
		return nil, err
	}
	return c.deliver(ctx, device, remaining, b)
}

func (c *Channel) deliver(ctx context.Context, device *session.Device, members []signet.Address, b []byte) ([]Delivery, error) {
	if c.opts.Wrap != nil {
		b = c.opts.Wrap(b)
	}
	list := make([]Delivery, 0, len(members))
	for _, to := range members {
		if err := ctx.Err(); err != nil {
			return list, err
		}
		if to == c.self {
			continue
		}
		m, err := device.Encrypt(ctx, to, b)
		list = append(list, Delivery{To: to, Message: m, Err: err})
	}
	return list, nil
}
