package sesame

import (
	"context"
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/x3dh"
)

// A MismatchError is a server's answer to messages that do not fit the devices of a user: nothing
// was delivered to any of them (Sesame §3.3; Signal's answers 409 and 410). Client.Resolve acts on
// it.
type MismatchError struct {
	User    string
	Missing []uint32 // devices of the user without a message
	Extra   []uint32 // messages for devices that are not, or no longer, the user's
	Stale   []uint32 // messages for an earlier installation of a device: its registration id has changed
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("sesame: messages do not fit the devices of %s: missing %v, extra %v, stale %v", e.User, e.Missing, e.Extra, e.Stale)
}

// Check is the server's side: it compares the messages that from sends to the devices of user with
// those that are active, and returns a *MismatchError or nil. Messages to other users are not
// looked at. A sender does not send to itself.
func Check(user string, active []Listing, from signet.Address, messages []Message) error {
	e := &MismatchError{User: user}
	open := make(map[uint32]uint32, len(active))
	for _, l := range active {
		if from != (signet.Address{Name: user, Device: l.Device}) {
			open[l.Device] = l.RegistrationID
		}
	}
	got := make(map[uint32]bool, len(messages))
	for _, m := range messages {
		if m.Peer.Name != user {
			continue
		}
		registration, ok := open[m.Peer.Device]
		switch {
		case !ok || got[m.Peer.Device]:
			e.Extra = append(e.Extra, m.Peer.Device)
		case registration != 0 && registration != m.RegistrationID:
			e.Stale = append(e.Stale, m.Peer.Device)
		}
		got[m.Peer.Device] = true
	}
	for _, l := range active {
		if _, ok := open[l.Device]; ok && !got[l.Device] {
			e.Missing = append(e.Missing, l.Device)
		}
	}
	if e.Missing == nil && e.Extra == nil && e.Stale == nil {
		return nil
	}
	return e
}

// Resolve does what a MismatchError asks for: it archives the sessions with the user's extra and
// stale devices, which may still decrypt what is on its way, and forgets the list of devices. The
// next Encrypt asks the directory for the list and for bundles of the devices that it has no
// session with.
func (c *Client) Resolve(ctx context.Context, e *MismatchError) error {
	for _, ids := range [][]uint32{e.Extra, e.Stale} {
		for _, id := range ids {
			if err := c.device.Archive(ctx, signet.Address{Name: e.User, Device: id}); err != nil {
				return err
			}
		}
	}
	c.Forget(e.User)
	return nil
}

// Send encrypts plaintext for all devices of user and has deliver hand the messages to the server.
// Once they are delivered it does the same with the transcript for the own other devices, so that
// these are told of nothing that the user was not given. There may be none for the own, which lets
// the server say that there is a new one.
//
// A device that cannot be encrypted for is left out, of the user's and of the own, and named in an
// *UnreachedError once the others were given the message; with Options.AllOrNone nothing is sent
// then. Nothing is sent in any case if a device has another identity key than the accepted one: the
// error is a *session.UntrustedIdentityError. For other choices there is EncryptEach.
//
// If deliver returns a *MismatchError, the Client resolves it and encrypts anew for that user; the
// messages that were refused are not used, their message keys are spent. It gives up after five
// times. Any other error of deliver ends Send and is returned as it is. An error that comes after
// the user's messages were delivered is a *TranscriptError: do not send the message again.
func (c *Client) Send(ctx context.Context, user string, plaintext []byte, deliver func(ctx context.Context, user string, messages []Message) error) error {
	var partly *UnreachedError
	for i, d := range c.drafts(user, plaintext) {
		left, err := c.send(ctx, d, deliver)
		if i == 0 {
			if err != nil {
				return err
			}
			partly = left
			continue
		}
		if err == nil && left != nil {
			err = left
		}
		switch {
		case err != nil && partly != nil:
			return errors.Join(partly, &TranscriptError{err})
		case err != nil:
			return &TranscriptError{err}
		}
	}
	if partly != nil {
		return partly
	}
	return nil
}

// A TranscriptError is an error of Client.Send after the user's devices were given the message: the
// own other devices were not told of it, or not all of them.
type TranscriptError struct{ Err error }

func (e *TranscriptError) Error() string {
	return "sesame: the message was delivered, and the own devices were not told: " + e.Err.Error()
}

// Unwrap returns Err.
func (e *TranscriptError) Unwrap() error { return e.Err }

// send is Send for the devices of one user. It returns who was left out of a message that was
// delivered.
func (c *Client) send(ctx context.Context, d Draft, deliver func(ctx context.Context, user string, messages []Message) error) (*UnreachedError, error) {
	const times = 5
	var refused *MismatchError
	for range times {
		messages, left, err := c.reach(ctx, d)
		if err != nil {
			return nil, err
		}
		err = deliver(ctx, d.User, messages)
		if !errors.As(err, &refused) {
			return left, err
		}
		if left != nil && left.insists(refused) {
			left.Refused = refused
			return nil, left
		}
		if err := c.Resolve(ctx, refused); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("sesame: gave up after %d times: %w", times, refused)
}

// Remove forgets a device that is gone for good: its sessions, the archived ones too. What is still
// on its way from it does not decrypt any more. The identity key that was accepted stays.
func (c *Client) Remove(ctx context.Context, device signet.Address) error {
	c.Forget(device.Name)
	return c.device.SetRecord(ctx, device, nil)
}

// Publish sees to it that n one-time prekeys of each kind are new to the directory, and publishes
// them with the device's signed prekey and last resort. Those that an earlier publication could not
// deliver come first; only the others are made. It is how a device is added, too.
func (c *Client) Publish(ctx context.Context, n int) error {
	_, err := c.publish(ctx, n, c.directory.Publish)
	return err
}

// Renew is Publish after the device's store has been restored from a backup, which leaves the
// one-time prekeys out: those that the directory still has are replaced.
func (c *Client) Renew(ctx context.Context, n int) error {
	_, err := c.publish(ctx, n, c.directory.Replace)
	return err
}

// publish delivers what was made and is not known to be published, and notes that it is. It returns
// how many prekeys of the rarer kind that were.
func (c *Client) publish(ctx context.Context, n int, deliver func(context.Context, signet.Address, *x3dh.Published) error) (int, error) {
	p, err := c.device.Unpublished(ctx)
	if err != nil {
		return 0, err
	}
	if have := min(len(p.PreKeys), len(p.KEMPreKeys)); have < n || len(p.LastResort.Public) == 0 {
		if _, err := c.device.PreKeys(ctx, max(0, n-have)); err != nil {
			return 0, err
		}
		if p, err = c.device.Unpublished(ctx); err != nil {
			return 0, err
		}
	}
	if err := deliver(ctx, c.device.Address(), p); err != nil {
		return 0, err
	}
	return min(len(p.PreKeys), len(p.KEMPreKeys)), c.device.MarkPublished(ctx, p)
}

// Rotate replaces the signed prekey and the last resort, publishes them, and removes from the store
// those whose grace has passed: it counts from the publication of their successors. Rotate about
// once a week.
func (c *Client) Rotate(ctx context.Context) error {
	p, err := c.device.Rotate(ctx)
	if err != nil {
		return err
	}
	if err := c.directory.Publish(ctx, c.device.Address(), p); err != nil {
		return err
	}
	if err := c.device.MarkPublished(ctx, p); err != nil {
		return err
	}
	_, err = c.device.Retire(ctx)
	return err
}

// Replenish publishes as many one-time prekeys as bring the directory's stock up to n, if less than
// half of that is left of a kind. It returns how many of each kind were published.
func (c *Client) Replenish(ctx context.Context, n int) (published int, err error) {
	left, err := c.directory.Stock(ctx, c.device.Address())
	if err != nil && !errors.Is(err, ErrUnknown) {
		return 0, err
	}
	few := min(left.PreKeys, left.KEMPreKeys)
	if few*2 >= n {
		return 0, nil
	}
	return c.publish(ctx, n-few, c.directory.Publish)
}
