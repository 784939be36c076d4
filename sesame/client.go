// Package sesame makes a user's devices one recipient (the Sesame algorithm, revision 2, as far as
// package session does not have it): a message to a user is encrypted for each of the user's
// devices and told to the sender's other devices; sessions that are missing begin with bundles from
// a [Directory]; devices that were added, removed or installed anew are noticed and answered.
//
// # What is where
//
// Sessions are in the device's store; package session has their rules. The lists of devices are the
// directory's, and a Client keeps them in memory: an outdated one is found out by the server that
// delivers, which refuses messages that do not fit (Sesame §3.3; [Check], [MismatchError]). So any
// number of processes can be the same device, and after a crash nothing has to be put in order.
//
// # Identities
//
// They are package session's to compare: all devices of a user have one identity key, as Signal's
// do, and a device with another is a *session.UntrustedIdentityError, whether it is in a bundle or
// in a message. session.Options.DeviceIdentities is for networks in which each device has its own.
//
// # Concurrency
//
// A Client is safe for concurrent use. Goroutines that need a bundle of the same device share one
// fetch.
package sesame

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"signet.example/signet"
	"signet.example/signet/session"
)

// Options adjusts a Client. The zero value works.
type Options struct {
	// Transcript returns what the user's own other devices are told of a message that Encrypt makes
	// for another user. Nil means the plaintext itself, which has to say whom it is for. It may run
	// several times.
	Transcript func(user string, plaintext []byte) []byte
	// AllOrNone makes Send refuse a message that cannot be encrypted for every device of the user. By
	// default the devices that can be reached get it, and an *UnreachedError names the others.
	AllOrNone bool
	// MaxLists is how many users' lists of devices are kept in memory. Zero means 65536.
	MaxLists int
}

// A Client is a device among the devices of many users. It is safe for concurrent use.
type Client struct {
	device    *session.Device
	directory Directory
	opts      Options

	mu      sync.Mutex
	lists   map[string][]Listing             // never written to once they are here
	flights map[signet.Address]chan struct{} // closed when the session has begun, or cannot
}

// NewClient returns the Client of a device. Nil opts means the defaults.
func NewClient(device *session.Device, directory Directory, opts *Options) *Client {
	c := &Client{
		device: device, directory: directory,
		lists: make(map[string][]Listing), flights: make(map[signet.Address]chan struct{}),
	}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.MaxLists == 0 {
		c.opts.MaxLists = 1 << 16
	}
	return c
}

// Device returns the device that the Client was made with.
func (c *Client) Device() *session.Device { return c.device }

// String names the client's device and shows nothing else.
func (c *Client) String() string { return "sesame.Client(" + c.device.Address().String() + ")" }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// A Message is what travels to one device. The server that delivers it compares RegistrationID with
// the device's own.
type Message = session.Sent

// A Draft is a plaintext for all devices of a user. For the client's own user these are the others.
type Draft struct {
	User      string
	Plaintext []byte
}

// Format shows whom the draft is for, and how much it is, under every verb.
func (d Draft) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "sesame.Draft(%s, %d bytes)", d.User, len(d.Plaintext))
}

// LogValue is Format's for slog.
func (d Draft) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// Encrypt returns the messages that carry plaintext to all devices of user, and its transcript to
// the other devices of the client's own user. It returns once the ratchets of all of them are
// durable, in one transaction if the store is a session.ManyStore; sessions that are missing begin
// before that.
//
// It refuses the message as a whole if one device cannot be encrypted for; EncryptEach leaves such
// devices out. The error is ErrUnknown for a user without devices, a
// *session.UntrustedIdentityError for one whose identity key has changed, a *LimitError, or what
// the directory or the store says. On error there is nothing to send; sessions that began stay.
func (c *Client) Encrypt(ctx context.Context, user string, plaintext []byte) ([]Message, error) {
	return c.EncryptAll(ctx, c.drafts(user, plaintext), nil)
}

// drafts is a message and its transcript.
func (c *Client) drafts(user string, plaintext []byte) []Draft {
	self := c.device.Address().Name
	drafts := []Draft{{user, plaintext}}
	if user == self {
		return drafts
	}
	if c.opts.Transcript != nil {
		plaintext = c.opts.Transcript(user, plaintext)
	}
	return append(drafts, Draft{self, plaintext})
}

// EncryptAll is Encrypt for many users at once, each with a plaintext of its own, and without a
// transcript: a draft for the client's own user is one. to, if not nil, runs in the transaction of
// the ratchets' steps, so that the caller's own rows (an outbox, say) are kept only if all messages
// may be sent; see session.Device.EncryptAll.
func (c *Client) EncryptAll(ctx context.Context, drafts []Draft, to func(session.Tx, []Message) error) ([]Message, error) {
	const rounds = 4 // more than one only if devices change meanwhile, or another's fetch has failed
	var last error
	for range rounds {
		out, err := c.plan(ctx, drafts)
		if err != nil {
			return nil, err
		}
		messages, err := c.device.EncryptAll(ctx, out, to)
		var missing *session.NoSessionError
		if !errors.As(err, &missing) {
			return messages, err
		}
		last = err
		left, err := c.meet(ctx, want(out, missing.Peers))
		if err == nil {
			err = worst(left)
		}
		if errors.Is(err, ErrUnknown) {
			last = err // the lists were outdated, and are forgotten
		} else if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("sesame: no session after %d rounds: %w", rounds, last)
}

// plan lists whom the drafts are for.
func (c *Client) plan(ctx context.Context, drafts []Draft) ([]session.Outgoing, error) {
	out, left, err := c.planEach(ctx, drafts)
	if err == nil && left != nil {
		err = left[0].Err
	}
	return out, err
}

// planEach is plan that leaves out the users whose devices are not to be had.
func (c *Client) planEach(ctx context.Context, drafts []Draft) (out []session.Outgoing, left []Unreached, err error) {
	self := c.device.Address()
	for _, d := range drafts {
		list, err := c.list(ctx, d.User)
		if d.User == self.Name && errors.Is(err, ErrUnknown) {
			continue // not even this device is there
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			err = fmt.Errorf("sesame: devices of %s: %w", d.User, err)
			left = append(left, Unreached{Peer: signet.Address{Name: d.User}, All: true, Err: err})
			continue
		}
		for _, l := range list {
			a := signet.Address{Name: d.User, Device: l.Device}
			if a != self {
				out = append(out, session.Outgoing{Peer: a, Plaintext: d.Plaintext, RegistrationID: l.RegistrationID, Exact: true})
			}
		}
	}
	return out, left, nil
}

// want returns those of out that are for one of peers, once each.
func want(out []session.Outgoing, peers []signet.Address) (list []session.Outgoing) {
	set := make(map[signet.Address]bool, len(peers))
	for _, p := range peers {
		set[p] = true
	}
	for _, o := range out {
		if set[o.Peer] {
			delete(set, o.Peer)
			list = append(list, o)
		}
	}
	return list
}

// list returns a user's devices.
func (c *Client) list(ctx context.Context, user string) ([]Listing, error) {
	c.mu.Lock()
	list, ok := c.lists[user]
	c.mu.Unlock()
	if ok {
		return list, nil
	}
	list, err := c.directory.Devices(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		if err := (signet.Address{Name: user, Device: l.Device}).CheckListed(); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for other := range c.lists {
		if len(c.lists) < c.opts.MaxLists {
			break
		}
		delete(c.lists, other)
	}
	c.lists[user] = list
	return list, nil
}

// Forget drops what the Client remembers of a user's devices, so that the next message asks the
// directory. It is for applications that are told of changes.
func (c *Client) Forget(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.lists, user)
}

// noticed is called for a device that a message came from or a bundle was got of: if the list of
// its user is here and does not have it, it is outdated. A registration of zero is not known.
func (c *Client) noticed(a signet.Address, registration uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, ok := c.lists[a.Name]
	if !ok {
		return
	}
	for _, l := range list {
		if l.Device == a.Device && (registration == 0 || l.RegistrationID == 0 || l.RegistrationID == registration) {
			return
		}
	}
	delete(c.lists, a.Name)
}
